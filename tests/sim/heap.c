#include "heap.h"
#include "core/array.h"

static bool before (const event_t *a, const event_t *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

void heap_push (heap_t *self, const event_t *event)
{
    if (array_reserve (&self->events, &self->capacity, self->size + 1, sizeof *self->events) == -1)
        abort ();
    event_t added = *event;
    if (!added.order)
        added.order = ++self->order;
    size_t at = self->size++;
    while (at && before (&added, &self->events[(at - 1) / 2])) {
        self->events[at] = self->events[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    self->events[at] = added;
}

bool heap_pop (heap_t *self, event_t *out)
{
    if (!self->size)
        return false;
    *out = self->events[0];
    event_t last = self->events[--self->size];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < self->size; at = child) {
        if (child + 1 < self->size && before (&self->events[child + 1], &self->events[child]))
            child++;
        if (before (&last, &self->events[child]))
            break;
        self->events[at] = self->events[child];
    }
    if (self->size)
        self->events[at] = last;
    return true;
}

void heap_free (heap_t *self)
{
    free (self->events);
    *self = (heap_t){0};
}
