/*  records: where an input may be cut so that no record is torn.
 *
 *  A record ends behind `end`, and the next one begins with `start`; where both are given a cut is between the two,
 *  where one is empty the other alone makes it, and where both are, any place will do. Pure; any thread.
 */
#ifndef DISHES_INPUT_RECORDS_H
#define DISHES_INPUT_RECORDS_H

#include "input/input.h"

typedef struct {
    uint8_t mark[2 * MARK_BYTES]; // the end of a record and the start of the next
    size_t size;                  // bytes of both
    size_t end_size;              // of them, before the cut
} records_t;

void records_init (records_t *self, const mark_t *end, const mark_t *start);

//  The last cut of data[0, size), where it is greater than 0 and its mark begins at `from` or behind; 0: there is none.
size_t records_last (const records_t *self, const uint8_t *data, size_t size, size_t from);

//  The first such cut. Only where there are marks.
size_t records_first (const records_t *self, const uint8_t *data, size_t size, size_t from);

//  Up to where the marks of data[0, size) have been looked for: a later search begins there.
size_t records_seen (const records_t *self, size_t size);

#endif
