/*  outputs: what is kept of the tasks whose output cannot be printed yet, found by number.
 *
 *  Two kinds are in one table: attempts that are not done, one a source and number; and whole outputs that wait for
 *  their turn, one a number.
 */
#ifndef DISHES_STORE_OUTPUTS_H
#define DISHES_STORE_OUTPUTS_H

#include <stdbool.h>

#include "base/json.h"
#include "store/printer.h"
#include "store/spill.h"

typedef struct output {
    struct output *next; // in the same bucket
    uint64_t source, n;
    bool whole;                     // done, waits for its turn; the source does not matter any more
    bool inside_line[2];            // the last byte was not the end of a line
    uint64_t lines[2];              // bytes of `kept` up to the end of its last whole line
    json_utf8_t seen[2];            // where it is to be JSON
    spill_t *kept[PRINTER_STREAMS]; // NULL: nothing
} output_t;

typedef struct {
    output_t **buckets;
    size_t capacity, size; // capacity is a power of two, or 0
} outputs_t;

//  The attempt of a source that is not done, or the whole output; NULL where there is none.
output_t *outputs_attempt (const outputs_t *self, uint64_t n, uint64_t source);
output_t *outputs_whole (const outputs_t *self, uint64_t n);

//  The attempts of a number that are not done, one after the other; begin and end with NULL.
output_t *outputs_next_attempt (const outputs_t *self, uint64_t n, const output_t *after);

//  Adds an empty attempt; NULL and ENOMEM.
output_t *outputs_add (outputs_t *self, uint64_t n, uint64_t source);

//  Frees one; NULL is allowed.
void outputs_remove (outputs_t *self, output_t *output);

//  Frees all attempts of a source that are not done.
void outputs_remove_source (outputs_t *self, uint64_t source);

//  The numbers of the whole outputs, in no order: how many were filled in, at most `capacity`.
size_t outputs_list_whole (const outputs_t *self, uint64_t *numbers, size_t capacity);

//  Frees all.
void outputs_free (outputs_t *self);

#endif
