#include "core/frame.h"
#include "base/line.h"
#include "core/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    [MSG_HELLO] = "HELLO",
    [MSG_BEAT] = "BEAT",
    [MSG_BYE] = "BYE",
    [MSG_DONE] = "DONE",
    [MSG_OUT] = "OUT",
    [MSG_FAILED] = "FAILED",
    [MSG_RETURNED] = "RETURNED",
    [MSG_LANEGOT] = "LANEGOT",
    [MSG_SLOTS] = "SLOTS",
    [MSG_HOLDING] = "HOLDING",
    [MSG_EOF] = "EOF",
    [MSG_LANE] = "LANE",
    [MSG_BROKEN] = "BROKEN",
    [MSG_DROPPED] = "DROPPED",
    [MSG_CLOSED] = "CLOSED",
    [MSG_HALTED] = "HALTED",
    [MSG_DIED] = "DIED",
    [MSG_INPUT] = "INPUT",
    [MSG_ADVERT] = "ADVERT",
    [MSG_WELCOME] = "WELCOME",
    [MSG_DRYER_UP] = "DRYER-UP",
    [MSG_DRYER_SLOTS] = "DRYER-SLOTS",
    [MSG_DRYER_DOWN] = "DRYER-DOWN",
    [MSG_COUNTED] = "COUNTED",
    [MSG_WASHER_DOWN] = "WASHER-DOWN",
    [MSG_HALT] = "HALT",
    [MSG_GONE] = "GONE",
    [MSG_WHO] = "WHO",
    [MSG_REFUSED] = "REFUSED",
    [MSG_JOINED] = "JOINED",
    [MSG_STOP] = "STOP",
    [MSG_TASKS] = "TASKS",
    [MSG_RECALL] = "RECALL",
    [MSG_SKIP] = "SKIP",
};

const char *msg_name (uint8_t type)
{
    return type < sizeof names / sizeof *names && names[type] ? names[type] : "?";
}

