/*  round_trip COUNT: two processes, a message of 16 bytes there and one back over ipc; the median and the 99th of a
 *  hundred, in microseconds, on one line.
 *
 *  What two libzmq sockets in two processes take for one hand-over and its answer: the least for "put, done, counted"
 *  over ipc, which is three hand-overs among three processes.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { WARM = 100 };

static int s_fail (const char *what)
{
    fprintf (stderr, "round_trip: %s: %s\n", what, zmq_strerror (zmq_errno ()));
    return 1;
}

static double s_now_us (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int s_order (const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int s_echo (const char *there, const char *back)
{
    void *context = zmq_ctx_new (), *pull = zmq_socket (context, ZMQ_PULL), *push = zmq_socket (context, ZMQ_PUSH);
    char bytes[16];
    if (zmq_connect (pull, there) != 0 || zmq_connect (push, back) != 0)
        return s_fail ("connect");
    for (;;)
        if (zmq_recv (pull, bytes, sizeof bytes, 0) == -1 || zmq_send (push, bytes, sizeof bytes, 0) == -1)
            return s_fail ("echo");
}

static int s_measure (const char *there, const char *back, int count)
{
    void *context = zmq_ctx_new (), *push = zmq_socket (context, ZMQ_PUSH), *pull = zmq_socket (context, ZMQ_PULL);
    double *taken_us = calloc ((size_t)count, sizeof *taken_us);
    char bytes[16] = "an item";
    if (!taken_us || zmq_bind (push, there) != 0 || zmq_bind (pull, back) != 0)
        return s_fail ("bind");
    for (int i = -WARM; i < count; i++) {
        double start_us = s_now_us ();
        if (zmq_send (push, bytes, sizeof bytes, 0) == -1 || zmq_recv (pull, bytes, sizeof bytes, 0) == -1)
            return s_fail ("message");
        if (i >= 0)
            taken_us[i] = s_now_us () - start_us;
    }
    qsort (taken_us, (size_t)count, sizeof *taken_us, s_order);
    printf ("%.1f %.1f\n", taken_us[count / 2], taken_us[count * 99 / 100]);
    free (taken_us);
    zmq_close (push);
    zmq_close (pull);
    zmq_ctx_term (context);
    return 0;
}

int main (int argc, char **argv)
{
    int count = argc > 1 ? atoi (argv[1]) : 2000;
    const char *dir = getenv ("TMPDIR");
    char there[256], back[256];
    snprintf (there, sizeof there, "ipc://%s/dishes-floor-%ld-a", dir ? dir : "/tmp", (long)getpid ());
    snprintf (back, sizeof back, "ipc://%s/dishes-floor-%ld-b", dir ? dir : "/tmp", (long)getpid ());
    if (count < 1)
        return 1;
    pid_t pid = fork ();
    if (pid == 0)
        return s_echo (there, back);
    int rc = pid == -1 ? 1 : s_measure (there, back, count);
    kill (pid, SIGKILL);
    waitpid (pid, NULL, 0);
    unlink (there + 6);
    unlink (back + 6);
    return rc;
}
