//  Answers cut out of what a filter writes, items laid out for it, and the process itself with its pipes.
//  ctest: one-thread
#include "role/errands.h"
#include "run/filter.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { LAST_WAIT_MS = 20000 };

//  ---- answers

//  Gives the bytes in pieces of `piece`; the answers, each in brackets, and what is left.
static void cut (const answer_shape_t *shape, const char *bytes, size_t piece, char *found)
{
    answers_t answers;
    const uint8_t *data;
    size_t size, room, all = strlen (bytes);
    answers_init (&answers, shape);
    *found = 0;
    for (size_t at = 0; at < all; at += size) {
        size = all - at < piece ? all - at : piece;
        memcpy (answers_room (&answers, size, &room), bytes + at, size);
        assert_true (room >= size);
        answers_add (&answers, size);
        for (size_t answer; answers_next (&answers, &data, &answer);)
            sprintf (found + strlen (found), "[%.*s]", (int)answer, (const char *)data);
    }
    size = answers_rest (&answers, &data);
    sprintf (found + strlen (found), "%.*s", (int)size, (const char *)data);
    answers_free (&answers);
}

static void test_answers_are_cut_wherever_a_read_ends (void **state)
{
    static const struct {
        answer_shape_t shape;
        const char *bytes, *found;
    } rows[] = {
        {{'\n', 1, NULL}, "a\n\nbc\nd", "[a\n][\n][bc\n]d"},
        {{'\n', 2, NULL}, "a\n\nbc\nd", "[a\n\n]bc\nd"},
        {{'\n', 3, NULL}, "1\n2\n3\n4\n5\n6\n", "[1\n2\n3\n][4\n5\n6\n]"},
        {{';', 1, NULL}, "a\nb;c;", "[a\nb;][c;]"},
        {{'\n', 1, "end"}, "a\nend\nend\nend.\n end\nend\nx", "[a\n][][end.\n end\n]x"},
        {{'\n', 1, ""}, "a\nb\n\n\nc\n", "[a\nb\n][]c\n"},
        {{'\n', 1, NULL}, "", ""},
    };
    char found[256];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t piece = 1; piece < 40; piece++) {
            cut (&rows[i].shape, rows[i].bytes, piece, found);
            assert_string_equal (found, rows[i].found);
        }
}

//  A long line is looked at once, not again with each read.
static void test_a_long_answer_stays_whole (void **state)
{
    enum { READS = 2000, BYTES = 4096 };
    answers_t answers;
    const uint8_t *data;
    size_t size, room;
    answers_init (&answers, &(answer_shape_t){'\n', 2, NULL});
    for (int i = 0; i < READS; i++) {
        memset (answers_room (&answers, BYTES, &room), 'x', BYTES);
        answers_add (&answers, BYTES);
        assert_false (answers_next (&answers, &data, &size));
    }
    memcpy (answers_room (&answers, 2, &room), "\n\n", 2);
    answers_add (&answers, 2);
    assert_true (answers_next (&answers, &data, &size));
    assert_int_equal (size, READS * BYTES + 2);
    answers_free (&answers);
}

//  ---- errands

static job_t job_of (uint64_t n, uint64_t count, const shape_t *shape, const void *bytes, size_t size)
{
    block_t *block = block_new (size);
    memcpy (block_data (block), bytes, size);
    job_t job = {
        .ticket = n + 100, .n = n, .count = count, .attempt = 1, .shape = *shape, .bytes = slice_of (block, 0, size)};
    block_unref (block);
    return job;
}

//  All that is to be written, by at most `most` bytes at a time.
static void write_all (errands_t *errands, bool alone, size_t most, char *text)
{
    struct iovec part;
    *text = 0;
    while (errands_parts (errands, &part, 1, alone)) {
        size_t size = part.iov_len < most ? part.iov_len : most;
        strncat (text, part.iov_base, size);
        errands_gave (errands, size);
    }
}

static const shape_t lines = {.format = BLOCK_DELIMITED, .delimiter = '\n', .columns = 1, .items = 1};

