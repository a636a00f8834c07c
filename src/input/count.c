/*  Eight bytes at a time: short lines, the usual input, make a memchr a line three times as dear. In a word that
 *  was XORed with the byte sought, each byte that matches is zero; every zero adds 1 to its lane, and the lanes are
 *  summed before one of them can overflow.
 */
#include "input/count.h"

#include <string.h>

#define LANES(byte) (0x0101010101010101u * (uint64_t)(byte))

//  1 in each lane of `word` that is zero, without a carry between lanes.
static inline uint64_t zero_lanes (uint64_t word)
{
    uint64_t set = ((word & LANES (0x7f)) + LANES (0x7f)) | word;
    return (set >> 7 & LANES (1)) ^ LANES (1);
}

static inline size_t sum_lanes (uint64_t lanes)
{
    uint64_t pairs = (lanes & 0x00ff00ff00ff00ffu) + (lanes >> 8 & 0x00ff00ff00ff00ffu);
    return (size_t)(pairs * 0x0001000100010001u >> 48);
}

size_t count_byte (const uint8_t *data, size_t size, uint8_t byte)
{
    size_t count = 0;
    while (size >= sizeof (uint64_t)) {
        size_t words = size / sizeof (uint64_t) < 255 ? size / sizeof (uint64_t) : 255;
        uint64_t lanes = 0;
        for (size_t i = 0; i < words; i++) {
            uint64_t word;
            memcpy (&word, data + i * sizeof word, sizeof word);
            lanes += zero_lanes (word ^ LANES (byte));
        }
        count += sum_lanes (lanes);
        data += words * sizeof (uint64_t);
        size -= words * sizeof (uint64_t);
    }
    while (size--)
        count += *data++ == byte;
    return count;
}
