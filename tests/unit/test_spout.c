//  --pipe: a command's standard input is its task's bytes, however many, however it reads, and whether it does.
#include "core/item.h"
#include "run/child.h"
#include "run/runner.h"
#include "run/spout.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static const shape_t whole = {BLOCK_WHOLE, 0, 1, 1}, lines = {BLOCK_DELIMITED, '\n', 1, 2},
                     values = {BLOCK_PREFIXED, 0, 1, 1};

static int64_t now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int begin (void **state)
{
    alarm (60);
    return 0;
}

static int no_child_left (void **state)
{
    int status;
    while (waitpid (-1, &status, 0) > 0)
        ;
    assert_int_equal (errno, ECHILD);
    alarm (0);
    return 0;
}

//  A block of `size` bytes that say where they are; `*freed` counts its release.
static void count_release (void *hint)
{
    ++*(int *)hint;
}

static slice_t block_of (uint8_t *bytes, size_t size, int *freed)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)('a' + i % 26);
    block_t *block = block_wrap (bytes, size, count_release, freed);
    slice_t slice = slice_of (block, 0, size);
    block_unref (block);
    return slice;
}

typedef struct {
    runner_t *runner;
    template_t *command;
} kitchen_t;

static kitchen_t open_kitchen (const char *line, runner_opts_t opts)
{
    char error[200] = "";
    char *words[] = {(char *)line};
    template_opts_t command = {.words = words, .count = 1, .force_shell = true, .pipe = true};
    kitchen_t self = {.command = template_new (&command, error, sizeof error)};
    assert_string_equal (error, "");
    opts.slots = 2;
    opts.pipe = true;
    opts.command = self.command;
    self.runner = runner_new (&opts);
    assert_non_null (self.runner);
    return self;
}

static void close_kitchen (kitchen_t *self)
{
    runner_destroy (&self->runner);
    template_destroy (&self->command);
}

static runner_task_t task_of (uint64_t n, const shape_t *shape, const slice_t *bytes)
{
    return (runner_task_t){.ticket = n,
                           .n = n,
                           .attempt = 1,
                           .shape = shape,
                           .data = bytes->data,
                           .size = bytes->size,
                           .block = bytes->block};
}

static void start (kitchen_t *self, uint64_t n, const shape_t *shape, const slice_t *bytes)
{
    runner_task_t task = task_of (n, shape, bytes);
    assert_int_equal (runner_start (self->runner, &task, now_ms ()), 0);
}

static runner_result_t *take (kitchen_t *self)
{
    runner_result_t *result;
    while (!(result = runner_take (self->runner))) {
        int64_t due_ms = runner_due (self->runner), now = now_ms ();
        struct pollfd poller = {.fd = runner_fd (self->runner), .events = POLLIN};
        poll (&poller, 1, due_ms < 0 ? 20000 : due_ms <= now ? 0 : (int)(due_ms - now));
        assert_int_equal (runner_process (self->runner, now_ms ()), 0);
    }
    return result;
}

static void expect_done (kitchen_t *self, int status, const char *wanted)
{
    runner_result_t *result = take (self);
    char text[4096];
    ssize_t size = capture_read (result->out, 0, text, sizeof text - 1);
    text[size] = 0;
    assert_string_equal (text, wanted);
    assert_int_equal (result->status, status);
    runner_give_back (self->runner, &result);
}

//  The command reads all of it, whether it fits into the pipe or not.
static void test_all_sizes (void **state)
{
    static const size_t sizes[] = {1, 4096, 65536, 65537, 1 << 20, (1 << 20) + 1, 5 << 20};
    static uint8_t bytes[5 << 20];
    kitchen_t kitchen = open_kitchen ("wc -c; cksum < /dev/null >&2", (runner_opts_t){0});
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int freed = 0;
        char wanted[32];
        slice_t slice = block_of (bytes, sizes[i], &freed);
        start (&kitchen, i + 1, &whole, &slice);
        slice_drop (&slice);
        snprintf (wanted, sizeof wanted, "%zu\n", sizes[i]);
        expect_done (&kitchen, 0, wanted);
        assert_int_equal (freed, 1);
    }
    close_kitchen (&kitchen);
}

