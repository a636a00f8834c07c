//  What cannot be done is said: -1 or NULL, errno, and a line; and every wait has an end.
#include "test_api_help.h"

#include <errno.h>

static void test_addresses (void **state)
{
    static const char *const wrong[] = {"", "kitchen", "http://kitchen", "tcp://", "tcp://127.0.0.1:x", "ipc://"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        errno = 0;
        assert_null (dishes_washer_new (wrong[i], NULL));
        assert_int_equal (errno, EINVAL);
        assert_true (*dishes_error ());
        assert_null (dishes_dryer_new (wrong[i], NULL));
        assert_null (dishes_sink_new (wrong[i], NULL));
        assert_int_equal (errno, EINVAL);
    }
    assert_null (dishes_washer_new (NULL, NULL));
    assert_int_equal (errno, EINVAL);
}

static void test_options (void **state)
{
    char long_name[200] = "";
    memset (long_name, 'a', sizeof long_name - 1);
    const dishes_opts_t wrong[] = {
        {.size = 0},
        {.size = sizeof (dishes_opts_t), .slots = -1},
        {.size = sizeof (dishes_opts_t), .wait_ms = -2},
        {.size = sizeof (dishes_opts_t), .lane_first = 5},
        {.size = sizeof (dishes_opts_t), .wait_dryers = 16385},
        {.size = sizeof (dishes_opts_t), .name = ""},
        {.size = sizeof (dishes_opts_t), .name = "a\nb"},
        {.size = sizeof (dishes_opts_t), .name = long_name},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_null (dishes_dryer_new ("inproc://options", &wrong[i]));
        assert_int_equal (errno, EINVAL);
        assert_non_null (strstr (dishes_error (), "opts."));
    }
    assert_int_equal (dishes_run ("inproc://options", 0, (dishes_task_fn *)abort, NULL, NULL), -1);
    assert_int_equal (errno, EINVAL);
}

//  Of a newer header: what this library does not know must not be asked for. Of an older one: the rest is the default.
static void test_options_of_other_sizes (void **state)
{
    struct {
        dishes_opts_t known;
        uint64_t unknown;
    } newer = {.known = {.size = sizeof newer}};
    dishes_dryer_t *dryer = dishes_dryer_new ("inproc://options", &newer.known);
    assert_non_null (dryer);
    dishes_dryer_destroy (&dryer);
    newer.unknown = 1;
    assert_null (dishes_dryer_new ("inproc://options", &newer.known));
    assert_int_equal (errno, EINVAL);
    dishes_opts_t older = {.size = offsetof (dishes_opts_t, slots), .slots = -1};
    dryer = dishes_dryer_new ("inproc://options", &older);
    assert_non_null (dryer);
    dishes_dryer_destroy (&dryer);
}

static void check_second_sink (const char *at)
{
    dishes_sink_t *sink = dishes_sink_new (at, NULL);
    assert_non_null (sink);
    assert_null (dishes_sink_new (dishes_sink_address (sink), NULL));
    assert_int_equal (errno, EADDRINUSE);
    assert_true (*dishes_error ());
    dishes_sink_destroy (&sink);
    sink = dishes_sink_new (at, NULL); // and it is free again
    if (!sink)
        fail_msg ("%s: %s", at, dishes_error ());
    dishes_sink_destroy (&sink);
}

static void test_second_sink (void **state)
{
    each_transport (check_second_sink);
}

static void check_nobody_there (const char *at)
{
    dishes_opts_t opts = {.size = sizeof opts, .wait_ms = 1500};
    dishes_washer_t *washer = dishes_washer_new (at, &opts);
    dishes_dryer_t *dryer = dishes_dryer_new (at, &opts);
    assert_non_null (washer);
    assert_non_null (dryer);
    assert_int_equal (dishes_put (washer, "x", 1, 0), 0);
    assert_null (dishes_get (dryer, 0));
    assert_int_equal (errno, ETIMEDOUT);
    assert_null (dishes_get (dryer, PATIENCE_MS));
    assert_int_equal (errno, ECONNABORTED);
    assert_int_equal (dishes_join (washer, PATIENCE_MS), -1);
    assert_int_equal (errno, ECONNABORTED);
    assert_true (*dishes_error ());
    assert_int_equal (dishes_put (washer, "x", 1, PATIENCE_MS), -1);
    assert_int_equal (errno, ECONNABORTED);
    dishes_washer_destroy (&washer);
    dishes_dryer_destroy (&dryer);
}

