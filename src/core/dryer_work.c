/*  The work: what is started, how it ended, and what of it goes back undone. */
#include "core/dryer_i.h"

enum { SLOW_US = 1000000 };

//  A run whose bytes do not hold what its message said: final failures, so that it is counted and seen.
static void malformed (dryer_t *self, const held_t *run)
{
    running_t job = {.washer = run->washer, .seq = run->seq, .attempt = run->attempt};
    result_t result = {.n = run->n, .count = run->count, .status = 125, .flags = RESULT_NOT_STARTED};
    self->figures.bad++;
    reports_add (&self->reports, &self->session.link, self->session.credit, &job, &result, &self->ports);
}

//  Under --halt one result may be the last that was wanted: its verdict comes with the ack, or just before it.
static bool is_judged (const dryer_t *self)
{
    return !reports_waiting (&self->reports) && !self->reports.records_count && link_idle (&self->session.link);
}

//  While outputs wait for credit, what was started is finished but no more is begun.
static bool may_start (const dryer_t *self)
{
    if (self->halted || ((self->wants & WANT_VERDICT) && !is_judged (self)))
        return false;
    return self->state == DRYER_OPEN && !self->session.quiet &&
           reports_waiting (&self->reports) <= 2 * (size_t)self->config.slots + 2;
}

bool dryer_take (dryer_t *self, uint64_t max, job_t *out)
{
    held_t run;
    for (int rc; may_start (self) && (rc = held_take (&self->held, max, &run));) {
        running_t *job = rc == 1 ? running_add (&self->running, &run) : NULL;
        if (job) {
            *out = (job_t){.ticket = job->ticket,
                           .n = run.n,
                           .count = run.count,
                           .attempt = run.attempt,
                           .last = run.last,
                           .shape = run.shape,
                           .bytes = run.bytes};
            self->figures.started += run.count;
            return true;
        }
        slice_drop (&run.bytes);
        if (rc == -1)
            malformed (self, &run);
        else
            self->oom = true;
    }
    return false;
}

bool dryer_peek (const dryer_t *self, job_t *out)
{
    const held_t *first = held_first (&self->held);
    size_t size = first ? shape_skip (&first->shape, first->bytes.data, first->bytes.size, 1) : SIZE_MAX;
    if (size == SIZE_MAX)
        return false;
    *out = (job_t){.n = first->n, .count = 1, .attempt = first->attempt, .last = first->last, .shape = first->shape};
    out->bytes = (slice_t){first->bytes.block, first->bytes.data, size};
    return true;
}

static void say_failed (dryer_t *self, const running_t *job, const result_t *result)
{
    writer_t records = {0};
    put_u64 (&records, job->washer);
    for (uint64_t n = result->n; n < result->n + result->count; n++) {
        put_u64 (&records, n);
        put_u64 (&records, job->seq);
        put_u32 (&records, job->attempt);
        put_u16 (&records, result->status);
        put_u8 (&records, result->signal);
        put_u8 (&records, result->flags);
    }
    dryer_letter (self, MSG_FAILED, (uint32_t)result->count, &records);
}

static void leave_less (dryer_t *self, running_t *job, uint64_t count)
{
    job->left -= count < job->left ? count : job->left;
    if (!job->left)
        running_remove (&self->running, job);
}

bool dryer_wants_command (uint8_t wants, const result_t *result)
{
    bool is_odd = result->status || result->signal || result->runtime_us >= SLOW_US;
    return wants & WANT_COMMAND || (wants & WANT_TROUBLE && is_odd);
}

void dryer_done (dryer_t *self, const result_t *result, int64_t now_ms)
{
    running_t *job = running_find (&self->running, result->ticket);
    bool failed = result->status || result->signal;
    if (!job || (failed && !job->last)) {
        if (job)
            say_failed (self, job, result);
        if (result->cookie)
            self->ports.free_output (self->ports.arg, result->cookie);
    } else {
        reports_add (&self->reports, &self->session.link, self->session.credit, job, result, &self->ports);
    }
    self->figures.done += result->count;
    self->unsent += result->count;
    self->figures.failed += failed ? result->count : 0;
    if (job)
        leave_less (self, job, result->count);
}

void dryer_return (dryer_t *self, uint64_t ticket)
{
    const running_t *job = running_find (&self->running, ticket);
    if (job)
        dryer_return_part (self, ticket, job->n, job->count);
}

void dryer_return_part (dryer_t *self, uint64_t ticket, uint64_t n, uint64_t count)
{
    running_t *job = running_find (&self->running, ticket);
    if (!job)
        return;
    writer_t records = {0};
    put_u64 (&records, job->washer);
    put_u64 (&records, 0); // no recall
    dryer_put_returned (&records, n, count, job->seq);
    dryer_letter (self, MSG_RETURNED, 1, &records);
    self->figures.returned += count;
    if (n + count == job->n + job->count) // else the inventory names it as long as the job runs
        job->count -= count;
    leave_less (self, job, count);
}

size_t dryer_stream (dryer_t *self, uint64_t ticket, int stream, const void *tag, size_t tag_size, const void *data,
                     size_t size)
{
    const running_t *job = running_find (&self->running, ticket);
    if (!job)
        return size; // of a job that is over: nobody wants it
    return reports_stream (&self->reports, &self->session.link, self->session.credit, job, stream, tag, tag_size, data,
                           size);
}
