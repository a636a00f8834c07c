#include "store/lines.h"
#include "store/printer_i.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { COPY_BYTES = 16 * 1024 };

//  Where bytes go: to the channel of a stream, or to what is kept of one (made when it is needed).
typedef struct {
    channel_t *channel;
    spill_t **kept;
    spill_pool_t *pool;
} target_t;

static target_t to_channel (const printer_t *self, int stream)
{
    return (target_t){.channel = self->channels[stream]};
}

static target_t to_spill (const printer_t *self, spill_t **kept)
{
    return (target_t){.kept = kept, .pool = self->pool};
}

printer_t *printer_new (const printer_config_t *config)
{
    printer_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->mode = config->mode;
    self->keep_order = config->keep_order;
    self->json = config->json;
    self->tag = config->tag && config->mode != PRINTER_RAW && !config->json;
    self->is_ended = config->is_ended;
    self->end = self->last = config->end;
    self->next = config->first ? config->first : 1;
    self->keeps = config->keep_path;
    self->pool = spill_pool_new (&(spill_config_t){.directory = config->directory,
                                                   .memory_bytes = config->memory_bytes,
                                                   .each_bytes = config->task_bytes,
                                                   .path = config->keep_path});
    self->out_name = strdup (config->out_path ? config->out_path : "stdout");
    if (!self->pool || !self->out_name || printer_open_channels (self, config) == -1) {
        int saved = errno;
        printer_destroy (&self);
        errno = saved;
    }
    return self;
}

void printer_destroy (printer_t **self_p)
{
    printer_t *self = *self_p;
    if (!self)
        return;
    outputs_free (&self->outputs);
    printer_close_channels (self);
    spill_pool_destroy (&self->pool);
    ranges_free (&self->silent);
    free (self->untold);
    free (self->out_name);
    free (self);
    *self_p = NULL;
}

static int put (void *context, const void *data, size_t size)
{
    const target_t *target = context;
    if (target->channel)
        return channel_put (target->channel, data, size);
    if (!*target->kept && !(*target->kept = spill_new (target->pool)))
        return -1;
    return spill_append (*target->kept, data, size);
}

static int emit (const printer_t *self, target_t target, const printer_task_t *task, bool *inside_line,
                 const void *data, size_t size)
{
    if (!size)
        return 0;
    if (!self->tag)
        return put (&target, data, size);
    const lines_tag_t tag = {.bytes = task->tag, .size = task->tag_size};
    return lines_tag (&tag, inside_line, data, size, put, &target);
}

//  -- one output

//  A task is printed.
static int end_task (printer_t *self)
{
    if (!self->is_ended || self->last == self->end)
        return 0;
    self->last = self->end;
    return channel_put (self->channels[PRINTER_OUT], &self->end, 1);
}

//  Prints what is kept of a stream.
static int print_kept (printer_t *self, output_t *output, int stream)
{
    output->lines[stream] = 0;
    spill_t **kept = &output->kept[stream];
    if (*kept && stream == PRINTER_OUT && spill_read (*kept, spill_size (*kept) - 1, &self->last, 1) == -1)
        return -1;
    return *kept ? channel_take (self->channels[stream], kept, spill_size (*kept)) : 0;
}

//  Prints what is kept up to the last whole line, and keeps the rest.
static int print_kept_lines (printer_t *self, output_t *output, int stream)
{
    spill_t *kept = output->kept[stream], *rest = NULL;
    target_t target = to_spill (self, &rest);
    uint64_t lines = output->lines[stream];
    uint8_t bytes[COPY_BYTES];
    if (!kept || !lines)
        return 0;
    for (uint64_t at = lines; at < spill_size (kept);) {
        ssize_t got = spill_read (kept, at, bytes, sizeof bytes);
        if (got < 0 || put (&target, bytes, (size_t)got) == -1) {
            spill_destroy (&rest);
            return -1;
        }
        at += (uint64_t)got;
    }
    output->kept[stream] = rest;
    output->lines[stream] = 0;
    int rc = channel_take (self->channels[stream], &kept, lines);
    spill_destroy (&kept);
    return rc;
}

