/*  tally: which tasks are counted, and as what. The first final completion of a task counts, any later is refused. */
#ifndef DISHES_CORE_TALLY_H
#define DISHES_CORE_TALLY_H

#include "core/ranges.h"

typedef enum { TASK_OK, TASK_FAILED, TASK_BROKEN, TASK_DROPPED } outcome_t;
enum { OUTCOMES = 4 };

typedef struct {
    ranges_t counted;
    uint64_t by_outcome[OUTCOMES];
    uint64_t duplicates; // numbers refused
    bool eof;            // `total` is known
    uint64_t total;
} tally_t;

//  Counts what of the run was not counted; `fresh` gets its first part. Call again behind it until its count is 0.
//  -1: ENOMEM, nothing changed.
int tally_count (tally_t *self, uint64_t n, uint64_t count, outcome_t outcome, run_t *fresh);

bool tally_complete (const tally_t *self); // the total is known, and just [1, total] is counted
void tally_free (tally_t *self);

#endif
