/*  What the peers report: completions, outputs, what comes back; and when it is over. */
#include "core/done.h"
#include "core/dryer.h"
#include "core/sink_i.h"

#include <errno.h>
#include <string.h>

//  COUNTED is held back for so long, or so many tasks, where the washer can do without.
enum { HOLD_MS = 20, HOLD_TASKS = 16 };

//  A record of COUNTED, and how many go in one message.
enum { RECORD_BYTES = 17, RECORDS_MOST = 1 << 16 };

figures_t count_figures (const sink_t *self)
{
    const uint64_t *by = self->tally.by_outcome;
    if (self->commit_failed)
        return self->durable;
    return (figures_t){.total = self->tally.eof ? self->tally.total : 0,
                       .ok = by[TASK_OK],
                       .failed = by[TASK_FAILED],
                       .broken = by[TASK_BROKEN],
                       .dropped = by[TASK_DROPPED],
                       .redelivered = self->redelivered,
                       .duplicates = self->tally.duplicates,
                       .lost = self->lost};
}

//  ---- completions

//  For the washer, at the next commit. What goes on where the last record ends makes that one longer.
static void note_counted (sink_t *self, run_t run, outcome_t outcome)
{
    enum { COUNT_AT = 8 };
    writer_t *out = &self->counted;
    if (self->counted_records && !out->failed) {
        uint8_t *last = out->data + out->size - RECORD_BYTES;
        reader_t in = {.at = last, .end = last + RECORD_BYTES};
        run_t before = get_run (&in);
        if (before.n + before.count == run.n && get_u8 (&in) == outcome) {
            for (unsigned i = 0; i < 8; i++)
                last[COUNT_AT + i] = (uint8_t)((before.count + run.count) >> (8 * i));
            return;
        }
    }
    put_run (out, run.n, run.count);
    put_u8 (out, (uint8_t)outcome);
    self->counted_records++;
}

//  The washer is to hear at once of what this peer has reported: the slots may soon want more.
static bool is_pressing (const peer_t *peer)
{
    return peer->role != ROLE_DRYER || peer->prompt || peer->leaving || peer->waiting < peer->slots ||
           peer->waiting < peer->prefetch / 2;
}

//  Counts what is fresh of a completion and passes that on. False where all of it was counted already, or was never
//  put.
static bool accept (sink_t *self, peer_t *peer, const completion_t *completion)
{
    bool any = false;
    uint64_t n = completion->n, end = completion->n + completion->count;
    if (self->tally.eof && end - 1 > self->tally.total) {
        sink_malign (self, peer);
        return false;
    }
    for (run_t fresh; n < end; n = fresh.n + fresh.count) {
        if (tally_count (&self->tally, n, end - n, completion->outcome, &fresh) == -1) {
            self->oom = true;
            return any;
        }
        if (!fresh.count)
            break;
        completion_t part = *completion;
        part.n = fresh.n;
        part.count = fresh.count;
        self->ports.completed (self->ports.arg, &part);
        note_counted (self, fresh, part.outcome);
        self->counted_tasks += fresh.count;
        self->uncommitted = any = true;
        self->is_awaited = self->is_awaited || is_pressing (peer);
        halt_check (self, &part);
    }
    return any;
}

static void on_done (sink_t *self, peer_t *peer, reader_t *in, const message_t *message)
{
    const slice_t *bytes = message->body;
    static const uint8_t none;
    reader_t body = {.at = bytes ? bytes->data : &none, .end = bytes ? bytes->data + bytes->size : &none};
    peer->output_bytes += bytes ? bytes->size : 0;
    get_u64 (in); // the washer's life: all of one name count alike
    for (uint32_t i = 0; i < message->header.count; i++) {
        completion_t completion = done_read (in, &body);
        completion.dryer = peer->life;
        completion.name = peer->name;
        completion.host = peer->host;
        if (in->bad)
            return;
        sink_check (self, ranges_remove (&peer->begun, completion.n, completion.count));
        if (!accept (self, peer, &completion))
            self->ports.drop (self->ports.arg, peer->life, completion.n);
    }
}

