//  What a job log tells of the jobs of an earlier run, as GNU parallel reads it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/joblog.h"
#include "store/joblog_read.h"

#define HEAD                   "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n"
#define JOB(seq, exit, signal) seq "\t:\t1795374257.346\t     0.098\t0\t4\t" exit "\t" signal "\tgzip 'a b'\n"

static char path[] = "/tmp/test_joblog_read-XXXXXX";
static char said[300];
static joblog_jobs_t jobs;

static void write_bytes (const char *text, size_t size)
{
    FILE *file = fopen (path, "w");
    assert_non_null (file);
    assert_int_equal (fwrite (text, 1, size, file), size);
    fclose (file);
}

static void must_read (const char *text, size_t size)
{
    write_bytes (text, size);
    joblog_jobs_free (&jobs);
    if (joblog_read (path, &jobs, said, sizeof said) == -1)
        fail_msg ("%s", said);
}

static void must_refuse (const char *text, const char *words)
{
    write_bytes (text, strlen (text));
    joblog_jobs_free (&jobs);
    assert_int_equal (joblog_read (path, &jobs, said, sizeof said), -1);
    assert_int_equal (errno, EINVAL);
    if (!strstr (said, words) || !strstr (said, path) || strchr (said, '\n'))
        fail_msg ("'%s'; expected '%s'", said, words);
    assert_int_equal (jobs.logged.size, 0);
}

#define MUST_READ(text) must_read (text, sizeof (text) - 1)

static void test_jobs (void **state)
{
    MUST_READ (HEAD JOB ("1", "0", "0") JOB ("3", "1", "0") JOB ("2", "0", "0") JOB ("5", "0", "9")
                   JOB ("6", "-1", "15"));
    assert_int_equal (jobs.logged.total, 5);
    assert_true (ranges_cover (&jobs.logged, 1, 3));
    assert_true (ranges_cover (&jobs.logged, 5, 2));
    assert_false (ranges_has (&jobs.logged, 4));
    assert_int_equal (jobs.failed.total, 3);
    assert_true (ranges_has (&jobs.failed, 3));
    assert_true (ranges_cover (&jobs.failed, 5, 2));
}

static void test_last_line_of_a_job (void **state)
{
    MUST_READ (HEAD JOB ("1", "1", "0") JOB ("2", "1", "0") JOB ("1", "0", "0") JOB ("3", "0", "0")
                   JOB ("3", "2", "0"));
    assert_int_equal (jobs.logged.total, 3);
    assert_int_equal (jobs.failed.total, 2);
    assert_false (ranges_has (&jobs.failed, 1));
    assert_true (ranges_cover (&jobs.failed, 2, 2));
}

static void test_samples (void **state)
{
    MUST_READ (HEAD JOB ("2", "1", "0") "1\t:\t1.0\t0.1\t0\t0\t0\t0\ta\tb\0c\n" JOB (
        "2", "0", "0") "3\t:\t1.0\t0.1\t0\t0\t1\t0\t\n");
    samples_sort (&jobs.samples);
    assert_int_equal (jobs.samples.size, 2); // of 3 nobody knows
    assert_int_equal (jobs.samples.samples[0].n, 1);
    assert_true (jobs.samples.samples[0].hash == samples_hash ("a\tb\nc", 5));
    assert_int_equal (jobs.samples.samples[1].n, 2);
    assert_true (jobs.samples.samples[1].hash == samples_hash ("gzip 'a b'", 10));
    assert_true (jobs.samples.samples[1].hash != samples_hash ("gzip 'a c'", 10));
}

static void test_samples_of_many (void **state)
{
    static samples_t samples;
    char command[20];
    for (uint64_t n = 10000; n; n--)
        samples_add (&samples, n, command, (size_t)snprintf (command, sizeof command, "do %u", (unsigned)n));
    samples_sort (&samples);
    assert_true (samples.size > SAMPLES_MOST / 2 && samples.size <= SAMPLES_MOST);
    for (size_t i = 0; i < samples.size; i++) {
        assert_int_equal (samples.samples[i].n, (i + 1) * samples.step);
        int size = snprintf (command, sizeof command, "do %u", (unsigned)samples.samples[i].n);
        assert_true (samples.samples[i].hash == samples_hash (command, (size_t)size));
    }
}

