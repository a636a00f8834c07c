#include "core/dryer.h"
#include "core/jobs.h"
#include "core/report.h"
#include "core/state.h"

#include <stdlib.h>
#include <string.h>

enum { TASK_LAST = 1 };

//  The lane we are connected to. Its link goes on over generations, as long as both lives last.
typedef struct {
    uint64_t washer;     // life; 0: none yet
    uint32_t generation; // of its socket
    uint64_t got;        // the highest sequence received in order
    uint64_t gap_told;   // got + 1 where a gap there was reported
    bool closed;         // the washer's life is over: nothing of it is taken any more
    bool shut;           // there is no socket until the next generation
} entrance_t;

struct dryer {
    dryer_config_t config;
    dryer_ports_t ports;
    dryer_state_t state;
    session_t session;
    outbox_t outbox;
    entrance_t lane;
    held_queue_t held;
    running_set_t running;
    reports_t reports;
    dryer_status_t figures;
    ending_t ending;
    uint8_t wants; // WANT_*
    bool halted;   // nothing more is to be started
    bool told_of;  // the user was told that the lane cannot be made
    bool was_quiet;
    bool oom;
};

//  ---- the state table; doc/protocol.md has the same rows

typedef enum { EVENT_WELCOME, EVENT_LEAVE, EVENT_DRAINED, EVENT_END, EVENT_GONE, EVENT_LOST, EVENT_PARTED } event_t;

static const char *const state_names[] = {"seeking", "open", "leaving", "parting", "over", "gone"};
static const char *const event_names[] = {"WELCOME", "leave", "drained", "END", "GONE", "lost", "parted"};

static const state_row_t transitions[] = {
    {DRYER_SEEKING, EVENT_WELCOME, DRYER_OPEN},    {DRYER_SEEKING, EVENT_LEAVE, DRYER_LEAVING},
    {DRYER_SEEKING, EVENT_END, DRYER_PARTING},     {DRYER_SEEKING, EVENT_GONE, DRYER_GONE},
    {DRYER_SEEKING, EVENT_LOST, DRYER_OVER},       {DRYER_OPEN, EVENT_WELCOME, DRYER_OPEN},
    {DRYER_OPEN, EVENT_LEAVE, DRYER_LEAVING},      {DRYER_OPEN, EVENT_END, DRYER_PARTING},
    {DRYER_OPEN, EVENT_GONE, DRYER_GONE},          {DRYER_OPEN, EVENT_LOST, DRYER_OVER},
    {DRYER_LEAVING, EVENT_WELCOME, DRYER_LEAVING}, {DRYER_LEAVING, EVENT_DRAINED, DRYER_PARTING},
    {DRYER_LEAVING, EVENT_END, DRYER_PARTING},     {DRYER_LEAVING, EVENT_GONE, DRYER_OVER},
    {DRYER_LEAVING, EVENT_LOST, DRYER_OVER},       {DRYER_PARTING, EVENT_PARTED, DRYER_OVER},
    {DRYER_PARTING, EVENT_END, DRYER_PARTING},     {DRYER_PARTING, EVENT_LOST, DRYER_OVER},
};

//  True where the table has such a row.
static bool enter (dryer_t *self, event_t event)
{
    static const state_table_t table = {transitions, sizeof transitions / sizeof *transitions, state_names,
                                        event_names};
    int to = state_next (&table, (int)self->state, (int)event, self->ports.trace, self->ports.arg);
    if (to >= 0)
        self->state = (dryer_state_t)to;
    return to >= 0;
}

//  ---- life

dryer_t *dryer_new (const dryer_config_t *config, const dryer_ports_t *ports, int64_t now_ms)
{
    dryer_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->config = *config;
    self->ports = *ports;
    session_init (&self->session, ROLE_DRYER, config->life, config->wait_ms, now_ms);
    return self;
}

void dryer_destroy (dryer_t **self_p)
{
    dryer_t *self = *self_p;
    if (!self)
        return;
    held_free (&self->held);
    running_free (&self->running);
    reports_free (&self->reports, &self->ports);
    session_free (&self->session);
    outbox_free (&self->outbox);
    free (self);
    *self_p = NULL;
}

