/*  parts: the real parts of a pipeline, each in a thread, for the tests of the specification to talk to.
 *
 *  A part is made of a command line, as its program makes it, and runs the role that its program runs; only the dryer's
 *  work is not done by commands but by a desk: what was started lies there until the test says how it ended. With
 *  inproc all parts of a test share one context, and the test joins in it. wire.py calls this through ctypes; any
 *  thread may.
 */
#ifndef DISHES_TESTS_SPEC_PARTS_H
#define DISHES_TESTS_SPEC_PARTS_H

#include "role/station.h"

typedef struct spec_part spec_part_t;

enum { PART_WASHER, PART_DRYER, PART_SINK, PART_OBSERVER };

#pragma GCC visibility push(default)

//  Starts a part that is at `at`, whatever the command line says of it. `fd`: the washer's items, the sink's results.
//  NULL: `error` says why.
spec_part_t *spec_part_new (int kind, const char *at, int argc, char **argv, int fd, const station_t *shared,
                            char *error, size_t error_size);
void spec_part_destroy (spec_part_t *self); // ends it, where it has not ended

bool spec_part_done (spec_part_t *self, int *status); // status: the exit status, where it is done
int spec_part_bound (spec_part_t *self);              // a sink's port, 0 where it has none; -1: not to be found yet
void spec_part_said (spec_part_t *self, char *out, size_t size); // all lines so far
void spec_part_ask (spec_part_t *self, unsigned what);           // CONTROL_*
void spec_part_pause (spec_part_t *self, int pause_ms);          // its next turn lasts so long

//  The tasks that a dryer has begun and not ended: at most `most` numbers; returns how many.
int spec_part_running (spec_part_t *self, uint64_t *numbers, int most);

//  That task has ended with this status and so much output. False where it does not run.
bool spec_part_finish (spec_part_t *self, uint64_t n, int status, uint64_t out_bytes);

//  How many tasks were begun, and how many of them were ended by force.
uint64_t spec_part_started (spec_part_t *self, uint64_t *killed);

//  What the parts of one process share: an address and its context. NULL: there is no memory, or `at` is no address.
station_t *spec_station_new (const char *at);
void *spec_station_context (station_t *self);
void spec_station_destroy (station_t *self);

#pragma GCC visibility pop

#endif
