#include "role/hatch.h"
#include "core/array.h"
#include "net/packet.h"
#include "net/socket.h"

#include <errno.h>

static port_t *find (const hatch_t *self, uint64_t dryer)
{
    for (size_t i = 0; i < self->size; i++)
        if (self->ports[i]->dryer == dryer)
            return self->ports[i];
    return NULL;
}

static void free_port (hatch_t *self, port_t *port)
{
    loop_unwatch (self->loop, &port->news);
    loop_unwatch (self->loop, &port->watch);
    lane_end_close (&port->lane);
    free (port);
}

static int bind_port (hatch_t *self, port_t *port)
{
    if (site_lane_push (self->site, self->washer, port->dryer, port->generation, &port->lane, port->endpoint) == -1)
        return -1;
    if (port->lane.monitor && loop_watch (self->loop, &port->news, socket_fd (port->lane.monitor)) == -1)
        return -1;
    return loop_watch (self->loop, &port->watch, socket_fd (port->lane.socket));
}

int hatch_open (hatch_t *self, uint64_t dryer, uint32_t generation)
{
    if (array_reserve (&self->ports, &self->capacity, self->size + 1, sizeof (port_t *)) == -1)
        return -1;
    port_t *port = calloc (1, sizeof *port);
    if (!port)
        return -1;
    *port = (port_t){.dryer = dryer, .generation = generation};
    if (bind_port (self, port) == -1) {
        int kept = errno;
        free_port (self, port);
        errno = kept;
        return -1;
    }
    self->ports[self->size++] = port;
    self->is_new = true;
    return 0;
}

void hatch_close (hatch_t *self, uint64_t dryer, uint32_t generation)
{
    for (size_t i = 0; i < self->size; i++) {
        port_t *port = self->ports[i];
        if (port->dryer != dryer || port->generation != generation)
            continue;
        self->ports[i] = self->ports[--self->size];
        free_port (self, port);
        return;
    }
}

void hatch_free (hatch_t *self)
{
    while (self->size)
        free_port (self, self->ports[--self->size]);
    free (self->ports);
    *self = (hatch_t){0};
}

static void tell_new (hatch_t *self, washer_t *core, int64_t now_ms)
{
    while (self->is_new) {
        self->is_new = false;
        for (size_t i = 0; i < self->size; i++) {
            port_t *port = self->ports[i];
            if (port->is_told)
                continue;
            port->is_told = true;
            washer_lane_bound (core, port->dryer, port->generation, port->endpoint, now_ms);
        }
    }
}

//  libzmq tells of a peer only after it has sent to it: that a second one has come may be news when all else is quiet.
static bool has_news (const port_t *port)
{
    return port->watch.ready || port->news.ready;
}

//  A lane in which something happened; NULL: none.
static port_t *find_lost (const hatch_t *self)
{
    for (size_t i = 0; i < self->size; i++) {
        port_t *port = self->ports[i];
        if (port->is_told && has_news (port) && lane_end_look (&port->lane) == LANE_LOST)
            return port;
    }
    return NULL;
}

void hatch_tell (hatch_t *self, washer_t *core, int64_t now_ms)
{
    for (port_t *lost; (lost = find_lost (self)); tell_new (self, core, now_ms))
        washer_lane_lost (core, lost->dryer, lost->generation, now_ms); // closes it, and opens the next
    tell_new (self, core, now_ms);
}

static bool is_stuck (port_t *port)
{
    if (has_news (port))
        port->is_stuck = lane_end_look (&port->lane) == LANE_LOST || !socket_can_send (port->lane.socket);
    port->watch.ready = port->lane.state == LANE_LOST; // until it was told
    port->news.ready = false;
    return port->is_stuck;
}

static void send_lane (hatch_t *self, port_t *port, washer_t *core)
{
    packet_t packet;
    while (!is_stuck (port) && washer_lane_next (core, port->dryer, &packet)) {
        if (packet_send (port->lane.socket, &packet) == 0)
            washer_lane_sent (core, port->dryer);
        else {
            self->oom = self->oom || errno == ENOMEM;
            port->is_stuck = true;
        }
        packet_drop (&packet);
    }
}

void hatch_send (hatch_t *self, washer_t *core)
{
    for (uint64_t dryer = 0; (dryer = washer_lane_ready (core, dryer));) {
        port_t *port = find (self, dryer);
        if (port)
            send_lane (self, port, core);
    }
    for (size_t i = 0; i < self->size; i++)
        is_stuck (self->ports[i]); // a sign that came for nothing must not wake us again
}

bool hatch_must_tell (const hatch_t *self)
{
    for (size_t i = 0; i < self->size; i++)
        if (self->ports[i]->lane.state == LANE_LOST)
            return true;
    return self->is_new;
}
