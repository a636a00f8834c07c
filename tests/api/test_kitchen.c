//  A washer, dryers and a sink, as programs use them: put, get, task_done, join, over each transport.
#include "test_api_help.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>

static void check_join (const char *at)
{
    kitchen_t kitchen;
    kitchen_open (&kitchen, at, NULL, NULL, NULL);
    for (int i = 1; i <= 3; i++) {
        char dish[8];
        snprintf (dish, sizeof dish, "p%d", i);
        assert_int_equal (dishes_put (kitchen.washer, dish, strlen (dish), PATIENCE_MS), 0);
    }
    assert_int_equal (dishes_end (kitchen.washer), 0);
    for (uint64_t i = 1; i <= 3; i++) {
        dishes_task_t *task = dishes_get (kitchen.dryer, PATIENCE_MS);
        assert_non_null (task);
        assert_int_equal (dishes_task_number (task), i);
        assert_int_equal (dishes_task_attempt (task), 1);
        assert_int_equal (dishes_task_size (task), 2);
        assert_memory_equal (dishes_task_data (task), "p", 1);
        assert_int_equal (dishes_task_canceled (task), 0);
        assert_int_equal (dishes_task_done (&task, i == 2 ? 7 : 0, NULL, 0), 0);
        assert_null (task);
    }
    assert_int_equal (dishes_join (kitchen.washer, PATIENCE_MS), 0);
    assert_null (dishes_get (kitchen.dryer, PATIENCE_MS));
    assert_int_equal (errno, ENODATA);
    dishes_figures_t figures = kitchen_close (&kitchen);
    assert_int_equal (figures.end, DISHES_JOINED);
    assert_int_equal (figures.status, 1);
    assert_int_equal (figures.total, 3);
    assert_int_equal (figures.ok, 2);
    assert_int_equal (figures.failed, 1);
}

static void test_join (void **state)
{
    each_transport (check_join);
}

//  A second run of the same process, at the same address.
static void test_twice (void **state)
{
    for (int i = 0; i < 2; i++)
        check_join ("inproc://again");
}

//  In the middle: what was put so far is done, and more may follow.
static void check_join_in_the_middle (const char *at)
{
    kitchen_t kitchen;
    helpers_t helpers;
    dishes_opts_t opts = {.size = sizeof opts, .slots = 2};
    kitchen_open (&kitchen, at, NULL, &opts, NULL);
    assert_int_equal (dishes_join (kitchen.washer, 0), 0); // nothing was put
    dishes_put (kitchen.washer, "a", 1, PATIENCE_MS);
    assert_int_equal (dishes_join (kitchen.washer, 0), -1);
    assert_int_equal (errno, ETIMEDOUT);
    helpers_start (&helpers, kitchen.dryer, 2);
    for (uint64_t round = 2; round <= 5; round++) {
        dishes_put (kitchen.washer, "a", 1, PATIENCE_MS);
        assert_int_equal (dishes_join (kitchen.washer, PATIENCE_MS), 0);
        assert_int_equal (atomic_load (&helpers.done), round);
        dishes_figures_t figures;
        assert_int_equal (dishes_washer_figures (kitchen.washer, &figures), 0);
        assert_int_equal (figures.ok, round);
        assert_int_equal (figures.end, DISHES_RUNNING);
    }
    dishes_end (kitchen.washer);
    assert_int_equal (dishes_join (kitchen.washer, PATIENCE_MS), 0);
    assert_int_equal (dishes_put (kitchen.washer, "a", 1, 0), -1);
    assert_int_equal (errno, EPIPE);
    helpers_join (&helpers);
    assert_int_equal (kitchen_close (&kitchen).ok, 5);
}

static void test_join_in_the_middle (void **state)
{
    each_transport (check_join_in_the_middle);
}

