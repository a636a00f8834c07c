//  The progress line: what it says, how often, and that it leaves the terminal clean.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "store/progress.h"

static char out[PROGRESS_LINE_BYTES + 1];

static const char *update (progress_t *self, progress_counts_t counts, int64_t now_ms)
{
    out[progress_update (self, &counts, now_ms, out)] = '\0';
    return out;
}

static const char *end (progress_t *self, progress_counts_t counts, int64_t now_ms)
{
    out[progress_end (self, &counts, now_ms, out)] = '\0';
    return out;
}

static progress_t *terminal (progress_style_t style, int width)
{
    return progress_new (&(progress_config_t){.style = style, .terminal = true, .width = width, .start_ms = 1000});
}

static const progress_counts_t half = {.total = 1000, .total_known = true, .finished = 500, .failed = 3, .running = 4};

static void test_bar (void **state)
{
    progress_t *self = terminal (PROGRESS_BAR, 60);
    assert_string_equal (update (self, half, 6000),
                         "\r[=======>        ]  50%  500/1000  3 failed  100/s  5s left\033[K");
    progress_destroy (&self);
    progress_destroy (&self);
    assert_null (self);
}

static void test_bar_fits_every_width (void **state)
{
    for (int width = 1; width < 300; width++) {
        progress_t *self = terminal (PROGRESS_BAR, width);
        size_t size = strlen (update (self, half, 6000));
        assert_in_range (size, 4, 4 + (size_t)width - 1);
        progress_destroy (&self);
    }
}

static void test_styles (void **state)
{
    progress_t *self = terminal (PROGRESS_ETA, 80);
    assert_string_equal (update (self, half, 6000), "\r 50%  500/1000  3 failed  100/s  5s left\033[K");
    progress_destroy (&self);
    self = terminal (PROGRESS_COUNTS, 80);
    assert_string_equal (update (self, half, 6000), "\r4 running  500/1000 done  3 failed  100/s  5s\033[K");
    progress_destroy (&self);
}

static void test_unknown_total (void **state)
{
    progress_t *self = terminal (PROGRESS_BAR, 80);
    progress_counts_t counts = {.finished = 50};
    assert_string_equal (update (self, counts, 11000), "\r50 done  5.0/s  10s\033[K");
    counts.total = 60;
    assert_string_equal (update (self, counts, 11200), "\r50/60+ done  4.9/s  10s\033[K");
    progress_destroy (&self);
}

static void test_nothing_done_yet (void **state)
{
    progress_t *self = terminal (PROGRESS_ETA, 80);
    progress_counts_t counts = {.total = 10, .total_known = true};
    assert_string_equal (update (self, counts, 5000), "\r  0%  0/10\033[K");
    counts = (progress_counts_t){.total_known = true};
    assert_string_equal (update (self, counts, 6000), "\r100%  0/0  5s\033[K");
    progress_destroy (&self);
}

static void test_slow_rate_and_floor_of_percent (void **state)
{
    progress_t *self = terminal (PROGRESS_ETA, 80);
    progress_counts_t counts = {.total = 1000, .total_known = true, .finished = 999};
    assert_non_null (strstr (update (self, counts, 11000), " 99%"));
    progress_destroy (&self);
    self = terminal (PROGRESS_ETA, 80);
    counts.finished = 1;
    assert_non_null (strstr (update (self, counts, 10000), "6.7/min"));
    progress_destroy (&self);
}

static void test_throttle (void **state)
{
    progress_t *self = terminal (PROGRESS_ETA, 80);
    progress_counts_t counts = {.total = 100000, .total_known = true};
    int drawn = 0;
    assert_int_equal (progress_due_ms (self, 1000), 1100);
    for (int64_t now_ms = 1000; now_ms < 11000; now_ms++) {
        counts.finished += 7;
        drawn += *update (self, counts, now_ms) != '\0';
    }
    assert_in_range (drawn, 90, 100);
    progress_destroy (&self);
}

