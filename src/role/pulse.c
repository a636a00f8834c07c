#include "role/pulse.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LOOKS = 8, MOST_GAP_MS = 500 };

struct pulse {
    pulse_fn *beat;
    void *arg;
    atomic_int gap_ms;
    pthread_mutex_t sockets; // whoever has it may use them
    atomic_uint_fast64_t rests;
    int wake; // eventfd: to look at the gap, or to stop
    atomic_bool is_stopping;
    pthread_t thread;
};

static void *run (void *arg)
{
    pulse_t *self = arg;
    uint_fast64_t seen = 0;
    struct pollfd fd = {.fd = self->wake, .events = POLLIN};
    for (int rc; (rc = poll (&fd, 1, atomic_load (&self->gap_ms))) != -1 || errno == EINTR;) {
        eventfd_t count;
        if (rc == 1)
            eventfd_read (self->wake, &count);
        if (atomic_load (&self->is_stopping))
            break;
        if (rc == 1)
            continue;
        uint_fast64_t rests = atomic_load (&self->rests);
        bool is_away = rests == seen && pthread_mutex_trylock (&self->sockets) == 0;
        seen = rests;
        if (!is_away)
            continue;
        self->beat (self->arg);
        pthread_mutex_unlock (&self->sockets);
    }
    return NULL;
}

static int gap_of (int64_t silence_ms)
{
    int64_t gap_ms = silence_ms / LOOKS;
    return gap_ms < 1 ? 1 : gap_ms > MOST_GAP_MS ? MOST_GAP_MS : (int)gap_ms;
}

static int start_thread (pulse_t *self)
{
    sigset_t all, old;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &old);
    int number = pthread_create (&self->thread, NULL, run, self);
    pthread_sigmask (SIG_SETMASK, &old, NULL);
    errno = number;
    return number ? -1 : 0;
}

pulse_t *pulse_new (pulse_fn *beat, void *arg, int64_t silence_ms)
{
    pulse_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    *self = (pulse_t){.beat = beat, .arg = arg, .gap_ms = gap_of (silence_ms)};
    self->wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init (&self->sockets, NULL);
    pthread_mutex_lock (&self->sockets);
    if (self->wake != -1 && start_thread (self) == 0)
        return self;
    int kept = errno;
    if (self->wake != -1)
        close (self->wake);
    pthread_mutex_unlock (&self->sockets);
    pthread_mutex_destroy (&self->sockets);
    free (self);
    errno = kept;
    return NULL;
}

void pulse_destroy (pulse_t **self_p)
{
    pulse_t *self = *self_p;
    if (!self)
        return;
    int kept = errno;
    atomic_store (&self->is_stopping, true);
    eventfd_write (self->wake, 1);
    pthread_join (self->thread, NULL);
    close (self->wake);
    pthread_mutex_unlock (&self->sockets);
    pthread_mutex_destroy (&self->sockets);
    free (self);
    *self_p = NULL;
    errno = kept;
}

void pulse_bear (pulse_t *self, int64_t silence_ms)
{
    int gap_ms = gap_of (silence_ms);
    if (self && atomic_exchange (&self->gap_ms, gap_ms) != gap_ms)
        eventfd_write (self->wake, 1);
}

void pulse_rest (pulse_t *self)
{
    if (!self)
        return;
    atomic_fetch_add_explicit (&self->rests, 1, memory_order_relaxed);
    pthread_mutex_unlock (&self->sockets);
}

void pulse_resume (pulse_t *self)
{
    if (self)
        pthread_mutex_lock (&self->sockets);
}
