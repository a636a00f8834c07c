#include "input/follow.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct follow {
    int bell; // eventfd
    _Atomic uint64_t bytes;
    atomic_bool ended; // set behind the last `bytes`
};

follow_t *follow_new (void)
{
    follow_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->bell = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->bell == -1) {
        int kept = errno;
        free (self);
        errno = kept;
        return NULL;
    }
    return self;
}

void follow_destroy (follow_t **self_p)
{
    if (!*self_p)
        return;
    close ((*self_p)->bell);
    free (*self_p);
    *self_p = NULL;
}

void follow_grown (follow_t *self, uint64_t bytes)
{
    if (bytes <= atomic_load (&self->bytes))
        return;
    atomic_store (&self->bytes, bytes);
    eventfd_write (self->bell, 1);
}

void follow_end (follow_t *self)
{
    atomic_store (&self->ended, true);
    eventfd_write (self->bell, 1);
}

uint64_t follow_bytes (follow_t *self, bool *ended)
{
    *ended = atomic_load (&self->ended); // first: then the bytes are the last ones
    return atomic_load (&self->bytes);
}

int follow_fd (const follow_t *self)
{
    return self->bell;
}

void follow_quiet (follow_t *self)
{
    eventfd_t rings;
    eventfd_read (self->bell, &rings);
}
