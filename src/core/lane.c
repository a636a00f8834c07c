#include "core/lane.h"
#include "core/array.h"

#include <errno.h>

static size_t find (const lanes_t *self, uint64_t dryer)
{
    size_t low = 0, high = self->size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->lanes[middle]->dryer < dryer)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

lane_t *lanes_find (const lanes_t *self, uint64_t dryer)
{
    size_t at = find (self, dryer);
    return at < self->size && self->lanes[at]->dryer == dryer ? self->lanes[at] : NULL;
}

lane_t *lanes_after (const lanes_t *self, uint64_t dryer)
{
    size_t at = dryer == UINT64_MAX ? self->size : find (self, dryer + 1);
    return at < self->size ? self->lanes[at] : NULL;
}

lane_t *lanes_add (lanes_t *self, uint64_t dryer)
{
    size_t at = find (self, dryer);
    lane_t *lane = calloc (1, sizeof *lane);
    if (!lane || array_reserve (&self->lanes, &self->capacity, self->size + 1, sizeof *self->lanes) == -1) {
        free (lane);
        errno = ENOMEM;
        return NULL;
    }
    lane->dryer = dryer;
    lane->next = 1;
    lane->waits_ms = lane->flaps_ms = -1;
    memmove (self->lanes + at + 1, self->lanes + at, (self->size - at) * sizeof *self->lanes);
    self->lanes[at] = lane;
    self->size++;
    return lane;
}

void lanes_remove (lanes_t *self, lane_t *lane)
{
    size_t at = find (self, lane->dryer);
    memmove (self->lanes + at, self->lanes + at + 1, (self->size - at - 1) * sizeof *self->lanes);
    self->size--;
    free (lane);
}

void lanes_free (lanes_t *self)
{
    for (size_t i = 0; i < self->size; i++)
        free (self->lanes[i]);
    free (self->lanes);
    *self = (lanes_t){0};
}

uint64_t lane_out (const lane_t *self)
{
    return self->shelf.out + self->foreign.out;
}

uint64_t lane_base (const lane_t *self)
{
    return (uint64_t)self->slots * self->grain;
}

uint64_t lane_window (const lane_t *self)
{
    return self->slots ? lane_base (self) + self->prefetch : 0;
}

bool lane_sendable (const lane_t *self)
{
    return self->bound && self->ready && self->next <= self->seq;
}

bool lane_usable (const lane_t *self)
{
    return !self->shut && !self->doubted;
}
