/*  guardian: the small process that leaves no orphan behind.
 *
 *  PR_SET_PDEATHSIG ends only the command itself, not what the command started. The guardian ends whole process
 *  groups: it holds one end of a pipe, and when the other end closes, because this process died in whatever way,
 *  it KILLs every group in a table of shared memory, once more when the dead process is surely gone, and exits.
 *  A task costs it nothing: the kernel itself writes the group's number into the table (CLONE_CHILD_SETTID).
 *
 *  A process that made itself a group or session of its own is beyond it, and so is what a task that had ended left in
 *  the background.
 */
#ifndef DISHES_RUN_GUARDIAN_H
#define DISHES_RUN_GUARDIAN_H

#include <stddef.h>
#include <sys/types.h>

typedef struct guardian guardian_t;

//  Forks the guardian with a table for `capacity` groups. Call it early, before there are threads. NULL and errno.
guardian_t *guardian_new (size_t capacity);

//  Ends the guardian and waits for it; kills nothing, so the children must have been reaped.
void guardian_destroy (guardian_t **self_p);

//  A free place of the table, for as long as the owner likes (a slot keeps its own); NULL when all are taken. A place
//  holds the group's number while there is one, else 0. Any thread.
volatile pid_t *guardian_take (guardian_t *self);
void guardian_give (guardian_t *self, volatile pid_t **place_p);

pid_t guardian_pid (const guardian_t *self);

#endif
