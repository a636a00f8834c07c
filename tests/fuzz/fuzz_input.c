//  Any bytes as input, in blocks of any size, with any delimiter. The items that come out, with the delimiter behind
//  each, are the bytes that went in; packed or not, none is lost, made up or torn. Likewise blocks of records (--pipe).
#include "input/input.h"
#include "feed.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct {
    uint8_t *bytes; // the items, each with its delimiter
    size_t size, capacity;
    uint64_t tasks, items;
} heard_t;

static void hear (heard_t *self, const uint8_t *data, size_t size)
{
    if (self->size + size > self->capacity) {
        self->capacity = 2 * (self->size + size);
        self->bytes = realloc (self->bytes, self->capacity);
    }
    if (size)
        memcpy (self->bytes + self->size, data, size);
    self->size += size;
}

static void hear_batch (heard_t *self, const shape_t *shape, const batch_t *batch, uint8_t delimiter)
{
    const uint8_t *at = batch->bytes.data, *value;
    size_t left = batch->bytes.size, length;
    uint64_t items = 0;
    HOLDS (batch->tasks && shape_count (shape, at, left) == batch->tasks);
    for (uint64_t i = 0; i < batch->tasks; i++) {
        size_t task = shape_skip (shape, at, left, 1);
        value_cursor_t cursor = value_cursor (shape, at, task);
        for (; value_next (&cursor, &value, &length); items++) {
            hear (self, value, length);
            hear (self, &delimiter, 1);
        }
        at += task;
        left -= task;
    }
    HOLDS (!left && items == batch->items);
    self->tasks += batch->tasks;
    self->items += items;
}

static int memory_file (const uint8_t *data, size_t size)
{
    int fd = memfd_create ("input", MFD_CLOEXEC);
    HOLDS (fd >= 0 && write (fd, data, size) == (ssize_t)size && lseek (fd, 0, SEEK_SET) == 0);
    return fd;
}

//  False where it could not go on; what was whole before is heard all the same.
static bool read_all (input_t *input, heard_t *heard, uint8_t delimiter)
{
    batch_t batch;
    for (int rc; (rc = input_read (input, &batch)) || !input_eof (input);) {
        if (rc == -1) {
            HOLDS (errno == EMSGSIZE && *input_error (input) && !strchr (input_error (input), '\n'));
            return false;
        }
        if (rc == 1) {
            hear_batch (heard, input_shape (input), &batch, delimiter);
            slice_drop (&batch.bytes);
        }
    }
    return true;
}

