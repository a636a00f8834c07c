/*  What the dryer's own kin may ask of it beyond dishes.h. */
#ifndef DISHES_API_DRYER_I_H
#define DISHES_API_DRYER_I_H

#include "dishes.h"

//  A dryer of so many threads, each of which calls dryer_work with its number (0...) and nothing else of it.
dishes_dryer_t *dryer_with_crew (const char *at, const dishes_opts_t *opts, unsigned threads);

//  Does tasks until no more will come: -1 and the fault set, to ENODATA or ECONNABORTED.
int dryer_work (dishes_dryer_t *self, unsigned index, dishes_task_fn *fn, void *arg);

//  Leaves the pipeline, and gives back what is not done; every dishes_get and dryer_work then ends. Returns at once.
void dryer_leave_soon (dishes_dryer_t *self);

#endif
