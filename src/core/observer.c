#include "core/observer.h"
#include "core/state.h"

#include <stdlib.h>

struct observer {
    observer_config_t config;
    observer_ports_t ports;
    observer_state_t state;
    session_t session;
    outbox_t outbox;
    sink_status_t status;
    uint64_t told; // the status, so often
    dryer_row_t *dryers;
    size_t dryers_count;
    uint64_t bad;
    ending_t ending;
    bool oom;
};

//  ---- the state table; doc/protocol.md has the same rows

typedef enum { EVENT_WELCOME, EVENT_END, EVENT_LEAVE, EVENT_GONE, EVENT_REBORN, EVENT_LOST, EVENT_PARTED } event_t;

static const char *const state_names[] = {"seeking", "open", "leaving", "gone", "over"};
static const char *const event_names[] = {"WELCOME", "END", "leave", "GONE", "reborn", "lost", "parted"};

static const state_row_t transitions[] = {
    {OBSERVER_SEEKING, EVENT_WELCOME, OBSERVER_OPEN},  {OBSERVER_SEEKING, EVENT_END, OBSERVER_LEAVING},
    {OBSERVER_SEEKING, EVENT_LEAVE, OBSERVER_LEAVING}, {OBSERVER_SEEKING, EVENT_GONE, OBSERVER_GONE},
    {OBSERVER_SEEKING, EVENT_LOST, OBSERVER_OVER},     {OBSERVER_OPEN, EVENT_WELCOME, OBSERVER_OPEN},
    {OBSERVER_OPEN, EVENT_END, OBSERVER_LEAVING},      {OBSERVER_OPEN, EVENT_LEAVE, OBSERVER_LEAVING},
    {OBSERVER_OPEN, EVENT_GONE, OBSERVER_GONE},        {OBSERVER_OPEN, EVENT_LOST, OBSERVER_OVER},
    {OBSERVER_GONE, EVENT_REBORN, OBSERVER_SEEKING},   {OBSERVER_GONE, EVENT_LEAVE, OBSERVER_OVER},
    {OBSERVER_GONE, EVENT_LOST, OBSERVER_OVER},        {OBSERVER_LEAVING, EVENT_END, OBSERVER_LEAVING},
    {OBSERVER_LEAVING, EVENT_PARTED, OBSERVER_OVER},   {OBSERVER_LEAVING, EVENT_LOST, OBSERVER_OVER},
};

//  True where the table has such a row.
static bool enter (observer_t *self, event_t event)
{
    static const state_table_t table = {transitions, sizeof transitions / sizeof *transitions, state_names,
                                        event_names};
    int to = state_next (&table, (int)self->state, (int)event, self->ports.trace, self->ports.arg);
    if (to >= 0)
        self->state = (observer_state_t)to;
    return to >= 0;
}

//  ---- life

observer_t *observer_new (const observer_config_t *config, const observer_ports_t *ports, int64_t now_ms)
{
    observer_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->config = *config;
    self->ports = *ports;
    session_init (&self->session, ROLE_OBSERVER, config->life, config->wait_ms, now_ms);
    self->session.run = config->run;
    self->session.is_run_given = config->run;
    return self;
}

void observer_destroy (observer_t **self_p)
{
    observer_t *self = *self_p;
    if (!self)
        return;
    session_free (&self->session);
    outbox_free (&self->outbox);
    free (self->dryers);
    free (self);
    *self_p = NULL;
}

static void hello (observer_t *self)
{
    packet_t packet = session_packet (&self->session, MSG_HELLO);
    writer_t out = {0};
    put_u8 (&out, ROLE_OBSERVER);
    put_text (&out, self->config.name);
    put_text (&out, "");
    if (writer_take (&out, &packet.records) == -1)
        self->oom = true;
    outbox_push (&self->outbox, &packet);
}

//  ---- what the sink says

static void on_sink (observer_t *self, const message_t *message)
{
    char endpoint[ENDPOINT_BYTES];
    reader_t in = reader_of (message);
    get_text (&in, endpoint, sizeof endpoint);
    if (!in.bad)
        self->ports.sink_found (self->ports.arg, endpoint);
    self->bad += in.bad;
}

