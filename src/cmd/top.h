/*  top: a pipeline that goes on, looked at from outside as top(1) looks at processes: `dishes --top URL`.
 *
 *  On a terminal it draws over itself, in the screen that programs have beside the one with the shell's lines;
 *  elsewhere there is a block of lines each time.
 */
#ifndef DISHES_CMD_TOP_H
#define DISHES_CMD_TOP_H

#include <stdio.h>

#include "cmd/observe.h"

stage_fn observe_top;

//  What is to be seen at one time.
typedef struct {
    const char *at;
    uint64_t run;
    const sink_status_t *status; // NULL: the run is over, and `ending` says how
    const ending_t *ending;
    const dryer_row_t *dryers;
    size_t dryers_size;
    const char *progress; // a line of store/progress.h, or ""
} top_view_t;

//  As lines.
void top_show (const top_view_t *view, FILE *out);

//  A block of lines so that it takes the place of another one on a terminal, cut to its size.
void top_paint (const char *block, unsigned columns, unsigned rows, FILE *out);

#endif
