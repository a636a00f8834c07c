/*  washer_role: an input, the washer's core and its wires, as one loop.
 *
 *  Reads items only while it holds less than its queue allows, deals them to the dryers by the core's word, and ends
 *  when all is counted or the run is over. It never waits for a writer of its input, nor for a dryer that is slow.
 */
#ifndef DISHES_ROLE_WASHER_ROLE_H
#define DISHES_ROLE_WASHER_ROLE_H

#include "core/washer.h"
#include "net/site.h"
#include "role/control.h"
#include "role/supply.h"
#include "role/talk.h"

//  What becomes of items for which the queue has no room.
typedef enum {
    FULL_BLOCK, // the input is not read
    FULL_STACK, // kept, in memory and then on disk
    FULL_DROP,  // thrown away and counted as dropped; not before the first dryer came
} full_t;

enum { QUEUE_BYTES = 4 << 20, SLOTS_MOST = 1 << 16 };

typedef struct {
    site_config_t site; // of the station (role/station.h)
    const char *name;
    input_t *input;         // borrowed; only this role reads it
    const supply_t *supply; // in place of an input; borrowed. NULL: the input
    const before_t *before; // what its items are the results of: looked at when they have ended; borrowed. NULL: none
    uint32_t retries;       // tries in all; 0: for ever
    uint32_t wait_dryers;   // the first task waits for so many; 0: for any one
    int64_t wait_ms;        // for a sink; 0: for ever
    full_t when_full;
    uint64_t queue_tasks; // held at most; 0: no bound
    size_t queue_bytes;   // held at most; 0: QUEUE_BYTES
    uint64_t slots;       // at the dryers, as far as is known from the start
    uint32_t slot_tasks;  // so many for each slot are held however large they are, so that none waits; 0: one
    bool is_beside_sink;  // which says itself why a run is lost
    talk_t talk;
    //  Called after each turn. NULL: not used.
    void (*turned) (void *arg, const washer_t *core);
    void *turned_arg;
} washer_role_config_t;

//  Runs until the end. Returns the exit status: what the run came to, or 125 where the input could not be read to its
//  end (what was read is done and counted all the same) or the pipeline was lost, and then said so; where it
//  could not even begin errno has the reason.
int washer_role_run (const washer_role_config_t *config, control_t *control);

#endif
