/*  bench: --bench: what this machine, or this wire, does with tiny tasks. A program over include/dishes.h, as any user
 *  could write it: dishes_put_block, dishes_run with a function that does nothing, and a sink.
 */
#ifndef DISHES_CMD_BENCH_H
#define DISHES_CMD_BENCH_H

#include "cmd/stage.h"

//  0 where each item was done, and counted, exactly once.
int bench (stage_t *self, int *signal);

typedef struct {
    const char *at, *kind; // "inproc"...
    uint64_t items, size;  // of an item, bytes
    unsigned dryers;
    double seconds; // from the first put to the return of join
    double median_us, p99_us;
    unsigned samples; // of these two
} bench_figures_t;

void bench_show (const bench_figures_t *figures, FILE *out);
void bench_show_json (const bench_figures_t *figures, FILE *out);

#endif
