/*  options_checks: which options, addresses and operands do not go together.
 */
#ifndef DISHES_CMD_OPTIONS_CHECKS_H
#define DISHES_CMD_OPTIONS_CHECKS_H

#include "cmd/config.h"

//  True where this option was given; `row` stands in a table of options_tables.h.
bool options_has_given (const config_t *config, const option_t *row);

//  The same by its long name, the first of its row.
bool options_has_named (const config_t *config, const char *name);

//  Judges a config that is read and folded, for any action but help and version. 0, or -1, EINVAL and one line.
int options_check (const config_t *config, char *error, size_t error_size);

#endif
