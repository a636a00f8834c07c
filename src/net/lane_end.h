/*  lane_end: one end of a lane, which is good for one connection.
 *
 *  The washer's end is lost as soon as its one peer is gone, or a second one comes: what is then sent would go nobody
 *  knows where. The dryer's end is lost when its connection breaks. Between threads (inproc) nothing of this happens.
 *
 *  The washer's end tells the guard of strangers: a second peer is one, unless a connection has ended before it came,
 *  for then it may be the dryer that is back.
 */
#ifndef DISHES_NET_LANE_END_H
#define DISHES_NET_LANE_END_H

#include "net/guard.h"
#include "net/place.h"

#include <stdbool.h>

typedef enum {
    LANE_ALONE,   // nobody is at the other end yet
    LANE_MET,     // somebody is
    LANE_LOST,    // close it; the next generation takes its place
    LANE_REFUSED, // the dryer's: the other end does not want our credential
} lane_state_t;

//  All zero, and after lane_end_close: nothing is open. The socket is the caller's to send, receive and poll.
typedef struct {
    void *socket;
    void *monitor; // NULL: inproc
    bool is_push;
    guard_t *guard; // borrowed; NULL: nobody counts strangers
    lane_state_t state;
    unsigned refused;            // connections that were refused, and whose end was not told yet
    bool is_broken;              // some other connection has ended
    char file[PLACE_PATH_BYTES]; // of ipc, the washer's: to be removed; else ""
} lane_end_t;

//  Watches a socket that is neither bound nor connected yet. 0, or -1 and errno.
int lane_end_watch (lane_end_t *self, void *context);

//  How it stands. Look whenever the descriptor of the socket is ready, and before sending.
lane_state_t lane_end_look (lane_end_t *self);

void lane_end_close (lane_end_t *self); // may be called twice

#endif
