/*  pace: how many tasks a thread of the crew takes at a time (the length of a stint), found out by how long they take,
 *  and what follows from it: how many may wait, and how many the death of this process may leave in doubt.
 *
 *  One at first; more, by a factor, after some stints that were far from taking long; fewer as soon as one was.
 *  Measured times go in, no clock is looked at.
 */
#ifndef DISHES_API_PACE_H
#define DISHES_API_PACE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    unsigned threads;
    uint32_t slots;    // as the washer knows them
    uint32_t prefetch; // tasks that may wait here at least …
    bool is_fixed;     // … and at most
} pace_config_t;

typedef struct {
    pace_config_t config;
    uint32_t length;     // tasks in a stint, wherever that is allowed
    unsigned quick;      // stints in a row that could have been longer
    uint64_t task_bytes; // about so large is a task
} pace_t;

//  Stints of each thread that may be told of late: the one it does, and those that are done.
enum { PACE_STINTS_UNTOLD = 4 };

void pace_init (pace_t *self, const pace_config_t *config);

//  A stint is through: of `tasks` of `bytes` in all, `done` took so long.
void pace_note (pace_t *self, int64_t took_ns, uint64_t done, uint64_t tasks, uint64_t bytes);

//  One lasts too long: shorter ones from now on.
void pace_shorten (pace_t *self);

//  Longer ones, where those of late say so.
void pace_lengthen (pace_t *self);

//  Tasks that may wait here, and that may be begun and not told of.
uint32_t pace_prefetch (const pace_t *self);
uint32_t pace_unsure (const pace_t *self);

//  Tasks of a stint that is given out now, where `allowed` may be begun and not told of; 1 at least.
uint64_t pace_stint (const pace_t *self, uint64_t allowed);

//  Tasks that may lie here, given out or not, in stints of that length for so many threads.
uint64_t pace_room (const pace_t *self, uint64_t stint, unsigned threads);

#endif
