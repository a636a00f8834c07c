#include "run/spout.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool spout_find (const shape_t *shape, slice_t *bytes)
{
    if (shape->format != BLOCK_PREFIXED)
        return true;
    value_cursor_t cursor = value_cursor (shape, bytes->data, bytes->size);
    const uint8_t *other;
    size_t size;
    return value_next (&cursor, &bytes->data, &bytes->size) && !value_next (&cursor, &other, &size);
}

//  What a pipe holds when it is made, and what anybody may ask for: a whole block of the usual size, so that a command
//  finds all of it and nobody has to be woken up for the rest.
enum { PIPE_BYTES = 64 << 10, PIPE_MOST = 1 << 20 };

enum { WAIT_LEAST_MS = 1, WAIT_MOST_MS = 16 };

//  What it holds then. A pipe that stays small (a user may have so many pages in all) is filled more often.
static size_t widen (int fd, size_t size)
{
    int room = -1;
    if (size > PIPE_BYTES)
        room = fcntl (fd, F_SETPIPE_SZ, (int)(size < PIPE_MOST ? size : PIPE_MOST));
    return room > 0 ? (size_t)room : PIPE_BYTES;
}

int spout_open (spout_t *self, const slice_t *bytes, int *read_fd)
{
    int fd[2];
    *self = (spout_t){.fd = -1, .look_ms = INT64_MAX};
    if (pipe2 (fd, O_CLOEXEC) != 0)
        return -1;
    if (fcntl (fd[1], F_SETFL, O_NONBLOCK) != 0) {
        int kept = errno;
        close (fd[0]);
        close (fd[1]);
        errno = kept;
        return -1;
    }
    self->room = widen (fd[1], bytes->size);
    *read_fd = fd[0];
    self->fd = fd[1];
    self->rest = slice_copy (bytes);
    spout_pour (self, 0);
    self->wait_ms = 0;
    self->look_ms = INT64_MAX;
    return 0;
}

//  A reader that takes little by little would wake us up for each bit, and be put off its processor for it: it is left
//  alone for as long as it takes a quarter to a half of the pipe. Who takes more in a millisecond is not made to wait,
//  and who takes nothing wakes us up when it does.
static void pace (spout_t *self, size_t taken, int64_t now_ms)
{
    bool is_late = self->look_ms != INT64_MAX && now_ms > self->look_ms + 1, is_much = taken > self->room / 2;
    if (!self->wait_ms)
        self->wait_ms = WAIT_LEAST_MS;
    else if (taken < self->room / 4 && self->wait_ms < WAIT_MOST_MS)
        self->wait_ms *= 2;
    else if (is_much && self->wait_ms > WAIT_LEAST_MS)
        self->wait_ms /= 2;
    else if (is_much && !is_late)
        self->is_fast = true;
    self->look_ms = self->is_fast || !taken ? INT64_MAX : now_ms + self->wait_ms;
}

bool spout_pour (spout_t *self, int64_t now_ms)
{
    size_t before = self->rest.size;
    while (self->rest.size) {
        ssize_t done = write (self->fd, self->rest.data, self->rest.size);
        if (done == -1 && errno == EINTR)
            continue;
        if (done == -1 && errno == EAGAIN) {
            pace (self, before - self->rest.size, now_ms);
            return true;
        }
        if (done == -1)
            break;
        self->rest.data += done;
        self->rest.size -= (size_t)done;
    }
    spout_close (self);
    return false;
}

void spout_close (spout_t *self)
{
    if (self->fd >= 0)
        close (self->fd);
    self->fd = -1;
    slice_drop (&self->rest);
}
