#include <dishes.h>
#include <stdio.h>

int main (void)
{
    dishes_sink_t *sink = dishes_sink_new ("inproc://kitchen", NULL);
    dishes_washer_t *washer = dishes_washer_new ("inproc://kitchen", NULL);
    dishes_dryer_t *dryer = dishes_dryer_new ("inproc://kitchen", NULL);
    if (!sink || !washer || !dryer) {
        fprintf (stderr, "%s\n", dishes_error ());
        return 125;
    }
    dishes_put (washer, "cup", 3, -1);
    dishes_put (washer, "pan", 3, -1);
    dishes_end (washer);

    dishes_task_t *task;
    while ((task = dishes_get (dryer, -1))) {
        printf ("%.*s\n", (int)dishes_task_size (task), (const char *)dishes_task_data (task));
        dishes_task_done (&task, 0, NULL, 0);
    }
    dishes_join (washer, -1); // both are counted

    dishes_figures_t figures;
    dishes_sink_wait (sink, -1, &figures);
    printf ("%d done\n", (int)figures.ok);
    dishes_dryer_destroy (&dryer);
    dishes_washer_destroy (&washer);
    dishes_sink_destroy (&sink);
    return figures.status;
}