static void on_out (sink_t *self, peer_t *peer, reader_t *in, const message_t *message)
{
    get_u64 (in); // the washer's life
    uint64_t n = get_u64 (in);
    get_u64 (in); // the delivery
    int stream = get_u8 (in);
    bool streamed = get_u8 (in);
    peer->output_bytes += message->body ? message->body->size : 0;
    if (in->bad || !message->body || (stream != 1 && stream != 2) || !run_valid (n, 1)) {
        in->bad = true;
        return;
    }
    if (ranges_has (&self->tally.counted, n))
        return;
    if (!ranges_has (&peer->begun, n) && peer->begun.total >= BEGUN_MOST) {
        in->bad = true;
        return;
    }
    sink_check (self, ranges_add (&peer->begun, n, 1));
    self->ports.piece (self->ports.arg, peer->life, n, stream, streamed, in->at, (size_t)(in->end - in->at),
                       message->body);
}

static void on_broken (sink_t *self, peer_t *peer, reader_t *in, const message_t *message)
{
    writer_t values = {0};
    completion_t c = broken_read (in, message->body, &values);
    self->oom |= values.failed;
    peer->prompt = true;
    if (!in->bad && accept (self, peer, &c))
        sink_say (self, "task %llu is given up: %u dryers died of it", (unsigned long long)c.n, (unsigned)c.attempt);
    writer_free (&values);
}

static void on_dropped (sink_t *self, peer_t *peer, reader_t *in, const message_t *message)
{
    run_t run = get_run (in);
    completion_t c = {.n = run.n, .count = run.count, .outcome = TASK_DROPPED};
    peer->prompt = true;
    if (!in->bad)
        accept (self, peer, &c);
}

static void on_eof (sink_t *self, peer_t *peer, reader_t *in, const message_t *message)
{
    uint64_t total = get_u64 (in);
    before_t before = in->at == in->end ? (before_t){0} : get_before (in);
    const ranges_t *counted = &self->tally.counted;
    const run_t *last = counted->size ? &counted->runs[counted->size - 1] : NULL;
    if (in->bad || total > INT64_MAX)
        return;
    peer->prompt = true;
    if (last && last->n + last->count - 1 > total) {
        sink_explain (self, "the input is shorter than what was counted: not the same input");
        count_commit (self, peer->heard_ms);
        count_end (self, END_LOST, 125, peer->heard_ms);
        return;
    }
    if (input_ends_early (self, peer))
        return;
    self->tally.eof = true;
    self->tally.total = total;
    self->eof_life = peer->life;
    self->before = before;
    if (self->ports.before)
        self->ports.before (self->ports.arg, before);
    self->ports.eof (self->ports.arg, true, total, peer->life);
    self->uncommitted = true;
}

//  ---- what is passed on

//  One that has more to say than it can hold is closed like one that is seen to die: what it has then goes to others.
static void keep (sink_t *self, peer_t *dryer, uint8_t type, uint32_t count, slice_t *records)
{
    if (peer_keep (dryer, type, count, records) == 0)
        return;
    self->oom = self->oom || errno != E2BIG;
    dryer->died = true;
}

//  To the washer, with the dryer's life before it; or kept until there is one.
static void relay (sink_t *self, peer_t *dryer, uint8_t type, const message_t *message)
{
    peer_t *washer = self->washer ? roster_find (&self->roster, self->washer) : NULL;
    writer_t out = {0};
    slice_t records;
    put_u64 (&out, dryer->life);
    put_bytes (&out, message->records, message->records_size);
    sink_check (self, writer_take (&out, &records));
    if (washer && dryer->announced)
        link_push (&washer->link, type, message->header.count, &records, NULL);
    else
        keep (self, dryer, type, message->header.count, &records);
}

//  In an orphaned run: these tasks are out no more.
static void note_unheld (sink_t *self, reader_t in, const message_t *message)
{
    bool failed = message->header.type == MSG_FAILED;
    if (self->state != SINK_ORPHAN)
        return;
    get_u64 (&in); // the washer's life
    if (!failed)
        get_u64 (&in); // the recall
    for (uint32_t i = 0; i < message->header.count; i++) {
        run_t run = failed ? (run_t){get_u64 (&in), 1} : get_run (&in);
        get_u64 (&in); // failed: lane sequence; returned: lane sequence
        if (failed)
            get_u64 (&in); // attempt, status
        if (in.bad || !run_valid (run.n, run.count))
            return;
        sink_check (self, ranges_add (&self->unheld, run.n, run.count));
    }
}

