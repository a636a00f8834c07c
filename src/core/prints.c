#include "core/prints.h"

#include <endian.h>
#include <string.h>

enum { SMALL_STEP = 1 << 10, STEP = 64 << 10 };

static const uint64_t odd = 0xd6e8feb86659fd93u;

static uint64_t turn (uint64_t word, unsigned bits)
{
    return word >> bits | word << (64 - bits);
}

//  A bijection of the lane for each word, and of the word for each lane.
static uint64_t mix (uint64_t lane, uint64_t word)
{
    return turn ((lane ^ word) * odd, 29);
}

static uint64_t seed_of (const shape_t *shape)
{
    return shape->format | (uint64_t)shape->delimiter << 8 | (uint64_t)shape->columns << 16 |
           (uint64_t)shape->items << 32;
}

void ink_init (ink_t *self, const shape_t *shape)
{
    *self = (ink_t){0};
    for (unsigned i = 0; i < INK_BYTES / 8; i++)
        self->lanes[i] = mix (i + 1, seed_of (shape));
}

void ink_shape (ink_t *self, const shape_t *shape)
{
    for (unsigned i = 0; i < INK_BYTES / 8; i++)
        self->lanes[i] = mix (self->lanes[i] + i + 1, seed_of (shape) + self->bytes);
}

//  Four chains beside each other: a multiplication takes longer than there are between two words of one chain.
static const uint8_t *take_whole (ink_t *self, const uint8_t *data, size_t count)
{
    uint64_t a = self->lanes[0], b = self->lanes[1], c = self->lanes[2], d = self->lanes[3];
    for (; count; count--, data += INK_BYTES) {
        uint64_t words[INK_BYTES / 8];
        memcpy (words, data, INK_BYTES);
        a = mix (a, le64toh (words[0]));
        b = mix (b, le64toh (words[1]));
        c = mix (c, le64toh (words[2]));
        d = mix (d, le64toh (words[3]));
    }
    memcpy (self->lanes, (uint64_t[]){a, b, c, d}, sizeof self->lanes);
    return data;
}

void ink_take (ink_t *self, const uint8_t *data, size_t size)
{
    size_t held = self->bytes % INK_BYTES;
    self->bytes += size;
    if (held + size >= INK_BYTES) {
        size_t missing = held ? INK_BYTES - held : 0;
        if (held) {
            memcpy (self->tail + held, data, missing);
            take_whole (self, self->tail, 1);
        }
        size -= missing;
        data = take_whole (self, data + missing, size / INK_BYTES);
        size %= INK_BYTES;
        held = 0;
    }
    if (size)
        memcpy (self->tail + held, data, size);
}

print_t ink_print (const ink_t *self)
{
    ink_t end = *self;
    size_t held = self->bytes % INK_BYTES;
    memset (end.tail + held, 0, INK_BYTES - held);
    take_whole (&end, end.tail, 1);
    uint64_t hash = self->bytes;
    for (unsigned i = 0; i < INK_BYTES / 8; i++)
        hash = mix (hash ^ hash >> 32, end.lanes[i]);
    hash = (hash ^ hash >> 32) * odd;
    return (print_t){self->bytes, hash ^ hash >> 32};
}

uint64_t print_next (uint64_t bytes)
{
    uint64_t power = 1;
    while (bytes < SMALL_STEP && power <= bytes)
        power *= 2;
    if (power > bytes)
        return power;
    uint64_t step = bytes < STEP ? SMALL_STEP : STEP;
    return bytes - bytes % step + step;
}

//  The furthest always stays, whether it is a multiple or not.
static void thin_out (prints_t *self)
{
    size_t kept = 0;
    self->step *= 2;
    for (size_t i = 0; i < self->size; i++)
        if (self->prints[i].bytes % self->step == 0 || i + 1 == self->size)
            self->prints[kept++] = self->prints[i];
    self->size = kept;
}

int prints_add (prints_t *self, print_t print)
{
    size_t low = 0, high = self->size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->prints[middle].bytes < print.bytes)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < self->size)
        return self->prints[low].bytes == print.bytes && self->prints[low].hash != print.hash ? -1 : 0;
    self->step += !self->step;
    if (self->size && self->prints[self->size - 1].bytes % self->step)
        self->size--; // it was there only as the furthest
    while (self->size == PRINTS_MOST)
        thin_out (self);
    self->prints[self->size++] = print;
    return 0;
}
