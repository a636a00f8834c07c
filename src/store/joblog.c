#include "store/joblog.h"
#include "core/array.h"
#include "store/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BATCH_BYTES = 1024 * 1024, // joblog_add writes when it holds more
    COLUMNS_BYTES = 256,       // room for all columns but Host and Command
};

struct joblog {
    int fd, error;
    char *bytes; // not yet written
    size_t size, capacity;
};

static const char head_line[] = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n";

static int put (joblog_t *self, const char *text, size_t size)
{
    if (array_reserve (&self->bytes, &self->capacity, self->size + size, 1) == -1)
        return -1;
    memcpy (self->bytes + self->size, text, size);
    self->size += size;
    return 0;
}

joblog_t *joblog_new (const char *path, bool append)
{
    joblog_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    struct stat status;
    self->fd = output_file_open (path, O_WRONLY | O_CREAT | O_APPEND | (append ? 0 : O_TRUNC), 0666);
    if (self->fd < 0 || fstat (self->fd, &status) == -1)
        goto error;
    if (status.st_size == 0 && put (self, head_line, sizeof head_line - 1) == -1)
        goto error;
    return self;
error:;
    int saved = errno;
    joblog_destroy (&self);
    errno = saved;
    return NULL;
}

void joblog_destroy (joblog_t **self_p)
{
    joblog_t *self = *self_p;
    if (!self)
        return;
    if (self->fd >= 0)
        close (self->fd);
    free (self->bytes);
    free (self);
    *self_p = NULL;
}

//  Seconds with three decimals, right-aligned in `width`; by hand, for printf would ask the locale for the point.
static const char *seconds (int64_t value_ms, int width, char text[48])
{
    char digits[32];
    uint64_t size_ms = value_ms < 0 ? -(uint64_t)value_ms : (uint64_t)value_ms;
    snprintf (digits, sizeof digits, "%s%" PRIu64 ".%03u", value_ms < 0 ? "-" : "", size_ms / 1000,
              (unsigned)(size_ms % 1000));
    snprintf (text, 48, "%*s", width, digits);
    return text;
}

//  The start is rounded to ms and the runtime cut, as parallel does it.
static int format_columns (const joblog_record_t *record, char *text, size_t size)
{
    char start[48], runtime[48];
    const char *host = record->host ? record->host : ":";
    return snprintf (text, size, "%" PRIu64 "\t%s\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%d\t%d\t", record->seq, host,
                     seconds ((record->start_ns + 500000) / 1000000, 0, start),
                     seconds (record->runtime_ns / 1000000, 10, runtime), record->sent_bytes, record->received_bytes,
                     record->exit_value, record->signal);
}

static void newlines_to_nul (char *text, size_t size)
{
    for (char *end = text + size; (text = memchr (text, '\n', (size_t)(end - text)));)
        *text = '\0';
}

static int fail (joblog_t *self, int error)
{
    if (!self->error)
        self->error = error;
    errno = self->error;
    return -1;
}

int joblog_add (joblog_t *self, const joblog_record_t *record)
{
    if (self->error)
        return fail (self, 0);
    size_t columns = COLUMNS_BYTES + (record->host ? strlen (record->host) : 0);
    size_t need = self->size + columns + record->command_size + 1;
    if (array_reserve (&self->bytes, &self->capacity, need, 1) == -1)
        return -1;
    self->size += (size_t)format_columns (record, self->bytes + self->size, columns);
    if (record->command_size) {
        memcpy (self->bytes + self->size, record->command, record->command_size);
        newlines_to_nul (self->bytes + self->size, record->command_size);
    }
    self->size += record->command_size;
    self->bytes[self->size++] = '\n';
    return self->size > BATCH_BYTES ? joblog_write (self) : 0;
}

//  The file took only a part: takes the torn line at its end away again.
static void cut_torn_line (const joblog_t *self, size_t written)
{
    const char *newline = memrchr (self->bytes, '\n', written);
    size_t whole = newline ? (size_t)(newline - self->bytes) + 1 : 0;
    off_t end = lseek (self->fd, 0, SEEK_CUR);
    if (end < 0 || whole == written || ftruncate (self->fd, end - (off_t)(written - whole)) == -1)
        return; // a pipe or a device: what is written stays
}

int joblog_write (joblog_t *self)
{
    if (self->error)
        return fail (self, 0);
    size_t written = 0;
    while (written < self->size) {
        ssize_t rc = write (self->fd, self->bytes + written, self->size - written);
        if (rc < 0 && errno == EINTR)
            continue;
        if (rc < 0) {
            int saved = errno;
            cut_torn_line (self, written);
            return fail (self, saved);
        }
        written += (size_t)rc;
    }
    self->size = 0;
    return 0;
}

static bool is_plain (unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr ("-_.+/", c));
}

static bool all_plain (const char *value, size_t size)
{
    while (size && is_plain ((unsigned char)*value)) {
        value++;
        size--;
    }
    return size == 0;
}

//  A quote ends the quoted part, stands in double quotes, and begins the next part: '"'"'. Empty parts at the two ends
//  are left out; those in the middle stay.
size_t joblog_quote (const void *value, size_t size, char *out)
{
    const char *from = value;
    char *at = out;
    if (size && all_plain (from, size)) {
        memcpy (out, from, size);
        return size;
    }
    bool first = size && from[0] == '\'', last = size && from[size - 1] == '\'';
    if (!first)
        *at++ = '\'';
    for (size_t i = 0; i < size; i++) {
        if (from[i] != '\'') {
            *at++ = from[i];
            continue;
        }
        const char *quote = "'\"'\"'";
        size_t skip = i == 0, left = 5 - skip - (i + 1 == size);
        memcpy (at, quote + skip, left);
        at += left;
    }
    if (!last)
        *at++ = '\'';
    return (size_t)(at - out);
}
