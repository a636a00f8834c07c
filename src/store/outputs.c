#include "store/outputs.h"

#include <stdlib.h>

static size_t bucket_of (const outputs_t *self, uint64_t n)
{
    return (size_t)((n * 0x9e3779b97f4a7c15u) >> 32) & (self->capacity - 1);
}

output_t *outputs_next_attempt (const outputs_t *self, uint64_t n, const output_t *after)
{
    if (!self->capacity)
        return NULL;
    output_t *output = after ? after->next : self->buckets[bucket_of (self, n)];
    while (output && (output->n != n || output->whole))
        output = output->next;
    return output;
}

output_t *outputs_attempt (const outputs_t *self, uint64_t n, uint64_t source)
{
    output_t *output = outputs_next_attempt (self, n, NULL);
    while (output && output->source != source)
        output = outputs_next_attempt (self, n, output);
    return output;
}

output_t *outputs_whole (const outputs_t *self, uint64_t n)
{
    output_t *output = self->capacity ? self->buckets[bucket_of (self, n)] : NULL;
    while (output && (output->n != n || !output->whole))
        output = output->next;
    return output;
}

static void insert (outputs_t *self, output_t *output)
{
    output_t **bucket = &self->buckets[bucket_of (self, output->n)];
    output->next = *bucket;
    *bucket = output;
}

static int grow (outputs_t *self)
{
    outputs_t bigger = {.capacity = self->capacity ? self->capacity * 2 : 64, .size = self->size};
    bigger.buckets = calloc (bigger.capacity, sizeof *bigger.buckets);
    if (!bigger.buckets)
        return -1;
    for (size_t i = 0; i < self->capacity; i++)
        for (output_t *output = self->buckets[i], *next; output; output = next) {
            next = output->next;
            insert (&bigger, output);
        }
    free (self->buckets);
    *self = bigger;
    return 0;
}

output_t *outputs_add (outputs_t *self, uint64_t n, uint64_t source)
{
    if (self->size == self->capacity && grow (self) == -1)
        return NULL;
    output_t *output = calloc (1, sizeof *output);
    if (!output)
        return NULL;
    output->n = n;
    output->source = source;
    insert (self, output);
    self->size++;
    return output;
}

//  Frees what *link points to and closes the gap.
static void unlink_output (outputs_t *self, output_t **link)
{
    output_t *output = *link;
    *link = output->next;
    self->size--;
    for (int i = 0; i < PRINTER_STREAMS; i++)
        spill_destroy (&output->kept[i]);
    free (output);
}

void outputs_remove (outputs_t *self, output_t *output)
{
    if (!output)
        return;
    output_t **link = &self->buckets[bucket_of (self, output->n)];
    while (*link != output)
        link = &(*link)->next;
    unlink_output (self, link);
}

void outputs_remove_source (outputs_t *self, uint64_t source)
{
    for (size_t i = 0; i < self->capacity; i++)
        for (output_t **link = &self->buckets[i]; *link;) {
            if (!(*link)->whole && (*link)->source == source)
                unlink_output (self, link);
            else
                link = &(*link)->next;
        }
}

size_t outputs_list_whole (const outputs_t *self, uint64_t *numbers, size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < self->capacity; i++)
        for (const output_t *output = self->buckets[i]; output && count < capacity; output = output->next)
            if (output->whole)
                numbers[count++] = output->n;
    return count;
}

void outputs_free (outputs_t *self)
{
    for (size_t i = 0; i < self->capacity; i++)
        while (self->buckets[i])
            unlink_output (self, &self->buckets[i]);
    free (self->buckets);
    *self = (outputs_t){0};
}
