#include "role/filters_i.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STATUS_CANNOT_RUN = 126,
    STATUS_NOT_FOUND = 127,
    PARTS_A_WRITE = 64,
    READS_A_TURN = 8,
    READS_AT_END = 64,
    BUSY_ITEMS = 32,       // with so many under way …
    BUSY_BYTES = 16 << 10, // … and less moved in a turn, the next turn is for more of them
    PACE_MS = 1,
    SLOW_ROUND_MS = 100, // a round that took longer makes the window smaller
};

//  ---- how much it may have

static uint64_t window_of (const filters_t *self, const seat_t *seat)
{
    return seat->careful || (self->wants & WANT_VERDICT) ? 1 : seat->window;
}

static void begin_round (filters_t *self, seat_t *seat)
{
    seat->answered = 0;
    seat->round_ms = self->now_ms;
}

//  A round is over when it has answered as many items as it may have.
static void fit_window (filters_t *self, seat_t *seat)
{
    int64_t took_ms = self->now_ms - seat->round_ms;
    if (seat->answered < seat->window)
        return;
    if (took_ms <= FILTERS_ROUND_MS && seat->window < FILTERS_WINDOW)
        seat->window *= 2;
    else if (took_ms > SLOW_ROUND_MS && seat->window > 1)
        seat->window /= 2;
    begin_round (self, seat);
}

