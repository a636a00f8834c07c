/*  whoami_threads: threads that say who they are.
 *
 *  dishes_run is a dryer with several threads: each of them gets a task and calls a function with it, until the
 *  pipeline ends. The threads share one process, so they have one PID; over ipc:// and tcp:// it is not that of the
 *  main program.
 */
#define _GNU_SOURCE 1 // gettid
#include "common.h"

enum { THREADS = 4 };

static pthread_barrier_t s_meeting;

static void whoami (const char *says, int length)
{
    printf ("Thread %d of process %d says: %.*s\n", (int)gettid (), (int)getpid (), length, says);
}

//  Nobody is done before each of the others has begun: so there are four that are at work at the same time.
static int do_this (void *arg, dishes_task_t *task)
{
    whoami (dishes_task_data (task), (int)dishes_task_size (task));
    pthread_barrier_wait (&s_meeting);
    return 0;
}

static int four_threads (void *arg)
{
    kitchen_t *kitchen = arg;
    pthread_barrier_init (&s_meeting, NULL, THREADS);
    int status = dishes_run (kitchen->at, THREADS, do_this, NULL, NULL) == 0 ? 0 : complain ();
    pthread_barrier_destroy (&s_meeting);
    return status;
}

static int put_functions (kitchen_t *kitchen)
{
    char says[32];
    int error = 0;
    dishes_washer_t *washer = dishes_washer_new (kitchen->at, NULL);
    if (!washer)
        return -1;
    for (int i = 0; i < THREADS && !error; i++) {
        int length = snprintf (says, sizeof says, "I'm function %d", i);
        error = dishes_put (washer, says, (size_t)length, -1);
    }
    dishes_end (washer);
    if (!error)
        error = dishes_join (washer, -1);
    dishes_washer_destroy (&washer);
    return error;
}

int main (int argc, char **argv)
{
    static const char main_says[] = "I'm the main program";
    kitchen_t kitchen = {.at = "inproc://whoami_threads",
                         .about = "Four threads get a function each, and say who they are."};
    read_options (&kitchen, argc, argv);

    hand_t hand;
    hand_hire (&hand, &kitchen, four_threads, &kitchen);
    whoami (main_says, sizeof main_says - 1);
    dishes_sink_t *sink = sink_open (&kitchen);
    if (!sink)
        return complain ();

    if (put_functions (&kitchen) == -1) {
        complain ();
        dishes_sink_cancel (sink);
    }
    int status = sink_close (&sink, NULL), helped = hand_leave (&hand);
    return status ? status : helped;
}
