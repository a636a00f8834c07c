#include "role/guests.h"
#include "net/socket.h"

enum { GUESTS_MOST = 1 << 14, TAKEN_AT_ONCE = 1 << 12 };

void guests_free (guests_t *self)
{
    ranges_free (&self->lives);
}

static void take (guests_t *self, const subscription_t *what)
{
    if (!what->role || !run_valid (what->life, 1))
        return;
    if (!what->is_on)
        (void)ranges_remove (&self->lives, what->life, 1);
    else if (self->lives.total < GUESTS_MOST)
        (void)ranges_add (&self->lives, what->life, 1);
}

bool guests_take (guests_t *self, void *out)
{
    subscription_t what;
    for (unsigned i = 0; i < TAKEN_AT_ONCE; i++) {
        if (!socket_next_subscription (out, &what))
            return false;
        take (self, &what);
    }
    return true;
}

size_t guests_unknown (const guests_t *self, const sink_t *core)
{
    size_t unknown = 0;
    for (size_t i = 0; i < self->lives.size; i++)
        for (uint64_t j = 0; j < self->lives.runs[i].count; j++)
            unknown += !sink_knows (core, self->lives.runs[i].n + j);
    return unknown;
}
