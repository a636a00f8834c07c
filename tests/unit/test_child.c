//  What child.h promises, on real processes.
#include "run/child.h"
#include "run/termseq.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct {
    spawner_t *spawner;
    int null, in, out; // a pipe as its stdout
    char dir[32];
} kitchen_t;

static int set_up (void **state)
{
    kitchen_t *kitchen = calloc (1, sizeof *kitchen);
    int fd[2];
    assert_int_equal (pipe2 (fd, O_CLOEXEC), 0);
    kitchen->in = fd[0];
    kitchen->out = fd[1];
    kitchen->null = open ("/dev/null", O_RDWR | O_CLOEXEC);
    kitchen->spawner = spawner_new ();
    strcpy (kitchen->dir, "/tmp/test-child-XXXXXX");
    assert_non_null (mkdtemp (kitchen->dir));
    *state = kitchen;
    return 0;
}

static int tear_down (void **state)
{
    kitchen_t *kitchen = *state;
    spawner_destroy (&kitchen->spawner);
    spawner_destroy (&kitchen->spawner);
    close (kitchen->in);
    close (kitchen->out);
    close (kitchen->null);
    rmdir (kitchen->dir);
    free (kitchen);
    assert_int_equal (waitpid (-1, NULL, WNOHANG), -1);
    assert_int_equal (errno, ECHILD);
    return 0;
}

static int start (kitchen_t *kitchen, char **argv, child_t *child)
{
    child_spec_t spec = {
        .program = argv[0], .argv = argv, .envp = environ, .fd = {kitchen->null, kitchen->out, kitchen->null}};
    return child_start (kitchen->spawner, &spec, child);
}

static void expect_end (child_t *child, int status, int signal)
{
    int got_status, got_signal;
    struct pollfd poller = {.fd = child->pidfd, .events = POLLIN};
    assert_int_equal (poll (&poller, 1, 20000), 1);
    assert_int_equal (child_reap (child, &got_status, &got_signal), 0);
    assert_int_equal (got_status, status);
    assert_int_equal (got_signal, signal);
    assert_int_equal (child->pid, 0);
}

//  Runs a line of shell; its output is in `text`.
static void run_shell (kitchen_t *kitchen, const char *line, char text[4096])
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)line, NULL};
    child_t child;
    assert_int_equal (start (kitchen, argv, &child), 0);
    expect_end (&child, 0, 0);
    fcntl (kitchen->in, F_SETFL, O_NONBLOCK);
    ssize_t size = read (kitchen->in, text, 4095);
    text[size > 0 ? size : 0] = 0;
}

static void test_status_and_signal (void **state)
{
    char *seven[] = {(char *)"sh", (char *)"-c", (char *)"exit 7", NULL};
    char *term[] = {(char *)"sh", (char *)"-c", (char *)"kill -TERM $$", NULL};
    child_t child;
    assert_int_equal (start (*state, seven, &child), 0);
    expect_end (&child, 7, 0);
    assert_int_equal (start (*state, term, &child), 0);
    expect_end (&child, 0, SIGTERM);
}

static void test_not_found_is_not_a_status (void **state)
{
    kitchen_t *kitchen = *state;
    char *missing[] = {(char *)"no-such-program-anywhere", NULL};
    char *path[] = {(char *)"/no/such/program", NULL};
    char *empty[] = {(char *)"", NULL};
    char *directory[] = {kitchen->dir, NULL};
    child_t child;
    assert_int_equal (start (kitchen, missing, &child), -1);
    assert_int_equal (errno, ENOENT);
    assert_int_equal (start (kitchen, path, &child), -1);
    assert_int_equal (errno, ENOENT);
    assert_int_equal (start (kitchen, empty, &child), -1);
    assert_int_equal (errno, ENOENT);
    assert_int_equal (start (kitchen, directory, &child), -1);
    assert_int_equal (errno, EACCES);
    assert_int_equal (child.pid, 0);
    assert_int_equal (child.pidfd, -1);
    assert_int_equal (child_check ("sh"), 0);
    assert_int_equal (child_check ("/bin/sh"), 0);
    assert_int_equal (child_check ("no-such-program-anywhere"), -1);
    assert_int_equal (errno, ENOENT);
    assert_int_equal (child_check ("/tmp"), -1);
    assert_int_equal (errno, EACCES);
}

static void write_file (const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen (path, "w");
    assert_non_null (file);
    fputs (text, file);
    fclose (file);
    assert_int_equal (chmod (path, mode), 0);
}

