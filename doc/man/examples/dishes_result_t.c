#include <dishes.h>
#include <stdio.h>

//  In the sink's thread, with one result at a time.
static void tell (void *arg, const dishes_result_t *result)
{
    printf ("%d: %.*s, %s\n", (int)result->number, (int)result->out_size, (const char *)result->out,
            result->outcome == DISHES_OK ? "dry" : "broken");
}

static int dry (void *arg, dishes_task_t *task)
{
    const char *dish = dishes_task_data (task);
    dishes_task_write (task, dish, dishes_task_size (task));
    return *dish == 'g'; // of glass
}

int main (void)
{
    dishes_opts_t opts = {.size = sizeof opts, .result = tell};
    dishes_sink_t *sink = dishes_sink_new ("inproc://kitchen", &opts);
    dishes_washer_t *washer = dishes_washer_new ("inproc://kitchen", NULL);
    if (!sink || !washer)
        return 125;
    dishes_put_block (washer, "cup\nglass\npan\n", 14, '\n', -1);
    dishes_end (washer);
    dishes_run ("inproc://kitchen", 1, dry, NULL, NULL);

    dishes_figures_t figures;
    dishes_sink_wait (sink, -1, &figures);
    printf ("%d of %d, status %d\n", (int)figures.ok, (int)figures.total, figures.status);
    dishes_washer_destroy (&washer);
    dishes_sink_destroy (&sink);
    return 0;
}
