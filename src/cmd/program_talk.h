/*  program_talk: what is said on stderr, one line at a time, from whatever thread, beside a progress line.
 */
#ifndef DISHES_CMD_PROGRAM_TALK_H
#define DISHES_CMD_PROGRAM_TALK_H

#include "cmd/config.h"
#include "role/talk.h"
#include "run/runner.h"

//  For the roles. One a process: there is one stderr.
talk_t program_talk (program_t program, bool quiet);

//  -t: the command's text as a line of its own (runner.h).
void program_talk_start (void *arg, const runner_task_t *task, uint32_t slot, const char *text, size_t size);

#endif
