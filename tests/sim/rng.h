/*  rng: the simulator's only source of chance: splitmix64, from the seed alone. */
#ifndef DISHES_SIM_RNG_H
#define DISHES_SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t state;
} rng_t;

static inline uint64_t rng_mix (uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline uint64_t rng_next (rng_t *self)
{
    self->state += 0x9e3779b97f4a7c15u;
    return rng_mix (self->state);
}

//  A number of [low, high].
static inline int64_t rng_between (rng_t *self, int64_t low, int64_t high)
{
    return low + (int64_t)(rng_next (self) % (uint64_t)(high - low + 1));
}

static inline bool rng_chance (rng_t *self, unsigned percent)
{
    return rng_next (self) % 100 < percent;
}

#endif
