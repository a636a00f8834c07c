#include "core/session.h"
#include "base/line.h"

#include <stdio.h>
#include <string.h>

enum { HELLO_FIRST_MS = 10, HELLO_MOST_MS = 500, BEAT_MOST_MS = 1000, SILENCE_MS = 5000 };

bool session_is_name (const char *text)
{
    return *text && strlen (text) < NAME_BYTES && line_is_clean (text);
}

static int64_t least (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t beat_gap_ms (const session_t *self)
{
    int64_t gap = self->silence_ms / 4;
    return gap < 1 ? 1 : gap > BEAT_MOST_MS ? BEAT_MOST_MS : gap;
}

static void enter (session_t *self, session_state_t state, int64_t now_ms)
{
    self->state = state;
    self->since_ms = self->heard_ms = now_ms;
    self->hello_ms = now_ms;
    self->hello_gap_ms = HELLO_FIRST_MS;
    self->quiet = false;
}

void session_init (session_t *self, uint8_t role, uint64_t life, int64_t wait_ms, int64_t now_ms)
{
    *self = (session_t){.role = role, .life = life, .wait_ms = wait_ms, .silence_ms = SILENCE_MS};
    self->ticked_ms = now_ms;
    enter (self, SESSION_SEEK, now_ms);
}

void session_free (session_t *self)
{
    link_free (&self->link);
}

void session_reborn (session_t *self, uint64_t life, int64_t now_ms)
{
    link_free (&self->link);
    self->life = life;
    self->credit = 0;
    self->is_welcomed = false;
    self->strangers_before += self->strangers_told;
    self->strangers_told = 0;
    enter (self, SESSION_HELLO, now_ms);
}

//  What was told of strangers may be lost: a connection, or the sink, is new.
static void tell_strangers_again (session_t *self, int64_t now_ms)
{
    self->strangers_due = self->strangers > self->strangers_before;
    self->strangers_ms = now_ms;
}

static heard_t lost (session_t *self, const char *why)
{
    if (self->state == SESSION_OVER)
        return HEARD_NOTHING;
    self->state = SESSION_OVER;
    if (self->ending.end == END_NONE)
        self->ending.end = END_LOST;
    snprintf (self->reason, sizeof self->reason, "%s", why);
    return HEARD_LOST;
}

//  A sink calls: the one we know, an older life of it, a new one, or one of another run.
static heard_t heard_advert (session_t *self, const header_t *header, int64_t now_ms)
{
    if (self->state == SESSION_OVER || header->from < self->sink || !header->from || !header->run)
        return HEARD_NOTHING;
    if (self->run && header->run != self->run && self->state == SESSION_BYE) {
        self->state = SESSION_OVER; // nobody is left to say it to
        return HEARD_NOTHING;
    }
    if (self->run && header->run != self->run && (self->is_welcomed || self->is_run_given))
        return lost (self, self->sink ? "the pipeline is lost: another run stands at its address"
                                      : "another run stands at this address");
    self->heard_ms = now_ms;
    if (header->from == self->sink)
        return HEARD_NOTHING;
    self->run = header->run;
    self->sink = header->from;
    self->credit = 0;
    link_restart (&self->link);
    enter (self, self->state == SESSION_BYE ? SESSION_BYE : SESSION_HELLO, now_ms);
    self->hello_ms = now_ms + HELLO_FIRST_MS; // or at once, when the wire is known to be open
    return HEARD_SINK;
}

static heard_t heard_welcome (session_t *self, const message_t *message, int64_t now_ms)
{
    if (self->state == SESSION_UP && self->role == ROLE_OBSERVER)
        return HEARD_WELCOME;
    if (self->state != SESSION_HELLO)
        return HEARD_NOTHING;
    reader_t in = reader_of (message);
    uint32_t silence_ms = get_u32 (&in);
    bool durable = get_u8 (&in);
    if (in.bad || !silence_ms)
        return HEARD_BAD;
    self->silence_ms = silence_ms;
    self->durable = durable;
    self->is_welcomed = true;
    enter (self, SESSION_UP, now_ms);
    self->beat_ms = now_ms + beat_gap_ms (self);
    tell_strangers_again (self, now_ms);
    return HEARD_WELCOME;
}

static heard_t heard_gone (session_t *self)
{
    if (self->state == SESSION_BYE) {
        self->state = SESSION_OVER;
        return HEARD_NOTHING;
    }
    return self->state == SESSION_OVER ? HEARD_NOTHING : HEARD_GONE;
}

static heard_t heard_who (session_t *self, int64_t now_ms)
{
    if (self->state == SESSION_UP)
        enter (self, SESSION_HELLO, now_ms);
    if (self->state == SESSION_HELLO)
        self->hello_ms = now_ms;
    return HEARD_NOTHING;
}

static heard_t heard_refused (session_t *self, const message_t *message)
{
    char reason[REASON_BYTES];
    reader_t in = reader_of (message);
    get_text (&in, reason, sizeof reason);
    if (in.bad)
        return HEARD_BAD;
    line_clean (reason);
    lost (self, *reason ? reason : "the sink refused us");
    return HEARD_REFUSED;
}

static heard_t heard_end (session_t *self, const message_t *message)
{
    reader_t in = reader_of (message);
    ending_t ending = get_ending (&in);
    if (in.bad || ending.end == END_NONE)
        return HEARD_BAD;
    if (self->ending.end != END_NONE)
        return HEARD_NOTHING;
    self->ending = ending;
    self->stays = message->header.flags & FLAG_STAY;
    return HEARD_END;
}

static heard_t heard_letter (session_t *self, const message_t *message)
{
    if ((self->state != SESSION_UP && self->state != SESSION_BYE) || !message->header.seq)
        return message->header.seq ? HEARD_NOTHING : HEARD_BAD;
    if (!link_accept (&self->link, message->header.seq, message->header.count))
        return HEARD_NOTHING;
    link_ack_all (&self->link);
    return self->state == SESSION_UP ? HEARD_LETTER : HEARD_NOTHING;
}

heard_t session_heard (session_t *self, const message_t *message, int64_t now_ms)
{
    const header_t *header = &message->header;
    if (header->type == MSG_ADVERT)
        return heard_advert (self, header, now_ms);
    if (!self->sink || header->run != self->run || header->from != self->sink || header->to != self->life)
        return HEARD_BAD;
    self->heard_ms = now_ms;
    self->quiet = false;
    if (header->credit > self->credit)
        self->credit = header->credit;
    if (self->state == SESSION_UP || self->state == SESSION_BYE)
        link_heard (&self->link, header);
    switch (header->type) {
    case MSG_BEAT:
        return HEARD_NOTHING;
    case MSG_WELCOME:
        return heard_welcome (self, message, now_ms);
    case MSG_GONE:
        return heard_gone (self);
    case MSG_WHO:
        return heard_who (self, now_ms);
    case MSG_REFUSED:
        return heard_refused (self, message);
    case MSG_JOINED:
    case MSG_STOP:
        return heard_end (self, message);
    default:
        return heard_letter (self, message);
    }
}

//  How long the silence of the sink is borne while we are up; 0: for ever
static int64_t patience_ms (const session_t *self)
{
    if (!self->durable)
        return self->silence_ms;
    return !self->wait_ms || self->wait_ms > self->silence_ms ? self->wait_ms : self->silence_ms;
}

//  When the wait of this state ends; INT64_MAX: never
static int64_t deadline_ms (const session_t *self)
{
    switch (self->state) {
    case SESSION_SEEK:
    case SESSION_HELLO:
        return self->wait_ms ? self->since_ms + self->wait_ms : INT64_MAX;
    case SESSION_UP:
        return patience_ms (self) ? self->heard_ms + patience_ms (self) : INT64_MAX;
    case SESSION_BYE:
        return self->since_ms + self->silence_ms;
    default:
        return INT64_MAX;
    }
}

//  Silence, and any other wait, counts only while we were listening: not while the machine slept.
static void take_pause (session_t *self, int64_t now_ms)
{
    int64_t asleep_ms = now_ms - self->ticked_ms;
    self->ticked_ms = now_ms;
    self->paused_ms = asleep_ms > 2 * beat_gap_ms (self) ? asleep_ms : 0;
    if (!self->paused_ms)
        return;
    self->heard_ms = now_ms;
    self->since_ms = least (self->since_ms + asleep_ms, now_ms);
}

heard_t session_tick (session_t *self, int64_t now_ms)
{
    take_pause (self, now_ms);
    self->quiet = self->state == SESSION_UP && now_ms - self->heard_ms >= self->silence_ms;
    if (now_ms < deadline_ms (self))
        return HEARD_NOTHING;
    switch (self->state) {
    case SESSION_SEEK:
        return lost (self, "no sink was found at the address in time (--wait)");
    case SESSION_HELLO:
        return lost (self, "the sink did not answer in time (--wait)");
    case SESSION_UP:
        return lost (self, "the pipeline is lost: nothing is heard of the sink");
    default:
        self->state = SESSION_OVER; // BYE was not answered: the sink finds out by our silence
        return HEARD_NOTHING;
    }
}

int64_t session_due_ms (const session_t *self)
{
    int64_t due = deadline_ms (self);
    if (self->state != SESSION_UP && due != INT64_MAX)
        due = least (due, self->ticked_ms + beat_gap_ms (self)); // so that a pause of ours is seen as one
    if (self->state == SESSION_HELLO || self->state == SESSION_BYE)
        due = least (due, self->hello_ms);
    if (self->state == SESSION_UP) {
        due = least (due, self->beat_ms);
        if (!self->quiet)
            due = least (due, self->heard_ms + self->silence_ms);
        if (self->strangers_due)
            due = least (due, self->strangers_ms);
    }
    return due;
}

bool session_hello_due (session_t *self, int64_t now_ms)
{
    if ((self->state != SESSION_HELLO && self->state != SESSION_BYE) || now_ms < self->hello_ms)
        return false;
    self->hello_ms = now_ms + self->hello_gap_ms;
    self->hello_gap_ms = least (self->hello_gap_ms * 2, HELLO_MOST_MS);
    return true;
}

void session_connected (session_t *self, int64_t now_ms)
{
    if (self->state == SESSION_HELLO || self->state == SESSION_BYE)
        self->hello_ms = now_ms;
    else if (self->state == SESSION_UP)
        self->beat_ms = now_ms; // it may have lost something: let the numbers show it
    tell_strangers_again (self, now_ms);
}

void session_strangers (session_t *self, uint64_t refused)
{
    if (refused <= self->strangers)
        return;
    self->strangers = refused;
    self->strangers_due = true;
}

packet_t session_packet (session_t *self, uint8_t type)
{
    packet_t packet = {.wire = TO_SINK, .role = self->role};
    packet.header = (header_t){.type = type, .run = self->run, .from = self->life, .to = self->sink};
    packet.header.credit = self->gauge;
    link_stamp (&self->link, &packet.header);
    return packet;
}

//  Those of a flood are told of at the pace of beats, whatever else goes. Where memory ends the next beat tells.
static void push_beat (session_t *self, outbox_t *out, int64_t now_ms)
{
    packet_t beat = session_packet (self, MSG_BEAT);
    writer_t records = {0};
    uint64_t ours = self->strangers - self->strangers_before;
    if (ours)
        put_u64 (&records, ours);
    if (writer_take (&records, &beat.records) == 0) {
        self->strangers_told = ours;
        self->strangers_due = false;
    }
    self->strangers_ms = now_ms + beat_gap_ms (self);
    outbox_push (out, &beat);
}

void session_pump (session_t *self, outbox_t *out, int64_t now_ms)
{
    if (self->state == SESSION_BYE && session_hello_due (self, now_ms)) {
        packet_t bye = session_packet (self, MSG_BYE);
        outbox_push (out, &bye);
    }
    if (self->state != SESSION_UP)
        return;
    bool sent = false;
    for (packet_t letter = {0}; link_next (&self->link, &letter); sent = true) {
        header_t place = letter.header;
        packet_t packet = session_packet (self, place.type);
        packet.header.count = place.count;
        packet.header.seq = place.seq;
        packet.records = letter.records;
        packet.body = letter.body;
        outbox_push (out, &packet);
    }
    bool is_owed = !sent && (now_ms >= self->beat_ms || link_must_tell (&self->link));
    if (is_owed || (self->strangers_due && now_ms >= self->strangers_ms)) {
        push_beat (self, out, now_ms);
        sent = true;
    }
    if (sent)
        self->beat_ms = now_ms + beat_gap_ms (self);
}

void session_bye (session_t *self, int64_t now_ms)
{
    if (self->state == SESSION_SEEK)
        self->state = SESSION_OVER; // nobody knows us
    else if (self->state == SESSION_HELLO || self->state == SESSION_UP)
        enter (self, SESSION_BYE, now_ms);
}

int lives_close (ranges_t *closed, uint64_t life)
{
    enum { LIVES_MOST = 1 << 16 };
    if (closed->size >= LIVES_MOST && ranges_remove (closed, 1, closed->runs[closed->size / 2].n) == -1)
        return -1;
    return ranges_add (closed, life, 1);
}

void put_figures (writer_t *out, const figures_t *f)
{
    const uint64_t figures[] = {f->total,   f->ok,          f->failed,     f->broken,
                                f->dropped, f->redelivered, f->duplicates, f->lost};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        put_u64 (out, figures[i]);
}

figures_t get_figures (reader_t *in)
{
    figures_t f = {0};
    uint64_t *const figures[] = {&f.total,   &f.ok,          &f.failed,     &f.broken,
                                 &f.dropped, &f.redelivered, &f.duplicates, &f.lost};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        *figures[i] = get_u64 (in);
    return f;
}

void put_before (writer_t *out, before_t before)
{
    put_u8 (out, (uint8_t)before.end);
    put_u8 (out, before.status);
}

before_t get_before (reader_t *in)
{
    uint8_t end = get_u8 (in);
    in->bad |= end < END_JOINED || (end > END_DEADLINE && end != END_LOST);
    return (before_t){.end = in->bad ? END_NONE : (end_t)end, .status = get_u8 (in)};
}

//  Up to 101 ("more than 100") a status is a count.
void ending_after (ending_t *self, before_t before)
{
    enum { MORE = 101 };
    unsigned all = (unsigned)self->status + before.status;
    bool are_counts = before.end == END_JOINED && self->status <= MORE && before.status <= MORE;
    if (before.end != END_NONE && before.end != END_JOINED)
        self->end = before.end;
    if (are_counts)
        self->status = (uint8_t)(all > MORE ? MORE : all);
    else if (before.end != END_NONE && before.status > self->status)
        self->status = before.status;
}

void put_ending (writer_t *out, const ending_t *ending)
{
    put_u8 (out, (uint8_t)ending->end);
    put_u8 (out, ending->status);
    put_figures (out, &ending->figures);
    if (*ending->why)
        put_text (out, ending->why);
}

ending_t get_ending (reader_t *in)
{
    uint8_t end = get_u8 (in);
    ending_t ending = {.end = end <= END_LOST ? (end_t)end : END_NONE, .status = get_u8 (in)};
    ending.figures = get_figures (in);
    if (ending.end == END_LOST && in->at != in->end)
        get_text (in, ending.why, sizeof ending.why);
    line_clean (ending.why);
    return ending;
}
