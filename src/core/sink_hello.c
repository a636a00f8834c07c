/*  Who comes: HELLO, and what is said to it. */
#include "core/sink_i.h"

#include <stdlib.h>
#include <string.h>

static void put_common (const sink_t *self, writer_t *out)
{
    put_u32 (out, (uint32_t)self->config.dead_after_ms);
    put_u8 (out, self->config.durable);
}

static void welcome_dryer (sink_t *self, const peer_t *peer)
{
    writer_t out = {0};
    put_common (self, &out);
    put_u8 (&out, self->config.wants);
    put_text (&out, self->config.tagstring);
    sink_reply (self, peer->life, peer->role, MSG_WELCOME, &out);
}

//  Says nothing where what it would tell as counted cannot be made durable: then the run has ended.
void hello_welcome (sink_t *self, peer_t *peer)
{
    count_commit (self, peer->heard_ms);
    if (self->state == SINK_ENDED)
        return;
    peer->welcomed = true;
    const ranges_t *counted = &self->tally.counted;
    const uint64_t *by = self->tally.by_outcome;
    writer_t out = {0};
    put_common (self, &out);
    put_u32 (&out, self->config.crash_limit);
    put_u64 (&out, self->config.order_window);
    put_u8 (&out, self->state == SINK_HALTING);
    put_u64 (&out, by[TASK_FAILED] + by[TASK_BROKEN] + by[TASK_DROPPED]);
    put_u64 (&out, self->input_bytes);
    put_u32 (&out, (uint32_t)counted->size);
    for (size_t i = 0; i < counted->size; i++)
        put_run (&out, counted->runs[i].n, counted->runs[i].count);
    sink_reply (self, peer->life, peer->role, MSG_WELCOME, &out);
}

