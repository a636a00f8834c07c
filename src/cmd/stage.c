#include "cmd/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "cmd/options_limits.h"
#include "cmd/options_values.h"
#include "cmd/program_talk.h"
#include "run/child.h"
#include "run/text.h"

int stage_refuse (stage_t *self, int status)
{
    talk_say (&self->talk, TALK_ERROR, "%s", self->error);
    return status;
}

int stage_flush (stage_t *self)
{
    if (fflush (stdout) == 0 && !ferror (stdout))
        return 0;
    snprintf (self->error, sizeof self->error, "cannot write to stdout: %s", strerror (errno));
    return stage_refuse (self, STATUS_ERROR);
}

//  ---- checks, before anything is read or started

//  -j FILE: how many it is to begin with.
static int s_read_jobs (stage_t *self)
{
    const char *file = self->config.action == ACTION_RUN ? self->config.jobs_file : NULL;
    char text[QUOTA_TEXT_BYTES], why[400];
    if (!file)
        return 0;
    if (quota_read_file (file, text, why, sizeof why) == -1) {
        snprintf (self->error, sizeof self->error, "%s, and it is not a number of jobs: give %s", why,
                  UNITS_JOBS_FORMS);
        return stage_refuse (self, STATUS_ERROR);
    }
    if (options_jobs_read (text, &self->config.jobs, why, sizeof why) == 0)
        return 0;
    snprintf (self->error, sizeof self->error, "-j %.200s: %s", file, why);
    return stage_refuse (self, STATUS_ERROR);
}

#define SHELLS_OWN "; for a function or a builtin of a shell give --shell, as in --shell=/bin/bash"

//  126 or 127 where the program that all tasks run cannot be run, 125 where that cannot be told; 0: it can, or each
//  task has another.
static int s_check_program (const stage_t *self)
{
    const char *program = template_program (self->command);
    if (!program || self->config.runner.dry_run || child_check (program) == 0)
        return 0;
    int status = errno == ENOENT ? STATUS_NOT_FOUND : errno == ENOMEM ? STATUS_ERROR : STATUS_NOT_EXECUTABLE;
    bool is_name = status == STATUS_NOT_FOUND && !strchr (program, '/');
    talk_say (&self->talk, TALK_ERROR, "cannot run '%s': %s%s", program, strerror (errno), is_name ? SHELLS_OWN : "");
    return status;
}

//  The -o of xargs has no value, and here each item would be run: `ls | xargs -o vim`.
static bool s_is_taken_for_xargs (const stage_t *self)
{
    const char *out = self->config.printer.out_path;
    return out && !self->config.command.count && !strchr (out, '/') && child_check (out) == 0;
}

static int s_check_command (stage_t *self)
{
    if (s_is_taken_for_xargs (self)) {
        snprintf (self->error, sizeof self->error,
                  "-o %.200s is a file for the output, and without COMMAND each item is a shell line: give COMMAND, or "
                  "-o ./%.200s",
                  self->config.printer.out_path, self->config.printer.out_path);
        return stage_refuse (self, STATUS_ERROR);
    }
    self->command = template_new (&self->config.command, self->error, sizeof self->error);
    return self->command ? s_check_program (self) : stage_refuse (self, STATUS_ERROR);
}

static int s_check_tagstring (stage_t *self)
{
    const config_t *config = &self->config;
    if (!config->tagstring || !*config->tagstring)
        return 0;
    template_t *tag = template_text_new (config->tagstring, config->command.replace, self->error, sizeof self->error);
    int status = tag ? 0 : stage_refuse (self, STATUS_ERROR);
    template_destroy (&tag);
    return status;
}

//  A wire to another process is a file too, and so are the outputs of commands: nobody knows yet how many there will
//  be.
static int s_check_files (stage_t *self)
{
    uint64_t wanted = CONFIG_FDS_OWN + (uint64_t)self->config.jobs * CONFIG_FDS_A_JOB, limit = wanted;
    child_raise_nofile (limits_files (), NULL);
    if (child_raise_nofile (wanted, &limit) == 0)
        return 0;
    snprintf (self->error, sizeof self->error,
              "-j %u needs %llu open files and the limit is %llu: give fewer, or raise it (ulimit -n)",
              (unsigned)self->config.jobs, (unsigned long long)wanted, (unsigned long long)limit);
    return stage_refuse (self, STATUS_ERROR);
}

//  What is emptied to be written anew must not be what items are still to be read from.
static int s_check_outputs (stage_t *self)
{
    const struct {
        const char *option, *path;
    } files[] = {{"-o", self->config.printer.out_path}, {"--joblog", self->config.joblog}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (!files[i].path || !input_reads (self->input, files[i].path))
            continue;
        snprintf (self->error, sizeof self->error, "%s %s: items are read from that file: give another one",
                  files[i].option, files[i].path);
        return stage_refuse (self, STATUS_ERROR);
    }
    return 0;
}

static int s_open_input (stage_t *self)
{
    self->input = input_new (&self->config.input, self->error, sizeof self->error);
    return self->input ? s_check_outputs (self) : stage_refuse (self, STATUS_ERROR);
}

int stage_prepare (stage_t *self, const local_config_t *parts)
{
    const struct {
        bool is_due;
        int (*step) (stage_t *self);
    } steps[] = {{parts->has_sink, s_check_tagstring},
                 {true, s_check_files},
                 {parts->has_dryer || parts->dryers, s_check_command},
                 {parts->has_washer && !parts->chain, s_open_input}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int status = steps[i].is_due ? steps[i].step (self) : 0;
        if (status)
            return status;
    }
    return 0;
}

//  ---- the run

