/*  piece: replacement strings, found in a text, and what they make of a value.
 */
#ifndef DISHES_RUN_PIECE_H
#define DISHES_RUN_PIECE_H

#include <stddef.h>
#include <stdint.h>

typedef enum { PIECE_TEXT, PIECE_ALL, PIECE_NTH, PIECE_SEQ, PIECE_SLOT } piece_kind_t;

typedef enum { PART_WHOLE, PART_STEM, PART_BASE, PART_DIR, PART_BASE_STEM } piece_part_t; // {} {.} {/} {//} {/.}

typedef struct {
    const char *data; // bytes of one value, borrowed
    size_t size;
} value_t;

typedef struct {
    piece_kind_t kind;
    piece_part_t part;  // of PIECE_ALL and PIECE_NTH
    uint32_t index;     // of PIECE_NTH, from 1
    size_t at, size;    // where it stands in the text, bytes
    uint32_t reference; // for the template: which of the different replacement strings; where it stands in a shell line
    int place;
} piece_t;

//  Splits a text into pieces. `replace` stands for {}; NULL: "{}". Sets *pieces (to be freed) and *count. 0, or -1 and
//  ENOMEM.
int pieces_find (const char *text, size_t size, const char *replace, piece_t **pieces, size_t *count);

//  Part of a value, borrowed from it or constant.
value_t value_part (value_t value, piece_part_t part);

#endif
