#include "store/samples.h"
#include "core/prints.h"

#include <stdlib.h>
#include <string.h>

uint64_t samples_hash (const char *command, size_t size)
{
    static const uint8_t newline = '\0';
    ink_t ink;
    ink_init (&ink, &(shape_t){.columns = 1, .items = 1});
    for (const char *end; (end = memchr (command, '\n', size)); command = end + 1) {
        ink_take (&ink, (const uint8_t *)command, (size_t)(end - command));
        ink_take (&ink, &newline, 1);
        size -= (size_t)(end + 1 - command);
    }
    ink_take (&ink, (const uint8_t *)command, size);
    return ink_print (&ink).hash;
}

static void thin_out (samples_t *self)
{
    size_t kept = 0;
    self->step *= 2;
    for (size_t i = 0; i < self->size; i++)
        if (self->samples[i].n % self->step == 0)
            self->samples[kept++] = self->samples[i];
    self->size = kept;
}

static sample_t *find (samples_t *self, uint64_t n)
{
    for (size_t i = 0; i < self->size; i++)
        if (self->samples[i].n == n)
            return &self->samples[i];
    return NULL;
}

void samples_add (samples_t *self, uint64_t n, const char *command, size_t size)
{
    self->step += !self->step;
    if (!size || n % self->step)
        return;
    sample_t *sample = find (self, n);
    while (!sample && self->size == SAMPLES_MOST)
        thin_out (self);
    if (!sample && n % self->step == 0)
        sample = &self->samples[self->size++];
    if (sample)
        *sample = (sample_t){n, samples_hash (command, size)};
}

static int compare (const void *left, const void *right)
{
    const sample_t *a = left, *b = right;
    return (a->n > b->n) - (a->n < b->n);
}

void samples_sort (samples_t *self)
{
    qsort (self->samples, self->size, sizeof *self->samples, compare);
}