//  A line about an end that is not the usual one.
static void s_report (const stage_t *self, const local_result_t *result)
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
    talk_say (&self->talk, TALK_ERROR, "%s: %llu task%s done, %llu of them failed, %s", end, (unsigned long long)done,
              done == 1 ? "" : "s", (unsigned long long)failed, rest);
}

//  The exit status, or -1: nothing ran, and why was said.
static int s_run_once (stage_t *self, const local_config_t *parts, local_result_t *result)
{
    *result = (local_result_t){0};
    if (local_run (parts, result, self->error, sizeof self->error) == -1) {
        stage_refuse (self, STATUS_ERROR);
        return -1;
    }
    s_report (self, result);
    return result->status;
}

static int64_t s_now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

//  --stay: a pipeline that was lost is no reason to leave. That none can be had is: --wait has passed, or attempts fail
//  at once, one after another (`quick` counts them). One may: whoever is back before the old sink has gone sees it go.
static bool s_goes_on (const stage_t *self, int status, int64_t took_ms, unsigned *quick)
{
    enum { QUICK_MS = 1000, QUICK_MAX = 5 };
    int64_t wait_ms = self->config.wait_ms;
    *quick = status == STATUS_ERROR && took_ms < QUICK_MS ? *quick + 1 : 0;
    if (!self->config.stay || status == -1)
        return false;
    return status != STATUS_ERROR || (*quick < QUICK_MAX && (wait_ms == 0 || took_ms < wait_ms));
}

static int s_run (stage_t *self, local_config_t *parts, int *signal)
{
    unsigned quick = 0;
    int64_t took_ms;
    int status;
    local_result_t result;
    char cookie[COOKIE_BYTES] = "";
    parts->station.last_cookie = cookie;
    do {
        int64_t began_ms = s_now_ms ();
        status = s_run_once (self, parts, &result);
        took_ms = s_now_ms () - began_ms;
    } while (!result.signal && !result.was_idle && s_goes_on (self, status, took_ms, &quick));
    *signal = result.signal;
    parts->station.last_cookie = NULL;
    explicit_bzero (cookie, sizeof cookie);
    return status == -1 ? STATUS_ERROR : status;
}

//  Where a run goes on by nothing but a job log, somebody should notice that it is another one.
static const supply_t *s_supply (stage_t *self)
{
    const config_t *config = &self->config;
    bool is_resumed = (config->resume || config->resume_failed) && config->joblog && !config->journal;
    if (!is_resumed || !self->input || !self->command || config->command.is_filter)
        return NULL;
    self->supply = lookout_open (&self->lookout, self->input, self->command, config->joblog, self->talk);
    return &self->supply;
}

//  As one would type it, up to what a journal keeps of a command.
static char *s_show_command (const template_opts_t *command)
{
    enum { SHOWN_BYTES = 4096 };
    text_t text = {0};
    for (size_t i = 0; i < command->count && text.size < SHOWN_BYTES; i++) {
        text_add_string (&text, i ? " " : "");
        text_add_literal (&text, command->words[i], strlen (command->words[i]), i == 0);
    }
    text_add (&text, "", 1);
    char *shown = text.failed || !command->count ? NULL : strndup (text.data, SHOWN_BYTES);
    text_free (&text);
    return shown;
}

//  Without a balance (there is no memory for it) signals find no dryer to change.
int stage_run (stage_t *self, local_config_t *parts, int *signal)
{
    int status = stage_prepare (self, parts);
    if (status)
        return status;
    atomic_int *balance = quota_balance_new ();
    parts->dryer.runner.command = self->command;
    parts->dryer.quota.balance = balance;
    parts->washer.input = self->input;
    parts->washer.supply = s_supply (self);
    if (self->config.journal)
        parts->sink.command = self->shown = s_show_command (&self->config.command);
    status = s_run (self, parts, signal);
    quota_balance_destroy (&balance);
    return status;
}

//  ---- the whole

//  Ends as the signal would have ended us, so that a shell's loop ends too.
static void s_raise_again (int number)
{
    sigset_t set;
    sigemptyset (&set);
    sigaddset (&set, number);
    signal (number, SIG_DFL);
    raise (number);
    sigprocmask (SIG_UNBLOCK, &set, NULL);
}

static int s_act (stage_t *self, stage_fn *act, int *signal)
{
    program_t program = self->config.program;
    if (self->config.action != ACTION_HELP && self->config.action != ACTION_VERSION)
        return act (self, signal);
    if (self->config.action == ACTION_HELP)
        options_help (program, stdout);
    else
        printf ("%s %s\n", program_name (program), DISHES_VERSION);
    return stage_flush (self);
}

static void s_close (stage_t *self)
{
    lookout_close (&self->lookout);
    input_destroy (&self->input);
    template_destroy (&self->command);
    free (self->shown);
    config_free (&self->config);
}

int stage_main (program_t program, int argc, char **argv, stage_fn *act)
{
    bool has_stdin = fcntl (STDIN_FILENO, F_GETFD) != -1, has_stdout = fcntl (STDOUT_FILENO, F_GETFD) != -1;
    child_remember (); // puts /dev/null where there is none, so that no other file is taken for one of them
    stage_t self = {.talk = program_talk (program, false)};
    int signal = 0, status;
    if (options_parse (&self.config, program, argc, argv, self.error, sizeof self.error) == -1) {
        status = stage_refuse (&self, STATUS_ERROR);
    } else {
        self.config.input.stdin_fd = has_stdin ? STDIN_FILENO : -1;
        self.config.printer.out_fd = has_stdout ? STDOUT_FILENO : -1;
        self.talk = program_talk (program, self.config.quiet);
        status = s_read_jobs (&self);
        status = status ? status : s_act (&self, act, &signal);
    }
    s_close (&self);
    if (signal)
        s_raise_again (signal);
    return status;
}
