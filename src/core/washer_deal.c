/*  Who gets what: free slots first, then prefetch; suspects alone; and asking back what waits behind a busy slot. */
#include "core/washer_i.h"

//  A run that may be sent as one: same attempt, no trouble in it.
typedef struct {
    run_t run;
    uint32_t attempt;
    uint64_t avoid;
} parcel_t;

//  The first number that must not be sent yet: it was not put, though a dryer of an earlier life may have given it
//  back; or with --keep-order, as memory is bounded by how far ahead one may be.
static uint64_t horizon (const washer_t *self)
{
    uint64_t end = self->stock.next_n;
    const run_t *first = self->counted.runs;
    uint64_t low = self->counted.size && first->n == 1 ? first->count + 1 : 1;
    if (!self->order_window || self->order_window >= end || low >= end - self->order_window)
        return end;
    return low + self->order_window;
}

//  What is to be sent next; a count of 0: nothing now.
static parcel_t next_parcel (const washer_t *self)
{
    uint64_t end = horizon (self);
    if (!self->todo.size || self->todo.runs[0].n >= end)
        return (parcel_t){0};
    parcel_t parcel = {.run = self->todo.runs[0], .attempt = 1};
    if (parcel.run.count > end - parcel.run.n)
        parcel.run.count = end - parcel.run.n;
    const note_t *note = notes_from (&self->notes, parcel.run.n);
    if (note && note->n == parcel.run.n) {
        parcel.run.count = 1;
        parcel.attempt = note->failures + 1;
        parcel.avoid = note->avoid;
    } else if (note && note->n < parcel.run.n + parcel.run.count) {
        parcel.run.count = note->n - parcel.run.n;
    }
    return parcel;
}

static bool has_alone (const lane_t *lane)
{
    return lane->shelf.first && lane->shelf.first->alone;
}

static bool eligible (const washer_t *self, const lane_t *lane, uint64_t limit)
{
    return lane_usable (lane) && lane_out (lane) < limit && lane->dryer != self->cell && !has_alone (lane);
}

//  A dryer that has less than this gets more. What waits behind its slots is filled up when a quarter of it is gone: a
//  message for each task that is done would wake four threads to move one number.
static uint64_t mark (const lane_t *lane, bool prefetch)
{
    uint64_t base = lane_base (lane), window = lane_window (lane), quarter = (window - base) / 4;
    return !prefetch ? base : quarter ? window - quarter + 1 : window;
}

//  The dryer with the least of its slots taken, room for more, and not the one to be avoided where another will do.
static lane_t *choose (const washer_t *self, bool prefetch, uint64_t avoid)
{
    lane_t *best = NULL;
    for (size_t i = 0; i < self->lanes.size; i++) {
        lane_t *lane = self->lanes.lanes[i];
        if (!eligible (self, lane, mark (lane, prefetch)))
            continue;
        if (!best || (best->dryer == avoid) > (lane->dryer == avoid) ||
            ((best->dryer == avoid) == (lane->dryer == avoid) &&
             lane_out (lane) * lane_base (best) < lane_out (best) * lane_base (lane)))
            best = lane;
    }
    return best;
}

