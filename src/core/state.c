#include "core/state.h"

int state_next (const state_table_t *self, int from, int event,
                void (*trace) (void *arg, const char *from, const char *event, const char *to), void *arg)
{
    for (size_t i = 0; i < self->size; i++) {
        const state_row_t *row = &self->rows[i];
        if (row->from != from || row->event != event)
            continue;
        if (trace)
            trace (arg, self->states[row->from], self->events[row->event], self->states[row->to]);
        return row->to;
    }
    return -1;
}
