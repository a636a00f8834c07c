/*  answers: what a filter writes, cut into answers, one for each item that it was given, in order.
 *
 *  An answer is so many lines, or all lines up to one that says its end. Reads go straight into the buffer, and answers
 *  are borrowed from it: nothing is copied or allocated for each. No descriptors here. One thread.
 */
#ifndef DISHES_RUN_ANSWERS_H
#define DISHES_RUN_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t delimiter; // ends each line
    uint32_t lines;    // of an answer; does not count where there is an end line
    const char *end; // the line that says the end of an answer, without its delimiter, and is no part of it; borrowed.
                     // NULL: none
} answer_shape_t;

typedef struct {
    answer_shape_t shape;
    uint8_t *data;
    size_t size, capacity; // bytes
    size_t at;             // where the next answer begins
    size_t line;           // where the line begins that is looked at
    size_t seen;           // up to here it has no end
    uint32_t lines;        // of the next answer, seen so far
} answers_t;

void answers_init (answers_t *self, const answer_shape_t *shape);
void answers_free (answers_t *self);

//  Where the next bytes are to be read to, with room for `least` of them or more (*room). What was borrowed is gone.
//  NULL and ENOMEM.
uint8_t *answers_room (answers_t *self, size_t least, size_t *room);
void answers_add (answers_t *self, size_t size); // so many bytes were read

//  The next whole answer, its lines with their ends, borrowed until the next answers_room; false: there is none yet.
bool answers_next (answers_t *self, const uint8_t **data, size_t *size);

//  Bytes of an answer that is not whole, and the next one with them; borrowed likewise.
size_t answers_rest (const answers_t *self, const uint8_t **data);

void answers_clear (answers_t *self); // as new, and keeps its memory

#endif
