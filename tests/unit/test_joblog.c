//  The job log is GNU parallel's, byte for byte.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "store/joblog.h"

#define HEAD "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n"

static char path[] = "/tmp/test_joblog-XXXXXX";

static size_t read_log (char *text, size_t size)
{
    FILE *file = fopen (path, "r");
    assert_non_null (file);
    size_t got = fread (text, 1, size - 1, file);
    fclose (file);
    text[got] = '\0';
    return got;
}

static joblog_record_t record (uint64_t seq, int64_t start_ns, int64_t runtime_ns, const char *command)
{
    return (joblog_record_t){.seq = seq,
                             .start_ns = start_ns,
                             .runtime_ns = runtime_ns,
                             .command = command,
                             .command_size = strlen (command)};
}

//  The lines are those of `parallel --joblog` 20221122.
static void test_lines (void **state)
{
    char text[1000];
    joblog_t *log = joblog_new (path, false);
    joblog_record_t job = record (1, 1795374257345600000, 98999999, "sleep 0.1; exit 1");
    job.received_bytes = 4;
    job.exit_value = 1;
    assert_int_equal (joblog_add (log, &job), 0);
    job = record (2, 1795374258070000000, INT64_C (123456789012345678), "kill -9 $$");
    job.signal = 9;
    job.host = "node2";
    assert_int_equal (joblog_add (log, &job), 0);
    job = record (3, 1795374259665000000, 1453000000, "sleep 3");
    job.exit_value = -1;
    job.signal = 15;
    assert_int_equal (joblog_add (log, &job), 0);
    assert_int_equal (read_log (text, sizeof text), 0);
    assert_int_equal (joblog_write (log), 0);
    read_log (text, sizeof text);
    assert_string_equal (text, HEAD "1\t:\t1795374257.346\t     0.098\t0\t4\t1\t0\tsleep 0.1; exit 1\n"
                                    "2\tnode2\t1795374258.070\t123456789.012\t0\t0\t0\t9\tkill -9 $$\n"
                                    "3\t:\t1795374259.665\t     1.453\t0\t0\t-1\t15\tsleep 3\n");
    joblog_destroy (&log);
    joblog_destroy (&log);
    assert_null (log);
}

static void test_newline_in_command (void **state)
{
    char text[1000];
    joblog_t *log = joblog_new (path, false);
    joblog_record_t job = record (7, 5000000, -3000000, "a\nb\n");
    assert_int_equal (joblog_add (log, &job), 0);
    assert_int_equal (joblog_write (log), 0);
    static const char want[] = HEAD "7\t:\t0.005\t    -0.003\t0\t0\t0\t0\ta\0b\0\n";
    assert_int_equal (read_log (text, sizeof text), sizeof want - 1);
    assert_memory_equal (text, want, sizeof want - 1);
    joblog_destroy (&log);
}

static void test_append_has_one_head_line (void **state)
{
    char text[1000];
    unlink (path);
    for (uint64_t i = 1; i <= 2; i++) {
        joblog_t *log = joblog_new (path, true);
        joblog_record_t job = record (i, 0, 0, "x");
        joblog_add (log, &job);
        assert_int_equal (joblog_write (log), 0);
        joblog_destroy (&log);
    }
    read_log (text, sizeof text);
    assert_string_equal (text, HEAD "1\t:\t0.000\t     0.000\t0\t0\t0\t0\tx\n2\t:\t0.000\t     0.000\t0\t0\t0\t0\tx\n");
}

static void test_errors (void **state)
{
    assert_null (joblog_new ("/nowhere/log", false));
    assert_int_equal (errno, ENOENT);
    joblog_t *log = joblog_new ("/dev/full", false);
    assert_non_null (log);
    assert_int_equal (joblog_write (log), -1);
    assert_int_equal (errno, ENOSPC);
    joblog_record_t job = record (1, 0, 0, "x");
    errno = 0;
    assert_int_equal (joblog_add (log, &job), -1);
    assert_int_equal (errno, ENOSPC);
    joblog_destroy (&log);
}

//  A full disk leaves whole lines.
static void test_no_torn_line (void **state)
{
    struct rlimit before, small;
    char text[2000];
    getrlimit (RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 500;
    signal (SIGXFSZ, SIG_IGN);
    joblog_t *log = joblog_new (path, false);
    for (uint64_t i = 0; i < 20; i++) {
        joblog_record_t job = record (100 + i, 0, 0, "true");
        assert_int_equal (joblog_add (log, &job), 0);
    }
    setrlimit (RLIMIT_FSIZE, &small);
    assert_int_equal (joblog_write (log), -1);
    assert_int_equal (errno, EFBIG);
    setrlimit (RLIMIT_FSIZE, &before);
    size_t size = read_log (text, sizeof text);
    assert_in_range (size, 400, 500);
    assert_int_equal (text[size - 1], '\n');
    joblog_destroy (&log);
}

static void check_quote (const char *value, const char *want)
{
    char out[200];
    size_t size = joblog_quote (value, strlen (value), out);
    assert_in_range (size, 0, JOBLOG_QUOTED_BYTES (strlen (value)));
    out[size] = '\0';
    assert_string_equal (out, want);
}

static void test_quote (void **state)
{
    check_quote ("", "''");
    check_quote ("plain-A_9.+/", "plain-A_9.+/");
    check_quote ("a b", "'a b'");
    check_quote ("q'uo", "'q'\"'\"'uo'");
    check_quote ("'", "\"'\"");
    check_quote ("''", "\"'\"''\"'\"");
    check_quote ("'a'", "\"'\"'a'\"'\"");
    check_quote ("back\\s", "'back\\s'");
    check_quote ("\xc3\xa4", "'\xc3\xa4'");
    check_quote ("$(id)\n", "'$(id)\n'");
}

//  Against the program itself, where it is installed.
static void test_quote_like_parallel (void **state)
{
    if (system ("command -v parallel >/dev/null 2>&1") != 0)
        skip ();
    static const char *values[] = {"", "'", "''", "a'b''c'", "x y", "~", "{", "=", ",", "@", "%", ":", "-n", "\xff"};
    const size_t count = sizeof values / sizeof *values;
    FILE *input = fopen (path, "w");
    for (size_t i = 0; i < count; i++)
        fwrite (values[i], 1, strlen (values[i]) + 1, input);
    fclose (input);
    char command[200], got[200];
    snprintf (command, sizeof command, "parallel --will-cite --dry-run -j1 -k -0 echo < %s 2>/dev/null", path);
    FILE *output = popen (command, "r");
    for (size_t i = 0; i < count; i++) {
        assert_non_null (fgets (got, sizeof got, output));
        got[strcspn (got, "\n")] = '\0';
        check_quote (values[i], got + strlen ("echo "));
    }
    pclose (output);
}

static int make_file (void **state)
{
    int fd = mkstemp (path);
    return fd < 0 ? -1 : close (fd);
}

static int remove_file (void **state)
{
    return unlink (path);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_lines),
        cmocka_unit_test (test_newline_in_command),
        cmocka_unit_test (test_append_has_one_head_line),
        cmocka_unit_test (test_errors),
        cmocka_unit_test (test_no_torn_line),
        cmocka_unit_test (test_quote),
        cmocka_unit_test (test_quote_like_parallel),
    };
    return cmocka_run_group_tests (tests, make_file, remove_file);
}