static void test_broken_program_fails_in_execve (void **state)
{
    kitchen_t *kitchen = *state;
    char path[64];
    snprintf (path, sizeof path, "%s/broken", kitchen->dir);
    write_file (path, "#!/no/such/interpreter\n", 0755);
    char *argv[] = {path, NULL};
    child_t child;
    assert_int_equal (start (kitchen, argv, &child), -1);
    assert_int_equal (errno, ENOENT);
    unlink (path);
}

static void test_too_many_arguments (void **state)
{
    size_t size = 130000, count = 100;
    char *argv[102] = {(char *)"true"}, *word = malloc (size + 1);
    memset (word, 'x', size);
    word[size] = 0;
    for (size_t i = 1; i <= count; i++)
        argv[i] = word;
    child_t child;
    assert_int_equal (start (*state, argv, &child), -1);
    assert_int_equal (errno, E2BIG);
    free (word);
}

static void test_script_without_interpreter (void **state)
{
    kitchen_t *kitchen = *state;
    char path[64], text[64] = "";
    snprintf (path, sizeof path, "%s/script", kitchen->dir);
    write_file (path, "echo \"$1-$2\"\n", 0755);
    char *argv[] = {path, (char *)"a b", (char *)"c", NULL};
    child_t child;
    assert_int_equal (start (kitchen, argv, &child), 0);
    expect_end (&child, 0, 0);
    assert_int_equal (read (kitchen->in, text, sizeof text), 6);
    assert_string_equal (text, "a b-c\n");
    unlink (path);
}

static void test_program_that_moved_is_found_again (void **state)
{
    kitchen_t *kitchen = *state;
    char first[64], second[64], one[64], two[64], path[256];
    snprintf (first, sizeof first, "%s/1", kitchen->dir);
    snprintf (second, sizeof second, "%s/2", kitchen->dir);
    snprintf (one, sizeof one, "%s/1/wash", kitchen->dir);
    snprintf (two, sizeof two, "%s/2/wash", kitchen->dir);
    mkdir (first, 0755);
    mkdir (second, 0755);
    write_file (one, "#!/bin/sh\nexit 1\n", 0755);
    write_file (two, "#!/bin/sh\nexit 2\n", 0755);
    char *saved = strdup (getenv ("PATH"));
    snprintf (path, sizeof path, "%s:%s:/bin:/usr/bin", first, second);
    setenv ("PATH", path, 1);

    char *argv[] = {(char *)"wash", NULL};
    child_t child;
    assert_int_equal (start (kitchen, argv, &child), 0);
    expect_end (&child, 1, 0);
    unlink (one);
    assert_int_equal (start (kitchen, argv, &child), 0);
    expect_end (&child, 2, 0);
    chmod (two, 0644);
    spawner_destroy (&kitchen->spawner);
    kitchen->spawner = spawner_new ();
    if (geteuid () != 0 || access (two, X_OK) != 0) {
        assert_int_equal (start (kitchen, argv, &child), -1);
        assert_int_equal (errno, EACCES);
    }
    setenv ("PATH", saved, 1);
    free (saved);
    unlink (two);
    rmdir (first);
    rmdir (second);
}

static void test_only_three_descriptors (void **state)
{
    char text[4096];
    int leak = open ("/dev/null", O_RDONLY); // not close-on-exec
    int high = fcntl (leak, F_DUPFD, 700);
    run_shell (*state,
               "for fd in /proc/$$/fd/*; do case ${fd##*/} in [012]) printf %s ${fd##*/};; [3-9]) ;; *) "
               "readlink $fd;; esac; done; ls /proc/self/fd | tr '\\n' ' '",
               text);
    assert_string_equal (text, "0120 1 2 3 "); // the 3 is how ls looks
    close (leak);
    close (high);
}

static void test_group_of_its_own (void **state)
{
    char text[4096], wanted[64];
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)"ps -o pgid= -p $$ | tr -d ' '", NULL};
    child_t child;
    assert_int_equal (start (*state, argv, &child), 0);
    snprintf (wanted, sizeof wanted, "%d\n", child.pid);
    expect_end (&child, 0, 0);
    ssize_t size = read (((kitchen_t *)*state)->in, text, sizeof text - 1);
    text[size] = 0;
    assert_string_equal (text, wanted);
}

static void ignore_me (int signal)
{
}

