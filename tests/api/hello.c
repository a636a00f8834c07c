//  A program out of the tree, built against an installed copy: three tasks, one thread, all three parts.
#include <dishes.h>

#include <stdio.h>

int main (void)
{
    dishes_figures_t figures;
    dishes_sink_t *sink = dishes_sink_new ("inproc://hello", NULL);
    dishes_washer_t *washer = dishes_washer_new ("inproc://hello", NULL);
    dishes_dryer_t *dryer = dishes_dryer_new ("inproc://hello", NULL);
    if (!sink || !washer || !dryer) {
        fprintf (stderr, "%s\n", dishes_error ());
        return 1;
    }
    for (char dish = '1'; dish <= '3'; dish++)
        dishes_put (washer, &dish, 1, -1);
    dishes_end (washer);
    for (dishes_task_t *task; (task = dishes_get (dryer, -1));) {
        printf ("p%.*s\n", (int)dishes_task_size (task), (const char *)dishes_task_data (task));
        dishes_task_done (&task, 0, NULL, 0);
    }
    dishes_join (washer, -1);
    dishes_sink_wait (sink, -1, &figures);
    printf ("%llu ok, dishes %s\n", (unsigned long long)figures.ok, dishes_version ());
    dishes_dryer_destroy (&dryer);
    dishes_washer_destroy (&washer);
    dishes_sink_destroy (&sink);
    return figures.status;
}
