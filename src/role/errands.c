#include "role/errands.h"
#include "core/array.h"

#include <string.h>

static errand_t *errand_at (const errands_t *self, size_t i)
{
    return &self->items[self->head + i];
}

static void free_errand (errand_t *errand)
{
    slice_drop (&errand->bytes);
    free (errand->copy);
}

//  ---- taking a job in

static int push (errands_t *self, const errand_t *errand)
{
    if (queue_reserve (&self->items, &self->head, self->size, &self->capacity, sizeof *self->items) == -1)
        return -1;
    self->items[self->head + self->size++] = *errand;
    self->tasks += errand->count;
    return 0;
}

//  Each value on a line. False where memory ends; a value that holds the delimiter makes the task unfit.
static bool copy_values (errand_t *errand, uint8_t delimiter)
{
    const uint8_t *value;
    size_t size, at = 0;
    errand->copy = malloc (errand->bytes.size + 1); // a length takes more than a delimiter
    value_cursor_t cursor = value_cursor (&errand->shape, errand->bytes.data, errand->bytes.size);
    while (errand->copy && value_next (&cursor, &value, &size)) {
        errand->unfit = errand->unfit || memchr (value, delimiter, size);
        memcpy (errand->copy + at, value, size);
        errand->copy[at + size] = delimiter;
        at += size + 1;
    }
    errand->size = errand->unfit ? 0 : at;
    return errand->copy;
}

static int add_one (errands_t *self, const errand_t *job, uint64_t n, size_t from, size_t size)
{
    errand_t errand = *job;
    errand.n = n;
    errand.count = 1;
    errand.bytes = slice_copy (&job->bytes);
    errand.bytes.data += from;
    errand.bytes.size = size;
    if (copy_values (&errand, self->delimiter) && push (self, &errand) == 0)
        return 0;
    free_errand (&errand);
    return -1;
}

static int add_each (errands_t *self, errand_t *job)
{
    int rc = 0;
    size_t at = 0;
    for (uint64_t i = 0; i < job->count && rc == 0; i++) {
        size_t size = shape_skip (&job->shape, job->bytes.data + at, job->bytes.size - at, 1);
        rc = add_one (self, job, job->n + i, at, size);
        at += size;
    }
    return rc;
}

int errands_add (errands_t *self, job_t *job)
{
    errand_t errand = {.ticket = job->ticket,
                       .n = job->n,
                       .count = job->count,
                       .attempt = job->attempt,
                       .shape = job->shape,
                       .bytes = job->bytes,
                       .size = job->bytes.size};
    job->bytes = (slice_t){0};
    bool is_plain = errand.shape.format == BLOCK_DELIMITED && errand.shape.delimiter == self->delimiter;
    int rc = is_plain ? push (self, &errand) : add_each (self, &errand);
    if (!is_plain || rc == -1)
        free_errand (&errand);
    return rc;
}

//  ---- the next one

bool errands_head (const errands_t *self, errand_head_t *head)
{
    if (!self->size)
        return false;
    const errand_t *first = errand_at (self, 0);
    size_t size = first->copy ? first->bytes.size : shape_skip (&first->shape, first->bytes.data, first->bytes.size, 1);
    size_t length = first->copy ? first->size : size;
    *head = (errand_head_t){.ticket = first->ticket,
                            .n = first->n,
                            .attempt = first->attempt,
                            .unfit = first->unfit,
                            .is_given = !first->unfit && first->given >= length,
                            .shape = &first->shape,
                            .data = first->bytes.data,
                            .size = size,
                            .length = length};
    return true;
}

void errands_drop_head (errands_t *self, const errand_head_t *head)
{
    errand_t *first = errand_at (self, 0);
    size_t given = first->given < head->length ? first->given : head->length;
    self->tasks--;
    if (--first->count) {
        first->n++;
        first->bytes.data += head->size;
        first->bytes.size -= head->size;
        first->size -= head->length;
        first->given -= given;
        return;
    }
    free_errand (first);
    self->head = --self->size ? self->head + 1 : 0;
    self->next -= self->next > 0;
}

//  ---- writing

static struct iovec part_of (const errand_t *errand, size_t size)
{
    const uint8_t *data = errand->copy ? errand->copy : errand->bytes.data;
    return (struct iovec){.iov_base = (void *)(uintptr_t)(data + errand->given), .iov_len = size - errand->given};
}

int errands_parts (const errands_t *self, struct iovec *parts, int most, bool alone)
{
    int count = 0;
    errand_head_t head;
    if (alone && errands_head (self, &head) && !head.is_given && !head.unfit) {
        parts[0] = part_of (errand_at (self, 0), head.length);
        return 1;
    }
    for (size_t i = self->next; !alone && i < self->size && count < most; i++) {
        const errand_t *errand = errand_at (self, i);
        if (errand->given < errand->size)
            parts[count++] = part_of (errand, errand->size);
    }
    return count;
}

void errands_gave (errands_t *self, size_t size)
{
    for (; self->next < self->size; self->next++) {
        errand_t *errand = errand_at (self, self->next);
        size_t left = errand->size - errand->given, part = size < left ? size : left;
        errand->given += part;
        size -= part;
        if (errand->given < errand->size)
            return;
    }
}

void errands_again (errands_t *self)
{
    for (size_t i = 0; i < self->size; i++)
        errand_at (self, i)->given = 0;
    self->next = 0;
}

//  ---- the end

void errands_return (errands_t *self, dryer_t *core)
{
    for (size_t i = 0; i < self->size; i++) {
        errand_t *errand = errand_at (self, i);
        if (core)
            dryer_return_part (core, errand->ticket, errand->n, errand->count);
        free_errand (errand);
    }
    self->head = self->size = self->next = 0;
    self->tasks = 0;
}

void errands_free (errands_t *self)
{
    errands_return (self, NULL);
    free (self->items);
    *self = (errands_t){.delimiter = self->delimiter};
}
