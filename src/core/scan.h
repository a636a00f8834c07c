/*  scan: one byte in many: how often it is there, and where it is there for the nth time. A block of tiny items is
 *  passed over at the speed of memory, and not item by item.
 */
#ifndef DISHES_CORE_SCAN_H
#define DISHES_CORE_SCAN_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

uint64_t scan_count (const uint8_t *data, size_t size, uint8_t byte);

//  The bytes up to the `*count`th one, and with it. Where there are fewer, all of them: then `*count` gets how many are
//  missing, else 0.
size_t scan_skip (const uint8_t *data, size_t size, uint8_t byte, uint64_t *count);

//  The first one, NULL where there is none. For items that are shorter than what a call of memchr costs.
static inline const uint8_t *scan_find (const uint8_t *at, const uint8_t *end, uint8_t byte)
{
    enum { WORDS = 4 };
    const uint64_t ones = 0x0101010101010101u, wanted = ones * byte;
    for (unsigned i = 0; i < WORDS && (size_t)(end - at) >= sizeof wanted; i++, at += sizeof wanted) {
        uint64_t word;
        memcpy (&word, at, sizeof word);
        word = le64toh (word) ^ wanted;
        uint64_t zero = (word - ones) & ~word & ones << 7; // the lowest that is set is right
        if (zero)
            return at + __builtin_ctzll (zero) / 8;
    }
    return at < end ? memchr (at, byte, (size_t)(end - at)) : NULL;
}

#endif
