#include "core/jobs.h"
#include "core/array.h"

#include <errno.h>

int held_push (held_queue_t *self, const held_t *held)
{
    if (queue_reserve (&self->items, &self->head, self->size, &self->capacity, sizeof *self->items) == -1) {
        errno = ENOMEM;
        return -1;
    }
    self->items[self->head + self->size++] = *held;
    self->tasks += held->count;
    return 0;
}

static void drop_first (held_queue_t *self)
{
    slice_drop (&self->items[self->head].bytes);
    self->head = --self->size ? self->head + 1 : 0;
}

int held_take (held_queue_t *self, uint64_t max, held_t *out)
{
    if (!self->size || !max)
        return 0;
    held_t *first = &self->items[self->head];
    *out = *first;
    if (max >= first->count) {
        self->tasks -= first->count;
        first->bytes = (slice_t){0}; // moved to the taker
        drop_first (self);
        if (shape_count (&out->shape, out->bytes.data, out->bytes.size) == out->count)
            return 1;
        slice_drop (&out->bytes);
        return -1;
    }
    size_t size = shape_skip (&first->shape, first->bytes.data, first->bytes.size, max);
    if (size == SIZE_MAX) {
        self->tasks -= first->count;
        out->bytes = (slice_t){0};
        drop_first (self);
        return -1;
    }
    out->count = max;
    out->bytes = slice_copy (&first->bytes);
    out->bytes.size = size;
    first->n += max;
    first->count -= max;
    first->bytes.data += size;
    first->bytes.size -= size;
    self->tasks -= max;
    return 1;
}

const held_t *held_first (const held_queue_t *self)
{
    return self->size ? self->items + self->head : NULL;
}

uint64_t held_last (const held_queue_t *self)
{
    return self->size ? self->items[self->head + self->size - 1].washer : 0;
}

bool held_give_back (held_queue_t *self, uint64_t max, held_t *out)
{
    if (!self->size || !max)
        return false;
    held_t *last = &self->items[self->head + self->size - 1];
    *out = *last;
    out->bytes = (slice_t){0};
    if (max < last->count) {
        out->n = last->n + last->count - max;
        out->count = max;
        last->count -= max;
        size_t size = shape_skip (&last->shape, last->bytes.data, last->bytes.size, last->count);
        last->bytes.size = size == SIZE_MAX ? last->bytes.size : size;
    } else {
        slice_drop (&last->bytes);
        if (!--self->size)
            self->head = 0;
    }
    self->tasks -= out->count;
    return true;
}

void held_drop (held_queue_t *self, uint64_t washer)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->size; i++) {
        held_t held = self->items[self->head + i];
        if (held.washer > washer) {
            self->items[self->head + kept++] = held;
        } else {
            self->tasks -= held.count;
            slice_drop (&held.bytes);
        }
    }
    self->size = kept;
}

void held_free (held_queue_t *self)
{
    held_drop (self, UINT64_MAX);
    free (self->items);
    *self = (held_queue_t){0};
}

running_t *running_add (running_set_t *self, const held_t *held)
{
    if (queue_reserve (&self->items, &self->head, self->size, &self->capacity, sizeof *self->items) == -1) {
        errno = ENOMEM;
        return NULL;
    }
    running_t *job = &self->items[self->head + self->size++];
    *job = (running_t){.ticket = ++self->tickets,
                       .washer = held->washer,
                       .seq = held->seq,
                       .n = held->n,
                       .count = held->count,
                       .left = held->count,
                       .attempt = held->attempt,
                       .last = held->last};
    self->jobs++;
    return job;
}

running_t *running_find (const running_set_t *self, uint64_t ticket)
{
    size_t low = 0, high = self->size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->items[self->head + middle].ticket < ticket)
            low = middle + 1;
        else
            high = middle;
    }
    running_t *job = low < self->size ? &self->items[self->head + low] : NULL;
    return job && job->ticket == ticket && job->left ? job : NULL;
}

const running_t *running_next (const running_set_t *self, const running_t *job)
{
    if (!self->jobs)
        return NULL;
    const running_t *end = self->items + self->head + self->size;
    for (job = job ? job + 1 : self->items + self->head; job < end; job++)
        if (job->left)
            return job;
    return NULL;
}

static void close_holes (running_set_t *self)
{
    running_t *first = self->items + self->head;
    size_t kept = 0;
    for (size_t i = 0; i < self->size; i++)
        if (first[i].left)
            first[kept++] = first[i];
    self->size = kept;
}

void running_remove (running_set_t *self, running_t *job)
{
    job->left = 0;
    self->jobs--;
    for (; self->size && !self->items[self->head].left; self->size--)
        self->head++;
    if (self->size > 2 * self->jobs)
        close_holes (self);
    if (!self->size)
        self->head = 0;
}

void running_free (running_set_t *self)
{
    free (self->items);
    *self = (running_set_t){0};
}