static uint64_t less (uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

//  How much of a parcel one dryer takes at once: a grain, or half of its room, so that others get some too.
static uint64_t portion (const washer_t *self, const lane_t *lane, uint64_t limit)
{
    uint64_t room = limit - lane_out (lane);
    uint64_t share = self->lanes.size > 1 ? room / 2 : room;
    if (share < lane->grain)
        share = lane->grain;
    return less (less (share, room), TASKS_MOST);
}

static bool send (washer_t *self, lane_t *lane, uint64_t n, uint64_t count, uint32_t attempt, bool alone)
{
    shape_t shape;
    slice_t bytes = stock_slice (&self->stock, n, &count, &shape); // cuts the count to one block
    if (!bytes.block)
        return false;
    delivery_t *delivery = ledger_send (&self->ledger, &lane->shelf, lane->dryer, lane->seq + 1, n, count);
    if (!delivery || ranges_remove (alone ? &self->suspects : &self->todo, n, count) == -1) {
        slice_drop (&bytes);
        self->oom = true;
        return false;
    }
    delivery->bytes = bytes;
    delivery->shape = shape;
    lane->seq++;
    lane->recall_vain = false;
    delivery->attempt = attempt;
    delivery->last = self->config.retries && attempt >= self->config.retries;
    delivery->alone = alone;
    self->figures.sent += count;
    return true;
}

static void deal_todo (washer_t *self, bool prefetch)
{
    for (;;) {
        parcel_t parcel = next_parcel (self);
        lane_t *lane = parcel.run.count ? choose (self, prefetch, parcel.avoid) : NULL;
        if (!lane)
            return;
        uint64_t count = portion (self, lane, prefetch ? lane_window (lane) : lane_base (lane));
        if (count > parcel.run.count)
            count = parcel.run.count;
        if (!send (self, lane, parcel.run.n, count, parcel.attempt, false))
            return;
    }
}

static bool may_be_cell (const lane_t *lane)
{
    return lane->slots && lane_usable (lane);
}

//  The cell as it was, while it may be and does nothing else, or there is no idle one: it may be busy for hours. Else
//  the least busy dryer.
static lane_t *choose_cell (const washer_t *self)
{
    lane_t *now = self->cell ? lanes_find (&self->lanes, self->cell) : NULL;
    if (now && !may_be_cell (now))
        now = NULL;
    if (now && (!lane_out (now) || has_alone (now)))
        return now;
    lane_t *best = now;
    for (size_t i = 0; i < self->lanes.size; i++) {
        lane_t *lane = self->lanes.lanes[i];
        if (may_be_cell (lane) && (!best || (now ? !lane_out (lane) : lane_out (lane) < lane_out (best))))
            best = lane;
    }
    return best;
}

//  One dryer, the cell, gets nothing but suspects until there are none, and each when it has nothing else.
static void deal_suspects (washer_t *self)
{
    if (!self->suspects.size || self->suspects.runs[0].n >= self->stock.next_n) {
        self->cell = 0;
        return;
    }
    lane_t *cell = choose_cell (self);
    self->cell = cell ? cell->dryer : 0;
    if (!cell || lane_out (cell))
        return;
    uint64_t n = self->suspects.runs[0].n;
    const note_t *note = notes_find (&self->notes, n);
    send (self, cell, n, 1, note ? note->failures + 1 : 1, true);
}

static void recall (lane_t *lane, uint64_t most)
{
    lane->recall_seq = ++lane->seq;
    lane->recall_max = most > UINT32_MAX ? UINT32_MAX : (uint32_t)most;
}

static bool recallable (const lane_t *lane, uint64_t keep)
{
    return lane->shelf.out > keep && !lane->recall_seq && !lane->recall_vain && lane->ready;
}

//  What dryers with a free slot have room for: `idle` in their slots, `room` with what may wait there.
static void count_room (const washer_t *self, uint64_t *idle, uint64_t *room)
{
    *idle = *room = 0;
    for (size_t i = 0; i < self->lanes.size; i++) {
        const lane_t *lane = self->lanes.lanes[i];
        if (eligible (self, lane, lane_base (lane))) {
            *idle += lane_base (lane) - lane_out (lane);
            *room += lane_window (lane) - lane_out (lane);
        }
    }
    for (size_t i = 0; i < self->lanes.size; i++) { // on its way already
        const lane_t *lane = self->lanes.lanes[i];
        uint64_t comes = lane->recall_seq ? lane->recall_max : 0;
        *idle -= less (comes, *idle);
        *room -= less (comes, *room);
    }
}

//  Nothing is left to send and a slot is free: ask for tasks that wait behind a busy one. For as many as there are free
//  slots; or for half of them, where that is more: else tiny tasks would come back one by one.
static void deal_recalls (washer_t *self)
{
    uint64_t idle, room;
    count_room (self, &idle, &room);
    for (size_t i = 0; idle && i < self->lanes.size; i++) {
        lane_t *lane = self->lanes.lanes[i];
        if (!recallable (lane, lane_base (lane)) || has_alone (lane))
            continue;
        uint64_t waiting = lane_out (lane) - lane_base (lane), half = less (waiting / 2, room);
        uint64_t most = half > idle ? half : less (waiting, idle);
        recall (lane, most);
        idle -= less (most, idle);
        room -= less (most, room);
    }
}

//  The cell must become empty, or the run is to halt: whatever was not started comes back.
static void recall_all (washer_t *self)
{
    for (size_t i = 0; i < self->lanes.size; i++) {
        lane_t *lane = self->lanes.lanes[i];
        bool empties = lane->dryer == self->cell && !has_alone (lane);
        if ((self->state == WASHER_HALTING || empties) && recallable (lane, 0))
            recall (lane, UINT32_MAX);
    }
}

static bool may_begin (washer_t *self)
{
    self->has_begun = self->has_begun || self->lanes.size >= self->config.wait_dryers;
    return self->has_begun;
}

void deal (washer_t *self)
{
    if (self->state == WASHER_OPEN && self->session.link.got >= self->presented && may_begin (self)) {
        deal_suspects (self);
        deal_todo (self, false);
        deal_todo (self, true);
        if (!next_parcel (self).run.count)
            deal_recalls (self);
    }
    if (self->state == WASHER_HALTING || self->cell)
        recall_all (self);
}
