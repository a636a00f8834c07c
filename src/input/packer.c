#include "input/packer.h"

#include "base/units.h"

#include <errno.h>
#include <string.h>

enum { HEAD_BYTES = 4 }; // the count of values that begins a task

#define PACK_BYTES ((size_t)128 << 10) // of a command, where -X is given and -s is not

void packer_init (packer_t *self, const input_config_t *config, uint16_t columns, fault_t *fault)
{
    uint32_t most = UINT32_MAX / columns;
    uint32_t items = config->task_items ? config->task_items : config->pack ? most : 1;
    size_t bytes = config->task_bytes ? config->task_bytes : config->pack ? PACK_BYTES : SIZE_MAX;
    if (bytes != SIZE_MAX)
        bytes = smaller (bytes, config->command_bytes + config->max_item_bytes);
    *self = (packer_t){.fault = fault,
                       .columns = columns,
                       .task_items = items < most ? items : most,
                       .task_bytes = bytes,
                       .command_bytes = config->command_bytes,
                       .max_item_bytes = config->max_item_bytes,
                       .block_bytes = config->block_bytes};
}

void packer_free (packer_t *self)
{
    block_unref (self->block);
    self->block = NULL;
}

void packer_end (packer_t *self)
{
    if (!self->in_open)
        return;
    write_u32 (block_data (self->block) + self->open, self->in_open * self->columns);
    self->open = self->used;
    self->tasks++;
    self->all++;
    self->items += self->in_open;
    self->in_open = 0;
    self->open_bytes = 0;
}

int packer_hand_out (packer_t *self, batch_t *out)
{
    if (!self->tasks)
        return 0;
    *out = (batch_t){.bytes = slice_of (self->block, self->start, self->open - self->start),
                     .tasks = self->tasks,
                     .items = self->items};
    self->start = self->open;
    self->tasks = self->items = 0;
    return 1;
}

static int fail_memory (packer_t *self)
{
    return fault_set (self->fault, ENOMEM, "no memory for task %llu", (unsigned long long)self->all + 1);
}

//  A new block that begins with the open task and has room for `more`.
static int move_open (packer_t *self, size_t more)
{
    size_t tail = self->used - self->open, wanted = tail ? (tail + more) * 2 : more;
    if (bytes_move (&self->block, self->open, self->used, 0, larger (wanted, self->block_bytes)) == -1)
        return fail_memory (self);
    self->start = self->open = 0;
    self->used = tail;
    return 1;
}

//  1: room for `more`; 0: whole tasks are in the way; -1: fault.
static int make_room (packer_t *self, size_t more)
{
    if (self->block && block_capacity (self->block) - self->used >= more)
        return 1;
    return self->tasks ? 0 : move_open (self, more);
}

static int fail_too_long (packer_t *self)
{
    char size[UNITS_TEXT];
    units_show_size (self->max_item_bytes, size);
    return fault_set (self->fault, EMSGSIZE, "the values of task %llu are longer than %s (%zu bytes): raise --max-item",
                      (unsigned long long)self->all + 1, size, self->max_item_bytes);
}

int packer_add (packer_t *self, const bytes_t *row)
{
    size_t values = row->size - (size_t)HEAD_BYTES * self->columns; // bytes, without their lengths
    size_t cost = values + self->columns;
    if (self->in_open && self->open_bytes + cost > self->task_bytes)
        packer_end (self);
    size_t open_bytes = (self->in_open ? self->open_bytes : self->command_bytes) + cost;
    size_t head = self->in_open ? 0 : HEAD_BYTES;
    size_t separators = ((size_t)self->in_open + 1) * self->columns;
    if (open_bytes - self->command_bytes - separators > self->max_item_bytes)
        return fail_too_long (self);
    int rc = make_room (self, head + row->size);
    if (rc < 1)
        return rc;
    memcpy (block_data (self->block) + self->used + head, row->data, row->size);
    self->used += head + row->size;
    self->open_bytes = open_bytes;
    if (++self->in_open == self->task_items)
        packer_end (self);
    return 1;
}