static void test_items_go_as_they_lie (void **state)
{
    for (size_t most = 1; most < 12; most++) {
        errands_t errands = {.delimiter = '\n'};
        errand_head_t head;
        char text[64];
        job_t one = job_of (1, 3, &lines, "a\n\nbc\n", 6), two = job_of (4, 1, &lines, "d\n", 2);
        assert_int_equal (errands_add (&errands, &one), 0);
        write_all (&errands, false, most, text);
        assert_string_equal (text, "a\n\nbc\n");
        assert_int_equal (errands_add (&errands, &two), 0);
        assert_int_equal (errands.tasks, 4);
        for (uint64_t n = 1; n <= 2; n++) {
            assert_true (errands_head (&errands, &head));
            assert_int_equal (head.n, n);
            assert_true (head.is_given);
            errands_drop_head (&errands, &head);
        }
        write_all (&errands, false, most, text); // the rest of one job is given, the next is not
        assert_string_equal (text, "d\n");
        errands_again (&errands); // another filter gets all that is not answered
        assert_true (errands_head (&errands, &head));
        assert_false (head.is_given);
        write_all (&errands, true, most, text); // one of them only
        assert_string_equal (text, "bc\n");
        assert_true (errands_head (&errands, &head));
        assert_int_equal (head.ticket, 101);
        assert_true (head.is_given);
        errands_drop_head (&errands, &head);
        write_all (&errands, false, most, text);
        assert_string_equal (text, "d\n");
        errands_free (&errands);
    }
}

//  What has other ends is a copy, a value a line; what holds the delimiter is never given.
static void test_items_of_another_shape (void **state)
{
    static const shape_t nul = {.format = BLOCK_DELIMITED, .delimiter = 0, .columns = 1, .items = 1};
    static const shape_t pairs = {.format = BLOCK_PREFIXED, .columns = 2, .items = 1};
    static const char two[] = "\2\0\0\0\1\0\0\0x\2\0\0\0yz";
    errands_t errands = {.delimiter = '\n'};
    errand_head_t head;
    char text[64];
    job_t one = job_of (1, 3, &nul, "a\0b\nc\0d\0", 8), other = job_of (4, 1, &pairs, two, sizeof two - 1);
    assert_int_equal (errands_add (&errands, &one), 0);
    assert_int_equal (errands_add (&errands, &other), 0);
    write_all (&errands, false, 2, text);
    assert_string_equal (text, "a\nd\nx\nyz\n");
    static const bool unfit[] = {false, true, false, false};
    for (uint64_t n = 1; n <= 4; n++) {
        assert_true (errands_head (&errands, &head));
        assert_int_equal (head.n, n);
        assert_int_equal (head.unfit, unfit[n - 1]);
        assert_int_equal (head.is_given, !unfit[n - 1]);
        errands_drop_head (&errands, &head);
    }
    assert_false (errands_head (&errands, &head));
    errands_free (&errands);
}

//  ---- the process

typedef struct {
    spawner_t *spawner;
    filter_t filter;
} kitchen_t;

static int set_up (void **state)
{
    kitchen_t *kitchen = calloc (1, sizeof *kitchen);
    signal (SIGPIPE, SIG_IGN);
    kitchen->spawner = spawner_new ();
    filter_init (&kitchen->filter, &(answer_shape_t){'\n', 1, NULL});
    *state = kitchen;
    return 0;
}

static int tear_down (void **state)
{
    kitchen_t *kitchen = *state;
    filter_free (&kitchen->filter);
    spawner_destroy (&kitchen->spawner);
    free (kitchen);
    return 0;
}

static filter_t *start (kitchen_t *kitchen, const char *script)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)(uintptr_t)script, NULL};
    child_spec_t spec = {.program = "/bin/sh", .argv = argv, .envp = environ};
    assert_int_equal (filter_start (&kitchen->filter, kitchen->spawner, &spec), 0);
    assert_true (filter_runs (&kitchen->filter));
    return &kitchen->filter;
}

static void wait_for (int fd, short events)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    assert_int_equal (poll (&poll_fd, 1, LAST_WAIT_MS), 1);
}

static ssize_t give (filter_t *filter, const char *text)
{
    return filter_write (filter, &(struct iovec){.iov_base = (void *)(uintptr_t)text, .iov_len = strlen (text)}, 1);
}

