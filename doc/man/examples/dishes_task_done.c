#include <dishes.h>
#include <stdio.h>
#include <unistd.h>

int main (void)
{
    dishes_opts_t opts = {.size = sizeof opts, .out_fd = STDOUT_FILENO};
    dishes_sink_t *sink = dishes_sink_new ("inproc://kitchen", &opts);
    dishes_washer_t *washer = dishes_washer_new ("inproc://kitchen", NULL);
    dishes_dryer_t *dryer = dishes_dryer_new ("inproc://kitchen", NULL);
    if (!sink || !washer || !dryer)
        return 125;
    dishes_put_block (washer, "cup\npan\n", 8, '\n', -1);
    dishes_end (washer);

    for (dishes_task_t *task; (task = dishes_get (dryer, -1));) {
        char text[64];
        int size = snprintf (text, sizeof text, "%d is a ", (int)dishes_task_number (task));
        dishes_task_write (task, text, (size_t)size);
        dishes_task_write (task, dishes_task_data (task), dishes_task_size (task));
        if (dishes_task_done (&task, 0, "\n", 1) == -1)
            fprintf (stderr, "%s\n", dishes_error ()); // too late
    }
    dishes_sink_wait (sink, -1, NULL);
    dishes_dryer_destroy (&dryer);
    dishes_washer_destroy (&washer);
    dishes_sink_destroy (&sink);
    return 0;
}
