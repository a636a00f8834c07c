//  What a commit said is durable is there, whatever ends the writer; and what stops a commit: a full disk does, a
//  reader does not.
//  ctest: one-thread
#include "test_journal_help.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

//  ---- kill -9

//  What the writer says after a commit: all that was told before it.
typedef struct {
    uint64_t counted, failed, blocks;
} said_t;

//  Counts the number in an order that leaves gaps: of each ten, the last first.
static uint64_t place_of (uint64_t i)
{
    return i / 10 * 10 + (10 - i % 10);
}

static bool fails (uint64_t n)
{
    return n % 7 == 0;
}

//  Goes on where the journal stopped, until it is killed. The cursor is always ten bytes a counted task.
static void write_on (int acks)
{
    journal_t *journal = try_open (JOURNAL_CONTINUE);
    said_t now = {0};
    if (!journal)
        _exit (1);
    sink_restored_t restored;
    journal_restored (journal, &restored);
    now.counted = restored.counted.total;
    now.failed = restored.figures.failed;
    for (uint64_t i = now.counted, step = 1;; step++) {
        for (uint64_t end = i + step % 23; i < end; i++) {
            complete (journal, place_of (i), 1, fails (place_of (i)) ? TASK_FAILED : TASK_OK);
            now.failed += fails (place_of (i));
        }
        now.counted = i;
        now.blocks = i / 50 * 50;
        journal_block (journal, now.blocks, now.blocks * 3);
        journal_cursor (journal, i * 10, i);
        if (journal_commit (journal) == -1 || write (acks, &now, sizeof now) != sizeof now)
            _exit (2);
    }
}

static void check (const said_t *acked)
{
    sink_restored_t r;
    uint64_t hash;
    char want[40];
    journal_t *journal = must_open (JOURNAL_CONTINUE);
    journal_restored (journal, &r);
    assert_true (r.counted.total >= acked->counted);
    for (uint64_t i = 0; i < r.counted.total; i++)
        assert_true (ranges_has (&r.counted, place_of (i)));
    assert_true (r.figures.failed >= acked->failed);
    assert_int_equal (r.figures.ok + r.figures.failed, r.counted.total);
    assert_int_equal (journal_run (journal).printed_bytes, r.counted.total * 10);
    if (acked->blocks >= 50) {
        uint64_t last = (uint64_t)atoll (ask ("SELECT max (n + count - 1) FROM block"));
        assert_true (last >= acked->blocks);
        assert_true (journal_block_known (journal, last, &hash));
        assert_int_equal (hash, last * 3);
    }
    snprintf (want, sizeof want, "%llu", (unsigned long long)r.figures.failed);
    assert_string_equal (ask ("SELECT count (*) FROM failed"), want);
    journal_close (&journal);
}

static void nap (long ns)
{
    nanosleep (&(struct timespec){.tv_nsec = ns}, NULL);
}

//  Thirty times, at moments that chance picks: some commits on, and then somewhere in the next.
static void test_killed_writers (void **state)
{
    said_t acked = {0};
    unsigned seed = (unsigned)getpid ();
    for (int life = 0; life < 30; life++) {
        int acks[2];
        assert_int_equal (pipe (acks), 0);
        pid_t pid = fork ();
        if (pid == 0)
            write_on (acks[1]);
        close (acks[1]);
        for (int i = rand_r (&seed) % 20; i >= 0; i--)
            assert_int_equal (read (acks[0], &acked, sizeof acked), sizeof acked);
        nap (rand_r (&seed) % 2000000);
        kill (pid, SIGKILL);
        waitpid (pid, NULL, 0);
        while (read (acks[0], &acked, sizeof acked) == sizeof acked)
            ;
        close (acks[0]);
        check (&acked);
    }
    assert_true (acked.counted > 100);
}

//  ---- a full disk

//  Writes until it is refused. The pipe gets what was committed.
static void fill (int acks)
{
    said_t now = {0};
    journal_t *journal = try_open (JOURNAL_NEW);
    if (!journal)
        _exit (1);
    for (uint64_t n = 1; n < 1000000; n++) {
        complete (journal, n, 1, TASK_FAILED);
        if (n % 100)
            continue;
        if (journal_commit (journal) == -1)
            break;
        now.counted = now.failed = n;
        if (write (acks, &now, sizeof now) != sizeof now)
            _exit (2);
    }
    int error = errno;
    bool is_told = (error == EFBIG || error == ENOSPC) && strstr (journal_error (journal), "cannot write: ");
    bool stays = journal_commit (journal) == -1 && errno == error;
    journal_close (&journal);
    _exit (is_told && stays ? 0 : 3);
}

