/*  pulse: the sign of life of a part whose loop waits for a disk.
 *
 *  A part beats in its loop. Where that loop writes or reads files it may be held up for as long as the disk likes, and
 *  over ipc and tcp silence is taken for death. So the loop says when its sockets rest; if it stays away for an eighth
 *  of the time after which it would be taken for dead, a thread of the pulse takes them and beats in its place. A part
 *  that is stopped, or whose machine is, stops as a whole, and is silent.
 *
 *  A ZeroMQ socket may go from thread to thread where a lock stands between them: that lock is the pulse's.
 */
#ifndef DISHES_ROLE_PULSE_H
#define DISHES_ROLE_PULSE_H

#include <stdint.h>

typedef struct pulse pulse_t;

//  Called in the thread of the pulse: sends one sign of life.
typedef void pulse_fn (void *arg);

//  Others bear the silence of this part for silence_ms: two looks in a quarter of it whether the loop has been away
//  since the last one, and not less often than each 500 ms. The sockets are the caller's until it rests. NULL and
//  errno.
pulse_t *pulse_new (pulse_fn *beat, void *arg, int64_t silence_ms);
void pulse_bear (pulse_t *self, int64_t silence_ms); // so long from now on. Nothing happens to a pulse that is NULL
void pulse_destroy (pulse_t **self_p);               // not between rest and resume; may be called twice

//  Around whatever may wait for a disk: meanwhile the caller touches no socket. Nothing happens to a pulse that is
//  NULL.
void pulse_rest (pulse_t *self);
void pulse_resume (pulse_t *self);

#endif