static void check_no_washer (const char *at)
{
    dishes_opts_t opts = {.size = sizeof opts, .wait_ms = 100};
    dishes_sink_t *sink = dishes_sink_new (at, &opts);
    dishes_figures_t figures;
    assert_int_equal (dishes_sink_wait (sink, PATIENCE_MS, &figures), 0);
    assert_int_equal (figures.end, DISHES_LOST);
    dishes_sink_destroy (&sink);
}

static void test_nobody_there (void **state)
{
    check_nobody_there ("inproc://nobody");
    check_nobody_there ("ipc://nobody");
    check_nobody_there ("tcp://127.0.0.1:5999");
    each_transport (check_no_washer);
}

static void check_full (const char *at)
{
    enum { QUEUE = 10 };
    kitchen_t kitchen;
    dishes_opts_t washer = {.size = sizeof washer, .queue_tasks = QUEUE};
    kitchen_open (&kitchen, at, &washer, NULL, NULL);
    for (int i = 0; i < QUEUE; i++)
        assert_int_equal (dishes_put (kitchen.washer, "x", 1, 0), 0);
    assert_int_equal (dishes_put (kitchen.washer, "x", 1, 20), -1);
    assert_int_equal (errno, ETIMEDOUT);
    dishes_task_t *task = dishes_get (kitchen.dryer, PATIENCE_MS);
    assert_non_null (task);
    dishes_task_done (&task, 0, NULL, 0);
    assert_int_equal (dishes_put (kitchen.washer, "x", 1, PATIENCE_MS), 0); // as soon as it is counted
    assert_int_equal (dishes_put (kitchen.washer, "x", DISHES_TASK_BYTES + (size_t)1, 0), -1);
    assert_int_equal (errno, EMSGSIZE);
    dishes_sink_cancel (kitchen.sink);
    assert_int_equal (dishes_put (kitchen.washer, "x", 1, PATIENCE_MS), -1);
    assert_int_equal (errno, ECANCELED);
    kitchen_close (&kitchen);
}

static void test_full (void **state)
{
    each_transport (check_full);
}

static void check_cancel (const char *at)
{
    kitchen_t kitchen;
    kitchen_open (&kitchen, at, NULL, NULL, NULL);
    for (int i = 0; i < 3; i++)
        dishes_put (kitchen.washer, "x", 1, PATIENCE_MS);
    dishes_task_t *task = dishes_get (kitchen.dryer, PATIENCE_MS);
    assert_non_null (task);
    assert_int_equal (dishes_task_canceled (task), 0);
    assert_int_equal (dishes_sink_cancel (kitchen.sink), 0);
    assert_int_equal (dishes_join (kitchen.washer, PATIENCE_MS), -1);
    assert_int_equal (errno, ECANCELED);
    assert_null (dishes_get (kitchen.dryer, PATIENCE_MS));
    assert_int_equal (errno, ENODATA);
    assert_int_equal (dishes_task_canceled (task), 1);
    assert_memory_equal (dishes_task_data (task), "x", 1); // still the caller's
    assert_int_equal (dishes_task_done (&task, 0, NULL, 0), -1);
    assert_int_equal (errno, ECANCELED);
    assert_null (task);
    assert_int_equal (kitchen_close (&kitchen).end, DISHES_CANCELED);
}

static void test_cancel (void **state)
{
    each_transport (check_cancel);
}

static void check_deadline (const char *at)
{
    kitchen_t kitchen;
    dishes_opts_t sink = {.size = sizeof sink, .deadline_ms = 200};
    kitchen_open (&kitchen, at, NULL, NULL, &sink);
    dishes_put (kitchen.washer, "x", 1, PATIENCE_MS);
    assert_int_equal (dishes_join (kitchen.washer, PATIENCE_MS), -1);
    assert_int_equal (errno, ECANCELED);
    dishes_figures_t figures = kitchen_close (&kitchen);
    assert_int_equal (figures.end, DISHES_DEADLINE);
    assert_int_equal (figures.status, 124);
}

static void test_deadline (void **state)
{
    each_transport (check_deadline);
}