static void limit_files (void)
{
    signal (SIGXFSZ, SIG_IGN);
    setrlimit (RLIMIT_FSIZE, &(struct rlimit){600000, 600000});
}

static void run_full (void (*prepare) (void), said_t *acked, int *status)
{
    int acks[2];
    assert_int_equal (pipe (acks), 0);
    pid_t pid = fork ();
    if (pid == 0) {
        prepare ();
        fill (acks[1]);
    }
    close (acks[1]);
    while (read (acks[0], acked, sizeof *acked) == sizeof *acked)
        ;
    close (acks[0]);
    waitpid (pid, status, 0);
}

static void test_file_too_large (void **state)
{
    int status;
    said_t acked = {0};
    run_full (limit_files, &acked, &status);
    assert_int_equal (status, 0);
    assert_true (acked.counted > 100);
    journal_t *journal = must_open (JOURNAL_CONTINUE); // there is room again
    assert_true (journal_counted (journal)->total >= acked.counted);
    complete (journal, 2000000, 1, TASK_OK);
    must_commit (journal);
    journal_close (&journal);
}

enum { NO_MOUNT = 77 };

//  A file system of its own, of 400 KiB, that nobody else sees. For root only.
static void mount_small (void)
{
    if (unshare (CLONE_NEWNS) == -1 || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
        mount ("none", directory, "tmpfs", 0, "size=400k") == -1)
        _exit (NO_MOUNT);
}

static void test_disk_full (void **state)
{
    int status;
    said_t acked = {0};
    run_full (mount_small, &acked, &status);
    if (WIFEXITED (status) && WEXITSTATUS (status) == NO_MOUNT)
        skip ();
    assert_int_equal (status, 0);
    assert_true (acked.counted > 100);
}

static void no_room (void)
{
    signal (SIGXFSZ, SIG_IGN);
    setrlimit (RLIMIT_FSIZE, &(struct rlimit){3000, 3000});
}

//  Not even its tables find room: said at the start, and nothing is left.
static void test_full_at_the_start (void **state)
{
    pid_t pid = fork ();
    int status;
    if (pid == 0) {
        no_room ();
        journal_t *journal = try_open (JOURNAL_NEW);
        bool is_told = !journal && errno == EFBIG && strstr (said, "File too large");
        _exit (is_told && access (path, F_OK) == -1 ? 0 : 1);
    }
    waitpid (pid, &status, 0);
    assert_int_equal (status, 0);
}

//  ---- readers

static sqlite3 *connect (const char *sql)
{
    sqlite3 *db;
    assert_int_equal (sqlite3_open (path, &db), SQLITE_OK);
    assert_int_equal (sqlite3_exec (db, sql, NULL, NULL, NULL), SQLITE_OK);
    return db;
}

//  One that reads for the whole time, over many times the log that would be written back.
static void test_busy_reader (void **state)
{
    journal_t *journal = must_open (JOURNAL_NEW);
    complete (journal, 1, 1, TASK_OK);
    must_commit (journal);
    sqlite3 *reader = connect ("BEGIN; SELECT * FROM counted");
    for (uint64_t n = 2; n < 20000; n++) {
        complete (journal, n, 1, TASK_FAILED);
        if (n % 50 == 0)
            must_commit (journal);
    }
    must_commit (journal);
    sqlite3_close (reader);
    journal_close (&journal);
    assert_string_equal (ask ("SELECT ok + failed FROM figures"), "19999");
}

//  The program that is killed while it reads leaves nothing that holds us up.
static void test_killed_reader (void **state)
{
    int ready[2];
    char byte;
    assert_int_equal (pipe (ready), 0);
    journal_t *journal = must_open (JOURNAL_NEW);
    pid_t pid = fork ();
    if (pid == 0) {
        connect ("BEGIN; SELECT * FROM counted");
        if (write (ready[1], "", 1) == 1)
            pause ();
        _exit (1);
    }
    assert_int_equal (read (ready[0], &byte, 1), 1);
    kill (pid, SIGKILL);
    waitpid (pid, NULL, 0);
    complete (journal, 1, 1, TASK_OK);
    must_commit (journal);
    journal_close (&journal);
    close (ready[0]);
    close (ready[1]);
}

