/*  dishes_anywhere: the same threads that dry, here, in other processes, on other machines; the same dishes come out of
 *  it.
 *
 *  A dryer is a function that dishes_run calls in several threads. Over inproc:// these are threads of this program,
 *  over ipc:// and tcp:// of two others; with --part the program plays one side only, and the other side is wherever it
 *  is started. Neither the function nor what is printed nor the exit status, how many dishes broke, knows the
 *  difference.
 *
 *      dishes_anywhere --part kitchen --at tcp://head:5570 --key head.key           on a machine called head
 *      dishes_anywhere --part dryers --at tcp://head:5570 --key worker.key          on any number of others
 */
#include "common.h"

#include <stdbool.h>

enum { THREADS = 4, HANDS = 2, DISHES = 200, EACH_BREAKS = 25 };

static more_t s_more[] = {{"part", "PART", "kitchen, dryers or both (both)", "both"},
                          {"key", "FILE", "for tcp beyond this machine: dishes --keygen", NULL},
                          {0}};

static int dry_dish (void *arg, dishes_task_t *task)
{
    char text[64];
    bool breaks = dishes_task_number (task) % EACH_BREAKS == 0;
    int size = snprintf (text, sizeof text, "%.*s is %s\n", DISH (task), breaks ? "broken" : "dry");
    return dishes_task_write (task, text, (size_t)size) == -1 || breaks;
}

static int dry_dishes (void *arg)
{
    const kitchen_t *kitchen = arg;
    dishes_opts_t opts = {.size = sizeof opts, .key = s_more[1].value};
    return dishes_run (kitchen->at, THREADS, dry_dish, NULL, &opts) == 0 ? 0 : complain ();
}

//  Begins when all hands are there: who came when all is dry would look for another kitchen.
static int wash_dishes (const char *at)
{
    char dish[16];
    int error = 0;
    dishes_opts_t opts = {.size = sizeof opts, .key = s_more[1].value, .wait_dryers = HANDS};
    dishes_washer_t *washer = dishes_washer_new (at, &opts);
    if (!washer)
        return -1;
    for (int i = 1; i <= DISHES && !error; i++)
        error = dishes_put (washer, dish, (size_t)snprintf (dish, sizeof dish, "p%d", i), -1);
    dishes_end (washer);
    if (!error)
        error = dishes_join (washer, -1);
    dishes_washer_destroy (&washer);
    return error;
}

//  The results go to stdout as the sink has them, in the order of the dishes.
static int be_kitchen (const kitchen_t *kitchen)
{
    dishes_opts_t opts = {.size = sizeof opts,
                          .key = s_more[1].value,
                          .deadline_ms = (int)(kitchen->deadline * 1000),
                          .out_fd = STDOUT_FILENO,
                          .keep_order = 1};
    dishes_sink_t *sink = dishes_sink_new (kitchen->at, &opts);
    if (!sink)
        return complain ();
    if (wash_dishes (dishes_sink_address (sink)) == -1) {
        complain ();
        dishes_sink_cancel (sink);
    }
    return sink_close (&sink, NULL);
}

static int be_both (kitchen_t *kitchen)
{
    hand_t hands[HANDS];
    for (int i = 0; i < HANDS; i++)
        hand_hire (&hands[i], kitchen, dry_dishes, kitchen);
    int status = be_kitchen (kitchen);
    for (int i = 0; i < HANDS; i++) {
        int helped = hand_leave (&hands[i]);
        status = status ? status : helped;
    }
    return status;
}

int main (int argc, char **argv)
{
    kitchen_t kitchen = {.at = "inproc://dishes_anywhere",
                         .more = s_more,
                         .about = "Dries dishes in threads, wherever these are. Exits with the number that broke."};
    read_options (&kitchen, argc, argv);
    const char *part = s_more[0].value;
    if (strcmp (part, "both") == 0)
        return be_both (&kitchen);
    if (strcmp (part, "kitchen") == 0)
        return be_kitchen (&kitchen);
    if (strcmp (part, "dryers") == 0)
        return dry_dishes (&kitchen);
    fprintf (stderr, "%s: there is no part '%s', but kitchen, dryers and both\n", argv[0], part);
    return OWN_ERROR;
}
