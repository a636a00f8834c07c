//  Dryers that go: what they had is done by others, each task is counted once. And parts in processes of their own.
#include "test_api_help.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

//  Destroyed with tasks in hand and others not yet got: both go to the next dryer, and blame nobody.
static void check_destroyed (const char *at)
{
    enum { TASKS = 10, IN_HAND = 3 };
    kitchen_t kitchen;
    dishes_opts_t opts = {.size = sizeof opts, .slots = 5};
    kitchen_open (&kitchen, at, NULL, &opts, NULL);
    for (int i = 0; i < TASKS; i++)
        dishes_put (kitchen.washer, "x", 1, PATIENCE_MS);
    dishes_end (kitchen.washer);
    dishes_task_t *tasks[IN_HAND];
    for (int i = 0; i < IN_HAND; i++)
        assert_non_null (tasks[i] = dishes_get (kitchen.dryer, PATIENCE_MS));
    assert_int_equal (dishes_task_done (&tasks[0], 0, NULL, 0), 0);
    dishes_dryer_destroy (&kitchen.dryer);
    for (int i = 1; i < IN_HAND; i++) {
        assert_int_equal (dishes_task_canceled (tasks[i]), 1);
        assert_int_equal (dishes_task_done (&tasks[i], 0, NULL, 0), -1);
        assert_int_equal (errno, ECANCELED);
    }
    kitchen.dryer = dishes_dryer_new (kitchen.at, NULL);
    assert_non_null (kitchen.dryer);
    unsigned done = 1;
    for (dishes_task_t *task; (task = dishes_get (kitchen.dryer, PATIENCE_MS)); done++) {
        assert_int_equal (dishes_task_attempt (task), 1);
        dishes_task_done (&task, 0, NULL, 0);
    }
    assert_int_equal (done, TASKS);
    dishes_figures_t figures = kitchen_close (&kitchen);
    assert_int_equal (figures.ok, TASKS);
    assert_int_equal (figures.lost, 0);
    assert_int_equal (figures.duplicates, 0);
}

static void test_destroyed (void **state)
{
    each_transport (check_destroyed);
}

static void test_destroyed_without_a_sink (void **state)
{
    static const char *const at[] = {"inproc://alone", "ipc://alone", "tcp://127.0.0.1:5999"};
    for (int i = 0; i < 3; i++) {
        dishes_dryer_t *dryer = dishes_dryer_new (at[i], NULL);
        dishes_washer_t *washer = dishes_washer_new (at[i], NULL);
        assert_non_null (dryer);
        assert_non_null (washer);
        assert_int_equal (dishes_put (washer, "x", 1, 0), 0);
        dishes_washer_destroy (&washer);
        dishes_dryer_destroy (&dryer);
    }
}

//  ---- processes; made before there are threads

typedef struct {
    int to, from; // pipes: the address goes in, what it says comes out
    pid_t process;
} child_t;

static void dry (const char *at, int out, bool is_stuck)
{
    dishes_dryer_t *dryer = dishes_dryer_new (at, NULL);
    for (dishes_task_t *task; dryer && (task = dishes_get (dryer, PATIENCE_MS));) {
        if (write (out, "t", 1) != 1)
            break;
        if (is_stuck)
            pause ();
        dishes_task_done (&task, 0, NULL, 0);
    }
    dishes_dryer_destroy (&dryer);
    _exit (errno == ENODATA ? 0 : 1);
}

static child_t fork_dryer (bool is_stuck)
{
    int in[2], out[2];
    char at[256] = "";
    assert_int_equal (pipe (in), 0);
    assert_int_equal (pipe (out), 0);
    pid_t process = fork ();
    assert_true (process != -1);
    if (process == 0) {
        close (in[1]);
        close (out[0]);
        if (read (in[0], at, sizeof at - 1) > 0)
            dry (at, out[1], is_stuck);
        _exit (2);
    }
    close (in[0]);
    close (out[1]);
    return (child_t){.to = in[1], .from = out[0], .process = process};
}

