//  options_foreign: options and replacement strings that users of GNU parallel and xargs know, or that later parts of
//  dishes will have, and what to do in this version instead.
#ifndef DISHES_CMD_OPTIONS_FOREIGN_H
#define DISHES_CMD_OPTIONS_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/options.h"

extern const option_foreign_t options_foreign[];

//  A replacement string of GNU parallel's that is none here, {= expression =} or {-N}: the first in a text.
typedef struct {
    const char *text; // in the text that was searched; `size` bytes
    size_t size;
    const char *advice; // stands behind it
} foreign_string_t;

bool options_find_foreign (const char *text, foreign_string_t *found);

#endif
