#include "core/sink_i.h"
#include "core/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUESTS_MS = 1000 };

//  ---- the state table; doc/protocol.md has the same rows

static const char *const event_names[] = {"washer", "bereaved", "halt", "end", "parted"};

static const state_row_t transitions[] = {
    {SINK_WAITING, EVENT_WASHER, SINK_OPEN},  {SINK_WAITING, EVENT_END, SINK_ENDED},
    {SINK_OPEN, EVENT_BEREAVED, SINK_ORPHAN}, {SINK_OPEN, EVENT_HALT, SINK_HALTING},
    {SINK_OPEN, EVENT_END, SINK_ENDED},       {SINK_ORPHAN, EVENT_WASHER, SINK_OPEN},
    {SINK_ORPHAN, EVENT_END, SINK_ENDED},     {SINK_HALTING, EVENT_END, SINK_ENDED},
    {SINK_ENDED, EVENT_PARTED, SINK_OVER},
};

bool sink_enter (sink_t *self, sink_event_t event)
{
    static const char *const state_names[] = {"waiting", "open", "orphan", "halting", "ended", "over"};
    static const state_table_t table = {transitions, sizeof transitions / sizeof *transitions, state_names,
                                        event_names};
    int to = state_next (&table, (int)self->state, (int)event, self->ports.trace, self->ports.arg);
    if (to >= 0)
        self->state = (sink_state_t)to;
    return to >= 0;
}

//  ---- life

static int restore (sink_t *self, const sink_restored_t *from)
{
    strcpy (self->washer_name, from->washer_name);
    self->tally.eof = from->eof;
    self->tally.total = from->total;
    self->eof_life = from->eof_life;
    self->before = from->before;
    self->washer_high = from->washer_life > from->eof_life ? from->washer_life : from->eof_life;
    self->washer_hash = from->input_hash;
    self->input_bytes = from->input_bytes;
    self->failure = from->failure;
    self->durable = from->figures;
    self->lost = from->figures.lost;
    self->redelivered = from->figures.redelivered;
    self->tally.duplicates = from->figures.duplicates;
    const uint64_t by[OUTCOMES] = {from->figures.ok, from->figures.failed, from->figures.broken, from->figures.dropped};
    memcpy (self->tally.by_outcome, by, sizeof by);
    for (size_t i = 0; i < from->counted.size; i++)
        if (ranges_add (&self->tally.counted, from->counted.runs[i].n, from->counted.runs[i].count) == -1)
            return -1;
    if (from->ending.end != END_NONE) {
        self->ending = from->ending;
        sink_enter (self, EVENT_END);
    }
    return 0;
}

int64_t sink_deadline_ms (const sink_t *self, int64_t now_ms)
{
    return self->config.deadline_ms ? now_ms + self->config.deadline_ms : INT64_MAX;
}

sink_t *sink_new (const sink_config_t *config, const sink_ports_t *ports, const sink_restored_t *restored,
                  int64_t now_ms)
{
    sink_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->config = *config;
    if (self->config.dead_after_ms < 1)
        self->config.dead_after_ms = 5000;
    self->ports = *ports;
    self->restarted = restored && !restored->is_resumed;
    self->start_ms = self->waiting_ms = self->ticked_ms = self->ended_ms = self->repeat_ms = now_ms;
    self->deadline_ms = config->stay && !self->restarted ? INT64_MAX : sink_deadline_ms (self, now_ms);
    if (restored && restore (self, restored) == -1)
        sink_destroy (&self);
    return self;
}

void sink_destroy (sink_t **self_p)
{
    sink_t *self = *self_p;
    if (!self)
        return;
    roster_free (&self->roster);
    tally_free (&self->tally);
    ranges_free (&self->closed);
    ranges_free (&self->unheld);
    writer_free (&self->counted);
    outbox_free (&self->outbox);
    free (self);
    *self_p = NULL;
}

void sink_check (sink_t *self, int rc)
{
    if (rc == -1)
        self->oom = true;
}

void sink_say (sink_t *self, const char *format, ...)
{
    char line[REASON_BYTES + NAME_BYTES];
    va_list args;
    va_start (args, format);
    vsnprintf (line, sizeof line, format, args);
    va_end (args);
    if (self->ports.log)
        self->ports.log (self->ports.arg, line);
}

//  A long line loses its middle: what was tried stands at its beginning, and what came of it at its end.
void sink_explain (sink_t *self, const char *format, ...)
{
    enum { LINE_BYTES = 1024, HEAD_BYTES = 80, TAIL_BYTES = WHY_BYTES - HEAD_BYTES - sizeof "..." };
    char line[LINE_BYTES];
    if (*self->reason)
        return;
    va_list args;
    va_start (args, format);
    vsnprintf (line, sizeof line, format, args);
    va_end (args);
    size_t size = strlen (line);
    if (size < sizeof self->reason)
        memcpy (self->reason, line, size + 1);
    else
        snprintf (self->reason, sizeof self->reason, "%.*s...%s", HEAD_BYTES, line, line + size - TAIL_BYTES);
}

