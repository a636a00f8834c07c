/*  joblog_read: which jobs a job log of an earlier run tells of, for --resume and --resume-failed without a journal.
 *
 *  As GNU parallel reads it: only the numbers (Seq) count, so input and command must be what they were; the samples
 *  tell where they are not. A job that has several lines, since it was run again, is what the last of them says.
 */
#ifndef DISHES_STORE_JOBLOG_READ_H
#define DISHES_STORE_JOBLOG_READ_H

#include "core/ranges.h"
#include "store/samples.h"

typedef struct {
    ranges_t logged;      // have a line: --resume passes them over
    ranges_t failed;      // of these, whose last line has an exit status or signal: --resume-failed runs them again
    uint64_t whole_bytes; // where the last whole line ends: a crash may have torn the one behind, which does not count.
                          // Cut the file to this before more is appended.
    samples_t samples;    // of the commands
} joblog_jobs_t;

//  Reads the file; one that is missing or empty tells of no job. Blocks on the disk. 0, and joblog_jobs_free is to be
//  called; or -1, errno (EINVAL: not a job log; EISDIR, EACCES, EIO, ENOMEM) and one line in `error`.
int joblog_read (const char *path, joblog_jobs_t *out, char *error, size_t error_size);

void joblog_jobs_free (joblog_jobs_t *self);

#endif