static void letter (dryer_t *self, uint8_t type, uint32_t count, writer_t *records)
{
    slice_t bytes;
    if (writer_take (records, &bytes) == -1)
        self->oom = true;
    link_push (&self->session.link, type, count, &bytes, NULL);
}

//  ---- the inventory: what the washer must not take for lost

static void put_holding (writer_t *out, uint32_t *count, uint64_t washer, uint64_t seq, uint64_t n, uint64_t tasks)
{
    put_u64 (out, washer);
    put_u64 (out, seq);
    put_run (out, n, tasks);
    ++*count;
}

//  Reports that are under way: to a new sink they are still held by us.
static void put_reported (const dryer_t *self, writer_t *out, uint32_t *count)
{
    const letter_t *l;
    for (size_t i = 0; (l = link_letter (&self->session.link, i)); i++) {
        if (l->type != MSG_DONE && l->type != MSG_FAILED && l->type != MSG_RETURNED)
            continue;
        message_t message = {.records = l->records.data, .records_size = l->records.size};
        reader_t in = reader_of (&message);
        uint64_t washer = get_u64 (&in);
        if (l->type == MSG_RETURNED)
            get_u64 (&in); // the recall
        for (uint32_t k = 0; k < l->count; k++) {
            uint64_t n = get_u64 (&in), tasks = l->type == MSG_FAILED ? 1 : get_u64 (&in), seq = get_u64 (&in);
            put_holding (out, count, washer, seq, n, tasks);
            size_t rest = l->type == MSG_DONE ? 40 : l->type == MSG_FAILED ? 8 : 0;
            for (size_t byte = 0; byte < rest; byte++)
                get_u8 (&in);
        }
    }
}

static void put_inventory (const dryer_t *self, writer_t *out, bool reported)
{
    writer_t held = {0};
    uint32_t count = 0;
    for (size_t i = 0; i < self->running.size; i++) {
        const running_t *job = &self->running.items[self->running.head + i];
        put_holding (&held, &count, job->washer, job->seq, job->n, job->count);
    }
    for (size_t i = 0; i < self->held.size; i++) {
        const held_t *run = &self->held.items[self->held.head + i];
        put_holding (&held, &count, run->washer, run->seq, run->n, run->count);
    }
    for (size_t i = 0; i < self->reports.size; i++) {
        const waiting_t *w = &self->reports.items[self->reports.head + i];
        put_holding (&held, &count, w->washer, w->seq, w->result.n, w->result.count);
    }
    if (reported)
        put_reported (self, &held, &count);
    put_u64 (out, self->lane.washer);
    put_u64 (out, self->lane.got);
    put_u32 (out, count);
    put_bytes (out, held.data, held.size);
    out->failed |= held.failed;
    writer_free (&held);
}

static void hello (dryer_t *self)
{
    bool leaving = self->state == DRYER_LEAVING;
    packet_t packet = session_packet (&self->session, MSG_HELLO);
    writer_t out = {0};
    put_u8 (&out, ROLE_DRYER);
    put_text (&out, self->config.name);
    put_text (&out, self->config.host);
    put_u32 (&out, leaving ? 0 : self->config.slots);
    put_u32 (&out, leaving ? 0 : self->config.prefetch);
    put_u32 (&out, self->config.grain);
    put_u32 (&out, self->config.unsure);
    put_inventory (self, &out, true);
    if (writer_take (&out, &packet.records) == -1)
        self->oom = true;
    outbox_push (&self->outbox, &packet);
}

//  ---- the lane

static void say_lanegot (dryer_t *self)
{
    writer_t records = {0};
    put_u64 (&records, self->lane.washer);
    put_u32 (&records, self->lane.generation);
    put_u64 (&records, self->lane.got);
    letter (self, MSG_LANEGOT, 1, &records);
}

static void put_returned (writer_t *out, uint64_t n, uint64_t count, uint64_t seq)
{
    put_run (out, n, count);
    put_u64 (out, seq);
}

//  Gives back up to `most` tasks of a washer's life that were not started.
static void give_back (dryer_t *self, uint64_t most, uint64_t washer, uint64_t recall_seq)
{
    writer_t records = {0};
    uint32_t count = 0;
    put_u64 (&records, washer);
    put_u64 (&records, recall_seq);
    for (held_t run; most && held_last (&self->held) == washer; most -= run.count) {
        held_give_back (&self->held, most, &run);
        put_returned (&records, run.n, run.count, run.seq);
        self->figures.returned += run.count;
        count++;
    }
    if (count || recall_seq)
        letter (self, MSG_RETURNED, count, &records);
    else
        writer_free (&records);
}

