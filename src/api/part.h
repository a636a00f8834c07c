/*  part: what washer, dryer and sink have in common: a station, and a role in a thread of its own that talks to the
 *  caller's threads through a latch.
 */
#ifndef DISHES_API_PART_H
#define DISHES_API_PART_H

#include "api/latch.h"
#include "api/settings.h"
#include "role/control.h"
#include "role/station.h"

enum { PART_LINE_BYTES = 512 };

typedef struct {
    settings_t settings;
    station_t *station;
    control_t *control;
    talk_t talk; // for the role
    latch_t latch;
    bool has_latch;
    pthread_t thread;
    bool is_started;
    int (*run) (void *arg); // the role; its exit status
    void *arg;

    //  under the latch
    bool is_ready, is_over;
    int status;                 // of the role
    int error;                  // errno of a role that could not begin
    char said[PART_LINE_BYTES]; // the last error that it told
} part_t;

//  Everything but the thread. 0; or -1 with the fault set. part_close in either case.
int part_open (part_t *self, uint8_t role, const char *at, const dishes_opts_t *opts);

//  Runs the role in its thread, and waits until it is ready. 0; or -1 with the fault set.
int part_start (part_t *self, int (*run) (void *arg), void *arg);

//  In the role's thread, as often as one likes: it has begun.
void part_ready (part_t *self);

//  True when the role is over, or then in time.
bool part_wait (part_t *self, int64_t deadline_ns);

//  Asks the role to end (CONTROL_*), waits for it, and frees everything. What has not ended after `patience_ms` leaves
//  at once. A part that was never opened may be all zero.
void part_close (part_t *self, unsigned what, int patience_ms);

//  The last error that the role told; "" without one.
void part_said (part_t *self, char out[PART_LINE_BYTES]);

#endif
