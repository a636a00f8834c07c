//  A million tasks through the three cores, and no step costs more the more of them there are.
//  ctest: serial
#include "test_core_pipe.h"

#include <time.h>

enum { BLOCK_TASKS = 4096, TASKS = 1000000, LINE_BYTES = 40 };

static double now_s (void)
{
    struct timespec now;
    (void)clock_gettime (CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void put_block (pipe_t *pipe, uint64_t tasks)
{
    static uint8_t lines[LINE_BYTES * BLOCK_TASKS];
    for (size_t i = 0; i < sizeof lines; i++)
        lines[i] = i % LINE_BYTES == LINE_BYTES - 1 ? '\n' : 'i';
    slice_t bytes = slice_from (lines, LINE_BYTES * tasks);
    assert_int_equal (washer_put (pipe->washer, &bytes, tasks), 0);
}

//  Every job is done at once, without output or with some.
static void work (pipe_t *pipe, uint64_t most, uint64_t output)
{
    job_t job;
    for (size_t i = 0; i < pipe->dryers_size; i++)
        while (dryer_take (pipe->dryers[i].core, most, &job)) {
            assert_int_equal (shape_count (&job.shape, job.bytes.data, job.bytes.size), job.count);
            result_t result = {.ticket = job.ticket, .n = job.n, .count = job.count, .out_bytes = output};
            result.cookie = output ? pipe : NULL;
            dryer_done (pipe->dryers[i].core, &result, pipe->now_ms);
            slice_drop (&job.bytes);
        }
}

static void run (const char *what, uint64_t total, const dryer_config_t *dryer, uint64_t most, uint64_t output)
{
    pipe_t pipe;
    pipe_dryer_t dryers[2];
    sink_config_t sink = {.output_bytes = 1 << 20, .backlog_bytes = 1 << 20};
    washer_config_t washer = {.shape = {BLOCK_DELIMITED, '\n', 1, 1}, .retries = 1};
    pipe_begin (&pipe, dryers, 2, &sink, &washer, dryer);
    pipe_meet (&pipe);
    double begin_s = now_s ();
    uint64_t put = 0;
    int64_t turns = 0;
    for (; washer_state (pipe.washer) != WASHER_OVER; turns++) {
        assert_true (turns < 10000000);
        while (put < total && washer_unsent_tasks (pipe.washer) < 4 * BLOCK_TASKS) {
            uint64_t tasks = total - put < BLOCK_TASKS ? total - put : BLOCK_TASKS;
            put_block (&pipe, tasks);
            put += tasks;
        }
        if (put == total)
            washer_eof (pipe.washer);
        work (&pipe, most, output);
        pipe.now_ms += turns % 64 == 0;
        pipe_turn (&pipe);
    }
    double took_s = now_s () - begin_s;
    printf ("%s: %.0f tasks/s, %.2f us a task, %lld turns\n", what, (double)total / took_s,
            1e6 * took_s / (double)total, (long long)turns);
    figures_t figures = sink_ending (pipe.sink)->figures;
    assert_int_equal (pipe.completed, total);
    assert_int_equal (pipe.bytes, total * output);
    assert_int_equal (figures.total, total);
    assert_int_equal (figures.ok, total);
    assert_int_equal (figures.duplicates, 0);
    assert_int_equal (figures.redelivered, 0);
    assert_false (washer_failed (pipe.washer) || sink_failed (pipe.sink));
    pipe_end (&pipe);
}

static void test_a_million_tasks_in_runs (void **state)
{
    dryer_config_t dryer = {.slots = 2, .prefetch = 4096, .grain = 2048, .unsure = 2};
    run ("runs of tasks", TASKS, &dryer, UINT64_MAX, 0);
}

static void test_a_million_tasks_one_by_one (void **state)
{
    dryer_config_t dryer = {.slots = 2, .prefetch = 2, .grain = 1, .unsure = 2};
    run ("one by one", TASKS, &dryer, 1, 0);
}

static void test_tasks_with_output (void **state)
{
    dryer_config_t dryer = {.slots = 4, .prefetch = 8, .grain = 1, .unsure = 4};
    run ("one by one, with output", TASKS / 10, &dryer, 1, 100);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_a_million_tasks_in_runs),
        cmocka_unit_test (test_a_million_tasks_one_by_one),
        cmocka_unit_test (test_tasks_with_output),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