static void give_back_all (dryer_t *self)
{
    while (self->held.size)
        give_back (self, UINT64_MAX, held_last (&self->held), 0);
}

static void say_log (const dryer_t *self, const char *line)
{
    if (self->ports.log)
        self->ports.log (self->ports.arg, line);
}

//  The washer does not reach us: what was not started goes back, and what it has sent and we have not got is not ours.
static void shut_lane (dryer_t *self)
{
    if (!self->told_of)
        say_log (self, "the washer cannot reach this dryer; it will try again");
    self->told_of = self->lane.shut = true;
    self->ports.lane_close (self->ports.arg, self->lane.washer);
    give_back (self, UINT64_MAX, self->lane.washer, 0);
    say_lanegot (self);
}

static void on_lane (dryer_t *self, reader_t *in)
{
    uint64_t washer = get_u64 (in);
    uint32_t generation = get_u32 (in);
    char endpoint[ENDPOINT_BYTES];
    get_text (in, endpoint, sizeof endpoint);
    bool same = washer == self->lane.washer;
    if (in->bad || !run_valid (washer, 1) || washer < self->lane.washer || !generation ||
        (same && (self->lane.closed || generation < self->lane.generation)))
        return;
    if (same && generation == self->lane.generation) {
        say_lanegot (self); // the order was repeated: so is its answer
        return;
    }
    if (!same)
        self->lane = (entrance_t){.washer = washer};
    self->lane.generation = generation;
    self->lane.shut = false;
    if (*endpoint)
        self->ports.lane_connect (self->ports.arg, washer, generation, endpoint);
    else
        shut_lane (self);
}

void dryer_lane_connected (dryer_t *self, uint64_t washer, uint32_t generation, int64_t now_ms)
{
    if (washer != self->lane.washer || generation != self->lane.generation)
        return;
    self->lane.gap_told = 0;
    if (generation > 1) // the first generation begins at nothing, as both know
        say_lanegot (self);
}

static void on_tasks (dryer_t *self, const message_t *message)
{
    reader_t in = reader_of (message);
    held_t run = {.washer = self->lane.washer, .seq = message->header.seq};
    run_t tasks = get_run (&in);
    run.n = tasks.n;
    run.count = tasks.count;
    run.attempt = get_u32 (&in);
    run.last = get_u8 (&in) & TASK_LAST;
    run.shape.format = get_u8 (&in);
    run.shape.delimiter = get_u8 (&in);
    run.shape.columns = get_u16 (&in);
    run.shape.items = get_u32 (&in);
    bool fits = message->body && run.count <= message->body->size; // no task is less than a byte
    if (in.bad || run.shape.format > BLOCK_PREFIXED || !run.shape.items || !fits) {
        self->figures.bad++;
        return;
    }
    run.bytes = slice_copy (message->body);
    if (held_push (&self->held, &run) == -1) {
        slice_drop (&run.bytes);
        self->oom = true;
    }
    if (self->state == DRYER_LEAVING)
        give_back_all (self);
}

//  In order, or it leaves a gap: then the washer is told where to go on.
static bool lane_accept (dryer_t *self, uint64_t seq)
{
    if (seq == self->lane.got + 1) {
        self->lane.got++;
        return true;
    }
    if (seq > self->lane.got && self->lane.gap_told != self->lane.got + 1) {
        self->lane.gap_told = self->lane.got + 1;
        say_lanegot (self);
    }
    return false;
}

void dryer_heard_lane (dryer_t *self, const message_t *message, int64_t now_ms)
{
    const header_t *header = &message->header;
    if (header->run != self->session.run || header->from != self->lane.washer || !header->from ||
        header->to != self->config.life || header->type < MSG_TASKS || !header->seq || self->lane.closed) {
        self->figures.bad++;
        return;
    }
    if (self->lane.shut || (self->state != DRYER_OPEN && self->state != DRYER_LEAVING) ||
        !lane_accept (self, header->seq))
        return;
    if (header->type == MSG_TASKS)
        on_tasks (self, message);
    reader_t in = reader_of (message);
    if (header->type == MSG_RECALL)
        give_back (self, get_u32 (&in), self->lane.washer, header->seq);
}

