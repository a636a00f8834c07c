/*  gather: the results of a run for a callback: outputs that come in pieces are put together again.
 *
 *  Only the sink's thread. A task whose pieces found no memory is told without them, with status 125: an output is
 *  never passed over in silence.
 */
#ifndef DISHES_API_GATHER_H
#define DISHES_API_GATHER_H

#include "core/sink.h"
#include "dishes.h"

typedef struct {
    uint64_t dryer, n;
    struct {
        uint8_t *data;
        size_t size, capacity;
    } streams[2]; // stdout, stderr
    bool is_torn; // memory ended
} heap_t;

typedef struct {
    dishes_result_fn *result;
    void *arg;
    bool in_runs; // what is alike is told with one call
    heap_t *heaps;
    size_t size, capacity;
    bool is_short; // a first piece found no memory, of which task is not known: whose pieces begin now counts as torn
} gather_t;

void gather_free (gather_t *self);

void gather_piece (gather_t *self, uint64_t dryer, uint64_t n, int stream, const slice_t *bytes);
void gather_drop (gather_t *self, uint64_t dryer, uint64_t n); // n = 0: all of this dryer

//  Calls `result` for each task of the run.
void gather_completed (gather_t *self, const completion_t *what);

#endif
