/*  ranges: a set of task numbers, kept as sorted runs.
 *
 *  A pipeline counts nearly in order, so a set of a billion numbers is a handful of runs; its size is bounded by what
 *  is out of order, that is by the windows.
 */
#ifndef DISHES_CORE_RANGES_H
#define DISHES_CORE_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  The numbers n, n + 1, … n + count - 1
typedef struct {
    uint64_t n, count;
} run_t;

typedef struct {
    run_t *runs; // sorted, disjoint, never adjacent
    size_t size, capacity;
    uint64_t total; // how many numbers
} ranges_t;

//  True where n >= 1, count >= 1 and the run ends below 2^63: what comes off the wire must pass this.
bool run_valid (uint64_t n, uint64_t count);

//  Adds a run; 0, or -1 and ENOMEM with the set unchanged. Numbers that are in it already are no error.
int ranges_add (ranges_t *self, uint64_t n, uint64_t count);

//  Takes a run out; 0, or -1 and ENOMEM (a run is to be split) with the set unchanged.
int ranges_remove (ranges_t *self, uint64_t n, uint64_t count);

bool ranges_has (const ranges_t *self, uint64_t n);
bool ranges_cover (const ranges_t *self, uint64_t n, uint64_t count);

//  The first part of the run that is not in the set (missing) or is (present); count 0 where there is none.
run_t ranges_missing (const ranges_t *self, uint64_t n, uint64_t count);
run_t ranges_present (const ranges_t *self, uint64_t n, uint64_t count);

void ranges_free (ranges_t *self);

#endif