static void test_its_bytes_come_as_they_are (void **state)
{
    static uint8_t bytes[3 << 20];
    int freed = 0;
    slice_t slice = block_of (bytes, sizeof bytes, &freed);
    kitchen_t kitchen = open_kitchen ("cat", (runner_opts_t){0});
    start (&kitchen, 1, &whole, &slice);
    runner_result_t *result = take (&kitchen);
    assert_int_equal (capture_size (result->out), sizeof bytes);
    uint8_t *read = malloc (sizeof bytes);
    for (size_t at = 0; at < sizeof bytes;)
        at += (size_t)capture_read (result->out, at, read + at, sizeof bytes - at);
    assert_memory_equal (read, bytes, sizeof bytes);
    free (read);
    runner_give_back (kitchen.runner, &result);
    slice_drop (&slice);
    close_kitchen (&kitchen);
}

//  It is no failure not to read to the end; the rest is dropped at once.
static void test_who_reads_less (void **state)
{
    static const struct {
        const char *line;
        int status;
        const char *out;
    } rows[] = {{"head -c 3", 0, "abc"}, {"true", 0, ""}, {"exec <&-; echo closed", 0, "closed\n"}, {"exit 3", 3, ""}};
    static uint8_t bytes[4 << 20];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int freed = 0;
        slice_t slice = block_of (bytes, sizeof bytes, &freed);
        kitchen_t kitchen = open_kitchen (rows[i].line, (runner_opts_t){0});
        start (&kitchen, 1, &whole, &slice);
        slice_drop (&slice);
        expect_done (&kitchen, rows[i].status, rows[i].out);
        assert_int_equal (freed, 1);
        close_kitchen (&kitchen);
    }
}

//  Nobody is there who will ever read it.
static void test_a_pipe_without_a_reader_is_closed (void **state)
{
    static uint8_t bytes[4 << 20];
    int freed = 0, read_fd;
    slice_t slice = block_of (bytes, sizeof bytes, &freed);
    spout_t spout;
    assert_int_equal (spout_open (&spout, &slice, &read_fd), 0);
    assert_true (spout_pour (&spout, 0) && spout.fd >= 0); // it is full, and somebody may come and read
    slice_drop (&slice);
    close (read_fd);
    assert_false (spout_pour (&spout, 0));
    assert_int_equal (spout.fd, -1);
    assert_int_equal (freed, 1);
    spout_close (&spout);
}

//  Takes so much out of a pipe.
static void swallow (int fd, size_t size)
{
    static uint8_t bytes[1 << 20];
    for (ssize_t got; size; size -= (size_t)got) {
        got = read (fd, bytes, size < sizeof bytes ? size : sizeof bytes);
        assert_true (got > 0);
    }
}

//  Who reads a little is left alone until it has read a good part of the pipe; who reads all of it at once is not made
//  to wait, and who reads nothing costs nothing.
static void test_it_is_filled_at_the_reader_s_pace (void **state)
{
    enum { SOONEST = -1, LITTLE = 16 << 10, SOME = 400 << 10, MUCH = 600 << 10, ALL = 1 << 20 };
    static const struct {
        size_t taken;
        int late_ms; // after the last look's time
        int wait_ms; // SOONEST: as soon as it can be written to
    } rows[] = {
        {LITTLE, 0, 1},  {LITTLE, 0, 2},   {LITTLE, 0, 4},     {SOME, 0, 4},          {LITTLE, 0, 8},
        {LITTLE, 0, 16}, {LITTLE, 0, 16},  {MUCH, 0, 8},       {MUCH, 0, 4},          {ALL, 0, 2},
        {0, 0, SOONEST}, {LITTLE, 900, 8}, {MUCH, 0, 4},       {MUCH, 0, 2},          {MUCH, 0, 1},
        {ALL, 9, 1},     {SOME, 0, 1},     {MUCH, 0, SOONEST}, {LITTLE, 50, SOONEST},
    };
    static uint8_t bytes[16 << 20];
    int freed = 0, read_fd;
    slice_t slice = block_of (bytes, sizeof bytes, &freed);
    spout_t spout;
    assert_int_equal (spout_open (&spout, &slice, &read_fd), 0);
    slice_drop (&slice);
    if (spout.room < ALL) { // a user has so many pages in all, and others of his have them
        close (read_fd);
        spout_close (&spout);
        skip ();
    }
    assert_true (spout.look_ms == INT64_MAX);
    int64_t now = 1000;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        now = (spout.look_ms == INT64_MAX ? now : spout.look_ms) + rows[i].late_ms;
        swallow (read_fd, rows[i].taken);
        assert_true (spout_pour (&spout, now));
        int wait_ms = spout.look_ms == INT64_MAX ? SOONEST : (int)(spout.look_ms - now);
        if (wait_ms != rows[i].wait_ms)
            fail_msg ("row %zu: %d ms", i, wait_ms);
    }
    close (read_fd);
    spout_close (&spout);
    assert_int_equal (freed, 1);
}

