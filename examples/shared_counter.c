/*  shared_counter: threads that count what they have dried, in three ways.
 *
 *  With a variable that they share, each of them reads it, adds one, and writes it; where two do so at the same time,
 *  one of the two is lost. That is a race, and the first way has it on purpose. With a lock nobody comes in between:
 *  right, but they wait for each other, and whoever forgets the lock in one place has the race again. In the third way
 *  nothing is shared: each sends what it has counted along with its task, and whoever gets the messages, in one thread,
 *  adds up.
 *
 *  Only the third one counts over ipc:// and tcp:// as well. There the threads are in another process, and its
 *  variables are not ours.
 */
#include "common.h"

#include <sched.h>
#include <stdbool.h>

enum { THREADS = 4, STACKS = 200, DISHES_IN_STACK = 100 };

static more_t s_more[] = {{"way", "WAY", "wrong, lock or messages (each in turn)", NULL}, {0}};

static unsigned s_count; // what the threads share
static pthread_mutex_t s_lock = PTHREAD_MUTEX_INITIALIZER;

//  One more dish. Between reading and writing another thread may have its turn at any time; to be asked for it, it is
//  shown sooner.
static void count_dish (void)
{
    unsigned seen = s_count;
    sched_yield ();
    s_count = seen + 1;
}

static int dry_wrong (void *arg, dishes_task_t *task)
{
    for (int i = 0; i < DISHES_IN_STACK; i++)
        count_dish ();
    return 0;
}

static int dry_lock (void *arg, dishes_task_t *task)
{
    for (int i = 0; i < DISHES_IN_STACK; i++) {
        pthread_mutex_lock (&s_lock);
        count_dish ();
        pthread_mutex_unlock (&s_lock);
    }
    return 0;
}

//  A variable of its own, which goes along as what the task came to.
static int dry_messages (void *arg, dishes_task_t *task)
{
    unsigned dried = 0;
    for (int i = 0; i < DISHES_IN_STACK; i++)
        dried++;
    return dishes_task_write (task, &dried, sizeof dried) == 0 ? 0 : 1;
}

//  In the sink's thread, one result after the other.
static void add_up (void *arg, const dishes_result_t *result)
{
    unsigned *sum = arg, dried;
    if (result->out_size == sizeof dried) {
        memcpy (&dried, result->out, sizeof dried);
        *sum += dried;
    }
}

static const struct way {
    const char *name, *about;
    dishes_task_fn *dry;
} s_ways[] = {
    {"wrong", "shared, without a lock", dry_wrong},
    {"lock", "shared, with a lock", dry_lock},
    {"messages", "not shared, messages only", dry_messages},
};

typedef struct {
    const kitchen_t *kitchen;
    const struct way *way;
} job_t;

static int dry_dishes (void *arg)
{
    const job_t *job = arg;
    return dishes_run (job->kitchen->at, THREADS, job->way->dry, NULL, NULL) == 0 ? 0 : complain ();
}

static int wash_dishes (const kitchen_t *kitchen)
{
    int error = 0;
    dishes_washer_t *washer = dishes_washer_new (kitchen->at, NULL);
    if (!washer)
        return -1;
    for (int i = 0; i < STACKS && !error; i++)
        error = dishes_put (washer, "stack", 5, -1);
    dishes_end (washer);
    if (!error)
        error = dishes_join (washer, -1);
    dishes_washer_destroy (&washer);
    return error;
}

//  A pipeline that counts in this way; `*sum`: what the messages said. The exit status.
static int count (const kitchen_t *kitchen, const struct way *way, unsigned *sum)
{
    hand_t helper;
    job_t job = {.kitchen = kitchen, .way = way};
    hand_hire (&helper, kitchen, dry_dishes, &job);
    dishes_opts_t opts = {
        .size = sizeof opts, .deadline_ms = (int)(kitchen->deadline * 1000), .result = add_up, .result_arg = sum};
    dishes_sink_t *sink = dishes_sink_new (kitchen->at, &opts);
    if (!sink)
        exit (complain ());
    if (wash_dishes (kitchen) == -1) {
        complain ();
        dishes_sink_cancel (sink);
    }
    int status = sink_close (&sink, NULL), helped = hand_leave (&helper);
    return status ? status : helped;
}

int main (int argc, char **argv)
{
    kitchen_t kitchen = {.at = "inproc://shared_counter",
                         .more = s_more,
                         .about = "Four threads count dishes: with a race, with a lock, and by messages only."};
    read_options (&kitchen, argc, argv);
    const char *only = s_more[0].value;
    bool is_known = !only;
    int status = 0;
    for (size_t i = 0; i < sizeof s_ways / sizeof *s_ways && !status; i++) {
        const struct way *way = &s_ways[i];
        if (only && strcmp (only, way->name) != 0)
            continue;
        unsigned sum = 0;
        is_known = true;
        s_count = 0;
        status = count (&kitchen, way, &sum);
        printf ("%-26s %6u of %d dishes\n", way->about, sum ? sum : s_count, STACKS * DISHES_IN_STACK);
    }
    if (is_known)
        return status;
    fprintf (stderr, "%s: there is no way '%s', but wrong, lock and messages\n", argv[0], only);
    return OWN_ERROR;
}
