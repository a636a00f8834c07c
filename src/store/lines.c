#include "store/lines.h"

#include <string.h>

enum { GATHER_BYTES = 16 * 1024 };

//  Lines are short and puts are dear: they are gathered.
typedef struct {
    lines_put_fn *put;
    void *context;
    size_t size;
    uint8_t bytes[GATHER_BYTES];
} gather_t;

size_t lines_whole (const uint8_t *data, size_t size)
{
    const uint8_t *end = memrchr (data, '\n', size);
    if (!end)
        end = memrchr (data, '\r', size);
    return end ? (size_t)(end - data) + 1 : 0;
}

static int gather_flush (gather_t *self)
{
    size_t size = self->size;
    self->size = 0;
    return size ? self->put (self->context, self->bytes, size) : 0;
}

static int gather_put (gather_t *self, const void *data, size_t size)
{
    if (size > GATHER_BYTES - self->size && gather_flush (self) == -1)
        return -1;
    if (size > GATHER_BYTES)
        return self->put (self->context, data, size);
    if (size)
        memcpy (self->bytes + self->size, data, size);
    self->size += size;
    return 0;
}

//  The newline is looked for only once, for the data may hold carriage returns and nothing else.
int lines_tag (const lines_tag_t *tag, bool *inside, const uint8_t *data, size_t size, lines_put_fn *put, void *context)
{
    gather_t gather;
    gather.put = put;
    gather.context = context;
    gather.size = 0;
    const uint8_t *end = data + size, *stop = data;
    while (data < end) {
        if (data == stop) {
            const uint8_t *newline = memchr (data, '\n', (size_t)(end - data));
            stop = newline ? newline + 1 : end;
        }
        const uint8_t *cr = memchr (data, '\r', (size_t)(stop - data));
        const uint8_t *next = cr ? cr + 1 : stop;
        if (!*inside && (gather_put (&gather, tag->bytes, tag->size) == -1 || gather_put (&gather, "\t", 1) == -1))
            return -1;
        if (gather_put (&gather, data, (size_t)(next - data)) == -1)
            return -1;
        *inside = next[-1] != '\n' && next[-1] != '\r';
        data = next;
    }
    return gather_flush (&gather);
}
