/*  desk: where the tasks of a dryer lie for a program's own threads: the role puts them there, the program gets them in
 *  any thread and says of each, in any order, that it is done.
 *
 *  A task belongs to the desk until it is got, then to the caller, then to the desk again until the sink has it. The
 *  desk stays as long as anybody has a task of it.
 */
#ifndef DISHES_API_DESK_H
#define DISHES_API_DESK_H

#include "api/staff.h"
#include "dishes.h"

typedef struct desk desk_t;

//  `slots` tasks at a time; whoever changes something here wakes the loop of `control` (borrowed until desk_over). NULL
//  and errno.
desk_t *desk_new (uint32_t slots, control_t *control);
void desk_destroy (desk_t **self_p);

//  ---- the caller's threads

//  NULL: ETIMEDOUT, or what desk_over said.
dishes_task_t *desk_get (desk_t *self, int timeout_ms);

//  Readable while desk_get would not wait.
int desk_fd (desk_t *self);

//  What is here, or got and not done, goes back to the washer; nothing more is taken.
void desk_close (desk_t *self);

//  ---- the role's thread

hands_t desk_hands (desk_t *self);

//  The role is over: what desk_get fails with from now on.
void desk_over (desk_t *self, int error);

#endif
