#include <dishes.h>
#include <stdio.h>

static int dry (void *arg, dishes_task_t *task)
{
    printf ("try %d\n", dishes_task_attempt (task));
    return dishes_task_attempt (task) < 3; // fails twice
}

int main (void)
{
    dishes_opts_t opts = {.size = sizeof opts, .retries = 3};
    dishes_opts_t wrong = {.size = sizeof wrong, .slots = -4};
    dishes_sink_t *sink = dishes_sink_new ("inproc://kitchen", NULL);
    dishes_washer_t *washer = dishes_washer_new ("inproc://kitchen", &opts);
    if (!sink || !washer)
        return 125;
    dishes_put (washer, "pan", 3, -1);
    dishes_end (washer);
    if (dishes_run ("inproc://kitchen", 1, dry, NULL, &wrong) == -1)
        printf ("%s\n", dishes_error ());
    dishes_run ("inproc://kitchen", 1, dry, NULL, NULL);

    dishes_figures_t figures;
    dishes_sink_wait (sink, -1, &figures);
    printf ("%d failed\n", (int)figures.failed);
    dishes_washer_destroy (&washer);
    dishes_sink_destroy (&sink);
    return figures.status;
}
