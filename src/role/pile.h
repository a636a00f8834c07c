/*  pile: items for which the queue has no room yet (--when-full stack), first in, first out: in memory up to a limit,
 *  then on disk.
 */
#ifndef DISHES_ROLE_PILE_H
#define DISHES_ROLE_PILE_H

#include "core/block.h"
#include "store/spill.h"

typedef struct {
    spill_t *bytes;
    uint64_t tasks;
} layer_t;

//  All zero is empty.
typedef struct {
    spill_pool_t *pool; // NULL until something is put there
    layer_t *layers;
    size_t head, size, capacity;
} pile_t;

//  Adds whole tasks; copies their bytes. 0, or -1 and errno (ENOMEM, or the disk's).
int pile_push (pile_t *self, const slice_t *bytes, uint64_t tasks);

//  Takes off what was put first. 0, or -1 and errno with nothing taken; ENOENT: it is empty.
int pile_pop (pile_t *self, slice_t *bytes, uint64_t *tasks);

bool pile_empty (const pile_t *self);
void pile_free (pile_t *self);

#endif
