//  The printer and the world outside: slow readers, readers that go away, full disks, bounded memory, speed.
//  ctest: one-thread
#include "test_printer_help.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

enum { MIB = 1024 * 1024 };

static int64_t clock_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C (1000) + now.tv_nsec / 1000000;
}

static printer_t *printer_to (int out_fd, bool keep_order)
{
    printer_t *self = printer_new (&(printer_config_t){
        .keep_order = keep_order, .out_fd = out_fd, .err_fd = 2, .memory_bytes = MIB, .task_bytes = 256 * 1024});
    assert_non_null (self);
    return self;
}

static void small_pipe (int ends[2])
{
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    assert_true (fcntl (ends[1], F_SETPIPE_SZ, 4096) >= 4096);
}

//  Reads until `want` bytes came, writing between; every byte is 'x' to the end.
static void read_all_x (printer_t *self, int fd, size_t want)
{
    char bytes[3000];
    size_t total = 0;
    fcntl (fd, F_SETFL, O_NONBLOCK);
    while (total < want) {
        assert_int_equal (printer_write (self), 0);
        ssize_t got = read (fd, bytes, sizeof bytes);
        assert_true (got > 0);
        for (ssize_t i = 0; i < got; i++)
            assert_int_equal (bytes[i], 'x');
        total += (size_t)got;
    }
    assert_int_equal (total, want);
    assert_int_equal (printer_backlog_bytes (self), 0);
}

static void give_x (printer_t *self, uint64_t n, size_t size)
{
    char *bytes = malloc (size);
    assert_non_null (bytes);
    memset (bytes, 'x', size);
    printer_task_t task = task_of (1, n, NULL);
    assert_int_equal (printer_done (self, &task, bytes, size, NULL, 0), 0);
    free (bytes);
}

static void test_slow_reader (void **state)
{
    int ends[2];
    struct pollfd fds[2];
    small_pipe (ends);
    printer_t *self = printer_to (ends[1], false);
    assert_int_equal (printer_fds (self, fds), 0);
    int64_t start_ms = clock_ms ();
    for (uint64_t n = 1; n <= 30; n++)
        give_x (self, n, 100000);
    assert_int_equal (printer_write (self), 0);
    assert_true (clock_ms () - start_ms < 5000);
    assert_int_equal (printer_accepted_bytes (self), 3000000);
    assert_in_range (printer_backlog_bytes (self), 2900000, 3000000 - 1);
    assert_in_range (printer_consumed_bytes (self), 1, 100000);
    assert_int_equal (printer_fds (self, fds), 1);
    assert_int_equal (poll (fds, 1, 0), 0);
    read_all_x (self, ends[0], 3000000);
    assert_int_equal (printer_consumed_bytes (self), 3000000);
    printer_destroy (&self);
    close (ends[0]);
    close (ends[1]);
}

//  The flag belongs to all who share the description.
static void test_inherited_descriptor_keeps_its_flags (void **state)
{
    int ends[2];
    small_pipe (ends);
    printer_t *self = printer_to (ends[1], false);
    give_x (self, 1, 100000);
    assert_int_equal (fcntl (ends[1], F_GETFL) & O_NONBLOCK, 0);
    read_all_x (self, ends[0], 100000);
    printer_destroy (&self);
    assert_int_equal (fcntl (ends[1], F_GETFL) & O_NONBLOCK, 0);
    close (ends[0]);
    close (ends[1]);
}

static void test_socket (void **state)
{
    int ends[2];
    assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    printer_t *self = printer_to (ends[1], false);
    for (uint64_t n = 1; n <= 30; n++)
        give_x (self, n, 100000);
    assert_int_equal (printer_write (self), 0);
    assert_true (printer_backlog_bytes (self) > 0);
    read_all_x (self, ends[0], 3000000);
    close (ends[0]);
    give_x (self, 31, 10);
    assert_int_equal (printer_write (self), -1);
    assert_int_equal (printer_error (self), EPIPE);
    printer_destroy (&self);
    close (ends[1]);
}

//  What is not stdout's reader's fault is no backlog: it would wait for other messages.
static void test_what_waits_for_its_turn_is_no_backlog (void **state)
{
    int ends[2];
    small_pipe (ends);
    printer_t *self = printer_to (ends[1], true);
    for (uint64_t n = 2; n <= 30; n++)
        give_x (self, n, 100000);
    assert_int_equal (printer_backlog_bytes (self), 0);
    assert_int_equal (printer_consumed_bytes (self), 2900000);
    assert_int_equal (printer_empty_run (self, 1, 1), 0);
    assert_int_equal (printer_backlog_bytes (self), 2900000);
    assert_int_equal (printer_consumed_bytes (self), 2900000);
    read_all_x (self, ends[0], 2900000);
    printer_destroy (&self);
    close (ends[0]);
    close (ends[1]);
}