//  Bytes of a piece that may be printed before the task is done.
static size_t printable (const printer_t *self, const uint8_t *data, size_t size)
{
    if (self->mode == PRINTER_GROUP || !size)
        return 0;
    return self->mode == PRINTER_RAW ? size : lines_whole (data, size);
}

//  Adds bytes to a stream of an attempt: prints what may be printed if it `streams`, keeps the rest.
static int add (printer_t *self, output_t *output, const printer_task_t *task, int stream, const uint8_t *data,
                size_t size, bool streams)
{
    const target_t keep = to_spill (self, &output->kept[stream]);
    bool *inside_line = &output->inside_line[stream];
    size_t lines = printable (self, data, size);
    json_look (&output->seen[stream], data, self->json ? size : 0);
    if (lines && streams && print_kept (self, output, stream) == -1)
        return -1;
    if (emit (self, streams ? to_channel (self, stream) : keep, task, inside_line, data, lines) == -1)
        return -1;
    if (lines && !streams)
        output->lines[stream] = spill_size (output->kept[stream]);
    return emit (self, keep, task, inside_line, data + lines, size - lines);
}

//  -- the order

static bool is_done (const printer_t *self, uint64_t n)
{
    return self->keep_order && (n < self->next || outputs_whole (&self->outputs, n) || ranges_has (&self->silent, n));
}

static bool streams (const printer_t *self, uint64_t n)
{
    return self->mode != PRINTER_GROUP && (!self->keep_order || n == self->next);
}

static int print_streams (printer_t *self, output_t *output)
{
    if (print_kept (self, output, PRINTER_OUT) == -1 || end_task (self) == -1)
        return -1;
    return print_kept (self, output, PRINTER_ERR);
}

static int print_whole (printer_t *self, output_t *output)
{
    for (int i = 0; i < PRINTER_STREAMS; i++)
        if (output->kept[i])
            spill_part (output->kept[i]);
    if ((self->json ? printer_kept_line : print_streams) (self, output) == -1)
        return -1;
    outputs_remove (&self->outputs, output);
    return 0;
}

//  Passes over the number whose turn it is, if it is done; 1 if so, 0 if not, -1 and errno.
static int pass (printer_t *self)
{
    output_t *whole = outputs_whole (&self->outputs, self->next);
    if (whole) {
        self->next++;
        return print_whole (self, whole) == -1 ? -1 : 1;
    }
    run_t run = ranges_present (&self->silent, self->next, 1);
    if (!run.count)
        return 0;
    run = ranges_present (&self->silent, self->next, UINT64_MAX - self->next);
    self->next += run.count;
    return ranges_remove (&self->silent, run.n, run.count) == -1 ? -1 : 1;
}

//  Somebody's turn may have come: prints what is whole, then lets the next one stream.
static int take_turns (printer_t *self)
{
    int rc;
    while ((rc = pass (self)) == 1)
        ;
    if (rc == -1 || self->mode == PRINTER_GROUP)
        return rc;
    output_t *output = NULL;
    while ((output = outputs_next_attempt (&self->outputs, self->next, output)))
        if (print_kept_lines (self, output, PRINTER_OUT) == -1 || print_kept_lines (self, output, PRINTER_ERR) == -1)
            return -1;
    return 0;
}

//  -- what the sink says

static output_t *attempt_of (printer_t *self, const printer_task_t *task)
{
    output_t *output = outputs_attempt (&self->outputs, task->n, task->source);
    return output ? output : outputs_add (&self->outputs, task->n, task->source);
}

int printer_piece (printer_t *self, const printer_task_t *task, int stream, const void *data, size_t size)
{
    assert (stream == PRINTER_OUT || stream == PRINTER_ERR);
    if (self->error)
        return printer_fail (self);
    self->accepted_bytes += size;
    if (is_done (self, task->n) || !size)
        return printer_settle (self, 0);
    output_t *output = attempt_of (self, task);
    if (!output)
        return printer_fail (self);
    return printer_settle (self, add (self, output, task, stream, data, size, streams (self, task->n)));
}

