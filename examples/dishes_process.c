/*  dishes_process: washing dishes with a queue between two processes.
 *
 *  This one washes, and puts each wet dish into the queue; its helper gets them, and dries. In Python the queue is an
 *  object that both inherit. Here it is an address at which they meet, and a sink that counts what was done.
 */
#include "common.h"

static int dry_dishes (void *arg)
{
    kitchen_t *kitchen = arg;
    dishes_task_t *task;
    dishes_dryer_t *dryer = dishes_dryer_new (kitchen->at, NULL);
    if (!dryer)
        return complain ();
    while ((task = dishes_get (dryer, -1))) {
        printf ("Drying %.*s dish\n", DISH (task));
        dishes_task_done (&task, 0, NULL, 0);
    }
    //  ENODATA is the end of the work, for which a daemon of Python's would wait in vain.
    int status = errno == ENODATA ? 0 : complain ();
    dishes_dryer_destroy (&dryer);
    return status;
}

static int wash_dishes (kitchen_t *kitchen)
{
    static const char *const dishes[] = {"p1", "p2", "p3", "p4"};
    int error = 0;
    dishes_washer_t *washer = dishes_washer_new (kitchen->at, NULL);
    if (!washer)
        return -1;
    for (size_t i = 0; i < sizeof dishes / sizeof *dishes && !error; i++) {
        printf ("Washing %s dish\n", dishes[i]);
        error = dishes_put (washer, dishes[i], strlen (dishes[i]), -1);
    }
    dishes_end (washer);
    if (!error)
        error = dishes_join (washer, -1); // all are dry now
    dishes_washer_destroy (&washer);
    return error;
}

int main (int argc, char **argv)
{
    kitchen_t kitchen = {.at = "ipc://dishes_process",
                         .about = "One process washes four dishes, another dries them. Joins when all are dry."};
    read_options (&kitchen, argc, argv);

    hand_t helper;
    hand_hire (&helper, &kitchen, dry_dishes, &kitchen);
    dishes_sink_t *sink = sink_open (&kitchen);
    if (!sink)
        return complain ();

    if (wash_dishes (&kitchen) == -1) {
        complain ();
        dishes_sink_cancel (sink);
    }
    int status = sink_close (&sink, NULL), helped = hand_leave (&helper);
    return status ? status : helped;
}