//  The next attempt may run at the same dryer: what this one has streamed is none of its output.
static void drop_failed (sink_t *self, peer_t *peer, reader_t in, const message_t *message)
{
    get_u64 (&in); // the washer's life
    for (uint32_t i = 0; i < message->header.count; i++) {
        uint64_t n = get_u64 (&in);
        get_u64 (&in); // lane sequence
        get_u64 (&in); // attempt, status
        if (in.bad || !run_valid (n, 1))
            return;
        sink_check (self, ranges_remove (&peer->begun, n, 1));
        self->ports.drop (self->ports.arg, peer->life, n);
    }
}

static void on_relayed (sink_t *self, peer_t *peer, reader_t *in, const message_t *message)
{
    if (message->header.type == MSG_FAILED || message->header.type == MSG_RETURNED)
        note_unheld (self, *in, message);
    if (message->header.type == MSG_FAILED)
        drop_failed (self, peer, *in, message);
    relay (self, peer, message->header.type, message);
}

static void on_slots (sink_t *self, peer_t *peer, reader_t *in, const message_t *message)
{
    uint32_t slots = get_u32 (in), prefetch = get_u32 (in), unsure = get_u32 (in);
    if (in->bad)
        return;
    peer->slots = slots;
    peer->prefetch = prefetch;
    peer->unsure = unsure;
    peer->leaving = peer->leaving || !slots;
    if (peer->announced)
        relay (self, peer, MSG_DRYER_SLOTS, message);
}

static void on_holding (sink_t *self, peer_t *peer, reader_t *in, const message_t *message)
{
    uint64_t washer = get_u64 (in);
    get_u8 (in); // whether it was to drop
    writer_t inventory = {0};
    if (in->bad || !inventory_fits (*in)) {
        in->bad = true;
        return;
    }
    put_bytes (&inventory, in->at, (size_t)(in->end - in->at));
    slice_drop (&peer->inventory);
    sink_check (self, writer_take (&inventory, &peer->inventory));
    if (peer->asked == washer)
        peer->asked = 0;
    self->is_awaited = true; // else the washer would take what it reported, and so holds no more, for lost
    count_commit (self, peer->heard_ms);
    peers_settle (self);
}

static void on_lane (sink_t *self, peer_t *washer, reader_t *in, const message_t *message)
{
    peer_t *dryer = roster_find (&self->roster, get_u64 (in));
    if (in->bad || !dryer || dryer->role != ROLE_DRYER || dryer->expected)
        return; // when it comes, its DRYER-UP makes the washer say it again
    writer_t out = {0};
    put_u64 (&out, washer->life);
    put_bytes (&out, in->at, (size_t)(in->end - in->at));
    sink_letter (self, dryer, MSG_LANE, 1, &out);
}

static void on_halted (sink_t *self, peer_t *peer, reader_t *in, const message_t *message)
{
    if (self->state == SINK_HALTING)
        count_end (self, END_HALTED, self->halt_status, peer->heard_ms);
}

//  The washer has taken back what this dryer had: it cannot live on with it.
static void on_closed (sink_t *self, peer_t *peer, reader_t *in, const message_t *message)
{
    uint64_t life = get_u64 (in);
    peer_t *dryer = in->bad ? NULL : roster_find (&self->roster, life);
    if (!dryer || dryer->role != ROLE_DRYER)
        return;
    sink_reply (self, dryer->life, ROLE_DRYER, MSG_GONE, NULL);
    peers_close (self, dryer, false, peer->heard_ms);
}

static void on_died (sink_t *self, peer_t *peer, reader_t *in, const message_t *message)
{
    uint64_t life = get_u64 (in);
    peer_t *dead = in->bad || life == peer->life ? NULL : roster_find (&self->roster, life);
    if (dead)
        dead->died = true; // what it said before may still wait in `in`
}

