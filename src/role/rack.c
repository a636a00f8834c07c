#include "role/rack.h"
#include "core/array.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { STATUS_TIMED_OUT = 124, WAITING_LEAST = 2 };

void rack_init (rack_t *self, const runner_opts_t *opts, const brake_config_t *brake, const char *replace, loop_t *loop)
{
    *self = (rack_t){.opts = *opts, .replace = replace, .loop = loop};
    brake_init (&self->brake, brake);
}

static void give_back (rack_t *self, runner_result_t *result)
{
    runner_give_back (self->runner, &result);
}

static void forget (void *arg)
{
    rack_t *self = arg;
    while (self->size)
        give_back (self, self->waiting[--self->size].result);
}

static void close_runner (rack_t *self)
{
    loop_unwatch (self->loop, &self->watch);
    runner_destroy (&self->runner);
    template_destroy (&self->tag);
}

void rack_free (rack_t *self)
{
    forget (self);
    close_runner (self);
    free (self->waiting);
    *self = (rack_t){0};
}

//  ---- what is wanted

static int open_tag (rack_t *self)
{
    char error[256];
    if (!(self->wants & WANT_TAG))
        return 0;
    self->tag = template_tag_new (self->tagstring, self->replace, error, sizeof error);
    return self->tag ? 0 : -1;
}

static int open_runner (rack_t *self)
{
    close_runner (self);
    self->is_changing = false;
    self->wants = self->next_wants;
    if (open_tag (self) == -1)
        return -1;
    runner_opts_t opts = self->opts;
    opts.tag = self->tag;
    opts.want_text = self->wants & (WANT_COMMAND | WANT_TROUBLE);
    opts.want_item = self->wants & WANT_ITEM;
    opts.output = self->wants & WANT_LINES ? RUNNER_LINES : self->wants & WANT_RAW ? RUNNER_BYTES : RUNNER_GROUP;
    self->runner = runner_new (&opts);
    return self->runner ? loop_watch (self->loop, &self->watch, runner_fd (self->runner)) : -1;
}

static int want (void *arg, uint8_t wants, const char *tagstring)
{
    rack_t *self = arg;
    if (self->runner && wants == self->wants && strcmp (tagstring, self->tagstring) == 0)
        return 0;
    snprintf (self->tagstring, sizeof self->tagstring, "%s", tagstring);
    self->next_wants = wants;
    self->is_changing = true;
    return self->runner ? 0 : open_runner (self);
}

//  ---- results

static bool is_waiting (const rack_t *self, uint64_t ticket)
{
    for (size_t i = 0; i < self->size; i++)
        if (self->waiting[i].result->ticket == ticket)
            return true;
    return false;
}

static ssize_t read_output (void *arg, void *cookie, int stream, uint64_t offset, uint8_t *out, size_t size)
{
    runner_result_t *result = cookie;
    return capture_read (stream == 2 ? result->err : result->out, offset, out, size);
}

static void free_output (void *arg, void *cookie)
{
    rack_t *self = arg;
    self->lent--;
    give_back (self, cookie);
}

static void hand_done (rack_t *self, dryer_t *core, runner_result_t *from, int64_t now_ms)
{
    result_t result = {
        .ticket = from->ticket,
        .n = from->n,
        .count = 1,
        .status = (uint16_t)from->status,
        .signal = (uint8_t)from->signal,
        .flags = (uint8_t)((from->timed_out ? RESULT_TIMED_OUT : 0) | (from->started ? 0 : RESULT_NOT_STARTED)),
        .start_us = (int64_t)(from->start_s * 1e6),
        .runtime_us = (uint64_t)(from->elapsed_s * 1e6),
        .out_bytes = from->out ? capture_size (from->out) : 0,
        .err_bytes = from->err ? capture_size (from->err) : 0,
        .tag = from->tag,
        .tag_size = from->tag_bytes,
        .item = from->item,
        .item_size = from->item_bytes,
    };
    if (from->timed_out && !result.status && !result.signal)
        result.status = STATUS_TIMED_OUT;
    if (dryer_wants_command (self->wants, &result)) {
        result.command = from->text;
        result.command_size = from->text_bytes;
    }
    bool has_output = result.out_bytes || result.err_bytes;
    if (has_output) {
        result.cookie = from;
        self->lent++;
    }
    dryer_done (core, &result, now_ms);
    if (!has_output)
        give_back (self, from);
}

//  Hands on what goes. True where that was all, and the result is given back.
static bool hand_on (rack_t *self, dryer_t *core, waiting_t *what, int64_t now_ms)
{
    runner_result_t *result = what->result;
    bool is_ours = self->is_giving_up || result->ticket == self->shed;
    if (result->kind == RUNNER_DONE && result->ticket == self->shed)
        self->shed = 0;
    if (result->kind == RUNNER_DONE && is_ours && (result->status || result->signal)) {
        dryer_return (core, result->ticket);
        give_back (self, result);
        return true;
    }
    if (result->kind == RUNNER_DONE) {
        hand_done (self, core, result, now_ms);
        return true;
    }
    what->taken += dryer_stream (core, result->ticket, result->stream, result->tag, result->tag_bytes,
                                 result->data + what->taken, result->size - what->taken);
    if (what->taken < result->size)
        return false;
    give_back (self, result);
    return true;
}

static int put_aside (rack_t *self, const waiting_t *what)
{
    if (array_reserve (&self->waiting, &self->capacity, self->size + 1, sizeof *self->waiting) == -1)
        return -1;
    self->waiting[self->size++] = *what;
    return 0;
}

