/*  The washer's bookkeeping: todo -> out -> counted, and the ways back. */
#include "core/item.h"
#include "core/washer_i.h"

static void check (washer_t *self, int rc)
{
    if (rc == -1)
        self->oom = true;
}

//  Takes a run out of a ledger, delivery by delivery.
static void clear_run (washer_t *self, ledger_t *ledger, uint64_t n, uint64_t count)
{
    delivery_t *delivery;
    for (run_t run; run = ledger_find (ledger, n, count, &delivery), delivery && !self->oom;) {
        lane_t *lane = lanes_find (&self->lanes, delivery->dryer);
        if (lane) {
            lane->recall_vain = false;
            lane->flaps_ms = -1; // something came of it
        }
        check (self, ledger_clear (ledger, run.n, run.count));
    }
}

void book_counted (washer_t *self, uint64_t n, uint64_t count, bool failed)
{
    for (run_t run; run = ranges_missing (&self->counted, n, count), run.count && !self->oom;) {
        clear_run (self, &self->ledger, run.n, run.count);
        clear_run (self, &self->foreign, run.n, run.count);
        check (self, ranges_remove (&self->todo, run.n, run.count));
        check (self, ranges_remove (&self->suspects, run.n, run.count));
        check (self, ranges_add (&self->counted, run.n, run.count));
        notes_remove (&self->notes, run.n, run.count);
        stock_forget (&self->stock, run.n, run.count);
        self->figures.failed += failed ? run.count : 0;
    }
    self->figures.counted = self->counted.total;
    self->dirty = true;
}

void book_back (washer_t *self, uint64_t n, uint64_t count)
{
    clear_run (self, &self->ledger, n, count);
    clear_run (self, &self->foreign, n, count);
    check (self, ranges_add (&self->todo, n, count));
    self->dirty = true;
}

uint64_t book_returned (washer_t *self, const lane_t *lane, uint64_t washer, uint64_t seq, run_t run)
{
    const ledger_t *ledger = washer == self->config.life ? &self->ledger : &self->foreign;
    uint64_t end = run.n + run.count, back = 0;
    delivery_t *delivery;
    for (run_t part = {run.n, 0}; !self->oom; part.n += part.count) { // over what is out: the run may be any size
        part = ledger_find (ledger, part.n, end - part.n, &delivery);
        if (!delivery)
            break;
        if (delivery->dryer != lane->dryer || delivery->seq != seq)
            continue;
        book_back (self, part.n, part.count);
        back += part.count;
    }
    return back;
}

//  The dryer died with this one task aboard.
static void strike (washer_t *self, uint64_t n)
{
    note_t *note = notes_add (&self->notes, n);
    if (!note) {
        self->oom = true;
        return;
    }
    note->strikes++;
    if (!self->crash_limit || note->strikes < self->crash_limit) {
        check (self, ranges_add (&self->suspects, n, 1));
        return;
    }
    uint64_t one = 1;
    shape_t shape = self->config.shape; // where the bytes are gone
    slice_t item = stock_slice (&self->stock, n, &one, &shape);
    if (shape.format == BLOCK_WHOLE && item.size > ITEM_VALUE_MOST)
        item.size = ITEM_VALUE_MOST; // it is shown, and done no more
    writer_t records = {0};
    put_u64 (&records, n);
    put_u32 (&records, note->strikes);
    put_shape (&records, &shape);
    washer_letter (self, MSG_BROKEN, 1, &records, &item);
}

//  A lost delivery: its first `*unsure` tasks may have been started and are suspect; the rest is simply sent again.
static void delivery_over (washer_t *self, ledger_t *ledger, delivery_t *delivery, bool sent, uint64_t *unsure)
{
    bool alone = delivery->alone && sent;
    uint64_t end = delivery->n + delivery->count;
    delivery_t *found;
    for (run_t run = {delivery->n, 0}; !self->oom; run.n += run.count) {
        run = ledger_find (ledger, run.n, end - run.n, &found);
        if (!found)
            return;
        if (found != delivery)
            continue;
        bool last = delivery->left == run.count; // then it goes with this run
        uint64_t suspects = sent && !alone ? (run.count < *unsure ? run.count : *unsure) : 0;
        *unsure -= suspects;
        self->figures.redelivered += sent ? run.count : 0;
        check (self, ledger_clear (ledger, run.n, run.count));
        check (self, ranges_add (&self->suspects, run.n, suspects));
        if (alone)
            strike (self, run.n);
        else
            check (self, ranges_add (&self->todo, run.n + suspects, run.count - suspects));
        if (last)
            return;
    }
}

void book_lane_over (washer_t *self, lane_t *lane, bool blame)
{
    uint64_t unsure = blame ? lane->unsure : 0;
    while (lane->foreign.first && !self->oom) // these run: they come first
        delivery_over (self, &self->foreign, lane->foreign.first, true, &unsure);
    while (lane->shelf.first && !self->oom) {
        delivery_t *delivery = lane->shelf.first;
        delivery->alone = delivery->alone && blame;
        delivery_over (self, &self->ledger, delivery, delivery->seq <= lane->high, &unsure);
    }
    check (self, lives_close (&self->closed, lane->dryer));
    if (self->cell == lane->dryer)
        self->cell = 0;
    self->dirty = true;
}

