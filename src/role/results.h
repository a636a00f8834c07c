/*  results: what the sink does with completions and outputs: printer, job log, progress line.
 *
 *  An error of writing is sticky and is found with results_error.
 */
#ifndef DISHES_ROLE_RESULTS_H
#define DISHES_ROLE_RESULTS_H

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
    progress_t *progress;
    watch_t watches[2]; // of the printer's descriptors
    pieces_t *pieces;
    size_t size, capacity;
    int error;          // errno of the job log or of memory; 0: none
    bool is_drawn_over; // printing and the progress line share a terminal
} results_t;

//  Opens files. 0, or -1 when that failed, and then said so; results_close in either case.
int results_open (results_t *self, const sink_role_config_t *config, loop_t *loop);
void results_close (results_t *self);

void results_piece (results_t *self, uint64_t dryer, uint64_t n, int stream, const void *tag, size_t tag_size,
                    const slice_t *bytes);
void results_drop (results_t *self, uint64_t dryer, uint64_t n);
void results_completed (results_t *self, const completion_t *completion);

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
