#include "net/monitor.h"
#include "net/socket.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

//  Nothing may keep libzmq's thread from telling us: no high-water mark.
static void *connect_reader (void *context, const char *endpoint)
{
    void *self = zmq_socket (context, ZMQ_PAIR);
    int none = 0;
    if (self && (zmq_setsockopt (self, ZMQ_RCVHWM, &none, sizeof none) == -1 ||
                 zmq_setsockopt (self, ZMQ_LINGER, &none, sizeof none) == -1 || zmq_connect (self, endpoint) == -1))
        socket_close (&self);
    return self;
}

void *monitor_open (void *context, void *socket, int events)
{
    static atomic_uint_fast64_t last;
    char endpoint[64];
    snprintf (endpoint, sizeof endpoint, "inproc://dishes.monitor.%llu",
              (unsigned long long)(atomic_fetch_add (&last, 1) + 1));
    if (zmq_socket_monitor (socket, endpoint, events) == -1)
        return NULL;
    void *self = connect_reader (context, endpoint);
    int kept = errno;
    if (!self)
        zmq_socket_monitor (socket, NULL, 0);
    errno = kept;
    return self;
}

//  The address, which is the second frame, says nothing that is not known.
static void skip_rest (void *self)
{
    int more = 0;
    size_t size = sizeof more;
    while (zmq_getsockopt (self, ZMQ_RCVMORE, &more, &size) == 0 && more)
        if (zmq_recv (self, NULL, 0, ZMQ_DONTWAIT) == -1 && errno != EINTR)
            return;
}

bool monitor_next (void *self, monitor_event_t *out)
{
    uint8_t frame[sizeof out->event + sizeof out->value];
    int size;
    do
        size = zmq_recv (self, frame, sizeof frame, ZMQ_DONTWAIT);
    while (size == -1 && errno == EINTR);
    if (size == -1)
        return false;
    skip_rest (self);
    memcpy (&out->event, frame, sizeof out->event);
    memcpy (&out->value, frame + sizeof out->event, sizeof out->value);
    return true;
}

void monitor_close (void **self_p, void *socket)
{
    int kept = errno;
    if (*self_p)
        zmq_socket_monitor (socket, NULL, 0);
    errno = kept;
    socket_close (self_p);
}
