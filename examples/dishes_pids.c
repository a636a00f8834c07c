/*  dishes_pids: the four calls of the queue, and who makes them when.
 *
 *  put returns before anybody has touched the dish; get returns when there is one; task_done says that it is dry, and
 *  join returns when that was said, and counted, for each dish that was put. Over inproc:// washer and dryer are
 *  threads, and have the same PID.
 */
#include "common.h"

//  "[4711] dryer, before task_done p2": one call, so that lines of two processes are never mixed.
static void say (const char *who, const char *moment, const char *dish)
{
    printf ("[%d] %s, %s%s%s\n", (int)getpid (), who, moment, *dish ? " " : "", dish);
}

//  The next dish, or NULL at the end.
static dishes_task_t *get_dish (dishes_dryer_t *dryer, char *dish, size_t size)
{
    say ("dryer", "before get", "");
    dishes_task_t *task = dishes_get (dryer, -1);
    int kept = errno;
    if (task)
        snprintf (dish, size, "%.*s", DISH (task));
    say ("dryer", "after get", task ? dish : "(no more)");
    errno = kept;
    return task;
}

static int dry_dishes (void *arg)
{
    kitchen_t *kitchen = arg;
    char dish[32];
    dishes_task_t *task;
    dishes_dryer_t *dryer = dishes_dryer_new (kitchen->at, NULL);
    if (!dryer)
        return complain ();
    while ((task = get_dish (dryer, dish, sizeof dish))) {
        printf ("Drying %s dish\n", dish);
        say ("dryer", "before task_done", dish);
        dishes_task_done (&task, 0, NULL, 0);
        say ("dryer", "after task_done", dish);
    }
    int status = errno == ENODATA ? 0 : complain ();
    dishes_dryer_destroy (&dryer);
    return status;
}

static int put_dish (dishes_washer_t *washer, const char *dish)
{
    printf ("Washing %s dish\n", dish);
    say ("washer", "before put", dish);
    int error = dishes_put (washer, dish, strlen (dish), -1);
    say ("washer", "after put", dish);
    return error;
}

static int wash_dishes (kitchen_t *kitchen)
{
    static const char *const dishes[] = {"p1", "p2", "p3", "p4"};
    int error = 0;
    dishes_washer_t *washer = dishes_washer_new (kitchen->at, NULL);
    if (!washer)
        return -1;
    for (size_t i = 0; i < sizeof dishes / sizeof *dishes && !error; i++)
        error = put_dish (washer, dishes[i]);
    if (!error) {
        say ("washer", "before join", "");
        error = dishes_join (washer, -1);
        say ("washer", "after join", "");
    }
    dishes_end (washer); // more could have been put until here
    if (!error)
        error = dishes_join (washer, -1);
    dishes_washer_destroy (&washer);
    return error;
}

int main (int argc, char **argv)
{
    kitchen_t kitchen = {.at = "ipc://dishes_pids",
                         .about = "Two processes wash and dry four dishes, and say what they are about to do."};
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
