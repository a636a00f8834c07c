#include "input/reader.h"

#include "base/units.h"
#include "core/scan.h"
#include "input/bytes.h"

#include <errno.h>
#include <string.h>

int reader_open (reader_t *self, const input_source_t *from, const input_config_t *config, uint32_t task_items,
                 fault_t *fault)
{
    *self = (reader_t){.fault = fault,
                       .task_items = task_items,
                       .max_item_bytes = config->max_item_bytes,
                       .block_bytes = config->block_bytes,
                       .limit = config->max_item_bytes + task_items};
    return source_open (&self->source, from, config, fault);
}

void reader_close (reader_t *self)
{
    source_close (&self->source);
    block_unref (self->block);
    self->block = NULL;
}

bool reader_eof (const reader_t *self)
{
    return self->ended && self->start == self->used;
}

static int fail_too_long (reader_t *self)
{
    char size[UNITS_TEXT];
    units_show_size (self->max_item_bytes, size);
    unsigned long long first = self->items + 1, torn = first + self->whole;
    if (self->task_items == 1)
        return fault_set (self->fault, EMSGSIZE, "item %llu of %s is longer than %s (%zu bytes): raise --max-item",
                          torn, self->source.name, size, self->max_item_bytes);
    return fault_set (self->fault, EMSGSIZE,
                      "items %llu to %llu of %s, one task, are together longer than %s (%zu bytes): raise --max-item",
                      first, torn, self->source.name, size, self->max_item_bytes);
}

static int fail_memory (reader_t *self)
{
    return fault_set (self->fault, ENOMEM, "no memory for item %llu of %s",
                      (unsigned long long)(self->items + self->whole + 1), self->source.name);
}

//  A new block of `capacity` that begins with what was not handed out.
static int move_tail (reader_t *self, size_t capacity)
{
    if (bytes_move (&self->block, self->start, self->used, 0, capacity) == -1)
        return fail_memory (self);
    self->used -= self->start;
    self->start = 0;
    return 0;
}

//  Room for a read that is worth its system call; 0, or -1 with the fault set. A block that grew for one large task
//  is left as soon as that task is out.
static int make_room (reader_t *self)
{
    size_t capacity = self->block ? block_capacity (self->block) : 0, tail = self->used - self->start;
    bool oversize = capacity > self->block_bytes && self->start > 0;
    bool full = capacity - self->used < self->block_bytes / 8 + 1;
    bool largest = capacity >= self->limit && self->start == 0;
    if (tail >= self->limit)
        return fail_too_long (self);
    if (!self->block || oversize || (full && !largest)) {
        return move_tail (self, smaller (larger (tail * 2, self->block_bytes), self->limit));
    }
    return 0;
}

static int hand_out (reader_t *self, size_t end, uint64_t tasks, uint64_t items, batch_t *out)
{
    *out = (batch_t){.bytes = slice_of (self->block, self->start, end - self->start), .tasks = tasks, .items = items};
    self->items += items;
    self->whole -= items;
    self->start = end;
    return 1;
}

//  Counts `got` new bytes, and hands out up to the end of the last whole task, if one ends in them.
static int take (reader_t *self, size_t got, batch_t *out)
{
    const uint8_t *bytes = block_data (self->block) + self->used;
    const uint8_t *end = bytes + got;
    self->whole += scan_count (bytes, got, self->source.delimiter);
    self->used += got;
    uint64_t tasks = self->whole / self->task_items, rest = self->whole % self->task_items;
    if (!tasks)
        return 0;
    end = memrchr (bytes, self->source.delimiter, (size_t)(end - bytes));
    while (rest--)
        end = memrchr (bytes, self->source.delimiter, (size_t)(end - bytes));
    size_t stop = (size_t)(end + 1 - block_data (self->block));
    return hand_out (self, stop, tasks, tasks * self->task_items, out);
}

//  The end of the input: the last item needs no delimiter, the last task need not be full.
static int take_last (reader_t *self, batch_t *out)
{
    self->ended = true;
    if (self->start == self->used)
        return 0;
    uint8_t *bytes = block_data (self->block);
    if (bytes[self->used - 1] != self->source.delimiter) {
        bytes[self->used++] = self->source.delimiter;
        self->whole++;
    }
    if (self->used - self->start - self->whole > self->max_item_bytes)
        return fail_too_long (self);
    return hand_out (self, self->used, 1, self->whole, out);
}

int reader_read (reader_t *self, batch_t *out)
{
    self->blocked = false;
    if (self->ended)
        return 0;
    if (make_room (self) < 0)
        return -1;
    size_t room = block_capacity (self->block) - self->used;
    ssize_t got = source_read (&self->source, block_data (self->block) + self->used, room);
    if (got > 0)
        return take (self, (size_t)got, out);
    if (got == 0)
        return take_last (self, out);
    self->blocked = errno == EAGAIN || errno == EWOULDBLOCK;
    if (self->blocked)
        return 0;
    return fault_set (self->fault, errno, "reading %s: %s", self->source.name, strerror (errno));
}