static void put_dryers (sink_t *self, writer_t *out)
{
    dryer_row_t *rows = malloc (STATUS_DRYERS * sizeof *rows);
    size_t count = rows ? sink_dryers (self, rows, STATUS_DRYERS) : 0;
    put_u32 (out, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        put_dryer_row (out, &rows[i]);
    self->oom = self->oom || !rows;
    free (rows);
}

static void welcome_observer (sink_t *self, peer_t *peer, int64_t now_ms)
{
    sink_status_t status = sink_status (self);
    writer_t out = {0};
    put_common (self, &out);
    put_status (&out, &status);
    put_dryers (self, &out);
    sink_reply (self, peer->life, peer->role, MSG_WELCOME, &out);
    peer->told_ms = now_ms;
    peer->beat_ms = now_ms + peers_beat_gap_ms (self);
}

int64_t peers_observer_gap_ms (const sink_t *self)
{
    int64_t beat_gap_ms = peers_beat_gap_ms (self);
    return beat_gap_ms < OBSERVER_GAP_MS ? beat_gap_ms : OBSERVER_GAP_MS;
}

static void refuse (sink_t *self, uint64_t life, uint8_t role, const char *why)
{
    writer_t out = {0};
    put_text (&out, why);
    sink_reply (self, life, role, MSG_REFUSED, &out);
    self->refused++;
}

static peer_t *open_peer (sink_t *self, uint64_t life, uint8_t role, int64_t now_ms)
{
    peer_t *peer = roster_find (&self->roster, life);
    if (!peer && !(peer = roster_add (&self->roster, life))) {
        self->oom = true;
        return NULL;
    }
    peer->role = role;
    peer->expected = false;
    peer->heard_ms = now_ms;
    peer->gone_ms = -1;
    peer->beat_ms = now_ms + peers_beat_gap_ms (self);
    return peer;
}

//  Those that are awaited, too.
static size_t count_of (const sink_t *self, uint8_t role)
{
    size_t count = 0;
    for (size_t i = 0; i < self->roster.size; i++)
        count += self->roster.peers[i]->role == role;
    return count;
}

static bool has_room (const sink_t *self, uint8_t role)
{
    size_t most = role == ROLE_OBSERVER ? OBSERVERS_MOST : DRYERS_MOST;
    return self->roster.size < most || count_of (self, role) < most;
}

//  It is told of those who come and go, and has not heard of so many yet.
static bool is_busy (const peer_t *washer)
{
    return washer && link_letter (&washer->link, UNHEARD_MOST);
}

static void hello_dryer (sink_t *self, uint64_t life, reader_t *in, int64_t now_ms)
{
    peer_t from = {0};
    get_name (in, from.name, sizeof from.name);
    get_name (in, from.host, sizeof from.host);
    from.slots = get_u32 (in);
    from.prefetch = get_u32 (in);
    from.grain = get_u32 (in);
    from.unsure = get_u32 (in);
    if (in->bad || !inventory_fits (*in)) {
        sink_bad_message (self);
        return;
    }
    if (!roster_find (&self->roster, life) && is_busy (peers_washer (self)))
        return; // it says HELLO again
    if (!roster_find (&self->roster, life) && !has_room (self, ROLE_DRYER)) {
        refuse (self, life, ROLE_DRYER, "too many dryers take part already");
        return;
    }
    peer_t *peer = open_peer (self, life, ROLE_DRYER, now_ms);
    if (!peer)
        return;
    memcpy (peer->name, from.name, sizeof peer->name);
    memcpy (peer->host, from.host, sizeof peer->host);
    peer->slots = from.slots;
    peer->prefetch = from.prefetch;
    peer->grain = from.grain;
    peer->unsure = from.unsure;
    peer->granted = self->config.output_bytes;
    peer->announced = false;
    peer->leaving = !from.slots;
    writer_t inventory = {0};
    put_bytes (&inventory, in->at, (size_t)(in->end - in->at));
    sink_check (self, writer_take (&inventory, &peer->inventory));
    if (self->ports.dryer)
        self->ports.dryer (self->ports.arg, life, peer->name, peer->host);
    welcome_dryer (self, peer);
    if (self->halt_hit && self->config.halt_when == HALT_SOON)
        sink_letter (self, peer, MSG_HALT, 0, &(writer_t){0}); // it may hold tasks from before
    if (self->state == SINK_ORPHAN && self->washer == 0)
        peers_ask (self, peer, self->washer_high ? self->washer_high : 1, false);
    peers_settle (self);
}

void hello_end (sink_t *self, uint64_t life, uint8_t role)
{
    writer_t out = {0};
    put_ending (&out, &self->ending);
    sink_reply (self, life, role, role == ROLE_DRYER ? MSG_STOP : MSG_JOINED, &out);
}

static bool same_input (const sink_t *self, uint64_t hash)
{
    return !hash || !self->washer_hash || hash == self->washer_hash;
}

//  Why this washer may not feed us; NULL: it may.
static const char *washer_refusal (const sink_t *self, uint64_t life, const char *name, uint64_t hash)
{
    if (*self->washer_name && strcmp (name, self->washer_name))
        return "another washer feeds this pipeline already";
    if (!self->washer && life < self->washer_high) // dryers take no lanes of a life older than the last
        return "its clock is behind that of the washer before it";
    return same_input (self, hash) ? NULL : "the input is not the one that this run began with";
}

//  What the washer remembers: dryers it has lanes to, and what it knows as counted.
static void read_memory (sink_t *self, reader_t *in, int64_t now_ms)
{
    ranges_t counted = {0};
    uint32_t lanes = get_u32 (in);
    bool fits = true;
    while (lanes-- && !in->bad) {
        uint64_t dryer = get_u64 (in);
        peer_t *peer = in->bad || ranges_has (&self->closed, dryer) ? NULL : roster_find (&self->roster, dryer);
        fits = fits && has_room (self, ROLE_DRYER);
        if (peer || in->bad || !run_valid (dryer, 1) || !fits)
            continue;
        peer = open_peer (self, dryer, ROLE_DRYER, now_ms);
        if (peer) {
            peer->expected = true;
            peer->announced = true; // the washer knows it: its end is to be told
        }
    }
    uint32_t runs = get_u32 (in);
    while (runs-- && !in->bad) {
        run_t run = get_run (in);
        if (!in->bad)
            sink_check (self, ranges_add (&counted, run.n, run.count));
    }
    uint64_t failed = get_u64 (in);
    if (!in->bad)
        count_known (self, &counted, failed);
    ranges_free (&counted);
}

//  Dryers that the washer has lanes to and that were closed while there was no washer to be told.
static void tell_closed (sink_t *self, peer_t *washer, reader_t in)
{
    uint32_t lanes = get_u32 (&in);
    while (lanes-- && !in.bad) {
        uint64_t dryer = get_u64 (&in);
        if (in.bad || !ranges_has (&self->closed, dryer))
            continue;
        writer_t out = {0};
        put_u64 (&out, dryer);
        put_u8 (&out, true);
        sink_letter (self, washer, MSG_DRYER_DOWN, 1, &out);
    }
}

//  An EOF belongs to the life that said it. A resumed run expects no life of before, but one may be there.
static void settle_eof (sink_t *self, uint64_t life)
{
    bool holds = self->eof_life == life;
    if (holds == self->tally.eof)
        return;
    self->tally.eof = holds;
    self->eof_life = holds ? life : 0;
    self->ports.eof (self->ports.arg, holds, holds ? self->tally.total : 0, self->eof_life);
}

static void accept_washer (sink_t *self, uint64_t life, const char *name, uint64_t hash, reader_t *in, int64_t now_ms)
{
    peer_t *peer = open_peer (self, life, ROLE_WASHER, now_ms);
    if (!peer)
        return;
    strcpy (self->washer_name, name);
    strcpy (peer->name, name);
    self->washer = self->washer_high = life;
    self->input_told = 0;
    if (self->deadline_ms == INT64_MAX)
        self->deadline_ms = sink_deadline_ms (self, now_ms); // with --stay a run begins with its washer
    self->washer_hash = hash ? hash : self->washer_hash;
    if (self->ports.washer)
        self->ports.washer (self->ports.arg, name, life, self->washer_hash);
    self->uncommitted = true;
    settle_eof (self, life);
    ranges_free (&self->unheld);
    for (size_t i = 0; i < self->roster.size; i++)
        self->roster.peers[i]->announced = false;
    tell_closed (self, peer, *in);
    read_memory (self, in, now_ms);
    if (self->state != SINK_HALTING)
        sink_enter (self, EVENT_WASHER);
    peers_settle (self);
}

static void hello_washer (sink_t *self, uint64_t life, reader_t *in, int64_t now_ms)
{
    char name[NAME_BYTES], host[NAME_BYTES];
    get_name (in, name, sizeof name);
    get_name (in, host, sizeof host);
    uint64_t hash = get_u64 (in);
    const char *why = in->bad ? "its HELLO is malformed" : washer_refusal (self, life, name, hash);
    peer_t *open = peers_washer (self);
    if (self->is_fed)
        return;
    if (why)
        refuse (self, life, ROLE_WASHER, why);
    else if (life < self->washer)
        sink_reply (self, life, ROLE_WASHER, MSG_GONE, NULL);
    else if (open && open->gone_ms < 0)
        return; // a life of that name is still heard: the new one repeats itself until it is not
    else {
        if (open)
            peers_close (self, open, true, now_ms);
        if (self->state != SINK_ENDED)
            accept_washer (self, life, name, hash, in, now_ms);
        else if (open_peer (self, life, ROLE_WASHER, now_ms)) // by the end of the old one
            hello_end (self, life, ROLE_WASHER);
    }
}

static void hello_observer (sink_t *self, uint64_t life, int64_t now_ms)
{
    if (!has_room (self, ROLE_OBSERVER)) {
        refuse (self, life, ROLE_OBSERVER, "too many observers look on already");
        return;
    }
    peer_t *peer = open_peer (self, life, ROLE_OBSERVER, now_ms);
    if (peer)
        welcome_observer (self, peer, now_ms);
}

//  One that repeats itself too fast has its answer under way: it repeats itself again if that is lost.
static void observer_again (sink_t *self, peer_t *peer, int64_t now_ms)
{
    if (now_ms >= peer->told_ms + peers_observer_gap_ms (self))
        welcome_observer (self, peer, now_ms);
}

static void hello_again (sink_t *self, peer_t *peer, int64_t now_ms)
{
    if (peer->role == ROLE_OBSERVER)
        observer_again (self, peer, now_ms);
    else if (!patience_has (&peer->patience, WELCOMES_MOST, now_ms))
        return;
    else if (peer->role == ROLE_DRYER)
        welcome_dryer (self, peer);
    else if (peer->welcomed)
        hello_welcome (self, peer);
}

//  A loss it may hear of all the same. Who lives would have answered the end, or beaten.
static bool needs_no_next_life (const sink_t *self, int64_t now_ms)
{
    const peer_t *washer = peers_washer (self);
    bool is_well = washer && washer->gone_ms < 0 && now_ms <= washer->heard_ms + 2 * peers_beat_gap_ms (self);
    return self->ending.end != END_LOST && (self->is_fed || is_well);
}

//  A washer with tasks of its own must not take the end of this run for theirs: it goes on to seek. A name tells little
//  where runs follow each other, or the washer of this one lives or has left by itself; one of this run that was taken
//  for lost still knows what was counted.
static bool is_of_next_run (const sink_t *self, uint64_t life, uint8_t role, reader_t in, int64_t now_ms)
{
    char name[NAME_BYTES], host[NAME_BYTES];
    get_name (&in, name, sizeof name);
    get_name (&in, host, sizeof host);
    get_u64 (&in); // the hash of its input
    for (uint32_t lanes = get_u32 (&in); lanes && !in.bad; lanes--)
        get_u64 (&in);
    bool is_other = *self->washer_name && strcmp (name, self->washer_name) != 0;
    bool is_new = (self->config.stay || needs_no_next_life (self, now_ms)) && !get_u32 (&in);
    return role == ROLE_WASHER && (is_other || is_new) && !roster_find (&self->roster, life);
}

//  It is told how it has ended; an observer not more often than anything else.
static void hello_ended (sink_t *self, uint64_t life, uint8_t role, int64_t now_ms)
{
    bool looks = role == ROLE_OBSERVER;
    peer_t *known = roster_find (&self->roster, life);
    if (looks && known && now_ms < known->told_ms + peers_observer_gap_ms (self))
        return;
    peer_t *peer = known || has_room (self, role) ? open_peer (self, life, role, now_ms) : NULL;
    if (peer)
        peer->told_ms = now_ms;
    if (patience_has (peer ? &peer->patience : &self->patience, peer ? WELCOMES_MOST : STRANGERS_MOST, now_ms))
        hello_end (self, life, role);
}

void peers_hello (sink_t *self, const message_t *message, int64_t now_ms)
{
    uint64_t life = message->header.from;
    reader_t in = reader_of (message);
    uint8_t role = get_u8 (&in);
    peer_t *peer = roster_find (&self->roster, life);
    if (in.bad || !run_valid (life, 1) || (role != ROLE_WASHER && role != ROLE_DRYER && role != ROLE_OBSERVER)) {
        sink_bad_message (self);
        return;
    }
    if (peer && !peer->expected) {
        peer->heard_ms = now_ms;
        peer->gone_ms = -1;
    }
    if (ranges_has (&self->closed, life)) {
        self->refused++;
        if (patience_has (&self->patience, STRANGERS_MOST, now_ms))
            sink_reply (self, life, role, MSG_GONE, NULL);
    } else if (self->state == SINK_ENDED) {
        if (!is_of_next_run (self, life, role, in, now_ms))
            hello_ended (self, life, role, now_ms);
    } else if (peer && !peer->expected) {
        hello_again (self, peer, now_ms);
    } else if (role == ROLE_DRYER) {
        hello_dryer (self, life, &in, now_ms);
    } else if (role == ROLE_WASHER) {
        hello_washer (self, life, &in, now_ms);
    } else {
        hello_observer (self, life, now_ms);
    }
}
