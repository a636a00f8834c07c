/*  dishes: washer, sink and dryer in one process. From argv to a config, from that to the roles, and to an exit status.
 */
#include "cmd/config.h"
#include "cmd/main_talk.h"
#include "role/local.h"
#include "run/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    STATUS_ERROR = 125,
    STATUS_NOT_EXECUTABLE = 126,
    STATUS_NOT_FOUND = 127,
    ERROR_BYTES = 1024,
    PREFETCH = 64,        // tasks that wait at the dryer, so that a slot never does
    ORDER_WINDOW = 10000, // tasks that --keep-order may be ahead of the first one that is missing
    //  One process: its threads live and die together, and a disk may hold one of them up for as long as it likes.
    DEAD_AFTER_MS = 24 * 3600 * 1000,
    OUTPUT_BYTES = 8 << 20 // of results under way, and of results that wait for the reader
};

typedef struct {
    config_t config;
    talk_t talk;
    template_t *command;
    input_t *input;
    char error[ERROR_BYTES];
} dishes_t;

static int refuse (dishes_t *self, int status)
{
    talk_say (&self->talk, TALK_ERROR, "%s", self->error);
    return status;
}

//  ---- checks, before anything is read or started

//  126 or 127 where the program that all tasks run cannot be run; 0: it can, or each task has another.
static int check_program (dishes_t *self)
{
    const char *program = template_program (self->command);
    if (!program || self->config.runner.dry_run || child_check (program) == 0)
        return 0;
    int status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
    talk_say (&self->talk, TALK_ERROR, "cannot run '%s': %s", program, strerror (errno));
    return status;
}

static int check_tagstring (dishes_t *self)
{
    const config_t *config = &self->config;
    if (!config->tagstring)
        return 0;
    template_t *tag = template_text_new (config->tagstring, config->command.replace, self->error, sizeof self->error);
    int rc = tag ? 0 : -1;
    template_destroy (&tag);
    return rc;
}

static int check_files (dishes_t *self)
{
    uint64_t wanted = CONFIG_FDS_OWN + (uint64_t)self->config.jobs * CONFIG_FDS_A_JOB, limit;
    if (child_raise_nofile (wanted, &limit) == 0)
        return 0;
    snprintf (self->error, sizeof self->error,
              "-j %u needs %llu open files and the limit is %llu: give fewer, or raise it (ulimit -n)",
              (unsigned)self->config.jobs, (unsigned long long)wanted, (unsigned long long)limit);
    return -1;
}

//  0, or the exit status.
static int prepare (dishes_t *self)
{
    config_t *config = &self->config;
    self->command = template_new (&config->command, self->error, sizeof self->error);
    if (!self->command || check_tagstring (self) == -1 || check_files (self) == -1)
        return refuse (self, STATUS_ERROR);
    int status = check_program (self);
    if (status)
        return status;
    self->input = input_new (&config->input, self->error, sizeof self->error);
    return self->input ? 0 : refuse (self, STATUS_ERROR);
}

//  ---- what the roles get

static washer_role_config_t washer_config (const dishes_t *self)
{
    static const full_t full[] = {
        [WHEN_FULL_BLOCK] = FULL_BLOCK, [WHEN_FULL_STACK] = FULL_STACK, [WHEN_FULL_DROP] = FULL_DROP};
    const config_t *config = &self->config;
    return (washer_role_config_t){.name = "dishes",
                                  .input = self->input,
                                  .retries = config->retries,
                                  .when_full = full[config->when_full],
                                  .queue_tasks = config->queue_tasks,
                                  .queue_bytes = config->queue_bytes,
                                  .least_tasks = (uint64_t)config->jobs + 1,
                                  .talk = self->talk};
}

static dryer_role_config_t dryer_config (const dishes_t *self)
{
    const config_t *config = &self->config;
    dryer_role_config_t made = {.name = "dishes",
                                .host = "localhost",
                                .runner = config->runner,
                                .replace = config->command.replace,
                                .prefetch = PREFETCH,
                                .talk = self->talk};
    made.runner.slots = config->jobs;
    made.runner.command = self->command;
    made.runner.pipeline = config->at;
    made.runner.dryer = made.name;
    if (config->verbose)
        made.runner.on_start = main_talk_start;
    return made;
}

static uint8_t wants (const config_t *config)
{
    static const uint8_t modes[] = {[PRINTER_GROUP] = 0, [PRINTER_LINES] = WANT_LINES, [PRINTER_RAW] = WANT_RAW};
    return (uint8_t)((config->tagstring ? WANT_TAG : 0) | (config->joblog ? WANT_COMMAND : 0) |
                     (config->halt.when != HALT_NEVER ? WANT_VERDICT : 0) | modes[config->printer.mode]);
}

