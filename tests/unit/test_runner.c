//  What runner.h promises, on real commands. Each test ends without a child, though this process is their subreaper.
#include "test_runner_help.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

//  Runs one item to its end in a kitchen of its own.
static void expect (const char *line, const char *item, int status, const char *out, const char *err)
{
    kitchen_t kitchen = open_kitchen ((runner_opts_t){0}, line);
    assert_int_equal (start (&kitchen, item), 0);
    runner_result_t *result = take (&kitchen);
    assert_int_equal (result->kind, RUNNER_DONE);
    assert_int_equal (result->status, status);
    assert_int_equal (result->ticket, 100);
    assert_int_equal (result->n, 1);
    expect_text (result->out, out);
    expect_text (result->err, err);
    give_back (&kitchen, result);
    assert_int_equal (runner_running (kitchen.runner), 0);
    close_kitchen (&kitchen);
}

static void test_output_and_status (void **state)
{
    expect ("echo {}; echo err >&2; exit 3", "a  b", 3, "a  b\n", "err\n");
    expect ("printf {}", "no newline", 0, "no newline", "");
    expect ("cat; : {}; echo end", "", 0, "end\n", "");
}

static void test_items_as_shell_lines (void **state)
{
    expect (NULL, "echo $((1 + 1)); exit 4", 4, "2\n", "");
}

static void test_cannot_start (void **state)
{
    expect ("no-such-program", "a", 127, "", "dishes: cannot run no-such-program: No such file or directory\n");
    expect ("/", "a", 126, "", "dishes: cannot run /: Permission denied\n");
    kitchen_t kitchen = open_kitchen ((runner_opts_t){0}, "no-such-program");
    start (&kitchen, "a");
    runner_result_t *result = take (&kitchen);
    assert_false (result->started);
    assert_string_equal (result->reason, "cannot run no-such-program: No such file or directory");
    give_back (&kitchen, result);
    close_kitchen (&kitchen);
}

static void test_bad_item_fails_alone (void **state)
{
    kitchen_t kitchen = open_kitchen ((runner_opts_t){0}, "echo");
    const char data[] = "a\0b\n";
    runner_task_t task = {.n = 7, .attempt = 1, .shape = &lines, .data = (const uint8_t *)data, .size = 4};
    assert_int_equal (runner_start (kitchen.runner, &task, now_ms ()), 0);
    runner_result_t *result = take (&kitchen);
    assert_int_equal (result->status, 126);
    assert_false (result->started);
    expect_text (result->err, "dishes: task 7: the item holds a NUL byte, which no argument can hold: use --pipe\n");
    give_back (&kitchen, result);
    start (&kitchen, "fine");
    result = take (&kitchen);
    assert_int_equal (result->status, 0);
    assert_true (result->started);
    expect_text (result->out, "fine\n");
    give_back (&kitchen, result);
    close_kitchen (&kitchen);
}

static void test_signal_is_not_a_status (void **state)
{
    kitchen_t kitchen = open_kitchen ((runner_opts_t){0}, "kill -SEGV $$ {}");
    start (&kitchen, "");
    runner_result_t *result = take (&kitchen);
    assert_int_equal (result->signal, SIGSEGV);
    assert_int_equal (result->status, 0);
    assert_false (result->killed || result->timed_out);
    give_back (&kitchen, result);
    close_kitchen (&kitchen);
}

