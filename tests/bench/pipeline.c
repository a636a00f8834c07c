/*  pipeline inproc|ipc|tcp ITEMS BATCH: a bare ventilator, two workers and a sink on libzmq; items a second, on one
 *  line.
 *
 *  Items of 16 bytes go in messages of BATCH of them, PUSH to PULL, to workers that do nothing, and each message is
 *  acked to the sink, which counts. No redelivery, no order, nobody is missed. Threads of one process over inproc, else
 *  processes. The time is that from when all are there to the last ack.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { WORKERS = 2, ITEM_BYTES = 16, ENDPOINT_BYTES = 256 };

//  What each part knows. `context` is shared by threads; a process makes its own.
typedef struct {
    void *context;
    uint64_t items, batch;
    char to_workers[ENDPOINT_BYTES], to_sink[ENDPOINT_BYTES];
    int begin; // a pipe: the ventilator's word to begin
} kitchen_t;

static void s_check (int rc, const char *what)
{
    if (rc != -1)
        return;
    fprintf (stderr, "pipeline: %s: %s\n", what, zmq_strerror (zmq_errno ()));
    exit (1);
}

static void *s_socket (const kitchen_t *self, int type)
{
    void *socket = zmq_socket (self->context, type);
    s_check (socket ? 0 : -1, "socket");
    return socket;
}

static void *ventilate (void *arg)
{
    const kitchen_t *self = arg;
    void *push = s_socket (self, ZMQ_PUSH);
    size_t size = self->batch * ITEM_BYTES;
    char *bytes = calloc (1, size), word;
    s_check (zmq_bind (push, self->to_workers), "bind");
    s_check (read (self->begin, &word, 1) == 1 ? 0 : -1, "begin");
    for (uint64_t sent = 0; sent < self->items; sent += self->batch) {
        uint64_t left = self->items - sent;
        s_check (zmq_send (push, bytes, (left < self->batch ? left : self->batch) * ITEM_BYTES, 0), "send");
    }
    free (bytes);
    return push; // what is on its way is lost where it is closed too early
}

static void *work (void *arg)
{
    const kitchen_t *self = arg;
    void *pull = s_socket (self, ZMQ_PULL), *push = s_socket (self, ZMQ_PUSH);
    uint64_t done = 0;
    s_check (zmq_connect (push, self->to_sink), "connect");
    s_check (zmq_connect (pull, self->to_workers), "connect");
    for (zmq_msg_t message; zmq_send (push, &done, sizeof done, 0) != -1; zmq_msg_close (&message)) {
        zmq_msg_init (&message);
        if (zmq_msg_recv (&message, pull, 0) == -1)
            break;
        done = zmq_msg_size (&message) / ITEM_BYTES;
    }
    zmq_close (pull);
    zmq_close (push);
    return NULL;
}

static double s_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t s_ack (void *pull)
{
    uint64_t count = 0;
    s_check (zmq_recv (pull, &count, sizeof count, 0), "receive");
    return count;
}

//  Waits for the workers, lets the ventilator begin, counts.
static void count (const kitchen_t *self, void *pull, int begin)
{
    for (int i = 0; i < WORKERS; i++)
        s_ack (pull);
    double began = s_now ();
    s_check (write (begin, "b", 1) == 1 ? 0 : -1, "begin");
    for (uint64_t done = 0; done < self->items; done += s_ack (pull))
        ;
    printf ("%.0f\n", (double)self->items / (s_now () - began));
}

static void run_threads (kitchen_t *self, int begin)
{
    pthread_t threads[1 + WORKERS];
    void *pull = s_socket (self, ZMQ_PULL);
    s_check (zmq_bind (pull, self->to_sink), "bind");
    for (int i = 0; i <= WORKERS; i++)
        pthread_create (&threads[i], NULL, i ? work : ventilate, self);
    count (self, pull, begin);
    zmq_close (pull);
    zmq_ctx_shutdown (self->context);
    for (int i = 0; i <= WORKERS; i++) {
        void *socket;
        pthread_join (threads[i], &socket);
        if (socket)
            zmq_close (socket);
    }
    zmq_ctx_term (self->context);
}

static pid_t s_fork (kitchen_t *self, void *(*part) (void *arg))
{
    pid_t pid = fork ();
    if (pid)
        return pid;
    self->context = zmq_ctx_new ();
    part (self);
    pause ();
    _exit (0);
}

static void run_processes (kitchen_t *self, int begin)
{
    pid_t pids[1 + WORKERS];
    for (int i = 0; i <= WORKERS; i++)
        pids[i] = s_fork (self, i ? work : ventilate);
    self->context = zmq_ctx_new ();
    void *pull = s_socket (self, ZMQ_PULL);
    s_check (zmq_bind (pull, self->to_sink), "bind");
    count (self, pull, begin);
    for (int i = 0; i <= WORKERS; i++) {
        kill (pids[i], SIGKILL);
        waitpid (pids[i], NULL, 0);
    }
    zmq_close (pull);
    zmq_ctx_term (self->context);
}

//  Two addresses that nobody else has; for tcp two ports that were free a moment ago.
static void s_place (kitchen_t *self, const char *transport)
{
    char *const endpoints[] = {self->to_workers, self->to_sink};
    void *context = zmq_ctx_new (), *probes[2];
    const char *dir = getenv ("TMPDIR");
    for (int i = 0; i < 2; i++) {
        size_t size = ENDPOINT_BYTES;
        if (strcmp (transport, "tcp") != 0) {
            snprintf (endpoints[i], ENDPOINT_BYTES, "ipc://%s/pipeline-%ld-%d", dir ? dir : "/tmp", (long)getpid (), i);
            continue;
        }
        probes[i] = zmq_socket (context, ZMQ_PULL);
        s_check (zmq_bind (probes[i], "tcp://127.0.0.1:*"), "bind");
        s_check (zmq_getsockopt (probes[i], ZMQ_LAST_ENDPOINT, endpoints[i], &size), "endpoint");
    }
    for (int i = 0; i < 2 && strcmp (transport, "tcp") == 0; i++)
        zmq_close (probes[i]);
    zmq_ctx_term (context);
}

int main (int argc, char **argv)
{
    kitchen_t kitchen = {.items = argc > 2 ? strtoull (argv[2], NULL, 10) : 0,
                         .batch = argc > 3 ? strtoull (argv[3], NULL, 10) : 0};
    int begin[2];
    if (argc != 4 || !kitchen.items || !kitchen.batch || pipe (begin) == -1) {
        fprintf (stderr, "usage: pipeline inproc|ipc|tcp ITEMS BATCH\n");
        return 125;
    }
    kitchen.begin = begin[0];
    if (strcmp (argv[1], "inproc") == 0) {
        kitchen.context = zmq_ctx_new ();
        strcpy (kitchen.to_workers, "inproc://workers");
        strcpy (kitchen.to_sink, "inproc://sink");
        run_threads (&kitchen, begin[1]);
        return 0;
    }
    s_place (&kitchen, argv[1]);
    run_processes (&kitchen, begin[1]);
    if (strcmp (argv[1], "ipc") == 0) {
        unlink (kitchen.to_workers + strlen ("ipc://"));
        unlink (kitchen.to_sink + strlen ("ipc://"));
    }
    return 0;
}
