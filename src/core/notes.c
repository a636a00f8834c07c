#include "core/notes.h"
#include "core/array.h"

#include <errno.h>

static size_t find (const notes_t *self, uint64_t n)
{
    size_t low = 0, high = self->size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->notes[middle].n < n)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

note_t *notes_from (const notes_t *self, uint64_t n)
{
    size_t at = find (self, n);
    return at < self->size ? &self->notes[at] : NULL;
}

note_t *notes_find (const notes_t *self, uint64_t n)
{
    note_t *note = notes_from (self, n);
    return note && note->n == n ? note : NULL;
}

note_t *notes_add (notes_t *self, uint64_t n)
{
    size_t at = find (self, n);
    if (at < self->size && self->notes[at].n == n)
        return &self->notes[at];
    if (array_reserve (&self->notes, &self->capacity, self->size + 1, sizeof *self->notes) == -1) {
        errno = ENOMEM;
        return NULL;
    }
    memmove (self->notes + at + 1, self->notes + at, (self->size - at) * sizeof *self->notes);
    self->notes[at] = (note_t){.n = n};
    self->size++;
    return &self->notes[at];
}

void notes_remove (notes_t *self, uint64_t n, uint64_t count)
{
    size_t from = find (self, n), to = find (self, n + count);
    if (from == to)
        return;
    memmove (self->notes + from, self->notes + to, (self->size - to) * sizeof *self->notes);
    self->size -= to - from;
}

void notes_free (notes_t *self)
{
    free (self->notes);
    *self = (notes_t){0};
}
