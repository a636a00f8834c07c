/*  options_values: what the values of single options mean, the rows of OPTION_CALL in the tables (option_call_fn in
 *  base/options.h). Each reads its text into a config_t, or says in one line why it cannot.
 */
#ifndef DISHES_CMD_OPTIONS_VALUES_H
#define DISHES_CMD_OPTIONS_VALUES_H

#include "base/options.h"
#include "cmd/config.h"

option_call_fn options_block;     // --block: a size within what a block can hold
option_call_fn options_delimiter; // -d
option_call_fn options_halt;      // when,what=N or N%, and parallel's short forms
option_call_fn options_header;    // N lines, or : for one
option_call_fn options_jobs;      // -j: a number, or the name of a file
option_call_fn options_load;      // as -j, but that 0 is nearly nothing
option_call_fn options_rate;      // N/s, N/m, N/h
option_call_fn options_max_item;  // a size within what the input can hold
option_call_fn options_nice;      // -20..19
option_call_fn options_pipe;      // of the input, of the command and of how it is run
option_call_fn options_queue;     // a count of tasks, or with a unit a size
option_call_fn options_recend;    // a text with \n and its like; empty: a record ends anywhere
option_call_fn options_recstart;
option_call_fn options_replace;   // -I
option_call_fn options_results;   // --results
option_call_fn options_shell;     // --shell, --shell=PATH
option_call_fn options_source;    // -a: one more source
option_call_fn options_termseq;   // --term-seq
option_call_fn options_when_full; // block, stack, drop

//  N, N%, +N, -N or 0, as of -j, for this machine. 0; or -1 and one line.
int options_jobs_read (const char *text, uint32_t *jobs, char *error, size_t error_size);

//  Appends a source; config->given.sources must have room.
void options_add_source (config_t *config, input_source_t source);

#endif