//  ---- what the sink says

static void on_washer_down (dryer_t *self, reader_t *in)
{
    uint64_t washer = get_u64 (in);
    bool drop = get_u8 (in);
    if (in->bad)
        return;
    if (self->lane.washer && self->lane.washer <= washer && !self->lane.closed) {
        self->ports.lane_close (self->ports.arg, self->lane.washer);
        self->lane.closed = true;
    }
    if (drop)
        held_drop (&self->held, washer);
    //  what is done is held no more: its report goes before the answer
    reports_pump (&self->reports, &self->session.link, self->session.credit, &self->ports);
    writer_t records = {0};
    put_u64 (&records, washer);
    put_u8 (&records, drop);
    put_inventory (self, &records, false);
    letter (self, MSG_HOLDING, 1, &records);
}

static void on_welcome (dryer_t *self, const message_t *message)
{
    char tagstring[ENDPOINT_BYTES];
    reader_t in = reader_of (message);
    get_u32 (&in);
    get_u8 (&in);
    uint8_t wants = get_u8 (&in);
    get_text (&in, tagstring, sizeof tagstring);
    if (!in.bad)
        self->ports.wants (self->ports.arg, self->wants = wants, tagstring);
    self->figures.bad += in.bad;
    enter (self, EVENT_WELCOME);
}

static void on_sink (dryer_t *self, const message_t *message)
{
    char endpoint[ENDPOINT_BYTES];
    reader_t in = reader_of (message);
    get_text (&in, endpoint, sizeof endpoint);
    reports_restart (&self->reports, &self->session.link);
    self->halted = false;    // a restarted sink judges anew
    if (self->lane.closed) { // this one may know that washer as alive: then its lane is to be connected again
        self->lane.closed = false;
        self->lane.generation = 0;
    }
    if (!in.bad)
        self->ports.sink_found (self->ports.arg, endpoint);
}

static void on_letter (dryer_t *self, const message_t *message)
{
    reader_t in = reader_of (message);
    if (message->header.type == MSG_LANE)
        on_lane (self, &in);
    else if (message->header.type == MSG_WASHER_DOWN)
        on_washer_down (self, &in);
    else if (message->header.type == MSG_HALT)
        self->halted = true;
    else
        self->figures.bad++;
    self->figures.bad += in.bad;
}

static void on_lost (dryer_t *self)
{
    if (self->ending.end == END_NONE)
        self->ending.end = END_LOST;
    enter (self, EVENT_LOST);
}

void dryer_heard (dryer_t *self, const message_t *message, int64_t now_ms)
{
    heard_t heard = session_heard (&self->session, message, now_ms);
    reports_acked (&self->reports, self->session.link.acked, &self->ports);
    switch (heard) {
    case HEARD_SINK:
        on_sink (self, message);
        break;
    case HEARD_WELCOME:
        on_welcome (self, message);
        break;
    case HEARD_LETTER:
        if (self->state == DRYER_OPEN || self->state == DRYER_LEAVING)
            on_letter (self, message);
        break;
    case HEARD_GONE:
        if (enter (self, EVENT_GONE) && self->state == DRYER_GONE)
            say_log (self, "the sink took this dryer for dead: what runs is ended, and it begins anew");
        break;
    case HEARD_END:
        self->ending = self->session.ending;
        enter (self, EVENT_END);
        session_bye (&self->session, now_ms);
        break;
    case HEARD_REFUSED:
    case HEARD_LOST:
        on_lost (self);
        break;
    case HEARD_BAD:
        self->figures.bad++;
        break;
    case HEARD_NOTHING:
        break;
    }
}

void dryer_connected (dryer_t *self, int64_t now_ms)
{
    session_connected (&self->session, now_ms);
}

//  ---- the work