//  What is expected is in its pipe before it is started: nothing that happens to the bytes later is seen.
static void test_what_is_expected_is_poured_ahead (void **state)
{
    uint8_t bytes[] = "?????????";
    int freed = 0;
    slice_t slice = block_of (bytes, 9, &freed);
    kitchen_t kitchen = open_kitchen ("cat", (runner_opts_t){0});
    runner_task_t task = task_of (1, &whole, &slice);
    runner_expect (kitchen.runner, &task);
    memcpy (bytes, "too late!", 9);
    runner_expect (kitchen.runner, &task); // the same: nothing to do
    start (&kitchen, 1, &whole, &slice);
    expect_done (&kitchen, 0, "abcdefghi");
    start (&kitchen, 2, &whole, &slice); // only once: this one comes again
    expect_done (&kitchen, 0, "too late!");
    slice_drop (&slice);
    assert_int_equal (freed, 1);
    close_kitchen (&kitchen);
}

//  Another one comes instead, or none.
static void test_what_is_expected_need_not_come (void **state)
{
    static uint8_t large[4 << 20];
    uint8_t small[] = "?????????";
    int freed_large = 0, freed_small = 0;
    slice_t slices[] = {block_of (large, sizeof large, &freed_large), block_of (small, 9, &freed_small)};
    kitchen_t kitchen = open_kitchen ("wc -c", (runner_opts_t){0});
    runner_task_t task = task_of (1, &whole, &slices[0]);
    runner_expect (kitchen.runner, &task);
    slice_drop (&slices[0]);
    start (&kitchen, 2, &whole, &slices[1]);
    expect_done (&kitchen, 0, "9\n");
    assert_int_equal (freed_large, 0); // it may still come
    task = task_of (2, &whole, &slices[1]);
    runner_expect (kitchen.runner, &task);
    slice_drop (&slices[1]);
    assert_int_equal (freed_large, 1);
    runner_expect (kitchen.runner, NULL);
    assert_int_equal (freed_small, 1);
    slice_t last = block_of (large, sizeof large, &freed_large);
    task = task_of (3, &whole, &last);
    runner_expect (kitchen.runner, &task);
    slice_drop (&last);
    close_kitchen (&kitchen);
    assert_int_equal (freed_large, 2);
}

//  Two at once, of which the first reads when the second has ended: neither holds up the other.
static void test_a_slow_reader_holds_nobody_up (void **state)
{
    static uint8_t bytes[4 << 20];
    int freed = 0;
    char gate[] = "/tmp/spout-XXXXXX", line[200];
    int fd = mkstemp (gate);
    assert_true (fd >= 0);
    close (fd);
    snprintf (line, sizeof line, "if [ $DISHES_SEQ = 1 ]; then until [ -s %s ]; do sleep 0.01; done; fi; wc -c", gate);
    slice_t slice = block_of (bytes, sizeof bytes, &freed);
    kitchen_t kitchen = open_kitchen (line, (runner_opts_t){0});
    start (&kitchen, 1, &whole, &slice);
    start (&kitchen, 2, &whole, &slice);
    runner_result_t *result = take (&kitchen);
    assert_int_equal (result->n, 2);
    runner_give_back (kitchen.runner, &result);
    FILE *file = fopen (gate, "w");
    fputs ("go", file);
    fclose (file);
    expect_done (&kitchen, 0, "4194304\n");
    unlink (gate);
    slice_drop (&slice);
    close_kitchen (&kitchen);
}

