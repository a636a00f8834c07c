#include "core/done.h"
#include "core/item.h"
#include "core/report.h"

const char *outcome_name (outcome_t outcome)
{
    static const char *const names[OUTCOMES] = {"ok", "failed", "broken", "dropped"};
    return names[outcome];
}

const char *outcome_note (outcome_t outcome, uint8_t flags)
{
    static const char *const notes[] = {NULL, "timed out", "not started", NULL, "output lost"};
    if (outcome == TASK_BROKEN)
        return "its dryers died";
    for (uint8_t bit = 4; bit; bit >>= 1)
        if (flags & bit)
            return notes[bit];
    return NULL;
}

//  The next `size` bytes of a body; NULL and bad where it has no more.
static const uint8_t *bite (reader_t *body, size_t size)
{
    if (body->bad || (size_t)(body->end - body->at) < size) {
        body->bad = true;
        return NULL;
    }
    body->at += size;
    return body->at - size;
}

//  Outputs, and what a task was given, are told of one task only. There may be a line of a log for each task of a run;
//  times are counted in nanoseconds elsewhere.
static bool fits (const completion_t *c)
{
    enum { NS_A_US = 1000 };
    bool is_timely = c->start_us >= 0 && c->start_us <= INT64_MAX / NS_A_US && c->runtime_us <= INT64_MAX / NS_A_US;
    return is_timely && (c->count == 1 || (c->count <= TASKS_MOST && !c->out_size && !c->err_size && !c->values));
}

static void read_sizes (completion_t *c, reader_t *in)
{
    c->out_size = get_u32 (in);
    c->err_size = get_u32 (in);
    c->tag_size = get_u32 (in);
    c->command_size = get_u32 (in);
    c->values_size = c->flags & RESULT_HAS_ITEM ? get_u32 (in) : 0;
}

static void read_body (completion_t *c, reader_t *body)
{
    c->out = bite (body, c->out_size);
    c->err = bite (body, c->err_size);
    c->tag = bite (body, c->tag_size);
    c->command = bite (body, c->command_size);
    if (c->flags & RESULT_HAS_ITEM)
        c->values = bite (body, c->values_size);
}

static completion_t read_record (reader_t *in, uint64_t *lane_seq)
{
    run_t run = get_run (in);
    completion_t c = {.n = run.n, .count = run.count};
    *lane_seq = get_u64 (in);
    c.attempt = get_u32 (in);
    c.status = get_u16 (in);
    c.signal = get_u8 (in);
    c.flags = get_u8 (in);
    c.start_us = (int64_t)get_u64 (in);
    c.runtime_us = get_u64 (in);
    read_sizes (&c, in);
    return c;
}

run_t done_tasks (reader_t *in, uint64_t *lane_seq)
{
    completion_t c = read_record (in, lane_seq);
    return (run_t){c.n, c.count};
}

completion_t done_read (reader_t *in, reader_t *body)
{
    uint64_t delivery; // of no matter: the first final completion counts, whichever it was
    completion_t c = read_record (in, &delivery);
    read_body (&c, body);
    in->bad |= body->bad || !fits (&c);
    c.outcome = c.status || c.signal ? TASK_FAILED : TASK_OK;
    c.pieces = c.flags & RESULT_IN_PIECES;
    c.flags &= (uint8_t) ~(RESULT_IN_PIECES | RESULT_HAS_ITEM);
    return c;
}

completion_t broken_read (reader_t *in, const slice_t *body, writer_t *values)
{
    completion_t c = {.n = get_u64 (in), .count = 1, .outcome = TASK_BROKEN, .item = body};
    c.attempt = get_u32 (in);
    shape_t shape = get_shape (in);
    in->bad |= !run_valid (c.n, 1);
    if (!in->bad && body)
        item_put (values, &shape, body->data, body->size);
    c.values = values->data;
    c.values_size = values->size;
    return c;
}
