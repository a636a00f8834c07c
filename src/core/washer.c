#include "core/washer_i.h"
#include "core/state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ALONE_MS = 5000 };

//  ---- the state table; doc/protocol.md has the same rows

typedef enum {
    EVENT_WELCOME,
    EVENT_HALT,
    EVENT_COMPLETE,
    EVENT_END,
    EVENT_GONE,
    EVENT_REBORN,
    EVENT_LOST,
    EVENT_PARTED
} event_t;

static const char *const state_names[] = {"seeking", "open", "halting", "leaving", "gone", "over"};
static const char *const event_names[] = {"WELCOME", "HALT", "complete", "END", "GONE", "reborn", "lost", "parted"};

static const state_row_t transitions[] = {
    {WASHER_SEEKING, EVENT_WELCOME, WASHER_OPEN},  {WASHER_SEEKING, EVENT_END, WASHER_LEAVING},
    {WASHER_SEEKING, EVENT_GONE, WASHER_GONE},     {WASHER_SEEKING, EVENT_LOST, WASHER_OVER},
    {WASHER_OPEN, EVENT_WELCOME, WASHER_OPEN},     {WASHER_OPEN, EVENT_HALT, WASHER_HALTING},
    {WASHER_OPEN, EVENT_COMPLETE, WASHER_LEAVING}, {WASHER_OPEN, EVENT_END, WASHER_LEAVING},
    {WASHER_OPEN, EVENT_GONE, WASHER_GONE},        {WASHER_OPEN, EVENT_LOST, WASHER_OVER},
    {WASHER_HALTING, EVENT_WELCOME, WASHER_OPEN},  {WASHER_HALTING, EVENT_COMPLETE, WASHER_LEAVING},
    {WASHER_HALTING, EVENT_END, WASHER_LEAVING},   {WASHER_HALTING, EVENT_GONE, WASHER_GONE},
    {WASHER_HALTING, EVENT_LOST, WASHER_OVER},     {WASHER_GONE, EVENT_REBORN, WASHER_SEEKING},
    {WASHER_GONE, EVENT_LOST, WASHER_OVER},        {WASHER_LEAVING, EVENT_PARTED, WASHER_OVER},
    {WASHER_LEAVING, EVENT_LOST, WASHER_OVER},     {WASHER_LEAVING, EVENT_END, WASHER_LEAVING},
};

//  True where the table has such a row.
static bool enter (washer_t *self, event_t event)
{
    static const state_table_t table = {transitions, sizeof transitions / sizeof *transitions, state_names,
                                        event_names};
    int to = state_next (&table, (int)self->state, (int)event, self->ports.trace, self->ports.arg);
    if (to >= 0)
        self->state = (washer_state_t)to;
    return to >= 0;
}

void washer_halt (washer_t *self)
{
    enter (self, EVENT_HALT);
    self->dirty = true;
}

//  ---- life

washer_t *washer_new (const washer_config_t *config, const washer_ports_t *ports, int64_t now_ms)
{
    washer_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->config = *config;
    self->ports = *ports;
    self->now_ms = now_ms;
    self->alone_ms = -1;
    stock_init (&self->stock, &config->shape);
    ink_init (&self->ink, &config->shape);
    session_init (&self->session, ROLE_WASHER, config->life, config->wait_ms, now_ms);
    return self;
}

void washer_destroy (washer_t **self_p)
{
    washer_t *self = *self_p;
    if (!self)
        return;
    ledger_free (&self->ledger);
    ledger_free (&self->foreign);
    lanes_free (&self->lanes);
    notes_free (&self->notes);
    stock_free (&self->stock);
    ranges_free (&self->todo);
    ranges_free (&self->suspects);
    ranges_free (&self->counted);
    ranges_free (&self->closed);
    session_free (&self->session);
    outbox_free (&self->outbox);
    free (self);
    *self_p = NULL;
}

void washer_shape (washer_t *self, const shape_t *shape)
{
    if (shape_equal (&self->stock.shape, shape))
        return;
    self->stock.shape = *shape;
    ink_shape (&self->ink, shape);
}

