#include "input/input.h"

#include "input/cutter.h"
#include "input/packer.h"
#include "input/product.h"
#include "input/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ROWS_A_CALL 65536 // tuples that one call packs before the caller's loop has its turn

struct input {
    shape_t shape;
    enum { DIRECT, PACKED, CUT } way; // the bytes stay as they were read; `product` and `packer`; --pipe
    reader_t reader;
    cutter_t cutter;
    product_t product;
    packer_t packer;
    bool has_row; // the product's row is still to be packed
    int fd;       // what the last call would have waited for; -1: nothing
    fault_t fault;
};

input_config_t input_defaults (void)
{
    return (input_config_t){.delimiter = '\n', .max_item_bytes = (size_t)64 << 20, .block_bytes = (size_t)64 << 10};
}

static int check_config (const input_config_t *config, const input_source_t *sources, size_t count, fault_t *fault)
{
    size_t readers_of_stdin = 0;
    for (size_t i = 0; i < count; i++)
        readers_of_stdin += source_is_stdin (sources + i);
    if (readers_of_stdin > 1)
        return fault_set (fault, EINVAL, "standard input is named %zu times: it can be read once", readers_of_stdin);
    if (count > UINT16_MAX)
        return fault_set (fault, EINVAL, "%zu sources of items: at most %d", count, UINT16_MAX);
    if (config->max_item_bytes < 1 || config->max_item_bytes > INPUT_MAX_ITEM_LIMIT)
        return fault_set (fault, EINVAL, "--max-item of %zu bytes: from 1 to %zu", config->max_item_bytes,
                          INPUT_MAX_ITEM_LIMIT);
    return config->block_bytes ? 0 : fault_set (fault, EINVAL, "blocks of 0 bytes");
}

//  What stands on one source of bytes, cut by marks, is all that a block can be made of.
static int check_pipe (const input_config_t *config, const input_source_t *sources, size_t count, fault_t *fault)
{
    if (count > 1 || sources->kind == INPUT_LIST)
        return fault_set (fault, EINVAL, "blocks are made of one stream of bytes");
    if (config->pack || config->skip_blank || config->task_bytes)
        return fault_set (fault, EINVAL, "blocks hold the bytes as they are");
    return 0;
}

static bool is_direct (const input_config_t *config, size_t count)
{
    bool fits_bytes = config->task_bytes && config->task_items > 1;
    return count == 1 && !config->pack && !config->skip_blank && !fits_bytes;
}

static int open_direct (input_t *self, const input_source_t *source, const input_config_t *config)
{
    uint32_t task_items = config->task_items ? config->task_items : 1;
    self->way = DIRECT;
    if (reader_open (&self->reader, source, config, task_items, &self->fault) < 0)
        return -1;
    self->shape = (shape_t){BLOCK_DELIMITED, self->reader.source.delimiter, 1, task_items};
    return 0;
}

static int open_packed (input_t *self, const input_source_t *sources, size_t count, const input_config_t *config)
{
    self->way = PACKED;
    packer_init (&self->packer, config, (uint16_t)count, &self->fault);
    self->shape = (shape_t){.format = BLOCK_PREFIXED, .columns = (uint16_t)count, .items = 1};
    return product_open (&self->product, sources, count, config, &self->fault);
}

static int open_cut (input_t *self, const input_source_t *sources, size_t count, const input_config_t *config)
{
    self->way = CUT;
    self->shape = (shape_t){.format = BLOCK_WHOLE, .columns = 1, .items = 1};
    if (check_pipe (config, sources, count, &self->fault) < 0)
        return -1;
    return cutter_open (&self->cutter, sources, config, &self->fault);
}

static int open_sources (input_t *self, const input_config_t *config)
{
    static const input_source_t standard = {.kind = INPUT_STDIN};
    const input_source_t *sources = config->source_count ? config->sources : &standard;
    size_t count = config->source_count ? config->source_count : 1;
    if (check_config (config, sources, count, &self->fault) < 0)
        return -1;
    if (config->pipe)
        return open_cut (self, sources, count, config);
    return is_direct (config, count) ? open_direct (self, sources, config) : open_packed (self, sources, count, config);
}

