//  options_foreign: options that users of GNU parallel and xargs know, or that later parts of dishes will have, and
//  what to do in this version instead.
#ifndef DISHES_CMD_OPTIONS_FOREIGN_H
#define DISHES_CMD_OPTIONS_FOREIGN_H

#include "base/options.h"

extern const option_foreign_t options_foreign[];

#endif
