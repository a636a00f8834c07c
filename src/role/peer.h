/*  peer: the two wires of a washer or a dryer towards the sink: orders in, reports out.
 */
#ifndef DISHES_ROLE_PEER_H
#define DISHES_ROLE_PEER_H

#include "net/packet.h"
#include "role/loop.h"

typedef struct {
    void *context; // borrowed
    loop_t *loop;  // borrowed
    void *orders, *reports;
    watch_t orders_watch, reports_watch;
    inbound_t inbound;
} peer_t;

//  Listens to the sink's `out`. 0, or -1 and errno; peer_close in either case.
int peer_open (peer_t *self, void *context, loop_t *loop, const char *out, uint8_t role, uint64_t life);
void peer_close (peer_t *self); // may be called twice

//  The next order in `inbound`; PACKET_NONE, and the mark of its watch is gone, where there is none.
packet_found_t peer_receive (peer_t *self);

//  The sink takes reports here now; what was not sent yet to another endpoint is left to the protocol. 0, or -1 and
//  errno.
int peer_report_to (peer_t *self, const char *in);

//  True once each time that the sink has begun to listen.
bool peer_connected (peer_t *self);

//  Sends a report, and gives up the packet. What the wire does not take is lost, and the protocol heals it.
void peer_send (peer_t *self, packet_t *packet);

#endif
