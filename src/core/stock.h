/*  stock: the bytes of the tasks that were put and are not yet counted.
 *
 *  Blocks in the order of their numbers. A block is kept until its last task is counted, so a slow task holds its
 *  own block and no other. A cursor in each block makes slicing in order cost no search.
 */
#ifndef DISHES_CORE_STOCK_H
#define DISHES_CORE_STOCK_H

#include "core/block.h"

typedef struct {
    uint64_t n, count; // the numbers that lie in it
    uint64_t left;     // of them, not yet counted
    shape_t shape;
    slice_t bytes;
    uint64_t cursor_n; // the task that begins at cursor_at
    size_t cursor_at;
} lot_t;

typedef struct {
    lot_t *lots;
    size_t head, size, capacity;
    size_t counted;  // lots of which nothing is left, behind one of which something is
    uint64_t next_n; // the number that the next task gets
    size_t bytes;    // held in all
    shape_t shape;   // of what is added next
} stock_t;

void stock_init (stock_t *self, const shape_t *shape);
void stock_free (stock_t *self);

//  Adds a block of `tasks` tasks (at least one) under the next numbers; takes the slice on success. -1: ENOMEM.
int stock_add (stock_t *self, slice_t *bytes, uint64_t tasks);

void stock_skip (stock_t *self, uint64_t tasks); // these numbers have no bytes

//  The bytes of tasks [n, n + *count), where *count is cut to what lies in one block. The empty slice where n is not
//  held. The caller owns the reference. `shape`, if not NULL, gets how they lie there.
slice_t stock_slice (stock_t *self, uint64_t n, uint64_t *count, shape_t *shape);

void stock_forget (stock_t *self, uint64_t n, uint64_t count); // counted; numbers that are not held are ignored

#endif
