#include "net/lane_end.h"
#include "net/monitor.h"
#include "net/socket.h"

#include <errno.h>
#include <unistd.h>
#include <zmq.h>

enum {
    PUSH_EVENTS = ZMQ_EVENT_HANDSHAKE_SUCCEEDED,
    REFUSED_EVENTS = ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
    PULL_EVENTS = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | REFUSED_EVENTS
};

int lane_end_watch (lane_end_t *self, void *context)
{
    self->monitor = monitor_open (context, self->socket, self->is_push ? PUSH_EVENTS : PULL_EVENTS);
    return self->monitor ? 0 : -1;
}

static void take_event (lane_end_t *self, uint16_t event)
{
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        self->state = self->is_push && self->state == LANE_MET ? LANE_LOST : LANE_MET;
    else if (event & REFUSED_EVENTS)
        self->state = LANE_REFUSED;
    else if (event == ZMQ_EVENT_DISCONNECTED && self->state == LANE_MET)
        self->state = LANE_LOST;
}

//  The events do not tell whose connection has ended; that a PUSH has nobody to send to does. It has somebody by the
//  time that the event says so.
static void look_at_push (lane_end_t *self)
{
    bool has_peer = socket_can_send (self->socket);
    if (self->state == LANE_ALONE && has_peer && !self->monitor)
        self->state = LANE_MET;
    else if (self->state == LANE_MET && !has_peer && self->monitor)
        self->state = LANE_LOST;
}

lane_state_t lane_end_look (lane_end_t *self)
{
    monitor_event_t event;
    while (self->monitor && self->state != LANE_LOST && monitor_next (self->monitor, &event))
        take_event (self, event.event);
    if (self->is_push)
        look_at_push (self);
    else if (!self->monitor)
        self->state = LANE_MET;
    return self->state;
}

void lane_end_close (lane_end_t *self)
{
    monitor_close (&self->monitor, self->socket);
    socket_close (&self->socket);
    int kept = errno;
    if (*self->file)
        unlink (self->file); // libzmq does not
    errno = kept;
    *self = (lane_end_t){0};
}
