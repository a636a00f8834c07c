/*  Lines of JSON.
 *
 *  What a line says beside the outputs is kept, where it has to be, as a stream of its own, and behind it a byte for
 *  each output that says in which code that has to be written: who finds it later need not read all of the output for
 *  that.
 */
#include "store/printer_i.h"

#include <stdio.h>

enum { COPY_BYTES = 16 * 1024 };

static json_code_t code_of (const json_utf8_t *seen)
{
    return json_is_utf8 (seen) ? JSON_TEXT : JSON_BASE64;
}

static json_code_t code_read (uint8_t byte)
{
    return byte == JSON_TEXT ? JSON_TEXT : JSON_BASE64;
}

static int put (printer_t *self, const void *data, size_t size)
{
    return channel_put (self->channels[PRINTER_OUT], data, size);
}

static int put_coded (printer_t *self, json_code_t code, const uint8_t *data, size_t size)
{
    uint8_t bytes[COPY_BYTES];
    int rc = 0;
    for (size_t used; size && rc == 0; data += used, size -= used) {
        size_t made = json_encode (code, data, size, true, bytes, sizeof bytes, &used);
        rc = put (self, bytes, made);
    }
    return rc;
}

//  Up to the string of an output.
static int put_name (printer_t *self, int stream, json_code_t code)
{
    char name[32];
    int size = snprintf (name, sizeof name, ",\"%s%s\":\"", stream == PRINTER_OUT ? "stdout" : "stderr",
                         code == JSON_BASE64 ? "_base64" : "");
    return put (self, name, (size_t)size);
}

static int end_line (printer_t *self)
{
    const char end[] = {'}', self->is_ended ? (char)self->end : '\n'};
    return put (self, end, sizeof end);
}

static int put_kept (printer_t *self, output_t *output, const json_code_t codes[2])
{
    for (int i = PRINTER_OUT; i <= PRINTER_ERR; i++) {
        spill_t **kept = &output->kept[i];
        if (put_name (self, i, codes[i]) == -1)
            return -1;
        if (*kept && channel_take_coded (self->channels[PRINTER_OUT], kept, spill_size (*kept), codes[i]) == -1)
            return -1;
        if (put (self, "\"", 1) == -1)
            return -1;
    }
    return end_line (self);
}

static int put_whole (printer_t *self, const void *const data[2], const size_t sizes[2])
{
    for (int i = PRINTER_OUT; i <= PRINTER_ERR; i++) {
        json_utf8_t seen = {0};
        json_look (&seen, data[i], sizes[i]);
        if (put_name (self, i, code_of (&seen)) == -1 || put_coded (self, code_of (&seen), data[i], sizes[i]) == -1 ||
            put (self, "\"", 1) == -1)
            return -1;
    }
    return end_line (self);
}

//  Bytes behind what is kept.
static int keep_rest (printer_t *self, output_t *output, int stream, const void *data, size_t size)
{
    spill_t **kept = &output->kept[stream];
    json_look (&output->seen[stream], data, size);
    if (!size)
        return 0;
    if (!*kept && !(*kept = spill_new (self->pool)))
        return -1;
    return spill_append (*kept, data, size);
}

int printer_line (printer_t *self, output_t *output, const printer_task_t *task, const void *const data[2],
                  const size_t sizes[2])
{
    if (put (self, task->line, task->line_size) == -1)
        return -1;
    if (!output)
        return put_whole (self, data, sizes);
    for (int i = PRINTER_OUT; i <= PRINTER_ERR; i++)
        if (keep_rest (self, output, i, data[i], sizes[i]) == -1)
            return -1;
    return put_kept (self, output, (json_code_t[]){code_of (&output->seen[0]), code_of (&output->seen[1])});
}

int printer_aside (printer_t *self, const printer_task_t *task)
{
    if (self->error || printer_line (self, NULL, task, (const void *[]){NULL, NULL}, (size_t[]){0, 0}) == -1)
        return printer_fail (self);
    return 0;
}

int printer_keep_line (printer_t *self, output_t *output, const printer_task_t *task)
{
    const uint8_t codes[] = {(uint8_t)code_of (&output->seen[0]), (uint8_t)code_of (&output->seen[1])};
    spill_t **kept = &output->kept[PRINTER_LINE];
    if (!*kept && !(*kept = spill_new (self->pool)))
        return -1;
    return spill_append (*kept, task->line, task->line_size) == -1 ? -1 : spill_append (*kept, codes, sizeof codes);
}

//  What was kept by a life that made no lines of JSON is known by its number alone, and written so that nothing is
//  lost.
int printer_kept_line (printer_t *self, output_t *output)
{
    spill_t **kept = &output->kept[PRINTER_LINE];
    uint8_t codes[2] = {JSON_BASE64, JSON_BASE64};
    char line[48];
    if (!*kept) {
        int size = snprintf (line, sizeof line, "{\"seq\":%llu", (unsigned long long)output->n);
        if (put (self, line, (size_t)size) == -1)
            return -1;
        return put_kept (self, output, (json_code_t[]){JSON_BASE64, JSON_BASE64});
    }
    uint64_t size = spill_size (*kept) < sizeof codes ? 0 : spill_size (*kept) - sizeof codes;
    for (size_t i = 0; i < sizeof codes; i++)
        if (spill_read (*kept, size + i, &codes[i], 1) == -1)
            return -1;
    if (channel_take (self->channels[PRINTER_OUT], kept, size) == -1)
        return -1;
    return put_kept (self, output, (json_code_t[]){code_read (codes[0]), code_read (codes[1])});
}