static bool is_blank (uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

//  What should come out: all of it, the last item ended, blank items left out where that was asked for.
static void expect (heard_t *out, const uint8_t *data, size_t size, const input_config_t *config)
{
    for (size_t at = 0, end; at < size; at = end + 1) {
        const uint8_t *stop = memchr (data + at, config->delimiter, size - at);
        end = stop ? (size_t)(stop - data) : size;
        bool blank = true;
        for (size_t i = at; i < end; i++)
            blank = blank && is_blank (data[i]);
        if (blank && config->skip_blank)
            continue;
        hear (out, data + at, end - at);
        hear (out, &config->delimiter, 1);
    }
}

static void check_items (input_t *input, heard_t *heard, heard_t *wanted, const uint8_t *text, size_t size,
                         const input_config_t *config)
{
    bool whole = read_all (input, heard, config->delimiter);
    expect (wanted, text, size, config);
    HOLDS (heard->size == wanted->size || (!whole && heard->size < wanted->size));
    HOLDS (!heard->size || memcmp (heard->bytes, wanted->bytes, heard->size) == 0);
}

//  ---- blocks

//  The size of the first lines, or of all there is where there are fewer.
static size_t header_size (const input_config_t *config, const uint8_t *text, size_t size)
{
    size_t at = 0;
    for (uint32_t lines = config->header_lines; lines && at < size; lines--) {
        const uint8_t *stop = memchr (text + at, '\n', size - at);
        at = stop ? (size_t)(stop + 1 - text) : size;
    }
    return at;
}

static bool has_mark (const mark_t *mark, const uint8_t *at)
{
    return memcmp (at, mark->bytes, mark->size) == 0;
}

//  A block begins with the header; behind it stand the next bytes of the text, cut where a record ends.
static void hear_block (heard_t *heard, const slice_t *block, const input_config_t *config, const uint8_t *text,
                        size_t size, size_t header)
{
    const mark_t *end = &config->record_end, *start = &config->record_start;
    size_t at = header + heard->size, stop = at + block->size - header;
    HOLDS (block->size > header && memcmp (block->data, text, header) == 0);
    HOLDS (stop <= size && memcmp (block->data + header, text + at, stop - at) == 0);
    heard->size = stop - header;
    if (stop == size)
        return;
    HOLDS (heard->size >= end->size && has_mark (end, text + stop - end->size));
    HOLDS (size - stop >= start->size && has_mark (start, text + stop));
}

static void read_blocks (input_t *input, heard_t *heard, const input_config_t *config, const uint8_t *text, size_t size)
{
    size_t header = header_size (config, text, size);
    batch_t batch;
    for (int rc; (rc = input_read (input, &batch)) || !input_eof (input);) {
        if (rc == -1) {
            HOLDS (errno == EMSGSIZE && *input_error (input));
            return;
        }
        if (rc == 0)
            continue;
        HOLDS (batch.tasks == 1 && shape_count (input_shape (input), batch.bytes.data, batch.bytes.size) == 1);
        hear_block (heard, &batch.bytes, config, text, size, header);
        slice_drop (&batch.bytes);
    }
    HOLDS (header + heard->size == size);
}

static void set_blocks (input_config_t *config, feed_t *feed)
{
    mark_t *const marks[] = {&config->record_end, &config->record_start};
    config->pipe = config->has_record_end = true;
    config->pack = config->skip_blank = false;
    config->task_bytes = 0;
    config->header_lines = feed_below (feed, 3);
    for (int i = 0; i < 2; i++) {
        size_t size;
        const uint8_t *bytes = feed_bytes (feed, feed_below (feed, 4), &size);
        memcpy (marks[i]->bytes, bytes, size);
        marks[i]->size = size;
    }
    if (!config->record_end.size && !config->record_start.size)
        config->task_items = 0; // there are no records to count
    config->pipe_bytes = config->task_items ? 0 : config->block_bytes;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    feed_t feed = feed_of (data, size);
    input_config_t config = input_defaults ();
    uint8_t bits = feed_byte (&feed);
    char error[300] = "";
    config.delimiter = bits & 1 ? feed_byte (&feed) : '\n';
    config.pack = bits & 2;
    config.skip_blank = bits & 4;
    config.task_items = bits & 8 ? 1 + feed_below (&feed, 8) : 0;
    config.block_bytes = 1 + feed_below (&feed, 64);
    config.max_item_bytes = bits & 16 ? 1 + feed_below (&feed, 64) : config.max_item_bytes;
    config.command_bytes = 4;
    config.task_bytes = bits & 32 ? 5 + feed_below (&feed, 64) : 0;
    if (bits & 64)
        set_blocks (&config, &feed);
    size_t text_size;
    const uint8_t *text = feed_bytes (&feed, SIZE_MAX, &text_size);
    heard_t heard = {0}, wanted = {0};
    config.stdin_fd = memory_file (text, text_size);
    input_t *input = input_new (&config, error, sizeof error);
    HOLDS (input);
    if (config.pipe)
        read_blocks (input, &heard, &config, text, text_size);
    else
        check_items (input, &heard, &wanted, text, text_size, &config);
    input_destroy (&input);
    close (config.stdin_fd);
    free (heard.bytes);
    free (wanted.bytes);
    return 0;
}
