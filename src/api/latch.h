/*  latch: a lock, and a wait with an end for what it protects to change. */
#ifndef DISHES_API_LATCH_H
#define DISHES_API_LATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
} latch_t;

//  0, or -1 and errno.
int latch_init (latch_t *self);
void latch_free (latch_t *self);

void latch_lock (latch_t *self);
void latch_unlock (latch_t *self);

//  Wakes those who wait. Locked.
void latch_wake_one (latch_t *self);
void latch_wake_all (latch_t *self);

//  The moment at which a timeout that begins now ends (CLOCK_MONOTONIC, ns); -1: never.
int64_t latch_deadline_ns (int timeout_ms);

//  Locked; waits until somebody wakes, or without reason. False where the deadline has passed.
bool latch_wait (latch_t *self, int64_t deadline_ns);

#endif
