/*  ledger: the washer's book of what is out where.
 *
 *  Each sending of tasks is a delivery, named (dryer life, lane sequence). A task is out in at most one delivery. The
 *  ledger finds the delivery of a task, the tasks of a delivery that are still out, and the deliveries of a dryer in
 *  lane order. Free credit is never stored: it is the window less what is out, counted here.
 */
#ifndef DISHES_CORE_LEDGER_H
#define DISHES_CORE_LEDGER_H

#include "core/block.h"
#include "core/ranges.h"

typedef struct delivery delivery_t;

struct delivery {
    uint64_t dryer, seq;
    uint64_t n, count; // as it was sent
    uint64_t left;     // of these, still out
    uint32_t attempt;
    bool last, alone; // a failure is final; a suspect: nothing else is at that dryer
    shape_t shape;
    slice_t bytes;               // owned: as it was sent, so that a task is not searched for in its block again
    delivery_t *before, *behind; // in lane order
};

//  The deliveries of one dryer, in lane order.
typedef struct {
    delivery_t *first, *tail;
    uint64_t out; // tasks
} shelf_t;

typedef struct {
    uint64_t n, count;
    delivery_t *delivery;
    shelf_t *shelf;
} entry_t;

typedef struct {
    entry_t *entries; // sorted by n, disjoint; the first is entries[head]
    size_t head, size, capacity;
    uint64_t out; // tasks in all
} ledger_t;

//  Books a delivery of tasks none of which is out. NULL: ENOMEM. The shelf must outlive its deliveries.
delivery_t *ledger_send (ledger_t *self, shelf_t *shelf, uint64_t dryer, uint64_t seq, uint64_t n, uint64_t count);

//  The first part of the run that is out, and in which delivery (NULL: nothing of it is out).
run_t ledger_find (const ledger_t *self, uint64_t n, uint64_t count, delivery_t **delivery);

//  These tasks, all of one delivery, are out no more. A delivery with nothing left is freed. -1: ENOMEM.
int ledger_clear (ledger_t *self, uint64_t n, uint64_t count);

delivery_t *shelf_find (const shelf_t *self, uint64_t seq); // NULL: no such delivery, or nothing left of it

void ledger_free (ledger_t *self);

#endif
