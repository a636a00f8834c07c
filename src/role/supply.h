/*  supply: where the washer's role takes its items from: an input (input/input.h), or whatever else fills this in. The
 *  calls mean what input.h says of input_read, input_eof, input_fd and input_error; only the role's thread makes them.
 */
#ifndef DISHES_ROLE_SUPPLY_H
#define DISHES_ROLE_SUPPLY_H

#include "input/input.h"

typedef struct {
    void *arg;
    shape_t shape;    // of every batch that does not say its own (no input does, nor what may be stacked)
    bool is_terminal; // somebody may have forgotten to give an input
    int (*read) (void *arg, batch_t *out);
    bool (*eof) (const void *arg);
    int (*fd) (const void *arg);
    const char *(*error) (const void *arg);
} supply_t;

//  Borrows the input.
supply_t supply_of_input (input_t *input);

#endif