input_t *input_new (const input_config_t *config, char *error, size_t error_size)
{
    input_t *self = calloc (1, sizeof *self);
    if (!self) {
        snprintf (error, error_size, "no memory");
        return NULL;
    }
    self->fd = self->reader.source.fd = self->cutter.source.fd = self->product.fd = -1;
    if (open_sources (self, config) == 0)
        return self;
    int number = self->fault.number;
    snprintf (error, error_size, "%s", self->fault.text);
    input_destroy (&self);
    errno = number;
    return NULL;
}

void input_destroy (input_t **self_p)
{
    input_t *self = *self_p;
    if (!self)
        return;
    reader_close (&self->reader);
    cutter_close (&self->cutter);
    product_close (&self->product);
    packer_free (&self->packer);
    free (self);
    *self_p = NULL;
}

static int read_direct (input_t *self, batch_t *out)
{
    int rc = reader_read (&self->reader, out);
    if (rc == 0 && self->reader.blocked)
        self->fd = self->reader.source.fd;
    return rc;
}

static int read_cut (input_t *self, batch_t *out)
{
    int rc = cutter_read (&self->cutter, out);
    if (rc == 0 && self->cutter.blocked)
        self->fd = self->cutter.source.fd;
    return rc;
}

//  Packs tuples until the block is full, or there are no more for now: what product_next or packer_add said last.
static int pack_rows (input_t *self)
{
    for (int i = 0; i < ROWS_A_CALL; i++) {
        int rc = self->has_row ? 1 : product_next (&self->product);
        if (rc < 1)
            return rc;
        self->has_row = true;
        rc = packer_add (&self->packer, &self->product.row);
        if (rc < 1)
            return rc;
        self->has_row = false;
    }
    return 0;
}

static int read_packed (input_t *self, batch_t *out)
{
    int rc = pack_rows (self);
    if (rc == 0 && self->product.ended && !self->has_row)
        packer_end (&self->packer);
    if (packer_hand_out (&self->packer, out))
        return 1;
    self->fd = self->product.fd;
    return rc;
}

int input_read (input_t *self, batch_t *out)
{
    static int (*const reads[]) (input_t *,
                                 batch_t *) = {[DIRECT] = read_direct, [PACKED] = read_packed, [CUT] = read_cut};
    self->fd = -1;
    if (self->fault.number) {
        errno = self->fault.number;
        return -1;
    }
    return reads[self->way](self, out);
}

int input_fd (const input_t *self)
{
    return self->fd;
}

bool input_eof (const input_t *self)
{
    if (self->fault.number)
        return false;
    if (self->way == DIRECT)
        return reader_eof (&self->reader);
    if (self->way == CUT)
        return cutter_eof (&self->cutter);
    return self->product.ended && !self->has_row && !self->packer.tasks && !self->packer.in_open;
}

const char *input_error (const input_t *self)
{
    return self->fault.text;
}

const shape_t *input_shape (const input_t *self)
{
    return &self->shape;
}

//  Each of the sources; NULL: there are no more.
static const source_t *source_of (const input_t *self, size_t i)
{
    if (self->way == PACKED)
        return i < self->product.column_count ? &self->product.columns[i].reader.source : NULL;
    return i ? NULL : self->way == CUT ? &self->cutter.source : &self->reader.source;
}

bool input_is_terminal (const input_t *self)
{
    const source_t *source;
    for (size_t i = 0; (source = source_of (self, i)); i++)
        if (source->terminal)
            return true;
    return false;
}

bool input_reads (const input_t *self, const char *path)
{
    const source_t *source;
    struct stat that, ours;
    if (stat (path, &that) == -1 || !S_ISREG (that.st_mode))
        return false;
    for (size_t i = 0; (source = source_of (self, i)); i++)
        if (source->fd >= 0 && fstat (source->fd, &ours) == 0 && ours.st_dev == that.st_dev &&
            ours.st_ino == that.st_ino)
            return true;
    return false;
}