int washer_put (washer_t *self, slice_t *bytes, uint64_t tasks)
{
    uint64_t n = self->stock.next_n;
    slice_t read = *bytes; // the stock's own, then
    if (ranges_add (&self->todo, n, tasks) == -1)
        return -1;
    if (stock_add (&self->stock, bytes, tasks) == -1) {
        ranges_remove (&self->todo, n, tasks);
        errno = ENOMEM;
        return -1;
    }
    input_noted (self, &read);
    book_put (self, n, tasks);
    self->figures.put = self->stock.next_n - 1;
    self->dirty = true;
    return 0;
}

int washer_put_dropped (washer_t *self, const slice_t *bytes, uint64_t tasks)
{
    input_noted (self, bytes);
    writer_t records = {0};
    put_run (&records, self->stock.next_n, tasks);
    washer_letter (self, MSG_DROPPED, 1, &records, NULL);
    stock_skip (&self->stock, tasks);
    self->figures.put = self->stock.next_n - 1;
    return self->oom ? -1 : 0;
}

void washer_before (washer_t *self, before_t before)
{
    self->before = before;
}

void washer_eof (washer_t *self)
{
    self->eof = true;
    self->dirty = true;
}

void washer_say (washer_t *self, const char *format, ...)
{
    char line[ENDPOINT_BYTES + NAME_BYTES + REASON_BYTES];
    va_list args;
    va_start (args, format);
    vsnprintf (line, sizeof line, format, args);
    va_end (args);
    if (self->ports.log)
        self->ports.log (self->ports.arg, line);
}

void washer_letter (washer_t *self, uint8_t type, uint32_t count, writer_t *records, slice_t *body)
{
    slice_t bytes;
    if (writer_take (records, &bytes) == -1)
        self->oom = true;
    link_push (&self->session.link, type, count, &bytes, body);
}

//  ---- what the sink says

static void put_runs (writer_t *out, const ranges_t *ranges)
{
    put_u32 (out, (uint32_t)ranges->size);
    for (size_t i = 0; i < ranges->size; i++) {
        put_run (out, ranges->runs[i].n, ranges->runs[i].count);
    }
}

static void hello (washer_t *self)
{
    packet_t packet = session_packet (&self->session, MSG_HELLO);
    writer_t out = {0};
    put_u8 (&out, ROLE_WASHER);
    put_text (&out, self->config.name);
    put_text (&out, "");
    put_u64 (&out, self->config.input_hash);
    put_u32 (&out, (uint32_t)self->lanes.size);
    for (size_t i = 0; i < self->lanes.size; i++)
        put_u64 (&out, self->lanes.lanes[i]->dryer);
    put_runs (&out, &self->counted);
    put_u64 (&out, self->figures.failed);
    if (writer_take (&out, &packet.records) == -1)
        self->oom = true;
    outbox_push (&self->outbox, &packet);
}

static void on_welcome (washer_t *self, const message_t *message)
{
    reader_t in = reader_of (message);
    get_u32 (&in); // silence and durability: the session's
    get_u8 (&in);
    self->crash_limit = get_u32 (&in);
    self->order_window = get_u64 (&in);
    if (self->order_window > INT64_MAX) // with a number of a task, it is to fit into 64 bits
        self->order_window = INT64_MAX;
    self->presented = message->header.sent;
    bool halting = get_u8 (&in);
    uint64_t failed = get_u64 (&in);
    uint64_t input_bytes = get_u64 (&in);
    if (!in.bad)
        input_asked (self, input_bytes); // as long as nothing was let go of
    uint32_t runs = get_u32 (&in);
    while (runs-- && !in.bad) {
        run_t run = get_run (&in);
        if (!in.bad)
            book_counted (self, run.n, run.count, false);
    }
    if (failed > self->figures.failed)
        self->figures.failed = failed;
    self->figures.bad += in.bad;
    enter (self, EVENT_WELCOME);
    self->halted_said = false;
    if (halting)
        enter (self, EVENT_HALT);
}

static void on_sink (washer_t *self, const message_t *message)
{
    char endpoint[ENDPOINT_BYTES];
    reader_t in = reader_of (message);
    get_text (&in, endpoint, sizeof endpoint);
    if (!in.bad)
        self->ports.sink_found (self->ports.arg, endpoint);
}

