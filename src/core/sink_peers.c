/*  Who is here: the washer and the dryers learn of each other; silence; the end of a life. Only here one is closed. */
#include "core/sink_i.h"

enum { RETURN_GRACE_MS = 250 };

int64_t peers_beat_gap_ms (const sink_t *self)
{
    int64_t gap = self->config.dead_after_ms / 4;
    return gap < 1 ? 1 : gap > 1000 ? 1000 : gap;
}

peer_t *peers_washer (const sink_t *self)
{
    return self->washer ? roster_find (&self->roster, self->washer) : NULL;
}

//  ---- the washer and the dryers learn of each other

void peers_ask (sink_t *self, peer_t *dryer, uint64_t washer, bool drop)
{
    writer_t out = {0};
    put_u64 (&out, washer);
    put_u8 (&out, drop);
    sink_letter (self, dryer, MSG_WASHER_DOWN, 1, &out);
    dryer->asked = washer;
}

//  True where the washer may be told of this dryer: what it held for earlier lives, and did not start, it has dropped.
static bool settled (sink_t *self, peer_t *dryer)
{
    if (dryer->asked || dryer->expected)
        return dryer->expected;
    if (dryer->dropped_for == self->washer || !peer_holds_for_others (dryer, self->washer))
        return true;
    dryer->dropped_for = self->washer;
    peers_ask (self, dryer, self->washer - 1, true);
    return false;
}

//  What the dryer had to say to the washer while it was not presented.
static void pass_relays (peer_t *washer, peer_t *dryer)
{
    for (size_t i = 0; i < dryer->relays_size; i++)
        link_push (&washer->link, dryer->relays[i].type, dryer->relays[i].count, &dryer->relays[i].records, NULL);
    dryer->relays_size = dryer->relays_bytes = 0;
}

static void announce (sink_t *self, peer_t *washer, peer_t *dryer)
{
    writer_t out = {0};
    put_u64 (&out, dryer->life);
    put_text (&out, dryer->host);
    put_u32 (&out, dryer->slots);
    put_u32 (&out, dryer->prefetch);
    put_u32 (&out, dryer->grain);
    put_u32 (&out, dryer->unsure);
    put_bytes (&out, dryer->inventory.data, dryer->inventory.size);
    sink_letter (self, washer, MSG_DRYER_UP, 1, &out);
    dryer->announced = true;
    slice_drop (&dryer->inventory); // from here on the washer's ledger knows
    pass_relays (washer, dryer);
}

void peers_settle (sink_t *self)
{
    peer_t *washer = peers_washer (self);
    if (!washer || self->state == SINK_ENDED)
        return;
    bool ready = true;
    for (size_t i = 0; i < self->roster.size; i++) {
        peer_t *peer = self->roster.peers[i];
        if (peer->role == ROLE_DRYER && !peer->announced && !settled (self, peer))
            ready = false;
    }
    if (!washer->welcomed && !ready)
        return;
    for (size_t i = 0; i < self->roster.size; i++) {
        peer_t *peer = self->roster.peers[i];
        if (peer->role == ROLE_DRYER && !peer->announced && !peer->expected && settled (self, peer))
            announce (self, washer, peer);
    }
    if (!washer->welcomed)
        hello_welcome (self, washer); // its `sent` is where the last of these stands
}

//  ---- the end of a life

static void close_dryer (sink_t *self, peer_t *dryer, bool blame)
{
    self->ports.drop (self->ports.arg, dryer->life, 0);
    peer_t *washer = peers_washer (self);
    if (washer) { // the last word about it; though it was not presented: the washer may know it from before
        writer_t out = {0};
        pass_relays (washer, dryer);
        put_u64 (&out, dryer->life);
        put_u8 (&out, blame);
        sink_letter (self, washer, MSG_DRYER_DOWN, 1, &out);
    }
    if (!blame)
        return;
    self->lost++;
    if (*dryer->name)
        sink_say (self, "dryer %s is lost; what it had goes to others", dryer->name);
    else
        sink_say (self, "a dryer of before has not come back: it is lost; what it had goes to others");
}

static void close_washer (sink_t *self, const peer_t *washer, int64_t now_ms)
{
    self->washer = 0;
    if (self->state != SINK_OPEN && self->state != SINK_HALTING)
        return;
    if (tally_complete (&self->tally))
        return;
    if (self->state == SINK_HALTING) {
        count_end (self, END_HALTED, self->halt_status, now_ms);
        return;
    }
    self->orphan_ms = now_ms;
    sink_enter (self, EVENT_BEREAVED);
    for (size_t i = 0; i < self->roster.size; i++)
        if (self->roster.peers[i]->role == ROLE_DRYER && !self->roster.peers[i]->expected)
            peers_ask (self, self->roster.peers[i], washer->life, false);
}

