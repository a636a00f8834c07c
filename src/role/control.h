/*  control: what a role shares with whoever started it: its loop, and what it is asked to do.
 *
 *  Asking never waits and may be done from any thread; a role looks once a turn.
 */
#ifndef DISHES_ROLE_CONTROL_H
#define DISHES_ROLE_CONTROL_H

#include "role/loop.h"

typedef struct control control_t;

enum {
    CONTROL_LEAVE = 1,     // all is decided, or nothing can go on: leave at once
    CONTROL_END = 2,       // the user ends the run: of a dryer, end what runs; of a sink, decide so
    CONTROL_KILL = 4,      // the same without patience
    CONTROL_FAIL = 8,      // a part of this process could not go on: the run is lost
    CONTROL_SUSPEND = 16,  // stop what runs, then tell (dryer_role.h)
    CONTROL_RESIZE = 32,   // the terminal has another width
    CONTROL_DRAIN = 64,    // of a dryer: finish what runs, give back the rest, and leave
    CONTROL_ABANDON = 128, // of a dryer: end what runs, give back everything, and leave
    CONTROL_SLOTS = 256, // of a dryer: signals have moved the balance of its quota, which its next turn sees (quota.h)
    CONTROL_BEREFT = 512 // of a sink: no local dryer comes any more; without another one the run is lost
};

//  NULL and errno.
control_t *control_new (void);
void control_destroy (control_t **self_p);

void control_ask (control_t *self, unsigned what);

//  What was asked since the last call. Only the role itself.
unsigned control_asked (control_t *self);
loop_t *control_loop (control_t *self);

#endif
