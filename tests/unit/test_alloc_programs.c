//  Memory ends in whole programs: each place that allocates fails once, and once with all that follows. Then the
//  program has done all that it was to do, or its exit status and a line say that it has not; it never crashes, hangs,
//  or counts what is not there. ctest: one-thread waits
#include "test_alloc_help.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dishes.h>

#include "cmd/top.h"
#include "cmd/stage.h"

#ifdef __SANITIZE_ADDRESS__
enum { HITS_MOST = 1 }; // a round takes longer
#else
enum { HITS_MOST = 2 };
#endif
enum { SECONDS = 20 };

static unsigned faults; // rounds that did not end as they should
static char place[] = "/dev/shm/test_alloc-XXXXXX", meeting[] = "/dev/shm/test_alloc-XXXXXX";

//  ---- a directory that is empty before each round

static int remove_entry (const char *path, const struct stat *is, int kind, struct FTW *where)
{
    return where->level ? remove (path) : 0;
}

static void empty_place (void)
{
    (void)nftw (place, remove_entry, 20, FTW_DEPTH | FTW_PHYS);
}

static int make_place (void **state)
{
    if (!mkdtemp (place) || chdir (place) == -1 || !mkdtemp (meeting))
        return -1;
    return setenv ("DISHES_DIR", meeting, 1) | setenv ("TMPDIR", place, 1);
}

static int remove_place (void **state)
{
    (void)nftw (meeting, remove_entry, 20, FTW_DEPTH | FTW_PHYS);
    empty_place ();
    return chdir ("/") | rmdir (place) | rmdir (meeting);
}

