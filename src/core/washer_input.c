/*  What the sink is told of the input, so that it knows it again when another life of the washer puts it. */
#include "core/washer_i.h"

static void say (washer_t *self, const print_t *prints, size_t count)
{
    writer_t records = {0};
    for (size_t i = 0; i < count; i++) {
        put_u64 (&records, prints[i].bytes);
        put_u64 (&records, prints[i].hash);
    }
    washer_letter (self, MSG_INPUT, (uint32_t)count, &records, NULL);
}

static void reached (washer_t *self)
{
    print_t print = ink_print (&self->ink);
    if (print.bytes == self->asked_bytes)
        say (self, &print, 1); // alone: among others it might be thinned out
    if (print.bytes != print_next (print.bytes - 1))
        return;
    prints_add (&self->unsaid, print);
}

static void note (washer_t *self, const uint8_t *data, size_t left)
{
    while (left) {
        uint64_t at = self->ink.bytes, stop = print_next (at);
        if (self->asked_bytes > at && self->asked_bytes < stop)
            stop = self->asked_bytes;
        size_t part = stop - at < left ? (size_t)(stop - at) : left;
        ink_take (&self->ink, data, part);
        data += part;
        left -= part;
        if (self->ink.bytes == stop)
            reached (self);
    }
}

enum { SIZE_BYTES = 8 };

//  Of BLOCK_WHOLE the bytes do not say where a task ends, so each one's size goes before it; of others nothing does.
static size_t write_size (const shape_t *shape, const slice_t *bytes, uint8_t out[SIZE_BYTES])
{
    for (unsigned i = 0; i < SIZE_BYTES; i++)
        out[i] = (uint8_t)((uint64_t)bytes->size >> 8 * i);
    return shape->format == BLOCK_WHOLE ? SIZE_BYTES : 0;
}

void input_noted (washer_t *self, const slice_t *bytes)
{
    uint8_t size[SIZE_BYTES];
    note (self, size, write_size (&self->stock.shape, bytes, size));
    note (self, bytes->data, bytes->size);
}

static void take_up_to (ink_t *ink, uint64_t stop, const uint8_t *data, size_t size)
{
    uint64_t left = stop - ink->bytes;
    ink_take (ink, data, left < size ? (size_t)left : size);
}

//  False where what was put before this place is not all held.
static bool read_again (const washer_t *self, uint64_t bytes, ink_t *ink)
{
    const stock_t *stock = &self->stock;
    const shape_t *shape = &self->config.shape;
    uint64_t n = 1;
    ink_init (ink, shape);
    for (size_t i = 0; i < stock->size && ink->bytes < bytes; i++) {
        const lot_t *lot = &stock->lots[stock->head + i];
        if (lot->n != n || !lot->left)
            return false;
        if (!shape_equal (&lot->shape, shape))
            ink_shape (ink, shape = &lot->shape);
        uint8_t size[SIZE_BYTES];
        take_up_to (ink, bytes, size, write_size (shape, &lot->bytes, size));
        take_up_to (ink, bytes, lot->bytes.data, lot->bytes.size);
        n += lot->count;
    }
    return ink->bytes == bytes;
}

void input_asked (washer_t *self, uint64_t bytes)
{
    ink_t ink;
    if (bytes > self->ink.bytes) {
        self->asked_bytes = bytes;
    } else if (bytes && read_again (self, bytes, &ink)) {
        print_t print = ink_print (&ink);
        say (self, &print, 1);
    }
}

void input_say (washer_t *self)
{
    if (self->unsaid.size)
        say (self, self->unsaid.prints, self->unsaid.size);
    self->unsaid.size = 0;
    self->unsaid.step = 0;
}

void input_end (washer_t *self)
{
    if (self->ink.bytes)
        prints_add (&self->unsaid, ink_print (&self->ink));
    input_say (self);
}