static void test_nothing (void **state)
{
    MUST_READ ("");
    assert_int_equal (jobs.logged.size, 0);
    MUST_READ (HEAD);
    assert_int_equal (jobs.logged.size, 0);
    assert_int_equal (jobs.whole_bytes, sizeof HEAD - 1);
    unlink (path);
    assert_int_equal (joblog_read (path, &jobs, said, sizeof said), 0);
    assert_int_equal (jobs.logged.size + jobs.whole_bytes, 0);
}

static void test_odd_commands (void **state)
{
    MUST_READ (HEAD "1\tnode2\t5.000\t    -0.003\t10\t20\t0\t0\ta\0b\tc\r\0\n"
                    "2\t4/user@host\t1795374257.346\t123456789.012\t0\t0\t0\t0\t\n");
    assert_int_equal (jobs.logged.total, 2);
    assert_int_equal (jobs.failed.total, 0);
}

//  A crash tore the last line: its job is run again, and the file is to be cut.
static void test_torn (void **state)
{
    static const char text[] = HEAD JOB ("1", "0", "0") JOB ("2", "0", "0");
    size_t second = sizeof HEAD JOB ("1", "0", "0") - 1;
    for (size_t size = 0; size < sizeof text - 1; size++) {
        must_read (text, size);
        size_t whole = size >= second ? second : size >= sizeof HEAD - 1 ? sizeof HEAD - 1 : 0;
        assert_int_equal (jobs.whole_bytes, whole);
        assert_int_equal (jobs.logged.total, size >= second);
    }
}

static void test_refused (void **state)
{
    must_refuse ("hello\n", "not a job log: it has no head line");
    must_refuse (JOB ("1", "0", "0"), "no head line");
    must_refuse (HEAD "\n", "line 2 is not");
    must_refuse (HEAD JOB ("1", "0", "0") "2\t:\t3\n", "line 3 is not");
    must_refuse (HEAD JOB ("0", "0", "0"), "line 2");
    must_refuse (HEAD JOB ("-1", "0", "0"), "line 2");
    must_refuse (HEAD JOB ("1x", "0", "0"), "line 2");
    must_refuse (HEAD JOB ("99999999999999999999", "0", "0"), "line 2");
    must_refuse (HEAD JOB ("1", "", "0"), "line 2");
    must_refuse (HEAD JOB ("1", "0", "x"), "line 2");
    must_refuse (HEAD "1 : 1795374257.346 0.098 0 4 0 0 gzip\n", "line 2");
}

static void test_unreadable (void **state)
{
    assert_int_equal (joblog_read ("/", &jobs, said, sizeof said), -1);
    assert_int_equal (errno, EISDIR);
    assert_non_null (strstr (said, "job log /: cannot read it: Is a directory"));
}

//  What joblog writes is read back.
static void test_our_own (void **state)
{
    unlink (path);
    joblog_t *log = joblog_new (path, false);
    for (uint64_t seq = 1; seq <= 100000; seq++) {
        joblog_record_t record = {.seq = seq, .start_ns = 1, .exit_value = seq % 10 == 0, .command = "x\ny"};
        record.command_size = 3;
        assert_int_equal (joblog_add (log, &record), 0);
    }
    assert_int_equal (joblog_write (log), 0);
    joblog_destroy (&log);
    struct stat is;
    assert_int_equal (stat (path, &is), 0);
    joblog_jobs_free (&jobs);
    assert_int_equal (joblog_read (path, &jobs, said, sizeof said), 0);
    assert_int_equal (jobs.logged.total, 100000);
    assert_int_equal (jobs.logged.size, 1);
    assert_int_equal (jobs.failed.total, 10000);
    assert_int_equal (jobs.whole_bytes, is.st_size);
}

static int set_up (void **state)
{
    int fd = mkstemp (path);
    return fd == -1 ? -1 : close (fd);
}

static int tear_down (void **state)
{
    joblog_jobs_free (&jobs);
    return unlink (path);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_jobs),       cmocka_unit_test (test_last_line_of_a_job),
        cmocka_unit_test (test_samples),    cmocka_unit_test (test_samples_of_many),
        cmocka_unit_test (test_nothing),    cmocka_unit_test (test_odd_commands),
        cmocka_unit_test (test_torn),       cmocka_unit_test (test_refused),
        cmocka_unit_test (test_unreadable), cmocka_unit_test (test_our_own),
    };
    return cmocka_run_group_tests (tests, set_up, tear_down);
}
