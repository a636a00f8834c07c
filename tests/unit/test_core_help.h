/*  What the tests of core share: cmocka with what it needs before it, chance from a seed, and messages by hand. */
#ifndef DISHES_TESTS_CORE_HELP_H
#define DISHES_TESTS_CORE_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/frame.h"

//  Chance that can be had again (splitmix64): the seed is the whole state.
static inline uint64_t chance (uint64_t *seed)
{
    uint64_t x = *seed += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline uint64_t below (uint64_t *seed, uint64_t limit)
{
    return chance (seed) % limit;
}

//  A slice of its own that holds a copy of these bytes.
static inline slice_t slice_from (const void *data, size_t size)
{
    block_t *block = block_new (size);
    assert_non_null (block);
    if (size)
        memcpy (block_data (block), data, size);
    slice_t slice = slice_of (block, 0, size);
    block_unref (block);
    return slice;
}

static inline slice_t slice_text (const char *text)
{
    return slice_from (text, strlen (text));
}

//  A packet as the receiver sees it: encoded into `frame` (the caller frees it), then decoded.
static inline message_t message_from (const packet_t *packet, uint8_t **frame)
{
    message_t message;
    size_t size = HEADER_BYTES + packet->records.size;
    *frame = malloc (size);
    assert_non_null (*frame);
    header_encode (&packet->header, *frame);
    if (packet->records.size)
        memcpy (*frame + HEADER_BYTES, packet->records.data, packet->records.size);
    assert_int_equal (message_decode (&message, *frame, size, packet->body.block ? &packet->body : NULL), 0);
    return message;
}

#endif
