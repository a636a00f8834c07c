/*  options_operands: what stands behind the options: COMMAND, ITEMs, and the sources behind ::: and its kind.
 */
#ifndef DISHES_CMD_OPTIONS_OPERANDS_H
#define DISHES_CMD_OPTIONS_OPERANDS_H

#include "cmd/config.h"

//  Reads the operands of config->program, `words` up to NULL, borrowed. config->given.sources must have room for each
//  word. 0, or -1, EINVAL and one line.
int options_operands (config_t *config, char **words, char *error, size_t error_size);

#endif
