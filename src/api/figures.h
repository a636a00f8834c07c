/*  figures: the count of a run, in the words of dishes.h. */
#ifndef DISHES_API_FIGURES_H
#define DISHES_API_FIGURES_H

#include "core/session.h"
#include "dishes.h"

dishes_figures_t figures_of (const figures_t *from);
dishes_figures_t figures_of_ending (const ending_t *ending);

//  0 where it is joined; else the errno of calls that then cannot go on.
int figures_error (const ending_t *ending);

//  How it ended, for messages.
const char *figures_end_name (int end);

#endif