static void test_signals_are_as_at_the_start (void **state)
{
    kitchen_t *kitchen = *state;
    char before[4096], after[4096];
    const char *line = "grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status";
    run_shell (kitchen, line, before);

    sigset_t set, old;
    sigemptyset (&set);
    sigaddset (&set, SIGUSR1);
    sigaddset (&set, SIGTERM);
    sigprocmask (SIG_BLOCK, &set, &old);
    signal (SIGPIPE, SIG_IGN);
    signal (SIGTERM, ignore_me);
    spawner_destroy (&kitchen->spawner);
    kitchen->spawner = spawner_new ();
    run_shell (kitchen, line, after);
    signal (SIGPIPE, SIG_DFL);
    signal (SIGTERM, SIG_DFL);
    sigprocmask (SIG_SETMASK, &old, NULL);
    assert_string_equal (before, after);
}

//  Of a program that was started with signals ignored: they stay so in its children, though it catches them itself; and
//  an ignored SIGCHLD does not cost it their status.
static int show_ignored (void)
{
    child_remember ();
    signal (SIGINT, ignore_me);
    int fd = dup (1), null = open ("/dev/null", O_RDWR);
    spawner_t *spawner = spawner_new ();
    char *argv[] = {(char *)"grep", (char *)"-h", (char *)"SigIgn", (char *)"/proc/self/status", (char *)"/no", NULL};
    child_spec_t spec = {.program = "grep", .argv = argv, .envp = environ, .fd = {null, fd, null}};
    child_t child;
    int status, number;
    if (child_start (spawner, &spec, &child) != 0 || child_reap (&child, &status, &number) != 0)
        return 1;
    spawner_destroy (&spawner);
    return status;
}

static void test_ignored_at_the_start_stays_ignored (void **state)
{
    char self[200], line[300], text[100] = "";
    ssize_t size = readlink ("/proc/self/exe", self, sizeof self - 1);
    self[size] = 0;
    snprintf (line, sizeof line, "exec env --ignore-signal=INT,HUP,CHLD %s --show-ignored", self);
    FILE *pipe = popen (line, "r");
    assert_non_null (fgets (text, sizeof text, pipe));
    assert_int_equal (WEXITSTATUS (pclose (pipe)), 2);
    unsigned long long mask = strtoull (text + 7, NULL, 16);
    assert_int_equal (mask & 0x10003, 0x10003);
}

static void test_nice_and_limit (void **state)
{
    kitchen_t *kitchen = *state;
    char text[64] = "", wanted[64];
    struct rlimit limit;
    uint64_t now = 0;
    getrlimit (RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_cur > 1024 ? 1024 : limit.rlim_cur;
    uint64_t more = limit.rlim_cur < limit.rlim_max ? limit.rlim_cur + 1 : limit.rlim_cur;
    assert_int_equal (child_raise_nofile (more, &now), 0);
    assert_int_equal (now, more);
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)"echo $(ulimit -Sn) $(nice)", NULL};
    child_spec_t spec = {
        .program = "sh", .argv = argv, .envp = environ, .fd = {kitchen->null, kitchen->out, kitchen->null}, .nice = 5};
    child_t child;
    assert_int_equal (child_start (kitchen->spawner, &spec, &child), 0);
    expect_end (&child, 0, 0);
    assert_true (read (kitchen->in, text, sizeof text - 1) > 0);
    snprintf (wanted, sizeof wanted, "%llu %d\n", (unsigned long long)limit.rlim_cur, nice (0) + 5);
    assert_string_equal (text, wanted);
}

static void test_limit_over_the_hard_one (void **state)
{
    struct rlimit limit;
    uint64_t now = 0;
    getrlimit (RLIMIT_NOFILE, &limit);
    if (limit.rlim_max == RLIM_INFINITY)
        skip ();
    assert_int_equal (child_raise_nofile (limit.rlim_max + 1, &now), -1);
    assert_int_equal (errno, EMFILE);
    assert_int_equal (now, limit.rlim_max);
}

static void test_place_holds_the_group (void **state)
{
    kitchen_t *kitchen = *state;
    volatile pid_t place = 0;
    char *argv[] = {(char *)"sleep", (char *)"100", NULL};
    child_spec_t spec = {.program = "sleep",
                         .argv = argv,
                         .envp = environ,
                         .fd = {kitchen->null, kitchen->out, kitchen->null},
                         .place = &place};
    child_t child;
    assert_int_equal (child_start (kitchen->spawner, &spec, &child), 0);
    assert_int_equal (place, child.pid);
    assert_int_equal (child_signal (&child, SIGKILL), 0);
    expect_end (&child, 0, SIGKILL);
    assert_int_equal (place, 0);
    spec.program = "no-such-program";
    assert_int_equal (child_start (kitchen->spawner, &spec, &child), -1);
    spec.program = "/etc/passwd/x";
    assert_int_equal (child_start (kitchen->spawner, &spec, &child), -1);
    assert_int_equal (place, 0);
}

