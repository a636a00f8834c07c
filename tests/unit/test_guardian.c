//  kill -9 of the process that makes children must leave nothing of them.
#include "run/child.h"
#include "run/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static int no_child_left (void **state)
{
    assert_int_equal (waitpid (-1, NULL, WNOHANG), -1);
    assert_int_equal (errno, ECHILD);
    return 0;
}

static void test_peaceful_end (void **state)
{
    guardian_t *guardian = guardian_new (3);
    assert_non_null (guardian);
    while (getpgid (guardian_pid (guardian)) == getpgid (0))
        sched_yield ();
    volatile pid_t *place[3];
    for (int i = 0; i < 3; i++)
        assert_non_null (place[i] = guardian_take (guardian));
    assert_null (guardian_take (guardian));
    guardian_give (guardian, &place[1]);
    assert_null (place[1]);
    guardian_give (guardian, &place[1]);
    assert_non_null (place[1] = guardian_take (guardian));
    guardian_destroy (&guardian);
    assert_null (guardian);
    guardian_destroy (&guardian);
}

static void test_does_not_mind_signals (void **state)
{
    guardian_t *guardian = guardian_new (1);
    const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGPIPE, SIGUSR1, SIGALRM};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        assert_int_equal (kill (guardian_pid (guardian), signals[i]), 0);
    int status;
    assert_int_equal (waitpid (guardian_pid (guardian), &status, WNOHANG | WUNTRACED), 0);
    guardian_destroy (&guardian);
}

static void test_its_death_is_survived (void **state)
{
    guardian_t *guardian = guardian_new (1);
    kill (guardian_pid (guardian), SIGKILL);
    guardian_destroy (&guardian);
}

//  Sees the end of all writers: the tasks, and theirs, hold this as stdout.
static void expect_end_of_file (int fd)
{
    char byte;
    assert_int_equal (read (fd, &byte, 1), 0);
}

static void start_trees (guardian_t *guardian, int null, int out, int count)
{
    spawner_t *spawner = spawner_new ();
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)"trap '' TERM HUP INT; (sleep 100 & sleep 100) & echo; wait",
                    NULL};
    for (int i = 0; i < count; i++) {
        child_t child;
        child_spec_t spec = {
            .program = "sh", .argv = argv, .envp = environ, .fd = {null, out, null}, .place = guardian_take (guardian)};
        if (child_start (spawner, &spec, &child) != 0)
            _exit (1);
    }
}

static void reap_all (void)
{
    int status;
    while (waitpid (-1, &status, 0) > 0)
        ;
}

static void test_whole_groups_end (void **state)
{
    enum { TREES = 5 };
    int fd[2], null = open ("/dev/null", O_RDWR | O_CLOEXEC);
    assert_int_equal (pipe (fd), 0);
    pid_t maker = fork ();
    if (maker == 0) {
        close (fd[0]);
        start_trees (guardian_new (TREES), null, fd[1], TREES);
        for (;;)
            pause ();
    }
    close (fd[1]);
    char line;
    for (int i = 0; i < TREES; i++)
        assert_int_equal (read (fd[0], &line, 1), 1);
    kill (maker, SIGKILL);
    expect_end_of_file (fd[0]);
    close (fd[0]);
    close (null);
    reap_all ();
}

//  The maker is killed at any moment of making children: none may be left, however far it had come.
static void test_killed_while_making_children (void **state)
{
    enum { ROUNDS = 24 };
    int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
    for (int round = 0; round < ROUNDS; round++) {
        int fd[2];
        assert_int_equal (pipe (fd), 0);
        pid_t maker = fork ();
        if (maker == 0) {
            close (fd[0]);
            guardian_t *guardian = guardian_new (1000);
            if (write (fd[1], "", 1) == 1)
                start_trees (guardian, null, fd[1], 1000);
            _exit (1);
        }
        close (fd[1]);
        char line;
        for (int i = 0; i <= round / 2; i++)
            assert_int_equal (read (fd[0], &line, 1), 1);
        kill (maker, SIGKILL);
        while (read (fd[0], &line, 1) == 1)
            ;
        close (fd[0]);
        reap_all ();
    }
    close (null);
}

int main (void)
{
    child_remember ();
    prctl (PR_SET_CHILD_SUBREAPER, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown (test_peaceful_end, no_child_left),
        cmocka_unit_test_teardown (test_does_not_mind_signals, no_child_left),
        cmocka_unit_test_teardown (test_its_death_is_survived, no_child_left),
        cmocka_unit_test_teardown (test_whole_groups_end, no_child_left),
        cmocka_unit_test_teardown (test_killed_while_making_children, no_child_left),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