static void check_reader_gone (bool before_start)
{
    int ends[2];
    struct pollfd fds[2];
    small_pipe (ends);
    if (before_start)
        close (ends[0]);
    printer_t *self = printer_to (ends[1], false);
    give_x (self, 1, 100000);
    if (!before_start) {
        assert_int_equal (printer_write (self), 0);
        close (ends[0]);
    }
    assert_int_equal (printer_write (self), -1);
    assert_int_equal (errno, EPIPE);
    assert_int_equal (printer_error (self), EPIPE);
    assert_string_equal (printer_error_text (self), "cannot write to stdout: Broken pipe");
    assert_int_equal (printer_fds (self, fds), 0);
    assert_int_equal (printer_backlog_bytes (self), 0);
    printer_task_t task = task_of (1, 2, NULL);
    errno = 0;
    assert_int_equal (printer_done (self, &task, "x", 1, "", 0), -1);
    assert_int_equal (errno, EPIPE);
    assert_int_equal (printer_flush (self, 1000), -1);
    assert_int_equal (errno, EPIPE);
    printer_destroy (&self);
    close (ends[1]);
}

static void test_reader_goes_away (void **state)
{
    check_reader_gone (false);
}

static void test_reader_was_never_there (void **state)
{
    check_reader_gone (true);
}

static void test_closed_descriptor (void **state)
{
    int fd = dup (1);
    close (fd);
    printer_t *self = printer_to (fd, false);
    assert_int_equal (printer_flush (self, 0), 0);
    done (self, 1, 1, "x", "");
    assert_int_equal (printer_flush (self, 0), -1);
    assert_string_equal (printer_error_text (self), "cannot write to stdout: Bad file descriptor");
    printer_destroy (&self);
}

static void test_full_device (void **state)
{
    printer_t *self = printer_new (&(printer_config_t){.out_path = "/dev/full", .out_fd = -1, .err_fd = 2});
    assert_non_null (self);
    done (self, 1, 1, "x", "");
    assert_int_equal (printer_write (self), -1);
    assert_int_equal (errno, ENOSPC);
    assert_string_equal (printer_error_text (self), "cannot write to /dev/full: No space left on device");
    printer_destroy (&self);
}

static void test_flush_gives_up_in_time (void **state)
{
    int ends[2];
    small_pipe (ends);
    printer_t *self = printer_to (ends[1], false);
    give_x (self, 1, 100000);
    int64_t start_ms = clock_ms ();
    assert_int_equal (printer_flush (self, 100), -1);
    assert_int_equal (errno, ETIMEDOUT);
    assert_in_range (clock_ms () - start_ms, 95, 10000);
    assert_int_equal (printer_error (self), 0);
    read_all_x (self, ends[0], 100000);
    assert_int_equal (printer_flush (self, -1), 0);
    printer_destroy (&self);
    close (ends[0]);
    close (ends[1]);
}

//  The tests of a child process: its exit status says whether it went well.
static void in_child (void (*body) (void))
{
    pid_t pid = fork ();
    assert_true (pid >= 0);
    if (pid == 0) {
        body ();
        _exit (0);
    }
    int status;
    assert_int_equal (waitpid (pid, &status, 0), pid);
    assert_int_equal (status, 0);
}

