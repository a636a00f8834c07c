#include "store/joblog_read.h"
#include "base/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

enum { SEQ, HOST, START, RUNTIME, SENT, RECEIVED, EXIT, SIGNAL, COMMAND };

//  Ends each column but the command with a zero. False where there are not enough.
static bool split (char *line, char *columns[COMMAND + 1], size_t size)
{
    char *end = line + size;
    for (int i = 0; i < COMMAND; i++) {
        char *tab = memchr (line, '\t', (size_t)(end - line));
        if (!tab)
            return false;
        columns[i] = line;
        *tab = '\0';
        line = tab + 1;
    }
    columns[COMMAND] = line;
    return true;
}

static bool is_integer (const char *text)
{
    text += *text == '-';
    return *text && text[strspn (text, "0123456789")] == '\0';
}

static bool is_decimal (const char *text)
{
    text += strspn (text, " ");
    return *text && text[strspn (text, "-.0123456789")] == '\0';
}

static bool is_job (char *columns[COMMAND + 1], uint64_t *seq)
{
    return units_count (columns[SEQ], seq) == 0 && run_valid (*seq, 1) && is_decimal (columns[START]) &&
           is_decimal (columns[RUNTIME]) && is_integer (columns[SENT]) && is_integer (columns[RECEIVED]) &&
           is_integer (columns[EXIT]) && is_integer (columns[SIGNAL]);
}

static int add_line (joblog_jobs_t *self, char *line, size_t size)
{
    char *columns[COMMAND + 1];
    uint64_t seq;
    if (!split (line, columns, size) || !is_job (columns, &seq)) {
        errno = EINVAL;
        return -1;
    }
    samples_add (&self->samples, seq, columns[COMMAND], (size_t)(line + size - 1 - columns[COMMAND])); // no newline
    bool failed = strcmp (columns[EXIT], "0") || strcmp (columns[SIGNAL], "0");
    if (ranges_add (&self->logged, seq, 1) == -1)
        return -1;
    return failed ? ranges_add (&self->failed, seq, 1) : ranges_remove (&self->failed, seq, 1);
}

//  0, or -1 with the number of the line where the trouble is in `at`.
static int read_lines (joblog_jobs_t *self, FILE *file, uint64_t *at)
{
    static const char head[] = "Seq\t";
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    int rc = 0;
    while (rc == 0 && (size = getline (&line, &capacity, file)) > 0 && line[size - 1] == '\n') {
        if ((*at)++)
            rc = add_line (self, line, (size_t)size);
        else if (strncmp (line, head, sizeof head - 1)) {
            errno = EINVAL;
            rc = -1;
        }
        self->whole_bytes += (uint64_t)size;
    }
    int saved = errno;
    free (line);
    errno = saved;
    return rc == -1 || ferror (file) || (!feof (file) && size == -1) ? -1 : 0;
}

static int tell (const char *path, uint64_t line, char *error, size_t error_size)
{
    int saved = errno;
    if (saved == EINVAL && line > 1)
        snprintf (error, error_size, "job log %s: line %llu is not a line of a job log", path,
                  (unsigned long long)line);
    else if (saved == EINVAL)
        snprintf (error, error_size, "job log %s: the file is not a job log: it has no head line (Seq, Host, ...)",
                  path);
    else
        snprintf (error, error_size, "job log %s: cannot read it: %s", path, strerror (saved));
    errno = saved;
    return -1;
}

int joblog_read (const char *path, joblog_jobs_t *out, char *error, size_t error_size)
{
    uint64_t line = 0;
    *out = (joblog_jobs_t){0};
    FILE *file = fopen (path, "re");
    if (!file)
        return errno == ENOENT ? 0 : tell (path, 0, error, error_size);
    int rc = read_lines (out, file, &line), saved = errno;
    fclose (file);
    errno = saved;
    if (rc == 0)
        return 0;
    joblog_jobs_free (out);
    errno = saved;
    return tell (path, line, error, error_size);
}

void joblog_jobs_free (joblog_jobs_t *self)
{
    ranges_free (&self->logged);
    ranges_free (&self->failed);
    self->whole_bytes = 0;
    self->samples = (samples_t){0};
}
