/*  state: the named table of a role's states: {from, event, to}. What has no row does not happen. */
#ifndef DISHES_CORE_STATE_H
#define DISHES_CORE_STATE_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t from, event, to;
} state_row_t;

typedef struct {
    const state_row_t *rows;
    size_t size;
    const char *const *states, *const *events; // their names
} state_table_t;

//  The state that this event leads to, told to `trace` (may be NULL); -1 where there is no such row.
int state_next (const state_table_t *self, int from, int event,
                void (*trace) (void *arg, const char *from, const char *event, const char *to), void *arg);

#endif