static char *read_text (const char *name)
{
    static char text[20000];
    int fd = open (name, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd == -1 ? 0 : read (fd, text, sizeof text - 1);
    if (fd != -1)
        close (fd);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

//  ---- programs

static int run_all (stage_t *self, int *signal)
{
    local_config_t parts = stage_config (self);
    parts.has_washer = parts.has_sink = true;
    parts.has_dryer = self->config.address.kind == ADDRESS_INPROC;
    parts.dryers = parts.has_dryer ? 0 : self->config.dryers;
    return stage_run (self, &parts, signal);
}

static int act (stage_t *self, int *signal)
{
    static stage_fn *const acts[] = {[ACTION_RUN] = run_all,
                                     [ACTION_JOIN] = observe_join,
                                     [ACTION_STATUS] = observe_status,
                                     [ACTION_TOP] = observe_top};
    return acts[self->config.action](self, signal);
}

typedef struct {
    int (*act_by) (void);   // returns an exit status; NULL: by the words
    const char *words[24];  // of the command line
    const char *before[24]; // of one that is run before it, with memory enough
    const char *wanted;     // in the file `out`, or on stdout; NULL: anything
    int status;             // where it goes well
    off_t bytes;            // of the output; 0: not looked at
    bool is_slow;           // its reader
} run_of_t;

static int begin (const char *const *words)
{
    int count = 0;
    char *copies[24];
    while (words[count])
        copies[count] = (char *)(uintptr_t)words[count], count++;
    copies[count] = NULL;
    return stage_main (PROGRAM_DISHES, count, copies, act);
}

//  What a crash comes to without cmocka.
static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
static struct sigaction actions[sizeof crashes / sizeof *crashes];

static __attribute__ ((constructor)) void remember_actions (void)
{
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        sigaction (crashes[i], NULL, &actions[i]);
}

static void prepare_process (void)
{
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        sigaction (crashes[i], &actions[i], NULL);
    alarm (SECONDS);
    dup2 (open ("stdout", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), STDOUT_FILENO);
    dup2 (open ("stderr", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), STDERR_FILENO);
}

static pid_t start (int (*act_by) (void), const char *const *words, int out)
{
    pid_t pid = fork ();
    if (!pid) {
        prepare_process ();
        if (out != -1)
            dup2 (out, STDOUT_FILENO);
        exit (act_by ? act_by () : begin (words));
    }
    return pid;
}

//  Begins to read when more waits than a pipe holds.
static pid_t start_slow_reader (int *to)
{
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    pid_t pid = fork ();
    if (!pid) {
        dup2 (ends[0], STDIN_FILENO);
        close (ends[1]);
        execl ("/bin/sh", "sh", "-c", "sleep 0.5; exec cat >stdout", (char *)NULL);
        _exit (127);
    }
    close (ends[0]);
    *to = ends[1];
    return pid;
}

//  A program whose memory does not end.
static pid_t start_beside (const char *const *words)
{
    pid_t pid = fork ();
    if (!pid) {
        memory = NULL;
        prepare_process ();
        alarm (100);
        exit (begin (words));
    }
    return pid;
}

//  In a process of its own; its wait status.
static int play_program (int (*act_by) (void), const char *const *words, bool is_slow)
{
    int status = -1, out = -1;
    pid_t reader = is_slow ? start_slow_reader (&out) : 0, pid = start (act_by, words, out);
    if (out != -1)
        close (out);
    assert_int_equal (waitpid (pid, &status, 0), pid);
    if (reader)
        waitpid (reader, NULL, 0);
    return status;
}

static void prepare (const run_of_t *program)
{
    empty_place ();
    if (program->before[0])
        (void)play_program (NULL, program->before, false);
    unlink ("stderr");
}

static bool is_whole (const run_of_t *program)
{
    struct stat is;
    const char *name = stat ("out", &is) == 0 ? "out" : "stdout";
    if (program->bytes && (stat (name, &is) == -1 || is.st_size != program->bytes))
        return false;
    return !program->wanted || !strcmp (read_text (name), program->wanted);
}

static const char *fault_of (const run_of_t *program, int status)
{
    static char text[60];
    int exit_status = WEXITSTATUS (status);
    if (!WIFEXITED (status)) {
        snprintf (text, sizeof text, "ended by signal %d", WTERMSIG (status));
        return WTERMSIG (status) == SIGALRM ? "hangs" : text;
    }
    snprintf (text, sizeof text, "status %d", exit_status);
    if (exit_status == program->status)
        return is_whole (program) ? NULL : "says that all is well, and its output is not whole";
    if (!*read_text ("stderr"))
        return "says nothing of it";
    return exit_status == 125 || (exit_status && exit_status <= 100 && exit_status != 99) ? NULL
                                                                                          : text; // 99: a sanitizer's
}

static void play_site (const run_of_t *program, size_t number, long hit, bool lasting)
{
    const void *at = memory->sites[number].at;
    prepare (program);
    begin_round (at, hit, lasting);
    int status = play_program (program->act_by, program->words, program->is_slow);
    memory->on = false;
    const char *fault = fault_of (program, status);
    if (!fault)
        return;
    faults++;
    print_error ("at %zx, hit %ld%s: %s\n%s\n", (size_t)((const char *)at - __executable_start), hit,
                 lasting ? " (lasting)" : "", fault, read_text ("stderr"));
}

//  What a place that an earlier program has tried does here is known: only its first hit is tried again.
static void play_sites (const run_of_t *program)
{
    prepare (program);
    begin_round (NULL, INT32_MAX, false);
    int status = play_program (program->act_by, program->words, program->is_slow);
    memory->on = false;
    if (!WIFEXITED (status) || WEXITSTATUS (status) != program->status || !is_whole (program))
        fail_msg ("status %x, '%s', '%s'", (unsigned)status, read_text ("stdout"), read_text ("stderr"));
    long hits[SITES_MOST];
    size_t size = memory->size;
    for (size_t i = 0; i < size; i++)
        hits[i] = memory->sites[i].has_failed ? 0 : memory->sites[i].hits;
    for (size_t i = 0; i < size; i++)
        for (long hit = 0; hit < hits[i] && hit < HITS_MOST; hit++) {
            play_site (program, i, hit, false);
            if (!hit)
                play_site (program, i, hit, true);
        }
    assert_int_equal (faults, 0);
}

//  ---- which

static const char lines[] = "a\tone a\nb\tone b\nc\tone c\n";

//  What comes behind the slow first one waits for its turn, and is kept.
static void test_in_one_process (void **state)
{
    static const run_of_t program = {.words = {"dishes",
                                               "-k",
                                               "-j2",
                                               "--tag",
                                               "-o",
                                               "out",
                                               "--results",
                                               "tree",
                                               "--joblog",
                                               "log",
                                               "--journal",
                                               "journal",
                                               "--timeout",
                                               "10",
                                               "--bar",
                                               "-t",
                                               "[ {} != a ] || sleep 0.05; echo one {}",
                                               ":::",
                                               "a",
                                               "b",
                                               "c"},
                                     .wanted = lines};
    play_sites (&program);
}

static void test_with_a_dryer_of_its_own (void **state)
{
    static const run_of_t program = {.words = {"dishes", "--at", "ipc://kitchen", "--dead-after", "1", "--wait", "2",
                                               "-k", "--tag", "-o", "out", "echo one {}", ":::", "a", "b", "c"},
                                     .wanted = lines};
    play_sites (&program);
}

//  More than a message holds, on both streams, beside a failure and what is told of it.
static void test_large_outputs (void **state)
{
    static const run_of_t program = {
        .words = {"dishes", "-k", "-j2", "--tag", "-o", "out", "--results", "tree", "--joblog", "log", "--journal",
                  "journal", "head -c 70000 /dev/zero | tee /dev/stderr; echo; [ {} != b ]", ":::", "a", "b"},
        .status = 1,
        .bytes = 2 * (2 + 70000 + 1)};
    play_sites (&program);
}

//  (How long a line is depends on the times in it.)
static void test_lines_of_json (void **state)
{
    static const run_of_t program = {
        .words = {"dishes", "--json", "-k", "-j2", "-o", "out", "[ {} != b ] && echo {}", ":::", "a", "b", "c"},
        .status = 1};
    play_sites (&program);
}

static void test_a_queue_on_a_stack (void **state)
{
    static const run_of_t program = {
        .words = {"dishes", "-j1", "--when-full", "stack", "--queue", "1", "-a", "items", "printf", "x"},
        .before = {"dishes", "-o", "items", "head -c 60000 /dev/zero | tr '\\0' {}; echo", ":::", "1", "2", "3", "4"},
        .wanted = "xxxx"};
    play_sites (&program);
}

//  As it comes, and more than may be under way.
static void test_bytes_as_they_come (void **state)
{
    static const run_of_t program = {
        .words = {"dishes", "-j4", "-u", "yes {} | head -c 6000000", ":::", "a", "b", "c", "d"},
        .bytes = 4 * 6000000,
        .is_slow = true};
    play_sites (&program);
}

static void test_a_filter (void **state)
{
    static const run_of_t program = {.words = {"dishes", "-k", "-j1", "--filter", "cat", ":::", "a", "b", "c"},
                                     .wanted = "a\nb\nc\n"};
    play_sites (&program);
}

static void test_that_goes_on (void **state)
{
    static const run_of_t program = {.words = {"dishes", "-k", "-j1", "--tag", "-o", "out", "--journal", "journal",
                                               "--resume-failed", "echo one {}", ":::", "a", "b", "c"},
                                     .before = {"dishes", "-k", "-j1", "--tag", "-o", "out", "--journal", "journal",
                                                "[ {} != b ]", ":::", "a", "b", "c"},
                                     .wanted = "b\tone b\n"};
    play_sites (&program);
}

//  The first was not done in time; what the others wrote waits in the journal.
static void test_that_goes_on_with_what_waits (void **state)
{
    static const run_of_t program = {.words = {"dishes", "-k", "-j3", "--tag", "-o", "out", "--journal", "journal",
                                               "--resume", "echo one {}", ":::", "a", "b", "c"},
                                     .before = {"dishes", "-k", "-j3", "--tag", "-o", "out", "--journal", "journal",
                                                "--deadline", "0.2", "[ {} != a ] || sleep 5; echo one {}", ":::", "a",
                                                "b", "c"},
                                     .wanted = lines};
    play_sites (&program);
}

//  ---- who looks on

static void with_a_pipeline (const run_of_t *program)
{
    static const char *const kitchen[] = {"dishes", "--at", "ipc://seen", "sleep", ":::", "100", NULL};
    static const char *const looks[] = {"dishes", "--status", "ipc://seen", "--json", NULL};
    empty_place ();
    memory->on = false;
    pid_t pid = start_beside (kitchen);
    int rc = -1;
    for (int i = 0; rc && i < 100; i++) // until it has a dryer
        rc = play_program (NULL, looks, false) || !strstr (read_text ("stdout"), "\"life\"");
    if (rc == 0)
        play_sites (program);
    kill (pid, SIGTERM);
    waitpid (pid, NULL, 0);
    assert_int_equal (rc, 0);
}

static void test_a_status (void **state)
{
    static const run_of_t program = {.words = {"dishes", "--status", "ipc://seen", "--json"}};
    with_a_pipeline (&program);
}

static void test_a_view_that_goes_on (void **state)
{
    static const run_of_t program = {.words = {"dishes", "--top", "ipc://seen", "--deadline", "0.3"}, .status = 124};
    with_a_pipeline (&program);
}

//  ---- programs over the library

static void say_line (void *arg, int level, const char *line)
{
    fprintf (stderr, "%s\n", line);
}

static void count_result (void *arg, const dishes_result_t *result)
{
    size_t *bytes = arg;
    *bytes += result->out_size;
    if (result->outcome != DISHES_OK)
        fprintf (stderr, "task %d has status %d\n", (int)result->number, result->status);
}

//  All that was begun is ended, whatever failed.
static int close_kitchen (dishes_sink_t **sink, dishes_washer_t **washer, dishes_dryer_t **dryer, bool good)
{
    if (!good)
        fprintf (stderr, "%s\n", dishes_error ());
    dishes_washer_destroy (washer);
    dishes_dryer_destroy (dryer);
    dishes_sink_destroy (sink);
    return good ? 0 : 125;
}

static bool do_task (dishes_dryer_t *dryer, const char *out, size_t size)
{
    dishes_task_t *task = dishes_get (dryer, 1500);
    bool good = task && dishes_task_write (task, out, size / 2) == 0;
    return task && dishes_task_done (&task, good ? 0 : 1, out, size - size / 2) == 0 && good;
}

//  One thread has all three parts; the second output comes in pieces.
static int by_the_library (void)
{
    static char out[100000];
    size_t bytes = 0;
    dishes_opts_t opts = {.size = sizeof opts,
                          .log = say_line,
                          .name = "part",
                          .advertise = "localhost",
                          .dead_after_ms = 300,
                          .wait_ms = 3000,
                          .slots = 2,
                          .result = count_result,
                          .result_arg = &bytes,
                          .keep_order = 1};
    dishes_sink_t *sink = dishes_sink_new ("inproc://library", &opts);
    dishes_washer_t *washer = sink ? dishes_washer_new ("inproc://library", &opts) : NULL;
    dishes_dryer_t *dryer = washer ? dishes_dryer_new ("inproc://library", &opts) : NULL;
    bool good = dryer && dishes_put (washer, "a", 1, 1500) == 0 && dishes_put (washer, out, sizeof out, 1500) == 0 &&
                dishes_put_block (washer, "x\ny\n", 4, '\n', 1500) != -1 && dishes_end (washer) == 0;
    for (int i = 0; i < 4; i++)
        good = good && do_task (dryer, out, i == 1 ? sizeof out : 10);
    dishes_figures_t figures;
    good = good && dishes_join (washer, 1500) == 0 && dishes_sink_wait (sink, 5000, &figures) == 0;
    int status = close_kitchen (&sink, &washer, &dryer, good);
    return status ? status : figures.ok == 4 && bytes == sizeof out + 30 ? figures.status : 3;
}

static int do_in_thread (void *arg, dishes_task_t *task)
{
    return dishes_task_write (task, dishes_task_data (task), dishes_task_size (task));
}

static int in_threads (void)
{
    dishes_opts_t opts = {.size = sizeof opts, .log = say_line, .dead_after_ms = 300, .wait_ms = 3000};
    dishes_sink_t *sink = dishes_sink_new ("inproc://threads", &opts);
    dishes_washer_t *washer = sink ? dishes_washer_new ("inproc://threads", &opts) : NULL;
    bool good = washer && dishes_put (washer, "a", 1, 1500) == 0 && dishes_put (washer, "b", 1, 1500) == 0 &&
                dishes_end (washer) == 0;
    good = good && dishes_run ("inproc://threads", 2, do_in_thread, NULL, &opts) == 0;
    dishes_figures_t figures;
    good = good && dishes_sink_wait (sink, 5000, &figures) == 0;
    int status = close_kitchen (&sink, &washer, &(dishes_dryer_t *){NULL}, good);
    return status ? status : figures.status;
}

static void test_by_the_library (void **state)
{
    play_sites (&(run_of_t){.act_by = by_the_library});
}

static void test_in_threads_of_a_program (void **state)
{
    play_sites (&(run_of_t){.act_by = in_threads});
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_in_one_process),
        cmocka_unit_test (test_with_a_dryer_of_its_own),
        cmocka_unit_test (test_large_outputs),
        cmocka_unit_test (test_lines_of_json),
        cmocka_unit_test (test_a_queue_on_a_stack),
        cmocka_unit_test (test_bytes_as_they_come),
        cmocka_unit_test (test_a_filter),
        cmocka_unit_test (test_that_goes_on),
        cmocka_unit_test (test_that_goes_on_with_what_waits),
        cmocka_unit_test (test_a_status),
        cmocka_unit_test (test_a_view_that_goes_on),
        cmocka_unit_test (test_by_the_library),
        cmocka_unit_test (test_in_threads_of_a_program),
    };
    return cmocka_run_group_tests (tests, make_place, remove_place);
}
