#include "net/lane_end.h"
#include "net/monitor.h"
#include "net/socket.h"

#include <errno.h>
#include <unistd.h>
#include <zmq.h>

enum {
    REFUSED_EVENTS = ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
    PULL_EVENTS = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | REFUSED_EVENTS,
    PUSH_EVENTS = PULL_EVENTS | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
};

int lane_end_watch (lane_end_t *self, void *context)
{
    self->monitor = monitor_open (context, self->socket, self->is_push ? PUSH_EVENTS : PULL_EVENTS);
    return self->monitor ? 0 : -1;
}

static void take_pull_event (lane_end_t *self, uint16_t event)
{
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        self->state = LANE_MET;
    else if (event & REFUSED_EVENTS)
        self->state = LANE_REFUSED;
    else if (event == ZMQ_EVENT_DISCONNECTED && self->state == LANE_MET)
        self->state = LANE_LOST;
}

static void count (lane_end_t *self, stranger_t kind)
{
    if (self->guard)
        guard_count_refused (self->guard, SPOT_LANE, kind);
}

//  After the first peer there is a second, or the first is back.
static void take_peer (lane_end_t *self)
{
    if (self->state == LANE_MET && !self->is_broken)
        count (self, STRANGER_SECOND);
    self->state = self->state == LANE_MET ? LANE_LOST : LANE_MET;
}

//  Whoever shows a wrong credential is counted by the handler that judges it.
static void take_push_event (lane_end_t *self, uint16_t event)
{
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        take_peer (self);
    } else if (event != ZMQ_EVENT_DISCONNECTED) {
        self->refused++;
        if (event != ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
            count (self, event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ? STRANGER_BARE : STRANGER_MUTE);
    } else if (self->refused) {
        self->refused--;
    } else {
        self->is_broken = true;
    }
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
        (self->is_push ? take_push_event : take_pull_event) (self, event.event);
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
