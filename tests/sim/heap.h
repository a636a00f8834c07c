/*  heap: what is to happen, by virtual time; what is due at the same time happens in the order it was asked for. */
#ifndef DISHES_SIM_HEAP_H
#define DISHES_SIM_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int64_t at_ms;
    uint64_t order; // set by heap_push where it is 0
    int kind;
    int process;
    uint64_t a, b;
    void *thing;
} event_t;

typedef struct {
    event_t *events;
    size_t size, capacity;
    uint64_t order;
} heap_t;

void heap_push (heap_t *self, const event_t *event);
bool heap_pop (heap_t *self, event_t *out);
void heap_free (heap_t *self);

#endif
