/*  bytes: a run of bytes that grows, and the values of BLOCK_PREFIXED in it.
 */
#ifndef DISHES_INPUT_BYTES_H
#define DISHES_INPUT_BYTES_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *data;
    size_t size;     // bytes
    size_t capacity; // bytes
} bytes_t;

//  0, or -1 with ENOMEM and nothing changed.
int bytes_append (bytes_t *self, const void *data, size_t size);
int bytes_append_value (bytes_t *self, const void *value, uint32_t size); // its length as a u32, then the value
void bytes_free (bytes_t *self);

//  A u32, little-endian.
void write_u32 (uint8_t *at, uint32_t number);

#endif
