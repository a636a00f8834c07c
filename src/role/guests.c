#include "role/guests.h"
#include "core/array.h"
#include "net/socket.h"

void guests_free (guests_t *self)
{
    free (self->lives);
    *self = (guests_t){0};
}

static void come (guests_t *self, uint64_t life)
{
    if (array_reserve (&self->lives, &self->capacity, self->size + 1, sizeof *self->lives) == 0)
        self->lives[self->size++] = life;
}

static void go (guests_t *self, uint64_t life)
{
    for (size_t i = self->size; i-- > 0;)
        if (self->lives[i] == life) {
            self->lives[i] = self->lives[--self->size];
            return;
        }
}

void guests_take (guests_t *self, void *out)
{
    subscription_t subscription;
    while (socket_next_subscription (out, &subscription))
        if (subscription.role)
            (subscription.is_on ? come : go) (self, subscription.life);
}

size_t guests_unknown (const guests_t *self, const sink_t *core)
{
    size_t unknown = 0;
    for (size_t i = 0; i < self->size; i++)
        unknown += !sink_knows (core, self->lives[i]);
    return unknown;
}