static const struct {
    uint8_t type, role;
    void (*handle) (sink_t *self, peer_t *peer, reader_t *in, const message_t *message);
} letters[] = {
    {MSG_DONE, ROLE_DRYER, on_done},        {MSG_OUT, ROLE_DRYER, on_out},
    {MSG_FAILED, ROLE_DRYER, on_relayed},   {MSG_RETURNED, ROLE_DRYER, on_relayed},
    {MSG_LANEGOT, ROLE_DRYER, on_relayed},  {MSG_SLOTS, ROLE_DRYER, on_slots},
    {MSG_HOLDING, ROLE_DRYER, on_holding},  {MSG_EOF, ROLE_WASHER, on_eof},
    {MSG_LANE, ROLE_WASHER, on_lane},       {MSG_BROKEN, ROLE_WASHER, on_broken},
    {MSG_DROPPED, ROLE_WASHER, on_dropped}, {MSG_HALTED, ROLE_WASHER, on_halted},
    {MSG_CLOSED, ROLE_WASHER, on_closed},   {MSG_DIED, ROLE_OBSERVER, on_died},
    {MSG_INPUT, ROLE_WASHER, input_heard},
};

void count_letter (sink_t *self, peer_t *peer, const message_t *message, int64_t now_ms)
{
    peer->uncommitted = true;
    peer->prompt = peer->prompt || ((self->config.wants & WANT_VERDICT) && peer->role == ROLE_DRYER);
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        if (letters[i].type != message->header.type || letters[i].role != peer->role)
            continue;
        reader_t in = reader_of (message);
        if (self->state != SINK_ENDED)
            letters[i].handle (self, peer, &in, message);
        if (in.bad)
            sink_malign (self, peer);
        return;
    }
    sink_malign (self, peer);
}

void count_known (sink_t *self, const ranges_t *counted, uint64_t failed)
{
    const uint64_t *by = self->tally.by_outcome;
    uint64_t known = by[TASK_FAILED] + by[TASK_BROKEN] + by[TASK_DROPPED];
    uint64_t unseen = failed > known ? failed - known : 0, found = 0;
    if (self->ports.known && counted->size)
        self->ports.known (self->ports.arg, counted, failed);
    for (size_t i = 0; i < counted->size; i++) {
        uint64_t n = counted->runs[i].n, end = n + counted->runs[i].count;
        for (run_t fresh; n < end; n = fresh.n + fresh.count) {
            uint64_t duplicates = self->tally.duplicates; // none of these is one
            sink_check (self, tally_count (&self->tally, n, end - n, TASK_OK, &fresh));
            self->tally.duplicates = duplicates;
            if (!fresh.count || self->oom)
                break;
            found += fresh.count;
        }
    }
    unseen = unseen < found ? unseen : found;
    self->tally.by_outcome[TASK_OK] -= unseen;
    self->tally.by_outcome[TASK_FAILED] += unseen;
    self->uncommitted = self->uncommitted || found;
    if (found)
        sink_say (self, "%llu tasks were counted before, but their record was lost with their output",
                  (unsigned long long)found);
}

//  ---- commit, and after

static void forget_counted (sink_t *self)
{
    self->counted.size = 0;
    self->counted_records = 0;
    self->counted_tasks = 0;
    self->is_awaited = false;
}

static void tell_counted (sink_t *self, int64_t now_ms)
{
    peer_t *washer = peers_washer (self);
    if (!washer || !washer->welcomed) {
        forget_counted (self); // WELCOME will tell it all
    } else if (now_ms >= count_due_ms (self)) {
        const uint8_t *at = self->counted.data;
        self->oom = self->oom || self->counted.failed;
        for (uint32_t left = self->counted.failed ? 0 : self->counted_records, count; left; left -= count) {
            writer_t out = {0};
            count = left < RECORDS_MOST ? left : RECORDS_MOST;
            put_bytes (&out, at, (size_t)count * RECORD_BYTES);
            sink_letter (self, washer, MSG_COUNTED, count, &out);
            at += (size_t)count * RECORD_BYTES;
        }
        forget_counted (self);
        self->counted_ms = now_ms;
    }
}

