/*  The wires between a peer and the sink. */
#include "sim.h"

#include <string.h>

static parcel_t *parcel_new (world_t *world)
{
    parcel_t *parcel = world->spare;
    if (parcel)
        world->spare = parcel->next;
    else
        parcel = malloc (sizeof *parcel);
    if (!parcel)
        abort ();
    *parcel = (parcel_t){.lane = -1, .receiver = -1};
    return parcel;
}

void net_free (world_t *world, parcel_t *parcel)
{
    slice_drop (&parcel->frame);
    slice_drop (&parcel->body);
    parcel->next = world->spare;
    world->spare = parcel;
}

static slice_t encode (const packet_t *packet)
{
    block_t *block = block_new (HEADER_BYTES + packet->records.size);
    if (!block)
        abort ();
    header_encode (&packet->header, block_data (block));
    if (packet->records.size)
        memcpy (block_data (block) + HEADER_BYTES, packet->records.data, packet->records.size);
    slice_t frame = slice_of (block, 0, HEADER_BYTES + packet->records.size);
    block_unref (block);
    return frame;
}

bool net_decode (const parcel_t *parcel, message_t *out)
{
    return message_decode (out, parcel->frame.data, parcel->frame.size, parcel->has_body ? &parcel->body : NULL) == 0;
}

void net_later (world_t *world, int64_t at_ms, parcel_t *parcel)
{
    if (!parcel->order)
        parcel->order = ++world->heap.order;
    event_t event = {.at_ms = at_ms, .order = parcel->order, .kind = EV_ARRIVE, .process = -1, .thing = parcel};
    heap_push (&world->heap, &event);
}

static void travel (world_t *world, tube_t *wire, parcel_t *parcel)
{
    int64_t at = world->now_ms + world->plan.delay_ms;
    if (world->plan.jitter_ms)
        at += rng_between (&world->rng, 0, world->plan.jitter_ms);
    if (at < wire->last_ms)
        at = wire->last_ms;
    wire->last_ms = at;
    parcel->wire = wire;
    parcel->epoch = wire->epoch;
    parcel->number = ++wire->sent;
    net_later (world, at, parcel);
}

static void wait_for_wire (tube_t *wire, parcel_t *parcel)
{
    parcel->next = NULL;
    if (wire->tail)
        wire->tail->next = parcel;
    else
        wire->first = parcel;
    wire->tail = parcel;
}

static parcel_t *parcel_of (world_t *world, const slice_t *frame, const slice_t *body)
{
    parcel_t *parcel = parcel_new (world);
    parcel->frame = slice_copy (frame);
    parcel->body = slice_copy (body);
    parcel->has_body = body->size > 0;
    world->stats->messages++;
    return parcel;
}

static void send_to_sink (world_t *world, process_t *from, const slice_t *frame, const slice_t *body)
{
    tube_t *wire = &from->to_sink;
    if (!wire->up && !wire->keeps)
        return;
    parcel_t *parcel = parcel_of (world, frame, body);
    parcel->receiver = from->reports_to;
    if (wire->up)
        travel (world, wire, parcel);
    else
        wait_for_wire (wire, parcel);
}

static void send_to_peers (world_t *world, uint64_t life, const slice_t *frame, const slice_t *body)
{
    for (int i = 0; i < world->processes; i++) {
        process_t *peer = world->process[i];
        if (!peer->alive || peer->kind == PROC_SINK || !peer->from_sink.up || (life && peer->life != life))
            continue;
        parcel_t *parcel = parcel_of (world, frame, body);
        parcel->receiver = peer->id;
        travel (world, &peer->from_sink, parcel);
    }
}

static void send_on_lane (world_t *world, process_t *from, const packet_t *packet, const slice_t *frame)
{
    lane_line_t *line = lanes_current (world, from, packet->header.to);
    if (!line || line->puller == -1)
        return;
    parcel_t *parcel = parcel_of (world, frame, &packet->body);
    parcel->receiver = line->puller;
    if (line->stray != -1 && line->wire.sent % 2)
        parcel->receiver = line->stray;
    for (int i = 0; i < world->lane_count; i++)
        if (world->lanes[i] == line)
            parcel->lane = i;
    travel (world, &line->wire, parcel);
}

