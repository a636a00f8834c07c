#include "role/control.h"

#include <stdatomic.h>
#include <stdlib.h>

struct control {
    loop_t *loop;
    atomic_uint asked;
};

control_t *control_new (void)
{
    control_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->loop = loop_new ();
    if (!self->loop)
        control_destroy (&self);
    return self;
}

void control_destroy (control_t **self_p)
{
    if (!*self_p)
        return;
    loop_destroy (&(*self_p)->loop);
    free (*self_p);
    *self_p = NULL;
}

void control_ask (control_t *self, unsigned what)
{
    atomic_fetch_or (&self->asked, what);
    loop_wake (self->loop);
}

unsigned control_asked (control_t *self)
{
    return atomic_load_explicit (&self->asked, memory_order_relaxed) ? atomic_exchange (&self->asked, 0) : 0;
}

loop_t *control_loop (control_t *self)
{
    return self->loop;
}
