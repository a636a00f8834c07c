/*  observer: the core of who only looks: it waits for the end of a run (--join), or asks how it stands (--status),
 *  again and again (--top).
 *
 *  It seeks the sink, says HELLO, is told the status with WELCOME, and stays until the run has ended, or until
 *  observer_leave; then it says BYE. Pure: bytes and the time go in; packets and calls of the ports come out. Not safe
 *  for several threads.
 */
#ifndef DISHES_CORE_OBSERVER_H
#define DISHES_CORE_OBSERVER_H

#include "core/session.h"
#include "core/status.h"

typedef struct observer observer_t;

typedef enum {
    OBSERVER_SEEKING, // a sink, or its WELCOME
    OBSERVER_OPEN,    // the status is there; the end is awaited
    OBSERVER_LEAVING, // says BYE
    OBSERVER_GONE,    // the sink had closed this life: go on as another (observer_reborn)
    OBSERVER_OVER,
} observer_state_t;

typedef struct {
    void *arg;
    //  The sink takes reports at this endpoint: connect there. (Again, at each new life of the sink.)
    void (*sink_found) (void *arg, const char *endpoint);
    void (*trace) (void *arg, const char *from, const char *event, const char *to); // may be NULL
} observer_ports_t;

typedef struct {
    uint64_t life;
    char name[NAME_BYTES];
    int64_t wait_ms; // for a sink; 0: for ever
    uint64_t run;    // the run that is meant: another one at the address is the end; 0: whichever is there
} observer_config_t;

observer_t *observer_new (const observer_config_t *config, const observer_ports_t *ports, int64_t now_ms);
void observer_destroy (observer_t **self_p);

void observer_heard (observer_t *self, const message_t *message, int64_t now_ms); // from `out`
void observer_connected (observer_t *self, int64_t now_ms);                       // the wire to `in` is open

//  Asks how the run stands now, which the next WELCOME tells; nothing happens but in OBSERVER_OPEN.
void observer_ask (observer_t *self);

//  Says BYE before the end; the ending stays END_NONE, unless the end is told meanwhile.
void observer_leave (observer_t *self, int64_t now_ms);

//  State OBSERVER_GONE: goes on as a new life, greater than the old one. The caller subscribes to its topic before.
void observer_reborn (observer_t *self, uint64_t life, int64_t now_ms);

void observer_tick (observer_t *self, int64_t now_ms);
int64_t observer_due_ms (const observer_t *self);
bool observer_packet (observer_t *self, packet_t *out);

observer_state_t observer_state (const observer_t *self);
const ending_t *observer_ending (const observer_t *self); // END_LOST with a reason: no sink, or another run
const char *observer_reason (const observer_t *self);
uint64_t observer_run (const observer_t *self); // the run that was found; 0: none yet

//  As the last WELCOME told it; NULL before. And how often it was told.
const sink_status_t *observer_status (const observer_t *self);
uint64_t observer_told (const observer_t *self);
//  The dryers of that status, in the order of their lives; valid until the next message is heard.
const dryer_row_t *observer_dryers (const observer_t *self, size_t *count);
uint64_t observer_bad (const observer_t *self); // messages that were malformed, or for somebody else
bool observer_failed (const observer_t *self);  // memory ended

#endif