void peers_close (sink_t *self, peer_t *peer, bool blame, int64_t now_ms)
{
    self->is_awaited = true;
    count_commit (self, now_ms); // every COUNTED of that life goes before its end is told
    bool has_only_looked = peer->role == ROLE_OBSERVER && !peer->link.got;
    if (!has_only_looked) // it may look again: nothing is to be kept of it
        sink_check (self, lives_close (&self->closed, peer->life));
    if (peer->role == ROLE_DRYER && self->state != SINK_ENDED)
        close_dryer (self, peer, blame);
    if (peer->role == ROLE_WASHER && self->washer == peer->life)
        close_washer (self, peer, now_ms);
    roster_remove (&self->roster, peer);
    peers_settle (self);
}

bool peers_all_held (const sink_t *self, bool *known)
{
    ranges_t held = {0};
    *known = true;
    bool all = self->tally.eof;
    for (size_t i = 0; i < self->roster.size; i++) {
        const peer_t *peer = self->roster.peers[i];
        if (peer->role == ROLE_DRYER && (peer->asked || peer->expected))
            *known = false;
        if (peer->role == ROLE_DRYER && peer_held (peer, &held) == -1)
            all = false;
    }
    const ranges_t *unheld = &self->unheld, *counted = &self->tally.counted;
    for (size_t i = 0; all && i < unheld->size; i++)
        all = ranges_remove (&held, unheld->runs[i].n, unheld->runs[i].count) != -1;
    for (size_t i = 0; all && i < counted->size; i++)
        all = ranges_add (&held, counted->runs[i].n, counted->runs[i].count) != -1;
    all = all && ranges_cover (&held, 1, self->tally.total);
    ranges_free (&held);
    return all;
}

//  ---- judging

//  When this peer's life is to be closed if nothing more is heard of it.
static int64_t doom_ms (const sink_t *self, const peer_t *peer)
{
    int64_t silence = peer->heard_ms + self->config.dead_after_ms;
    int64_t gone = peer->gone_ms < 0 ? INT64_MAX : peer->gone_ms + RETURN_GRACE_MS;
    return peer->died ? INT64_MIN : silence < gone ? silence : gone;
}

//  We were away: every peer has all its time again, and no wait of ours has gone on.
static void excuse (sink_t *self, int64_t now_ms)
{
    int64_t away_ms = now_ms - self->ticked_ms;
    int64_t *const since_ms[] = {&self->waiting_ms, &self->orphan_ms, &self->ended_ms};
    for (size_t i = 0; i < self->roster.size; i++) {
        peer_t *peer = self->roster.peers[i];
        peer->heard_ms = now_ms;
        peer->gone_ms = peer->gone_ms < 0 ? -1 : now_ms;
    }
    for (size_t i = 0; i < sizeof since_ms / sizeof *since_ms; i++)
        *since_ms[i] = *since_ms[i] + away_ms < now_ms ? *since_ms[i] + away_ms : now_ms;
}

void peers_judge (sink_t *self, int64_t now_ms)
{
    if (now_ms - self->ticked_ms > 2 * peers_beat_gap_ms (self)) // silence counts only while we were listening
        excuse (self, now_ms);
    self->ticked_ms = now_ms;
    for (size_t i = 0; i < self->roster.size;) {
        peer_t *peer = self->roster.peers[i];
        if (now_ms < doom_ms (self, peer)) {
            i++;
            continue;
        }
        peers_close (self, peer, true, now_ms);
        i = 0; // the roster has changed
    }
    if (self->state == SINK_ENDED && now_ms >= self->repeat_ms) {
        for (size_t i = 0; i < self->roster.size; i++)
            hello_end (self, self->roster.peers[i]->life, self->roster.peers[i]->role);
        self->repeat_ms = now_ms + 100;
    }
}

int64_t peers_due_ms (const sink_t *self)
{
    int64_t due = self->state == SINK_ENDED && self->roster.size ? self->repeat_ms : INT64_MAX;
    bool listens = self->roster.size || self->state != SINK_WAITING || self->config.wait_ms;
    if (listens && self->ticked_ms + peers_beat_gap_ms (self) < due)
        due = self->ticked_ms + peers_beat_gap_ms (self); // so that a gap of our own is seen as one
    for (size_t i = 0; i < self->roster.size; i++) {
        const peer_t *peer = self->roster.peers[i];
        int64_t doom = doom_ms (self, peer);
        due = doom < due ? doom : due;
        bool spoken_to = !peer->expected && (peer->role != ROLE_WASHER || peer->welcomed);
        if (spoken_to && peer->beat_ms < due && self->state != SINK_ENDED)
            due = peer->beat_ms;
    }
    return due;
}
