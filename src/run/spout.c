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

//  A pipe that stays small (a user may have so many pages in all) is filled more often.
static void widen (int fd, size_t size)
{
    if (size > PIPE_BYTES)
        fcntl (fd, F_SETPIPE_SZ, (int)(size < PIPE_MOST ? size : PIPE_MOST));
}

int spout_open (spout_t *self, const slice_t *bytes, int *read_fd)
{
    int fd[2];
    *self = (spout_t){.fd = -1};
    if (pipe2 (fd, O_CLOEXEC) != 0)
        return -1;
    if (fcntl (fd[1], F_SETFL, O_NONBLOCK) != 0) {
        int kept = errno;
        close (fd[0]);
        close (fd[1]);
        errno = kept;
        return -1;
    }
    widen (fd[1], bytes->size);
    *read_fd = fd[0];
    self->fd = fd[1];
    self->rest = slice_copy (bytes);
    spout_pour (self);
    return 0;
}

bool spout_pour (spout_t *self)
{
    while (self->rest.size) {
        ssize_t done = write (self->fd, self->rest.data, self->rest.size);
        if (done == -1 && errno == EINTR)
            continue;
        if (done == -1 && errno == EAGAIN)
            return true;
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
