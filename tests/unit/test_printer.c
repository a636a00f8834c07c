//  The printer's modes, order and tags, one sentence of the contract at a time.
#include "test_printer_help.h"

#include <errno.h>
#include <fcntl.h>

static int out_fd, err_fd;

static int setup (void **state)
{
    out_fd = memory_file ();
    err_fd = memory_file ();
    return 0;
}

static int teardown (void **state)
{
    close (out_fd);
    close (err_fd);
    return 0;
}

static printer_t *printer (printer_mode_t mode, bool keep_order, bool tag)
{
    printer_t *self = printer_new (
        &(printer_config_t){.mode = mode, .keep_order = keep_order, .tag = tag, .out_fd = out_fd, .err_fd = err_fd});
    assert_non_null (self);
    return self;
}

static void finish (printer_t *self, const char *out, const char *err)
{
    assert_int_equal (printer_flush (self, 0), 0);
    assert_int_equal (printer_backlog_bytes (self), 0);
    assert_int_equal (printer_consumed_bytes (self), printer_accepted_bytes (self));
    assert_file (out_fd, out);
    assert_file (err_fd, err);
    printer_destroy (&self);
    printer_destroy (&self);
    assert_null (self);
}

static void test_group_prints_whole_outputs (void **state)
{
    printer_t *self = printer (PRINTER_GROUP, false, false);
    piece (self, 1, 1, PRINTER_OUT, "a1 ");
    piece (self, 2, 2, PRINTER_OUT, "b1 ");
    piece (self, 2, 2, PRINTER_ERR, "be ");
    piece (self, 1, 1, PRINTER_OUT, "a2 ");
    done (self, 2, 2, "b2\n", "bf\n");
    done (self, 3, 3, "", "");
    done (self, 1, 1, "a3\n", "");
    finish (self, "b1 b2\na1 a2 a3\n", "be bf\n");
}

//  So that what a task wrote is a number of whole items, whatever it ends with.
static void test_a_task_ends_with_an_end_where_that_is_wanted (void **state)
{
    for (int keep = 0; keep < 2; keep++) {
        setup (state);
        printer_t *self = printer_new (
            &(printer_config_t){.is_ended = true, .end = ';', .keep_order = keep, .out_fd = out_fd, .err_fd = err_fd});
        done (self, 1, 1, "a;b", "no end");
        done (self, 2, 3, "", "");
        piece (self, 1, 2, PRINTER_OUT, "c");
        piece (self, 1, 2, PRINTER_OUT, ";d");
        done (self, 1, 2, "", "");
        piece (self, 1, 4, PRINTER_OUT, "e");
        done (self, 1, 4, "\n", "");
        done (self, 1, 5, "f;", "");
        finish (self, "a;b;c;d;e\n;f;", "no end");
        if (!keep)
            teardown (state);
    }
}

static void test_dropped_attempts_are_not_seen (void **state)
{
    printer_t *self = printer (PRINTER_GROUP, false, false);
    piece (self, 1, 1, PRINTER_OUT, "lost ");
    piece (self, 1, 2, PRINTER_ERR, "lost ");
    piece (self, 2, 1, PRINTER_OUT, "twice ");
    piece (self, 2, 3, PRINTER_OUT, "kept ");
    printer_drop_source (self, 1);
    printer_drop (self, 2, 1);
    printer_drop (self, 2, 99);
    done (self, 3, 1, "one\n", "");
    done (self, 1, 2, "two\n", "");
    done (self, 2, 3, "three\n", "");
    finish (self, "one\ntwo\nkept three\n", "");
}

static void test_lines_come_whole_and_at_once (void **state)
{
    printer_t *self = printer (PRINTER_LINES, false, false);
    piece (self, 1, 1, PRINTER_OUT, "a1\na");
    piece (self, 2, 2, PRINTER_OUT, "b1\nb2\n");
    piece (self, 1, 1, PRINTER_OUT, "2\na3");
    assert_int_equal (printer_write (self), 0);
    assert_file (out_fd, "a1\nb1\nb2\na2\n");
    piece (self, 2, 2, PRINTER_OUT, "b3");
    done (self, 1, 1, "x", "");
    done (self, 2, 2, "", "");
    finish (self, "a1\nb1\nb2\na2\na3xb3", "");
}

