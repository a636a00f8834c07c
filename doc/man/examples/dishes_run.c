#include <dishes.h>
#include <pthread.h>
#include <stdio.h>

static int dry (void *arg, dishes_task_t *task)
{
    pthread_barrier_wait (arg); // until each of the four threads has one
    return 0;
}

int main (void)
{
    pthread_barrier_t together;
    pthread_barrier_init (&together, NULL, 4);
    dishes_sink_t *sink = dishes_sink_new ("inproc://kitchen", NULL);
    dishes_washer_t *washer = dishes_washer_new ("inproc://kitchen", NULL);
    if (!sink || !washer)
        return 125;
    dishes_put_block (washer, "cup\npan\njug\npot\n", 16, '\n', -1);
    dishes_end (washer);
    if (dishes_run ("inproc://kitchen", 4, dry, &together, NULL) == -1)
        fprintf (stderr, "%s\n", dishes_error ());

    dishes_figures_t figures;
    dishes_sink_wait (sink, -1, &figures);
    printf ("%d dry\n", (int)figures.ok);
    dishes_washer_destroy (&washer);
    dishes_sink_destroy (&sink);
    pthread_barrier_destroy (&together);
    return figures.status;
}
