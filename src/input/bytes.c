#include "input/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int reserve (bytes_t *self, size_t more)
{
    if (self->capacity - self->size >= more)
        return 0;
    size_t capacity = self->capacity ? self->capacity : 256;
    while (capacity - self->size < more) {
        if (capacity > SIZE_MAX / 2) {
            errno = ENOMEM;
            return -1;
        }
        capacity *= 2;
    }
    uint8_t *data = realloc (self->data, capacity);
    if (!data)
        return -1;
    self->data = data;
    self->capacity = capacity;
    return 0;
}

int bytes_append (bytes_t *self, const void *data, size_t size)
{
    if (reserve (self, size) < 0)
        return -1;
    if (size)
        memcpy (self->data + self->size, data, size);
    self->size += size;
    return 0;
}

int bytes_append_value (bytes_t *self, const void *value, uint32_t size)
{
    if (reserve (self, sizeof size + (size_t)size) < 0)
        return -1;
    write_u32 (self->data + self->size, size);
    self->size += sizeof size;
    return bytes_append (self, value, size);
}

void bytes_free (bytes_t *self)
{
    free (self->data);
    *self = (bytes_t){0};
}

int bytes_move (block_t **block, size_t from, size_t used, size_t front, size_t capacity)
{
    block_t *made = block_new (capacity);
    if (!made)
        return -1;
    if (used > from)
        memcpy (block_data (made) + front, block_data (*block) + from, used - from);
    block_unref (*block);
    *block = made;
    return 0;
}

void write_u32 (uint8_t *at, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(number >> 8 * i);
}