static void trace_send (world_t *world, const process_t *from, const packet_t *packet)
{
    const header_t *h = &packet->header;
    const process_t *to = h->to ? process_of_life (world, h->to) : NULL;
    TRACE (world, "%s sends %s to %s: count %u seq %llu got %llu ack %llu sent %llu credit %llu%s, %zu + %zu bytes",
           process_name (from), msg_name (h->type), to ? process_name (to) : "all", h->count,
           (unsigned long long)h->seq, (unsigned long long)h->got, (unsigned long long)h->ack,
           (unsigned long long)h->sent, (unsigned long long)h->credit, h->flags & FLAG_GAP ? " GAP" : "",
           packet->records.size, packet->body.size);
}

void net_send (world_t *world, process_t *from, packet_t *packet)
{
    if (world->trace)
        trace_send (world, from, packet);
    check_packet (world, from, packet);
    if (world->watch && !world->watch (world, from, packet)) {
        packet_drop (packet);
        return;
    }
    slice_t frame = encode (packet);
    if (packet->wire == TO_SINK)
        send_to_sink (world, from, &frame, &packet->body);
    else if (packet->wire == TO_PEER)
        send_to_peers (world, packet->header.to, &frame, &packet->body);
    else
        send_on_lane (world, from, packet, &frame);
    slice_drop (&frame);
    packet_drop (packet);
}

static void trace_arrival (world_t *world, const process_t *to, const parcel_t *parcel)
{
    message_t message;
    if (!net_decode (parcel, &message))
        return;
    const process_t *from = process_of_life (world, message.header.from);
    TRACE (world, "%s gets %s of %s, seq %llu%s", process_name (to), msg_name (message.header.type),
           from ? process_name (from) : "nobody", (unsigned long long)message.header.seq,
           parcel->epoch < parcel->wire->epoch ? ", of an older connection" : "");
}

static bool held_up (world_t *world, parcel_t *parcel)
{
    const tube_t *wire = parcel->wire;
    int64_t until = parcel->epoch < wire->epoch ? wire->hold_ms : wire->blocked_ms;
    if (world->now_ms >= until)
        return false;
    net_later (world, until, parcel);
    return true;
}

static void lose (world_t *world, parcel_t *parcel)
{
    world->stats->messages_lost++;
    net_free (world, parcel);
}

//  A report for a sink that is gone: the connecting end keeps what it could not send.
static void to_the_next_sink (world_t *world, parcel_t *parcel)
{
    process_t *next = process_alive (world, world->sink);
    if (!parcel->wire->keeps || (parcel->wire->up && !next)) {
        lose (world, parcel);
    } else if (parcel->wire->up) {
        parcel->receiver = next->id;
        net_later (world, world->now_ms, parcel);
    } else {
        wait_for_wire (parcel->wire, parcel);
    }
}

void net_arrive (world_t *world, parcel_t *parcel)
{
    if (parcel->epoch < parcel->wire->epoch && parcel->number >= parcel->wire->cut) {
        lose (world, parcel);
        return;
    }
    if (held_up (world, parcel))
        return;
    process_t *to = process_alive (world, parcel->receiver);
    if (to && parcel->lane != -1 && !lanes_pulls (world, parcel->lane, to)) {
        lose (world, parcel); // that PULL was closed
        return;
    }
    if (!to) {
        to_the_next_sink (world, parcel);
        return;
    }
    world->stats->overtaken += parcel->epoch < parcel->wire->epoch;
    if (world->trace)
        trace_arrival (world, to, parcel);
    parcel->next = NULL;
    if (to->tail)
        to->tail->next = parcel;
    else
        to->first = parcel;
    to->tail = parcel;
    process_wake (world, to, world->now_ms);
}

bool net_read (process_t *self, parcel_t **out)
{
    *out = self->first;
    if (!*out)
        return false;
    self->first = (*out)->next;
    if (!self->first)
        self->tail = NULL;
    return true;
}

void net_reset (world_t *world, tube_t *wire, bool keeps)
{
    if (!wire->up)
        return;
    wire->up = false;
    wire->keeps = keeps;
    wire->epoch++;
    uint64_t least = wire->sent > 6 ? wire->sent - 6 : 1;
    wire->cut = rng_chance (&world->rng, 30)
                    ? wire->sent + 1
                    : (uint64_t)rng_between (&world->rng, (int64_t)least, (int64_t)wire->sent + 1);
    int64_t hold_ms = world->now_ms + rng_between (&world->rng, 0, 2000);
    if (hold_ms > wire->hold_ms && rng_chance (&world->rng, 50))
        wire->hold_ms = hold_ms; // never earlier: what is held up stays in order
    wire->last_ms = world->now_ms;
}

