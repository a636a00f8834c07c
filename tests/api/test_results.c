//  What a task comes to: its output, its status, its attempts; told to a callback, or written to a descriptor.
#include "test_api_help.h"

#include <errno.h>

enum { LARGE = 5 << 20, TASKS = 40 };

typedef struct {
    unsigned count, by_outcome[4];
    uint64_t bytes;
    int attempts[TASKS + 1];
    bool is_wrong;
} seen_t;

//  Every fourth output is large, with what was written before task_done in front.
static size_t output_size (uint64_t number)
{
    return number % 4 ? number * 10 : LARGE + number;
}

static void see (void *arg, const dishes_result_t *result)
{
    seen_t *self = arg;
    self->count++;
    self->by_outcome[result->outcome]++;
    self->bytes += result->out_size;
    self->attempts[result->number] = result->attempt;
    const uint8_t *out = result->out;
    self->is_wrong |= result->out_size != output_size (result->number) || result->err_size || result->signal;
    self->is_wrong |= result->status != (result->number % 5 ? 0 : 200);
    for (size_t i = 0; i < result->out_size; i++)
        self->is_wrong |= out[i] != (uint8_t)(result->number + i);
    self->is_wrong |= !result->start_us; // all of these have an output
}

static int produce (void *arg, dishes_task_t *task)
{
    uint64_t number = dishes_task_number (task);
    size_t size = output_size (number), half = size / 2;
    uint8_t *out = malloc (size);
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(number + i);
    assert_int_equal (dishes_task_write (task, out, half), 0);
    assert_int_equal (dishes_task_write (task, out + half, size - half), 0);
    free (out);
    return number % 5 ? 0 : 200;
}

static void check_callback (const char *at)
{
    seen_t seen = {0};
    kitchen_t kitchen;
    runner_t runner = {.threads = 3, .fn = produce, .opts = {.size = sizeof runner.opts}};
    dishes_opts_t washer = {.size = sizeof washer, .retries = 2};
    dishes_opts_t sink = {.size = sizeof sink, .result = see, .result_arg = &seen};
    kitchen_open (&kitchen, at, &washer, NULL, &sink);
    dishes_dryer_destroy (&kitchen.dryer);
    runner_start (&runner, kitchen.at);
    for (int i = 0; i < TASKS; i++)
        assert_int_equal (dishes_put (kitchen.washer, NULL, 0, PATIENCE_MS), 0);
    dishes_end (kitchen.washer);
    assert_int_equal (dishes_join (kitchen.washer, PATIENCE_MS), 0);
    runner_join (&runner);
    assert_int_equal (runner.rc, 0);
    assert_int_equal (kitchen_close (&kitchen).failed, TASKS / 5);
    assert_int_equal (seen.count, TASKS);
    assert_int_equal (seen.by_outcome[DISHES_OK], TASKS - TASKS / 5);
    assert_int_equal (seen.by_outcome[DISHES_FAILED], TASKS / 5);
    assert_false (seen.is_wrong);
    for (int i = 1; i <= TASKS; i++)
        assert_int_equal (seen.attempts[i], i % 5 ? 1 : 2);
}

static void test_callback (void **state)
{
    each_transport (check_callback);
}

//  Into a file, in order, whatever the order in which they were done.
static void check_ordered_file (const char *at)
{
    enum { LINES = 300 };
    FILE *file = tmpfile ();
    kitchen_t kitchen;
    dishes_task_t *tasks[LINES];
    dishes_opts_t dryer = {.size = sizeof dryer, .slots = LINES};
    dishes_opts_t sink = {.size = sizeof sink, .out_fd = fileno (file), .keep_order = 1};
    kitchen_open (&kitchen, at, NULL, &dryer, &sink);
    for (int i = 0; i < LINES; i++)
        dishes_put (kitchen.washer, "x", 1, PATIENCE_MS);
    dishes_end (kitchen.washer);
    for (int i = 0; i < LINES; i++)
        assert_non_null (tasks[i] = dishes_get (kitchen.dryer, PATIENCE_MS));
    for (int i = LINES; i--;) {
        char line[16];
        int size = snprintf (line, sizeof line, "%d\n", i + 1);
        assert_int_equal (dishes_task_done (&tasks[i], 0, line, (size_t)size), 0);
    }
    assert_int_equal (kitchen_close (&kitchen).ok, LINES);
    rewind (file);
    char line[16];
    for (int i = 1; i <= LINES; i++) {
        assert_non_null (fgets (line, sizeof line, file));
        assert_int_equal (atoi (line), i);
    }
    assert_null (fgets (line, sizeof line, file));
    fclose (file);
}

static void test_ordered_file (void **state)
{
    each_transport (check_ordered_file);
}

//  Nobody reads the outputs any more: the run ends, and no signal is raised.
static void test_reader_goes_away (void **state)
{
    int ends[2];
    kitchen_t kitchen;
    assert_int_equal (pipe (ends), 0);
    dishes_opts_t sink = {.size = sizeof sink, .out_fd = ends[1]};
    kitchen_open (&kitchen, "inproc://pipe", NULL, NULL, &sink);
    close (ends[0]);
    dishes_put (kitchen.washer, "x", 1, PATIENCE_MS);
    dishes_task_t *task = dishes_get (kitchen.dryer, PATIENCE_MS);
    assert_non_null (task);
    dishes_task_done (&task, 0, "x\n", 2);
    assert_int_equal (dishes_sink_wait (kitchen.sink, PATIENCE_MS, NULL), -1);
    assert_int_equal (errno, ECONNABORTED);
    assert_non_null (strstr (dishes_error (), "read"));
    dishes_washer_destroy (&kitchen.washer);
    dishes_dryer_destroy (&kitchen.dryer);
    dishes_sink_destroy (&kitchen.sink);
    close (ends[1]);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_callback),
        cmocka_unit_test (test_ordered_file),
        cmocka_unit_test (test_reader_goes_away),
    };
    return run_api_tests (tests);
}