static void test_same_text_is_not_drawn_again (void **state)
{
    progress_t *self = terminal (PROGRESS_COUNTS, 80);
    progress_counts_t counts = {.running = 2};
    assert_string_equal (update (self, counts, 1100), "\r2 running  0 done  0s\033[K");
    assert_string_equal (update (self, counts, 1200), "");
    assert_string_not_equal (update (self, counts, 2100), "");
    progress_destroy (&self);
}

static void test_clear_and_end (void **state)
{
    progress_t *self = terminal (PROGRESS_ETA, 80);
    assert_int_equal (progress_clear (self, out), 0);
    update (self, half, 6000);
    out[progress_clear (self, out)] = '\0';
    assert_string_equal (out, "\r\033[K");
    assert_int_equal (progress_clear (self, out), 0);
    assert_string_not_equal (update (self, half, 6100), "");
    progress_counts_t all = half;
    all.finished = 1000;
    assert_string_equal (end (self, all, 11000), "\r100%  1000/1000  3 failed  100/s  10s\033[K\n");
    assert_int_equal (progress_clear (self, out), 0);
    progress_destroy (&self);
}

//  In a file each drawing is a line, without control characters, and fewer and fewer of them.
//  As often as it is asked for, also where nothing has changed.
static void test_the_line_alone (void **state)
{
    progress_t *self = progress_new (&(progress_config_t){.style = PROGRESS_ETA, .start_ms = 1000});
    for (int i = 0; i < 3; i++) {
        progress_line (self, &half, 6000, out);
        assert_string_equal (out, " 50%  500/1000  3 failed  100/s  5s left");
    }
    progress_destroy (&self);
}

static void test_not_a_terminal (void **state)
{
    progress_t *self = progress_new (&(progress_config_t){.style = PROGRESS_ETA, .start_ms = 0});
    progress_counts_t counts = {.total = 1000000, .total_known = true};
    int lines = 0;
    for (int64_t now_ms = 0; now_ms < 3600 * 1000; now_ms += 100) {
        counts.finished += 10;
        const char *line = update (self, counts, now_ms);
        if (*line) {
            assert_null (strpbrk (line, "\r\033"));
            assert_ptr_equal (strchr (line, '\n'), line + strlen (line) - 1);
            lines++;
        }
    }
    assert_in_range (lines, 60, 70);
    assert_non_null (strchr (end (self, counts, 3600 * 1000), '\n'));
    assert_string_equal (end (self, counts, 3600 * 1000), "");
    progress_destroy (&self);
}

//  A rate that follows a change of pace within seconds, without jumping.
static void test_rate_follows (void **state)
{
    progress_t *self = terminal (PROGRESS_COUNTS, 80);
    progress_counts_t counts = {.finished = 0};
    for (int64_t now_ms = 1000; now_ms < 61000; now_ms += 100) {
        counts.finished += now_ms < 31000 ? 10 : 1;
        update (self, counts, now_ms);
        if (now_ms == 31000)
            assert_true (strstr (out, "  100/s") || strstr (out, "  99/s"));
    }
    update (self, counts, 61000);
    assert_true (strstr (out, "  14/s") || strstr (out, "  15/s"));
    progress_destroy (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_bar),
        cmocka_unit_test (test_bar_fits_every_width),
        cmocka_unit_test (test_styles),
        cmocka_unit_test (test_unknown_total),
        cmocka_unit_test (test_nothing_done_yet),
        cmocka_unit_test (test_slow_rate_and_floor_of_percent),
        cmocka_unit_test (test_throttle),
        cmocka_unit_test (test_same_text_is_not_drawn_again),
        cmocka_unit_test (test_clear_and_end),
        cmocka_unit_test (test_the_line_alone),
        cmocka_unit_test (test_not_a_terminal),
        cmocka_unit_test (test_rate_follows),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
