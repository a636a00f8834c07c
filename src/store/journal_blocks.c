/*  The running hash of the input, at ever fewer places: a block is as long as the first one, and when they are many,
 *  each two become one. So a terabyte has as few as a megabyte, and evenly. */
#include "core/array.h"
#include "store/journal_i.h"

enum { BLOCKS_MOST = 1024 };

static uint64_t end_of (const input_blocks_t *self)
{
    if (!self->size)
        return 1;
    return self->items[self->size - 1].n + self->items[self->size - 1].count;
}

//  Both hashes run from the beginning: that of the later one is that of both.
static void halve (input_blocks_t *self)
{
    size_t size = 0;
    for (size_t i = 0; i < self->size; i += 2) {
        input_block_t block = self->items[i];
        if (i + 1 < self->size) {
            block.count += self->items[i + 1].count;
            block.hash = self->items[i + 1].hash;
        }
        self->items[size++] = block;
    }
    self->size = size;
    self->clean = 0;
    self->was_rewritten = true;
}

int blocks_add (input_blocks_t *self, uint64_t last, uint64_t hash)
{
    uint64_t end = end_of (self);
    if (last < end || last > INT64_MAX - 1)
        return 0;
    if (array_reserve (&self->items, &self->capacity, self->size + 1, sizeof *self->items) == -1)
        return -1;
    input_block_t *tail = self->size ? &self->items[self->size - 1] : NULL;
    if (self->size > 1 && tail->count < self->items[0].count) {
        tail->count += last + 1 - end;
        tail->hash = hash;
        self->clean = self->clean < self->size - 1 ? self->clean : self->size - 1;
        return 0;
    }
    self->items[self->size++] = (input_block_t){end, last + 1 - end, hash};
    if (self->size > BLOCKS_MOST)
        halve (self);
    return 0;
}

uint64_t blocks_end (const input_blocks_t *self)
{
    return end_of (self) - 1;
}

bool blocks_find (const input_blocks_t *self, uint64_t last, uint64_t *hash)
{
    size_t low = 0, high = self->size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t here = self->items[middle].n + self->items[middle].count - 1;
        if (here == last) {
            *hash = self->items[middle].hash;
            return true;
        }
        if (here < last)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}
