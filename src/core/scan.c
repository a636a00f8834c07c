#include "core/scan.h"

#include <string.h>

//  A vector of the compiler's: on any machine, with whatever it has for it.
typedef uint8_t lanes_t __attribute__ ((vector_size (16)));

enum { LANES = sizeof (lanes_t), STRIDE = 4 * LANES, STRIDES_MOST = 63 }; // a lane counts to 255

static uint64_t sum (lanes_t lanes)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < LANES; i++)
        total += lanes[i];
    return total;
}

static uint64_t count_strides (const uint8_t *data, size_t strides, uint8_t byte)
{
    const lanes_t wanted = (lanes_t){0} + byte;
    lanes_t found = {0};
    for (; strides--; data += STRIDE) {
        lanes_t part[STRIDE / LANES];
        memcpy (part, data, sizeof part);
        for (unsigned i = 0; i < STRIDE / LANES; i++)
            found -= (lanes_t)(part[i] == wanted); // where it is so it is -1
    }
    return sum (found);
}

uint64_t scan_count (const uint8_t *data, size_t size, uint8_t byte)
{
    uint64_t count = 0;
    while (size >= STRIDE) {
        size_t strides = size / STRIDE < STRIDES_MOST ? size / STRIDE : STRIDES_MOST;
        count += count_strides (data, strides, byte);
        data += strides * STRIDE;
        size -= strides * STRIDE;
    }
    while (size--)
        count += *data++ == byte;
    return count;
}

//  `data` is known to have it so often.
static size_t walk (const uint8_t *data, size_t size, uint8_t byte, uint64_t count)
{
    const uint8_t *at = data, *end = data + size;
    while (count--)
        at = (const uint8_t *)memchr (at, byte, (size_t)(end - at)) + 1;
    return (size_t)(at - data);
}

//  Whoever goes from one to the next looks at no more than that.
static size_t skip_one (const uint8_t *data, size_t size, uint8_t byte, uint64_t *count)
{
    const uint8_t *found = memchr (data, byte, size);
    *count = !found;
    return found ? (size_t)(found + 1 - data) : size;
}

size_t scan_skip (const uint8_t *data, size_t size, uint8_t byte, uint64_t *count)
{
    if (*count == 1)
        return skip_one (data, size, byte, count);
    static const size_t steps[] = {(size_t)STRIDES_MOST * STRIDE, STRIDE};
    size_t at = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        for (; size - at >= steps[i] && *count; at += steps[i]) {
            uint64_t found = count_strides (data + at, steps[i] / STRIDE, byte);
            if (found >= *count)
                break;
            *count -= found;
        }
    if (!*count)
        return at;
    size_t left = size - at < STRIDE ? size - at : STRIDE;
    uint64_t found = scan_count (data + at, left, byte);
    if (found < *count) {
        *count -= found;
        return size;
    }
    at += walk (data + at, left, byte, *count);
    *count = 0;
    return at;
}
