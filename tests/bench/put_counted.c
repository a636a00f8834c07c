/*  put_counted AT COUNT: sink, dryer and washer in three processes; one item is put and joined at a time. The median
 *  and the 99th of a hundred, from put to counted, in microseconds, on one line.
 */
#include <dishes.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WARM = 100 };

static int s_fail (const char *what)
{
    fprintf (stderr, "put_counted: %s: %s\n", what, dishes_error ());
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

static int s_count (const char *at)
{
    dishes_sink_t *sink = dishes_sink_new (at, NULL);
    if (!sink || dishes_sink_wait (sink, -1, NULL) == -1)
        return s_fail ("sink");
    dishes_sink_destroy (&sink);
    return 0;
}

static int s_dry (const char *at)
{
    dishes_dryer_t *dryer = dishes_dryer_new (at, NULL);
    dishes_task_t *task;
    if (!dryer)
        return s_fail ("dryer");
    while ((task = dishes_get (dryer, -1)))
        dishes_task_done (&task, 0, NULL, 0);
    dishes_dryer_destroy (&dryer);
    return 0;
}

static int s_wash (const char *at, int count)
{
    dishes_washer_t *washer = dishes_washer_new (at, NULL);
    double *taken_us = calloc ((size_t)count, sizeof *taken_us);
    if (!washer || !taken_us)
        return s_fail ("washer");
    for (int i = -WARM; i < count; i++) {
        double start_us = s_now_us ();
        if (dishes_put (washer, "an item of bytes", 16, -1) == -1 || dishes_join (washer, -1) == -1)
            return s_fail ("put and join");
        if (i >= 0)
            taken_us[i] = s_now_us () - start_us;
    }
    dishes_end (washer);
    int rc = dishes_join (washer, -1);
    qsort (taken_us, (size_t)count, sizeof *taken_us, s_order);
    printf ("%.1f %.1f\n", taken_us[count / 2], taken_us[count * 99 / 100]);
    free (taken_us);
    dishes_washer_destroy (&washer);
    return rc == 0 ? 0 : s_fail ("join");
}

int main (int argc, char **argv)
{
    int count = argc > 2 ? atoi (argv[2]) : 2000;
    if (argc < 2 || count < 1) {
        fprintf (stderr, "usage: put_counted AT [COUNT]\n");
        return 125;
    }
    pid_t pids[2];
    int (*const others[]) (const char *at) = {s_count, s_dry};
    for (int i = 0; i < 2; i++) {
        pids[i] = fork ();
        if (pids[i] == 0)
            exit (others[i](argv[1]));
    }
    int rc = s_wash (argv[1], count);
    for (int i = 0; i < 2; i++)
        waitpid (pids[i], NULL, 0);
    return rc;
}
