/*  template_parts: what template.c (compiles) and rendering.c (fills in) share and nobody else sees.
 */
#ifndef DISHES_RUN_TEMPLATE_PARTS_H
#define DISHES_RUN_TEMPLATE_PARTS_H

#include "run/piece.h"
#include "run/template.h"

//  A template is words made of pieces. A shell line is one word; so is a text. Of the different replacement strings
//  of a shell line (its references) each is given to the shell once, however often it stands in the line.
typedef struct {
    char *text;
    piece_t *pieces;
    size_t count;
    bool all; // has {} or its kind
} word_t;

typedef enum { MODE_WORDS, MODE_LINE, MODE_ITEM } template_mode_t; // arguments; a shell line; the item is a shell line

struct template
{
    template_mode_t mode;
    bool context, pipe;
    char *shell;
    word_t *words;
    size_t count;
    const piece_t **references;
    size_t reference_count;
};

#endif
