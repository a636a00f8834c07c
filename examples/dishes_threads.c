/*  dishes_threads: one washer, two seconds a dish; five dryers, three seconds a dish.
 *
 *  The washer sets the pace: the last of four dishes is wet after 8 seconds and dry after 11, and never are more than
 *  two of the five threads at work. A sixth would not help; a second washer would.
 */
#include "common.h"

#include <stdatomic.h>

enum { DRYERS = 5, WASH_SECONDS = 2, DRY_SECONDS = 3 };

static atomic_int s_busy, s_most; // dryers at work: now, and at any time

static int dry_dish (void *arg, dishes_task_t *task)
{
    int busy = atomic_fetch_add (&s_busy, 1) + 1, most = atomic_load (&s_most);
    while (busy > most && !atomic_compare_exchange_weak (&s_most, &most, busy))
        ;
    printf ("Drying %.*s dish\n", DISH (task));
    be_busy (arg, DRY_SECONDS);
    atomic_fetch_sub (&s_busy, 1);
    return 0; // the status of the task: dishes_run says task_done for us
}

static int dry_dishes (void *arg)
{
    kitchen_t *kitchen = arg;
    if (dishes_run (kitchen->at, DRYERS, dry_dish, kitchen, NULL) == -1)
        return complain ();
    printf ("At most %d of %d threads were drying at the same time\n", atomic_load (&s_most), DRYERS);
    return 0;
}

static int wash_dishes (kitchen_t *kitchen)
{
    static const char *const dishes[] = {"p1", "p2", "p3", "p4"};
    int error = 0;
    double start = now ();
    dishes_washer_t *washer = dishes_washer_new (kitchen->at, NULL);
    if (!washer)
        return -1;
    for (size_t i = 0; i < sizeof dishes / sizeof *dishes && !error; i++) {
        printf ("Washing %s dish\n", dishes[i]);
        be_busy (kitchen, WASH_SECONDS);
        error = dishes_put (washer, dishes[i], strlen (dishes[i]), -1);
    }
    if (!error)
        error = dishes_join (washer, -1);
    if (!error)
        printf ("All dishes are dry after %.2f s\n", now () - start);
    dishes_end (washer);
    if (!error)
        error = dishes_join (washer, -1);
    dishes_washer_destroy (&washer);
    return error;
}

int main (int argc, char **argv)
{
    kitchen_t kitchen = {.at = "inproc://dishes_threads",
                         .scale = 1,
                         .about = "One washer takes 2 s a dish, five dryer threads take 3 s. Joins when all are dry."};
    read_options (&kitchen, argc, argv);

    hand_t helpers;
    hand_hire (&helpers, &kitchen, dry_dishes, &kitchen);
    dishes_sink_t *sink = sink_open (&kitchen);
    if (!sink)
        return complain ();

    if (wash_dishes (&kitchen) == -1) {
        complain ();
        dishes_sink_cancel (sink);
    }
    int status = sink_close (&sink, NULL), helped = hand_leave (&helpers);
    return status ? status : helped;
}
