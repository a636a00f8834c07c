//  Any bytes as input, in blocks of any size, with any delimiter. The items that come out, with the delimiter behind
//  each, are the bytes that went in; packed or not, none is lost, made up or torn.
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
    size_t text_size;
    const uint8_t *text = feed_bytes (&feed, SIZE_MAX, &text_size);
    heard_t heard = {0}, wanted = {0};
    config.stdin_fd = memory_file (text, text_size);
    input_t *input = input_new (&config, error, sizeof error);
    HOLDS (input);
    bool whole = read_all (input, &heard, config.delimiter);
    expect (&wanted, text, text_size, &config);
    HOLDS (heard.size == wanted.size || (!whole && heard.size < wanted.size));
    HOLDS (!heard.size || memcmp (heard.bytes, wanted.bytes, heard.size) == 0);
    input_destroy (&input);
    close (config.stdin_fd);
    free (heard.bytes);
    free (wanted.bytes);
    return 0;
}