static sink_config_t sink_core_config (const config_t *config)
{
    sink_config_t made = {.dead_after_ms = DEAD_AFTER_MS,
                          .deadline_ms = config->deadline_ms,
                          .order_window = config->printer.keep_order ? ORDER_WINDOW : 0,
                          .output_bytes = OUTPUT_BYTES,
                          .backlog_bytes = OUTPUT_BYTES,
                          .wants = wants (config),
                          .halt_when = config->halt.when,
                          .halt_what = config->halt.what,
                          .halt_count = config->halt.count,
                          .halt_percent = config->halt.percent,
                          .total_hint = config->total};
    if (config->tagstring)
        strncpy (made.tagstring, config->tagstring, sizeof made.tagstring - 1);
    return made;
}

static sink_role_config_t sink_config (const dishes_t *self)
{
    const config_t *config = &self->config;
    return (sink_role_config_t){.core = sink_core_config (config),
                                .printer = config->printer,
                                .joblog = config->joblog,
                                .is_progress = config->is_progress,
                                .progress = {.style = config->progress_style, .terminal = isatty (STDERR_FILENO)},
                                .talk = self->talk};
}

//  ---- the run

//  A line about an end that is not the usual one.
static void report (const dishes_t *self, const local_result_t *result)
{
    static const char *const ends[] = {[END_HALTED] = "halted (--halt)",
                                       [END_DEADLINE] = "the deadline has passed",
                                       [END_INTERRUPTED] = "interrupted"};
    const figures_t *figures = &result->ending.figures;
    const char *end = result->ending.end < sizeof ends / sizeof *ends ? ends[result->ending.end] : NULL;
    if (!end || result->signal == SIGPIPE)
        return;
    uint64_t failed = figures->failed + figures->broken + figures->dropped, done = figures->ok + failed;
    char rest[64] = "the rest not done";
    if (figures->total >= done && figures->total)
        snprintf (rest, sizeof rest, "%llu not done", (unsigned long long)(figures->total - done));
    talk_say (&self->talk, TALK_ERROR, "%s: %llu tasks done, %llu of them failed, %s", end, (unsigned long long)done,
              (unsigned long long)failed, rest);
}

static int run (dishes_t *self, int *signal)
{
    local_result_t result;
    local_config_t config = {.washer = washer_config (self), .dryer = dryer_config (self), .sink = sink_config (self)};
    if (address_parse (self->config.at, &config.sink.at, self->error, sizeof self->error) == -1)
        return refuse (self, STATUS_ERROR);
    config.washer.at = config.dryer.at = config.sink.at;
    if (local_run (&config, &result) == -1) {
        talk_say (&self->talk, TALK_ERROR, "cannot begin: %s", strerror (errno));
        return STATUS_ERROR;
    }
    report (self, &result);
    *signal = result.signal;
    return result.status;
}

static int act (dishes_t *self, int *signal)
{
    if (self->config.action == ACTION_HELP)
        options_help (stdout);
    else if (self->config.action == ACTION_VERSION)
        puts ("dishes " DISHES_VERSION);
    if (self->config.action != ACTION_RUN)
        return fflush (stdout) == 0 ? 0 : STATUS_ERROR;
    int status = prepare (self);
    return status ? status : run (self, signal);
}

//  Ends as the signal would have ended us, so that a shell's loop ends too.
static void raise_again (int number)
{
    sigset_t set;
    sigemptyset (&set);
    sigaddset (&set, number);
    signal (number, SIG_DFL);
    raise (number);
    sigprocmask (SIG_UNBLOCK, &set, NULL);
}

int main (int argc, char **argv)
{
    bool has_stdin = fcntl (STDIN_FILENO, F_GETFD) != -1, has_stdout = fcntl (STDOUT_FILENO, F_GETFD) != -1;
    child_remember (); // puts /dev/null where there is none, so that no other file is taken for one of them
    dishes_t self = {.talk = main_talk (false)};
    int signal = 0, status;
    if (options_parse (&self.config, argc, argv, self.error, sizeof self.error) == -1) {
        status = refuse (&self, STATUS_ERROR);
    } else {
        self.config.input.stdin_fd = has_stdin ? STDIN_FILENO : -1;
        self.config.printer.out_fd = has_stdout ? STDOUT_FILENO : -1;
        self.talk = main_talk (self.config.quiet);
        status = act (&self, &signal);
    }
    input_destroy (&self.input);
    template_destroy (&self.command);
    config_free (&self.config);
    if (signal)
        raise_again (signal);
    return status;
}
