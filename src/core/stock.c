#include "core/stock.h"
#include "core/array.h"

#include <assert.h>
#include <errno.h>

void stock_init (stock_t *self, const shape_t *shape)
{
    *self = (stock_t){.next_n = 1, .shape = *shape};
}

void stock_free (stock_t *self)
{
    for (size_t i = 0; i < self->size; i++)
        slice_drop (&self->lots[self->head + i].bytes);
    free (self->lots);
    *self = (stock_t){0};
}

//  Behind a slow task there may be any number of lots that are counted: they go when they are more than half.
static void squeeze (stock_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->size; i++)
        if (self->lots[self->head + i].left)
            self->lots[self->head + kept++] = self->lots[self->head + i];
    self->size = kept;
    self->counted = 0;
}

int stock_add (stock_t *self, slice_t *bytes, uint64_t tasks)
{
    assert (tasks);
    if (self->head + self->size == self->capacity && self->counted > self->size / 2)
        squeeze (self);
    if (queue_reserve (&self->lots, &self->head, self->size, &self->capacity, sizeof *self->lots) == -1) {
        errno = ENOMEM;
        return -1;
    }
    self->lots[self->head + self->size++] = (lot_t){.n = self->next_n,
                                                    .count = tasks,
                                                    .left = tasks,
                                                    .shape = self->shape,
                                                    .bytes = *bytes,
                                                    .cursor_n = self->next_n};
    self->bytes += bytes->size;
    self->next_n += tasks;
    *bytes = (slice_t){0};
    return 0;
}

void stock_skip (stock_t *self, uint64_t tasks)
{
    self->next_n += tasks;
}

//  The lot that holds n, or the first one behind it; NULL: none.
static lot_t *lot_from (stock_t *self, uint64_t n)
{
    size_t low = 0, high = self->size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const lot_t *lot = &self->lots[self->head + middle];
        if (lot->n + lot->count <= n)
            low = middle + 1;
        else
            high = middle;
    }
    return low < self->size ? &self->lots[self->head + low] : NULL;
}

static void seek (lot_t *lot, uint64_t n)
{
    if (n < lot->cursor_n) {
        lot->cursor_n = lot->n;
        lot->cursor_at = 0;
    }
    lot->cursor_at +=
        shape_skip (&lot->shape, lot->bytes.data + lot->cursor_at, lot->bytes.size - lot->cursor_at, n - lot->cursor_n);
    lot->cursor_n = n;
}

slice_t stock_slice (stock_t *self, uint64_t n, uint64_t *count, shape_t *shape)
{
    lot_t *lot = lot_from (self, n);
    if (!lot || lot->n > n || !lot->left)
        return (slice_t){0};
    uint64_t end = lot->n + lot->count;
    if (*count > end - n)
        *count = end - n;
    if (shape)
        *shape = lot->shape;
    seek (lot, n);
    size_t start = lot->cursor_at;
    if (n + *count == end)
        return slice_copy (&(slice_t){lot->bytes.block, lot->bytes.data + start, lot->bytes.size - start});
    seek (lot, n + *count);
    return slice_copy (&(slice_t){lot->bytes.block, lot->bytes.data + start, lot->cursor_at - start});
}

static void forget_in (stock_t *self, lot_t *lot, uint64_t count)
{
    lot->left -= count < lot->left ? count : lot->left;
    if (lot->left)
        return;
    self->counted++;
    self->bytes -= lot->bytes.size;
    slice_drop (&lot->bytes);
}

void stock_forget (stock_t *self, uint64_t n, uint64_t count)
{
    uint64_t end = n + count;
    lot_t *lot = lot_from (self, n), *stop = lot ? self->lots + self->head + self->size : NULL;
    for (; lot < stop && lot->n < end; lot++) {
        uint64_t from = lot->n > n ? lot->n : n;
        uint64_t to = lot->n + lot->count < end ? lot->n + lot->count : end;
        forget_in (self, lot, to - from);
    }
    for (; self->size && !self->lots[self->head].left; self->size--, self->counted--)
        self->head++;
    if (!self->size)
        self->head = 0;
}