void net_block (tube_t *wire, int64_t until_ms)
{
    if (until_ms > wire->blocked_ms)
        wire->blocked_ms = until_ms;
}

void net_connect_out (world_t *world, process_t *peer)
{
    process_t *sink = process_alive (world, world->sink);
    if (!sink || peer->from_sink.up || peer->kind == PROC_SINK)
        return;
    peer->from_sink.up = true;
    peer->from_sink.last_ms = world->now_ms;
    packet_t advert = sink_advert (sink->sink.core);
    slice_t frame = encode (&advert);
    parcel_t *parcel = parcel_of (world, &frame, &advert.body);
    parcel->receiver = peer->id;
    travel (world, &peer->from_sink, parcel);
    slice_drop (&frame);
    packet_drop (&advert);
    TRACE (world, "%s hears %s", process_name (peer), process_name (sink));
}

static void flush (world_t *world, tube_t *wire, int receiver)
{
    parcel_t *next;
    for (parcel_t *parcel = wire->first; parcel; parcel = next) {
        next = parcel->next;
        parcel->receiver = receiver;
        travel (world, wire, parcel);
    }
    wire->first = wire->tail = NULL;
}

static void tell_connected (world_t *world, process_t *peer)
{
    if (peer->kind == PROC_WASHER)
        washer_connected (peer->washer.core, world->now_ms);
    else if (peer->kind == PROC_DRYER)
        dryer_connected (peer->dryer.core, world->now_ms);
    else
        observer_connected (peer->observer, world->now_ms);
    process_wake (world, peer, world->now_ms);
}

void net_connect_in (world_t *world, process_t *peer)
{
    process_t *sink = process_alive (world, world->sink);
    if (!sink || peer->to_sink.up || peer->reports_to == -1)
        return;
    if (peer->reports_to != sink->id && !world->plan.same_endpoint)
        return; // there is nobody at the old endpoint
    peer->reports_to = sink->id;
    peer->to_sink.up = true;
    peer->to_sink.keeps = true;
    peer->to_sink.last_ms = world->now_ms;
    peer->announced = false;
    TRACE (world, "%s reports to %s", process_name (peer), process_name (sink));
    flush (world, &peer->to_sink, sink->id);
    tell_connected (world, peer);
}

void net_find (world_t *world, process_t *peer, const char *endpoint)
{
    int sink = atoi (endpoint + 3);
    if (peer->reports_to != -1 && world->plan.same_endpoint && peer->to_sink.up)
        return; // the very same address: the socket stays
    if (peer->reports_to != sink && !world->plan.same_endpoint) {
        net_reset (world, &peer->to_sink, false);
        for (parcel_t *parcel; (parcel = peer->to_sink.first); net_free (world, parcel))
            peer->to_sink.first = parcel->next;
        peer->to_sink.tail = NULL;
    }
    peer->reports_to = sink;
    peer->to_sink.keeps = true;
    world_at (world, world->now_ms + rng_between (&world->rng, 0, 5), EV_CONNECT_IN, peer->id, 0, 0);
}

void net_garbage (world_t *world, process_t *to)
{
    block_t *block = block_new (200);
    if (!block)
        abort ();
    size_t size = (size_t)rng_between (&world->rng, 0, 200);
    for (size_t i = 0; i < size; i++)
        block_data (block)[i] = (uint8_t)rng_next (&world->rng);
    if (size > 2 && rng_chance (&world->rng, 80)) {
        block_data (block)[0] = 'D';
        block_data (block)[1] = FRAME_VERSION;
        uint8_t type = (uint8_t)rng_between (&world->rng, 0, 70);
        block_data (block)[2] = type == MSG_ADVERT ? MSG_BEAT : type; // only who owns the address can say that
    }
    parcel_t *parcel = parcel_new (world);
    parcel->frame = slice_of (block, 0, size);
    block_unref (block);
    parcel->receiver = to->id;
    parcel->wire = &to->to_sink;
    parcel->epoch = to->to_sink.epoch;
    net_later (world, world->now_ms, parcel);
}
