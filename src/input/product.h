/*  product: the tuples of several sources, in GNU parallel's order.
 *
 *  Sources that are linked go in step and make one dimension; the dimensions make a product in which the last
 *  varies fastest. The first dimension is streamed, so it may be endless; the others are read whole before the
 *  first tuple, and kept. A tuple is a row of bytes, its values as BLOCK_PREFIXED has them; from one row to the
 *  next only the dimensions that changed are written again.
 */
#ifndef DISHES_INPUT_PRODUCT_H
#define DISHES_INPUT_PRODUCT_H

#include "input/bytes.h"
#include "input/column.h"

typedef struct {
    column_t *columns; // of the product; the ones of this dimension
    size_t count;      // of them
    size_t next;       // which of them gives the next value
    bool ended;
    bytes_t values; // the first dimension: the tuple of now; another: all its tuples
    bytes_t ends;   // size_t a tuple: where it ends in `values`
    size_t rows;    // tuples in `values`
    size_t index;   // which of them is in the row of now
    size_t begin;   // where this dimension begins in the row of now
} dimension_t;

typedef struct {
    column_t *columns;
    size_t column_count;
    dimension_t *dimensions;
    size_t dimension_count;
    size_t loading; // the dimension that is being read whole; 0: the first one is streamed
    bytes_t row;
    bool started, ended;
    int fd; // what the last call would have waited for; -1: nothing
    fault_t *fault;
} product_t;

//  -1 with errno and the fault set; product_close is needed then, too.
int product_open (product_t *self, const input_source_t *sources, size_t count, const input_config_t *config,
                  fault_t *fault);
void product_close (product_t *self); // may be called twice

//  The next tuple is in `row`. 1; 0: none now (see `ended` and `fd`); -1: fault. The work of a call is bounded.
int product_next (product_t *self);

#endif
