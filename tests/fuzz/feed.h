/*  feed: the bytes that a fuzzer gives, taken from the front as choices and as values.
 *
 *  Where they end there are zeros, so that every input is a whole story. Numbers are small as a rule, and sometimes one
 *  of those at which arithmetic breaks.
 */
#ifndef DISHES_TESTS_FUZZ_FEED_H
#define DISHES_TESTS_FUZZ_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sanitizer/allocator_interface.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

//  What must hold whatever is fed.
#define HOLDS(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf (stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                            \
            abort ();                                                                                                  \
        }                                                                                                              \
    } while (0)

typedef struct {
    const uint8_t *at, *end;
} feed_t;

static inline feed_t feed_of (const uint8_t *data, size_t size)
{
    return (feed_t){data, data + size};
}

static inline size_t feed_left (const feed_t *self)
{
    return (size_t)(self->end - self->at);
}

static inline uint8_t feed_byte (feed_t *self)
{
    return self->at < self->end ? *self->at++ : 0;
}

//  0 ... limit - 1
static inline unsigned feed_below (feed_t *self, unsigned limit)
{
    return feed_byte (self) % limit;
}

static inline bool feed_rarely (feed_t *self)
{
    return feed_byte (self) >= 240;
}

static inline uint64_t feed_u64 (feed_t *self)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | feed_byte (self);
    return value;
}

static inline uint64_t feed_number (feed_t *self)
{
    static const uint64_t edges[] = {0x7f,
                                     0xff,
                                     0xffff,
                                     0x10000,
                                     INT32_MAX,
                                     UINT32_MAX,
                                     (uint64_t)UINT32_MAX + 1,
                                     INT64_MAX - 1,
                                     INT64_MAX,
                                     (uint64_t)INT64_MAX + 1,
                                     UINT64_MAX - 1,
                                     UINT64_MAX};
    enum { EDGES = sizeof edges / sizeof *edges, SMALL = 256 - EDGES - 1 };
    uint8_t byte = feed_byte (self);
    if (byte < SMALL)
        return byte % 32;
    return byte < SMALL + EDGES ? edges[byte - SMALL] : feed_u64 (self);
}

//  Up to `limit` bytes, as they stand in the input; *size says how many.
static inline const uint8_t *feed_bytes (feed_t *self, size_t limit, size_t *size)
{
    const uint8_t *bytes = self->at;
    *size = limit < feed_left (self) ? limit : feed_left (self);
    self->at += *size;
    return bytes;
}

//  All up to the next byte of value `end`, which goes too, as a text of its own: to be freed. Zeros in it are left out.
static inline char *feed_text (feed_t *self, uint8_t end, size_t limit)
{
    char *text = malloc (limit + 1);
    size_t size = 0;
    for (; self->at < self->end && *self->at != end && size < limit; self->at++)
        if (*self->at)
            text[size++] = (char)*self->at;
    self->at += self->at < self->end;
    text[size] = '\0';
    return realloc (text, size + 1);
}

//  Parts of good files, as the feed chooses them, with bytes of its own between them, into out[limit]: its size. For
//  what is refused too soon to be learned from single bytes.
static inline size_t feed_file (feed_t *self, const char *const *parts, unsigned parts_size, uint8_t *out, size_t limit)
{
    enum { OWN = 16 };
    size_t size = 0;
    while (feed_left (self)) {
        unsigned part = feed_below (self, parts_size + 4);
        size_t length = part < parts_size ? strlen (parts[part]) : 1 + feed_below (self, OWN);
        const uint8_t *bytes = part < parts_size ? (const uint8_t *)parts[part] : feed_bytes (self, length, &length);
        if (length > limit - size)
            break;
        if (length)
            memcpy (out + size, bytes, length);
        size += length;
    }
    return size;
}

//  What one input may have taken of memory: a small multiple of its own size, since nothing that is received may say
//  how much is to be allocated.
static inline void feed_check_memory (size_t before, size_t size)
{
    HOLDS (__sanitizer_get_current_allocated_bytes () <= before + (4u << 20) + 4096 * size);
}

#endif
