/*  crew: the threads of dishes_run, and the tasks between them and the role.
 *
 *  A thread takes a stint (stint.h): one task where tasks take long, thousands where they take nanoseconds, so that one
 *  is through in less than a millisecond (pace.h finds out how many that are). As soon as one of them takes long,
 *  whatever was not begun, in the hands of a thread or not, goes back to the washer: no task waits for another that
 *  takes long.
 *
 *  With the length of the stints grows what the death of this process leaves in doubt: no more is begun than the sink
 *  knows of (dryer_unsure). So does what may wait here.
 */
#ifndef DISHES_API_CREW_H
#define DISHES_API_CREW_H

#include "api/pace.h"
#include "api/staff.h"
#include "dishes.h"

typedef struct crew crew_t;

//  Whoever changes something here wakes the loop of `control` (borrowed until crew_over). NULL and errno.
crew_t *crew_new (const pace_config_t *config, control_t *control);
void crew_destroy (crew_t **self_p); // when no thread is in crew_work any more

//  ---- the caller's threads

//  Does tasks until there are none any more: then what crew_over said. `index` is the thread's own.
int crew_work (crew_t *self, unsigned index, dishes_task_fn *fn, void *arg);

//  What is not done goes back to the washer; nothing more is taken.
void crew_close (crew_t *self);

//  ---- the role's thread

hands_t crew_hands (crew_t *self);

//  The role is over: what crew_work returns from now on.
void crew_over (crew_t *self, int error);

#endif
