/*  The washer's wire to one dryer: generations, what is sent on it, and where it goes on after a break. */
#include "core/washer_i.h"

#include <stdio.h>

enum { TASK_LAST = 1, TASK_ALONE = 2 };

void lane_begin (washer_t *self, lane_t *lane)
{
    lane->bound = false;
    lane->ready = lane->generation == 0; // a first socket has nothing to make up for
    lane->generation++;
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
    if (!lane || lane->generation != generation)
        return;
    lane->bound = true;
    snprintf (lane->endpoint, sizeof lane->endpoint, "%s", endpoint);
    lane_order (self, lane);
}

void washer_lane_lost (washer_t *self, uint64_t dryer, uint32_t generation, int64_t now_ms)
{
    lane_t *lane = lanes_find (&self->lanes, dryer);
    if (!lane || lane->generation != generation || !lane->bound)
        return;
    self->ports.lane_close (self->ports.arg, dryer, generation);
    lane_begin (self, lane);
}

//  The dryer is at this generation and lacks what follows `got`: go back there.
void lane_resume (washer_t *self, lane_t *lane, uint32_t generation, uint64_t got)
{
    if (generation != lane->generation || got > lane->seq)
        return;
    lane->ready = true;
    self->dirty = true; // what waited there may be asked back now
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

static void tasks_records (const washer_t *self, const delivery_t *delivery, writer_t *out)
{
    const shape_t *shape = &self->config.shape;
    put_u64 (out, delivery->n);
    put_u64 (out, delivery->count);
    put_u32 (out, delivery->attempt);
    put_u8 (out, (uint8_t)((delivery->last ? TASK_LAST : 0) | (delivery->alone ? TASK_ALONE : 0)));
    put_u8 (out, shape->format);
    put_u8 (out, shape->delimiter);
    put_u16 (out, shape->columns);
    put_u32 (out, shape->items);
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
    tasks_records (self, delivery, records);
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
