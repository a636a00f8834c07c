#include "role/filters_i.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STALL_MS = 1000 };

//  ---- life

//  More seats are made, and never fewer: of those beyond a smaller number the filters come to their end.
static int resize (void *arg, uint32_t slots)
{
    filters_t *self = arg;
    seat_t **grown = slots > self->made ? realloc (self->seats, slots * sizeof *grown) : self->seats;
    if (!grown)
        return -1;
    self->seats = grown;
    for (; self->made < slots; self->made++)
        if (!(self->seats[self->made] = seat_new (self, self->made + 1)))
            return -1;
    self->opts.runner.slots = slots;
    return 0;
}

//  The command's text, for --joblog and -t.
static int open_command (filters_t *self)
{
    static const uint8_t no_values[4];
    const shape_t shape = {.format = BLOCK_PREFIXED, .columns = 1, .items = 1};
    template_task_t task = {.n = 1, .slot = 1, .shape = &shape, .data = no_values, .size = sizeof no_values};
    size_t size;
    const char *text = template_command (self->opts.runner.command, self->rendering, &task, &size);
    if (text)
        text_add (&self->command, text, size);
    return text && !self->command.failed ? 0 : -1;
}

static int open_parts (filters_t *self)
{
    const runner_opts_t *opts = &self->opts.runner;
    self->spawner = spawner_new ();
    self->rendering = rendering_new ();
    self->envp = envp_new (opts->pipeline, opts->dryer);
    if (!self->spawner || !self->rendering || !self->envp)
        return -1;
    return open_command (self);
}

filters_t *filters_new (const filters_opts_t *opts, loop_t *loop)
{
    filters_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->opts = *opts;
    self->loop = loop;
    self->stall_ms = STALL_MS;
    if (!self->opts.runner.termseq.count)
        termseq_parse (TERMSEQ_DEFAULT, &self->opts.runner.termseq);
    if (resize (self, opts->runner.slots) == -1 || open_parts (self) == -1) {
        int kept = errno;
        filters_destroy (&self);
        errno = kept;
    }
    return self;
}

void filters_destroy (filters_t **self_p)
{
    filters_t *self = *self_p;
    if (!self)
        return;
    for (uint32_t i = 0; i < self->made; i++)
        seat_destroy (self, &self->seats[i]);
    free (self->seats);
    template_destroy (&self->tag);
    rendering_destroy (&self->rendering);
    envp_destroy (&self->envp);
    spawner_destroy (&self->spawner);
    text_free (&self->command);
    text_free (&self->reason);
    text_free (&self->err);
    writer_free (&self->item);
    free (self);
    *self_p = NULL;
}

//  ---- what the role asks

//  A result is handed on whole, so that it is the same however the sink prints it.
static int want (void *arg, uint8_t wants, const char *tagstring)
{
    filters_t *self = arg;
    char error[256];
    self->wants = wants;
    template_destroy (&self->tag);
    if (!(wants & WANT_TAG))
        return 0;
    self->tag = template_tag_new (tagstring, self->opts.replace, error, sizeof error);
    return self->tag ? 0 : -1;
}

static int64_t now_us (void)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int work (void *arg, dryer_t *core, int64_t now_ms, bool may_start)
{
    filters_t *self = arg;
    int rc = 0;
    if (self->is_stopped)
        return 0;
    self->now_ms = now_ms;
    self->now_us = now_us ();
    self->is_held = !self->is_ending && dryer_status (core).outputs > 0; // at the end nobody may take them any more
    for (uint32_t i = 0; i < self->made && rc == 0; i++)
        rc = seat_turn (self, self->seats[i], core, may_start && !self->is_ending);
    return rc == 0 && self->has_erred ? 1 : rc;
}

static int64_t due_ms (const void *arg)
{
    const filters_t *self = arg;
    int64_t due_ms = INT64_MAX;
    for (uint32_t i = 0; i < self->made && !self->is_stopped; i++) {
        int64_t seat_ms = seat_due_ms (self, self->seats[i]);
        due_ms = seat_ms < due_ms ? seat_ms : due_ms;
    }
    return due_ms;
}

static void signal_all (filters_t *self, int signal)
{
    for (uint32_t i = 0; i < self->made; i++)
        if (filter_runs (&self->seats[i]->filter))
            child_signal (&self->seats[i]->filter.child, signal);
}

static void stop (void *arg, int64_t now_ms)
{
    filters_t *self = arg;
    if (self->is_stopped)
        return;
    self->is_stopped = true;
    self->stopped_ms = now_ms;
    signal_all (self, SIGSTOP);
}

static void shift (int64_t *moment_ms, int64_t by_ms)
{
    *moment_ms += *moment_ms == INT64_MAX ? 0 : by_ms;
}

//  The time in between does not count.
static void cont (void *arg, int64_t now_ms)
{
    filters_t *self = arg;
    if (!self->is_stopped)
        return;
    self->is_stopped = false;
    for (uint32_t i = 0; i < self->made; i++) {
        seat_t *seat = self->seats[i];
        int64_t *const moments[] = {&seat->head_ms, &seat->look_ms, &seat->due_ms, &seat->round_ms};
        for (size_t k = 0; k < sizeof moments / sizeof *moments; k++)
            shift (moments[k], now_ms - self->stopped_ms);
    }
    signal_all (self, SIGCONT);
}

//  What was not answered goes back, whoever is to be blamed for the end.
static void end (void *arg, bool at_once, int64_t now_ms)
{
    filters_t *self = arg;
    cont (self, now_ms);
    self->is_ending = true;
    self->now_ms = now_ms;
    for (uint32_t i = 0; i < self->made; i++)
        seat_end (self, self->seats[i], END_RUN, at_once);
}

static uint32_t running (const void *arg)
{
    const filters_t *self = arg;
    uint32_t count = 0;
    for (uint32_t i = 0; i < self->made; i++)
        count += self->seats[i]->state != FILTER_NONE || self->seats[i]->errands.size;
    return count;
}

//  The next life begins anew.
static void forget (void *arg)
{
    filters_t *self = arg;
    for (uint32_t i = 0; i < self->made; i++) {
        errands_return (&self->seats[i]->errands, NULL);
        self->seats[i]->careful = self->seats[i]->strikes = 0;
        self->seats[i]->kept.ticket = 0;
    }
    self->is_ending = false;
}

//  Outputs are lent to the core with their results, so none has to be read or freed.
hands_t filters_hands (filters_t *self)
{
    return (hands_t){.arg = self,
                     .want = want,
                     .work = work,
                     .due_ms = due_ms,
                     .end = end,
                     .stop = stop,
                     .cont = cont,
                     .running = running,
                     .forget = forget,
                     .resize = resize};
}