//  A progress display ends its lines with carriage returns; they are shown where there is no newline.
static void test_carriage_return_ends_a_line (void **state)
{
    printer_t *self = printer (PRINTER_LINES, false, false);
    piece (self, 1, 1, PRINTER_OUT, "10%\r20%");
    piece (self, 2, 2, PRINTER_OUT, "b\nc\rd");
    assert_int_equal (printer_write (self), 0);
    assert_file (out_fd, "10%\rb\n");
    printer_drop (self, 1, 1);
    done (self, 2, 2, "", "");
    finish (self, "10%\rb\nc\rd", "");
}

static void test_raw_prints_as_it_comes (void **state)
{
    printer_t *self = printer (PRINTER_RAW, false, true);
    piece (self, 1, 1, PRINTER_OUT, "a");
    piece (self, 2, 2, PRINTER_OUT, "b");
    piece (self, 1, 1, PRINTER_ERR, "e");
    assert_int_equal (printer_write (self), 0);
    assert_file (out_fd, "ab");
    done (self, 1, 1, "c\n", "");
    finish (self, "abc\n", "e");
}

static void test_order (void **state)
{
    printer_t *self = printer (PRINTER_GROUP, true, false);
    done (self, 1, 3, "3\n", "e3\n");
    piece (self, 1, 2, PRINTER_OUT, "2");
    done (self, 2, 5, "5\n", "");
    done (self, 2, 1, "1\n", "");
    assert_int_equal (printer_write (self), 0);
    assert_file (out_fd, "1\n");
    assert_int_equal (printer_empty_run (self, 4, 1), 0);
    done (self, 1, 2, "b\n", "e2\n");
    finish (self, "1\n2b\n3\n5\n", "e2\ne3\n");
}

static void test_order_may_begin_later (void **state)
{
    printer_t *self =
        printer_new (&(printer_config_t){.keep_order = true, .first = 100, .out_fd = out_fd, .err_fd = err_fd});
    done (self, 1, 101, "b", "");
    done (self, 1, 100, "a", "");
    finish (self, "ab", "");
}

static void test_whose_turn_it_is_streams_lines (void **state)
{
    printer_t *self = printer (PRINTER_LINES, true, false);
    piece (self, 2, 2, PRINTER_OUT, "b1\nb");
    piece (self, 2, 2, PRINTER_ERR, "be");
    piece (self, 1, 1, PRINTER_OUT, "a1\na");
    printer_write (self);
    assert_file (out_fd, "a1\n");
    done (self, 1, 1, "2\n", "");
    printer_write (self);
    assert_file (out_fd, "a1\na2\nb1\n");
    piece (self, 2, 2, PRINTER_OUT, "2\nb");
    printer_write (self);
    assert_file (out_fd, "a1\na2\nb1\nb2\n");
    done (self, 2, 2, "", "");
    finish (self, "a1\na2\nb1\nb2\nb", "be");
}

static void test_whose_turn_it_is_streams_bytes (void **state)
{
    printer_t *self = printer (PRINTER_RAW, true, false);
    piece (self, 2, 2, PRINTER_OUT, "b");
    piece (self, 1, 1, PRINTER_OUT, "a");
    printer_write (self);
    assert_file (out_fd, "a");
    assert_int_equal (printer_empty_run (self, 1, 1), 0);
    printer_write (self);
    assert_file (out_fd, "ab");
    piece (self, 2, 2, PRINTER_OUT, "c");
    done (self, 2, 2, "d", "");
    finish (self, "abcd", "");
}

static void test_done_twice (void **state)
{
    printer_t *self = printer (PRINTER_GROUP, true, false);
    printer_task_t first = task_of (7, 1, NULL), third = task_of (7, 3, NULL), fourth = task_of (7, 4, NULL);
    done (self, 1, 1, "1", "");
    done (self, 1, 3, "3", "");
    assert_int_equal (printer_empty_run (self, 4, 2), 0);
    piece (self, 7, 1, PRINTER_OUT, "x");
    piece (self, 7, 3, PRINTER_OUT, "x");
    assert_int_equal (printer_done (self, &first, "x", 1, "", 0), -1);
    assert_int_equal (errno, EEXIST);
    assert_int_equal (printer_done (self, &third, "x", 1, "", 0), -1);
    assert_int_equal (printer_done (self, &fourth, "x", 1, "", 0), -1);
    assert_int_equal (printer_error (self), 0);
    done (self, 1, 2, "2", "");
    finish (self, "123", "");
}

