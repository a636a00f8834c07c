/*  socket: the wires of a pipeline as ZeroMQ sockets, and what is the same for each of a kind.
 *
 *  One table holds the policy of every wire. High-water marks are 0 only where a window of the protocol bounds what
 *  can be under way. A peer's reports go out through an XPUB and not a PUB, because an XPUB is handed the sink's
 *  subscription: so a peer knows from when on its reports arrive, and says HELLO at that very moment.
 *
 *  A socket belongs to one thread at a time, a context to all. Every call returns at once; only context_destroy may
 *  wait, for as long as the linger of what was closed.
 */
#ifndef DISHES_NET_SOCKET_H
#define DISHES_NET_SOCKET_H

#include "core/frame.h"

#include <stdbool.h>

//  A context of our own. Without I/O threads only inproc works, and costs less. NULL and errno.
void *context_new (unsigned io_threads, unsigned max_sockets);

//  Every socket must have been closed.
void context_destroy (void **self_p);

//  The sink's XPUB: binds, and greets each new subscriber with `advert` (sink_advert). Does not take the packet.
void *socket_out (void *context, const char *endpoint, const packet_t *advert);

//  The sink's SUB: binds and takes everybody's reports.
void *socket_in (void *context, const char *endpoint);

//  A peer's SUB on `out`: hears what is for this peer and what is for everybody.
void *socket_orders (void *context, const char *endpoint, uint8_t role, uint64_t life);

//  A peer's XPUB towards `in`.
void *socket_reports (void *context, const char *endpoint);

//  A lane: the washer's PUSH binds, the dryer's PULL connects.
void *socket_lane_push (void *context, const char *endpoint);
void *socket_lane_pull (void *context, const char *endpoint);

//  The steps behind them, for endpoints that need more (site.h): a socket with the policy of its wire, what it hears or
//  greets with, and then the attaching.
typedef enum { WIRE_OUT, WIRE_IN, WIRE_ORDERS, WIRE_REPORTS, WIRE_PUSH, WIRE_PULL } wire_kind_t;

void *socket_new (void *context, wire_kind_t kind);
int socket_greet (void *self, const packet_t *advert); // an XPUB: what each new subscriber gets
int socket_hear_all (void *self);
int socket_hear_orders (void *self, uint8_t role, uint64_t life);

//  Ends its connections only after so long without a sign of the peer; never sooner than the policy does.
int socket_bear_silence (void *self, int64_t silence_ms);

int socket_bind (void *self, const char *endpoint);
int socket_connect (void *self, const char *endpoint);

//  Those that make a socket return NULL, the others -1, with the errno of libzmq (EADDRINUSE, EMFILE, ENOMEM, …) and
//  leave nothing behind.

//  Closes a socket; its linger goes on in the background.
void socket_close (void **self_p);

//  The descriptor to poll for POLLIN: it says that something may have changed since the socket was last found empty.
//  Sending may swallow the sign, so a socket that both sends and receives is read once more after it has sent.
int socket_fd (void *self);

//  An XPUB: reads what its subscribers say, until nothing is left. True where a subscription came.
bool socket_subscribed (void *self);

//  An XPUB: what one of its subscribers says next, without waiting; false where nothing is left.
typedef struct {
    bool is_on;   // false: it goes
    uint8_t role; // of whom the topic is; 0: everybody's
    uint64_t life;
} subscription_t;
bool socket_next_subscription (void *self, subscription_t *out);

//  A PUSH: true where somebody is there to take a message.
bool socket_can_send (void *self);

#endif
