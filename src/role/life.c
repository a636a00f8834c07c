#include "role/life.h"

#include <stdatomic.h>
#include <sys/random.h>
#include <time.h>

enum { RANDOM_BITS = 12 }; // 4 us: less than two starts of a process lie apart

static uint64_t candidate (void)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    uint64_t time_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    uint16_t random = 0;
    // Without entropy yet, at boot, the time alone must do.
    if (getrandom (&random, sizeof random, GRND_NONBLOCK) == -1)
        random = (uint16_t)(time_ns * 31);
    uint64_t mask = (1u << RANDOM_BITS) - 1;
    return (time_ns & ~mask) | (random & mask);
}

static atomic_uint_least64_t newest;

void life_pass (uint64_t other)
{
    const uint64_t most = UINT64_C (1) << 62; // of the year 2116: beyond it a number is no life
    uint64_t last = atomic_load (&newest);
    while (other > last && other < most && !atomic_compare_exchange_weak (&newest, &last, other))
        ;
}

uint64_t life_new (void)
{
    uint64_t last = atomic_load (&newest), life;
    do {
        life = candidate ();
        if (life <= last)
            life = last + 1;
    } while (!atomic_compare_exchange_weak (&newest, &last, life));
    return life;
}