static void tell_address (const child_t *child, const char *at)
{
    assert_int_equal (write (child->to, at, strlen (at)), strlen (at));
}

static int end_child (child_t *child)
{
    int status;
    assert_int_equal (waitpid (child->process, &status, 0), child->process);
    close (child->to);
    close (child->from);
    return status;
}

//  One process is killed while it has a task; the other one does it.
static void check_killed (const char *at)
{
    enum { TASKS = 20 };
    char byte;
    child_t stuck = fork_dryer (true), good = fork_dryer (false);
    dishes_sink_t *sink = dishes_sink_new (at, NULL);
    assert_non_null (sink);
    dishes_washer_t *washer = dishes_washer_new (dishes_sink_address (sink), NULL);
    assert_non_null (washer);
    tell_address (&stuck, dishes_sink_address (sink));
    for (int i = 0; i < TASKS; i++)
        dishes_put (washer, "x", 1, PATIENCE_MS);
    dishes_end (washer);
    assert_int_equal (read (stuck.from, &byte, 1), 1); // it has one
    assert_int_equal (dishes_join (washer, 0), -1);
    kill (stuck.process, SIGKILL);
    tell_address (&good, dishes_sink_address (sink));
    assert_int_equal (dishes_join (washer, PATIENCE_MS), 0);
    dishes_figures_t figures;
    assert_int_equal (dishes_sink_wait (sink, PATIENCE_MS, &figures), 0);
    assert_int_equal (figures.end, DISHES_JOINED);
    assert_int_equal (figures.ok, TASKS);
    assert_int_equal (figures.lost, 1);
    dishes_washer_figures (washer, &figures);
    assert_int_equal (figures.ok, TASKS);
    assert_true (figures.redelivered >= 1);
    dishes_washer_destroy (&washer);
    dishes_sink_destroy (&sink);
    assert_true (WIFSIGNALED (end_child (&stuck)));
    assert_int_equal (end_child (&good), 0);
}

static void test_killed (void **state)
{
    check_killed ("ipc://killed");
    check_killed ("tcp://127.0.0.1:*");
}

//  A callback that blocks for much longer than dead-after is slow, not dead.
typedef struct {
    int ends[2];
} block_t;

static int block (void *arg, dishes_task_t *task)
{
    block_t *self = arg;
    char byte;
    return read (self->ends[0], &byte, 1) == 1 ? 0 : 1;
}

static void check_blocked (const char *at)
{
    block_t blocked;
    kitchen_t kitchen;
    runner_t runner = {.threads = 2, .fn = block, .arg = &blocked, .opts = {.size = sizeof runner.opts}};
    dishes_opts_t sink = {.size = sizeof sink, .dead_after_ms = 200};
    assert_int_equal (pipe (blocked.ends), 0);
    kitchen_open (&kitchen, at, NULL, NULL, &sink);
    dishes_dryer_destroy (&kitchen.dryer);
    runner_start (&runner, kitchen.at);
    dishes_put (kitchen.washer, "x", 1, PATIENCE_MS);
    dishes_put (kitchen.washer, "x", 1, PATIENCE_MS);
    dishes_end (kitchen.washer);
    assert_int_equal (dishes_join (kitchen.washer, 5 * 200), -1);
    assert_int_equal (errno, ETIMEDOUT);
    assert_int_equal (write (blocked.ends[1], "xx", 2), 2);
    assert_int_equal (dishes_join (kitchen.washer, PATIENCE_MS), 0);
    runner_join (&runner);
    assert_int_equal (runner.rc, 0);
    dishes_figures_t figures = kitchen_close (&kitchen);
    assert_int_equal (figures.ok, 2);
    assert_int_equal (figures.lost, 0);
    close (blocked.ends[0]);
    close (blocked.ends[1]);
}

static void test_blocked (void **state)
{
    each_transport (check_blocked);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_killed),
        cmocka_unit_test (test_destroyed),
        cmocka_unit_test (test_destroyed_without_a_sink),
        cmocka_unit_test (test_blocked),
    };
    return run_api_tests (tests);
}
