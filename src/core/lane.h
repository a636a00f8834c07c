/*  lane: the washer's side of one dryer.
 *
 *  The lane's socket lives for one connection (a generation), its sequence for the pair of lives: a new generation
 *  goes on where the dryer says that it lacks something.
 */
#ifndef DISHES_CORE_LANE_H
#define DISHES_CORE_LANE_H

#include "core/ledger.h"
#include "core/session.h"

typedef struct {
    uint64_t dryer; // its life
    char host[NAME_BYTES];
    uint32_t slots;      // tasks at a time; 0: it is leaving
    uint32_t prefetch;   // tasks beyond them
    uint32_t grain;      // tasks that a slot takes at a time
    uint32_t unsure;     // tasks that may be started and not yet reported
    uint32_t generation; // of the socket, from 1
    bool bound;          // the socket stands, at:
    char endpoint[ENDPOINT_BYTES];
    bool ready;          // the dryer has said what it got: sending may go on
    uint64_t seq;        // the last sequence used
    uint64_t next;       // the next one for the wire
    uint64_t high;       // the highest that was ever sent
    uint64_t recall_seq; // the RECALL that was not answered yet; 0: none
    uint32_t recall_max;
    bool recall_vain; // nothing was to be had; until something changes there
    // what tells a lane that cannot be made from one that rests
    bool shut;        // nothing got through for dead-after: there is no socket until `retry_ms`
    bool doubted;     // it was shut, and nothing got through since: it gets no task
    bool told_of;     // the user was
    int64_t begun_ms; // when this generation began
    int64_t waits_ms; // since when something is to go there and cannot; -1: nothing
    int64_t flaps_ms; // since when generations are lost and no task comes back; -1: it stands
    int64_t retry_ms;
    shelf_t shelf;   // what is out there
    shelf_t foreign; // what it still does for an earlier life of this washer
} lane_t;

//  The lanes in the order of the dryers' lives. Each lane stays at its address.
typedef struct {
    lane_t **lanes;
    size_t size, capacity;
} lanes_t;

lane_t *lanes_find (const lanes_t *self, uint64_t dryer);  // NULL: no such lane
lane_t *lanes_after (const lanes_t *self, uint64_t dryer); // the first with a greater life; NULL: none
lane_t *lanes_add (lanes_t *self, uint64_t dryer);         // NULL: ENOMEM
void lanes_remove (lanes_t *self, lane_t *lane);           // frees it
void lanes_free (lanes_t *self);

uint64_t lane_out (const lane_t *self);    // tasks that are there
uint64_t lane_base (const lane_t *self);   // tasks that its slots take at once
uint64_t lane_window (const lane_t *self); // tasks that may be there
bool lane_sendable (const lane_t *self);   // something waits for the wire, and may go
bool lane_usable (const lane_t *self);     // as far as is known, what is sent there arrives

#endif
