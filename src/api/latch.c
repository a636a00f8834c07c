#include "api/latch.h"

#include <errno.h>
#include <time.h>

enum { NS_A_MS = 1000000, NS_A_S = 1000000000 };

static int init_condition (pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    int error = pthread_condattr_init (&attributes);
    if (error)
        return error;
    error = pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    if (!error)
        error = pthread_cond_init (condition, &attributes);
    pthread_condattr_destroy (&attributes);
    return error;
}

int latch_init (latch_t *self)
{
    int error = pthread_mutex_init (&self->lock, NULL);
    if (!error && (error = init_condition (&self->changed)))
        pthread_mutex_destroy (&self->lock);
    errno = error ? error : errno;
    return error ? -1 : 0;
}

void latch_free (latch_t *self)
{
    pthread_cond_destroy (&self->changed);
    pthread_mutex_destroy (&self->lock);
}

void latch_lock (latch_t *self)
{
    pthread_mutex_lock (&self->lock);
}

void latch_unlock (latch_t *self)
{
    pthread_mutex_unlock (&self->lock);
}

void latch_wake_one (latch_t *self)
{
    pthread_cond_signal (&self->changed);
}

void latch_wake_all (latch_t *self)
{
    pthread_cond_broadcast (&self->changed);
}

int64_t latch_deadline_ns (int timeout_ms)
{
    struct timespec now;
    if (timeout_ms < 0)
        return -1;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_A_S + now.tv_nsec + (int64_t)timeout_ms * NS_A_MS;
}

bool latch_wait (latch_t *self, int64_t deadline_ns)
{
    if (deadline_ns < 0) {
        pthread_cond_wait (&self->changed, &self->lock);
        return true;
    }
    struct timespec at = {.tv_sec = deadline_ns / NS_A_S, .tv_nsec = deadline_ns % NS_A_S};
    return pthread_cond_timedwait (&self->changed, &self->lock, &at) != ETIMEDOUT;
}
