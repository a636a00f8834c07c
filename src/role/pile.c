#include "role/pile.h"
#include "core/array.h"

#include <errno.h>

static int reserve (pile_t *self)
{
    if (!self->pool && !(self->pool = spill_pool_new (NULL)))
        return -1;
    return queue_reserve (&self->layers, &self->head, self->size, &self->capacity, sizeof *self->layers);
}

int pile_push (pile_t *self, const slice_t *bytes, uint64_t tasks)
{
    if (reserve (self) == -1)
        return -1;
    layer_t layer = {.bytes = spill_new (self->pool), .tasks = tasks};
    if (!layer.bytes)
        return -1;
    if (spill_append (layer.bytes, bytes->data, bytes->size) == -1) {
        int kept = errno;
        spill_destroy (&layer.bytes);
        errno = kept;
        return -1;
    }
    self->layers[self->head + self->size++] = layer;
    return 0;
}

//  The whole of it, or NULL and errno.
static block_t *read_layer (const layer_t *layer)
{
    size_t size = (size_t)spill_size (layer->bytes), done = 0;
    block_t *block = block_new (size);
    while (block && done < size) {
        ssize_t got = spill_read (layer->bytes, done, block_data (block) + done, size - done);
        if (got > 0) {
            done += (size_t)got;
            continue;
        }
        errno = got == 0 ? EIO : errno;
        block_unref (block);
        return NULL;
    }
    return block;
}

int pile_pop (pile_t *self, slice_t *bytes, uint64_t *tasks)
{
    if (!self->size) {
        errno = ENOENT;
        return -1;
    }
    layer_t *layer = &self->layers[self->head];
    block_t *block = read_layer (layer);
    if (!block)
        return -1;
    *bytes = slice_of (block, 0, (size_t)spill_size (layer->bytes));
    *tasks = layer->tasks;
    block_unref (block);
    spill_destroy (&layer->bytes);
    self->head = --self->size ? self->head + 1 : 0;
    return 0;
}

bool pile_empty (const pile_t *self)
{
    return self->size == 0;
}

void pile_free (pile_t *self)
{
    while (self->size)
        spill_destroy (&self->layers[self->head + --self->size].bytes);
    free (self->layers);
    spill_pool_destroy (&self->pool);
    *self = (pile_t){0};
}
