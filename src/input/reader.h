/*  reader: whole tasks out of one source, in the bytes as they were read.
 *
 *  One read a call goes behind what the block holds already; the whole tasks are handed out as a slice, and the
 *  rest of the block is used on, so that a slow writer does not cost a block a line. Bytes that a slice shows are
 *  never written again. The torn tail moves only when the block is full; a task larger than a block makes the next
 *  one larger, up to the limit.
 */
#ifndef DISHES_INPUT_READER_H
#define DISHES_INPUT_READER_H

#include "input/source.h"

typedef struct {
    source_t source;
    fault_t *fault;      // borrowed
    uint32_t task_items; // items a task
    size_t max_item_bytes;
    size_t block_bytes;
    size_t limit; // bytes of a task at most, delimiters included
    block_t *block;
    size_t start;   // first byte that was not handed out
    size_t used;    // bytes in the block
    uint64_t whole; // items that end between start and used; fewer than task_items
    uint64_t items; // handed out so far
    bool ended;     // the source has no more
    bool blocked;   // the last call found that the source has nothing yet
} reader_t;

//  Opens the source; -1 with errno and the fault set. `fault` is borrowed.
int reader_open (reader_t *self, const input_source_t *from, const input_config_t *config, uint32_t task_items,
                 fault_t *fault);
void reader_close (reader_t *self); // may be called twice

//  At most one read. 1: a batch, its slice owned by the caller; 0: none (see `blocked` and reader_eof); -1: fault.
int reader_read (reader_t *self, batch_t *out);
bool reader_eof (const reader_t *self);

#endif