//  ---- what goes out

static packet_t packet_to (const sink_t *self, uint64_t life, uint8_t role, uint8_t type)
{
    packet_t packet = {.wire = TO_PEER, .role = role};
    packet.header = (header_t){.type = type, .run = self->config.run, .from = self->config.life, .to = life};
    return packet;
}

void sink_letter (sink_t *self, peer_t *peer, uint8_t type, uint32_t count, writer_t *records)
{
    slice_t bytes;
    sink_check (self, writer_take (records, &bytes));
    link_push (&peer->link, type, count, &bytes, NULL);
}

void sink_reply (sink_t *self, uint64_t life, uint8_t role, uint8_t type, writer_t *records)
{
    packet_t packet = packet_to (self, life, role, type);
    peer_t *peer = roster_find (&self->roster, life);
    if (records)
        sink_check (self, writer_take (records, &packet.records));
    if (peer) {
        link_stamp (&peer->link, &packet.header);
        packet.header.credit = peer->credit_told = peer->granted;
        if (type == MSG_WELCOME && role == ROLE_WASHER)
            packet.header.sent = link_sent (&peer->link); // with the DRYER-UPs that wait for their turn (S46)
    }
    if (type == MSG_STOP && self->config.stay && self->ending.end != END_INTERRUPTED)
        packet.header.flags |= FLAG_STAY;
    outbox_push (&self->outbox, &packet);
}

packet_t sink_advert (const sink_t *self)
{
    packet_t packet = packet_to (self, 0, 0, MSG_ADVERT);
    writer_t out = {0};
    put_text (&out, self->config.endpoint);
    writer_take (&out, &packet.records);
    return packet;
}

//  A window's worth beyond what has come in, unless too much waits to be printed. Never taken back.
static void grant (const sink_t *self, peer_t *peer)
{
    uint64_t window = self->config.output_bytes;
    if (self->backlog < self->config.backlog_bytes && peer->output_bytes + window > peer->granted)
        peer->granted = peer->output_bytes + window;
}

//  What is granted is told when half of the window is new, or the dryer has used up all it knows of; an ack, where it
//  is waited for.
static bool must_tell (const sink_t *self, const peer_t *peer, int64_t now_ms)
{
    bool credit = peer->granted - peer->credit_told > self->config.output_bytes / 2 ||
                  (peer->granted > peer->credit_told && peer->output_bytes >= peer->credit_told);
    bool ack = (peer->prompt || peer->leaving) && peer->link.untold;
    return credit || ack || link_must_tell (&peer->link) || now_ms >= peer->beat_ms;
}

static void pump (sink_t *self, peer_t *peer, int64_t now_ms)
{
    if (peer->expected || (peer->role == ROLE_WASHER && !peer->welcomed))
        return;
    if (peer->role == ROLE_OBSERVER && now_ms < peer->told_ms + peers_observer_gap_ms (self))
        return; // whatever it says: what it gets is bounded
    bool sent = false;
    grant (self, peer);
    for (packet_t letter = {0}; link_next (&peer->link, &letter); sent = true) {
        packet_t packet = packet_to (self, peer->life, peer->role, letter.header.type);
        link_stamp (&peer->link, &packet.header);
        packet.header.count = letter.header.count;
        packet.header.seq = letter.header.seq;
        packet.header.credit = peer->credit_told = peer->granted;
        packet.records = letter.records;
        packet.body = letter.body;
        outbox_push (&self->outbox, &packet);
    }
    if (!sent && must_tell (self, peer, now_ms)) {
        sink_reply (self, peer->life, peer->role, MSG_BEAT, NULL);
        sent = true;
    }
    if (sent)
        peer->beat_ms = now_ms + peers_beat_gap_ms (self);
    if (sent)
        peer->told_ms = now_ms;
    peer->prompt = peer->prompt && !sent;
}

bool sink_packet (sink_t *self, packet_t *out)
{
    return outbox_pop (&self->outbox, out);
}

//  ---- what comes in

//  A message of a life that is not on the roster.
static void heard_stranger (sink_t *self, const header_t *header, int64_t now_ms)
{
    bool gone = header->type == MSG_BYE || ranges_has (&self->closed, header->from);
    self->refused += ranges_has (&self->closed, header->from);
    if (!patience_has (&self->patience, STRANGERS_MOST, now_ms))
        return;
    for (const char *role = "dwo"; *role; role++) // its role is not known here: it listens to one of these
        sink_reply (self, header->from, (uint8_t)*role, gone ? MSG_GONE : MSG_WHO, NULL);
}