void count_commit (sink_t *self, int64_t now_ms)
{
    if (self->ending.end != END_NONE)
        return;
    if (self->uncommitted && self->ports.commit (self->ports.arg) == -1) {
        self->uncommitted = false;
        self->commit_failed = true;
        forget_counted (self);
        sink_explain (self, "what was done cannot be made durable");
        count_end (self, END_LOST, 125, now_ms);
        return;
    }
    self->uncommitted = false;
    self->durable = count_figures (self);
    for (size_t i = 0; i < self->roster.size; i++) {
        peer_t *peer = self->roster.peers[i];
        if (peer->uncommitted)
            link_ack_all (&peer->link);
        peer->uncommitted = false;
    }
    tell_counted (self, now_ms);
}

int64_t count_due_ms (const sink_t *self)
{
    if (!self->counted_records || self->ending.end != END_NONE)
        return INT64_MAX;
    return self->is_awaited || self->counted_tasks >= HOLD_TASKS ? INT64_MIN : self->counted_ms + HOLD_MS;
}

void count_end (sink_t *self, end_t end, uint8_t status, int64_t now_ms)
{
    if (self->ending.end != END_NONE)
        return;
    self->ending = (ending_t){.end = end, .status = status, .figures = count_figures (self)};
    self->ports.ended (self->ports.arg, &self->ending);
    sink_enter (self, EVENT_END);
    self->ended_ms = self->repeat_ms = now_ms;
    if (end != END_LOST && self->ports.commit (self->ports.arg) == -1) {
        self->commit_failed = true;
        self->ending = (ending_t){.end = END_LOST, .status = 125, .figures = count_figures (self)};
        sink_explain (self, "the end cannot be made durable");
    }
    if (self->ending.end == END_LOST)
        memcpy (self->ending.why, self->reason, sizeof self->ending.why);
    self->uncommitted = false; // nothing more is committed
}

static void orphaned (sink_t *self, int64_t now_ms)
{
    int64_t grace = self->config.durable ? self->config.wait_ms : self->config.grace_ms;
    bool known, all = peers_all_held (self, &known);
    if (all || !grace || (!known && now_ms < self->orphan_ms + self->config.dead_after_ms) ||
        now_ms < self->orphan_ms + grace)
        return;
    sink_explain (self, "the washer was lost and did not come back; %llu tasks were counted",
                  (unsigned long long)self->tally.counted.total);
    count_end (self, END_LOST, 125, now_ms);
}

//  All is counted: what there was to do. --halt has its own word about the status.
static void join (sink_t *self, uint64_t failed, int64_t now_ms)
{
    bool halted = self->halt_hit && self->state == SINK_HALTING;
    ending_t ending = {.end = END_JOINED,
                       .status = halted ? self->halt_status : (uint8_t)(failed > 100 ? 101 : failed)};
    if (!halted || self->before.end != END_JOINED)
        ending_after (&ending, self->before);
    if (sink_input_failed (self)) {
        sink_explain (self, "the washer could not read all of its input; %llu tasks were counted",
                      (unsigned long long)self->tally.counted.total);
        count_commit (self, now_ms);
    }
    count_end (self, ending.end, ending.status, now_ms);
}

void count_decide (sink_t *self, int64_t now_ms)
{
    const uint64_t *by = self->tally.by_outcome;
    uint64_t failed = by[TASK_FAILED] + by[TASK_BROKEN] + by[TASK_DROPPED];
    if (self->ending.end != END_NONE)
        return;
    halt_look (self);
    if (now_ms >= self->deadline_ms) {
        count_end (self, END_DEADLINE, 124, now_ms);
    } else if (self->halt_hit && self->config.halt_when == HALT_NOW) {
        count_end (self, END_HALTED, self->halt_status, now_ms);
    } else if (tally_complete (&self->tally)) {
        join (self, failed, now_ms);
    } else if (self->halt_hit && self->state == SINK_OPEN) {
        halt_begin (self);
    } else if (self->halt_hit && self->state == SINK_ORPHAN) {
        count_end (self, END_HALTED, self->halt_status, now_ms);
    } else if (self->state == SINK_ORPHAN) {
        orphaned (self, now_ms);
    }
}
