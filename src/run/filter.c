#include "run/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { LAST_WAIT_MS = 1000, ERR_BYTES_A_READ = 4096 };

void filter_init (filter_t *self, const answer_shape_t *shape)
{
    *self = (filter_t){.child.pidfd = -1, .in = -1, .out = -1, .err = -1};
    answers_init (&self->answers, shape);
}

static void close_fd (int *fd)
{
    if (*fd >= 0)
        close (*fd);
    *fd = -1;
}

//  A child that KILL does not end within the time (it hangs in the kernel) is left to init.
static void kill_and_reap (filter_t *self)
{
    struct pollfd exit = {.fd = self->child.pidfd, .events = POLLIN};
    int status, signal;
    child_signal (&self->child, SIGKILL);
    if (poll (&exit, 1, LAST_WAIT_MS) == 1)
        child_reap (&self->child, &status, &signal);
    close_fd (&self->child.pidfd);
}

void filter_free (filter_t *self)
{
    if (filter_runs (self))
        kill_and_reap (self);
    filter_clear (self);
    answers_free (&self->answers);
    text_free (&self->complaints);
}

void filter_clear (filter_t *self)
{
    close_fd (&self->in);
    close_fd (&self->out);
    close_fd (&self->err);
    answers_clear (&self->answers);
}

bool filter_runs (const filter_t *self)
{
    return self->child.pid > 0;
}

//  One of the three pipes: `theirs` blocks, as commands expect it, and ours does not.
static int open_pipe (int *ours, int *theirs, bool we_write)
{
    int fd[2];
    if (pipe2 (fd, O_CLOEXEC) == -1)
        return -1;
    *ours = fd[we_write];
    *theirs = fd[!we_write];
    return fcntl (*ours, F_SETFL, O_NONBLOCK);
}

int filter_start (filter_t *self, spawner_t *spawner, const child_spec_t *spec)
{
    child_spec_t full = *spec;
    full.fd[0] = full.fd[1] = full.fd[2] = -1;
    filter_clear (self);
    int rc = -1;
    if (open_pipe (&self->in, &full.fd[0], true) == 0 && open_pipe (&self->out, &full.fd[1], false) == 0 &&
        open_pipe (&self->err, &full.fd[2], false) == 0)
        rc = child_start (spawner, &full, &self->child);
    int kept = errno;
    for (int i = 0; i < 3; i++)
        close_fd (&full.fd[i]);
    if (rc == -1)
        filter_clear (self);
    errno = kept;
    return rc;
}

ssize_t filter_write (filter_t *self, const struct iovec *parts, int count)
{
    ssize_t done;
    do
        done = writev (self->in, parts, count);
    while (done == -1 && errno == EINTR);
    return done == -1 && errno == EAGAIN ? 0 : done;
}

void filter_close_in (filter_t *self)
{
    close_fd (&self->in);
}

bool filter_has_read (const filter_t *self)
{
    int left = 0;
    return self->in == -1 || (ioctl (self->in, FIONREAD, &left) == 0 && left == 0);
}

//  Bytes, 0: nothing now, -1: errno, EPIPE at the end.
static ssize_t read_some (int fd, void *to, size_t size)
{
    ssize_t done;
    do
        done = read (fd, to, size);
    while (done == -1 && errno == EINTR);
    if (done == 0)
        errno = EPIPE;
    return done > 0 ? done : done == -1 && errno == EAGAIN ? 0 : -1;
}

ssize_t filter_read (filter_t *self)
{
    size_t room;
    if (self->out == -1)
        return 0;
    uint8_t *to = answers_room (&self->answers, FILTER_READ_BYTES, &room);
    if (!to)
        return -1;
    ssize_t done = read_some (self->out, to, room);
    if (done > 0)
        answers_add (&self->answers, (size_t)done);
    else if (done == -1)
        close_fd (&self->out);
    return done;
}

//  Beyond the bound bytes are counted, but not kept: nobody who has them waits for us.
static void keep_err (filter_t *self, const char *bytes, size_t size)
{
    size_t room = FILTER_ERR_BYTES - self->complaints.size;
    text_add (&self->complaints, bytes, size < room ? size : room);
    self->left_out += size < room ? 0 : size - room;
}

void filter_read_err (filter_t *self)
{
    char bytes[ERR_BYTES_A_READ];
    ssize_t done = 0;
    while (self->err != -1 && (done = read_some (self->err, bytes, sizeof bytes)) > 0)
        keep_err (self, bytes, (size_t)done);
    if (done == -1)
        close_fd (&self->err);
}

int64_t filter_cpu_ns (const filter_t *self)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid (self->child.pid, &clock) != 0 || clock_gettime (clock, &used) == -1)
        return -1;
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

int filter_reap (filter_t *self, int *status, int *signal)
{
    return child_reap (&self->child, status, signal);
}
