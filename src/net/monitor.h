/*  monitor: what happens to the connections of one socket, as libzmq tells it.
 *
 *  The context has one I/O thread, so that events come in the order in which they were: a connection is accepted before
 *  its first message can be read, and what it had sent can be read before its end is told.
 */
#ifndef DISHES_NET_MONITOR_H
#define DISHES_NET_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint16_t event; // ZMQ_EVENT_*
    uint32_t value; // a descriptor, or what zmq_socket_monitor(3) says
} monitor_event_t;

//  Watches for these events (ZMQ_EVENT_*) of a socket that is neither bound nor connected yet. A socket of the
//  caller's, for the thread that has the other; NULL and errno.
void *monitor_open (void *context, void *socket, int events);

//  The next event, without waiting; false where there is none.
bool monitor_next (void *self, monitor_event_t *out);

//  Always before the watched socket is closed: libzmq's thread would wait for ever to tell an event of the closing to a
//  reader who is gone.
void monitor_close (void **self_p, void *socket);

#endif
