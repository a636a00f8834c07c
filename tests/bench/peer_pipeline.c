/*  peer_pipeline KIND ITEMS SIZE WORKERS BATCH: the ventilator, the workers and the sink of the ZeroMQ guide, on libzmq
 * alone: BATCH items a message, an ack a message. KIND is inproc (threads), ipc or tcp (processes).
 *
 *  Nothing is kept for a worker that dies, nothing is counted twice or known to be; nobody looks at the items. What it
 *  does is what a wire can do at most. Prints the items a second, from the first message to the last ack.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { PLACE = 128, WORKERS_MOST = 64 };

typedef struct {
    char kind[8];
    char work[PLACE], acks[PLACE];
    uint64_t items, size, batch;
    unsigned workers;
    void *context, *sink;
} plan_t;

static int s_fail (const char *what)
{
    fprintf (stderr, "peer_pipeline: %s: %s\n", what, zmq_strerror (zmq_errno ()));
    exit (1);
}

static double s_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

//  Bound: `at` gets the place as it became.
static void *s_socket (void *context, int type, char *at, int bind)
{
    size_t size = PLACE;
    void *socket = zmq_socket (context, type);
    if (!socket)
        s_fail ("socket");
    if ((bind ? zmq_bind : zmq_connect) (socket, at) == -1)
        s_fail (at);
    if (bind)
        zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, at, &size);
    return socket;
}

//  A message with nothing in it says that this one is here; one without items is the end.
static void *s_work (void *arg)
{
    plan_t *plan = arg;
    void *work = s_socket (plan->context, ZMQ_PULL, plan->work, 0);
    void *acks = s_socket (plan->context, ZMQ_PUSH, plan->acks, 0);
    uint32_t count = 0;
    zmq_send (acks, &count, sizeof count, 0);
    for (;;) {
        zmq_msg_t message;
        zmq_msg_init (&message);
        if (zmq_msg_recv (&message, work, 0) == -1)
            s_fail ("receive");
        count = (uint32_t)(zmq_msg_size (&message) / plan->size);
        zmq_msg_close (&message);
        if (!count)
            break;
        zmq_send (acks, &count, sizeof count, 0);
    }
    zmq_close (work);
    zmq_close (acks);
    return NULL;
}

//  A thread of its own: the ventilator never waits for it.
static void *s_count (void *arg)
{
    plan_t *plan = arg;
    uint32_t count;
    for (uint64_t acked = 0; acked < plan->items; acked += count)
        if (zmq_recv (plan->sink, &count, sizeof count, 0) != sizeof count)
            s_fail ("an ack");
    return NULL;
}

static void s_ventilate (const plan_t *plan, void *work)
{
    for (uint64_t sent = 0; sent < plan->items;) {
        uint64_t left = plan->items - sent, count = left < plan->batch ? left : plan->batch;
        zmq_msg_t message;
        zmq_msg_init_size (&message, count * plan->size);
        memset (zmq_msg_data (&message), 'x', count * plan->size);
        if (zmq_msg_send (&message, work, 0) == -1)
            s_fail ("send");
        sent += count;
    }
}

static void s_measure (plan_t *plan, void *work)
{
    uint32_t none;
    pthread_t sink;
    for (unsigned i = 0; i < plan->workers; i++) // all are here
        if (zmq_recv (plan->sink, &none, sizeof none, 0) == -1)
            s_fail ("a worker");
    double start = s_now ();
    pthread_create (&sink, NULL, s_count, plan);
    s_ventilate (plan, work);
    pthread_join (sink, NULL);
    printf ("%.0f\n", (double)plan->items / (s_now () - start));
    for (unsigned i = 0; i < plan->workers; i++)
        zmq_send (work, "", 0, 0);
}

//  The two that are bound, in this process.
static void s_run (plan_t *plan, void (*start) (plan_t *plan, void *arg), void *arg)
{
    plan->context = zmq_ctx_new ();
    void *work = s_socket (plan->context, ZMQ_PUSH, plan->work, 1);
    plan->sink = s_socket (plan->context, ZMQ_PULL, plan->acks, 1);
    start (plan, arg);
    s_measure (plan, work);
    zmq_close (work);
    zmq_close (plan->sink);
}

static void s_start_threads (plan_t *plan, void *arg)
{
    pthread_t *threads = arg;
    for (unsigned i = 0; i < plan->workers; i++)
        pthread_create (&threads[i], NULL, s_work, plan);
}

static void s_tell_processes (plan_t *plan, void *arg)
{
    for (unsigned i = 0; i < plan->workers; i++)
        if (write (*(int *)arg, plan, sizeof *plan) != sizeof *plan)
            s_fail ("pipe");
}

static void s_run_threads (plan_t *plan)
{
    pthread_t threads[WORKERS_MOST];
    strcpy (plan->work, "inproc://work");
    strcpy (plan->acks, "inproc://acks");
    s_run (plan, s_start_threads, threads);
    for (unsigned i = 0; i < plan->workers; i++)
        pthread_join (threads[i], NULL);
    zmq_ctx_term (plan->context);
}

//  Forked before there is a context; told the places through a pipe.
static void s_run_processes (plan_t *plan)
{
    const char *any = strcmp (plan->kind, "ipc") == 0 ? "ipc://*" : "tcp://127.0.0.1:*";
    int wire[2];
    if (pipe (wire) == -1)
        s_fail ("pipe");
    for (unsigned i = 0; i < plan->workers; i++)
        if (fork () == 0) {
            close (wire[1]);
            if (read (wire[0], plan, sizeof *plan) != sizeof *plan)
                exit (1);
            plan->context = zmq_ctx_new ();
            s_work (plan);
            zmq_ctx_term (plan->context);
            exit (0);
        }
    strcpy (plan->work, any);
    strcpy (plan->acks, any);
    s_run (plan, s_tell_processes, &wire[1]);
    while (wait (NULL) != -1)
        ;
    zmq_ctx_term (plan->context);
}

int main (int argc, char **argv)
{
    if (argc != 6 || atoi (argv[4]) < 1 || atoi (argv[4]) > WORKERS_MOST) {
        fprintf (stderr, "usage: peer_pipeline inproc|ipc|tcp ITEMS SIZE WORKERS BATCH\n");
        return 125;
    }
    plan_t plan = {.items = strtoull (argv[2], NULL, 10),
                   .size = strtoull (argv[3], NULL, 10),
                   .workers = (unsigned)atoi (argv[4]),
                   .batch = strtoull (argv[5], NULL, 10)};
    snprintf (plan.kind, sizeof plan.kind, "%s", argv[1]);
    if (strcmp (plan.kind, "inproc") == 0)
        s_run_threads (&plan);
    else
        s_run_processes (&plan);
    return 0;
}