//  What waited, in its order; behind what still waits nothing of the same task goes.
static void hand_on_waiting (rack_t *self, dryer_t *core, int64_t now_ms)
{
    size_t old = self->size;
    self->size = 0;
    for (size_t i = 0; i < old; i++) {
        waiting_t what = self->waiting[i];
        if (is_waiting (self, what.result->ticket) || !hand_on (self, core, &what, now_ms))
            self->waiting[self->size++] = what;
    }
}

static int take_results (rack_t *self, dryer_t *core, int64_t now_ms)
{
    hand_on_waiting (self, core, now_ms);
    waiting_t what = {0};
    size_t most = WAITING_LEAST + (size_t)self->opts.slots * 2;
    while (self->size < most && (what.result = runner_take (self->runner))) {
        what.taken = 0;
        if (!is_waiting (self, what.result->ticket) && hand_on (self, core, &what, now_ms))
            continue;
        if (put_aside (self, &what) == -1) {
            give_back (self, what.result);
            return -1;
        }
    }
    return 0;
}

//  ---- tasks

static runner_task_t task_of (const job_t *job)
{
    return (runner_task_t){.ticket = job->ticket,
                           .n = job->n,
                           .attempt = job->attempt,
                           .shape = &job->shape,
                           .data = job->bytes.data,
                           .size = job->bytes.size,
                           .block = job->bytes.block};
}

static int start_tasks (rack_t *self, dryer_t *core, int64_t now_ms)
{
    job_t job;
    self->is_held_back = false;
    while (runner_free (self->runner, now_ms)) {
        self->is_held_back = !brake_lets (&self->brake, now_ms) && dryer_status (core).waiting;
        if (self->is_held_back || !dryer_take (core, 1, &job))
            return 0;
        brake_started (&self->brake, now_ms);
        runner_task_t task = task_of (&job);
        int rc = runner_start (self->runner, &task, now_ms);
        slice_drop (&job.bytes);
        if (rc == -1) {
            dryer_return (core, job.ticket);
            return -1;
        }
    }
    return 0;
}

//  While all slots are taken there is time for what the next task needs.
static void look_ahead (rack_t *self, const dryer_t *core)
{
    job_t job;
    bool is_any = dryer_peek (core, &job);
    runner_task_t task = is_any ? task_of (&job) : (runner_task_t){0};
    runner_expect (self->runner, is_any ? &task : NULL);
}

//  One at a time; the last one goes on, or nothing would ever end.
static void shed (rack_t *self, int64_t now_ms)
{
    uint64_t ticket;
    if (self->shed || runner_running (self->runner) < 2 || !brake_is_short (&self->brake, now_ms))
        return;
    if (runner_newest (self->runner, &ticket) && runner_kill_task (self->runner, ticket, false, now_ms) == 0)
        self->shed = ticket;
}

//  The runner that is wanted now takes the place of the old one as soon as that has nothing left.
static int change_runner (rack_t *self)
{
    if (!self->is_changing || runner_running (self->runner) || self->lent || self->size)
        return 0;
    return open_runner (self);
}

static int work (void *arg, dryer_t *core, int64_t now_ms, bool may_start)
{
    rack_t *self = arg;
    if (!self->runner)
        return 0;
    int64_t next_ms = runner_due (self->runner);
    if (self->watch.ready || (next_ms != -1 && next_ms <= now_ms)) {
        self->watch.ready = false;
        if (runner_process (self->runner, now_ms) == -1)
            return -1;
    }
    if (take_results (self, core, now_ms) == -1 || change_runner (self) == -1)
        return -1;
    shed (self, now_ms);
    if (!may_start || self->is_changing)
        return 0;
    if (start_tasks (self, core, now_ms) == -1)
        return -1;
    if (self->opts.pipe)
        look_ahead (self, core);
    return take_results (self, core, now_ms); // what could not be started has its result already
}

static int resize (void *arg, uint32_t slots)
{
    rack_t *self = arg;
    if (self->runner && runner_resize (self->runner, slots) == -1)
        return -1;
    self->opts.slots = slots;
    return 0;
}

//  KILL, or the term sequence.
static void end (void *arg, bool at_once, int64_t now_ms)
{
    rack_t *self = arg;
    if (self->runner)
        runner_kill (self->runner, at_once, now_ms);
}

static void give_up (void *arg)
{
    rack_t *self = arg;
    self->is_giving_up = true;
}

static void stop (void *arg, int64_t now_ms)
{
    rack_t *self = arg;
    if (self->runner)
        runner_stop (self->runner, now_ms);
}

static void cont (void *arg, int64_t now_ms)
{
    rack_t *self = arg;
    if (self->runner)
        runner_cont (self->runner, now_ms);
}

static uint32_t running (const void *arg)
{
    const rack_t *self = arg;
    return self->runner ? runner_running (self->runner) : 0;
}

static int64_t due_ms (const void *arg)
{
    const rack_t *self = arg;
    int64_t next_ms = self->runner ? runner_due (self->runner) : -1;
    bool asks = self->is_held_back || running (self) > 1;
    int64_t brake_ms = asks ? brake_due_ms (&self->brake, self->is_held_back) : INT64_MAX;
    return next_ms == -1 || brake_ms < next_ms ? brake_ms : next_ms;
}

hands_t rack_hands (rack_t *self)
{
    return (hands_t){.arg = self,
                     .gathers = true,
                     .want = want,
                     .work = work,
                     .due_ms = due_ms,
                     .end = end,
                     .give_up = give_up,
                     .stop = stop,
                     .cont = cont,
                     .running = running,
                     .forget = forget,
                     .read = read_output,
                     .free_output = free_output,
                     .resize = resize};
}
