#include "net/packet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { COPIED_BYTES = 1024 };

static void release_block (void *data, void *hint)
{
    block_unref (hint);
}

static size_t head_size (const packet_t *packet)
{
    return (packet->wire == TO_PEER ? TOPIC_BYTES : 0) + HEADER_BYTES + packet->records.size;
}

static void write_head (const packet_t *packet, uint8_t *out)
{
    if (packet->wire == TO_PEER) {
        topic_encode (out, packet->role, packet->header.to);
        out += TOPIC_BYTES;
    }
    header_encode (&packet->header, out);
    if (packet->records.size)
        memcpy (out + HEADER_BYTES, packet->records.data, packet->records.size);
}

size_t packet_flatten (const packet_t *packet, uint8_t **out)
{
    size_t size = head_size (packet);
    *out = malloc (size);
    if (!*out)
        return 0;
    write_head (packet, *out);
    return size;
}

static int body_to_frame (const slice_t *body, zmq_msg_t *frame)
{
    if (body->size > COPIED_BYTES) {
        block_ref (body->block);
        int rc = zmq_msg_init_data (frame, (void *)(uintptr_t)body->data, body->size, release_block, body->block);
        if (rc == -1)
            block_unref (body->block);
        return rc;
    }
    if (zmq_msg_init_size (frame, body->size) == -1)
        return -1;
    memcpy (zmq_msg_data (frame), body->data, body->size);
    return 0;
}

//  Sends one frame and gives it up, whether that works or not.
static int send_frame (void *socket, zmq_msg_t *frame, int flags)
{
    int rc;
    do
        rc = zmq_msg_send (frame, socket, flags | ZMQ_DONTWAIT);
    while (rc == -1 && errno == EINTR);
    if (rc != -1)
        return 0;
    int kept = errno;
    zmq_msg_close (frame);
    errno = kept;
    return -1;
}

int packet_send (void *socket, const packet_t *packet)
{
    zmq_msg_t head, body;
    bool has_body = packet->body.block != NULL;
    if (zmq_msg_init_size (&head, head_size (packet)) == -1)
        return -1;
    write_head (packet, zmq_msg_data (&head));
    if (has_body && body_to_frame (&packet->body, &body) == -1) {
        zmq_msg_close (&head);
        errno = ENOMEM;
        return -1;
    }
    if (send_frame (socket, &head, has_body ? ZMQ_SNDMORE : 0) == -1) {
        if (has_body)
            zmq_msg_close (&body);
        return -1;
    }
    return has_body ? send_frame (socket, &body, 0) : 0;
}

static void release_frame (void *hint)
{
    zmq_msg_close (hint);
    free (hint);
}

void inbound_init (inbound_t *self)
{
    *self = (inbound_t){0};
    zmq_msg_init (&self->head);
}

void inbound_free (inbound_t *self)
{
    slice_drop (&self->body);
    zmq_msg_close (&self->head);
}

static int receive_frame (void *socket, zmq_msg_t *frame)
{
    int rc;
    do
        rc = zmq_msg_recv (frame, socket, ZMQ_DONTWAIT);
    while (rc == -1 && errno == EINTR);
    return rc;
}

//  A block of its own for a small body.
static block_t *copied (zmq_msg_t *frame, size_t size)
{
    block_t *block = block_new (size);
    if (block && size)
        memcpy (block_data (block), zmq_msg_data (frame), size);
    return block;
}

static block_t *wrapped (zmq_msg_t *frame, size_t size)
{
    zmq_msg_t *own = malloc (sizeof *own);
    if (!own)
        return NULL;
    zmq_msg_init (own);
    zmq_msg_move (own, frame);
    block_t *block = block_wrap (zmq_msg_data (own), size, release_frame, own);
    if (!block)
        release_frame (own);
    return block;
}

static int receive_body (void *socket, slice_t *out)
{
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    if (receive_frame (socket, &frame) == -1)
        return -1;
    size_t size = zmq_msg_size (&frame);
    block_t *block = (size > COPIED_BYTES ? wrapped : copied) (&frame, size);
    zmq_msg_close (&frame);
    if (!block)
        return -1;
    *out = (slice_t){.block = block, .data = block_data (block), .size = size};
    return 0;
}

//  Throws away what is left of a message. True where there was something.
static bool skip_rest (void *socket)
{
    bool found = false;
    int more = 0;
    size_t size = sizeof more;
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    while (zmq_getsockopt (socket, ZMQ_RCVMORE, &more, &size) == 0 && more && receive_frame (socket, &frame) != -1)
        found = true;
    zmq_msg_close (&frame);
    return found;
}

packet_found_t packet_receive (void *socket, bool topic, inbound_t *into)
{
    slice_drop (&into->body);
    if (receive_frame (socket, &into->head) == -1)
        return PACKET_NONE;
    bool has_body = zmq_msg_more (&into->head);
    bool lost = has_body && receive_body (socket, &into->body) == -1;
    bool bad = has_body && skip_rest (socket);
    const uint8_t *frame = zmq_msg_data (&into->head);
    size_t size = zmq_msg_size (&into->head), skip = topic ? TOPIC_BYTES : 0;
    if (lost)
        return PACKET_LOST;
    if (bad || size < skip)
        return PACKET_BAD;
    const slice_t *body = has_body ? &into->body : NULL;
    return message_decode (&into->message, frame + skip, size - skip, body) == 0 ? PACKET_GOOD : PACKET_BAD;
}

int inbound_fd (inbound_t *self)
{
    return zmq_msg_get (&self->head, ZMQ_SRCFD);
}

const char *inbound_user (inbound_t *self)
{
    return zmq_msg_gets (&self->head, "User-Id");
}