static void test_children_die_with_their_maker (void **state)
{
    kitchen_t *kitchen = *state;
    int fd[2];
    assert_int_equal (pipe (fd), 0);
    pid_t maker = fork ();
    if (maker == 0) {
        spawner_t *spawner = spawner_new ();
        char *argv[] = {(char *)"sleep", (char *)"100", NULL};
        child_spec_t spec = {
            .program = "sleep", .argv = argv, .envp = environ, .fd = {kitchen->null, kitchen->null, kitchen->null}};
        child_t child;
        if (child_start (spawner, &spec, &child) != 0 || write (fd[1], &child.pid, sizeof child.pid) < 0)
            _exit (1);
        for (;;)
            pause ();
    }
    pid_t child = 0;
    assert_int_equal (read (fd[0], &child, sizeof child), sizeof child);
    close (fd[0]);
    close (fd[1]);
    kill (maker, SIGKILL);
    int status;
    assert_int_equal (waitpid (maker, &status, 0), maker);
    assert_int_equal (waitpid (child, &status, 0), child); // ours now: we are its subreaper
    assert_true (WIFSIGNALED (status));
    assert_int_equal (WTERMSIG (status), SIGKILL);
}

static void test_somebody_else_reaped (void **state)
{
    char *argv[] = {(char *)"true", NULL};
    child_t child;
    int status, number;
    assert_int_equal (start (*state, argv, &child), 0);
    assert_int_equal (waitpid (child.pid, &status, 0), child.pid);
    assert_int_equal (child_reap (&child, &status, &number), -1);
    assert_int_equal (errno, ECHILD);
}

static void test_termseq (void **state)
{
    termseq_t seq;
    assert_int_equal (termseq_parse (TERMSEQ_DEFAULT, &seq), 0);
    assert_int_equal (seq.count, 4);
    assert_int_equal (seq.step[1].signal, SIGTERM);
    assert_int_equal (seq.step[1].wait_ms, 100);
    assert_int_equal (seq.step[3].signal, SIGKILL);
    assert_int_equal (termseq_parse ("sigint,50,9", &seq), 0);
    assert_int_equal (seq.count, 2);
    assert_int_equal (seq.step[0].signal, SIGINT);
    assert_int_equal (seq.step[1].signal, SIGKILL);
    assert_int_equal (termseq_parse ("HUP,1000", &seq), 0);
    assert_int_equal (seq.count, 2);
    assert_int_equal (seq.step[1].signal, SIGKILL);
    const char *wrong[] = {"",          ",",
                           "TERM,",     "TERM,,KILL",
                           "NOPE,1",    "TERM,x",
                           "0,1",       "TERM,-1",
                           "TERM 1",    "TERM,99999999999",
                           "65,1",      "TERM,1,",
                           "KILL,5,,1", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal (termseq_parse (wrong[i], &seq), -1);
        assert_int_equal (seq.step[0].signal, SIGHUP);
    }
}

int main (int argc, char **argv)
{
    if (argc > 1 && strcmp (argv[1], "--show-ignored") == 0)
        return show_ignored ();
    struct rlimit limit;
    getrlimit (RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < 1024 ? limit.rlim_max : 1024;
    setrlimit (RLIMIT_NOFILE, &limit); // so that there is something to raise
    child_remember ();
    prctl (PR_SET_CHILD_SUBREAPER, 1);
#define TEST(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST (test_status_and_signal),
        TEST (test_not_found_is_not_a_status),
        TEST (test_broken_program_fails_in_execve),
        TEST (test_too_many_arguments),
        TEST (test_script_without_interpreter),
        TEST (test_program_that_moved_is_found_again),
        TEST (test_only_three_descriptors),
        TEST (test_group_of_its_own),
        TEST (test_signals_are_as_at_the_start),
        TEST (test_ignored_at_the_start_stays_ignored),
        TEST (test_nice_and_limit),
        TEST (test_limit_over_the_hard_one),
        TEST (test_place_holds_the_group),
        TEST (test_children_die_with_their_maker),
        TEST (test_somebody_else_reaped),
        TEST (test_termseq),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