//  The next answer, waited for.
static void assert_answers (filter_t *filter, const char *expected)
{
    const uint8_t *data;
    size_t size;
    while (!answers_next (&filter->answers, &data, &size)) {
        wait_for (filter->out, POLLIN);
        assert_true (filter_read (filter) >= 0);
    }
    assert_int_equal (size, strlen (expected));
    assert_memory_equal (data, expected, size);
}

static void assert_ends (filter_t *filter, int status, int number)
{
    int found, signal;
    wait_for (filter->child.pidfd, POLLIN);
    assert_int_equal (filter_reap (filter, &found, &signal), 0);
    assert_int_equal (found, status);
    assert_int_equal (signal, number);
    assert_false (filter_runs (filter));
}

static void test_it_answers_and_sees_the_end (void **state)
{
    filter_t *filter = start (*state, "while read x; do echo \"<$x>\"; done; echo done; exit 3");
    assert_int_equal (filter_read (filter), 0);
    assert_int_equal (give (filter, "a\nb\n"), 4);
    assert_answers (filter, "<a>\n");
    assert_answers (filter, "<b>\n");
    assert_true (filter_has_read (filter));
    assert_true (filter_cpu_ns (filter) >= 0);
    filter_close_in (filter);
    assert_answers (filter, "done\n");
    assert_ends (filter, 3, 0);
    while (filter->out != -1)
        filter_read (filter);
    assert_int_equal (errno, EPIPE);
    filter = start (*state, "read x; echo again $x"); // the same one, for the next process
    assert_true (give (filter, "c\n") > 0);
    assert_answers (filter, "again c\n");
    assert_ends (filter, 0, 0);
}

static void test_pipes_that_are_full_never_block (void **state)
{
    filter_t *filter = start (*state, "exec sleep 1000");
    char bytes[4096];
    memset (bytes, 'x', sizeof bytes - 1);
    bytes[sizeof bytes - 1] = 0;
    ssize_t done, all = 0;
    while ((done = give (filter, bytes)) > 0)
        all += done;
    assert_int_equal (done, 0);
    assert_true (all >= 4096);
    assert_false (filter_has_read (filter));
    child_signal (&filter->child, SIGKILL);
    assert_ends (filter, 0, SIGKILL);
    assert_int_equal (give (filter, "x"), -1);
    assert_int_equal (errno, EPIPE);
}

static void test_its_complaints_are_kept_up_to_a_bound (void **state)
{
    filter_t *filter = start (*state, "head -c 1500000 /dev/zero >&2; echo said");
    while (filter->err != -1) {
        wait_for (filter->err, POLLIN);
        filter_read_err (filter);
    }
    assert_int_equal (filter->complaints.size, FILTER_ERR_BYTES);
    assert_int_equal (filter->left_out, 1500000 - FILTER_ERR_BYTES);
    assert_answers (filter, "said\n");
    assert_ends (filter, 0, 0);
}

static void test_what_cannot_be_started_leaves_nothing (void **state)
{
    kitchen_t *kitchen = *state;
    char *argv[] = {(char *)"no-such-command", NULL};
    child_spec_t spec = {.program = argv[0], .argv = argv, .envp = environ};
    assert_int_equal (filter_start (&kitchen->filter, kitchen->spawner, &spec), -1);
    assert_int_equal (errno, ENOENT);
    assert_false (filter_runs (&kitchen->filter));
    assert_int_equal (kitchen->filter.in, -1);
    assert_int_equal (kitchen->filter.out, -1);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_answers_are_cut_wherever_a_read_ends),
        cmocka_unit_test (test_a_long_answer_stays_whole),
        cmocka_unit_test (test_items_go_as_they_lie),
        cmocka_unit_test (test_items_of_another_shape),
        cmocka_unit_test_setup_teardown (test_it_answers_and_sees_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown (test_pipes_that_are_full_never_block, set_up, tear_down),
        cmocka_unit_test_setup_teardown (test_its_complaints_are_kept_up_to_a_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown (test_what_cannot_be_started_leaves_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
