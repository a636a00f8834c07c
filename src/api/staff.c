#include "api/staff.h"

int staff_init (staff_t *self, control_t *control, void (*cancel) (staff_t *self))
{
    *self = (staff_t){.control = control, .cancel = cancel};
    return latch_init (&self->latch);
}

void staff_free (staff_t *self)
{
    latch_free (&self->latch);
}

void staff_tell_role (staff_t *self)
{
    if (!self->is_told)
        control_ask (self->control, 0);
    self->is_told = true;
}

void staff_close (staff_t *self)
{
    latch_lock (&self->latch);
    self->is_closing = true;
    latch_unlock (&self->latch);
}

void staff_over (staff_t *self, int error)
{
    latch_lock (&self->latch);
    self->over = error;
    self->cancel (self);
    latch_wake_all (&self->latch);
    latch_unlock (&self->latch);
}

//  ---- the hands

static int want (void *arg, uint8_t wants, const char *tagstring)
{
    staff_t *self = arg;
    self->wants = wants;
    return 0;
}

static void forget (void *arg)
{
    staff_t *self = arg;
    latch_lock (&self->latch);
    self->cancel (self);
    latch_unlock (&self->latch);
}

static void end (void *arg, bool at_once, int64_t now_ms)
{
    forget (arg);
}

static void give_up (void *arg)
{
    staff_close (arg);
}

hands_t staff_hands (staff_t *self, const hands_t *own)
{
    hands_t hands = *own;
    hands.arg = self;
    hands.want = want;
    hands.end = end;
    hands.give_up = give_up;
    hands.forget = forget;
    return hands;
}
