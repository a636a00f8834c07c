/*  joblog: GNU parallel's log of jobs, nine columns separated by tabs, byte for byte.
 *
 *  Records are gathered and written together: add what a round brought, then joblog_write once. An error is sticky.
 *  One thread; a call blocks on the file at most.
 */
#ifndef DISHES_STORE_JOBLOG_H
#define DISHES_STORE_JOBLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct joblog joblog_t;

typedef struct {
    uint64_t seq;            // the task's number
    const char *host;        // NULL: ":", this machine
    int64_t start_ns;        // since the epoch
    int64_t runtime_ns;      // cut to ms, as parallel does it
    uint64_t sent_bytes;     // of files transferred to the job
    uint64_t received_bytes; // of its stdout
    int exit_value;          // -1 for a job that was timed out
    int signal;              // 0, or what ended it
    const void *command;     // borrowed for the call; a newline in it is written as NUL
    size_t command_size;     // bytes
} joblog_record_t;

//  Opens the log: emptied, with the head line; or with `append` continued, with the head line only if it was empty.
//  NULL and errno from open, or ENOMEM.
joblog_t *joblog_new (const char *path, bool append);

//  Writes nothing: what was added and not written is gone.
void joblog_destroy (joblog_t **self_p);

//  Adds a line. 0, or -1 and ENOMEM or the sticky errno.
int joblog_add (joblog_t *self, const joblog_record_t *record);

//  Writes what was added. 0, or -1 and the sticky errno (ENOSPC, …); then the log ends with a whole line where the
//  file allows it.
int joblog_write (joblog_t *self);

//  Room that joblog_quote needs for `size` bytes, at most.
#define JOBLOG_QUOTED_BYTES(size) ((size)*5 + 2)

//  One value as parallel quotes it for the shell in the column Command: echo 'a b'. `out` has JOBLOG_QUOTED_BYTES
//  (size) bytes; returns how many were used.
size_t joblog_quote (const void *value, size_t size, char *out);

#endif