static void on_end (washer_t *self, int64_t now_ms)
{
    self->ending = self->session.ending;
    if (enter (self, EVENT_END))
        session_bye (&self->session, now_ms);
}

static void on_lost (washer_t *self)
{
    if (self->ending.end == END_NONE)
        self->ending.end = END_LOST;
    enter (self, EVENT_LOST);
}

void washer_heard (washer_t *self, const message_t *message, int64_t now_ms)
{
    self->now_ms = now_ms;
    switch (session_heard (&self->session, message, now_ms)) {
    case HEARD_SINK:
        on_sink (self, message);
        break;
    case HEARD_WELCOME:
        on_welcome (self, message);
        break;
    case HEARD_LETTER:
        self->dirty |= self->session.link.got == self->presented; // only now may be dealt
        if (self->state != WASHER_GONE)
            washer_letter_heard (self, message);
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
    case HEARD_BAD:
        self->figures.bad++;
        break;
    case HEARD_NOTHING:
        break;
    }
}

void washer_connected (washer_t *self, int64_t now_ms)
{
    session_connected (&self->session, now_ms);
}

void washer_strangers (washer_t *self, uint64_t refused)
{
    session_strangers (&self->session, refused);
}

//  What an older life of ours has said and the sink has not committed is said again, where nothing else knows of it:
//  what was decided, and what the input is.
static void say_again (washer_t *self, const link_t *old)
{
    const letter_t *letter;
    for (size_t i = 0; (letter = link_letter (old, i)); i++) {
        if (letter->type != MSG_BROKEN && letter->type != MSG_DROPPED && letter->type != MSG_INPUT)
            continue;
        slice_t records = slice_copy (&letter->records), body = slice_copy (&letter->body);
        link_push (&self->session.link, letter->type, letter->count, &records, &body);
    }
}

void washer_reborn (washer_t *self, uint64_t life, int64_t now_ms)
{
    self->now_ms = now_ms;
    if (!enter (self, EVENT_REBORN))
        return;
    for (lane_t *lane; !self->oom && (lane = lanes_after (&self->lanes, 0));)
        lane_end (self, lane, false);
    ranges_free (&self->closed); // those were lives to the old one; the dryers may well live
    self->config.life = life;
    self->eof_said = self->halted_said = false;
    link_t old = self->session.link;
    self->session.link = (link_t){0};
    session_reborn (&self->session, life, now_ms);
    say_again (self, &old);
    link_free (&old);
}

//  ---- each turn

static void say_eof (washer_t *self)
{
    writer_t records = {0};
    input_end (self);
    put_u64 (&records, self->stock.next_n - 1);
    if (self->before.end != END_NONE)
        put_before (&records, self->before);
    washer_letter (self, MSG_EOF, 1, &records, NULL);
    self->eof_said = true;
}

//  All is counted and the sink has it durably: this is a join of its own.
static void finish (washer_t *self, int64_t now_ms)
{
    if (!book_complete (self) || !self->eof_said || !link_idle (&self->session.link) || !enter (self, EVENT_COMPLETE))
        return;
    figures_t figures = {.total = self->counted.total, .failed = self->figures.failed};
    figures.ok = figures.total - figures.failed;
    figures.redelivered = self->figures.redelivered;
    self->ending = (ending_t){.end = END_JOINED, .figures = figures};
    self->ending.status = (uint8_t)(figures.failed > 100 ? 101 : figures.failed);
    ending_after (&self->ending, self->before);
    session_bye (&self->session, now_ms);
}

//  A pipeline waits for its first dryers for ever: the user should know what for.
static void look_for_dryers (washer_t *self, int64_t now_ms)
{
    if (self->alone_told || (!self->todo.size && self->alone_ms < 0))
        return;
    bool has_any = self->lanes.size || self->closed.size;
    if (has_any && self->has_begun) {
        self->alone_told = true; // nothing to tell
    } else if (self->alone_ms < 0) {
        self->alone_ms = now_ms;
    } else if (now_ms - (self->alone_ms += self->session.paused_ms) >= ALONE_MS) {
        self->alone_told = true;
        if (has_any)
            washer_say (self, "%zu of %u dryers have come; the tasks wait for the rest (--wait-dryers)",
                        self->lanes.size, self->config.wait_dryers);
        else
            washer_say (self, "no dryer has come yet; the tasks wait for one");
    }
}

