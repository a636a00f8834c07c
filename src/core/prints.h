/*  prints: the fingerprints of an input.
 *
 *  A washer that comes back puts its input again from the beginning, and task n has to be what it was. So a running
 *  hash over the bytes that are put is told at certain places, and compared with what an earlier life told there. A
 *  place depends on the number of bytes alone: never on how they were cut into lots.
 *
 *  The hash finds changes; it is no defence against somebody who means to deceive.
 */
#ifndef DISHES_CORE_PRINTS_H
#define DISHES_CORE_PRINTS_H

#include "core/block.h"

//  What the first `bytes` bytes of an input hash to.
typedef struct {
    uint64_t bytes, hash;
} print_t;

enum { INK_BYTES = 32 };

//  The running hash.
typedef struct {
    uint64_t lanes[INK_BYTES / 8];
    uint64_t bytes;          // taken in so far
    uint8_t tail[INK_BYTES]; // the last bytes % INK_BYTES of them
} ink_t;

void ink_init (ink_t *self, const shape_t *shape);  // the same bytes in another shape are other tasks
void ink_shape (ink_t *self, const shape_t *shape); // what follows lies in another one
void ink_take (ink_t *self, const uint8_t *data, size_t size);
print_t ink_print (const ink_t *self);

//  The next place behind so many bytes: a power of 2, from 1 KiB on a multiple of 1 KiB, from 64 KiB on one of 64 KiB.
uint64_t print_next (uint64_t bytes);

enum { PRINTS_MOST = 512 };

//  Those of one input, in order. Where they become many, only the multiples of a larger step are kept, and always the
//  furthest. {0} has none.
typedef struct {
    print_t prints[PRINTS_MOST];
    size_t size;
    uint64_t step;
} prints_t;

//  Compares with what is known of just this place: -1 where that is another hash. A place behind all that are known is
//  kept; one between them is passed over.
int prints_add (prints_t *self, print_t print);

#endif