#define NEED(condition)                                                                                                \
    do                                                                                                                 \
        if (!(condition)) {                                                                                            \
            fprintf (stderr, "line %d: not so: %s (%s)\n", __LINE__, #condition, strerror (errno));                    \
            _exit (1);                                                                                                 \
        }                                                                                                              \
    while (0)

//  Another user may not open the pipe again, so it is polled.
static void pipe_of_another_user (void)
{
    int ends[2];
    char bytes[3000], path[40];
    NEED (pipe (ends) == 0 && setuid (65534) == 0);
    snprintf (path, sizeof path, "/proc/self/fd/%d", ends[1]);
    NEED (open (path, O_WRONLY) == -1);
    printer_t *self = printer_new (&(printer_config_t){.out_fd = ends[1], .err_fd = 2});
    printer_task_t task = task_of (1, 1, NULL);
    static char x[500001];
    memset (x, 'x', sizeof x);
    NEED (printer_done (self, &task, x, sizeof x, NULL, 0) == 0);
    NEED (printer_write (self) == 0 && printer_backlog_bytes (self) > 0);
    size_t total = 0;
    while (total < sizeof x) {
        NEED (printer_write (self) == 0);
        ssize_t got = read (ends[0], bytes, sizeof bytes);
        NEED (got > 0);
        total += (size_t)got;
    }
    NEED (total == sizeof x && printer_backlog_bytes (self) == 0);
    close (ends[0]);
    NEED (printer_done (self, &(printer_task_t){.source = 1, .n = 2}, "x", 1, NULL, 0) == 0);
    NEED (printer_write (self) == -1 && errno == EPIPE);
    printer_destroy (&self);
}

static void test_pipe_that_cannot_be_opened_again (void **state)
{
    if (getuid () != 0)
        skip ();
    in_child (pipe_of_another_user);
}

//  Fills what is kept for later until the disk is full; nothing that was accepted is torn.
static void fill_directory (const char *directory, int error)
{
    char want[200];
    int fd = memfd_create ("out", 0);
    printer_t *self = printer_new (&(printer_config_t){
        .keep_order = true, .directory = directory, .memory_bytes = 100000, .out_fd = fd, .err_fd = 2});
    NEED (self);
    static char bytes[50000];
    int rc = 0;
    for (uint64_t n = 2; n < 500 && rc == 0; n++)
        rc = printer_done (self, &(printer_task_t){.source = 1, .n = n}, bytes, sizeof bytes, NULL, 0);
    NEED (rc == -1 && errno == error && printer_error (self) == error);
    snprintf (want, sizeof want, "cannot keep output in %s: %s", directory, strerror (error));
    NEED (strcmp (printer_error_text (self), want) == 0);
    NEED (printer_empty_run (self, 1, 1) == -1 && errno == error);
    NEED (printer_flush (self, 1000) == -1 && errno == error);
    printer_destroy (&self);
    close (fd);
}

static void full_by_limit (void)
{
    signal (SIGXFSZ, SIG_IGN);
    NEED (setrlimit (RLIMIT_FSIZE, &(struct rlimit){3000000, 3000000}) == 0);
    fill_directory ("/tmp", EFBIG);
}

//  A real full disk, where mounting is permitted; the mount goes with the child.
static void full_by_size (void)
{
    char directory[] = "/tmp/test_printer_flow-XXXXXX";
    if (unshare (CLONE_NEWNS) == -1 || mount ("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
        return;
    NEED (mkdtemp (directory));
    int rc = mount ("tmpfs", directory, "tmpfs", 0, "size=2m");
    if (rc == 0) {
        fill_directory (directory, ENOSPC);
        fill_directory (directory, ENOSPC);
        umount (directory);
    }
    rmdir (directory);
}

static void test_full_temporary_directory (void **state)
{
    in_child (full_by_limit);
    in_child (full_by_size);
}

static size_t heap_bytes (void)
{
    struct mallinfo2 info = mallinfo2 ();
    return info.uordblks + info.hblkhd;
}

//  A hundred thousand outputs, each window in reversed order: 100 MB pass, memory does not grow with them.
static void test_order_in_bounded_memory (void **state)
{
    enum { TASKS = 100000, WINDOW = 10000, SIZE = 1000 };
    int fd = open ("/dev/null", O_WRONLY | O_CLOEXEC);
    size_t before = heap_bytes (), most = 0;
    printer_t *self = printer_to (fd, true);
    for (uint64_t start = 1; start <= TASKS; start += WINDOW) {
        for (uint64_t n = start + WINDOW; n-- > start;)
            give_x (self, n, SIZE);
        most = heap_bytes () > most ? heap_bytes () : most;
        while (printer_backlog_bytes (self))
            assert_int_equal (printer_write (self), 0);
    }
    if (!SANITIZED)
        assert_in_range (most - before, 0, 6 * MIB);
    assert_int_equal (printer_flush (self, 10000), 0);
    assert_int_equal (printer_consumed_bytes (self), TASKS * SIZE);
    printer_destroy (&self);
    close (fd);
}

//  Outputs larger than memory, several at once, to a reader that takes its time.
static void test_large_outputs_in_bounded_memory (void **state)
{
    enum { SOURCES = 4, PIECES = 300 };
    static char bytes[60000];
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    size_t before = heap_bytes (), most = 0, total = 0;
    memset (bytes, 'x', sizeof bytes);
    printer_t *self = printer_to (ends[1], true);
    for (int i = 0; i < PIECES; i++)
        for (uint64_t n = 1; n <= SOURCES; n++) {
            printer_task_t task = task_of (n, n, NULL);
            assert_int_equal (printer_piece (self, &task, PRINTER_OUT, bytes, sizeof bytes), 0);
            most = heap_bytes () > most ? heap_bytes () : most;
        }
    for (uint64_t n = SOURCES; n >= 1; n--)
        done (self, n, n, "", "");
    while (printer_backlog_bytes (self)) {
        assert_int_equal (printer_write (self), 0);
        ssize_t got = read (ends[0], bytes, sizeof bytes);
        assert_true (got > 0);
        total += (size_t)got;
        most = heap_bytes () > most ? heap_bytes () : most;
    }
    if (!SANITIZED)
        assert_in_range (most - before, 0, 3 * MIB);
    fcntl (ends[0], F_SETFL, O_NONBLOCK);
    for (ssize_t got; (got = read (ends[0], bytes, sizeof bytes)) > 0;)
        total += (size_t)got;
    assert_int_equal (total, (size_t)SOURCES * PIECES * sizeof bytes);
    printer_destroy (&self);
    close (ends[0]);
    close (ends[1]);
}

//  A reader that never quite catches up must not make the queue keep what was already written.
static void test_queue_gives_space_back (void **state)
{
    int ends[2];
    static char bytes[65536];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    size_t before = heap_bytes ();
    printer_t *self = printer_to (ends[1], false);
    for (uint64_t n = 1; n <= 40; n++)
        give_x (self, n, 50000);
    for (uint64_t n = 1; n <= 3000; n++) {
        give_x (self, 40 + n, 50000);
        for (size_t left = 50000; left;) {
            assert_int_equal (printer_write (self), 0);
            ssize_t got = read (ends[0], bytes, left < sizeof bytes ? left : sizeof bytes);
            assert_true (got > 0);
            left -= (size_t)got;
        }
        assert_true (printer_backlog_bytes (self) > 1000000);
    }
    if (!SANITIZED)
        assert_in_range (heap_bytes () - before, 0, 3 * MIB);
    printer_destroy (&self);
    close (ends[0]);
    close (ends[1]);
}

//  Half a million small outputs: gathered, they take far less than the time of a write each.
static void test_small_outputs_are_cheap (void **state)
{
    enum { TASKS = 500000 };
    int fd = open ("/dev/null", O_WRONLY | O_CLOEXEC);
    printer_t *self = printer_new (&(printer_config_t){.tag = true, .out_fd = fd, .err_fd = 2});
    struct timespec start, end;
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &start);
    for (uint64_t n = 1; n <= TASKS; n++) {
        printer_task_t task = {.source = 1, .n = n, .tag = "tag", .tag_size = 3};
        assert_int_equal (printer_done (self, &task, "some output\n", 12, NULL, 0), 0);
        if (n % 100 == 0)
            assert_int_equal (printer_write (self), 0);
    }
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &end);
    int64_t cpu_ms = (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
    print_message ("%d outputs: %d ms\n", TASKS, (int)cpu_ms);
    assert_in_range (cpu_ms, 0, 5000);
    printer_destroy (&self);
    close (fd);
}

static int ignore_sigpipe (void **state)
{
    signal (SIGPIPE, SIG_IGN);
    return 0;
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_slow_reader),
        cmocka_unit_test (test_inherited_descriptor_keeps_its_flags),
        cmocka_unit_test (test_socket),
        cmocka_unit_test (test_what_waits_for_its_turn_is_no_backlog),
        cmocka_unit_test (test_reader_goes_away),
        cmocka_unit_test (test_reader_was_never_there),
        cmocka_unit_test (test_closed_descriptor),
        cmocka_unit_test (test_full_device),
        cmocka_unit_test (test_flush_gives_up_in_time),
        cmocka_unit_test (test_pipe_that_cannot_be_opened_again),
        cmocka_unit_test (test_full_temporary_directory),
        cmocka_unit_test (test_order_in_bounded_memory),
        cmocka_unit_test (test_large_outputs_in_bounded_memory),
        cmocka_unit_test (test_queue_gives_space_back),
        cmocka_unit_test (test_small_outputs_are_cheap),
    };
    return cmocka_run_group_tests (tests, ignore_sigpipe, NULL);
}
