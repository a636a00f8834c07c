#include "input/cutter.h"

#include "base/units.h"

#include <errno.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)1 << 20) // where --block is not given
#define READ_BYTES  ((size_t)4 << 20) // at once at most: the caller's loop wants its turn
#define HEADER_MOST ((size_t)1 << 20)

int cutter_open (cutter_t *self, const input_source_t *from, const input_config_t *config, fault_t *fault)
{
    mark_t end = config->record_end;
    if (!config->has_record_end && !config->record_start.size)
        end = (mark_t){{config->delimiter}, 1};
    *self = (cutter_t){.fault = fault,
                       .task_records = config->task_items,
                       .block_bytes = config->pipe_bytes ? config->pipe_bytes : BLOCK_BYTES,
                       .header_lines = config->header_lines};
    self->limit = larger (config->max_item_bytes, self->block_bytes);
    if (self->task_records) {
        self->limit = config->max_item_bytes;
        self->block_bytes = config->block_bytes;
    }
    records_init (&self->records, &end, &config->record_start);
    return source_open (&self->source, from, config, fault);
}

void cutter_close (cutter_t *self)
{
    source_close (&self->source);
    bytes_free (&self->header);
    block_unref (self->block);
    self->block = NULL;
}

bool cutter_eof (const cutter_t *self)
{
    return self->ended && self->lead == self->used;
}

static int fail_too_long (cutter_t *self)
{
    char size[UNITS_TEXT];
    units_show_size (self->limit, size);
    const char *what = self->task_records > 1 ? "the records of a task, from" : "the record at";
    return fault_set (self->fault, EMSGSIZE, "%s byte %llu of %s would be longer than %s (%zu bytes): raise --max-item",
                      what, (unsigned long long)self->taken + 1, self->source.name, size, self->limit);
}

static int fail_header (cutter_t *self)
{
    return fault_set (self->fault, EMSGSIZE, "the header of %s is longer than 1 MiB: give fewer lines",
                      self->source.name);
}

//  What stands at the front of a new block: by count each task gets the header when it is handed out.
static size_t front_of (const cutter_t *self)
{
    return self->task_records ? 0 : self->header.size;
}

//  A new block with room for `room` bytes of records, that begins with those of the open task.
static int move_open (cutter_t *self, size_t room)
{
    size_t front = front_of (self), tail = self->used - self->lead;
    if (bytes_move (&self->block, self->lead, self->used, front, front + room) == -1)
        return fault_set (self->fault, ENOMEM, "no memory for a block of %zu bytes", front + room);
    if (front)
        memcpy (block_data (self->block), self->header.data, front);
    self->lead = front;
    self->used = front + tail;
    return 0;
}

//  By size a block is as long as a task may be, and longer for a longer record; by count it is read into for as long as
//  a read is worth its call.
static int make_room (cutter_t *self)
{
    size_t tail = self->used - self->lead, left = self->block ? block_capacity (self->block) - self->used : 0;
    size_t least = self->task_records ? self->block_bytes / 8 : 0, room = self->block_bytes;
    size_t most = (self->header_lines ? 2 * HEADER_MOST : self->limit) + 1;
    if (tail >= most)
        return self->header_lines ? fail_header (self) : fail_too_long (self);
    if (left > least)
        return 0;
    while (room <= tail + least && room < most)
        room *= 2;
    return move_open (self, smaller (room, most));
}

//  A copy of the open task's records, up to `end`, behind the header.
static int copy_out (cutter_t *self, size_t end, slice_t *out)
{
    size_t size = end - self->lead;
    block_t *block = block_new (self->header.size + size);
    if (!block)
        return fault_set (self->fault, ENOMEM, "no memory for a block of %zu bytes", self->header.size + size);
    memcpy (block_data (block), self->header.data, self->header.size);
    memcpy (block_data (block) + self->header.size, block_data (self->block) + self->lead, size);
    *out = slice_of (block, 0, self->header.size + size);
    block_unref (block);
    return 0;
}

static int hand_out (cutter_t *self, size_t end, batch_t *out)
{
    size_t front = front_of (self);
    *out = (batch_t){.tasks = 1, .items = 1};
    if (self->task_records && self->header.size) {
        if (copy_out (self, end, &out->bytes) == -1)
            return -1;
    } else {
        out->bytes = slice_of (self->block, self->lead - front, end - self->lead + front);
    }
    self->taken += end - self->lead;
    self->lead = end;
    self->seen = 0;
    self->whole = 0;
    return 1;
}

//  By count: the next task in what was read.
static int take_counted (cutter_t *self, batch_t *out)
{
    const uint8_t *data = block_data (self->block) + self->lead;
    size_t size = self->used - self->lead, cut;
    while ((cut = records_first (&self->records, data, size, self->seen))) {
        self->seen = self->records.end_size ? cut : cut + 1;
        if (++self->whole == self->task_records)
            return hand_out (self, self->lead + cut, out);
    }
    self->seen = larger (self->seen, records_seen (&self->records, size));
    return 0;
}

//  By size: the task is whole when its block is full. (The next read begins another block, header and tail first.)
static int take_full (cutter_t *self, batch_t *out)
{
    if (self->used < block_capacity (self->block))
        return 0;
    const uint8_t *data = block_data (self->block) + self->lead;
    size_t size = self->used - self->lead, cut = records_last (&self->records, data, size, self->seen);
    if (cut)
        return hand_out (self, self->lead + cut, out);
    self->seen = records_seen (&self->records, size);
    return 0;
}

//  The first lines; what is behind them begins the first task. 1; 0: they are not whole yet; -1: fault.
static int take_header (cutter_t *self)
{
    const uint8_t *data = block_data (self->block), *at;
    while (self->header_lines && (at = memchr (data + self->seen, '\n', self->used - self->seen))) {
        self->header_lines--;
        self->seen = (size_t)(at + 1 - data);
    }
    if (self->header_lines)
        return self->used > HEADER_MOST ? fail_header (self) : 0;
    if (self->seen > HEADER_MOST)
        return fail_header (self);
    if (bytes_append (&self->header, data, self->seen) == -1)
        return fault_set (self->fault, ENOMEM, "no memory for the header of %s", self->source.name);
    self->lead = self->seen;
    self->taken = self->seen;
    self->seen = 0;
    return 1;
}

static int take (cutter_t *self, batch_t *out)
{
    int rc = self->header_lines ? take_header (self) : 1;
    if (rc < 1)
        return rc;
    return self->task_records ? take_counted (self, out) : take_full (self, out);
}

//  The end of the input: the last record needs no end, the last task need not be full. A header alone is no task.
static int take_last (cutter_t *self, batch_t *out)
{
    if (self->header_lines)
        self->lead = self->used;
    return self->lead == self->used ? 0 : hand_out (self, self->used, out);
}

int cutter_read (cutter_t *self, batch_t *out)
{
    self->blocked = false;
    int rc = self->block && self->task_records && !self->header_lines ? take_counted (self, out) : 0;
    if (rc)
        return rc;
    if (self->ended)
        return take_last (self, out);
    if (make_room (self) == -1)
        return -1;
    size_t room = block_capacity (self->block) - self->used;
    ssize_t got = source_read (&self->source, block_data (self->block) + self->used, smaller (room, READ_BYTES));
    if (got > 0) {
        self->used += (size_t)got;
        return take (self, out);
    }
    self->ended = got == 0;
    if (self->ended)
        return take_last (self, out);
    self->blocked = errno == EAGAIN || errno == EWOULDBLOCK;
    if (self->blocked)
        return 0;
    return fault_set (self->fault, errno, "reading %s: %s", self->source.name, strerror (errno));
}