static int take (filters_t *self, seat_t *seat, dryer_t *core)
{
    job_t job;
    uint64_t window = window_of (self, seat);
    if (!seat->errands.size) {
        seat->head_ms = self->now_ms;
        seat->head_us = self->now_us;
        seat->look_ms = self->now_ms + self->stall_ms / 2;
        begin_round (self, seat);
    }
    while (seat->errands.tasks < window && dryer_take (core, window - seat->errands.tasks, &job)) {
        uint64_t had = seat->errands.tasks;
        if (errands_add (&seat->errands, &job) == 0)
            continue;
        uint64_t added = seat->errands.tasks - had;
        dryer_return_part (core, job.ticket, job.n + added, job.count - added);
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

//  ---- its beginning

static void cannot_start (filters_t *self, seat_t *seat, dryer_t *core, int error)
{
    const result_t how = {.status = error == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN,
                          .flags = RESULT_NOT_STARTED};
    answer_fail (self, seat, core, &how, "cannot run the filter: %s", strerrordesc_np (error));
}

static int spawn (filters_t *self, seat_t *seat, const errand_head_t *head)
{
    static const uint8_t no_values[4];
    const shape_t shape = {.format = BLOCK_PREFIXED, .columns = 1, .items = 1};
    const runner_opts_t *opts = &self->opts.runner;
    template_task_t task = {
        .n = head->n, .slot = seat->number, .shape = &shape, .data = no_values, .size = sizeof no_values};
    char **argv = template_argv (opts->command, self->rendering, &task);
    if (!argv)
        return -1;
    child_spec_t spec = {.program = argv[0],
                         .argv = argv,
                         .envp = envp_for (self->envp, head->n, head->attempt, seat->number),
                         .nice = opts->nice,
                         .place = seat->place};
    if (opts->on_start) {
        runner_task_t told = {.n = head->n, .attempt = head->attempt, .shape = &shape};
        opts->on_start (opts->arg, &told, seat->number, self->command.data, self->command.size);
    }
    return filter_start (&seat->filter, self->spawner, &spec);
}

static int start (filters_t *self, seat_t *seat, dryer_t *core)
{
    errand_head_t head;
    if (!answer_head (self, seat, core, &head))
        return 0;
    if (spawn (self, seat, &head) == -1) {
        cannot_start (self, seat, core, errno);
        return 0;
    }
    seat->state = FILTER_OPEN;
    seat->end = END_NOT;
    seat->is_told = seat->exited = false;
    seat->step = 0;
    seat->stalled_ms = seat->pace_ms = 0;
    seat->head_ms = self->now_ms;
    seat->head_us = self->now_us;
    seat->look_n = 0;
    seat->look_ms = self->now_ms + self->stall_ms / 2;
    seat->window = self->keeps_back ? FILTERS_WINDOW_AHEAD : 1;
    begin_round (self, seat);
    return loop_arm (self->loop, &seat->exit_watch, seat->filter.child.pidfd, false);
}

//  ---- hearing it

//  Its answers so far.
static void hear_answers (filters_t *self, seat_t *seat, dryer_t *core)
{
    const uint8_t *data;
    uint64_t before = seat->answered;
    if (seat->state == FILTER_ENDING) {
        answers_clear (&seat->filter.answers);
        return;
    }
    if (!answer_all (self, seat, core)) {
        seat_begin_end (self, seat, END_SURPLUS);
        return;
    }
    if (seat->answered != before)
        seat_learn (self, seat);
    if (seat->state == FILTER_CLOSED && seat->due_ms != INT64_MAX)
        seat->due_ms = self->now_ms + FILTERS_LINGER_MS;
    if (answers_rest (&seat->filter.answers, &data) > FILTERS_ANSWER_BYTES)
        seat_begin_end (self, seat, END_LONG);
}

//  Reads what there is of its answers. Bytes, or -1.
static ssize_t read_answers (filters_t *self, seat_t *seat, dryer_t *core)
{
    ssize_t done = 1, all = 0;
    int most = seat->exited ? READS_AT_END : READS_A_TURN;
    for (int i = 0; i < most && done > 0; i++) {
        done = filter_read (&seat->filter);
        all += done > 0 ? done : 0;
        if (done > 0) {
            filter_read_err (&seat->filter); // what came before the answers
            hear_answers (self, seat, core);
        }
        if (done < FILTER_READ_BYTES / 2 && !seat->exited)
            break;
    }
    if (done == -1 && errno != EPIPE)
        return -1;
    if (done == -1)
        loop_unwatch (self->loop, &seat->out_watch);
    if (done == -1 && seat->state == FILTER_OPEN)
        seat_close_filter (self, seat, self->now_ms + FILTERS_LINGER_MS);
    return all;
}

//  Bytes, or -1.
static ssize_t hear (filters_t *self, seat_t *seat, dryer_t *core)
{
    if (seat->exit_watch.ready && !seat->exited)
        seat_reap (self, seat);
    if (self->is_held) {
        seat->head_ms = self->now_ms; // who waits for us is not slow
        seat->look_ms = self->now_ms + self->stall_ms / 2;
        return 0;
    }
    ssize_t read = 0;
    if (seat->out_watch.ready || seat->pace_ms || seat->exited)
        read = read_answers (self, seat, core);
    if (read == -1)
        return -1;
    if (seat->err_watch.ready) {
        filter_read_err (&seat->filter);
        seat->err_watch.ready = false;
    }
    if (seat->filter.err == -1)
        loop_unwatch (self->loop, &seat->err_watch);
    if (read)
        fit_window (self, seat);
    if (seat->exited)
        seat_settle (self, seat, core);
    return read;
}

//  ---- giving it items

static int parts_of (const seat_t *seat, struct iovec parts[PARTS_A_WRITE])
{
    return errands_parts (&seat->errands, parts, PARTS_A_WRITE, seat->careful);
}

static ssize_t give (filters_t *self, seat_t *seat)
{
    struct iovec parts[PARTS_A_WRITE];
    ssize_t all = 0;
    for (int count; seat->state == FILTER_OPEN && (count = parts_of (seat, parts));) {
        ssize_t done = filter_write (&seat->filter, parts, count);
        if (done == -1)
            seat_close_filter (self, seat, self->now_ms + FILTERS_LINGER_MS); // its end tells more than this
        if (done <= 0)
            break;
        errands_gave (&seat->errands, (size_t)done);
        all += done;
    }
    return all;
}

//  ---- the time

static void look (filters_t *self, seat_t *seat, const errand_head_t *head)
{
    struct iovec parts[PARTS_A_WRITE];
    int64_t cpu_ns = filter_cpu_ns (&seat->filter);
    bool is_idle = seat->look_n == head->n && seat->look_cpu_ns == cpu_ns;
    seat->look_n = head->n;
    seat->look_cpu_ns = cpu_ns;
    seat->look_ms = self->now_ms + self->stall_ms / 2;
    if (!is_idle || parts_of (seat, parts) || !filter_has_read (&seat->filter))
        return;
    seat_close_filter (self, seat, INT64_MAX);
    seat->is_told = true;
    seat->stalled_ms = self->now_ms;
}

static void pass_time (filters_t *self, seat_t *seat, dryer_t *core)
{
    errand_head_t head;
    if (seat->kept_ms <= self->now_ms)
        answer_release (self, seat, core);
    if (seat->number > self->opts.runner.slots)
        seat_end (self, seat, END_NOT, false);
    int64_t timeout_ms = self->opts.runner.timeout_ms, now_ms = self->now_ms;
    bool waits = errands_head (&seat->errands, &head);
    if (seat->state == FILTER_ENDING) {
        if (seat->due_ms <= now_ms)
            seat_send_step (self, seat);
    } else if (waits && timeout_ms > 0 && seat->head_ms + timeout_ms <= now_ms) {
        seat_begin_end (self, seat, END_TIMEOUT);
    } else if (seat->state == FILTER_CLOSED) {
        if (!waits && seat->due_ms == INT64_MAX)
            seat->due_ms = now_ms + FILTERS_LINGER_MS;
        if (seat->due_ms <= now_ms)
            seat_begin_end (self, seat, END_NOT);
    } else if (waits && seat->look_ms <= now_ms) {
        look (self, seat, &head);
    }
}

int64_t seat_due_ms (const filters_t *self, const seat_t *seat)
{
    int64_t timeout_ms = self->opts.runner.timeout_ms, due_ms = INT64_MAX;
    if (seat->state == FILTER_NONE || self->is_held)
        return INT64_MAX;
    if (seat->state != FILTER_OPEN)
        due_ms = seat->due_ms;
    else if (seat->errands.size)
        due_ms = seat->look_ms;
    if (seat->state != FILTER_ENDING && seat->errands.size && timeout_ms > 0 && seat->head_ms + timeout_ms < due_ms)
        due_ms = seat->head_ms + timeout_ms;
    if (seat->kept.ticket && seat->kept_ms < due_ms)
        due_ms = seat->kept_ms;
    return seat->pace_ms && seat->pace_ms < due_ms ? seat->pace_ms : due_ms;
}

//  ---- one turn

static int arm (filters_t *self, seat_t *seat, size_t moved)
{
    const filter_t *filter = &seat->filter;
    struct iovec parts[PARTS_A_WRITE];
    bool is_writing = seat->state == FILTER_OPEN && parts_of (seat, parts);
    seat->pace_ms = 0;
    if (filter->err != -1 && loop_arm (self->loop, &seat->err_watch, filter->err, false) == -1)
        return -1;
    if (self->is_held)
        return 0;
    if (seat->state == FILTER_OPEN && seat->errands.tasks >= BUSY_ITEMS && moved && moved < BUSY_BYTES) {
        seat->pace_ms = self->now_ms + PACE_MS;
        return 0;
    }
    if (filter->out != -1 && loop_arm (self->loop, &seat->out_watch, filter->out, false) == -1)
        return -1;
    return is_writing ? loop_arm (self->loop, &seat->in_watch, filter->in, true) : 0;
}

int seat_turn (filters_t *self, seat_t *seat, dryer_t *core, bool may_start)
{
    ssize_t read = 0;
    if (seat->pace_ms > self->now_ms && !seat->exit_watch.ready)
        return 0;
    if (seat->state != FILTER_NONE && (read = hear (self, seat, core)) == -1)
        return -1;
    if (seat->state != FILTER_NONE && !self->is_held)
        pass_time (self, seat, core);
    if (seat->state == FILTER_NONE && self->is_ending)
        errands_return (&seat->errands, core);
    if (may_start && seat->number <= self->opts.runner.slots && seat->state <= FILTER_OPEN &&
        take (self, seat, core) == -1)
        return -1;
    if (seat->state == FILTER_NONE && seat->errands.size && start (self, seat, core) == -1)
        return -1;
    if (seat->state == FILTER_NONE)
        return 0;
    return arm (self, seat, (size_t)read + (size_t)give (self, seat));
}

//  ---- life

seat_t *seat_new (filters_t *self, uint32_t number)
{
    guardian_t *guardian = self->opts.runner.guardian;
    seat_t *seat = calloc (1, sizeof *seat);
    if (!seat)
        return NULL;
    seat->number = number;
    seat->window = 1;
    seat->errands.delimiter = self->opts.answers.delimiter;
    filter_init (&seat->filter, &self->opts.answers);
    if (!guardian || (seat->place = guardian_take (guardian)))
        return seat;
    free (seat);
    errno = ENOSPC;
    return NULL;
}

void seat_destroy (filters_t *self, seat_t **seat_p)
{
    seat_t *seat = *seat_p;
    seat_forget_watches (self, seat);
    filter_free (&seat->filter);
    errands_free (&seat->errands);
    text_free (&seat->kept_bytes);
    if (seat->place)
        guardian_give (self->opts.runner.guardian, &seat->place);
    free (seat);
    *seat_p = NULL;
}
