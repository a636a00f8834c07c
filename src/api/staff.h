/*  staff: the program's own threads as a dryer's hands: what the desk, which gives tasks out to them, and the crew,
 *  whose threads do them by themselves, have in common. Both begin with one.
 *
 *  Threads of the caller and the role's thread meet under its latch. None of them can be ended from here: what they
 *  have in hand is canceled, and nobody waits for it.
 */
#ifndef DISHES_API_STAFF_H
#define DISHES_API_STAFF_H

#include "api/latch.h"
#include "role/control.h"
#include "role/hands.h"

typedef struct staff staff_t;

struct staff {
    latch_t latch;
    control_t *control;             // borrowed until staff_over
    void (*cancel) (staff_t *self); // locked: what somebody has in hand is canceled, what nobody has is freed

    //  under the latch
    bool is_told; // the role knows that there is something to do
    bool is_closing;
    int over; // errno of the end; 0: not yet

    uint8_t wants; // WANT_*; of the role's thread
};

//  0, or -1 and errno.
int staff_init (staff_t *self, control_t *control, void (*cancel) (staff_t *self));
void staff_free (staff_t *self);

//  Locked, in a thread of the caller: the role's loop is woken, once until it has looked.
void staff_tell_role (staff_t *self);

//  What is not done goes back to the washer; nothing more is taken.
void staff_close (staff_t *self);

//  ---- the role's thread

//  The owner's own of the hands, with those that are the same for all; each gets the owner as its `arg`.
hands_t staff_hands (staff_t *self, const hands_t *own);

//  The role is over: with what those who wait for a task fail from now on.
void staff_over (staff_t *self, int error);

#endif
