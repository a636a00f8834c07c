#include <dishes.h>
#include <errno.h>
#include <stdio.h>

int main (void)
{
    dishes_opts_t opts = {.size = sizeof opts, .queue_tasks = 2};
    dishes_sink_t *sink = dishes_sink_new ("inproc://kitchen", NULL);
    dishes_washer_t *washer = dishes_washer_new ("inproc://kitchen", &opts);
    if (!sink || !washer)
        return 125;
    const char *dishes[] = {"cup", "pan", "jug"};
    for (int i = 0; i < 3; i++)
        if (dishes_put (washer, dishes[i], 3, 0) == -1 && errno == ETIMEDOUT)
            printf ("the %s falls on the floor\n", dishes[i]);

    dishes_dryer_t *dryer = dishes_dryer_new ("inproc://kitchen", NULL); // late, and not too late
    for (int i = 0; i < 2; i++) {
        dishes_task_t *task = dishes_get (dryer, -1);
        dishes_task_done (&task, 0, NULL, 0);
    }
    dishes_join (washer, -1); // all put so far; more may follow

    dishes_figures_t figures;
    dishes_washer_figures (washer, &figures);
    printf ("%d dry\n", (int)figures.ok);
    dishes_end (washer);
    dishes_join (washer, -1);
    dishes_dryer_destroy (&dryer);
    dishes_washer_destroy (&washer);
    dishes_sink_destroy (&sink);
    return 0;
}