//  A washer's tells how many strangers its life has refused at its lanes, where there were any. What lives have told is
//  added up, so that the end of one takes nothing away. False where it is malformed.
static bool heard_beat (sink_t *self, peer_t *peer, const message_t *message)
{
    reader_t in = reader_of (message);
    bool has_count = peer->role == ROLE_WASHER && message->records_size;
    uint64_t strangers = has_count ? get_u64 (&in) : 0;
    if (in.bad || in.at != in.end)
        return false;
    if (strangers > peer->strangers) {
        self->lane_strangers += strangers - peer->strangers;
        peer->strangers = strangers;
    }
    return true;
}

void sink_heard (sink_t *self, const message_t *message, int64_t now_ms)
{
    const header_t *header = &message->header;
    if (self->state == SINK_OVER || header->to != self->config.life || !run_valid (header->from, 1))
        return; // what was meant for an earlier life of this sink, as a rule
    if (header->run != self->config.run) {
        self->bad++;
        return;
    }
    if (header->type == MSG_HELLO) {
        peers_hello (self, message, now_ms);
        return;
    }
    peer_t *peer = roster_find (&self->roster, header->from);
    if (!peer || peer->expected) {
        heard_stranger (self, header, now_ms);
        return;
    }
    if (header->type == MSG_BEAT && !heard_beat (self, peer, message)) {
        sink_malign (self, peer);
        return;
    }
    peer->heard_ms = now_ms;
    peer->gone_ms = -1;
    link_heard (&peer->link, header);
    if (peer->role == ROLE_WASHER && header->credit > self->redelivered)
        self->redelivered = header->credit;
    if (peer->role == ROLE_DRYER)
        peer->waiting = header->credit;
    if (header->type == MSG_BYE) {
        if (peer->life == self->washer)
            self->is_fed = self->state == SINK_ENDED || tally_complete (&self->tally);
        sink_reply (self, peer->life, peer->role, MSG_GONE, NULL);
        peers_close (self, peer, false, now_ms);
    } else if (header->seq && link_accept (&peer->link, header->seq, header->count)) {
        count_letter (self, peer, message, now_ms);
    }
}

void sink_malign (sink_t *self, peer_t *peer)
{
    self->bad++;
    if (peer->is_malign)
        return;
    peer->is_malign = true;
    sink_say (self, "%s says what is not in this version of the protocol: it is dropped; --status counts that",
              *peer->name ? peer->name : "an observer");
}

void sink_bad_message (sink_t *self)
{
    self->bad++;
    if (!self->is_bad_told)
        sink_say (self,
                  "somebody says what is not in this version of the protocol: it is dropped; --status counts that");
    self->is_bad_told = true;
}

//  Who is expected may have been connected by what the sink before was told: that connection it closes to begin anew.
void sink_disconnected (sink_t *self, uint64_t life, int64_t now_ms)
{
    peer_t *peer = roster_find (&self->roster, life);
    if (peer && peer->gone_ms < 0 && !peer->expected)
        peer->gone_ms = now_ms;
}

void sink_reconnected (sink_t *self, uint64_t life)
{
    peer_t *peer = roster_find (&self->roster, life);
    if (peer)
        peer->gone_ms = -1;
}

void sink_died (sink_t *self, uint64_t life, int64_t now_ms)
{
    peer_t *peer = roster_find (&self->roster, life);
    if (peer)
        peers_close (self, peer, true, now_ms);
}

void sink_backlog (sink_t *self, uint64_t bytes)
{
    self->backlog = bytes;
}

void sink_strangers (sink_t *self, uint64_t refused)
{
    self->strangers = refused;
}

void sink_stop (sink_t *self, end_t end, uint8_t status, int64_t now_ms)
{
    count_commit (self, now_ms);
    count_end (self, end, status, now_ms);
}

//  ---- each turn

//  When the end was told for long enough: who is here still does not listen.
static int64_t linger_ms (const sink_t *self)
{
    return self->ended_ms + self->config.dead_after_ms;
}

void sink_guests (sink_t *self, size_t guests)
{
    self->guests = guests;
}

void sink_detain (sink_t *self, bool is_detained)
{
    self->is_detained = is_detained;
}

bool sink_knows (const sink_t *self, uint64_t life)
{
    return roster_find (&self->roster, life) || ranges_has (&self->closed, life);
}

bool sink_has_washer (const sink_t *self, uint64_t life)
{
    const peer_t *peer = roster_find (&self->roster, life);
    return peer && peer->role == ROLE_WASHER;
}

