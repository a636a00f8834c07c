//  --top: the lines that are shown of a run, and how they are put on a screen.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cmd/top.h"

static void s_check_shown (const top_view_t *view, const char *wanted)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream (&text, &size);
    assert_non_null (out);
    top_show (view, out);
    fclose (out);
    assert_string_equal (text, wanted);
    free (text);
}

static void test_a_run_that_goes_on (void **state)
{
    dryer_row_t dryers[] = {{.name = "d\033[2J", .host = "h\xc2\x9b\xff", .slots = 4, .prefetch = 64},
                            {.name = "d2", .host = "b", .slots = 12, .prefetch = 8, .leaving = true}};
    sink_status_t status = {.state = SINK_OPEN,
                            .durable = true,
                            .washer = "w\n1",
                            .up_ms = 61000,
                            .figures = {.ok = 30, .failed = 1, .broken = 2, .dropped = 3, .redelivered = 4, .lost = 5},
                            .dryers = 3,
                            .slots = 16,
                            .observers = 1,
                            .backlog = 2048};
    top_view_t view = {
        .at = "ipc://k", .run = 42, .status = &status, .dryers = dryers, .dryers_size = 2, .progress = "36 done"};
    s_check_shown (&view, "ipc://k  run 42  open, for 1m01s, with a journal\n"
                          "36 done\n"
                          "30 ok, 1 failed, 2 given up, 3 dropped; 4 sent again, 5 dryers lost\n"
                          "3 dryers, 16 slots; 1 look on; 2.0K bytes wait to be printed\n"
                          "washer w?1, lost\n"
                          "\n"
                          "SLOTS AHEAD  DRYER on HOST\n"
                          "    4    64  d?[2J on h??\n"
                          "   12     8  d2 on b, leaving\n"
                          "and 1 more\n");
    status = (sink_status_t){.state = SINK_WAITING};
    view = (top_view_t){.at = "ipc://k", .run = 42, .status = &status, .progress = "0 done"};
    s_check_shown (&view, "ipc://k  run 42  waiting, for 0s\n0 done\n"
                          "0 ok, 0 failed, 0 given up, 0 dropped; 0 sent again, 0 dryers lost\n"
                          "0 dryers, 0 slots; 0 look on; 0 bytes wait to be printed\nwasher none yet\n");
}

static void test_a_run_that_is_over (void **state)
{
    const ending_t ending = {.end = END_JOINED, .status = 2, .figures = {.total = 9, .ok = 7, .failed = 2}};
    const top_view_t view = {.at = "ipc://k", .run = 42, .ending = &ending, .progress = ""};
    s_check_shown (&view, "ipc://k  run 42  over, joined, exit status 2\n"
                          "7 ok, 2 failed, 0 given up, 0 dropped; 0 sent again, 0 dryers lost\n");
}

static void s_check_painted (const char *block, unsigned columns, unsigned rows, const char *wanted)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream (&text, &size);
    assert_non_null (out);
    top_paint (block, columns, rows, out);
    fclose (out);
    assert_string_equal (text, wanted);
    free (text);
}

static void test_a_screen_is_never_overrun (void **state)
{
    s_check_painted ("a\nb\n", 80, 24, "\033[Ha\033[K\r\nb\033[K\033[J");
    s_check_painted ("a\n\nb\nc\n", 80, 3, "\033[Ha\033[K\r\n\033[K\r\nb\033[K\033[J");
    s_check_painted ("abc\nabcd\n\xc3\xa4\xe2\x82\xac\xff\xff\n", 4, 24,
                     "\033[Habc\033[K\r\nabc\033[K\r\n\xc3\xa4\xe2\x82\xac\xff\033[K\033[J");
    s_check_painted ("", 80, 24, "\033[H\033[J");
    s_check_painted ("a\nb\n", 2, 1, "\033[Ha\033[K\033[J");
}

int main (void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test (test_a_run_that_goes_on),
                                       cmocka_unit_test (test_a_run_that_is_over),
                                       cmocka_unit_test (test_a_screen_is_never_overrun)};
    return cmocka_run_group_tests (tests, NULL, NULL);
}
