/*  column: the items of one source, one by one, for the inputs that must look at each of them.
 */
#ifndef DISHES_INPUT_COLUMN_H
#define DISHES_INPUT_COLUMN_H

#include "input/reader.h"

typedef struct {
    reader_t reader;
    bool skip_blank;
    slice_t slice;            // what the reader handed out last
    const uint8_t *at, *stop; // of the slice: where the next item begins, and the end
} column_t;

int column_open (column_t *self, const input_source_t *from, const input_config_t *config, fault_t *fault);
void column_close (column_t *self); // may be called twice

//  The next item, borrowed until the next call. 1; 0: none now (see column_eof and reader.blocked); -1: fault.
int column_next (column_t *self, const uint8_t **item, size_t *size);
bool column_eof (const column_t *self);

#endif
