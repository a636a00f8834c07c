/*  pulse: the sign of life of a part whose loop waits for a disk.
 *
 *  A part beats in its loop. Where that loop writes or reads files it may be held up for as long as the disk likes, and
 *  over ipc and tcp silence is taken for death. So the loop says when its sockets rest; if it stays away for too long,
 *  a thread of the pulse takes them and beats in its place. A part that is stopped, or whose machine is, stops as a
 *  whole, and is silent.
 *
 *  A ZeroMQ socket may go from thread to thread where a lock stands between them: that lock is the pulse's.
 */
#ifndef DISHES_ROLE_PULSE_H
#define DISHES_ROLE_PULSE_H

#include <stdint.h>

typedef struct pulse pulse_t;

//  Called in the thread of the pulse: sends one sign of life.
typedef void pulse_fn (void *arg);

//  Looks every gap_ms whether the loop has been away since the last look. The sockets are the caller's until it rests.
//  NULL and errno.
pulse_t *pulse_new (pulse_fn *beat, void *arg, int64_t gap_ms);
void pulse_destroy (pulse_t **self_p); // not between rest and resume; may be called twice

//  Around whatever may wait for a disk: meanwhile the caller touches no socket. Nothing happens to a pulse that is
//  NULL.
void pulse_rest (pulse_t *self);
void pulse_resume (pulse_t *self);

#endif