static void test_end_of_order_passes_over_gaps (void **state)
{
    printer_t *self = printer (PRINTER_GROUP, true, false);
    done (self, 1, 30, "30\n", "");
    done (self, 1, 7, "7\n", "");
    assert_int_equal (printer_empty_run (self, 5, 2), 0);
    piece (self, 1, 4, PRINTER_OUT, "unfinished");
    done (self, 1, 9, "9\n", "");
    printer_write (self);
    assert_file (out_fd, "");
    assert_int_equal (printer_end_order (self), 0);
    finish (self, "7\n9\n30\n", "");
}

//  As `parallel --tag 'printf "a{}\nb"; printf "e1\ne2" >&2' ::: 1 2` prints it.
static void test_tags (void **state)
{
    printer_t *self = printer (PRINTER_GROUP, false, true);
    piece (self, 1, 1, PRINTER_OUT, "a");
    done (self, 1, 1, "1\nb", "e1\ne2");
    done (self, 1, 2, "a2\nb", "");
    done (self, 1, 3, "\n\n", "");
    finish (self, "T1\ta1\nT1\tbT2\ta2\nT2\tbT3\t\nT3\t\n", "T1\te1\nT1\te2");
}

//  As parallel has it: printf "a\r\nb\n".
static void test_tags_follow_carriage_returns (void **state)
{
    printer_t *self = printer (PRINTER_GROUP, false, true);
    done (self, 1, 1, "a\r\nb\n", "");
    finish (self, "T1\ta\rT1\t\nT1\tb\n", "");
}

static void test_tags_of_streamed_lines (void **state)
{
    printer_t *self = printer (PRINTER_LINES, true, true);
    piece (self, 2, 2, PRINTER_OUT, "b1\nb");
    piece (self, 1, 1, PRINTER_OUT, "a1");
    piece (self, 1, 1, PRINTER_OUT, "\na");
    done (self, 1, 1, "2\n", "x");
    piece (self, 2, 2, PRINTER_OUT, "2\n");
    done (self, 2, 2, "b3", "");
    finish (self, "T1\ta1\nT1\ta2\nT2\tb1\nT2\tb2\nT2\tb3", "T1\tx");
}

//  A tag as long as an item may be is no special case.
static void test_tag_longer_than_any_buffer (void **state)
{
    enum { SIZE = 1000000 };
    char *tag = malloc (SIZE);
    memset (tag, 't', SIZE);
    printer_t *self = printer (PRINTER_GROUP, false, true);
    printer_task_t task = {.source = 1, .n = 1, .tag = tag, .tag_size = SIZE};
    assert_int_equal (printer_piece (self, &task, PRINTER_OUT, "a\n", 2), 0);
    assert_int_equal (printer_done (self, &task, "b\n", 2, "", 0), 0);
    assert_int_equal (printer_flush (self, 0), 0);
    size_t size;
    char *text = file_text (out_fd, &size);
    assert_int_equal (size, 2 * (SIZE + 3));
    assert_memory_equal (text + SIZE, "\ta\nttt", 6);
    assert_memory_equal (text + size - 4, "t\tb\n", 4);
    free (text);
    free (tag);
    printer_destroy (&self);
}

//  With 2>&1 the order between the two is kept.
static void test_one_file_for_both (void **state)
{
    printer_t *self = printer_new (&(printer_config_t){.out_fd = out_fd, .err_fd = out_fd});
    done (self, 1, 1, "o1\n", "e1\n");
    done (self, 1, 2, "o2\n", "e2\n");
    finish (self, "o1\ne1\no2\ne2\n", "");
}

