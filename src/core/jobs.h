/*  jobs: what a dryer holds: tasks that wait, and jobs that run. */
#ifndef DISHES_CORE_JOBS_H
#define DISHES_CORE_JOBS_H

#include "core/dryer.h"
#include "core/ranges.h"

//  A run of tasks that has not been started.
typedef struct {
    uint64_t washer, seq; // the delivery
    uint64_t n, count;
    uint32_t attempt;
    bool last;
    shape_t shape;
    slice_t bytes; // owned: of just these tasks
} held_t;

//  First in, first out; given back from the tail.
typedef struct {
    held_t *items;
    size_t head, size, capacity;
    uint64_t tasks;
} held_queue_t;

int held_push (held_queue_t *self, const held_t *held); // takes the bytes on success; -1: ENOMEM

//  Takes up to `max` tasks of the first run. 1; 0 where nothing waits; -1 where the run's bytes are malformed (then it
//  is taken whole, without bytes).
int held_take (held_queue_t *self, uint64_t max, held_t *out);

const held_t *held_first (const held_queue_t *self); // NULL: nothing waits
uint64_t held_last (const held_queue_t *self);       // the washer of the last run; 0: nothing waits

//  Takes up to `max` tasks from the last run, without their bytes; false where nothing waits.
bool held_give_back (held_queue_t *self, uint64_t max, held_t *out);

//  Drops what waits of washer lives up to this one.
void held_drop (held_queue_t *self, uint64_t washer);
void held_free (held_queue_t *self);

//  A job that was started: some tasks of one delivery.
typedef struct {
    uint64_t ticket;
    uint64_t washer, seq, n, count;
    uint64_t left; // not yet done
    uint32_t attempt;
    bool last;
} running_t;

//  In the order of their tickets. What is removed leaves a hole (left is 0) until there are more holes than jobs, so
//  thousands of jobs may end in any order, and none of them moves the others.
typedef struct {
    running_t *items;
    size_t head, size, capacity; // with the holes
    size_t jobs;                 // without
    uint64_t tickets;            // given out so far
} running_set_t;

running_t *running_add (running_set_t *self, const held_t *held); // gives the ticket; NULL: ENOMEM
running_t *running_find (const running_set_t *self, uint64_t ticket);
const running_t *running_next (const running_set_t *self, const running_t *job); // NULL: the first; none is left
void running_remove (running_set_t *self, running_t *job);
void running_free (running_set_t *self);

#endif
