/*  The washer's wire to one dryer: generations, what is sent on it, and where it goes on after a break. */
#include "core/washer_i.h"

#include <stdio.h>

enum { TASK_LAST = 1, TASK_ALONE = 2 };

void lane_begin (washer_t *self, lane_t *lane)
{
    lane->bound = false;
    lane->ready = lane->generation == 0; // a first socket has nothing to make up for
    lane->generation++;
    lane->begun_ms = self->now_ms;
    self->ports.lane_open (self->ports.arg, lane->dryer, lane->generation, lane->host);
}

void lane_order (washer_t *self, const lane_t *lane)
{
    writer_t records = {0};
    put_u64 (&records, lane->dryer);
    put_u32 (&records, lane->generation);
    put_text (&records, lane->endpoint);
    washer_letter (self, MSG_LANE, 1, &records, NULL);
}

void washer_lane_bound (washer_t *self, uint64_t dryer, uint32_t generation, const char *endpoint, int64_t now_ms)
{
    lane_t *lane = lanes_find (&self->lanes, dryer);
    self->now_ms = now_ms;
    if (!lane || lane->generation != generation || lane->shut)
        return;
    lane->bound = true;
    snprintf (lane->endpoint, sizeof lane->endpoint, "%s", endpoint);
    lane_order (self, lane);
}

//  The socket is closed already. A generation without one tells the dryer.
static void lane_shut (washer_t *self, lane_t *lane, const char *why)
{
    if (!lane->told_of)
        washer_say (self, "the lane to the dryer on %s, %s, %s; others do its tasks until it can be", lane->host,
                    *lane->endpoint ? lane->endpoint : "not bound", why);
    lane->told_of = lane->shut = lane->doubted = true;
    lane->bound = lane->ready = false;
    lane->generation++;
    lane->retry_ms = self->now_ms + self->session.silence_ms;
    lane->waits_ms = -1;
    lane->recall_seq = 0; // that number is skipped
    *lane->endpoint = '\0';
    if (self->cell == lane->dryer)
        self->cell = 0;
    book_unreceived (self, lane, lane->high);
    lane_order (self, lane);
}

void washer_lane_lost (washer_t *self, uint64_t dryer, uint32_t generation, int64_t now_ms)
{
    lane_t *lane = lanes_find (&self->lanes, dryer);
    int64_t dead_after_ms = self->session.silence_ms;
    self->now_ms = now_ms;
    if (!lane || lane->generation != generation || !lane->bound)
        return;
    if (lane->flaps_ms < 0 || now_ms - lane->begun_ms >= dead_after_ms)
        lane->flaps_ms = now_ms;
    self->ports.lane_close (self->ports.arg, dryer, generation);
    if (now_ms - lane->flaps_ms < dead_after_ms)
        lane_begin (self, lane);
    else
        lane_shut (self, lane, "breaks again and again");
}

//  ---- a lane that cannot be made
//
//  The sink hears the dryer, so it lives; a firewall may well stand between it and us. What it has runs on, what it has
//  not started it gives back, and after a while the lane is tried again: with a number that holds nothing, and no task
//  before that has gone through.

static void retry (washer_t *self, lane_t *lane)
{
    lane->shut = false;
    lane->waits_ms = lane->flaps_ms = -1;
    lane->seq++; // a SKIP
    lane_begin (self, lane);
}

static void look (washer_t *self, lane_t *lane, bool heard)
{
    bool waits = !lane->ready || lane->next <= lane->seq;
    if (lane->shut && self->now_ms >= lane->retry_ms) {
        retry (self, lane);
    } else if (!lane->shut && waits && heard && lane->waits_ms >= 0) {
        if (self->now_ms - lane->waits_ms < self->session.silence_ms)
            return;
        self->ports.lane_close (self->ports.arg, lane->dryer, lane->generation);
        lane_shut (self, lane, "cannot be reached");
    } else {
        lane->waits_ms = waits && heard ? self->now_ms : -1;
    }
}

void lane_look (washer_t *self)
{
    bool heard = self->session.state == SESSION_UP && !self->session.quiet; // else orders do not arrive either
    for (size_t i = 0; i < self->lanes.size; i++) {
        lane_t *lane = self->lanes.lanes[i];
        if (lane->waits_ms >= 0)
            lane->waits_ms += self->session.paused_ms;
        look (self, lane, heard);
    }
}

