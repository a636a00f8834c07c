/*  cutter: blocks of whole records out of one source, each a task of BLOCK_WHOLE.
 *
 *  By size: a block is filled where it lies and cut behind its last whole record; the torn one moves into the next
 *  block, the only bytes that are copied. It is cut when it is full and not before, so the same input makes the same
 *  tasks however it comes. A record larger than the block makes it larger.
 *  By count: so many records a task, slices of what was read at once.
 *
 *  The header, the first lines of the input, stands at the front of each task.
 */
#ifndef DISHES_INPUT_CUTTER_H
#define DISHES_INPUT_CUTTER_H

#include "input/bytes.h"
#include "input/records.h"
#include "input/source.h"

typedef struct {
    source_t source;
    fault_t *fault; // borrowed
    records_t records;
    uint32_t task_records; // records a task; 0: by size
    size_t block_bytes;    // of a task by size, without the header
    size_t limit;          // bytes of a task at most, likewise
    uint32_t header_lines; // to come
    bytes_t header;
    block_t *block;
    size_t lead;    // of it, where the open task's records begin: behind the header, or behind what was handed out
    size_t used;    // bytes in the block
    size_t seen;    // how far it was searched, from `lead`
    uint32_t whole; // records of the open task, by count
    uint64_t taken; // bytes of the source that were handed out
    bool ended;     // the source has no more
    bool blocked;   // the last call found that the source has nothing yet
} cutter_t;

//  Opens the source; -1 with errno and the fault set. `fault` is borrowed.
int cutter_open (cutter_t *self, const input_source_t *from, const input_config_t *config, fault_t *fault);
void cutter_close (cutter_t *self); // may be called twice

//  At most one read. 1: a batch of one task, its slice owned by the caller; 0: none (see `blocked` and cutter_eof);
//  -1: fault.
int cutter_read (cutter_t *self, batch_t *out);
bool cutter_eof (const cutter_t *self);

#endif
