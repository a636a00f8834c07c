#include "api/pace.h"

enum {
    LENGTH_MOST = 4096,       // tasks in a stint
    LENGTH_STEP = 8,          // it grows and shrinks by this factor
    QUICK_NS = 100000,        // a stint that took less may grow
    SLOW_NS = 1000000,        // … and one that took more is to shrink
    QUICK_STINTS = 2,         // of each thread, before it grows
    TINY_LENGTH = 512,        // from here on more than one stint a thread waits
    WAITING_STINTS = 8,       // so many
    PREFETCH_A_LENGTH = 64,   // tasks that may wait for each that a stint has
    PREFETCH_BYTES = 4 << 20, // but no more bytes than this
};

void pace_init (pace_t *self, const pace_config_t *config)
{
    *self = (pace_t){.config = *config, .length = 1};
}

void pace_shorten (pace_t *self)
{
    self->length = self->length > LENGTH_STEP ? self->length / LENGTH_STEP : 1;
    self->quick = 0;
}

void pace_note (pace_t *self, int64_t took_ns, uint64_t done, uint64_t tasks, uint64_t bytes)
{
    if (took_ns > SLOW_NS && self->length > 1)
        pace_shorten (self);
    else if (took_ns < QUICK_NS && done >= self->length)
        self->quick++;
    self->task_bytes = bytes / tasks;
}

void pace_lengthen (pace_t *self)
{
    if (self->quick < self->config.threads * QUICK_STINTS || self->length >= LENGTH_MOST)
        return;
    self->length *= LENGTH_STEP;
    self->quick = 0;
}

uint32_t pace_prefetch (const pace_t *self)
{
    uint64_t tasks = (uint64_t)self->length * PREFETCH_A_LENGTH, most = PREFETCH_BYTES / (self->task_bytes + 1);
    tasks = tasks < most ? tasks : most;
    bool is_usual = self->config.is_fixed || self->length == 1 || tasks < self->config.prefetch;
    return is_usual ? self->config.prefetch : (uint32_t)tasks;
}

uint32_t pace_unsure (const pace_t *self)
{
    uint32_t tasks = self->length == 1 ? 0 : self->config.threads * PACE_STINTS_UNTOLD * self->length;
    return tasks < self->config.slots ? self->config.slots : tasks;
}

uint64_t pace_stint (const pace_t *self, uint64_t allowed)
{
    uint64_t most = allowed / (self->config.threads * PACE_STINTS_UNTOLD);
    most = most < self->length ? most : self->length;
    return most ? most : 1;
}

uint64_t pace_room (const pace_t *self, uint64_t stint, unsigned threads)
{
    uint64_t waiting = stint >= TINY_LENGTH ? WAITING_STINTS : 1;
    return stint == 1 ? self->config.slots : threads * stint * (PACE_STINTS_UNTOLD + waiting);
}