int64_t lane_due_ms (const washer_t *self)
{
    int64_t due_ms = INT64_MAX;
    for (size_t i = 0; i < self->lanes.size; i++) {
        const lane_t *lane = self->lanes.lanes[i];
        int64_t next_ms = lane->shut            ? lane->retry_ms
                          : lane->waits_ms >= 0 ? lane->waits_ms + self->session.silence_ms
                                                : INT64_MAX;
        due_ms = next_ms < due_ms ? next_ms : due_ms;
    }
    return due_ms;
}

//  The dryer is at this generation and lacks what follows `got`: go back there.
void lane_resume (washer_t *self, lane_t *lane, uint32_t generation, uint64_t got)
{
    if (generation != lane->generation || got > lane->seq)
        return;
    lane->ready = !lane->shut;
    lane->waits_ms = -1;
    self->dirty = true; // what waited there may be asked back now
    if (lane->shut)
        book_unreceived (self, lane, got);
    if (got + 1 < lane->next)
        lane->next = got + 1;
}

//  A part of a delivery was counted before the delivery was ever sent: what remains goes back; its number is skipped.
static void give_up_parts (washer_t *self, const delivery_t *delivery)
{
    uint64_t n = delivery->n, end = n + delivery->count;
    delivery_t *found;
    for (run_t run; run = ledger_find (&self->ledger, n, end - n, &found), found && !self->oom;) {
        n = run.n + run.count;
        bool last = found == delivery && delivery->left == run.count;
        if (found == delivery)
            book_back (self, run.n, run.count);
        if (last)
            return;
    }
}

static void tasks_records (const delivery_t *delivery, writer_t *out)
{
    put_u64 (out, delivery->n);
    put_u64 (out, delivery->count);
    put_u32 (out, delivery->attempt);
    put_u8 (out, (uint8_t)((delivery->last ? TASK_LAST : 0) | (delivery->alone ? TASK_ALONE : 0)));
    put_shape (out, &delivery->shape);
}

//  What goes out under this sequence number now: the delivery whole, the recall, or nothing (skip it). A delivery that
//  was sent before goes whole again though a part of it was reported since: who reported that has it, and drops this.
static uint8_t fill (washer_t *self, lane_t *lane, writer_t *records, slice_t *body)
{
    delivery_t *delivery = shelf_find (&lane->shelf, lane->next);
    if (lane->next == lane->recall_seq) {
        put_u32 (records, lane->recall_max);
        return MSG_RECALL;
    }
    if (delivery && delivery->left < delivery->count && lane->next > lane->high) {
        give_up_parts (self, delivery);
        delivery = NULL;
    }
    if (!delivery)
        return MSG_SKIP;
    *body = slice_copy (&delivery->bytes);
    tasks_records (delivery, records);
    return MSG_TASKS;
}

bool washer_lane_next (washer_t *self, uint64_t dryer, packet_t *out)
{
    lane_t *lane = lanes_find (&self->lanes, dryer);
    if (!lane || !lane_sendable (lane))
        return false;
    writer_t records = {0};
    *out = (packet_t){.wire = TO_LANE, .role = ROLE_DRYER};
    out->header = (header_t){.type = fill (self, lane, &records, &out->body),
                             .count = 1,
                             .run = self->session.run,
                             .from = self->config.life,
                             .to = dryer,
                             .seq = lane->next,
                             .sent = lane->seq};
    if (writer_take (&records, &out->records) == -1) {
        self->oom = true;
        packet_drop (out);
        return false;
    }
    return true;
}

void washer_lane_sent (washer_t *self, uint64_t dryer)
{
    lane_t *lane = lanes_find (&self->lanes, dryer);
    if (!lane || lane->next > lane->seq)
        return;
    self->dirty = self->dirty || lane->doubted;
    lane->doubted = false;
    lane->waits_ms = -1;
    if (lane->next > lane->high)
        lane->high = lane->next;
    lane->next++;
}

uint64_t washer_lane_ready (const washer_t *self, uint64_t after)
{
    const lane_t *lane = lanes_after (&self->lanes, after);
    while (lane && !lane_sendable (lane))
        lane = lanes_after (&self->lanes, lane->dryer);
    return lane ? lane->dryer : 0;
}