//  A restarted sink does not know who was told of the end before: it waits for them to come.
static bool all_told (const sink_t *self, int64_t now_ms)
{
    if (self->is_detained)
        return false;
    bool is_alone = !self->guests || now_ms >= self->ended_ms + GUESTS_MS;
    return now_ms >= linger_ms (self) || (!self->roster.size && !self->restarted && is_alone);
}

void sink_tick (sink_t *self, int64_t now_ms)
{
    if (self->state == SINK_OVER)
        return;
    count_commit (self, now_ms);
    peers_judge (self, now_ms);
    count_decide (self, now_ms);
    for (size_t i = 0; i < self->roster.size && self->state != SINK_ENDED; i++)
        pump (self, self->roster.peers[i], now_ms);
    if (self->state == SINK_WAITING && self->config.wait_ms && now_ms >= self->waiting_ms + self->config.wait_ms) {
        sink_explain (self, "no washer came in time (--wait)");
        count_end (self, self->halt_hit ? END_HALTED : END_LOST, self->halt_hit ? self->halt_status : 125, now_ms);
    }
    if (self->state == SINK_ENDED)
        peers_judge (self, now_ms); // says it at once
    if (self->state == SINK_ENDED && all_told (self, now_ms))
        sink_enter (self, EVENT_PARTED);
}

int64_t sink_due_ms (const sink_t *self)
{
    if (self->state == SINK_OVER)
        return INT64_MAX;
    if (self->uncommitted && self->state != SINK_ENDED) // after the end nothing is committed any more
        return 0;
    int64_t due = peers_due_ms (self), other = INT64_MAX, counted = count_due_ms (self);
    due = counted < due ? counted : due;
    if (self->state == SINK_ENDED && !self->is_detained)
        other = self->guests && self->ticked_ms < self->ended_ms + GUESTS_MS ? self->ended_ms + GUESTS_MS
                                                                             : linger_ms (self);
    if (self->state == SINK_WAITING && self->config.wait_ms)
        other = self->waiting_ms + self->config.wait_ms;
    if (self->state == SINK_ORPHAN)
        other = self->orphan_ms + (self->config.durable ? self->config.wait_ms : self->config.grace_ms);
    if (self->state == SINK_ORPHAN && other <= self->ticked_ms)
        other = self->ticked_ms + peers_beat_gap_ms (self);
    due = other < due ? other : due;
    if (self->state != SINK_ENDED && self->deadline_ms < due)
        due = self->deadline_ms;
    return due;
}

//  ---- what can be asked

sink_state_t sink_state (const sink_t *self)
{
    return self->state;
}

const ending_t *sink_ending (const sink_t *self)
{
    return &self->ending;
}

bool sink_input_failed (const sink_t *self)
{
    return self->before.end == END_LOST;
}

const char *sink_reason (const sink_t *self)
{
    return self->reason;
}

bool sink_failed (const sink_t *self)
{
    bool failed = self->oom || self->outbox.failed;
    for (size_t i = 0; i < self->roster.size; i++)
        failed = failed || self->roster.peers[i]->link.failed;
    return failed;
}

sink_status_t sink_status (const sink_t *self)
{
    sink_status_t status = {.state = self->state,
                            .eof = self->tally.eof,
                            .durable = self->config.durable,
                            .restarted = self->restarted,
                            .washer_alive = self->washer,
                            .up_ms = (uint64_t)(self->ticked_ms - self->start_ms),
                            .figures = count_figures (self),
                            .backlog = self->backlog,
                            .refused = self->refused,
                            .bad = self->bad,
                            .strangers = self->strangers + self->lane_strangers};
    memcpy (status.washer, self->washer_name, sizeof status.washer);
    for (size_t i = 0; i < self->roster.size; i++) {
        const peer_t *peer = self->roster.peers[i];
        status.observers += peer->role == ROLE_OBSERVER;
        if (peer->role != ROLE_DRYER || peer->expected)
            continue;
        status.dryers++;
        status.slots += peer->slots;
    }
    return status;
}

size_t sink_dryers (const sink_t *self, dryer_row_t *rows, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i < self->roster.size && count < most; i++) {
        const peer_t *peer = self->roster.peers[i];
        if (peer->role != ROLE_DRYER || peer->expected)
            continue;
        dryer_row_t *row = &rows[count++];
        *row = (dryer_row_t){
            .life = peer->life, .slots = peer->slots, .prefetch = peer->prefetch, .leaving = peer->leaving};
        memcpy (row->name, peer->name, sizeof row->name);
        memcpy (row->host, peer->host, sizeof row->host);
    }
    return count;
}

const ranges_t *sink_counted (const sink_t *self)
{
    return &self->tally.counted;
}
