/*  results: what the sink does with completions and outputs: printer, job log, progress line.
 *
 *  An error of writing is sticky and is found with results_error.
 */
#ifndef DISHES_ROLE_RESULTS_H
#define DISHES_ROLE_RESULTS_H

#include <stdio.h>

#include "role/sink_role.h"

//  Bytes that the pieces of a task had so far on stdout, for the job log.
typedef struct {
    uint64_t dryer, n;
    uint64_t out_bytes;
} pieces_t;

typedef struct {
    const sink_role_config_t *config; // borrowed
    loop_t *loop;                     // borrowed
    printer_t *printer;
    struct joblog *joblog;
    struct tree *tree;
    progress_t *progress;
    watch_t watches[2]; // of the printer's descriptors
    bool has_streamed;  // a piece came that may be printed before its task is done
    pieces_t *pieces;
    size_t size, capacity;
    uint64_t *found; // numbers of outputs that wait since an earlier life, while it goes on
    size_t found_size, found_capacity;
    uint64_t done;    // tasks counted …
    uint64_t printed; // … and this many when nothing waited last
    int error;        // errno of the job log or of memory; 0: none
    FILE *line;       // a task's, of --json, is written into …
    char *line_bytes; // … this
    size_t line_size;
    bool is_drawn_over; // printing and the progress line share a terminal
} results_t;

//  Opens files; the printer's config is the role's, or where a run goes on that of its archive. Waits for the reader of
//  a FIFO, until `control` is asked to end. 0, or -1 when that failed, or was ended, and then said so; results_close in
//  either case.
int results_open (results_t *self, const sink_role_config_t *config, const printer_config_t *printer,
                  control_t *control);
void results_close (results_t *self);

//  Where a run goes on, before the first of the calls below: results_find, results_found for each place of an output
//  that was counted and not printed (printer_find_place; in the order of numbers), results_go_on. `counted` were in an
//  earlier life, and with --keep-order those below `first` were printed. 0, or -1 and errno.
int results_find (results_t *self);
int results_found (results_t *self, const printer_place_t *place);
int results_go_on (results_t *self, const ranges_t *counted, uint64_t first);

void results_piece (results_t *self, uint64_t dryer, uint64_t n, int stream, const void *tag, size_t tag_size,
                    const slice_t *bytes);
void results_drop (results_t *self, uint64_t dryer, uint64_t n);
void results_completed (results_t *self, const completion_t *completion);

//  Makes the output file durable, as far as it may be written, and what waits for its turn, of which `tell` is told
//  (printer_keep); blocks on the disk. `bytes` is then how long the file is. 0, or -1 where that failed
//  (results_error). Where nobody reads any more there is nothing to make durable.
int results_sync (results_t *self, uint64_t *bytes, printer_place_fn *tell, void *arg);

//  That is in the journal now, and results_next too: the outputs of numbers below it do not wait for their turn any
//  more.
void results_synced (results_t *self);
uint64_t results_next (const results_t *self);

//  How long the output file is now.
uint64_t results_written (const results_t *self);

//  The files of --results: 0 where those of all that was completed are there, with `durable` on the disk too, or -1
//  (results_error).
int results_keep (results_t *self, bool durable);

//  Of the tasks that were counted, how many have left nothing here that waits for a reader.
uint64_t results_printed (const results_t *self);

//  Writes what goes now, and arms the loop for the rest.
void results_write (results_t *self);

//  The run is decided: nothing is waited for any more.
void results_end (results_t *self);

//  True when all is written, or cannot be.
bool results_idle (const results_t *self);

//  Closes the output file, if there is one, and takes the progress line away.
void results_finish (results_t *self, const progress_counts_t *counts);

void results_progress (results_t *self, const progress_counts_t *counts, int64_t now_ms);
void results_resize (results_t *self);                          // the terminal may have another width
int64_t results_due_ms (const results_t *self, int64_t now_ms); // 0: now

int results_error (const results_t *self); // errno; EPIPE: the reader went away
const char *results_error_text (const results_t *self);

#endif
