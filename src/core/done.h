/*  done: the records that say how a task ended, as the sink reads them.
 *
 *  What is wrong with one turns its reader bad. Pure.
 */
#ifndef DISHES_CORE_DONE_H
#define DISHES_CORE_DONE_H

#include "core/sink.h"

//  How a task ended, in a word, and what is to be said beside its status: "timed out", …, or NULL. They stand in the
//  journal and in --json.
const char *outcome_name (outcome_t outcome);
const char *outcome_note (outcome_t outcome, uint8_t flags);

//  The next record of a DONE, whose bytes are the next ones of the body. `dryer` is the caller's to fill in.
completion_t done_read (reader_t *in, reader_t *body);

//  Steps over the next record of a DONE without its bytes: which tasks it is of, and where in their lane they came.
run_t done_tasks (reader_t *in, uint64_t *lane_seq);

//  A BROKEN; what the task was given is written to `values`, which the caller frees when the completion was used.
completion_t broken_read (reader_t *in, const slice_t *body, writer_t *values);

#endif
