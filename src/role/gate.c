#include "role/gate.h"
#include "net/monitor.h"
#include "net/socket.h"

#include <errno.h>

enum { REPORTS_A_TURN = 4096 };

int gate_open (gate_t *self, site_t *site, bool is_strict, loop_t *loop, endpoint_t told)
{
    *self = (gate_t){.loop = loop, .site = site, .is_strict = is_strict};
    inbound_init (&self->inbound);
    self->in = site_in (site, told, &self->monitor);
    return self->in ? 0 : -1;
}

void gate_close (gate_t *self)
{
    if (!self->loop)
        return;
    int kept = errno;
    loop_unwatch (self->loop, &self->monitor_watch);
    loop_unwatch (self->loop, &self->in_watch);
    if (self->in)
        monitor_close (&self->monitor, self->in);
    socket_close (&self->in);
    inbound_free (&self->inbound);
    presence_free (&self->presence);
    *self = (gate_t){0};
    errno = kept;
}

int gate_watch (gate_t *self)
{
    if (self->monitor && loop_watch (self->loop, &self->monitor_watch, socket_fd (self->monitor)) == -1)
        return -1;
    return loop_watch (self->loop, &self->in_watch, socket_fd (self->in));
}

static void take_events (gate_t *self)
{
    monitor_event_t event;
    while (self->monitor_watch.ready && monitor_next (self->monitor, &event))
        if (event.event & SITE_STRANGER_EVENTS)
            site_stranger (self->site, SPOT_IN, event.event);
        else
            presence_event (&self->presence, event.event == ZMQ_EVENT_ACCEPTED ? PRESENCE_ACCEPTED : PRESENCE_CLOSED,
                            event.value);
    self->monitor_watch.ready = false;
}

//  A worker's key is not the head's, and with keys nobody speaks for a life that is at home elsewhere. What is not
//  allowed says nothing of where a life is either.
static bool is_allowed (gate_t *self, const sink_t *core)
{
    const message_t *message = &self->inbound.message;
    uint64_t from = message->header.from;
    if (!guard_allows (inbound_user (&self->inbound), message, sink_has_washer (core, from)))
        return false;
    return presence_heard (&self->presence, inbound_fd (&self->inbound), from) || !self->is_strict;
}

typedef struct {
    sink_t *core;
    int64_t now_ms;
} hearer_t;

static void on_gone (void *arg, uint64_t life)
{
    hearer_t *hearer = arg;
    sink_disconnected (hearer->core, life, hearer->now_ms);
}

static void on_back (void *arg, uint64_t life)
{
    hearer_t *hearer = arg;
    sink_reconnected (hearer->core, life);
}

bool gate_hear (gate_t *self, sink_t *core, int64_t now_ms)
{
    hearer_t hearer = {core, now_ms};
    take_events (self);
    for (unsigned i = 0; self->in_watch.ready; i++) {
        if (i == REPORTS_A_TURN)
            return true;
        packet_found_t found = packet_receive (self->in, false, &self->inbound);
        if (found == PACKET_NONE)
            self->in_watch.ready = false;
        else if (found == PACKET_LOST)
            self->oom = true;
        else if (found == PACKET_GOOD && is_allowed (self, core))
            sink_heard (core, &self->inbound.message, now_ms);
        else
            sink_bad_message (core);
    }
    presence_settle (&self->presence, on_gone, on_back, &hearer);
    return false;
}