static void test_slots (void **state)
{
    kitchen_t kitchen = open_kitchen ((runner_opts_t){.slots = 3}, "echo {%}; read x </dev/tty 2>/dev/null; echo {}");
    uint32_t seen = 0;
    assert_int_equal (runner_free (kitchen.runner, now_ms ()), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal (start (&kitchen, "x"), 0);
    assert_int_equal (start (&kitchen, "x"), -1);
    assert_int_equal (errno, EAGAIN);
    assert_int_equal (runner_running (kitchen.runner), 3);
    for (int i = 0; i < 3; i++) {
        runner_result_t *result = take (&kitchen);
        char wanted[20];
        sprintf (wanted, "%u\nx\n", result->slot);
        expect_text (result->out, wanted);
        seen |= 1U << result->slot;
        give_back (&kitchen, result);
    }
    assert_int_equal (seen, 2 + 4 + 8);
    runner_pause (kitchen.runner, true);
    assert_int_equal (runner_free (kitchen.runner, now_ms ()), 0);
    assert_int_equal (start (&kitchen, "x"), -1);
    runner_pause (kitchen.runner, false);
    assert_int_equal (start (&kitchen, "x"), 0);
    give_back (&kitchen, take (&kitchen));
    close_kitchen (&kitchen);
}

static void test_environment (void **state)
{
    setenv ("DISHES_AT", "ipc://outer", 1);
    setenv ("DISHES_KEY", "secret", 1);
    setenv ("DISHES_SEQ", "9999", 1);
    kitchen_t kitchen =
        open_kitchen ((runner_opts_t){.pipeline = "p l", .dryer = "d1"},
                      "env | grep -E '^(DISHES_(SEQ|ATTEMPT|SLOT|PIPELINE|DRYER|AT|KEY)|PARALLEL_(SEQ|JOBSLOT))=' | "
                      "sort; cat <&0; : {}");
    for (int i = 1; i <= 12; i++) {
        char wanted[400];
        start (&kitchen, "x");
        runner_result_t *result = take (&kitchen);
        sprintf (wanted,
                 "DISHES_ATTEMPT=1\nDISHES_DRYER=d1\nDISHES_PIPELINE=p l\nDISHES_SEQ=%d\nDISHES_SLOT=%u\n"
                 "PARALLEL_JOBSLOT=%u\nPARALLEL_SEQ=%d\n",
                 i, result->slot, result->slot, i);
        expect_text (result->out, wanted);
        give_back (&kitchen, result);
    }
    close_kitchen (&kitchen);
    unsetenv ("DISHES_AT");
    unsetenv ("DISHES_KEY");
    unsetenv ("DISHES_SEQ");
}

//  More than memory holds goes to a file, byte for byte.
static void test_large_output (void **state)
{
    kitchen_t kitchen = open_kitchen ((runner_opts_t){0}, "seq {}; seq {} >&2");
    start (&kitchen, "700000");
    runner_result_t *result = take (&kitchen);
    assert_int_equal (result->status, 0);
    const capture_t *both[] = {result->out, result->err};
    for (int i = 0; i < 2; i++) {
        assert_int_equal (capture_size (both[i]), 4788895);
        assert_null (capture_memory (both[i]));
        char *text = malloc (4788895 + 1), *at = text;
        uint64_t offset = 0;
        ssize_t size;
        while ((size = capture_read (both[i], offset, text + offset, 10007)) > 0)
            offset += (uint64_t)size;
        assert_int_equal (offset, 4788895);
        for (long line = 1; line <= 700000; line++)
            if (strtol (at, &at, 10) != line || *at++ != '\n')
                fail ();
        free (text);
    }
    give_back (&kitchen, result);
    start (&kitchen, "3"); // the same captures again
    result = take (&kitchen);
    expect_text (result->out, "1\n2\n3\n");
    assert_non_null (capture_memory (result->out));
    give_back (&kitchen, result);
    close_kitchen (&kitchen);
}

//  Never silently less.
static void test_output_that_cannot_be_kept (void **state)
{
    struct rlimit old, small;
    getrlimit (RLIMIT_FSIZE, &old);
    small = (struct rlimit){.rlim_cur = 1500000, .rlim_max = old.rlim_max};
    signal (SIGXFSZ, SIG_IGN);
    kitchen_t kitchen = open_kitchen ((runner_opts_t){0}, "echo a >&2; yes {}");
    start (&kitchen, "endless");
    setrlimit (RLIMIT_FSIZE, &small);
    runner_result_t *result = take (&kitchen);
    setrlimit (RLIMIT_FSIZE, &old);
    signal (SIGXFSZ, SIG_DFL);
    assert_int_equal (result->status, 125);
    assert_true (result->started);
    assert_int_equal (capture_size (result->out), 0);
    expect_text (result->err, "a\ndishes: cannot keep the stdout of task 1 in /tmp: File too large\n");
    give_back (&kitchen, result);
    close_kitchen (&kitchen);

    kitchen = open_kitchen ((runner_opts_t){.tmpdir = "/no/such/directory", .memory_bytes = 100}, "seq {} >&2");
    start (&kitchen, "5000");
    result = take (&kitchen);
    assert_int_equal (result->status, 125);
    expect_text (result->err,
                 "dishes: cannot keep the stderr of task 1 in /no/such/directory: No such file or directory\n");
    give_back (&kitchen, result);
    close_kitchen (&kitchen);
}

//  Nobody ends what is left over; should this test not come so far, it ends with its time.
static void test_leftovers_hold_nothing_up (void **state)
{
    char line[100];
    snprintf (line, sizeof line, "sleep %d & echo before; echo $$; : {}", SECONDS);
    kitchen_t kitchen = open_kitchen ((runner_opts_t){0}, line);
    start (&kitchen, "x");
    pid_t group = 0;
    runner_result_t *result = take (&kitchen);
    char text[100] = "";
    assert_true (capture_read (result->out, 0, text, sizeof text - 1) > 0);
    assert_int_equal (sscanf (text, "before\n%d", &group), 1);
    assert_int_equal (result->status, 0);
    give_back (&kitchen, result);
    close_kitchen (&kitchen);
    assert_int_equal (kill (-group, 0), 0); // it lives on: it was meant to
    kill (-group, SIGKILL);
}

static void test_timeout_ends_the_group (void **state)
{
    kitchen_t kitchen = open_kitchen ((runner_opts_t){.timeout_ms = 100}, "echo $$; sleep 1000 | sleep 1000; : {}");
    int64_t before_ms = now_ms ();
    start (&kitchen, "x");
    assert_in_range (runner_due (kitchen.runner), before_ms + 99, before_ms + 20000);
    runner_result_t *result = take (&kitchen);
    assert_true (result->timed_out);
    assert_int_equal (result->signal, SIGTERM);
    assert_true (result->elapsed_s > 0.09);
    assert_int_equal (runner_due (kitchen.runner), -1);
    give_back (&kitchen, result);
    close_kitchen (&kitchen);
}

static void expect_piece (kitchen_t *kitchen, int stream, const char *text, bool partial)
{
    runner_result_t *piece = take (kitchen);
    assert_int_equal (piece->kind, RUNNER_PIECE);
    assert_int_equal (piece->stream, stream);
    assert_int_equal (piece->size, strlen (text));
    assert_memory_equal (piece->data, text, piece->size);
    assert_int_equal (piece->partial, partial);
    assert_int_equal (piece->n, 1);
    give_back (kitchen, piece);
}

static void expect_timed_out (kitchen_t *kitchen)
{
    expect_piece (kitchen, 2, "dishes: task 1: timed out (--timeout)\n", false);
    runner_result_t *result = take (kitchen);
    assert_int_equal (result->kind, RUNNER_DONE);
    assert_true (result->timed_out);
    give_back (kitchen, result);
}

//  Takes lines until there were `count`; returns the first as a number.
static int take_lines (kitchen_t *kitchen, int count)
{
    int first = 0;
    while (count > 0) {
        runner_result_t *piece = take (kitchen);
        assert_int_equal (piece->kind, RUNNER_PIECE);
        first = first ? first : atoi (piece->data);
        for (size_t i = 0; i < piece->size; i++)
            count -= piece->data[i] == '\n';
        give_back (kitchen, piece);
    }
    return first;
}

//  From here on the clock of these tests is their own, as the runner is told what time it is.
enum { LONG_MS = 1000000 };

//  The leader dies of TERM, its child does not: the group is ended all the same, by KILL.
static void test_timeout_reaches_who_ignores_it (void **state)
{
    termseq_t seq;
    assert_int_equal (termseq_parse ("TERM,5000,TERM,5000,KILL,25", &seq), 0);
    runner_opts_t opts = {.timeout_ms = LONG_MS, .termseq = seq, .output = RUNNER_LINES};
    kitchen_t kitchen =
        open_kitchen (opts, "(trap '' TERM; sh -c 'echo $PPID'; while :; do sleep 1000; done) & wait; : {}");
    start (&kitchen, "x");
    pid_t stubborn = take_lines (&kitchen, 1);
    assert_true (stubborn > 0);
    int64_t then_ms = now_ms () + LONG_MS;
    runner_process (kitchen.runner, then_ms);
    assert_int_equal (runner_due (kitchen.runner), then_ms + 5000);
    runner_process (kitchen.runner, then_ms + 5000);
    assert_null (runner_take (kitchen.runner));
    assert_int_equal (runner_running (kitchen.runner), 1);
    runner_process (kitchen.runner, then_ms + 10000);
    expect_timed_out (&kitchen);
    int status;
    assert_int_equal (waitpid (stubborn, &status, 0), stubborn);
    assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
    close_kitchen (&kitchen);
}

//  Who cleans up at TERM has the time to, and its last words are in the output.
static void test_last_words_of_a_group (void **state)
{
    runner_opts_t opts = {.timeout_ms = LONG_MS, .output = RUNNER_LINES};
    kitchen_t kitchen = open_kitchen (
        opts, "exec 2>/dev/null; (trap 'sleep 0.05; echo cleaned; exit' TERM; echo up; while :; do sleep 0.01; "
              "done) & wait; : {}");
    start (&kitchen, "x");
    take_lines (&kitchen, 1);
    runner_process (kitchen.runner, now_ms () + LONG_MS);
    expect_piece (&kitchen, 1, "cleaned\n", false);
    expect_timed_out (&kitchen);
    close_kitchen (&kitchen);
}

static void test_kill (void **state)
{
    kitchen_t kitchen = open_kitchen ((runner_opts_t){.slots = 3}, "trap '' TERM; sleep 1000; : {}");
    for (int i = 0; i < 3; i++)
        start (&kitchen, "x");
    assert_int_equal (runner_kill_task (kitchen.runner, 999, true, now_ms ()), -1);
    assert_int_equal (errno, ESRCH);
    assert_int_equal (runner_kill_task (kitchen.runner, 101, true, now_ms ()), 0);
    runner_result_t *result = take (&kitchen);
    assert_int_equal (result->ticket, 101);
    assert_true (result->killed);
    assert_int_equal (result->signal, SIGKILL);
    give_back (&kitchen, result);
    runner_kill (kitchen.runner, false, now_ms ());
    assert_true (runner_due (kitchen.runner) > 0);
    for (int i = 0; i < 2; i++) {
        result = take (&kitchen);
        assert_true (result->killed);
        give_back (&kitchen, result);
    }
    close_kitchen (&kitchen);
}

static void test_destroy_while_running (void **state)
{
    kitchen_t kitchen = open_kitchen ((runner_opts_t){.slots = 3}, "trap '' TERM; sleep 1000 | sleep 1000; : {}");
    for (int i = 0; i < 3; i++)
        start (&kitchen, "x");
    close_kitchen (&kitchen);
}

//  What a task in any slot writes is not taken for its end.
static void test_output_is_not_an_exit (void **state)
{
    runner_opts_t opts = {.slots = 4, .output = RUNNER_BYTES};
    kitchen_t kitchen = open_kitchen (opts, "echo x; echo y >&2; exec sleep {}");
    for (int i = 0; i < 4; i++)
        start (&kitchen, "1000");
    for (size_t seen = 0; seen < strlen ("x\ny\n") * 4;) {
        runner_result_t *piece = take (&kitchen);
        assert_int_equal (piece->kind, RUNNER_PIECE);
        seen += piece->size;
        give_back (&kitchen, piece);
    }
    assert_int_equal (runner_running (kitchen.runner), 4);
    runner_kill (kitchen.runner, true, now_ms ());
    for (int i = 0; i < 4; i++) {
        runner_result_t *result = take (&kitchen);
        assert_int_equal (result->signal, SIGKILL);
        give_back (&kitchen, result);
    }
    close_kitchen (&kitchen);
}

static char state_of (pid_t pid)
{
    char path[64], text[300] = "";
    sprintf (path, "/proc/%d/stat", pid);
    int fd = open (path, O_RDONLY);
    assert_true (fd >= 0 && read (fd, text, sizeof text - 1) > 0);
    close (fd);
    return strrchr (text, ')')[2];
}

static void test_stop_and_cont (void **state)
{
    kitchen_t kitchen =
        open_kitchen ((runner_opts_t){.output = RUNNER_LINES, .timeout_ms = LONG_MS}, "echo $$; exec sleep 1000; : {}");
    start (&kitchen, "x");
    pid_t pid = take_lines (&kitchen, 1);
    int64_t stopped_ms = now_ms ();
    runner_stop (kitchen.runner, stopped_ms);
    runner_stop (kitchen.runner, stopped_ms);
    while (state_of (pid) != 'T')
        sched_yield ();
    assert_int_equal (runner_due (kitchen.runner), -1);
    assert_int_equal (start (&kitchen, "x"), -1);
    runner_process (kitchen.runner, stopped_ms + 2 * LONG_MS); // no timeout while it stands
    runner_cont (kitchen.runner, stopped_ms + 2 * LONG_MS);
    assert_true (runner_due (kitchen.runner) > stopped_ms + 2 * LONG_MS);
    while (state_of (pid) == 'T')
        sched_yield ();
    runner_process (kitchen.runner, stopped_ms + 3 * LONG_MS);
    expect_timed_out (&kitchen);
    close_kitchen (&kitchen);
}

static void test_delay (void **state)
{
    kitchen_t kitchen = open_kitchen ((runner_opts_t){.delay_ms = 50}, "true");
    int64_t first_ms = now_ms ();
    assert_int_equal (start (&kitchen, "x"), 0);
    assert_int_equal (runner_free (kitchen.runner, first_ms), 0);
    assert_in_range (runner_due (kitchen.runner), first_ms + 50, first_ms + 20050);
    assert_int_equal (runner_free (kitchen.runner, runner_due (kitchen.runner)), 1);
    give_back (&kitchen, take (&kitchen));
    close_kitchen (&kitchen);
}

static void expect_done (kitchen_t *kitchen, int status)
{
    runner_result_t *result = take (kitchen);
    assert_int_equal (result->kind, RUNNER_DONE);
    assert_int_equal (result->status, status);
    assert_int_equal (capture_size (result->out), 0);
    give_back (kitchen, result);
}

static void test_lines (void **state)
{
    int fd[2]; // holds the command back between its two halves of a line
    assert_int_equal (pipe (fd), 0);
    char line[300], path[100];
    sprintf (path, "/proc/%d/fd/%d", getpid (), fd[0]);
    sprintf (line, "printf 'a\nb\nhal'; read x <%s; printf 'f\n'; read x <%s; printf end; exit 2; : {}", path, path);
    kitchen_t kitchen = open_kitchen ((runner_opts_t){.output = RUNNER_LINES}, line);
    start (&kitchen, "x");
    expect_piece (&kitchen, 1, "a\nb\n", false);
    assert_null (runner_take (kitchen.runner));
    assert_int_equal (write (fd[1], "\n", 1), 1);
    expect_piece (&kitchen, 1, "half\n", false);
    assert_int_equal (write (fd[1], "\n", 1), 1);
    expect_piece (&kitchen, 1, "end", true);
    expect_done (&kitchen, 2);
    close_kitchen (&kitchen);
    close (fd[0]);
    close (fd[1]);
}

static void test_bytes (void **state)
{
    int fd[2];
    assert_int_equal (pipe (fd), 0);
    char line[200];
    sprintf (line, "printf hal; read x </proc/%d/fd/%d; printf f >&2; : {}", getpid (), fd[0]);
    kitchen_t kitchen = open_kitchen ((runner_opts_t){.output = RUNNER_BYTES}, line);
    start (&kitchen, "x");
    expect_piece (&kitchen, 1, "hal", false);
    assert_int_equal (write (fd[1], "\n", 1), 1);
    expect_piece (&kitchen, 2, "f", false);
    expect_done (&kitchen, 0);
    close_kitchen (&kitchen);
    close (fd[0]);
    close (fd[1]);
}

//  What is not taken stays in the pipe, and nothing of it is lost; with a last line longer than the buffer.
static void test_streaming_is_bounded (void **state)
{
    kitchen_t kitchen = open_kitchen ((runner_opts_t){.output = RUNNER_LINES, .slots = 1},
                                      "seq {}; head -c 2500000 /dev/zero | tr '\\0' x");
    start (&kitchen, "500000"); // 3388895 bytes
    struct pollfd poller = {.fd = runner_fd (kitchen.runner), .events = POLLIN};
    while (poll (&poller, 1, 100) == 1)
        runner_process (kitchen.runner, now_ms ());
    size_t total = 0, pieces = 0;
    runner_result_t *piece;
    while ((piece = take (&kitchen))->kind == RUNNER_PIECE) {
        assert_true (piece->size <= RUNNER_BUFFER_BYTES);
        assert_int_equal (piece->partial, piece->data[piece->size - 1] != '\n');
        assert_true (!piece->partial || total >= 3388895);
        total += piece->size;
        pieces++;
        give_back (&kitchen, piece);
    }
    assert_int_equal (total, 3388895 + 2500000);
    assert_true (pieces >= 6);
    assert_int_equal (piece->status, 0);
    give_back (&kitchen, piece);
    close_kitchen (&kitchen);
}

//  The command has exited, its pipe is full, the caller does not take: the slot waits, the bytes too.
static void test_exit_before_all_is_taken (void **state)
{
    kitchen_t kitchen = open_kitchen ((runner_opts_t){.output = RUNNER_BYTES, .slots = 1},
                                      "head -c {} /dev/zero; head -c 1000 /dev/zero >&2");
    char size[20];
    sprintf (size, "%d", RUNNER_BUFFER_BYTES + 60000);
    start (&kitchen, size);
    struct pollfd poller = {.fd = runner_fd (kitchen.runner), .events = POLLIN};
    while (poll (&poller, 1, 300) == 1)
        runner_process (kitchen.runner, now_ms ());
    assert_int_equal (runner_running (kitchen.runner), 1);
    size_t total[3] = {0};
    runner_result_t *piece;
    while ((piece = take (&kitchen))->kind == RUNNER_PIECE) {
        total[piece->stream] += piece->size;
        give_back (&kitchen, piece);
    }
    assert_int_equal (total[1], RUNNER_BUFFER_BYTES + 60000);
    assert_int_equal (total[2], 1000);
    assert_int_equal (runner_running (kitchen.runner), 0);
    give_back (&kitchen, piece);
    close_kitchen (&kitchen);
}

static void test_reason_while_streaming (void **state)
{
    kitchen_t kitchen = open_kitchen ((runner_opts_t){.output = RUNNER_LINES}, "no-such-program");
    start (&kitchen, "x");
    expect_piece (&kitchen, 2, "dishes: cannot run no-such-program: No such file or directory\n", false);
    expect_done (&kitchen, 127);
    close_kitchen (&kitchen);
}

static void count_starts (void *arg, const runner_task_t *task, uint32_t slot, const char *text, size_t size)
{
    assert_string_equal (text, "false 'a b'");
    assert_int_equal (size, 11);
    assert_int_equal (task->n, 1);
    ++*(int *)arg;
}

static void test_dry_run_tag_and_text (void **state)
{
    char error[100];
    int starts = 0;
    template_t *tag = template_text_new ("{#}:{}", NULL, error, sizeof error);
    runner_opts_t opts = {.dry_run = true, .tag = tag, .want_text = true, .on_start = count_starts, .arg = &starts};
    kitchen_t kitchen = open_kitchen (opts, "false");
    kitchen.tag = tag;
    start (&kitchen, "a b");
    assert_int_equal (starts, 1);
    runner_result_t *result = take (&kitchen);
    assert_int_equal (result->status, 0);
    expect_text (result->out, "false 'a b'\n");
    assert_string_equal (result->tag, "1:a b");
    assert_int_equal (result->tag_bytes, 5);
    assert_string_equal (result->text, "false 'a b'");
    assert_true (result->start_s > 1e9);
    give_back (&kitchen, result);
    close_kitchen (&kitchen);
}

static void test_pieces_carry_the_tag (void **state)
{
    char error[100];
    template_t *tag = template_text_new ("{}", NULL, error, sizeof error);
    kitchen_t kitchen = open_kitchen ((runner_opts_t){.tag = tag, .output = RUNNER_LINES}, "echo {}");
    kitchen.tag = tag;
    start (&kitchen, "t");
    runner_result_t *piece = take (&kitchen), *done = take (&kitchen);
    assert_int_equal (piece->kind, RUNNER_PIECE);
    assert_int_equal (done->kind, RUNNER_DONE);
    give_back (&kitchen, done); // in any order
    assert_string_equal (piece->tag, "t");
    give_back (&kitchen, piece);
    close_kitchen (&kitchen);
}

static void test_guardian_has_too_few_places (void **state)
{
    char error[100];
    char *words[] = {(char *)"true"};
    template_opts_t opts = {.words = words, .count = 1};
    template_t *command = template_new (&opts, error, sizeof error);
    runner_opts_t runner = {.slots = 65, .command = command, .guardian = guardian};
    assert_null (runner_new (&runner));
    assert_int_equal (errno, ENOSPC);
    runner.slots = 0;
    assert_null (runner_new (&runner));
    assert_int_equal (errno, EINVAL);
    template_destroy (&command);
}

//  Many tasks through few slots: each has its own output, and nothing is left of descriptors.
static void test_many (void **state)
{
    int before = dup (0), after;
    close (before);
    kitchen_t kitchen = open_kitchen ((runner_opts_t){.slots = 4}, "echo");
    enum { TASKS = 200 };
    char seen[TASKS + 1] = {0};
    for (int done = 0; done < TASKS;) {
        char item[20];
        sprintf (item, "%d", (int)kitchen.started + 1);
        if (kitchen.started < TASKS && start (&kitchen, item) == 0)
            continue;
        runner_result_t *result = take (&kitchen);
        sprintf (item, "%d\n", (int)result->n);
        expect_text (result->out, item);
        assert_int_equal (result->ticket, 99 + result->n);
        assert_int_equal (seen[result->n]++, 0);
        done++;
        give_back (&kitchen, result);
    }
    close_kitchen (&kitchen);
    after = dup (0);
    close (after);
    assert_int_equal (before, after);
}

int main (void)
{
    begin_tests ();
    const struct CMUnitTest tests[] = {
        TEST (test_output_and_status),
        TEST (test_items_as_shell_lines),
        TEST (test_cannot_start),
        TEST (test_bad_item_fails_alone),
        TEST (test_signal_is_not_a_status),
        TEST (test_slots),
        TEST (test_environment),
        TEST (test_large_output),
        TEST (test_output_that_cannot_be_kept),
        TEST (test_leftovers_hold_nothing_up),
        TEST (test_timeout_ends_the_group),
        TEST (test_timeout_reaches_who_ignores_it),
        TEST (test_last_words_of_a_group),
        TEST (test_kill),
        TEST (test_output_is_not_an_exit),
        TEST (test_destroy_while_running),
        TEST (test_stop_and_cont),
        TEST (test_delay),
        TEST (test_lines),
        TEST (test_bytes),
        TEST (test_streaming_is_bounded),
        TEST (test_exit_before_all_is_taken),
        TEST (test_reason_while_streaming),
        TEST (test_dry_run_tag_and_text),
        TEST (test_pieces_carry_the_tag),
        TEST (test_guardian_has_too_few_places),
        TEST (test_many),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
