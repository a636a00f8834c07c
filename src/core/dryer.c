#include "core/dryer_i.h"
#include "core/state.h"

#include <stdlib.h>

enum { HOLD_MS = 4 }; // reports are held back for so long, where they may be

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

void dryer_letter (dryer_t *self, uint8_t type, uint32_t count, writer_t *records)
{
    slice_t bytes;
    if (writer_take (records, &bytes) == -1)
        self->oom = true;
    reports_flush (&self->reports, &self->session.link);
    link_push (&self->session.link, type, count, &bytes, NULL);
    self->is_pressing = true;
}

void dryer_say (const dryer_t *self, const char *line)
{
    if (self->ports.log)
        self->ports.log (self->ports.arg, line);
}

//  How many tasks may have been begun and not be known to the sink as done.
static uint32_t unreported (const dryer_t *self)
{
    uint64_t most = (uint64_t)self->config.unsure + self->config.gather;
    return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
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
    put_u32 (&out, unreported (self));
    dryer_put_inventory (self, &out, true);
    if (writer_take (&out, &packet.records) == -1)
        self->oom = true;
    outbox_push (&self->outbox, &packet);
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
    dryer_put_inventory (self, &records, false);
    dryer_letter (self, MSG_HOLDING, 1, &records);
}

static void on_welcome (dryer_t *self, const message_t *message, int64_t now_ms)
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
    if (self->config.is_dry && self->session.durable && !self->unfit) {
        self->unfit = UNFIT_DRY;
        dryer_leave (self, now_ms);
    }
}

static void on_sink (dryer_t *self, const message_t *message)
{
    char endpoint[ENDPOINT_BYTES];
    reader_t in = reader_of (message);
    get_text (&in, endpoint, sizeof endpoint);
    reports_restart (&self->reports, &self->session.link);
    if (self->pace_seq) // what the old one had acked is in HELLO; else it goes again, with what else it had not
        self->pace_seq = link_sent (&self->session.link);
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
        dryer_lane_order (self, &in);
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
        on_welcome (self, message, now_ms);
        break;
    case HEARD_LETTER:
        if (self->state == DRYER_OPEN || self->state == DRYER_LEAVING)
            on_letter (self, message);
        break;
    case HEARD_GONE:
        if (enter (self, EVENT_GONE) && self->state == DRYER_GONE)
            dryer_say (self, "the sink took this dryer for dead: what runs is ended, and it begins anew");
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

//  ---- how much of it

static void say_slots (dryer_t *self)
{
    writer_t records = {0};
    put_u32 (&records, self->config.slots);
    put_u32 (&records, self->config.slots ? self->config.prefetch : 0);
    put_u32 (&records, unreported (self));
    dryer_letter (self, MSG_SLOTS, 1, &records);
}

//  Never less than before: what was begun in more slots may still run.
static uint32_t unsure_of (uint32_t before, uint32_t slots, uint32_t grain)
{
    uint64_t most = (uint64_t)slots * grain;
    return most <= before ? before : most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

void dryer_slots (dryer_t *self, uint32_t slots, int64_t now_ms)
{
    if (slots && self->state == DRYER_LEAVING)
        return; // its window stays 0
    self->config.slots = slots;
    self->config.unsure = unsure_of (self->config.unsure, slots, self->config.grain);
    say_slots (self);
}

void dryer_pace (dryer_t *self, uint32_t prefetch, uint32_t unsure)
{
    uint32_t known = dryer_unsure (self);
    if (self->state != DRYER_OPEN || (prefetch == self->config.prefetch && unsure == self->config.unsure))
        return;
    self->config.prefetch = prefetch;
    self->config.unsure = unsure;
    say_slots (self);
    self->sure_of = known < unsure ? known : unsure;
    self->pace_seq = link_sent (&self->session.link);
}

uint32_t dryer_unsure (const dryer_t *self)
{
    return self->session.link.acked < self->pace_seq ? self->sure_of : self->config.unsure;
}

void dryer_leave (dryer_t *self, int64_t now_ms)
{
    if (!enter (self, EVENT_LEAVE))
        return;
    dryer_slots (self, 0, now_ms);
    dryer_give_back_all (self);
}

//  ---- each turn

//  Nothing is left to do, to give back or to report, and the sink has it all.
static void drain (dryer_t *self, int64_t now_ms)
{
    bool empty = !self->held.size && !self->running.jobs && reports_idle (&self->reports);
    bool owes = self->session.is_welcomed && !link_idle (&self->session.link);
    if (self->state == DRYER_LEAVING && empty && !owes && enter (self, EVENT_DRAINED))
        session_bye (&self->session, now_ms);
}

static void note_silence (dryer_t *self)
{
    if (self->session.quiet && !self->was_quiet && self->state == DRYER_OPEN)
        dryer_say (self, "nothing is heard of the sink: what runs goes on, and nothing more is started");
    self->was_quiet = self->session.quiet;
}

//  What was done is reported with what is done next, where that comes soon and the sink's answer is not awaited.
static bool holds_back (const dryer_t *self, int64_t now_ms)
{
    return self->state == DRYER_OPEN && self->session.state == SESSION_UP && self->unsent &&
           self->unsent <= self->config.gather && !self->is_pressing && !(self->wants & WANT_VERDICT) &&
           self->held.tasks >= self->config.slots && self->held.tasks >= self->config.prefetch / 2 &&
           !reports_waiting (&self->reports) && now_ms < self->pumped_ms + HOLD_MS && now_ms < self->session.beat_ms;
}

void dryer_tick (dryer_t *self, int64_t now_ms)
{
    if (session_tick (&self->session, now_ms) == HEARD_LOST)
        on_lost (self);
    note_silence (self);
    bool holds = holds_back (self, now_ms);
    if (!holds && (self->state == DRYER_OPEN || self->state == DRYER_LEAVING))
        reports_pump (&self->reports, &self->session.link, self->session.credit, &self->ports);
    drain (self, now_ms);
    if (self->session.state == SESSION_HELLO && session_hello_due (&self->session, now_ms))
        hello (self);
    self->session.gauge = self->held.tasks;
    if (self->state != DRYER_GONE && !holds) {
        session_pump (&self->session, &self->outbox, now_ms);
        if (self->unsent)
            self->pumped_ms = now_ms;
        self->unsent = 0;
        self->is_pressing = false;
    }
    if (self->state == DRYER_PARTING && self->session.state == SESSION_OVER)
        enter (self, EVENT_PARTED);
}

int64_t dryer_due_ms (const dryer_t *self)
{
    if (self->state == DRYER_OVER || self->state == DRYER_GONE)
        return INT64_MAX;
    int64_t due_ms = session_due_ms (&self->session), told_ms = self->pumped_ms + HOLD_MS;
    return self->unsent && told_ms < due_ms ? told_ms : due_ms;
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

int64_t dryer_dead_after_ms (const dryer_t *self)
{
    return self->session.silence_ms;
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

unfit_t dryer_unfit (const dryer_t *self)
{
    return self->unfit;
}

dryer_status_t dryer_status (const dryer_t *self)
{
    dryer_status_t status = self->figures;
    status.running = self->running.jobs;
    status.waiting = (size_t)self->held.tasks;
    status.outputs = reports_waiting (&self->reports);
    return status;
}
