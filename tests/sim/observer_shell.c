/*  An observer's process: a session, and nothing else to do. */
#include "sim.h"

static void hello (world_t *world, process_t *self)
{
    packet_t packet = session_packet (&self->session, MSG_HELLO);
    writer_t out = {0};
    put_u8 (&out, ROLE_OBSERVER);
    put_text (&out, "observer");
    put_text (&out, "host");
    if (writer_take (&out, &packet.records) == -1)
        abort ();
    net_send (world, self, &packet);
}

void observer_begin (world_t *world, process_t *self)
{
    session_init (&self->session, ROLE_OBSERVER, self->life, world->plan.wait_ms, world->now_ms);
}

//  True where the session has come to its end.
static bool handle (world_t *world, process_t *self, const message_t *message)
{
    heard_t heard = session_heard (&self->session, message, world->now_ms);
    reader_t in = reader_of (message);
    char endpoint[ENDPOINT_BYTES];
    if (heard == HEARD_SINK) {
        get_text (&in, endpoint, sizeof endpoint);
        net_find (world, self, endpoint);
    } else if (heard == HEARD_GONE) {
        self->life = process_life (world);
        session_reborn (&self->session, self->life, world->now_ms);
    } else if (heard == HEARD_END) {
        self->ending = self->session.ending;
        session_bye (&self->session, world->now_ms);
    }
    return heard == HEARD_LOST || heard == HEARD_REFUSED;
}

void observer_turn (world_t *world, process_t *self)
{
    parcel_t *parcel;
    while (net_read (self, &parcel)) {
        message_t message;
        if (net_decode (parcel, &message))
            handle (world, self, &message);
        net_free (world, parcel);
    }
    session_tick (&self->session, world->now_ms);
    if (self->session.state == SESSION_HELLO && session_hello_due (&self->session, world->now_ms))
        hello (world, self);
    outbox_t out = {0};
    session_pump (&self->session, &out, world->now_ms);
    packet_t packet;
    while (outbox_pop (&out, &packet))
        net_send (world, self, &packet);
    outbox_free (&out);
    if (self->session.state == SESSION_OVER) {
        self->ending = self->session.ending;
        process_over (world, self);
    } else {
        process_wake (world, self, session_due_ms (&self->session));
    }
}