//  A washer that goes without dishes_end is a lost one.
static void check_lost_washer (const char *at)
{
    kitchen_t kitchen;
    dishes_opts_t sink = {.size = sizeof sink, .dead_after_ms = 300, .grace_ms = 200};
    kitchen_open (&kitchen, at, NULL, NULL, &sink);
    dishes_put (kitchen.washer, "x", 1, PATIENCE_MS);
    dishes_task_t *task = dishes_get (kitchen.dryer, PATIENCE_MS);
    assert_int_equal (dishes_task_done (&task, 0, NULL, 0), 0);
    assert_int_equal (dishes_join (kitchen.washer, PATIENCE_MS), 0);
    dishes_washer_destroy (&kitchen.washer);
    dishes_figures_t figures = kitchen_close (&kitchen);
    assert_int_equal (figures.end, DISHES_LOST);
    assert_int_equal (figures.status, 125);
}

static void test_lost_washer (void **state)
{
    each_transport (check_lost_washer);
}

//  So does a sink that goes before the end, and everybody hears of it.
static void check_lost_sink (const char *at)
{
    kitchen_t kitchen;
    dishes_opts_t sink = {.size = sizeof sink, .dead_after_ms = 300};
    kitchen_open (&kitchen, at, NULL, NULL, &sink);
    dishes_put (kitchen.washer, "x", 1, PATIENCE_MS);
    dishes_task_t *task = dishes_get (kitchen.dryer, PATIENCE_MS);
    assert_non_null (task);
    dishes_sink_destroy (&kitchen.sink);
    assert_int_equal (dishes_join (kitchen.washer, PATIENCE_MS), -1);
    assert_true (errno == ECONNABORTED || errno == ECANCELED);
    assert_null (dishes_get (kitchen.dryer, PATIENCE_MS));
    assert_true (errno == ECONNABORTED || errno == ENODATA);
    assert_int_equal (dishes_task_done (&task, 0, NULL, 0), -1);
    dishes_washer_destroy (&kitchen.washer);
    dishes_dryer_destroy (&kitchen.dryer);
}

static void test_lost_sink (void **state)
{
    each_transport (check_lost_sink);
}

//  The join has a time limit of its own, and the run has one: no dryer needs to come for either.
static void check_no_dryer (const char *at)
{
    kitchen_t kitchen;
    dishes_opts_t sink = {.size = sizeof sink, .deadline_ms = 300};
    kitchen_open (&kitchen, at, NULL, NULL, &sink);
    dishes_dryer_destroy (&kitchen.dryer);
    dishes_put (kitchen.washer, "x", 1, PATIENCE_MS);
    dishes_end (kitchen.washer);
    assert_int_equal (dishes_join (kitchen.washer, 10), -1);
    assert_int_equal (errno, ETIMEDOUT);
    assert_int_equal (dishes_join (kitchen.washer, PATIENCE_MS), -1);
    assert_int_equal (errno, ECANCELED);
    assert_int_equal (kitchen_close (&kitchen).end, DISHES_DEADLINE);
}

static void test_no_dryer (void **state)
{
    each_transport (check_no_dryer);
}

static void test_status_that_is_none (void **state)
{
    kitchen_t kitchen;
    kitchen_open (&kitchen, "inproc://status", NULL, NULL, NULL);
    dishes_put (kitchen.washer, "x", 1, PATIENCE_MS);
    dishes_end (kitchen.washer);
    dishes_task_t *task = dishes_get (kitchen.dryer, PATIENCE_MS);
    assert_non_null (task);
    assert_int_equal (dishes_task_done (&task, 256, NULL, 0), -1);
    assert_int_equal (errno, EINVAL);
    assert_null (task);
    assert_int_equal (kitchen_close (&kitchen).failed, 1);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_addresses),
        cmocka_unit_test (test_options),
        cmocka_unit_test (test_options_of_other_sizes),
        cmocka_unit_test (test_second_sink),
        cmocka_unit_test (test_nobody_there),
        cmocka_unit_test (test_full),
        cmocka_unit_test (test_cancel),
        cmocka_unit_test (test_deadline),
        cmocka_unit_test (test_lost_washer),
        cmocka_unit_test (test_lost_sink),
        cmocka_unit_test (test_no_dryer),
        cmocka_unit_test (test_status_that_is_none),
    };
    return run_api_tests (tests);
}
