#include "role/peer.h"
#include "net/socket.h"

#include <errno.h>

enum { LOOK_MS = 200, SILENCE_MS = 5000 }; // the usual one, until the sink has said for how long it is borne

static int open_orders (peer_t *self)
{
    self->orders = site_orders (self->site, self->role, self->life);
    self->is_met = false;
    return self->orders ? loop_watch (self->loop, &self->orders_watch, socket_fd (self->orders)) : -1;
}

static void close_orders (peer_t *self)
{
    loop_unwatch (self->loop, &self->orders_watch);
    site_close_orders (self->site, &self->orders);
}

//  In the thread of the pulse. The numbers are those of before: what is outside of the link is monotone.
static void sound (void *arg)
{
    peer_t *self = arg;
    packet_t beat = {.wire = TO_SINK, .role = self->role, .header = self->last};
    if (!self->reports || !self->last.run)
        return;
    beat.header.type = MSG_BEAT;
    beat.header.flags = 0;
    beat.header.count = 0;
    beat.header.seq = 0;
    packet_send (self->reports, &beat);
    atomic_store (&self->was_sounded, true);
}

int peer_open (peer_t *self, site_t *site, loop_t *loop, const talk_t *talk, uint8_t role, uint64_t life)
{
    *self = (peer_t){.site = site, .loop = loop, .talk = talk, .role = role, .life = life};
    inbound_init (&self->inbound);
    if (site_at (site)->kind != ADDRESS_INPROC && !(self->pulse = pulse_new (sound, self, SILENCE_MS)))
        return -1;
    ending_t ending;
    if (site_read_result (site, &self->old_run, &ending) == -1)
        self->old_run = 0;
    return open_orders (self);
}

static void look_for_result (peer_t *self)
{
    uint64_t run;
    ending_t ending;
    self->has_missed = site_read_result (self->site, &run, &ending) == 0 && run != self->old_run;
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
    pulse_destroy (&self->pulse);
    close_reports (self);
    close_orders (self);
    inbound_free (&self->inbound);
    *self = (peer_t){0};
    errno = kept;
}

static void say_refusal (peer_t *self)
{
    const char *line = site_refused (self->site);
    if (!line)
        line = site_owner (self->site);
    if (line && !self->is_refused)
        talk_say (self->talk, TALK_ERROR, "%s", line);
    self->is_refused = self->is_refused || line;
}

int peer_tick (peer_t *self, int64_t now_ms)
{
    if (!self->is_met && now_ms >= self->look_ms) {
        self->look_ms = now_ms + LOOK_MS;
        say_refusal (self);
        look_for_result (self);
    }
    if (!site_renewed (self->site, now_ms))
        return 0;
    close_orders (self);
    return open_orders (self);
}

int64_t peer_due_ms (const peer_t *self)
{
    if (self->is_met)
        return INT64_MAX;
    int64_t due_ms = site_due_ms (self->site);
    return due_ms < self->look_ms ? due_ms : self->look_ms;
}

void peer_rest (peer_t *self)
{
    if (self->rests++ == 0)
        pulse_rest (self->pulse);
}

void peer_resume (peer_t *self)
{
    if (--self->rests == 0)
        pulse_resume (self->pulse);
}

static void heard_welcome (peer_t *self)
{
    reader_t in = reader_of (&self->inbound.message);
    uint32_t dead_after_ms = get_u32 (&in);
    if (!in.bad && dead_after_ms)
        pulse_bear (self->pulse, dead_after_ms);
}

packet_found_t peer_receive (peer_t *self)
{
    packet_found_t found = packet_receive (self->orders, true, &self->inbound);
    self->orders_watch.ready = found != PACKET_NONE;
    self->is_met = self->is_met || (found == PACKET_GOOD && self->inbound.message.header.type != MSG_ADVERT);
    self->oom = self->oom || found == PACKET_LOST;
    if (found == PACKET_BAD && !self->is_bad_told) {
        talk_say (self->talk, TALK_NOTICE, "the sink says what is not in this version of the protocol: it is dropped");
        self->is_bad_told = true;
    }
    if (found == PACKET_GOOD && self->inbound.message.header.type == MSG_WELCOME)
        heard_welcome (self);
    return found;
}

int peer_report_to (peer_t *self, const char *in)
{
    close_reports (self);
    self->reports = site_reports (self->site, in);
    return self->reports ? loop_watch (self->loop, &self->reports_watch, socket_fd (self->reports)) : -1;
}

bool peer_connected (peer_t *self)
{
    bool was_sounded = atomic_exchange (&self->was_sounded, false);
    if (!self->reports || (!was_sounded && !self->reports_watch.ready))
        return false;
    self->reports_watch.ready = false;
    return socket_subscribed (self->reports);
}

void peer_send (peer_t *self, packet_t *packet)
{
    if (self->reports) {
        self->oom = (packet_send (self->reports, packet) == -1 && errno == ENOMEM) || self->oom;
        self->last = packet->header;
        self->reports_watch.ready = true; // sending may have swallowed the sign of a subscription
    }
    packet_drop (packet);
}