static int64_t alone_due_ms (const washer_t *self)
{
    return self->alone_ms < 0 || self->alone_told ? INT64_MAX : self->alone_ms + ALONE_MS;
}

static void work (washer_t *self, int64_t now_ms)
{
    lane_look (self);
    look_for_dryers (self, now_ms);
    input_say (self); // before anybody gets what it is about
    if (self->dirty) {
        self->dirty = false;
        deal (self);
    }
    if (self->eof && !self->eof_said && self->state == WASHER_OPEN)
        say_eof (self);
    if (self->state == WASHER_HALTING && !self->ledger.out && !self->foreign.out && !self->halted_said) {
        washer_letter (self, MSG_HALTED, 0, &(writer_t){0}, NULL);
        self->halted_said = true;
    }
    finish (self, now_ms);
}

void washer_tick (washer_t *self, int64_t now_ms)
{
    self->now_ms = now_ms;
    if (session_tick (&self->session, now_ms) == HEARD_LOST)
        on_lost (self);
    if (self->state == WASHER_OPEN || self->state == WASHER_HALTING)
        work (self, now_ms);
    if (self->session.state == SESSION_HELLO && self->state != WASHER_GONE &&
        session_hello_due (&self->session, now_ms))
        hello (self);
    self->session.gauge = self->figures.redelivered;
    if (self->state != WASHER_GONE)
        session_pump (&self->session, &self->outbox, now_ms);
    if (self->state == WASHER_LEAVING && self->session.state == SESSION_OVER)
        enter (self, EVENT_PARTED);
}

int64_t washer_due_ms (const washer_t *self)
{
    bool works = self->state == WASHER_OPEN || self->state == WASHER_HALTING;
    const int64_t all_ms[] = {session_due_ms (&self->session), works ? lane_due_ms (self) : INT64_MAX,
                              works ? alone_due_ms (self) : INT64_MAX};
    int64_t due_ms = INT64_MAX;
    if (self->dirty && works)
        return 0;
    for (size_t i = 0; i < sizeof all_ms / sizeof *all_ms; i++)
        due_ms = all_ms[i] < due_ms ? all_ms[i] : due_ms;
    return self->state == WASHER_OVER || self->state == WASHER_GONE ? INT64_MAX : due_ms; // gone: reborn is due
}

bool washer_packet (washer_t *self, packet_t *out)
{
    return outbox_pop (&self->outbox, out);
}

//  ---- what can be asked

washer_state_t washer_state (const washer_t *self)
{
    return self->state;
}

const ending_t *washer_ending (const washer_t *self)
{
    return &self->ending;
}

const char *washer_reason (const washer_t *self)
{
    return self->session.reason;
}

bool washer_failed (const washer_t *self)
{
    return self->oom || self->outbox.failed || self->session.link.failed;
}

//  How many of a set were put. (A dryer of an earlier life may have given back what was not read yet.)
static uint64_t read_of (const washer_t *self, const ranges_t *set)
{
    uint64_t read = set->total;
    for (size_t i = set->size; i-- && set->runs[i].n + set->runs[i].count > self->stock.next_n;) {
        uint64_t unread = set->runs[i].n + set->runs[i].count - self->stock.next_n;
        read -= unread < set->runs[i].count ? unread : set->runs[i].count;
    }
    return read;
}

uint64_t washer_unsent_tasks (const washer_t *self)
{
    return read_of (self, &self->todo) + read_of (self, &self->suspects);
}

uint64_t washer_counted_to (const washer_t *self)
{
    const ranges_t *counted = &self->counted;
    return counted->size && counted->runs[0].n == 1 ? counted->runs[0].count : 0;
}

size_t washer_held_bytes (const washer_t *self)
{
    return self->stock.bytes;
}

washer_status_t washer_status (const washer_t *self)
{
    washer_status_t status = self->figures;
    status.out = (size_t)(self->ledger.out + self->foreign.out);
    status.dryers = self->lanes.size;
    status.suspects = (size_t)self->suspects.total;
    for (size_t i = 0; i < self->lanes.size; i++)
        status.slots += lane_base (self->lanes.lanes[i]);
    return status;
}