static void store (uint8_t *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t load (const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

void header_encode (const header_t *self, uint8_t out[HEADER_BYTES])
{
    out[0] = 'D';
    out[1] = FRAME_VERSION;
    out[2] = self->type;
    out[3] = self->flags;
    store (out + 4, self->count, 4);
    const uint64_t fields[] = {self->run, self->from, self->to,   self->seq,
                               self->got, self->ack,  self->sent, self->credit};
    for (unsigned i = 0; i < 8; i++)
        store (out + 8 + 8 * i, fields[i], 8);
}

int message_decode (message_t *out, const uint8_t *frame, size_t size, const slice_t *body)
{
    if (size < HEADER_BYTES || frame[0] != 'D' || frame[1] != FRAME_VERSION || *msg_name (frame[2]) == '?')
        return -1;
    *out = (message_t){
        .header =
            {
                .type = frame[2],
                .flags = frame[3],
                .count = (uint32_t)load (frame + 4, 4),
                .run = load (frame + 8, 8),
                .from = load (frame + 16, 8),
                .to = load (frame + 24, 8),
                .seq = load (frame + 32, 8),
                .got = load (frame + 40, 8),
                .ack = load (frame + 48, 8),
                .sent = load (frame + 56, 8),
                .credit = load (frame + 64, 8),
            },
        .records = frame + HEADER_BYTES,
        .records_size = size - HEADER_BYTES,
        .body = body,
    };
    return 0;
}

void topic_encode (uint8_t out[TOPIC_BYTES], uint8_t role, uint64_t life)
{
    out[0] = role;
    store (out + 1, life, 8);
    out[9] = 0;
}

uint8_t *put_room (writer_t *self, size_t size)
{
    size_t need = self->size + size + !size; // room for nothing is somewhere, too
    if (self->failed || array_reserve (&self->data, &self->capacity, need, 1) == -1) {
        self->failed = true;
        return NULL;
    }
    self->size += size;
    return self->data + self->size - size;
}

static void put_number (writer_t *self, uint64_t value, unsigned bytes)
{
    uint8_t *room = put_room (self, bytes);
    if (room)
        store (room, value, bytes);
}

void put_u8 (writer_t *self, uint8_t value)
{
    put_number (self, value, 1);
}

void put_u16 (writer_t *self, uint16_t value)
{
    put_number (self, value, 2);
}

void put_u32 (writer_t *self, uint32_t value)
{
    put_number (self, value, 4);
}

void put_u64 (writer_t *self, uint64_t value)
{
    put_number (self, value, 8);
}

void put_bytes (writer_t *self, const void *data, size_t size)
{
    uint8_t *room = size ? put_room (self, size) : NULL;
    if (room)
        memcpy (room, data, size);
}

void put_run (writer_t *self, uint64_t n, uint64_t count)
{
    put_u64 (self, n);
    put_u64 (self, count);
}

void put_shape (writer_t *self, const shape_t *shape)
{
    put_u8 (self, shape->format);
    put_u8 (self, shape->delimiter);
    put_u16 (self, shape->columns);
    put_u32 (self, shape->items);
}

void put_text (writer_t *self, const char *text)
{
    size_t size = strlen (text);
    if (size > UINT16_MAX)
        size = UINT16_MAX;
    put_u16 (self, (uint16_t)size);
    put_bytes (self, text, size);
}

int writer_take (writer_t *self, slice_t *out)
{
    *out = (slice_t){0};
    block_t *block = self->failed || !self->size ? NULL : block_wrap (self->data, self->size, free, self->data);
    bool failed = self->failed || (self->size && !block);
    if (!block)
        free (self->data);
    else
        *out = (slice_t){.block = block, .data = self->data, .size = self->size};
    *self = (writer_t){0};
    if (failed)
        errno = ENOMEM;
    return failed ? -1 : 0;
}

void writer_free (writer_t *self)
{
    free (self->data);
    *self = (writer_t){0};
}

reader_t reader_of (const message_t *message)
{
    static const uint8_t none;
    const uint8_t *at = message->records ? message->records : &none;
    return (reader_t){.at = at, .end = at + message->records_size};
}

static uint64_t get_number (reader_t *self, unsigned bytes)
{
    if (self->bad || (size_t)(self->end - self->at) < bytes) {
        self->bad = true;
        return 0;
    }
    self->at += bytes;
    return load (self->at - bytes, bytes);
}

uint8_t get_u8 (reader_t *self)
{
    return (uint8_t)get_number (self, 1);
}

uint16_t get_u16 (reader_t *self)
{
    return (uint16_t)get_number (self, 2);
}

uint32_t get_u32 (reader_t *self)
{
    return (uint32_t)get_number (self, 4);
}

uint64_t get_u64 (reader_t *self)
{
    return get_number (self, 8);
}

run_t get_run (reader_t *self)
{
    uint64_t n = get_u64 (self);
    uint64_t count = get_u64 (self);
    if (!run_valid (n, count))
        self->bad = true;
    return (run_t){n, count};
}

shape_t get_shape (reader_t *self)
{
    shape_t shape = {0};
    shape.format = get_u8 (self);
    shape.delimiter = get_u8 (self);
    shape.columns = get_u16 (self);
    shape.items = get_u32 (self);
    if (shape.format > BLOCK_WHOLE || !shape.items)
        self->bad = true;
    return shape;
}

void get_text (reader_t *self, char *out, size_t size)
{
    size_t length = get_u16 (self);
    *out = '\0';
    if (self->bad || length >= size || (size_t)(self->end - self->at) < length || memchr (self->at, 0, length)) {
        self->bad = true;
        return;
    }
    memcpy (out, self->at, length);
    out[length] = '\0';
    self->at += length;
}

void get_name (reader_t *self, char *out, size_t size)
{
    get_text (self, out, size);
    if (line_is_clean (out))
        return;
    self->bad = true;
    *out = '\0';
}

void packet_drop (packet_t *self)
{
    slice_drop (&self->records);
    slice_drop (&self->body);
}

void outbox_push (outbox_t *self, const packet_t *packet)
{
    if (queue_reserve (&self->items, &self->head, self->size, &self->capacity, sizeof *self->items) == -1) {
        packet_t lost = *packet;
        packet_drop (&lost);
        self->failed = true;
        return;
    }
    self->items[self->head + self->size++] = *packet;
}

bool outbox_pop (outbox_t *self, packet_t *out)
{
    if (!self->size)
        return false;
    *out = self->items[self->head++];
    if (!--self->size)
        self->head = 0;
    return true;
}

void outbox_free (outbox_t *self)
{
    packet_t packet;
    while (outbox_pop (self, &packet))
        packet_drop (&packet);
    free (self->items);
    *self = (outbox_t){0};
}
