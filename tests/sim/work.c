/*  What tasks are made of, how they end, and what they print: all of it follows from their number. */
#include "sim.h"

#include <string.h>

static uint64_t content (const world_t *world, uint64_t n, unsigned item, bool changed)
{
    bool other = changed && n >= world->changed_from;
    uint64_t source = world->before ? chain_source (world, n) + MAX_TASKS : n;
    return rng_mix (world->plan.seed * 1000003 + source * 8 + item + (other ? 0x10001 : 0));
}

static size_t put_value (const world_t *world, uint64_t n, unsigned item, bool changed, uint8_t *out)
{
    uint64_t dice = content (world, n, item, changed);
    size_t size = world->plan.shape.format == BLOCK_PREFIXED ? dice % 40 : dice % 12;
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)('a' + (dice >> (i % 8 * 8)) % 26);
    return size;
}

static size_t put_task (const world_t *world, uint64_t n, bool changed, uint8_t *out)
{
    const shape_t *shape = &world->plan.shape;
    uint8_t *at = out;
    if (shape->format == BLOCK_PREFIXED) {
        uint32_t values = (uint32_t)(content (world, n, 7, changed) % 3);
        memcpy (at, &(uint32_t){values}, 4);
        at += 4;
        for (uint32_t i = 0; i < values; i++) {
            size_t size = put_value (world, n, i, changed, at + 4);
            memcpy (at, &(uint32_t){(uint32_t)size}, 4);
            at += 4 + size;
        }
        return (size_t)(at - out);
    }
    unsigned items = n == world->plan.tasks ? 1 : shape->items; // the last one has fewer
    for (unsigned i = 0; i < items; i++) {
        at += put_value (world, n, i, changed, at);
        *at++ = shape->delimiter;
    }
    return (size_t)(at - out);
}

slice_t work_item (const world_t *world, uint64_t n, uint64_t count, bool changed)
{
    block_t *block = block_new (count * 140);
    if (!block)
        abort ();
    size_t size = 0;
    for (uint64_t i = 0; i < count; i++)
        size += put_task (world, n + i, changed, block_data (block) + size);
    slice_t slice = slice_of (block, 0, size);
    block_unref (block);
    return slice;
}

const uint8_t *work_name (uint64_t n)
{
    static const uint8_t names[] = "0123456789";
    return &names[n % 10];
}

uint64_t work_bytes (const world_t *world, uint64_t count)
{
    uint8_t task[140];
    uint64_t bytes = 0;
    for (uint64_t n = 1; n <= count; n++)
        bytes += put_task (world, n, false, task);
    return bytes;
}

//  The changed task may happen to be as it was, or to begin so.
uint64_t work_common_bytes (const world_t *world)
{
    uint64_t bytes = 0;
    for (uint64_t n = 1; n <= world->plan.tasks; n++) {
        uint8_t first[140], other[140];
        size_t size = put_task (world, n, false, first), other_size = put_task (world, n, true, other), at = 0;
        while (at < size && at < other_size && first[at] == other[at])
            at++;
        bytes += at;
        if (at < size || at < other_size)
            break;
    }
    return bytes;
}

static bool is_item (const world_t *world, uint64_t n, uint64_t count, const slice_t *bytes, bool changed)
{
    uint8_t task[140];
    size_t at = 0;
    for (uint64_t i = 0; i < count; i++) {
        size_t size = put_task (world, n + i, changed, task);
        if (bytes->size - at < size || memcmp (bytes->data + at, task, size) != 0)
            return false;
        at += size;
    }
    return at == bytes->size;
}

bool work_check_item (const world_t *world, uint64_t n, uint64_t count, const slice_t *bytes)
{
    return is_item (world, n, count, bytes, false) || (world->changed_from && is_item (world, n, count, bytes, true));
}

//  Eight bytes at a time where it can: large outputs are many.
void work_output (uint64_t n, uint32_t attempt, uint64_t life, int stream, uint64_t offset, uint8_t *out, size_t size)
{
    uint64_t base = rng_mix (life ^ n << 20 ^ (uint64_t)attempt << 8 ^ (uint64_t)stream);
    for (size_t i = 0; i < size;) {
        uint64_t word = base ^ ((offset + i) >> 3) * 0x9e3779b97f4a7c15u;
        unsigned at = (offset + i) & 7;
        if (!at && size - i >= 8) {
            memcpy (out + i, &word, 8);
            i += 8;
        } else {
            out[i++] = (uint8_t)(word >> at * 8);
        }
    }
}

uint16_t work_status (const world_t *world, uint64_t n, uint32_t attempt)
{
    const work_t *work = &world->plan.work[n];
    return work->kind == WORK_FAILS && attempt <= work->times ? (uint16_t)(1 + n % 200) : 0;
}
