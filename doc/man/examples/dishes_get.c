#include <dishes.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>

enum { HANDS = 3 };

static void finish (dishes_task_t *task)
{
    printf ("%.*s\n", (int)dishes_task_size (task), (const char *)dishes_task_data (task));
    dishes_task_done (&task, 0, NULL, 0);
}

int main (void)
{
    dishes_opts_t opts = {.size = sizeof opts, .slots = HANDS};
    dishes_sink_t *sink = dishes_sink_new ("inproc://kitchen", NULL);
    dishes_washer_t *washer = dishes_washer_new ("inproc://kitchen", NULL);
    dishes_dryer_t *dryer = dishes_dryer_new ("inproc://kitchen", &opts);
    if (!sink || !washer || !dryer)
        return 125;
    dishes_put_block (washer, "cup\npan\njug\n", 12, '\n', -1);
    dishes_end (washer);

    struct pollfd wait = {.fd = dishes_dryer_fd (dryer), .events = POLLIN};
    dishes_task_t *task, *hand[HANDS];
    int in_hand = 0;
    while (poll (&wait, 1, -1) == 1) { // other descriptors may be among them
        while (in_hand < HANDS && (task = dishes_get (dryer, 0)))
            hand[in_hand++] = task;
        if (in_hand < HANDS && errno == ENODATA)
            break; // the end; ETIMEDOUT: nothing more at the moment
        if (in_hand == HANDS)
            while (in_hand)
                finish (hand[--in_hand]);
    }
    dishes_dryer_destroy (&dryer);
    dishes_washer_destroy (&washer);
    dishes_sink_destroy (&sink);
    return 0;
}
