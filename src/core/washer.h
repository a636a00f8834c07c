/*  washer: the core of the role that puts tasks and holds them until they are counted.
 *
 *  It deals tasks to the dryers by credit, one lane each, takes back what a lost dryer held, sends suspects alone,
 *  and forgets a task only when the sink has counted it. Pure: bytes and the time go in; packets and calls of the
 *  ports come out. Not safe for several threads.
 */
#ifndef DISHES_CORE_WASHER_H
#define DISHES_CORE_WASHER_H

#include "core/ranges.h"
#include "core/session.h"

typedef struct washer washer_t;

typedef enum { WASHER_SEEKING, WASHER_OPEN, WASHER_HALTING, WASHER_LEAVING, WASHER_GONE, WASHER_OVER } washer_state_t;

//  What the core asks of its surroundings. Strings and slices are borrowed for the time of the call.
typedef struct {
    void *arg;
    //  The sink takes reports at this endpoint: connect there. (Again, at each new life of the sink.)
    void (*sink_found) (void *arg, const char *endpoint);
    //  Bind a new PUSH for this dryer; answer with washer_lane_bound. Any older generation was closed.
    void (*lane_open) (void *arg, uint64_t dryer, uint32_t generation, const char *dryer_host);
    void (*lane_close) (void *arg, uint64_t dryer, uint32_t generation);
    //  A state change, for the log: `from -event-> to`.
    void (*trace) (void *arg, const char *from, const char *event, const char *to);
    void (*log) (void *arg, const char *line); // something a user should read; may be NULL
} washer_ports_t;

typedef struct {
    uint64_t life;
    char name[NAME_BYTES];
    shape_t shape;
    uint32_t retries;     // tries in all; 0: for ever; 1 is usual
    int64_t wait_ms;      // for a sink; 0: for ever
    uint32_t wait_dryers; // the first task waits until so many are there at once; 0: for any one
    uint64_t input_hash;  // identity of the input where it is known at the start; else 0
} washer_config_t;

washer_t *washer_new (const washer_config_t *config, const washer_ports_t *ports, int64_t now_ms);
void washer_destroy (washer_t **self_p);

//  What is put from now on lies in this shape; before the first call it is the configuration's.
void washer_shape (washer_t *self, const shape_t *shape);

//  Puts `tasks` whole tasks (their exact bytes); takes the slice on success only. They get the next numbers.
int washer_put (washer_t *self, slice_t *bytes, uint64_t tasks);

//  The next `tasks` numbers are thrown away, and count as dropped. Their bytes, borrowed, are part of the input all the
//  same: what is dropped the next time is something else.
int washer_put_dropped (washer_t *self, const slice_t *bytes, uint64_t tasks);

//  The items are what another pipeline has come to, or there should have been more of them. Before washer_eof.
void washer_before (washer_t *self, before_t before);
void washer_eof (washer_t *self); // no more will be put

//  All tasks up to this number are counted.
uint64_t washer_counted_to (const washer_t *self);

//  What waits unsent or uncounted here: for the caller's bound on its reading.
uint64_t washer_unsent_tasks (const washer_t *self);
size_t washer_held_bytes (const washer_t *self);

//  A message from `out`. Never fails: what is malformed is counted.
void washer_heard (washer_t *self, const message_t *message, int64_t now_ms);

void washer_strangers (washer_t *self, uint64_t refused); // at its lanes, since the process began: the sink is told
void washer_connected (washer_t *self, int64_t now_ms);   // the wire to `in` is open
void washer_lane_bound (washer_t *self, uint64_t dryer, uint32_t generation, const char *endpoint, int64_t now_ms);

//  State WASHER_GONE: the sink had closed this life (it was silent for too long). Goes on as a new life, greater than
//  the old one: what was out is asked back. The caller subscribes to the new topic before, keeps its wire to `in`.
void washer_reborn (washer_t *self, uint64_t life, int64_t now_ms);

//  The lane's connection broke, or a second peer came: this generation is over.
void washer_lane_lost (washer_t *self, uint64_t dryer, uint32_t generation, int64_t now_ms);

//  The next message for a lane, not yet taken off: washer_lane_sent takes it off once the socket has it.
//  False where nothing is to be sent now. The caller drops the packet's slices.
bool washer_lane_next (washer_t *self, uint64_t dryer, packet_t *out);
void washer_lane_sent (washer_t *self, uint64_t dryer);

//  Walks over the dryers that have something to send: the first with a life greater than `after`; 0: none.
uint64_t washer_lane_ready (const washer_t *self, uint64_t after);

//  Deals tasks and moves what is due; call after any of the calls above, then empty the outbox.
void washer_tick (washer_t *self, int64_t now_ms);
int64_t washer_due_ms (const washer_t *self);
bool washer_packet (washer_t *self, packet_t *out);

washer_state_t washer_state (const washer_t *self);
const ending_t *washer_ending (const washer_t *self); // end is END_LOST with a reason where the sink was lost
const char *washer_reason (const washer_t *self);
bool washer_failed (const washer_t *self); // memory ended: the process must end

typedef struct {
    uint64_t put, counted, failed, sent, redelivered, recalled, bad;
    size_t out, dryers, suspects;
    uint64_t slots; // of all dryers together
} washer_status_t;
washer_status_t washer_status (const washer_t *self);

#endif