static void adopt_run (washer_t *self, lane_t *lane, uint64_t seq, run_t run)
{
    if (!ledger_send (&self->foreign, &lane->foreign, lane->dryer, seq, run.n, run.count))
        self->oom = true;
}

//  The same for tasks that this life has not read yet: they are out before they are put.
static void adopt_unread (washer_t *self, lane_t *lane, uint64_t seq, uint64_t n, uint64_t end)
{
    const ranges_t *const books[] = {&self->counted, &self->todo, &self->suspects};
    delivery_t *out;
    while (n < end && !self->oom) {
        run_t run = {n, end - n}, part = run;
        for (size_t i = 0; i < sizeof books / sizeof *books && part.count; i++) {
            part = ranges_missing (books[i], run.n, run.count);
            run = part.count ? part : run;
        }
        run_t found = ledger_find (&self->foreign, run.n, part.count, &out);
        n = run.n + run.count;
        if (out && found.n == run.n)
            n = run.n + found.count;
        else if (part.count) {
            run.count = out ? found.n - run.n : run.count;
            n = run.n + run.count;
            adopt_run (self, lane, seq, run);
        }
    }
}

//  A task that the dryer holds for an earlier life of ours: it is as good as out.
static void adopt (washer_t *self, lane_t *lane, uint64_t seq, uint64_t n, uint64_t count)
{
    for (run_t run; run = ranges_present (&self->todo, n, count), run.count && !self->oom;) {
        check (self, ranges_remove (&self->todo, run.n, run.count));
        adopt_run (self, lane, seq, run);
    }
    uint64_t unread = self->stock.next_n > n ? self->stock.next_n : n;
    adopt_unread (self, lane, seq, unread, n + count);
}

void book_put (washer_t *self, uint64_t n, uint64_t count)
{
    uint64_t end = n + count;
    delivery_t *out;
    for (run_t run = {n, 0}; run = ranges_present (&self->counted, run.n, end - run.n), run.count; run.n += run.count) {
        check (self, ranges_remove (&self->todo, run.n, run.count));
        stock_forget (&self->stock, run.n, run.count);
    }
    for (run_t run = {n, 0}; run = ranges_present (&self->suspects, run.n, end - run.n), run.count; run.n += run.count)
        check (self, ranges_remove (&self->todo, run.n, run.count));
    for (run_t run = {n, 0}; run = ledger_find (&self->foreign, run.n, end - run.n, &out), out; run.n += run.count)
        check (self, ranges_remove (&self->todo, run.n, run.count));
}

//  What we believe to be there, was received, and is not held: the report of it died with the old sink.
static void take_back (washer_t *self, lane_t *lane, uint64_t got, const ranges_t *held)
{
    ranges_t lost = {0};
    for (const delivery_t *d = lane->shelf.first; d && d->seq <= got; d = d->behind) {
        delivery_t *found;
        uint64_t end = d->n + d->count;
        for (run_t run = {d->n, 0}; run = ledger_find (&self->ledger, run.n, end - run.n, &found), found;
             run.n += run.count)
            if (found == d)
                check (self, ranges_add (&lost, run.n, run.count));
    }
    for (size_t i = 0; i < held->size; i++)
        check (self, ranges_remove (&lost, held->runs[i].n, held->runs[i].count));
    for (size_t i = 0; i < lost.size; i++)
        book_back (self, lost.runs[i].n, lost.runs[i].count);
    ranges_free (&lost);
}

void book_unreceived (washer_t *self, lane_t *lane, uint64_t got)
{
    delivery_t *delivery;
    while ((delivery = lane->shelf.tail) && delivery->seq > got && !self->oom) {
        uint64_t seq = delivery->seq, end = delivery->n + delivery->count;
        bool alone = delivery->alone;
        delivery_t *found;
        for (run_t run = {delivery->n, 0}; run = ledger_find (&self->ledger, run.n, end - run.n, &found), found;
             run.n += run.count) {
            if (found->dryer != lane->dryer || found->seq != seq)
                continue;
            bool last = found->left == run.count;
            check (self, ledger_clear (&self->ledger, run.n, run.count));
            check (self, ranges_add (alone ? &self->suspects : &self->todo, run.n, run.count));
            if (last || self->oom)
                break;
        }
    }
    self->dirty = true;
}

void book_inventory (washer_t *self, lane_t *lane, reader_t *in)
{
    uint64_t washer = get_u64 (in), got = get_u64 (in);
    uint32_t count = get_u32 (in);
    ranges_t held = {0};
    while (count-- && !self->oom) {
        uint64_t life = get_u64 (in), seq = get_u64 (in);
        run_t run = get_run (in);
        if (in->bad)
            break;
        if (life == self->config.life)
            check (self, ranges_add (&held, run.n, run.count));
        else
            adopt (self, lane, seq, run.n, run.count);
    }
    if (washer == self->config.life && !in->bad)
        take_back (self, lane, got, &held);
    ranges_free (&held);
}

bool book_complete (const washer_t *self)
{
    uint64_t total = self->stock.next_n - 1;
    return self->eof && self->counted.total == total && ranges_cover (&self->counted, 1, total);
}
