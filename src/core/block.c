#include "core/block.h"
#include "core/scan.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct block {
    atomic_int refs;
    size_t capacity;
    uint8_t *data;
    block_free_fn *release; // NULL: the bytes stand behind this header
    void *hint;
};

block_t *block_new (size_t capacity)
{
    block_t *self = malloc (sizeof *self + capacity);
    if (!self)
        return NULL;
    *self = (block_t){.capacity = capacity, .data = (uint8_t *)(self + 1)};
    atomic_init (&self->refs, 1);
    return self;
}

block_t *block_wrap (void *data, size_t size, block_free_fn *release, void *hint)
{
    block_t *self = malloc (sizeof *self);
    if (!self)
        return NULL;
    *self = (block_t){.capacity = size, .data = data, .release = release, .hint = hint};
    atomic_init (&self->refs, 1);
    return self;
}

uint8_t *block_data (block_t *self)
{
    return self->data;
}

size_t block_capacity (const block_t *self)
{
    return self->capacity;
}

void block_ref (block_t *self)
{
    atomic_fetch_add_explicit (&self->refs, 1, memory_order_relaxed);
}

void block_unref (block_t *self)
{
    if (!self || atomic_fetch_sub_explicit (&self->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (self->release)
        self->release (self->hint);
    free (self);
}

slice_t slice_of (block_t *block, size_t offset, size_t size)
{
    block_ref (block);
    return (slice_t){.block = block, .data = block->data + offset, .size = size};
}

slice_t slice_copy (const slice_t *self)
{
    if (self->block)
        block_ref (self->block);
    return *self;
}

void slice_drop (slice_t *self)
{
    block_unref (self->block);
    *self = (slice_t){0};
}

bool shape_equal (const shape_t *a, const shape_t *b)
{
    return a->format == b->format && a->delimiter == b->delimiter && a->columns == b->columns && a->items == b->items;
}

static uint32_t load_u32 (const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

//  The last task may end early where the data does.
static size_t skip_delimited (const shape_t *shape, const uint8_t *data, size_t size, uint64_t tasks)
{
    if (tasks > size) // no task is less than a byte
        return SIZE_MAX;
    uint64_t count = tasks * shape->items;
    size_t skipped = scan_skip (data, size, shape->delimiter, &count);
    bool is_whole = !count || (count < shape->items && skipped && data[skipped - 1] == shape->delimiter);
    return is_whole ? skipped : SIZE_MAX;
}

static uint64_t count_delimited (const shape_t *shape, const uint8_t *data, size_t size)
{
    if (size && data[size - 1] != shape->delimiter)
        return UINT64_MAX;
    return (scan_count (data, size, shape->delimiter) + shape->items - 1) / shape->items;
}

static const uint8_t *skip_prefixed (const uint8_t *at, const uint8_t *end)
{
    if (end - at < 4)
        return NULL;
    uint32_t values = load_u32 (at);
    at += 4;
    while (values--) {
        if (end - at < 4)
            return NULL;
        uint32_t size = load_u32 (at);
        at += 4;
        if ((size_t)(end - at) < size)
            return NULL;
        at += size;
    }
    return at;
}

size_t shape_skip (const shape_t *shape, const uint8_t *data, size_t size, uint64_t tasks)
{
    const uint8_t *at = data, *end = data + size;
    if (shape->format == BLOCK_DELIMITED)
        return skip_delimited (shape, data, size, tasks);
    if (shape->format == BLOCK_WHOLE)
        return tasks > (size > 0) ? SIZE_MAX : tasks ? size : 0;
    while (tasks--) {
        at = at < end ? skip_prefixed (at, end) : NULL;
        if (!at)
            return SIZE_MAX;
    }
    return (size_t)(at - data);
}

uint64_t shape_count (const shape_t *shape, const uint8_t *data, size_t size)
{
    const uint8_t *at = data, *end = data + size;
    uint64_t count = 0;
    if (shape->format == BLOCK_DELIMITED)
        return count_delimited (shape, data, size);
    if (shape->format == BLOCK_WHOLE)
        return size > 0;
    while (at < end) {
        at = skip_prefixed (at, end);
        if (!at)
            return UINT64_MAX;
        count++;
    }
    return count;
}

value_cursor_t value_cursor (const shape_t *shape, const uint8_t *task, size_t size)
{
    value_cursor_t self = {.shape = *shape, .at = task, .end = task + size};
    if (shape->format == BLOCK_PREFIXED)
        self.at = size >= 4 ? task + 4 : self.end;
    return self;
}

bool value_next (value_cursor_t *self, const uint8_t **value, size_t *size)
{
    if (self->at >= self->end)
        return false;
    if (self->shape.format == BLOCK_DELIMITED) {
        const uint8_t *stop = memchr (self->at, self->shape.delimiter, (size_t)(self->end - self->at));
        *value = self->at;
        *size = (size_t)((stop ? stop : self->end) - self->at);
        self->at = stop ? stop + 1 : self->end;
        return true;
    }
    size_t left = (size_t)(self->end - self->at);
    if (self->shape.format == BLOCK_WHOLE) {
        *value = self->at;
        *size = left;
        self->at = self->end;
        return true;
    }
    uint32_t length = left >= 4 ? load_u32 (self->at) : 0;
    if (left < 4 || left - 4 < length) {
        self->at = self->end; // malformed: the task ends here
        return false;
    }
    *value = self->at + 4;
    *size = length;
    self->at += 4 + length;
    return true;
}
