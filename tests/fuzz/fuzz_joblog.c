//  A job log that somebody else, or a crash, has written: it is read, or refused with a reason. A torn end changes
//  nothing, and a sample is of a job that is logged.
#include "store/joblog_read.h"
#include "feed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LOG_MOST = 20000 };

static const char *const parts[] = {
    "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n",
    "\t:\t1795374257.346\t     0.098\t0\t4\t0\t0\t",
    "\t:\t1795374257.346\t     0.098\t0\t4\t1\t9\t",
    "echo a\n",
    "\n",
    "\t",
    "1",
    "2",
    "10",
    "9223372036854775807",
};
enum { PARTS = sizeof parts / sizeof *parts };

static int read_log (const uint8_t *data, size_t size, joblog_jobs_t *jobs)
{
    char path[64], error[300] = "";
    int fd = memfd_create ("joblog", MFD_CLOEXEC);
    HOLDS (fd >= 0 && write (fd, data, size) == (ssize_t)size);
    snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
    int rc = joblog_read (path, jobs, error, sizeof error);
    close (fd);
    HOLDS (rc == 0 || (errno == EINVAL && *error && !strchr (error, '\n')));
    return rc;
}

static void check (const joblog_jobs_t *jobs, size_t size)
{
    HOLDS (jobs->whole_bytes <= size && jobs->samples.size <= SAMPLES_MOST);
    for (size_t i = 0; i < jobs->failed.size; i++)
        HOLDS (ranges_cover (&jobs->logged, jobs->failed.runs[i].n, jobs->failed.runs[i].count));
    for (size_t i = 0; i < jobs->samples.size; i++)
        HOLDS (ranges_has (&jobs->logged, jobs->samples.samples[i].n) &&
               jobs->samples.samples[i].n % jobs->samples.step == 0);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static uint8_t text[LOG_MOST];
    joblog_jobs_t jobs, again;
    feed_t feed = feed_of (data, size);
    size_t bytes = feed_file (&feed, parts, PARTS, text, LOG_MOST);
    if (read_log (text, bytes, &jobs) == -1)
        return 0;
    check (&jobs, bytes);
    HOLDS (read_log (text, jobs.whole_bytes, &again) == 0);
    HOLDS (again.whole_bytes == jobs.whole_bytes && again.logged.total == jobs.logged.total);
    HOLDS (again.failed.total == jobs.failed.total);
    HOLDS (memcmp (&again.samples, &jobs.samples, sizeof jobs.samples) == 0);
    joblog_jobs_free (&again);
    joblog_jobs_free (&jobs);
    return 0;
}