//  The rows are read before the place for them is made: a count that lies costs nothing.
static bool read_dryers (observer_t *self, reader_t in, uint32_t count)
{
    reader_t all = in;
    for (uint32_t i = 0; i < count && !all.bad; i++)
        get_dryer_row (&all);
    if (all.bad || count > STATUS_DRYERS)
        return false;
    dryer_row_t *rows = malloc ((count + 1) * sizeof *rows);
    if (!rows) {
        self->oom = true;
        return false;
    }
    for (uint32_t i = 0; i < count; i++)
        rows[i] = get_dryer_row (&in);
    free (self->dryers);
    self->dryers = rows;
    self->dryers_count = count;
    return true;
}

static void on_welcome (observer_t *self, const message_t *message)
{
    reader_t in = reader_of (message);
    get_u32 (&in); // silence and durability: the session's
    get_u8 (&in);
    sink_status_t status = get_status (&in);
    uint32_t count = get_u32 (&in);
    if (!in.bad && read_dryers (self, in, count)) {
        self->status = status;
        self->told++;
    } else {
        self->bad++;
    }
    enter (self, EVENT_WELCOME);
}

static void on_end (observer_t *self, int64_t now_ms)
{
    self->ending = self->session.ending;
    if (enter (self, EVENT_END))
        session_bye (&self->session, now_ms);
}

static void on_lost (observer_t *self)
{
    if (self->ending.end == END_NONE)
        self->ending.end = END_LOST;
    enter (self, EVENT_LOST);
}

void observer_heard (observer_t *self, const message_t *message, int64_t now_ms)
{
    switch (session_heard (&self->session, message, now_ms)) {
    case HEARD_SINK:
        on_sink (self, message);
        break;
    case HEARD_WELCOME:
        on_welcome (self, message);
        break;
    case HEARD_GONE:
        enter (self, EVENT_GONE);
        break;
    case HEARD_END:
        on_end (self, now_ms);
        break;
    case HEARD_REFUSED:
    case HEARD_LOST:
        on_lost (self);
        break;
    case HEARD_LETTER: // nothing is sent to observers in a link
    case HEARD_BAD:
        self->bad++;
        break;
    case HEARD_NOTHING:
        break;
    }
}

void observer_connected (observer_t *self, int64_t now_ms)
{
    session_connected (&self->session, now_ms);
}

void observer_ask (observer_t *self)
{
    if (self->state == OBSERVER_OPEN && self->session.state == SESSION_UP)
        hello (self);
}

void observer_leave (observer_t *self, int64_t now_ms)
{
    if (enter (self, EVENT_LEAVE))
        session_bye (&self->session, now_ms);
}

void observer_reborn (observer_t *self, uint64_t life, int64_t now_ms)
{
    if (!enter (self, EVENT_REBORN))
        return;
    self->config.life = life;
    session_reborn (&self->session, life, now_ms);
}

//  ---- each turn

void observer_tick (observer_t *self, int64_t now_ms)
{
    if (session_tick (&self->session, now_ms) == HEARD_LOST)
        on_lost (self);
    bool unknown = self->session.state == SESSION_HELLO && self->state != OBSERVER_GONE;
    if (unknown && session_hello_due (&self->session, now_ms))
        hello (self);
    if (self->state != OBSERVER_GONE)
        session_pump (&self->session, &self->outbox, now_ms);
    if (self->state == OBSERVER_LEAVING && self->session.state == SESSION_OVER)
        enter (self, EVENT_PARTED);
}

int64_t observer_due_ms (const observer_t *self)
{
    return self->state == OBSERVER_OVER || self->state == OBSERVER_GONE ? INT64_MAX : session_due_ms (&self->session);
}

bool observer_packet (observer_t *self, packet_t *out)
{
    return outbox_pop (&self->outbox, out);
}

//  ---- what can be asked

observer_state_t observer_state (const observer_t *self)
{
    return self->state;
}

const ending_t *observer_ending (const observer_t *self)
{
    return &self->ending;
}

const char *observer_reason (const observer_t *self)
{
    return self->session.reason;
}

uint64_t observer_run (const observer_t *self)
{
    return self->session.sink ? self->session.run : 0;
}

const sink_status_t *observer_status (const observer_t *self)
{
    return self->told ? &self->status : NULL;
}

uint64_t observer_told (const observer_t *self)
{
    return self->told;
}

const dryer_row_t *observer_dryers (const observer_t *self, size_t *count)
{
    *count = self->dryers_count;
    return self->dryers;
}

uint64_t observer_bad (const observer_t *self)
{
    return self->bad;
}

bool observer_failed (const observer_t *self)
{
    return self->oom || self->outbox.failed || self->session.link.failed;
}
