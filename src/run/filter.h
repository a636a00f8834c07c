/*  filter: one command that lives long: items go into its stdin, answers come out of its stdout, in order.
 *
 *  No call blocks but filter_start, for as long as execve takes, and filter_reap. What it takes and what it has written
 *  are two pipes that fill independently of each other: whoever uses this reads whenever there is something to read,
 *  also while it has something to write. SIGPIPE is for the caller to ignore.
 *
 *  One thread, which must live as long as the command (see child.h).
 */
#ifndef DISHES_RUN_FILTER_H
#define DISHES_RUN_FILTER_H

#include "run/answers.h"
#include "run/child.h"
#include "run/text.h"

#include <sys/uio.h>

enum { FILTER_READ_BYTES = 64 * 1024, FILTER_ERR_BYTES = 1 << 20 };

typedef struct {
    child_t child;    // pid 0: nothing runs
    int in, out, err; // our ends, -1: closed; poll in for POLLOUT, the others and child.pidfd for POLLIN
    answers_t answers;
    text_t complaints; // its stderr, until somebody takes it
    size_t left_out;   // bytes of stderr over FILTER_ERR_BYTES
} filter_t;

void filter_init (filter_t *self, const answer_shape_t *shape);

//  KILLs what runs, and reaps it.
void filter_free (filter_t *self);

//  Starts it; `spec` has no descriptors. 0, or -1 and errno: nothing runs.
int filter_start (filter_t *self, spawner_t *spawner, const child_spec_t *spec);
bool filter_runs (const filter_t *self);

//  Writes what goes; returns how many bytes, 0 where the pipe is full. -1 and errno (EPIPE: nobody reads any more).
ssize_t filter_write (filter_t *self, const struct iovec *parts, int count);

//  It shall see the end of its input.
void filter_close_in (filter_t *self);

//  It has read all that was written.
bool filter_has_read (const filter_t *self);

//  Reads once from its stdout: how many bytes, 0: nothing is there now. -1 and errno; EPIPE: it has come to its end,
//  and `out` is closed.
ssize_t filter_read (filter_t *self);

//  Reads what there is of its stderr.
void filter_read_err (filter_t *self);

//  The time that its first process has used of a CPU, nanoseconds; -1: not known.
int64_t filter_cpu_ns (const filter_t *self);

//  Takes its end, as child_reap. What it had written can still be read.
int filter_reap (filter_t *self, int *status, int *signal);

//  Forgets what it wrote, and closes what is open: ready for the next start.
void filter_clear (filter_t *self);

#endif
