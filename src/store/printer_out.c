/*  The way out: the two channels that all printing ends in, and what it comes to when they do not take it. */
#include "store/output_file.h"
#include "store/printer_i.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static bool same_file (int a, int b)
{
    struct stat x, y;
    return fstat (a, &x) == 0 && fstat (b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

//  What stands behind the place where it goes on was never counted.
static int open_file (const printer_config_t *config)
{
    bool is_there = config->is_resumed && config->out_bytes && config->out_bytes != PRINTER_ALL_BYTES;
    int flags = O_WRONLY | (is_there ? 0 : O_CREAT) | (config->is_resumed ? 0 : O_TRUNC);
    int fd = output_file_open (config->out_path, flags | (config->is_private ? O_NOFOLLOW : 0),
                               config->is_private ? 0600 : 0666);
    struct stat stat;
    if (fd == -1 && is_there && errno == ENOENT)
        errno = ENODATA; // as of one that is too short
    if (fd == -1 || !config->is_resumed || fstat (fd, &stat) == -1 || !S_ISREG (stat.st_mode))
        return fd;
    uint64_t size = (uint64_t)stat.st_size, keep = config->out_bytes == PRINTER_ALL_BYTES ? size : config->out_bytes;
    if (size >= keep && ftruncate (fd, (off_t)keep) == 0 && lseek (fd, 0, SEEK_END) != -1)
        return fd;
    int kept = size < keep ? ENODATA : errno;
    close (fd);
    errno = kept;
    return -1;
}

int printer_open_channels (printer_t *self, const printer_config_t *config)
{
    int out = config->out_path ? open_file (config) : config->out_fd;
    if (config->out_path && out < 0)
        return -1;
    self->is_file = config->out_path;
    self->channels[PRINTER_OUT] = channel_new (out, config->out_path != NULL, self->pool);
    if (!self->channels[PRINTER_OUT]) {
        if (config->out_path)
            close (out);
        return -1;
    }
    if (same_file (out, config->err_fd))
        self->channels[PRINTER_ERR] = self->channels[PRINTER_OUT];
    else
        self->channels[PRINTER_ERR] = channel_new (config->err_fd, false, self->pool);
    for (int i = PRINTER_OUT; config->holds && i <= PRINTER_ERR && self->channels[i]; i++)
        if (i != PRINTER_OUT || !self->is_file)
            channel_hold (self->channels[i]);
    return self->channels[PRINTER_ERR] ? 0 : -1;
}

void printer_close_channels (printer_t *self)
{
    if (self->channels[PRINTER_ERR] != self->channels[PRINTER_OUT])
        channel_destroy (&self->channels[PRINTER_ERR]);
    channel_destroy (&self->channels[PRINTER_OUT]);
}

int printer_fail (printer_t *self)
{
    const char *names[] = {self->out_name, "stderr"};
    int saved = errno;
    if (self->error) {
        errno = self->error;
        return -1;
    }
    self->error = saved;
    snprintf (self->text, sizeof self->text, "cannot keep output in %s: %s", spill_pool_where (self->pool),
              strerror (saved));
    for (int i = PRINTER_ERR; i >= PRINTER_OUT; i--)
        if (channel_error (self->channels[i]))
            snprintf (self->text, sizeof self->text, "cannot write to %s: %s", names[i], strerror (saved));
    outputs_free (&self->outputs);
    errno = saved;
    return -1;
}

int printer_settle (printer_t *self, int rc)
{
    if (rc == -1)
        return printer_fail (self);
    uint64_t backlog = printer_backlog_bytes (self);
    if (self->accepted_bytes > backlog && self->accepted_bytes - backlog > self->consumed_bytes)
        self->consumed_bytes = self->accepted_bytes - backlog;
    return 0;
}

int printer_write (printer_t *self)
{
    if (self->error)
        return printer_fail (self);
    channel_t *first = self->channels[self->is_ended ? PRINTER_ERR : PRINTER_OUT];
    channel_t *second = self->channels[self->is_ended ? PRINTER_OUT : PRINTER_ERR];
    int rc = channel_write (first);
    if (rc == 0 && second != first)
        rc = channel_write (second);
    return printer_settle (self, rc);
}

size_t printer_fds (const printer_t *self, struct pollfd fds[2])
{
    size_t count = 0;
    if (self->error)
        return 0;
    for (int i = PRINTER_OUT; i <= PRINTER_ERR; i++) {
        const channel_t *channel = self->channels[i];
        if ((i == PRINTER_OUT || channel != self->channels[PRINTER_OUT]) && channel_backlog_bytes (channel))
            fds[count++] = (struct pollfd){.fd = channel_fd (channel), .events = POLLOUT};
    }
    return count;
}

static int64_t clock_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C (1000) + now.tv_nsec / 1000000;
}

//  Waits until something can be written; -1 and ETIMEDOUT at `end_ms`, or errno.
static int wait_writable (const printer_t *self, bool forever, int64_t end_ms)
{
    struct pollfd fds[2];
    size_t count = printer_fds (self, fds);
    int64_t left_ms = forever ? -1 : end_ms - clock_ms ();
    if (!forever && left_ms <= 0) {
        errno = ETIMEDOUT;
        return -1;
    }
    if (left_ms > 60000)
        left_ms = 60000;
    return poll (fds, count, (int)left_ms) == -1 && errno != EINTR ? -1 : 0;
}

int printer_flush (printer_t *self, int64_t timeout_ms)
{
    int64_t end_ms = timeout_ms > 0 ? clock_ms () + timeout_ms : 0;
    for (;;) {
        if (printer_write (self) == -1)
            return -1;
        if (!printer_backlog_bytes (self))
            break;
        if (wait_writable (self, timeout_ms < 0, end_ms) == -1)
            return -1;
    }
    return channel_close (self->channels[PRINTER_OUT]) == -1 ? printer_fail (self) : 0;
}

//  With errno set. What was removed cannot be gone on with.
static int fail_sync (printer_t *self)
{
    const char *why = errno == ENOENT ? "it was removed" : strerror (errno);
    printer_fail (self);
    snprintf (self->text, sizeof self->text, "cannot write to %s: %s", self->out_name, why);
    return -1;
}

static bool is_removed (int fd)
{
    struct stat stat;
    return fstat (fd, &stat) == 0 && S_ISREG (stat.st_mode) && !stat.st_nlink;
}

int printer_sync (printer_t *self, uint64_t *bytes)
{
    channel_t *out = self->channels[PRINTER_OUT];
    *bytes = 0;
    if (!self->is_file || self->error)
        return -!!self->error;
    while (channel_backlog_bytes (out))
        if (printer_settle (self, channel_write (out)) == -1)
            return -1;
    off_t end = lseek (channel_fd (out), 0, SEEK_CUR);
    if (fdatasync (channel_fd (out)) == -1 && errno != EINVAL && errno != EROFS)
        return fail_sync (self);
    if (is_removed (channel_fd (out))) {
        errno = ENOENT;
        return fail_sync (self);
    }
    *bytes = end == -1 ? 0 : (uint64_t)end;
    return 0;
}

uint64_t printer_written (const printer_t *self)
{
    off_t end = self->is_file && !self->error ? lseek (channel_fd (self->channels[PRINTER_OUT]), 0, SEEK_CUR) : 0;
    return end == -1 ? 0 : (uint64_t)end;
}

uint64_t printer_backlog_bytes (const printer_t *self)
{
    if (self->error)
        return 0;
    uint64_t bytes = channel_backlog_bytes (self->channels[PRINTER_OUT]);
    if (self->channels[PRINTER_ERR] != self->channels[PRINTER_OUT])
        bytes += channel_backlog_bytes (self->channels[PRINTER_ERR]);
    return bytes;
}

uint64_t printer_consumed_bytes (const printer_t *self)
{
    return self->error ? self->accepted_bytes : self->consumed_bytes;
}

uint64_t printer_accepted_bytes (const printer_t *self)
{
    return self->accepted_bytes;
}

int printer_error (const printer_t *self)
{
    return self->error;
}

const char *printer_error_text (const printer_t *self)
{
    return self->text;
}