static void test_output_file (void **state)
{
    char path[] = "/tmp/test_printer-XXXXXX", text[100];
    int fd = mkstemp (path);
    assert_int_equal (write (fd, "what was there before", 21), 21);
    printer_t *self = printer_new (&(printer_config_t){.out_path = path, .out_fd = out_fd, .err_fd = err_fd});
    done (self, 1, 1, "to the file\n", "to stderr\n");
    finish (self, "", "to stderr\n");
    assert_int_equal (pread (fd, text, sizeof text, 0), 12);
    assert_memory_equal (text, "to the file\n", 12);
    close (fd);
    unlink (path);
    assert_null (printer_new (&(printer_config_t){.out_path = "/nowhere/out", .out_fd = 1, .err_fd = 2}));
    assert_int_equal (errno, ENOENT);
    assert_null (printer_new (&(printer_config_t){.out_path = "/tmp", .out_fd = 1, .err_fd = 2}));
    assert_int_equal (errno, EISDIR);
}

//  Nobody knows when its reader comes, so that is for the caller to wait for.
static void test_a_fifo_without_a_reader_is_not_waited_for (void **state)
{
    char path[] = "/tmp/test_printer-XXXXXX", text[100];
    close (mkstemp (path));
    unlink (path);
    assert_int_equal (mkfifo (path, 0600), 0);
    assert_null (printer_new (&(printer_config_t){.out_path = path, .out_fd = out_fd, .err_fd = err_fd}));
    assert_int_equal (errno, EAGAIN);
    int reader = open (path, O_RDONLY | O_NONBLOCK);
    printer_t *self = printer_new (&(printer_config_t){.out_path = path, .out_fd = out_fd, .err_fd = err_fd});
    done (self, 1, 1, "to the reader\n", "");
    finish (self, "", "");
    assert_int_equal (read (reader, text, sizeof text), 14);
    assert_memory_equal (text, "to the reader\n", 14);
    close (reader);
    unlink (path);
}

//  A file that somebody else appends to through the same description is not written over.
static void test_shared_offset (void **state)
{
    assert_int_equal (write (out_fd, "before\n", 7), 7);
    printer_t *self = printer (PRINTER_GROUP, false, false);
    done (self, 1, 1, "1\n", "");
    printer_write (self);
    assert_int_equal (write (out_fd, "between\n", 8), 8);
    done (self, 1, 2, "2\n", "");
    finish (self, "before\n1\nbetween\n2\n", "");
}

static void test_numbers_without_output_cost_nothing (void **state)
{
    printer_t *self = printer (PRINTER_GROUP, true, false);
    enum { MILLION = 1000000 };
    for (uint64_t n = 1; n <= MILLION; n++)
        assert_int_equal (printer_empty_run (self, n, 1), 0);
    for (uint64_t n = 2 * MILLION; n > MILLION + 1; n--)
        assert_int_equal (printer_empty_run (self, n, 1), 0);
    assert_int_equal (printer_empty_run (self, 2 * MILLION + 1, UINT64_C (1) << 60), 0);
    done (self, 1, MILLION + 1, "now\n", "");
    done (self, 1, 2 * MILLION + 1 + (UINT64_C (1) << 60), "last\n", "");
    finish (self, "now\nlast\n", "");
}

int main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST (test_group_prints_whole_outputs),
        TEST (test_dropped_attempts_are_not_seen),
        TEST (test_a_task_ends_with_an_end_where_that_is_wanted),
        TEST (test_lines_come_whole_and_at_once),
        TEST (test_carriage_return_ends_a_line),
        TEST (test_raw_prints_as_it_comes),
        TEST (test_order),
        TEST (test_order_may_begin_later),
        TEST (test_whose_turn_it_is_streams_lines),
        TEST (test_whose_turn_it_is_streams_bytes),
        TEST (test_done_twice),
        TEST (test_end_of_order_passes_over_gaps),
        TEST (test_tags),
        TEST (test_tags_follow_carriage_returns),
        TEST (test_tags_of_streamed_lines),
        TEST (test_tag_longer_than_any_buffer),
        TEST (test_one_file_for_both),
        TEST (test_output_file),
        TEST (test_a_fifo_without_a_reader_is_not_waited_for),
        TEST (test_shared_offset),
        TEST (test_numbers_without_output_cost_nothing),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
