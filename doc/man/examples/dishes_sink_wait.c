#include <dishes.h>
#include <stdio.h>

int main (void)
{
    dishes_opts_t opts = {.size = sizeof opts, .deadline_ms = 500};
    dishes_sink_t *sink = dishes_sink_new ("tcp://127.0.0.1:*", &opts);
    if (!sink)
        return 125;
    dishes_washer_t *washer = dishes_washer_new (dishes_sink_address (sink), NULL);
    dishes_dryer_t *dryer = dishes_dryer_new (dishes_sink_address (sink), NULL);
    if (!washer || !dryer)
        return 125;
    dishes_put_block (washer, "cup\npan\n", 8, '\n', -1);
    dishes_end (washer);
    dishes_task_t *task = dishes_get (dryer, -1); // and not another one

    dishes_figures_t figures;
    dishes_sink_wait (sink, -1, &figures);
    if (figures.end == DISHES_DEADLINE)
        printf ("%d of %d, status %d\n", (int)figures.ok, (int)figures.total, figures.status);
    if (task && dishes_task_done (&task, 0, NULL, 0) == -1)
        printf ("%s\n", dishes_error ());
    dishes_dryer_destroy (&dryer);
    dishes_washer_destroy (&washer);
    dishes_sink_destroy (&sink);
    return 0;
}
