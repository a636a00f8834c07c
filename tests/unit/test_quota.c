//  How many tasks a dryer does at a time, moved by signals and by a file. Time is an argument; the file's time stamps
//  are set, so that nothing here depends on how fast it goes.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"
#include "role/quota.h"

enum { MOST = 9 };

typedef struct {
    char file[64];
    char said[2000]; // all lines
    unsigned errors;
    int64_t stamp_s;
    talk_t talk;
    atomic_int balance;
    quota_t quota;
} desk_t;

static void on_line (void *arg, talk_level_t level, const char *text)
{
    desk_t *self = arg;
    size_t size = strlen (self->said);
    snprintf (self->said + size, sizeof self->said - size, "%s\n", text);
    self->errors += level == TALK_ERROR;
}

static int parse (const char *text, uint32_t *slots, char *error, size_t error_size)
{
    if (units_jobs (text, 2, MOST, slots) == 0)
        return 0;
    snprintf (error, error_size, "'%s' is bad", text);
    return -1;
}

//  Each time with a time stamp of its own.
static void put (desk_t *self, const char *text)
{
    int fd = open (self->file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true (fd >= 0);
    assert_int_equal (write (fd, text, strlen (text)), strlen (text));
    self->stamp_s++;
    const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000 + self->stamp_s}};
    assert_int_equal (futimens (fd, times), 0);
    close (fd);
}

static void desk_open (desk_t *self, uint32_t slots, const char *text)
{
    *self = (desk_t){.file = "/tmp/test_quota_XXXXXX"};
    self->talk = (talk_t){.arg = self, .line = on_line};
    close (mkstemp (self->file));
    quota_config_t config = {.most = MOST, .parse = parse, .file = text ? self->file : NULL, .balance = &self->balance};
    if (text)
        put (self, text);
    quota_init (&self->quota, &config, slots, &self->talk);
}

static void desk_close (desk_t *self)
{
    unlink (self->file);
}

static void assert_slots (desk_t *self, bool must_read, int64_t now_ms, uint32_t slots)
{
    uint32_t before = self->quota.slots;
    assert_int_equal (quota_look (&self->quota, must_read, now_ms), before != slots);
    assert_int_equal (self->quota.slots, slots);
}

static void test_signals_add_and_take (void **state)
{
    desk_t desk;
    desk_open (&desk, 2, NULL);
    assert_int_equal (desk.quota.look_ms, INT64_MAX);
    assert_slots (&desk, true, 0, 2);
    desk.balance = 3;
    assert_slots (&desk, false, 0, 5);
    assert_slots (&desk, false, 0, 5); // once
    desk.balance = 2;
    assert_slots (&desk, false, 0, 4);
    assert_string_equal (desk.said, "-j is 5 now\n-j is 4 now\n");
    desk_close (&desk);
}

//  What goes beyond an end is lost, so that the next signal the other way is seen.
static void test_there_is_a_least_and_a_most (void **state)
{
    desk_t desk;
    desk_open (&desk, 2, NULL);
    desk.balance = -7;
    assert_slots (&desk, false, 0, 1);
    desk.balance = -8;
    assert_slots (&desk, false, 0, 1);
    desk.balance = -7;
    assert_slots (&desk, false, 0, 2);
    desk.balance = 100;
    assert_slots (&desk, false, 0, MOST);
    desk.balance = 99;
    assert_slots (&desk, false, 0, MOST - 1);
    assert_non_null (strstr (desk.said, "-j stays 1: that is the least\n"));
    assert_non_null (strstr (desk.said, "-j stays 9: the limit on open files has no room for more\n"));
    assert_int_equal (desk.errors, 0);
    desk_close (&desk);
}

static void test_a_file_is_read_again (void **state)
{
    desk_t desk;
    desk_open (&desk, 3, "3\n");
    assert_slots (&desk, true, 1000, 3);
    put (&desk, " 50% \n more");
    assert_slots (&desk, false, 1001, 3); // not yet
    assert_slots (&desk, false, desk.quota.look_ms, 1);
    put (&desk, "+2");
    assert_slots (&desk, true, desk.quota.look_ms - 1, 4); // a task is done
    assert_int_equal (desk.errors, 0);
    desk_close (&desk);
}

