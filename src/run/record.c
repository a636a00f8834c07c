#include "run/runner_parts.h"

#include <stdlib.h>
#include <string.h>

enum { SPARE_RECORDS = 64, KEEP_BYTES = 16 * 1024 };

static int add_captures (record_t *self, const runner_opts_t *opts)
{
    size_t memory_bytes = opts->memory_bytes ? opts->memory_bytes : RUNNER_BUFFER_BYTES;
    self->out = capture_new (opts->tmpdir, memory_bytes);
    self->err = capture_new (opts->tmpdir, memory_bytes);
    return self->out && self->err ? 0 : -1;
}

record_t *record_new (runner_t *runner, runner_kind_t kind)
{
    record_t *self = TAILQ_FIRST (&runner->spare);
    if (self) {
        TAILQ_REMOVE (&runner->spare, self, link);
        runner->spare_count--;
    } else if (!(self = calloc (1, sizeof *self)) || add_captures (self, &runner->opts) != 0) {
        record_destroy (&self);
        return NULL;
    }
    self->result = (runner_result_t){.kind = kind, .out = self->out, .err = self->err};
    self->queued = false;
    self->slot = NULL;
    return self;
}

void record_destroy (record_t **self_p)
{
    record_t *self = *self_p;
    if (!self)
        return;
    capture_destroy (&self->out);
    capture_destroy (&self->err);
    text_free (&self->data);
    text_free (&self->tag);
    text_free (&self->text);
    writer_free (&self->item);
    free (self);
    *self_p = NULL;
}

static void clear (text_t *text)
{
    if (text->capacity > KEEP_BYTES)
        text_free (text);
    text_clear (text);
}

static void clear_item (writer_t *item)
{
    if (item->failed || item->capacity > KEEP_BYTES)
        writer_free (item);
    item->size = 0;
}

void record_give_back (runner_t *runner, record_t *self)
{
    if (runner->spare_count >= runner->opts.slots + SPARE_RECORDS) {
        record_destroy (&self);
        return;
    }
    capture_clear (self->out);
    capture_clear (self->err);
    clear (&self->data);
    clear (&self->tag);
    clear (&self->text);
    clear_item (&self->item);
    TAILQ_INSERT_HEAD (&runner->spare, self, link);
    runner->spare_count++;
}

void record_queue (runner_t *runner, record_t *self)
{
    self->queued = true;
    TAILQ_INSERT_TAIL (&runner->queue, self, link);
}

//  A piece for the stream, with what all pieces of the slot's task say.
static record_t *new_piece (runner_t *runner, slot_t *slot, int stream)
{
    record_t *self = record_new (runner, RUNNER_PIECE), *task = slot->record;
    if (!self)
        return NULL;
    self->slot = slot;
    self->result.ticket = task->result.ticket;
    self->result.n = task->result.n;
    self->result.attempt = task->result.attempt;
    self->result.slot = task->result.slot;
    self->result.stream = stream + 1;
    if (task->result.tag) {
        text_add (&self->tag, task->tag.data, task->result.tag_bytes + 1);
        self->result.tag = self->tag.data;
        self->result.tag_bytes = self->tag.failed ? 0 : task->result.tag_bytes;
    }
    return self;
}

size_t record_room (const slot_t *slot, int stream)
{
    const record_t *piece = slot->stream[stream].piece;
    return piece ? RUNNER_BUFFER_BYTES - piece->data.size : RUNNER_BUFFER_BYTES;
}

int record_add (runner_t *runner, slot_t *slot, int stream, const char *data, size_t size)
{
    stream_t *from = &slot->stream[stream];
    if (!from->piece && !(from->piece = new_piece (runner, slot, stream)))
        return -1;
    record_t *self = from->piece;
    text_add (&self->data, data, size);
    bool whole = runner->opts.output == RUNNER_BYTES || memchr (data, '\n', size) || !record_room (slot, stream);
    if (whole && !self->queued)
        record_queue (runner, self);
    return self->data.failed ? -1 : 0;
}

void record_flush (runner_t *runner, slot_t *slot, int stream)
{
    record_t *self = slot->stream[stream].piece;
    if (!self)
        return;
    self->slot = NULL; // nothing is kept back when it is taken
    slot->stream[stream].piece = NULL;
    if (!self->queued)
        record_queue (runner, self);
}

//  What is behind the last newline stays with the stream, as the beginning of its next piece.
static size_t keep_unfinished_line (runner_t *runner, slot_t *slot, record_t *self)
{
    const char *data = self->data.data;
    const char *newline = memrchr (data, '\n', self->data.size);
    size_t size = newline ? (size_t)(newline + 1 - data) : self->data.size;
    size_t rest = self->data.size - size;
    int stream = self->result.stream - 1;
    if (rest && record_add (runner, slot, stream, data + size, rest) != 0)
        return self->data.size; // no memory: the line is handed out in two parts
    return size;
}

void record_detach (runner_t *runner, record_t *self)
{
    slot_t *slot = self->slot;
    size_t size = self->data.size;
    self->slot = NULL;
    if (slot) {
        slot->stream[self->result.stream - 1].piece = NULL;
        if (runner->opts.output == RUNNER_LINES)
            size = keep_unfinished_line (runner, slot, self);
    }
    self->result.data = self->data.data;
    self->result.size = size;
    self->result.partial = runner->opts.output == RUNNER_LINES && size && self->data.data[size - 1] != '\n';
}
