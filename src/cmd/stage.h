/*  stage: what every program does: from argv to a config, checks before anything is read or started, the configs of the
 *  roles, a run, and an exit status.
 */
#ifndef DISHES_CMD_STAGE_H
#define DISHES_CMD_STAGE_H

#include "cmd/config.h"
#include "role/local.h"
#include "role/lookout.h"

enum { STATUS_DEADLINE = 124, STATUS_ERROR = 125, STATUS_NOT_EXECUTABLE = 126, STATUS_NOT_FOUND = 127 };

typedef struct {
    config_t config;
    talk_t talk;
    template_t *command; // NULL where no commands run
    char *shown;         // what of it was typed, for the journal; NULL: nothing
    input_t *input;      // NULL where no items are read
    lookout_t lookout;   // of an input that goes on where a job log says
    supply_t supply;     // what it sees
    char name[NAME_BYTES], host[NAME_BYTES];
    char error[1024]; // one line: why the last step failed
} stage_t;

//  What a program does once its options are known. Returns the exit status; `signal` becomes the one that ended the
//  run and is to be raised again.
typedef int stage_fn (stage_t *self, int *signal);

//  The whole of a main: help and version are told here, all else is done by `act`. Returns the exit status, or ends by
//  a signal.
int stage_main (program_t program, int argc, char **argv, stage_fn *act);

//  Says self->error. Returns `status`.
int stage_refuse (stage_t *self, int status);

//  Writes out what was printed to stdout. 0, or STATUS_ERROR, and that was said.
int stage_flush (stage_t *self);

//  Opens and checks what the parts of this program need: the command, the files, the items. 0, or the exit status, and
//  then what is wrong was said.
int stage_prepare (stage_t *self, const local_config_t *parts);

//  The configs of the parts; which of them there are, or how many dryers, is left to the program.
local_config_t stage_config (stage_t *self);

//  What --into asks for.
chain_config_t stage_chain (const stage_t *self);

//  Prepares and runs the parts, with --stay again and again.
int stage_run (stage_t *self, local_config_t *parts, int *signal);

#endif