//  A run whose bytes do not hold what its message said: final failures, so that it is counted and seen.
static void malformed (dryer_t *self, const held_t *run)
{
    running_t job = {.washer = run->washer, .seq = run->seq, .attempt = run->attempt};
    result_t result = {.n = run->n, .count = run->count, .status = 125, .flags = RESULT_NOT_STARTED};
    self->figures.bad++;
    reports_add (&self->reports, &self->session.link, &job, &result, &self->ports);
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
    letter (self, MSG_FAILED, (uint32_t)result->count, &records);
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
        reports_add (&self->reports, &self->session.link, job, result, &self->ports);
    }
    self->figures.done += result->count;
    self->figures.failed += failed ? result->count : 0;
    if (!job)
        return;
    job->left -= result->count < job->left ? result->count : job->left;
    if (!job->left)
        running_remove (&self->running, job);
}

void dryer_return (dryer_t *self, uint64_t ticket)
{
    running_t *job = running_find (&self->running, ticket);
    if (!job)
        return;
    writer_t records = {0};
    put_u64 (&records, job->washer);
    put_u64 (&records, 0); // no recall
    put_returned (&records, job->n, job->count, job->seq);
    letter (self, MSG_RETURNED, 1, &records);
    self->figures.returned += job->count;
    running_remove (&self->running, job);
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

void dryer_slots (dryer_t *self, uint32_t slots, int64_t now_ms)
{
    writer_t records = {0};
    if (slots && self->state == DRYER_LEAVING)
        return; // its window stays 0
    self->config.slots = slots;
    put_u32 (&records, slots);
    put_u32 (&records, slots ? self->config.prefetch : 0);
    letter (self, MSG_SLOTS, 1, &records);
}

void dryer_leave (dryer_t *self, int64_t now_ms)
{
    if (!enter (self, EVENT_LEAVE))
        return;
    dryer_slots (self, 0, now_ms);
    give_back_all (self);
}

//  ---- each turn

//  Nothing is left to do, to give back or to report, and the sink has it all.
static void drain (dryer_t *self, int64_t now_ms)
{
    bool known = self->session.state != SESSION_SEEK && self->session.state != SESSION_HELLO;
    bool empty = !self->held.size && !self->running.size && reports_idle (&self->reports);
    if (self->state == DRYER_LEAVING && empty && (!known || link_idle (&self->session.link)) &&
        (known || !self->session.sink) && enter (self, EVENT_DRAINED))
        session_bye (&self->session, now_ms);
}

static void note_silence (dryer_t *self)
{
    if (self->session.quiet && !self->was_quiet && self->state == DRYER_OPEN)
        say_log (self, "nothing is heard of the sink: what runs goes on, and nothing more is started");
    self->was_quiet = self->session.quiet;
}

void dryer_tick (dryer_t *self, int64_t now_ms)
{
    if (session_tick (&self->session, now_ms) == HEARD_LOST)
        on_lost (self);
    note_silence (self);
    if (self->state == DRYER_OPEN || self->state == DRYER_LEAVING)
        reports_pump (&self->reports, &self->session.link, self->session.credit, &self->ports);
    drain (self, now_ms);
    if (self->session.state == SESSION_HELLO && session_hello_due (&self->session, now_ms))
        hello (self);
    if (self->state != DRYER_GONE)
        session_pump (&self->session, &self->outbox, now_ms);
    if (self->state == DRYER_PARTING && self->session.state == SESSION_OVER)
        enter (self, EVENT_PARTED);
}

int64_t dryer_due_ms (const dryer_t *self)
{
    return self->state == DRYER_OVER || self->state == DRYER_GONE ? INT64_MAX : session_due_ms (&self->session);
}

bool dryer_packet (dryer_t *self, packet_t *out)
{
    return outbox_pop (&self->outbox, out);
}

//  ---- what can be asked

dryer_state_t dryer_state (const dryer_t *self)
{
    return self->state;
}

const ending_t *dryer_ending (const dryer_t *self)
{
    return &self->ending;
}

bool dryer_stays (const dryer_t *self)
{
    return self->session.stays;
}

const char *dryer_reason (const dryer_t *self)
{
    return self->session.reason;
}

bool dryer_failed (const dryer_t *self)
{
    return self->oom || self->reports.oom || self->outbox.failed || self->session.link.failed;
}

dryer_status_t dryer_status (const dryer_t *self)
{
    dryer_status_t status = self->figures;
    status.running = self->running.size;
    status.waiting = (size_t)self->held.tasks;
    status.outputs = reports_waiting (&self->reports);
    return status;
}
