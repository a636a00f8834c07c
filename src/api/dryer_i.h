/*  What the dryer's own kin may ask of it beyond dishes.h. */
#ifndef DISHES_API_DRYER_I_H
#define DISHES_API_DRYER_I_H

#include "dishes.h"

//  Leaves the pipeline, and gives back what is not done; every dishes_get then ends. Returns at once.
void dryer_leave_soon (dishes_dryer_t *self);

#endif