//  Two dryers of one slot. One has a long task and, prefetched behind it, all the others: they are asked back, and the
//  other one does them before the long one is done. Then it is so for what comes later.
static void check_exact_dispatch (const char *at)
{
    enum { SHORT = 20 };
    kitchen_t kitchen;
    dishes_opts_t opts = {.size = sizeof opts, .slots = 1, .prefetch = 64};
    kitchen_open (&kitchen, at, NULL, &opts, NULL);
    for (int i = 0; i < 1 + SHORT; i++)
        dishes_put (kitchen.washer, "x", 1, PATIENCE_MS);
    dishes_task_t *long_one = dishes_get (kitchen.dryer, PATIENCE_MS), *task;
    assert_non_null (long_one);
    dishes_dryer_t *other = dishes_dryer_new (kitchen.at, &opts);
    assert_non_null (other);
    for (int i = 0; i < 2 * SHORT; i++) {
        if (i >= SHORT)
            dishes_put (kitchen.washer, "x", 1, PATIENCE_MS); // they trickle in
        assert_non_null (task = dishes_get (other, PATIENCE_MS));
        assert_int_equal (dishes_task_done (&task, 0, NULL, 0), 0);
    }
    dishes_end (kitchen.washer);
    dishes_figures_t figures = {0};
    for (; figures.ok < 2 * SHORT; sched_yield ())
        assert_int_equal (dishes_washer_figures (kitchen.washer, &figures), 0);
    assert_int_equal (dishes_join (kitchen.washer, 0), -1);
    assert_int_equal (errno, ETIMEDOUT);
    assert_int_equal (dishes_task_done (&long_one, 0, NULL, 0), 0);
    assert_int_equal (dishes_join (kitchen.washer, PATIENCE_MS), 0);
    dishes_dryer_destroy (&other);
    assert_int_equal (kitchen_close (&kitchen).ok, 1 + 2 * SHORT);
}

static void test_exact_dispatch (void **state)
{
    each_transport (check_exact_dispatch);
}

//  Many, with several threads that put and several that get; binary items of all sizes come through whole.
typedef struct {
    dishes_washer_t *washer;
    unsigned first, step, count;
} putter_t;

static size_t make_item (unsigned i, uint8_t *out)
{
    size_t size = i % 41 + sizeof i;
    memcpy (out, &i, sizeof i);
    memset (out + sizeof i, (int)(i & 0xff), size - sizeof i);
    return size;
}

static void *put_many (void *arg)
{
    putter_t *self = arg;
    uint8_t item[64];
    for (unsigned i = self->first; i < self->count; i += self->step)
        assert_int_equal (dishes_put (self->washer, item, make_item (i, item), PATIENCE_MS), 0);
    return NULL;
}

static int check_item (void *arg, dishes_task_t *task)
{
    atomic_uchar *seen = arg;
    uint8_t expected[64];
    unsigned i;
    assert_true (dishes_task_size (task) >= sizeof i);
    memcpy (&i, dishes_task_data (task), sizeof i);
    assert_int_equal (dishes_task_size (task), make_item (i, expected));
    assert_memory_equal (dishes_task_data (task), expected, dishes_task_size (task));
    return atomic_fetch_add (&seen[i], 1) == 0 ? 0 : 1;
}

enum { MANY = 100000, PUTTERS = 3 };

static void check_many (const char *at)
{
    atomic_uchar *seen = calloc (MANY, sizeof *seen);
    putter_t putters[PUTTERS];
    pthread_t threads[PUTTERS];
    kitchen_t kitchen;
    runner_t runner = {.threads = 4, .fn = check_item, .arg = seen, .opts = {.size = sizeof runner.opts, .slots = 64}};
    kitchen_open (&kitchen, at, NULL, NULL, NULL);
    dishes_dryer_destroy (&kitchen.dryer);
    runner_start (&runner, kitchen.at);
    for (unsigned i = 0; i < PUTTERS; i++) {
        putters[i] = (putter_t){.washer = kitchen.washer, .first = i, .step = PUTTERS, .count = MANY};
        pthread_create (&threads[i], NULL, put_many, &putters[i]);
    }
    for (unsigned i = 0; i < PUTTERS; i++)
        pthread_join (threads[i], NULL);
    dishes_end (kitchen.washer);
    assert_int_equal (dishes_join (kitchen.washer, PATIENCE_MS), 0);
    runner_join (&runner);
    assert_int_equal (runner.rc, 0);
    dishes_figures_t figures = kitchen_close (&kitchen);
    assert_int_equal (figures.ok, MANY);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal (atomic_load (&seen[i]), 1);
    free (seen);
}

