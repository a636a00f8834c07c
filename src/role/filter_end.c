//  The end of a filter: how it comes about, and what becomes of the items that it has not answered.
#include "role/filters_i.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

enum {
    STATUS_TIMED_OUT = 124,
    STATUS_BROKEN = 125,
    PROMPT_MS = 100,      // what comes so soon after the end of the input was kept back
    SHORT_STALL_MS = 100, // silence of one that is known to keep its answers back
    SLOWER = 10,          // one that was wrongly taken for waiting has so much longer the next time
    LONGEST_STALL_MS = 3600 * 1000,
};

//  ---- closing

void seat_forget_watches (filters_t *self, seat_t *seat)
{
    loop_unwatch (self->loop, &seat->in_watch);
    loop_unwatch (self->loop, &seat->out_watch);
    loop_unwatch (self->loop, &seat->err_watch);
    loop_unwatch (self->loop, &seat->exit_watch);
}

static void close_in (filters_t *self, seat_t *seat)
{
    loop_unwatch (self->loop, &seat->in_watch);
    filter_close_in (&seat->filter);
}

void seat_close_filter (filters_t *self, seat_t *seat, int64_t due_ms)
{
    close_in (self, seat);
    seat->state = FILTER_CLOSED;
    seat->due_ms = due_ms;
}

void seat_send_step (filters_t *self, seat_t *seat)
{
    const termseq_t *seq = &self->opts.runner.termseq;
    seat->due_ms = INT64_MAX;
    if (seat->step >= seq->count || seat->exited)
        return;
    child_signal (&seat->filter.child, seq->step[seat->step].signal);
    child_signal (&seat->filter.child, SIGCONT);
    seat->due_ms = self->now_ms + seq->step[seat->step++].wait_ms;
}

void seat_begin_end (filters_t *self, seat_t *seat, filter_end_t why)
{
    close_in (self, seat);
    seat->state = FILTER_ENDING;
    seat->end = why;
    seat_send_step (self, seat);
}

void seat_end (filters_t *self, seat_t *seat, filter_end_t why, bool at_once)
{
    seat->pace_ms = 0;
    if (seat->state == FILTER_NONE)
        return;
    if (at_once) {
        seat->step = self->opts.runner.termseq.count - 1;
        seat_begin_end (self, seat, why);
    } else if (!seat->errands.size && seat->state == FILTER_OPEN) {
        seat_close_filter (self, seat, self->now_ms + FILTERS_LINGER_MS);
        seat->is_told = true;
    } else if (why != END_NOT && seat->state != FILTER_ENDING && seat->errands.size) {
        seat_begin_end (self, seat, why);
    } else if (why != END_NOT) {
        seat->end = why;
    }
}

void seat_reap (filters_t *self, seat_t *seat)
{
    loop_unwatch (self->loop, &seat->exit_watch);
    close_in (self, seat);
    if (seat->state == FILTER_ENDING)
        child_signal (&seat->filter.child, SIGKILL); // what is left of the group, while its number is still ours
    if (filter_reap (&seat->filter, &seat->status, &seat->signal) == -1)
        seat->status = STATUS_BROKEN;
    seat->exited = true;
}

//  ---- who is to blame

//  It saw the end of its input and ended well, and what is left it will never answer.
static void blame_all (filters_t *self, seat_t *seat, dryer_t *core)
{
    const result_t how = {.status = STATUS_BROKEN};
    char name[SHOWN_BYTES + 8];
    for (errand_head_t head; answer_head (self, seat, core, &head) && head.is_given;) {
        answer_name (&head, name);
        answer_fail (self, seat, core, &how, "the filter has ended and not answered item '%s': it prints too little",
                     name);
    }
}

//  It died, or ended before its time. Where it had one item, that takes a strike.
static void blame_one (filters_t *self, seat_t *seat, dryer_t *core, const char *name)
{
    bool was_alone = seat->errands.tasks == 1 || seat->careful;
    uint32_t limit = self->opts.crash_limit;
    if (seat->careful < seat->errands.tasks)
        seat->careful = seat->errands.tasks;
    seat->strikes += was_alone;
    if (!limit || seat->strikes < limit)
        return;
    result_t how = {.status = (uint16_t)seat->status, .signal = (uint8_t)seat->signal};
    if (seat->signal) {
        answer_fail (self, seat, core, &how, "item '%s' ended %u filters by signal %d", name, limit, seat->signal);
        return;
    }
    how.status = how.status ? how.status : STATUS_BROKEN;
    answer_fail (self, seat, core, &how, "item '%s' ended %u filters: exit status %d, and no answer", name, limit,
                 seat->status);
}

static void blame (filters_t *self, seat_t *seat, dryer_t *core)
{
    char name[SHOWN_BYTES + 8];
    errand_head_t head;
    result_t how = {.status = (uint16_t)seat->status, .signal = (uint8_t)seat->signal};
    if (!answer_head (self, seat, core, &head))
        return;
    answer_name (&head, name);
    if (seat->end == END_TIMEOUT) {
        how.flags = RESULT_TIMED_OUT;
        how.status = how.status || how.signal ? how.status : STATUS_TIMED_OUT;
        answer_fail (self, seat, core, &how, "no answer to item '%s' in time (--timeout)", name);
    } else if (seat->end == END_LONG) {
        how = (result_t){.status = STATUS_BROKEN};
        answer_fail (self, seat, core, &how, "the answer to item '%s' has more than %d MiB", name,
                     FILTERS_ANSWER_BYTES >> 20);
    } else if (seat->end == END_NOT && seat->is_told && !seat->status && !seat->signal) {
        blame_all (self, seat, core);
    } else if (seat->end == END_NOT) {
        blame_one (self, seat, core, name);
    }
}

//  A last line without its end is one, where the filter came to a good end.
static void end_last_line (seat_t *seat)
{
    answers_t *answers = &seat->filter.answers;
    const uint8_t *data;
    size_t room;
    bool is_good = seat->is_told && !seat->status && !seat->signal && seat->end == END_NOT;
    if (!is_good || !answers_rest (answers, &data) || answers->shape.end || !seat->errands.size)
        return;
    uint8_t *to = answers_room (answers, 1, &room);
    if (!to)
        return;
    *to = answers->shape.delimiter;
    answers_add (answers, 1);
}

//  It has answered, or ended, after we took it for one that waits for the end of its input.
void seat_learn (filters_t *self, seat_t *seat)
{
    if (!seat->stalled_ms)
        return;
    self->keeps_back = self->now_ms - seat->stalled_ms <= PROMPT_MS;
    self->stall_ms = self->keeps_back ? SHORT_STALL_MS : self->stall_ms * SLOWER;
    if (self->stall_ms > LONGEST_STALL_MS)
        self->stall_ms = LONGEST_STALL_MS;
    seat->stalled_ms = 0;
}

//  It was reaped, and what it had written was read.
void seat_settle (filters_t *self, seat_t *seat, dryer_t *core)
{
    const uint8_t *data;
    seat_learn (self, seat);
    end_last_line (seat);
    filter_read_err (&seat->filter);
    if (seat->state != FILTER_ENDING && answer_all (self, seat, core) && !seat->errands.size &&
        answers_rest (&seat->filter.answers, &data))
        answer_surplus (self, seat, core);
    answer_release (self, seat, core);
    blame (self, seat, core);
    if (!seat->errands.size)
        answer_last_words (self, seat);
    seat_forget_watches (self, seat);
    filter_clear (&seat->filter);
    errands_again (&seat->errands);
    seat->state = FILTER_NONE;
    seat->pace_ms = 0;
}
