/*  packet: messages of the core to and from ZeroMQ frames.
 *
 *  The body is handed over without a copy, both ways: a frame that goes out holds a reference to the block, a body that
 *  came in is a block around the frame. Only small bodies are copied, which costs less.
 */
#ifndef DISHES_NET_PACKET_H
#define DISHES_NET_PACKET_H

#include "core/frame.h"

#include <zmq.h>

//  Sends a packet whole, or not at all, and never waits; packets to a peer get its topic. The packet stays the
//  caller's. 0, or -1 and errno: EAGAIN where nobody is there to take it, ENOMEM.
int packet_send (void *socket, const packet_t *packet);

//  The bytes of a packet to a peer without a body in one frame, topic first. Returns their number, and in `out` memory
//  that the caller frees; 0 and ENOMEM.
size_t packet_flatten (const packet_t *packet, uint8_t **out);

typedef enum { PACKET_NONE, PACKET_GOOD, PACKET_BAD, PACKET_LOST } packet_found_t;

//  A received message, with what it borrows. Begin with inbound_init, end with inbound_free; one may be used again and
//  again.
typedef struct {
    message_t message; // its records are good until the next packet_receive
    slice_t body;      // a reference of its own may be taken from it
    zmq_msg_t head;
} inbound_t;

void inbound_init (inbound_t *self);
void inbound_free (inbound_t *self);

//  The next message, without waiting. `topic` where the wire carries topics (orders). PACKET_BAD: it was no message of
//  ours, all its frames were thrown away. PACKET_NONE: none is there. PACKET_LOST: there was no memory for it, and on a
//  wire that loses nothing it does not come again: who hears this cannot go on.
packet_found_t packet_receive (void *socket, bool topic, inbound_t *into);

//  Of the message in it: the descriptor of the connection on which it came, -1 where there is none (inproc); and whom
//  the guard of that socket let in (GUARD_*), NULL where there is no guard. Borrowed until the next packet_receive.
int inbound_fd (inbound_t *self);
const char *inbound_user (inbound_t *self);

#endif
