/*  archive: what of a run is durable: the journal, and how far the results are out, so that a sink that is started
 *  again goes on where this one was killed.
 *
 *  An output file (-o) is written and synced before the commit that counts its results: what is behind that place in
 *  the file is cut off at the next start, and comes again. The files of --results are synced before that commit too:
 *  what is not counted is written again, the same. With --keep-order an output that is counted and waits for its turn
 *  is kept beside the journal, until the commit that says that it is out. Nothing of a file holds for a pipe: what was
 *  on its way there is never printed again, and the next start says how much that may be.
 */
#ifndef DISHES_ROLE_ARCHIVE_H
#define DISHES_ROLE_ARCHIVE_H

#include "role/results.h"
#include "store/joblog_read.h"
#include "store/journal.h"

//  All zero, and after archive_close: no journal is kept, and every call does nothing. Without a journal a job log may
//  still tell what is not to be done again.
typedef struct {
    const sink_role_config_t *config; // borrowed
    journal_t *journal;
    bool is_restored;   // the file held a run
    joblog_jobs_t jobs; // without a journal, of a job log that is resumed: what was done
    bool is_of_joblog;
    uint64_t durable_bytes; // of the output file
} archive_t;

//  Opens the journal, if one is to be kept, for a new run with this id or the one that is in it. 0, or -1 when that
//  failed, and then said so.
int archive_open (archive_t *self, const sink_role_config_t *config, uint64_t run);
void archive_close (archive_t *self); // may be called twice

//  The run's id; and what sink_new is given, NULL where the run is new.
uint64_t archive_run (const archive_t *self, uint64_t run);
const sink_restored_t *archive_restored (const archive_t *self, sink_restored_t *out);

//  A new life of the sink: larger than those before it, and durable. Lives of this process's other parts that follow
//  are larger than all of before as well. 0; or -1: that could not be made durable, and then said so.
int archive_begin (archive_t *self, uint64_t *life);

//  Where results go on.
void archive_prepare (const archive_t *self, printer_config_t *printer);

//  Tells the results what is counted already, and what of it waits for its turn. 0, or -1 when that failed, and then
//  said so.
int archive_replay (archive_t *self, results_t *results);

//  Ports of the core.
void archive_completed (archive_t *self, const completion_t *completion);
void archive_known (archive_t *self, const ranges_t *counted, uint64_t failed);
void archive_washer (archive_t *self, const char *name, uint64_t life, uint64_t input_hash);
void archive_dryer (archive_t *self, uint64_t life, const char *name, const char *host);
int archive_input (archive_t *self, uint64_t bytes, uint64_t hash);
void archive_before (archive_t *self, before_t before);
void archive_eof (archive_t *self, bool known, uint64_t total, uint64_t washer);
void archive_ended (archive_t *self, const ending_t *ending);

//  Everybody was told of the end, and all is printed. Blocks on the disk; where that fails a later sink tells it again.
void archive_told (archive_t *self);

//  Blocks on the disk. 0; or -1: nothing of it may be acked, and archive_error says why, or results_error. Where no
//  journal is kept that the files of --results could not be written counts all the same.
int archive_commit (archive_t *self, results_t *results, const figures_t *figures);

//  How much of the output file is there for good: without a journal, what is written.
uint64_t archive_shown (const archive_t *self, const results_t *results);

const char *archive_error (const archive_t *self);

#endif
