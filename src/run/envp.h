/*  envp: the environment of commands: ours, with the numbers of the task that runs, without the way to our pipeline.
 */
#ifndef DISHES_RUN_ENVP_H
#define DISHES_RUN_ENVP_H

#include <stdint.h>

typedef struct envp envp_t;

//  Takes our environment as it is now; copies what it sets itself: DISHES_PIPELINE, DISHES_DRYER (NULL: not set).
//  DISHES_AT and DISHES_KEY are left out, so that a nested dishes does not meet this pipeline. NULL and ENOMEM.
envp_t *envp_new (const char *pipeline, const char *dryer);
void envp_destroy (envp_t **self_p);

//  For one start, borrowed until the next call: DISHES_SEQ, DISHES_ATTEMPT, DISHES_SLOT, PARALLEL_SEQ,
//  PARALLEL_JOBSLOT are set in place.
char *const *envp_for (envp_t *self, uint64_t n, uint32_t attempt, uint32_t slot);

#endif
