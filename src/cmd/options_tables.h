/*  options_tables: every option once, in tables that say who has it, and from them the set of each program.
 */
#ifndef DISHES_CMD_OPTIONS_TABLES_H
#define DISHES_CMD_OPTIONS_TABLES_H

#include "base/options.h"
#include "cmd/config.h"

//  For options_read into a config_t: keeps in config->given which options there were.
const option_set_t *options_set (program_t program);

//  Tables that rules are made about (options_checks.c). Each ends with a row of neither names nor letters.
extern const option_t options_rows_commands[], options_rows_security[], options_rows_ports[], options_rows_wait[],
    options_rows_wait_dryers[], options_rows_losses[], options_rows_local[], options_rows_deadline[],
    options_rows_actions[], options_rows_run[], options_rows_json[], options_rows_quiet[], options_rows_filter[],
    options_rows_starts[], options_rows_context[], options_rows_dryer_context[], options_rows_dryer_null[],
    options_rows_crashes[], options_rows_items[], options_rows_name[], options_rows_next[], options_rows_pipe[],
    options_rows_blocks[], options_rows_at[], options_rows_bench[];

//  True where a row is one of a table.
bool options_is_of (const option_t *table, const option_t *row);

#endif
