/*  samples: what some of the jobs of an earlier run were, so that a changed input is noticed where nothing but a job
 *  log tells of it. Of each job, and where these become many of each second, fourth … one, the hash of its command.
 */
#ifndef DISHES_STORE_SAMPLES_H
#define DISHES_STORE_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

enum { SAMPLES_MOST = 256 };

typedef struct {
    uint64_t n, hash;
} sample_t;

//  In no order. {0} has none.
typedef struct {
    sample_t samples[SAMPLES_MOST];
    size_t size;
    uint64_t step; // only multiples of it are kept
} samples_t;

//  The command of job n as the log has it, with newlines or with the zeros that stand for them there. The last one of a
//  number counts; an empty one is of a job of which nobody could tell it.
void samples_add (samples_t *self, uint64_t n, const char *command, size_t size);
uint64_t samples_hash (const char *command, size_t size);

void samples_sort (samples_t *self); // by number

#endif
