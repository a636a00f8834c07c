/*  block: the bytes of many tasks, as they were read.
 *
 *  Items are never framed, copied or allocated one by one between the reader and the worker. A reader fills a
 *  block; the washer sends slices of it; the dryer walks over the slice that it received. A block is counted by
 *  references, and what a slice of it shows never changes, so any thread may hold one; the reader goes on behind it.
 *
 *  A shape says how tasks lie in the bytes:
 *    BLOCK_DELIMITED  every item ends with the byte `delimiter`; a task is `items` items (the last task of an
 *                     input may have fewer); one value an item, without its delimiter. `columns` is 1.
 *    BLOCK_PREFIXED   a task is a u32 (little-endian) that counts its values, then each value as a u32 length and
 *                     its bytes. An item is `columns` consecutive values.
 *    BLOCK_WHOLE      the bytes are one task of one value, and never empty: records for a command's standard input,
 *                     in which nothing else may stand, as every byte of them is written there from where it lies.
 *  A slice always begins and ends between two tasks.
 */
#ifndef DISHES_CORE_BLOCK_H
#define DISHES_CORE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct block block_t;
typedef void block_free_fn (void *hint);

enum { BLOCK_DELIMITED = 0, BLOCK_PREFIXED = 1, BLOCK_WHOLE = 2 };

typedef struct {
    uint8_t format;    // BLOCK_DELIMITED, BLOCK_PREFIXED or BLOCK_WHOLE
    uint8_t delimiter; // of BLOCK_DELIMITED: '\n', '\0' or any byte
    uint16_t columns;  // values an item; 1 unless the input has several columns
    uint32_t items;    // items a task of BLOCK_DELIMITED; 1 is usual, 0 is not valid; 1 of the others
} shape_t;

bool shape_equal (const shape_t *a, const shape_t *b);

//  A part of a block. Owns one reference unless said otherwise; {0} is the empty slice.
typedef struct {
    block_t *block;
    const uint8_t *data;
    size_t size; // bytes
} slice_t;

//  New block with room for `capacity` bytes, one reference; NULL and ENOMEM.
block_t *block_new (size_t capacity);

//  New block over bytes that another owns: when the last reference goes, calls `release (hint)`. NULL and ENOMEM
//  (then nothing was taken).
block_t *block_wrap (void *data, size_t size, block_free_fn *release, void *hint);

//  The writable bytes, while the caller holds the only reference.
uint8_t *block_data (block_t *self);
size_t block_capacity (const block_t *self);

void block_ref (block_t *self);
void block_unref (block_t *self); // NULL is allowed

//  A slice of `block`, with a reference of its own.
slice_t slice_of (block_t *block, size_t offset, size_t size);
slice_t slice_copy (const slice_t *self); // another reference to the same bytes
void slice_drop (slice_t *self);          // gives the reference back and empties the slice

//  Bytes taken by the first `tasks` tasks of `data`; SIZE_MAX where it has fewer or is malformed.
size_t shape_skip (const shape_t *shape, const uint8_t *data, size_t size, uint64_t tasks);

//  How many tasks lie in `data`; UINT64_MAX where it is malformed (a torn task at the end).
uint64_t shape_count (const shape_t *shape, const uint8_t *data, size_t size);

//  Walks over the values of ONE task (its exact bytes, as shape_skip finds them).
typedef struct {
    shape_t shape;
    const uint8_t *at, *end;
} value_cursor_t;

value_cursor_t value_cursor (const shape_t *shape, const uint8_t *task, size_t size);

//  The next value, borrowed from the task's bytes; false at the end.
bool value_next (value_cursor_t *self, const uint8_t **value, size_t *size);

#endif
