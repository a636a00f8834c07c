#include "store/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUFFER_BYTES = 256 * 1024,
    SLICE_BYTES = 4 * 1024 * 1024, // the most that one call writes
    ITEM_BYTES = 1024 * 1024,      // a queued spill does not grow beyond: its front is only freed with the rest
    TERMINAL_BYTES = 256,          // what a terminal that poll calls writable surely takes
    CODED_BYTES = 12 * 1024,       // of a spill, encoded at once; for base64 a multiple of three
};

//  Writes what goes without waiting; 0: nothing now; -1 and errno.
typedef ssize_t write_fn (int fd, const void *data, size_t size);

//  Bytes in line behind the buffer.
typedef struct item {
    struct item *next;
    spill_t *spill;
    uint64_t offset, size;
    json_code_t code;
    bool growing; // made by channel_put, which may add to it
} item_t;

struct channel {
    int fd;     // what we were given
    int own_fd; // our own description of it, or -1
    bool owned, holds;
    write_fn *write;
    spill_pool_t *pool;
    int error;
    item_t *head, *tail;
    uint64_t queued_bytes;
    size_t start, end; // of the bytes in the buffer
    uint8_t buffer[BUFFER_BYTES];
};

static ssize_t write_direct (int fd, const void *data, size_t size)
{
    ssize_t written = write (fd, data, size);
    if (written < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return written;
}

static ssize_t write_socket (int fd, const void *data, size_t size)
{
    ssize_t written = send (fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (written < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return written;
}

static ssize_t write_if_ready (int fd, const void *data, size_t size)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    return poll (&ready, 1, 0) == 1 ? write_direct (fd, data, size) : 0;
}

static ssize_t write_pipe (int fd, const void *data, size_t size)
{
    return write_if_ready (fd, data, size < PIPE_BUF ? size : PIPE_BUF);
}

static ssize_t write_terminal (int fd, const void *data, size_t size)
{
    return write_if_ready (fd, data, size < TERMINAL_BYTES ? size : TERMINAL_BYTES);
}

static int open_again (int fd)
{
    char path[32];
    snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
    return open (path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

//  How to write to what the descriptor is.
static void choose (channel_t *self)
{
    struct stat status;
    self->write = write_direct;
    if (fstat (self->fd, &status) == -1) {
        self->fd = -1; // the number may soon be that of another file
        return;
    }
    bool terminal = S_ISCHR (status.st_mode) && isatty (self->fd);
    if (S_ISSOCK (status.st_mode))
        self->write = write_socket;
    else if (terminal || S_ISFIFO (status.st_mode)) {
        self->own_fd = open_again (self->fd);
        if (self->own_fd < 0)
            self->write = terminal ? write_terminal : write_pipe;
    }
}

channel_t *channel_new (int fd, bool owned, spill_pool_t *pool)
{
    channel_t *self = malloc (sizeof *self);
    if (!self)
        return NULL;
    memset (self, 0, offsetof (channel_t, buffer));
    self->fd = fd;
    self->own_fd = -1;
    self->owned = owned;
    self->pool = pool;
    choose (self);
    return self;
}

static void pop (channel_t *self)
{
    item_t *item = self->head;
    self->head = item->next;
    if (!self->head)
        self->tail = NULL;
    spill_destroy (&item->spill);
    free (item);
}

void channel_destroy (channel_t **self_p)
{
    channel_t *self = *self_p;
    if (!self)
        return;
    while (self->head)
        pop (self);
    channel_close (self);
    free (self);
    *self_p = NULL;
}

int channel_close (channel_t *self)
{
    if (self->own_fd >= 0)
        close (self->own_fd);
    self->own_fd = -1;
    int fd = self->owned ? self->fd : -1;
    self->owned = false;
    if (fd < 0)
        return 0;
    self->fd = -1;
    if (close (fd) == 0 || errno == EINTR)
        return 0;
    self->error = errno;
    return -1;
}

void channel_hold (channel_t *self)
{
    self->holds = true;
}

int channel_fd (const channel_t *self)
{
    return self->own_fd >= 0 ? self->own_fd : self->fd;
}

int channel_error (const channel_t *self)
{
    return self->error;
}

uint64_t channel_backlog_bytes (const channel_t *self)
{
    return self->queued_bytes + (self->end - self->start);
}

static size_t buffer_room (channel_t *self)
{
    if (self->start && (self->start == self->end || self->end == BUFFER_BYTES)) {
        memmove (self->buffer, self->buffer + self->start, self->end - self->start);
        self->end -= self->start;
        self->start = 0;
    }
    return BUFFER_BYTES - self->end;
}

//  All of it: a part of three bytes is not in base64.
static int read_whole (const item_t *item, uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t got = spill_read (item->spill, item->offset + at, bytes + at, size - at);
        if (got <= 0)
            return -1;
        at += (size_t)got;
    }
    return 0;
}

//  Moves the next bytes of the queue's head into the buffer; how many, or -1 and errno.
static ssize_t move (channel_t *self, size_t room)
{
    const item_t *item = self->head;
    uint8_t *to = self->buffer + self->end, bytes[CODED_BYTES];
    size_t size = item->size < room ? (size_t)item->size : room, used;
    if (item->code == JSON_PLAIN) {
        ssize_t got = spill_read (item->spill, item->offset, to, size);
        self->end += got > 0 ? (size_t)got : 0;
        return got;
    }
    size = size < sizeof bytes ? size : sizeof bytes;
    if (read_whole (item, bytes, size) == -1)
        return -1;
    self->end += json_encode (item->code, bytes, size, size == item->size, to, room, &used);
    return (ssize_t)used;
}

//  Moves the queue into the buffer as far as there is room.
static int fill (channel_t *self)
{
    size_t room;
    while (self->head && (room = buffer_room (self)) >= JSON_CODE_MOST) {
        item_t *item = self->head;
        ssize_t got = move (self, room);
        if (got < 0)
            return -1;
        self->queued_bytes -= (uint64_t)got;
        item->offset += (uint64_t)got;
        item->size -= (uint64_t)got;
        if (!item->size)
            pop (self);
    }
    return 0;
}

//  Writes from the buffer once; how many bytes, 0: nothing now; -1 and errno.
static ssize_t drain (channel_t *self)
{
    if (self->error) {
        errno = self->error;
        return -1;
    }
    ssize_t written = self->write (channel_fd (self), self->buffer + self->start, self->end - self->start);
    if (written < 0)
        self->error = errno;
    else
        self->start += (size_t)written;
    return written;
}

int channel_write (channel_t *self)
{
    size_t total = 0;
    while (total < SLICE_BYTES) {
        if (fill (self) == -1)
            return -1;
        if (self->start == self->end)
            return 0;
        ssize_t written = drain (self);
        if (written <= 0)
            return (int)written;
        total += (size_t)written;
    }
    return 0;
}

static item_t *push (channel_t *self, spill_t *spill, uint64_t size)
{
    item_t *item = calloc (1, sizeof *item);
    if (!item)
        return NULL;
    item->spill = spill;
    item->size = size;
    if (self->tail)
        self->tail->next = item;
    else
        self->head = item;
    self->tail = item;
    self->queued_bytes += size;
    return item;
}

//  Adds to the spill at the end of the queue.
static int queue (channel_t *self, const uint8_t *data, size_t size)
{
    if (!self->tail || !self->tail->growing || spill_size (self->tail->spill) >= ITEM_BYTES) {
        spill_t *spill = spill_new (self->pool);
        if (!spill || !push (self, spill, 0)) {
            spill_destroy (&spill);
            return -1;
        }
        self->tail->growing = true;
    }
    if (spill_append (self->tail->spill, data, size) == -1)
        return -1;
    self->tail->size += size;
    self->queued_bytes += size;
    return 0;
}

int channel_put (channel_t *self, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size && !self->head) {
        size_t room = buffer_room (self);
        if (!room) {
            ssize_t written = self->holds ? 0 : drain (self);
            if (written < 0)
                return -1;
            if (!written)
                break;
            continue;
        }
        size_t part = size < room ? size : room;
        memcpy (self->buffer + self->end, at, part);
        self->end += part;
        at += part;
        size -= part;
    }
    return size ? queue (self, at, size) : 0;
}

int channel_take_coded (channel_t *self, spill_t **spill_p, uint64_t size, json_code_t code)
{
    item_t *item = size ? push (self, *spill_p, size) : NULL;
    if (!size)
        spill_destroy (spill_p);
    else if (item)
        *spill_p = NULL;
    else
        return -1;
    if (item)
        item->code = code;
    return fill (self);
}

int channel_take (channel_t *self, spill_t **spill_p, uint64_t size)
{
    return channel_take_coded (self, spill_p, size, JSON_PLAIN);
}