//  Another program that writes is waited for.
static void test_short_writer (void **state)
{
    int ready[2], go[2];
    char byte;
    assert_int_equal (pipe (ready) + pipe (go), 0);
    journal_t *journal = must_open (JOURNAL_NEW);
    pid_t pid = fork ();
    if (pid == 0) {
        sqlite3 *db = connect ("BEGIN IMMEDIATE; UPDATE run SET command = 'renamed'");
        if (write (ready[1], "", 1) == 1)
            nap (300000000);
        sqlite3_exec (db, "COMMIT", NULL, NULL, NULL);
        _exit (0);
    }
    assert_int_equal (read (ready[0], &byte, 1), 1);
    complete (journal, 1, 1, TASK_OK);
    must_commit (journal);
    waitpid (pid, NULL, 0);
    assert_string_equal (ask ("SELECT command FROM run"), "renamed");
    journal_close (&journal);
    for (int i = 0; i < 2; i++) {
        close (ready[i]);
        close (go[i]);
    }
}

//  ---- size

static uint64_t size_of (const char *suffix)
{
    char name[80];
    struct stat is;
    snprintf (name, sizeof name, "%s%s", path, suffix);
    return stat (name, &is) == 0 ? (uint64_t)is.st_size : 0;
}

//  Ten million, a commit each 20,000, each thousandth fails, each hundredth is slow: those that are slow are thinned
//  out.
static void test_ten_million (void **state)
{
    enum { TASKS = 10000000, COMMIT = 20000 };
    journal_t *journal = must_open (JOURNAL_NEW);
    for (uint64_t n = 1; n <= TASKS; n++) {
        completion_t what = {.n = n, .count = 1, .dryer = 5, .attempt = 1, .start_us = 1700000000000000};
        what.outcome = n % 1000 ? TASK_OK : TASK_FAILED;
        what.runtime_us = n % 50 ? 1000 : 1500000 + n / 20;
        journal_completed (journal, &what);
        if (n % 4096 == 0)
            journal_block (journal, n, n);
        if (n % COMMIT == 0)
            must_commit (journal);
    }
    print_message ("journal of 10^7 tasks, 10,000 failed: %llu bytes, log %llu bytes\n",
                   (unsigned long long)size_of (""), (unsigned long long)size_of ("-wal"));
    assert_true (size_of ("") + size_of ("-wal") < 20000000);
    journal_close (&journal);
    assert_string_equal (ask ("SELECT group_concat (n || '+' || count) FROM counted"), "1+10000000");
    assert_string_equal (ask ("SELECT failed FROM figures"), "10000");
    assert_string_equal (ask ("SELECT slow_us FROM run"), "2000000");
    journal = must_open (JOURNAL_CONTINUE);
    assert_int_equal (journal_counted (journal)->total, TASKS);
    journal_close (&journal);
}

static double now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int by_value (const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

//  Commits of 1,000 tasks, at the end of a long run: what it costs does not depend on what is there already.
static void time_commits (journal_t *journal, uint64_t *n, outcome_t outcome, uint64_t step, const char *what)
{
    enum { ROUNDS = 101, EACH = 1000 };
    static const uint8_t command[40] = "gzip -9 /var/log/a/file/of/some/kind.log";
    double took_ms[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        double from = now_ms ();
        for (int k = 0; k < EACH; k++, *n += step) {
            completion_t done = {.n = *n, .count = 1, .outcome = outcome, .dryer = 5, .start_us = 1700000000000000};
            done.command = command;
            done.command_size = sizeof command;
            journal_completed (journal, &done);
        }
        must_commit (journal);
        took_ms[i] = now_ms () - from;
    }
    qsort (took_ms, ROUNDS, sizeof *took_ms, by_value);
    print_message ("1,000 %s, told and committed: median %.2f ms, longest %.1f ms\n", what, took_ms[ROUNDS / 2],
                   took_ms[ROUNDS - 1]);
    assert_true (took_ms[ROUNDS / 2] < 1000);
}

static void test_commit_time (void **state)
{
    uint64_t n = 1;
    journal_t *journal = must_open (JOURNAL_NEW);
    for (; n <= 100000; n++)
        complete (journal, n, 1, TASK_FAILED);
    complete (journal, n, 10000000, TASK_OK);
    must_commit (journal);
    n += 10000000;
    time_commits (journal, &n, TASK_OK, 1, "that succeeded, in order");
    time_commits (journal, &n, TASK_OK, 2, "that succeeded, each a range of its own");
    time_commits (journal, &n, TASK_FAILED, 1, "that failed, with 40 bytes of command");
    journal_close (&journal);
}

#define TEST(name) cmocka_unit_test_setup (name, fresh_file)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_killed_writers),    TEST (test_file_too_large), TEST (test_disk_full),
        TEST (test_full_at_the_start), TEST (test_busy_reader),    TEST (test_killed_reader),
        TEST (test_short_writer),      TEST (test_ten_million),    TEST (test_commit_time),
    };
    return cmocka_run_group_tests (tests, make_directory, remove_directory);
}
