/*  warden: dryers of one machine as processes of their own, started again when they die.
 *
 *  A small process is forked while there is one thread yet, and forks the dryers when it is told where the sink is: so
 *  none of them is ever forked from a process with threads. It ends them when its starter ends, however that is: at
 *  once where that was killed. A dryer that dies is replaced, at most five times a minute over all; one that was told
 *  to leave is not. Where none lives because of deaths, or not all could be started at first, the warden ends.
 */
#ifndef DISHES_ROLE_WARDEN_H
#define DISHES_ROLE_WARDEN_H

#include "net/address.h"
#include "role/talk.h"

typedef struct warden warden_t;

//  What each dryer's process does: returns its exit status, or ends by the signal that ended it.
typedef int warden_fn (void *arg, const address_t *at);

//  Call it while there is one thread. NULL and errno.
warden_t *warden_new (unsigned dryers, warden_fn *run, void *arg, const talk_t *talk);

//  The dryers begin, at this address. 0, or -1 and errno.
int warden_start (warden_t *self, const address_t *at);

//  To be polled: it has something to read when the warden has ended before its time, so that no dryer comes any more;
//  those that live finish what they run. Then warden_bury waits for it and returns the signal that killed it; or, and
//  it has said why, 0 where none lives any more, and -1 where they could not even begin.
int warden_fd (const warden_t *self);
int warden_bury (warden_t *self);

//  The dryers get SIGUSR1: they are to look at what is shared with them. Any thread.
void warden_slots (warden_t *self);

//  No dryer that ends from now on is replaced. Any thread.
void warden_ending (warden_t *self);

//  Waits until all dryers are gone; those that stay for longer than a few seconds are ended. True where one has ended
//  with an error of its own, and was not replaced because the pipeline had come to its end.
bool warden_destroy (warden_t **self_p);

#endif
