#include "input/product.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_A_CALL 4096 // tuples to load before the caller's loop has its turn

static int fail_memory (product_t *self)
{
    return fault_set (self->fault, ENOMEM, "no memory for the input's tuples");
}

//  Which columns belong together; the arrays are as long as there are sources.
static void link_columns (product_t *self, const input_source_t *sources)
{
    for (size_t i = 0; i < self->column_count; i++) {
        if (i == 0 || !sources[i].linked)
            self->dimensions[self->dimension_count++].columns = self->columns + i;
        self->dimensions[self->dimension_count - 1].count++;
    }
    self->loading = self->dimension_count > 1 ? 1 : 0;
}

int product_open (product_t *self, const input_source_t *sources, size_t count, const input_config_t *config,
                  fault_t *fault)
{
    *self = (product_t){.fd = -1, .fault = fault};
    self->columns = calloc (count, sizeof *self->columns);
    self->dimensions = calloc (count, sizeof *self->dimensions);
    if (!self->columns || !self->dimensions)
        return fail_memory (self);
    for (size_t i = 0; i < count; i++) {
        self->column_count = i + 1;
        if (column_open (self->columns + i, sources + i, config, fault) < 0)
            return -1;
    }
    link_columns (self, sources);
    return 0;
}

void product_close (product_t *self)
{
    for (size_t i = 0; i < self->column_count; i++)
        column_close (self->columns + i);
    for (size_t i = 0; i < self->dimension_count; i++) {
        bytes_free (&self->dimensions[i].values);
        bytes_free (&self->dimensions[i].ends);
    }
    bytes_free (&self->row);
    free (self->columns);
    free (self->dimensions);
    *self = (product_t){.fd = -1};
}

//  Appends one tuple of the dimension to its values: 1; 0: not all of it is there yet, or the end; -1: fault.
static int read_tuple (product_t *self, dimension_t *from)
{
    for (; from->next < from->count; from->next++) {
        column_t *column = from->columns + from->next;
        const uint8_t *item;
        size_t size;
        int rc = column_next (column, &item, &size);
        if (rc < 1) {
            from->ended = rc == 0 && column_eof (column);
            self->fd = rc == 0 && column->reader.blocked ? column->reader.source.fd : -1;
            return rc;
        }
        if (bytes_append_value (&from->values, item, (uint32_t)size) < 0)
            return fail_memory (self);
    }
    from->next = 0;
    return 1;
}

//  Reads on in the dimensions that are kept: 1: all are there; 0: not yet, or there will be no tuple; -1: fault.
static int load (product_t *self)
{
    for (int i = 0; i < ROWS_A_CALL && self->loading; i++) {
        dimension_t *into = self->dimensions + self->loading;
        int rc = read_tuple (self, into);
        if (rc < 0)
            return -1;
        if (rc == 1) {
            if (bytes_append (&into->ends, &into->values.size, sizeof into->values.size) < 0)
                return fail_memory (self);
            into->rows++;
            continue;
        }
        if (!into->ended)
            return 0;
        self->ended = into->rows == 0;
        self->loading = (self->loading + 1) % self->dimension_count;
        if (self->ended)
            return 0;
    }
    return self->loading == 0;
}

static int append_tuple (product_t *self, dimension_t *from)
{
    size_t begin = 0, end = from->values.size;
    if (from != self->dimensions) {
        size_t *ends = (size_t *)from->ends.data;
        begin = from->index ? ends[from->index - 1] : 0;
        end = ends[from->index];
    }
    from->begin = self->row.size;
    return bytes_append (&self->row, from->values.data + begin, end - begin) < 0 ? fail_memory (self) : 1;
}

//  Writes the row anew from this dimension on.
static int write_row (product_t *self, size_t first)
{
    self->row.size = self->dimensions[first].begin;
    for (size_t i = first; i < self->dimension_count; i++)
        if (append_tuple (self, self->dimensions + i) < 0)
            return -1;
    return 1;
}

//  Turns the kept dimensions one step on, the last one first. Returns the first that changed; 0: they are all back
//  at their first tuple, so the streamed one has to move.
static size_t turn (product_t *self)
{
    for (size_t i = self->dimension_count - 1; i > 0; i--) {
        if (++self->dimensions[i].index < self->dimensions[i].rows)
            return i;
        self->dimensions[i].index = 0;
    }
    return 0;
}

//  The next tuple of the streamed dimension. Its values stay while only a part of them has come.
static int stream (product_t *self)
{
    dimension_t *first = self->dimensions;
    if (self->started) {
        first->values.size = 0;
        self->started = false;
    }
    int rc = read_tuple (self, first);
    self->ended = first->ended;
    if (rc < 1)
        return rc;
    self->started = true;
    return write_row (self, 0);
}

int product_next (product_t *self)
{
    self->fd = -1;
    if (self->ended)
        return 0;
    if (self->loading) {
        int rc = load (self);
        if (rc < 1)
            return rc;
    }
    size_t changed = self->started ? turn (self) : 0;
    return changed ? write_row (self, changed) : stream (self);
}
