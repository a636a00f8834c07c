/*  guests: who subscribes to the sink's `out`: a part is seen here before its HELLO comes.
 *
 *  So a sink whose run is over does not leave while somebody is at the door, who would wait for an answer in vain.
 */
#ifndef DISHES_ROLE_GUESTS_H
#define DISHES_ROLE_GUESTS_H

#include "core/sink.h"

//  All zero is nobody.
typedef struct {
    ranges_t lives; // of too many, the first
} guests_t;

void guests_free (guests_t *self); // may be called twice

//  Reads what the subscribers say. True where something may be left: one who says it without end does not hold us up.
//  Where memory ends a guest is merely not seen.
bool guests_take (guests_t *self, void *out);

//  How many the core has not met.
size_t guests_unknown (const guests_t *self, const sink_t *core);

#endif