//  Written within the grain of the file system's clock.
static void test_the_same_time_stamp_hides_nothing_at_a_completion (void **state)
{
    desk_t desk;
    desk_open (&desk, 3, "3");
    assert_slots (&desk, true, 0, 3);
    desk.stamp_s--;
    put (&desk, "4");
    assert_slots (&desk, false, desk.quota.look_ms, 3);
    assert_slots (&desk, true, 1, 4);
    desk_close (&desk);
}

//  Signals count on top of the file, until it is written again, be it with the same.
static void test_the_file_counts_when_it_is_written (void **state)
{
    desk_t desk;
    desk_open (&desk, 3, "3");
    desk.balance = 2;
    assert_slots (&desk, true, 0, 5);
    assert_slots (&desk, true, 10000, 5);
    put (&desk, "3");
    assert_slots (&desk, false, desk.quota.look_ms, 3);
    desk_close (&desk);
}

static void test_a_bad_file_is_told_of_once (void **state)
{
    static const char *const bad[] = {"nonsense\n", "10", "3 4", "-", "0x3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        desk_t desk;
        desk_open (&desk, 3, "3");
        assert_slots (&desk, true, 0, 3);
        put (&desk, bad[i]);
        for (int64_t now_ms = 1000; now_ms < 5000; now_ms += 100)
            assert_slots (&desk, true, now_ms, 3);
        assert_int_equal (desk.errors, 1);
        assert_non_null (strstr (desk.said, " is bad; -j stays 3\n"));
        put (&desk, "2");
        assert_slots (&desk, true, 9000, 2);
        desk_close (&desk);
    }
}

static void test_a_file_that_is_gone (void **state)
{
    desk_t desk;
    desk_open (&desk, 3, "3");
    assert_slots (&desk, true, 0, 3);
    unlink (desk.file);
    for (int64_t now_ms = 1000; now_ms < 5000; now_ms += 100)
        assert_slots (&desk, now_ms % 200 == 0, now_ms, 3);
    assert_int_equal (desk.errors, 1);
    assert_non_null (strstr (desk.said, "No such file or directory; -j stays 3\n"));
    put (&desk, "4");
    assert_slots (&desk, true, 9000, 4);
    desk_close (&desk);
}

//  `echo 4 > FILE` makes it empty first.
static void test_a_file_that_is_being_written (void **state)
{
    desk_t desk;
    desk_open (&desk, 3, "3");
    assert_slots (&desk, true, 0, 3);
    put (&desk, "");
    assert_slots (&desk, true, 1000, 3);
    assert_in_range (desk.quota.look_ms, 1001, 1200);
    assert_string_equal (desk.said, "");
    put (&desk, "4\n");
    assert_slots (&desk, false, desk.quota.look_ms, 4);
    put (&desk, "");
    assert_slots (&desk, true, 2000, 4);
    for (int64_t now_ms = 2100; now_ms < 5000; now_ms += 100)
        assert_slots (&desk, true, now_ms, 4);
    assert_int_equal (desk.errors, 1); // it stays empty
    desk_close (&desk);
}

static void test_what_a_file_is_said_to_hold (void **state)
{
    char text[QUOTA_TEXT_BYTES], error[300];
    assert_int_equal (quota_read_file ("/nonexistent/jobs", text, error, sizeof error), -1);
    assert_string_equal (error, "-j /nonexistent/jobs: No such file or directory");
    assert_int_equal (quota_read_file ("/tmp", text, error, sizeof error), -1);
    assert_string_equal (error, "-j /tmp: Is a directory");
    assert_int_equal (quota_read_file ("/dev/null", text, error, sizeof error), 0);
    assert_string_equal (text, "");
    assert_int_equal (quota_read_file ("/dev/zero", text, error, sizeof error), 0);
    assert_string_equal (text, "");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_signals_add_and_take),
        cmocka_unit_test (test_there_is_a_least_and_a_most),
        cmocka_unit_test (test_a_file_is_read_again),
        cmocka_unit_test (test_the_same_time_stamp_hides_nothing_at_a_completion),
        cmocka_unit_test (test_the_file_counts_when_it_is_written),
        cmocka_unit_test (test_a_bad_file_is_told_of_once),
        cmocka_unit_test (test_a_file_that_is_gone),
        cmocka_unit_test (test_a_file_that_is_being_written),
        cmocka_unit_test (test_what_a_file_is_said_to_hold),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
