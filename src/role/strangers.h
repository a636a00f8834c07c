/*  strangers: who was refused where a part listens: how many, and one line at the first. There is no second line,
 *  because there may be a flood of them; --status counts all. Nothing is said of who shows the cookie of before,
 *  or hangs up before he has shown anything.
 */
#ifndef DISHES_ROLE_STRANGERS_H
#define DISHES_ROLE_STRANGERS_H

#include "net/guard.h"
#include "role/talk.h"

typedef struct {
    const guard_t *guard; // borrowed
    const talk_t *talk;   // borrowed
    endpoint_t at[SPOTS]; // where this part listens, for people; "": not there
    bool is_said;
} strangers_t;

//  How many there were so far, at the spots where this part listens. Once a turn.
uint64_t strangers_look (strangers_t *self);

#endif