//  The last bytes of an output that is printed now; `output` is what was kept of it, or NULL.
static int print_last (printer_t *self, output_t *output, const printer_task_t *task, int stream, const void *data,
                       size_t size)
{
    bool fresh = false;
    bool *inside_line = output ? &output->inside_line[stream] : &fresh;
    if (output && print_kept (self, output, stream) == -1)
        return -1;
    if (size && stream == PRINTER_OUT)
        self->last = ((const uint8_t *)data)[size - 1];
    return emit (self, to_channel (self, stream), task, inside_line, data, size);
}

//  The last bytes of an output that waits for its turn.
static int keep_whole (printer_t *self, const printer_task_t *task, const void *out, size_t out_size, const void *err,
                       size_t err_size)
{
    output_t *output = attempt_of (self, task);
    if (!output || add (self, output, task, PRINTER_OUT, out, out_size, false) == -1 ||
        add (self, output, task, PRINTER_ERR, err, err_size, false) == -1)
        return -1;
    if (self->json && printer_keep_line (self, output, task) == -1)
        return -1;
    output->whole = true;
    if (output->kept[PRINTER_OUT] || output->kept[PRINTER_ERR] || output->kept[PRINTER_LINE])
        return printer_note_untold (self, task->n);
    outputs_remove (&self->outputs, output);
    return ranges_add (&self->silent, task->n, 1);
}

//  What is printed now.
static int print_done (printer_t *self, output_t *output, const printer_task_t *task, const void *const data[2],
                       const size_t sizes[2])
{
    if (self->json)
        return printer_line (self, output, task, data, sizes);
    if (print_last (self, output, task, PRINTER_OUT, data[0], sizes[0]) == -1 || end_task (self) == -1)
        return -1;
    return print_last (self, output, task, PRINTER_ERR, data[1], sizes[1]);
}

int printer_done (printer_t *self, const printer_task_t *task, const void *out, size_t out_size, const void *err,
                  size_t err_size)
{
    if (self->error)
        return printer_fail (self);
    self->accepted_bytes += out_size + err_size;
    if (is_done (self, task->n)) {
        printer_drop (self, task->source, task->n);
        errno = EEXIST;
        return -1;
    }
    if (self->keep_order && task->n != self->next)
        return printer_settle (self, keep_whole (self, task, out, out_size, err, err_size));
    output_t *output = outputs_attempt (&self->outputs, task->n, task->source);
    if (print_done (self, output, task, (const void *[]){out, err}, (size_t[]){out_size, err_size}) == -1)
        return printer_fail (self);
    outputs_remove (&self->outputs, output);
    self->next = task->n + 1;
    return printer_settle (self, self->keep_order ? take_turns (self) : 0);
}

void printer_drop (printer_t *self, uint64_t source, uint64_t n)
{
    outputs_remove (&self->outputs, outputs_attempt (&self->outputs, n, source));
    (void)printer_settle (self, 0);
}

void printer_drop_source (printer_t *self, uint64_t source)
{
    outputs_remove_source (&self->outputs, source);
}

int printer_empty_run (printer_t *self, uint64_t n, uint64_t count)
{
    if (self->error)
        return printer_fail (self);
    if (!self->keep_order || !count || n + count <= self->next)
        return 0;
    uint64_t passed = n < self->next ? self->next - n : 0;
    if (ranges_add (&self->silent, n + passed, count - passed) == -1)
        return -1;
    return printer_settle (self, take_turns (self));
}

static int by_number (const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

int printer_end_order (printer_t *self)
{
    if (self->error)
        return printer_fail (self);
    uint64_t *numbers = calloc (self->outputs.size + 1, sizeof *numbers);
    if (!numbers)
        return printer_fail (self);
    size_t count = outputs_list_whole (&self->outputs, numbers, self->outputs.size);
    qsort (numbers, count, sizeof *numbers, by_number);
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        self->next = numbers[i] + 1;
        rc = print_whole (self, outputs_whole (&self->outputs, numbers[i]));
    }
    free (numbers);
    return printer_settle (self, rc);
}

uint64_t printer_next (const printer_t *self)
{
    return self->next;
}
