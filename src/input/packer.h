/*  packer: tuples become tasks of BLOCK_PREFIXED, several tasks a block.
 */
#ifndef DISHES_INPUT_PACKER_H
#define DISHES_INPUT_PACKER_H

#include "input/bytes.h"
#include "input/fault.h"
#include "input/input.h"

typedef struct {
    fault_t *fault;
    uint16_t columns;
    uint32_t task_items;  // a task is full with so many items,
    size_t task_bytes;    // or when the next one would take its command beyond this
    size_t command_bytes; // what a task's command takes without a value
    size_t max_item_bytes;
    size_t block_bytes;
    block_t *block;
    size_t start;      // first byte that was not handed out
    size_t open;       // where the task begins that is not whole yet; `used` when there is none
    size_t used;       // bytes in the block
    uint64_t tasks;    // whole ones between start and open
    uint64_t items;    // in those
    uint64_t all;      // tasks handed out and to hand out, for messages
    uint32_t in_open;  // items in the open task
    size_t open_bytes; // what its command takes
} packer_t;

void packer_init (packer_t *self, const input_config_t *config, uint16_t columns, fault_t *fault);
void packer_free (packer_t *self); // may be called twice

//  Adds a tuple, `columns` values. 1; 0: no room before the whole tasks are handed out; -1: fault.
int packer_add (packer_t *self, const bytes_t *row);
void packer_end (packer_t *self); // no more tuples: the open task is whole as it is

//  1: a batch of the whole tasks, its slice owned by the caller; 0: there is none.
int packer_hand_out (packer_t *self, batch_t *out);

#endif
