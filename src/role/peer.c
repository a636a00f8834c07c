#include "role/peer.h"
#include "net/socket.h"

#include <errno.h>

int peer_open (peer_t *self, void *context, loop_t *loop, const char *out, uint8_t role, uint64_t life)
{
    *self = (peer_t){.context = context, .loop = loop};
    inbound_init (&self->inbound);
    self->orders = socket_orders (context, out, role, life);
    return self->orders ? loop_watch (loop, &self->orders_watch, socket_fd (self->orders)) : -1;
}

static void close_reports (peer_t *self)
{
    loop_unwatch (self->loop, &self->reports_watch);
    socket_close (&self->reports);
}

void peer_close (peer_t *self)
{
    if (!self->loop)
        return;
    int kept = errno;
    close_reports (self);
    loop_unwatch (self->loop, &self->orders_watch);
    socket_close (&self->orders);
    inbound_free (&self->inbound);
    *self = (peer_t){0};
    errno = kept;
}

packet_found_t peer_receive (peer_t *self)
{
    packet_found_t found = packet_receive (self->orders, true, &self->inbound);
    self->orders_watch.ready = found != PACKET_NONE;
    return found;
}

int peer_report_to (peer_t *self, const char *in)
{
    close_reports (self);
    self->reports = socket_reports (self->context, in);
    return self->reports ? loop_watch (self->loop, &self->reports_watch, socket_fd (self->reports)) : -1;
}

bool peer_connected (peer_t *self)
{
    if (!self->reports || !self->reports_watch.ready)
        return false;
    self->reports_watch.ready = false;
    return socket_subscribed (self->reports);
}

void peer_send (peer_t *self, packet_t *packet)
{
    if (self->reports) {
        packet_send (self->reports, packet);
        self->reports_watch.ready = true; // sending may have swallowed the sign of a subscription
    }
    packet_drop (packet);
}
