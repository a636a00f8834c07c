#include "run/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_BYTES = 4096, KEEP_BYTES = 16 * 1024 };

struct capture {
    char *dir;
    size_t limit;    // bytes in memory
    char *memory;    // until there is a file
    size_t capacity; // bytes
    uint64_t size;   // bytes, wherever they are
    int fd;          // the file, or -1
};

capture_t *capture_new (const char *dir, size_t memory_bytes)
{
    capture_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    if (!dir || !*dir)
        dir = getenv ("TMPDIR");
    self->dir = strdup (dir && *dir ? dir : "/tmp");
    self->limit = memory_bytes;
    self->fd = -1;
    if (!self->dir)
        capture_destroy (&self);
    return self;
}

void capture_destroy (capture_t **self_p)
{
    capture_t *self = *self_p;
    if (!self)
        return;
    if (self->fd >= 0)
        close (self->fd);
    free (self->memory);
    free (self->dir);
    free (self);
    *self_p = NULL;
}

static int open_named (const char *dir)
{
    char *name;
    if (asprintf (&name, "%s/dishes-XXXXXX", dir) < 0)
        return -1;
    int fd = mkostemp (name, O_CLOEXEC);
    if (fd >= 0)
        unlink (name);
    free (name);
    return fd;
}

//  Some file systems have no nameless files.
static int open_temporary (const char *dir)
{
    int fd = open (dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    bool unknown = fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT);
    return unknown ? open_named (dir) : fd;
}

static int write_at (int fd, uint64_t offset, const char *data, size_t size)
{
    while (size) {
        ssize_t done = pwrite (fd, data, size, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done == 0)
            errno = ENOSPC;
        if (done <= 0)
            return -1;
        data += done;
        offset += (uint64_t)done;
        size -= (size_t)done;
    }
    return 0;
}

static void drop_memory (capture_t *self)
{
    free (self->memory);
    self->memory = NULL;
    self->capacity = 0;
}

//  From memory to a file; either all is in the file then, or nothing has changed.
static int spill (capture_t *self)
{
    int fd = open_temporary (self->dir);
    if (fd < 0)
        return -1;
    if (write_at (fd, 0, self->memory, (size_t)self->size) != 0) {
        int error = errno;
        close (fd);
        errno = error;
        return -1;
    }
    self->fd = fd;
    drop_memory (self);
    return 0;
}

static int reserve (capture_t *self, size_t size)
{
    if (size <= self->capacity)
        return 0;
    size_t capacity = self->capacity ? self->capacity : FIRST_BYTES;
    while (capacity < size)
        capacity *= 2;
    char *memory = realloc (self->memory, capacity);
    if (!memory)
        return -1;
    self->memory = memory;
    self->capacity = capacity;
    return 0;
}

int capture_append (capture_t *self, const void *data, size_t size)
{
    if (self->fd < 0 && self->size + size > self->limit && spill (self) != 0)
        return -1;
    if (self->fd >= 0 && write_at (self->fd, self->size, data, size) != 0)
        return -1;
    if (self->fd < 0) {
        if (reserve (self, (size_t)self->size + size) != 0)
            return -1;
        if (size)
            memcpy (self->memory + self->size, data, size);
    }
    self->size += size;
    return 0;
}

uint64_t capture_size (const capture_t *self)
{
    return self->size;
}

ssize_t capture_read (const capture_t *self, uint64_t offset, void *buffer, size_t size)
{
    if (offset >= self->size)
        return 0;
    if (size > self->size - offset)
        size = (size_t)(self->size - offset);
    if (self->fd < 0) {
        memcpy (buffer, self->memory + offset, size);
        return (ssize_t)size;
    }
    ssize_t done;
    do
        done = pread (self->fd, buffer, size, (off_t)offset);
    while (done < 0 && errno == EINTR);
    return done;
}

const void *capture_memory (const capture_t *self)
{
    if (self->fd >= 0)
        return NULL;
    return self->memory ? self->memory : "";
}

void capture_clear (capture_t *self)
{
    if (self->fd >= 0)
        close (self->fd);
    if (self->capacity > KEEP_BYTES)
        drop_memory (self);
    self->fd = -1;
    self->size = 0;
}

const char *capture_dir (const capture_t *self)
{
    return self->dir;
}
