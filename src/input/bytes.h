/*  bytes: a run of bytes that grows, the values of BLOCK_PREFIXED in it, and blocks whose tail begins the next one.
 */
#ifndef DISHES_INPUT_BYTES_H
#define DISHES_INPUT_BYTES_H

#include "core/block.h"

typedef struct {
    uint8_t *data;
    size_t size;     // bytes
    size_t capacity; // bytes
} bytes_t;

//  0, or -1 with ENOMEM and nothing changed.
int bytes_append (bytes_t *self, const void *data, size_t size);
int bytes_append_value (bytes_t *self, const void *value, uint32_t size); // its length as a u32, then the value
void bytes_free (bytes_t *self);

//  Puts a new block in the place of one (or of NULL): of `capacity` bytes, with those of the old one from `from` up to
//  `used` behind a gap of `front`, all of which must fit. 0, or -1 with ENOMEM and nothing changed.
int bytes_move (block_t **block, size_t from, size_t used, size_t front, size_t capacity);

static inline size_t smaller (size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t larger (size_t a, size_t b)
{
    return a > b ? a : b;
}

//  A u32, little-endian.
void write_u32 (uint8_t *at, uint32_t number);

#endif
