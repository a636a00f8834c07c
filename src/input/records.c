#include "input/records.h"

#include <string.h>

void records_init (records_t *self, const mark_t *end, const mark_t *start)
{
    *self = (records_t){.size = end->size + start->size, .end_size = end->size};
    memcpy (self->mark, end->bytes, end->size);
    memcpy (self->mark + end->size, start->bytes, start->size);
}

//  A mark at 0 that ends nothing would be a cut before the first byte.
static size_t first_place (const records_t *self, size_t from)
{
    return from || self->end_size ? from : 1;
}

size_t records_last (const records_t *self, const uint8_t *data, size_t size, size_t from)
{
    if (!self->size)
        return size;
    from = first_place (self, from);
    size_t tail = self->size - 1;
    uint8_t last = self->mark[tail];
    while (size > tail && size - tail > from) {
        const uint8_t *at = memrchr (data + from + tail, last, size - from - tail);
        if (!at)
            return 0;
        size = (size_t)(at - data);
        if (memcmp (data + size - tail, self->mark, tail) == 0)
            return size - tail + self->end_size;
    }
    return 0;
}

size_t records_first (const records_t *self, const uint8_t *data, size_t size, size_t from)
{
    from = first_place (self, from);
    if (from >= size)
        return 0;
    const uint8_t *at = self->size == 1 ? memchr (data + from, *self->mark, size - from)
                                        : memmem (data + from, size - from, self->mark, self->size);
    return at ? (size_t)(at - data) + self->end_size : 0;
}

size_t records_seen (const records_t *self, size_t size)
{
    return size >= self->size ? size - self->size + (self->size > 0) : 0;
}