static void test_many (void **state)
{
    each_transport (check_many);
}

//  One thread, many tasks in hand, finished last first, with the descriptor of an event loop.
static void check_event_loop (const char *at)
{
    enum { IN_HAND = 500, ROUNDS = 3 };
    kitchen_t kitchen;
    dishes_opts_t opts = {.size = sizeof opts, .slots = IN_HAND};
    kitchen_open (&kitchen, at, NULL, &opts, NULL);
    struct pollfd fd = {.fd = dishes_dryer_fd (kitchen.dryer), .events = POLLIN};
    assert_int_equal (poll (&fd, 1, 0), 0);
    for (int i = 0; i < IN_HAND * ROUNDS; i++)
        dishes_put (kitchen.washer, &i, sizeof i, PATIENCE_MS);
    dishes_end (kitchen.washer);
    dishes_task_t *tasks[IN_HAND];
    for (int round = 0; round < ROUNDS; round++) {
        for (int held = 0; held < IN_HAND;) {
            assert_int_equal (poll (&fd, 1, PATIENCE_MS), 1);
            while (held < IN_HAND && (tasks[held] = dishes_get (kitchen.dryer, 0)))
                held++;
        }
        assert_int_equal (poll (&fd, 1, 0), 0);
        for (int held = IN_HAND; held--;)
            dishes_task_done (&tasks[held], 0, NULL, 0);
    }
    assert_int_equal (poll (&fd, 1, PATIENCE_MS), 1);
    assert_null (dishes_get (kitchen.dryer, PATIENCE_MS));
    assert_int_equal (errno, ENODATA);
    assert_int_equal (poll (&fd, 1, 0), 1); // for ever
    assert_int_equal (kitchen_close (&kitchen).ok, IN_HAND * ROUNDS);
}

static void test_event_loop (void **state)
{
    each_transport (check_event_loop);
}

//  Many dryers in one process; a task waits for none of them while another is free.
static void test_many_dryers (void **state)
{
    enum { DRYERS = 40 };
    dishes_task_t *tasks[DRYERS];
    dishes_dryer_t *dryers[DRYERS];
    kitchen_t kitchen;
    kitchen_open (&kitchen, "inproc://crowd", NULL, NULL, NULL);
    dishes_dryer_destroy (&kitchen.dryer);
    for (int i = 0; i < DRYERS; i++)
        assert_non_null (dryers[i] = dishes_dryer_new (kitchen.at, NULL));
    for (int i = 0; i < DRYERS; i++)
        dishes_put (kitchen.washer, "x", 1, PATIENCE_MS);
    dishes_end (kitchen.washer);
    for (int i = 0; i < DRYERS; i++)
        assert_non_null (tasks[i] = dishes_get (dryers[i], PATIENCE_MS));
    for (int i = 0; i < DRYERS; i++)
        dishes_task_done (&tasks[i], 0, NULL, 0);
    assert_int_equal (dishes_join (kitchen.washer, PATIENCE_MS), 0);
    for (int i = 0; i < DRYERS; i++)
        dishes_dryer_destroy (&dryers[i]);
    assert_int_equal (kitchen_close (&kitchen).ok, DRYERS);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_join),
        cmocka_unit_test (test_twice),
        cmocka_unit_test (test_join_in_the_middle),
        cmocka_unit_test (test_exact_dispatch),
        cmocka_unit_test (test_event_loop),
        cmocka_unit_test (test_many_dryers),
        cmocka_unit_test (test_many),
    };
    return run_api_tests (tests);
}
