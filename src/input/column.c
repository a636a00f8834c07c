#include "input/column.h"

#include <string.h>

int column_open (column_t *self, const input_source_t *from, const input_config_t *config, fault_t *fault)
{
    *self = (column_t){.skip_blank = config->skip_blank};
    return reader_open (&self->reader, from, config, 1, fault);
}

void column_close (column_t *self)
{
    slice_drop (&self->slice);
    reader_close (&self->reader);
}

bool column_eof (const column_t *self)
{
    return self->at == self->stop && reader_eof (&self->reader);
}

//  1: there are bytes of whole items at `at`.
static int refill (column_t *self)
{
    if (self->at < self->stop)
        return 1;
    slice_drop (&self->slice);
    self->at = self->stop = NULL;
    batch_t batch;
    int rc = reader_read (&self->reader, &batch);
    if (rc == 1) {
        self->slice = batch.bytes;
        self->at = batch.bytes.data;
        self->stop = batch.bytes.data + batch.bytes.size;
    }
    return rc;
}

static bool is_blank (const uint8_t *item, size_t size)
{
    while (size && (*item == ' ' || (*item >= '\t' && *item <= '\r'))) {
        item++;
        size--;
    }
    return size == 0;
}

int column_next (column_t *self, const uint8_t **item, size_t *size)
{
    int rc = refill (self);
    if (rc < 1)
        return rc;
    do {
        const uint8_t *end = memchr (self->at, self->reader.source.delimiter, (size_t)(self->stop - self->at));
        *item = self->at;
        *size = (size_t)(end - self->at);
        self->at = end + 1;
        if (!self->skip_blank || !is_blank (*item, *size))
            return 1;
    } while (self->at < self->stop);
    return 0;
}
