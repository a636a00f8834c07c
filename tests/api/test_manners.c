//  A guest in somebody else's process: prints nothing, touches no signal, leaves no descriptor and no thread behind.
#include "test_api_help.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>

static unsigned count_entries (const char *path)
{
    unsigned count = 0;
    DIR *directory = opendir (path);
    assert_non_null (directory);
    while (readdir (directory))
        count++;
    closedir (directory);
    return count;
}

typedef struct {
    struct sigaction actions[NSIG];
    sigset_t mask;
    unsigned fds, threads;
    mode_t umask;
} manners_t;

static void note_manners (manners_t *self)
{
    memset (self, 0, sizeof *self);
    for (int signal = 1; signal < NSIG; signal++)
        sigaction (signal, NULL, &self->actions[signal]);
    pthread_sigmask (SIG_SETMASK, NULL, &self->mask);
    self->fds = count_entries ("/proc/self/fd");
    self->threads = count_entries ("/proc/self/task");
    self->umask = umask (022);
    umask (self->umask);
}

static void assert_same (const manners_t *before, const manners_t *now)
{
    for (int signal = 1; signal < NSIG; signal++)
        assert_ptr_equal (before->actions[signal].sa_handler, now->actions[signal].sa_handler);
    for (int signal = 1; signal < NSIG; signal++)
        assert_int_equal (sigismember (&before->mask, signal), sigismember (&now->mask, signal));
    assert_int_equal (before->umask, now->umask);
}

static int do_nothing (void *arg, dishes_task_t *task)
{
    return 0;
}

//  All of it, with its own log instead of the one of the tests: none.
static void wash (const char *at, const manners_t *before)
{
    manners_t now;
    dishes_sink_t *sink = dishes_sink_new (at, NULL);
    assert_non_null (sink);
    dishes_washer_t *washer = dishes_washer_new (dishes_sink_address (sink), NULL);
    assert_null (dishes_sink_new (dishes_sink_address (sink), NULL)); // an error is not printed either
    assert_null (dishes_sink_new ("nonsense", NULL));
    dishes_put (washer, "x", 1, PATIENCE_MS);
    dishes_end (washer);
    assert_int_equal (dishes_run (dishes_sink_address (sink), 2, do_nothing, NULL, NULL), 0);
    assert_int_equal (dishes_join (washer, PATIENCE_MS), 0);
    assert_int_equal (dishes_sink_wait (sink, PATIENCE_MS, NULL), 0);
    note_manners (&now);
    assert_same (before, &now);
    dishes_washer_destroy (&washer);
    dishes_sink_destroy (&sink);
}

//  A thread that was joined may be seen for a moment longer.
static bool is_as_before (const manners_t *before)
{
    manners_t now;
    note_manners (&now);
    assert_same (before, &now);
    return now.fds == before->fds && now.threads == before->threads;
}

static void check_manners (const char *at)
{
    manners_t before;
    note_manners (&before);
    for (int i = 0; i < 3; i++)
        wash (at, &before);
    for (int patience = 0; !is_as_before (&before); patience++) {
        assert_true (patience < 1000000);
        sched_yield ();
    }
}

static void test_manners (void **state)
{
    each_transport (check_manners);
}

//  What stdout and stderr get meanwhile goes to a file that must stay empty.
static void test_nothing_is_printed (void **state)
{
    FILE *file = tmpfile ();
    int kept[] = {dup (STDOUT_FILENO), dup (STDERR_FILENO)};
    fflush (NULL);
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
        dup2 (fileno (file), fd);
    manners_t before;
    note_manners (&before);
    wash ("inproc://quiet", &before);
    wash ("ipc://quiet", &before);
    fflush (NULL);
    for (int i = 0; i < 2; i++) {
        dup2 (kept[i], STDOUT_FILENO + i);
        close (kept[i]);
    }
    assert_int_equal (lseek (fileno (file), 0, SEEK_END), 0);
    fclose (file);
}

//  Signals stay the program's: one that is sent to the process is taken by its own thread.
static volatile sig_atomic_t caught;
static pthread_t catcher;

static void on_signal (int signal)
{
    caught += pthread_equal (catcher, pthread_self ()) ? 1 : 100;
}

static void test_signals_are_the_programs (void **state)
{
    kitchen_t kitchen;
    catcher = pthread_self ();
    signal (SIGUSR1, on_signal);
    kitchen_open (&kitchen, "ipc://signals", NULL, NULL, NULL);
    for (int i = 0; i < 100; i++)
        kill (getpid (), SIGUSR1);
    assert_in_range (caught, 1, 100); // those that pend together are one
    dishes_end (kitchen.washer);      // perhaps before the dryer has met the sink
    assert_int_equal (kitchen_close (&kitchen).end, DISHES_JOINED);
    signal (SIGUSR1, SIG_DFL);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_manners),
        cmocka_unit_test (test_nothing_is_printed),
        cmocka_unit_test (test_signals_are_the_programs),
    };
    return run_api_tests (tests);
}