static void test_a_timeout_ends_who_never_reads (void **state)
{
    static uint8_t bytes[4 << 20];
    int freed = 0;
    slice_t slice = block_of (bytes, sizeof bytes, &freed);
    kitchen_t kitchen = open_kitchen ("sleep 1000", (runner_opts_t){.timeout_ms = 50});
    start (&kitchen, 1, &whole, &slice);
    slice_drop (&slice);
    runner_result_t *result = take (&kitchen);
    assert_true (result->timed_out);
    assert_int_equal (freed, 1);
    runner_give_back (kitchen.runner, &result);
    close_kitchen (&kitchen);
}

static void test_what_runs_is_dropped_with_the_runner (void **state)
{
    static uint8_t bytes[4 << 20];
    int freed = 0;
    slice_t slice = block_of (bytes, sizeof bytes, &freed);
    kitchen_t kitchen = open_kitchen ("sleep 1000", (runner_opts_t){0});
    start (&kitchen, 1, &whole, &slice);
    slice_drop (&slice);
    close_kitchen (&kitchen);
    assert_int_equal (freed, 1);
}

static slice_t slice_text (const char *text, size_t size)
{
    block_t *block = block_new (size ? size : 1);
    memcpy (block_data (block), text, size);
    slice_t slice = slice_of (block, 0, size);
    block_unref (block);
    return slice;
}

//  Items: with what ends them, or as the one value that has its length before it.
static void test_items (void **state)
{
    static const struct {
        const shape_t *shape;
        const char *bytes;
        size_t size;
        int status;
        const char *out;
    } rows[] = {
        {&lines, "a\nb\n", 4, 0, "a\\nb\\n"},    {&values, "\1\0\0\0\3\0\0\0a\0b", 11, 0, "a\\0b"},
        {&values, "\1\0\0\0\0\0\0\0", 8, 0, ""}, {&values, "\2\0\0\0\1\0\0\0a\1\0\0\0b", 14, 126, ""},
        {&values, "\0\0\0\0", 4, 126, ""},
    };
    kitchen_t kitchen = open_kitchen ("od -An -c | tr -d ' \\n'", (runner_opts_t){.want_text = true});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        slice_t slice = slice_text (rows[i].bytes, rows[i].size);
        start (&kitchen, i + 1, rows[i].shape, &slice);
        slice_drop (&slice);
        expect_done (&kitchen, rows[i].status, rows[i].out);
    }
    close_kitchen (&kitchen);
}

//  What a block is is not told with the results: it names no task, and is no tag.
static void test_a_block_is_no_name (void **state)
{
    char error[100];
    template_t *tag = template_text_new ("{}-{#}", NULL, error, sizeof error);
    slice_t slice = slice_text ("a\n", 2);
    kitchen_t kitchen = open_kitchen ("cat", (runner_opts_t){.want_item = true, .want_text = true, .tag = tag});
    start (&kitchen, 1, &whole, &slice);
    runner_result_t *result = take (&kitchen);
    value_cursor_t cursor;
    assert_string_equal (result->text, "cat");
    assert_string_equal (result->tag, "-1");
    assert_false (item_open (&cursor, result->item, result->item_bytes));
    runner_give_back (kitchen.runner, &result);
    slice_drop (&slice);
    close_kitchen (&kitchen);
    template_destroy (&tag);
}

int main (void)
{
    child_remember ();
    signal (SIGPIPE, SIG_IGN);
    prctl (PR_SET_CHILD_SUBREAPER, 1);
#define TEST(name) cmocka_unit_test_setup_teardown (name, begin, no_child_left)
    const struct CMUnitTest tests[] = {
        TEST (test_all_sizes),
        TEST (test_its_bytes_come_as_they_are),
        TEST (test_who_reads_less),
        TEST (test_a_pipe_without_a_reader_is_closed),
        TEST (test_it_is_filled_at_the_reader_s_pace),
        TEST (test_what_is_expected_is_poured_ahead),
        TEST (test_what_is_expected_need_not_come),
        TEST (test_a_slow_reader_holds_nobody_up),
        TEST (test_a_timeout_ends_who_never_reads),
        TEST (test_what_runs_is_dropped_with_the_runner),
        TEST (test_items),
        TEST (test_a_block_is_no_name),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
