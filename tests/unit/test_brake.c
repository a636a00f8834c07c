//  What holds back starts. Time is an argument, and what the machine says is in files of the test's own.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "run/brake.h"

typedef struct {
    char stat[40], meminfo[40];
    brake_t brake;
} desk_t;

static void desk_open (desk_t *self, brake_config_t config)
{
    *self = (desk_t){.stat = "/tmp/test_brake_stat_XXXXXX", .meminfo = "/tmp/test_brake_memory_XXXXXX"};
    close (mkstemp (self->stat));
    close (mkstemp (self->meminfo));
    brake_init (&self->brake, &config);
    self->brake.stat = self->stat;
    self->brake.meminfo = self->meminfo;
}

static void desk_close (desk_t *self)
{
    unlink (self->stat);
    unlink (self->meminfo);
}

//  The machine runs so many processes, ours among them, and so many wait for a disk.
static void runs (desk_t *self, int running, int blocked)
{
    FILE *file = fopen (self->stat, "w");
    fprintf (file, "cpu  1 2 3\nprocesses 99\nprocs_running %d\nprocs_blocked %d\nsoftirq 1 2\n", running, blocked);
    fclose (file);
}

static void has_free (desk_t *self, int mb)
{
    FILE *file = fopen (self->meminfo, "w");
    fprintf (file, "MemTotal:  24684084 kB\nMemFree: 1 kB\nMemAvailable:   %d kB\nBuffers:  97332 kB\n", mb * 1024);
    fclose (file);
}

//  How many of at most ten starts it lets go, each of which it is told of.
static int starts (desk_t *self, int64_t now_ms)
{
    int count = 0;
    for (; count < 10 && brake_lets (&self->brake, now_ms); count++)
        brake_started (&self->brake, now_ms);
    return count;
}

static void test_nothing_is_held_back_where_nothing_is_asked_for (void **state)
{
    desk_t desk;
    desk_open (&desk, (brake_config_t){0});
    assert_int_equal (starts (&desk, 0), 10);
    assert_false (brake_is_short (&desk.brake, 0));
    assert_int_equal (brake_due_ms (&desk.brake, true), INT64_MAX);
    desk_close (&desk);
}

static void test_a_rate_spaces_starts (void **state)
{
    desk_t desk;
    desk_open (&desk, (brake_config_t){.rate = 4});
    assert_int_equal (starts (&desk, 5000), 1);
    assert_int_equal (starts (&desk, 5249), 0);
    assert_in_range (brake_due_ms (&desk.brake, true), 5250, 5251);
    assert_int_equal (brake_due_ms (&desk.brake, false), INT64_MAX);
    assert_int_equal (starts (&desk, 5250), 1);
    assert_int_equal (starts (&desk, 60000), 1); // what was not started in a pause is lost
    desk_close (&desk);
}

static void test_a_rate_may_be_too_low_for_a_clock (void **state)
{
    desk_t desk;
    desk_open (&desk, (brake_config_t){.rate = 1e-30});
    assert_int_equal (starts (&desk, 5000), 1);
    assert_int_equal (brake_due_ms (&desk.brake, true), INT64_MAX);
    assert_int_equal (starts (&desk, 1 << 30), 0);
    desk_close (&desk);
}

//  Rates above what a clock of milliseconds and a loop that is late would give.
static void test_a_high_rate_is_kept_on_average (void **state)
{
    desk_t desk;
    int count = 0;
    desk_open (&desk, (brake_config_t){.rate = 300});
    for (int64_t now_ms = 0; now_ms < 10000; now_ms += now_ms % 3 ? 1 : 7)
        count += starts (&desk, now_ms);
    assert_in_range (count, 2990, 3001);
    desk_close (&desk);
}

static void test_a_load_counts_what_runs_and_what_waits_for_a_disk (void **state)
{
    static const struct {
        double load;
        int running, blocked, starts;
    } rows[] = {{4, 1, 0, 4}, {4, 4, 0, 1}, {4, 3, 1, 1}, {4, 5, 0, 0}, {4, 1, 9, 0}, {0.01, 1, 0, 1}, {0.01, 2, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        desk_t desk;
        desk_open (&desk, (brake_config_t){.load = rows[i].load});
        runs (&desk, rows[i].running, rows[i].blocked);
        assert_int_equal (starts (&desk, 0), rows[i].starts);
        assert_int_equal (starts (&desk, 50), 0); // until it looks again
        assert_int_equal (brake_due_ms (&desk.brake, true), 100);
        runs (&desk, 2, 0);
        assert_int_equal (starts (&desk, 100), rows[i].load > 1 ? 3 : 0);
        desk_close (&desk);
    }
}

static void test_memory_lets_one_go_at_a_time (void **state)
{
    desk_t desk;
    desk_open (&desk, (brake_config_t){.memfree_bytes = 100 << 20});
    has_free (&desk, 100);
    assert_int_equal (starts (&desk, 0), 1);
    assert_int_equal (brake_due_ms (&desk.brake, true), 10);
    assert_int_equal (starts (&desk, 10), 1);
    has_free (&desk, 99);
    assert_int_equal (starts (&desk, 20), 0);
    assert_false (brake_is_short (&desk.brake, 20));
    has_free (&desk, 49);
    assert_true (brake_is_short (&desk.brake, 30));
    assert_int_equal (brake_due_ms (&desk.brake, false), 130);
    has_free (&desk, 50);
    assert_false (brake_is_short (&desk.brake, 40));
    desk_close (&desk);
}

static void test_what_cannot_be_read_holds_nothing_back (void **state)
{
    desk_t desk;
    desk_open (&desk, (brake_config_t){.load = 1, .memfree_bytes = (uint64_t)1 << 60});
    assert_int_equal (starts (&desk, 0), 10); // the files are empty
    desk_close (&desk);
    assert_int_equal (starts (&desk, 1000), 10); // and now they are gone
    assert_false (brake_is_short (&desk.brake, 2000));
}

//  The kernel's own files have these names.
static void test_the_machine_is_read (void **state)
{
    brake_t brake;
    brake_init (&brake, &(brake_config_t){.load = 1 << 19, .memfree_bytes = 1});
    assert_true (brake_lets (&brake, 0));
    assert_int_equal (brake.room, 1);
    brake_init (&brake, &(brake_config_t){.load = 1 << 19});
    assert_true (brake_lets (&brake, 0));
    assert_in_range (brake.room, 1, 1 << 19);
    brake_init (&brake, &(brake_config_t){.memfree_bytes = (uint64_t)1 << 60});
    assert_false (brake_lets (&brake, 0));
    assert_true (brake_is_short (&brake, 0));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_nothing_is_held_back_where_nothing_is_asked_for),
        cmocka_unit_test (test_a_rate_spaces_starts),
        cmocka_unit_test (test_a_rate_may_be_too_low_for_a_clock),
        cmocka_unit_test (test_a_high_rate_is_kept_on_average),
        cmocka_unit_test (test_a_load_counts_what_runs_and_what_waits_for_a_disk),
        cmocka_unit_test (test_memory_lets_one_go_at_a_time),
        cmocka_unit_test (test_what_cannot_be_read_holds_nothing_back),
        cmocka_unit_test (test_the_machine_is_read),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
