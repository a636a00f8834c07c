#include "core/array.h"
#include "store/spill_i.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MEMORY_BYTES = 8 * 1024 * 1024,
    EACH_BYTES = 1024 * 1024,
    SHARED_EXTENTS = 8, // a spill in more pieces than this gets segments of its own
};

spill_pool_t *spill_pool_new (const spill_config_t *config)
{
    static const spill_config_t defaults = {0};
    if (!config)
        config = &defaults;
    spill_pool_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    const char *directory = config->directory ? config->directory : getenv ("TMPDIR");
    if (config->path)
        self->path = strdup (config->path);
    else
        self->directory = strdup (directory && *directory ? directory : "/tmp");
    self->memory_limit = config->memory_bytes ? config->memory_bytes : MEMORY_BYTES;
    self->each_limit = config->each_bytes ? config->each_bytes : EACH_BYTES;
    self->fd = -1;
    if (!self->directory && !self->path)
        spill_pool_destroy (&self);
    return self;
}

void spill_pool_destroy (spill_pool_t **self_p)
{
    spill_pool_t *self = *self_p;
    if (!self)
        return;
    if (self->fd >= 0) {
        if (self->path && !self->kept_bytes && !self->is_searched)
            unlink (self->path);
        close (self->fd);
    }
    free (self->live);
    free (self->unused);
    free (self->parting);
    free (self->directory);
    free (self->path);
    free (self);
    *self_p = NULL;
}

size_t spill_pool_memory_bytes (const spill_pool_t *self)
{
    return self->memory_used;
}

uint64_t spill_pool_file_bytes (const spill_pool_t *self)
{
    return self->file_bytes;
}

const char *spill_pool_where (const spill_pool_t *self)
{
    return self->path ? self->path : self->directory;
}

//  For file systems without O_TMPFILE.
static int open_and_unlink (const char *directory)
{
    char path[PATH_MAX];
    if (snprintf (path, sizeof path, "%s/dishes-XXXXXX", directory) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp (path, O_CLOEXEC);
    if (fd >= 0)
        unlink (path);
    return fd;
}

static int open_nameless (const char *directory)
{
    int fd = open (directory, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    bool is_unknown = errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL;
    return fd < 0 && is_unknown ? open_and_unlink (directory) : fd;
}

static int pool_open (spill_pool_t *self)
{
    if (self->fd < 0)
        self->fd = self->path ? spill_open_named (self->path) : open_nameless (self->directory);
    return self->fd < 0 ? -1 : 0;
}

//  Nothing lives in the segment. That punching a hole may not be supported costs only space, until the segment is used
//  again.
void spill_segment_free (spill_pool_t *self, size_t segment)
{
    self->unused[self->unused_size++] = (uint32_t)segment;
    if (self->unused_size < self->segments) {
        int saved = errno;
        (void)fallocate (self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(segment * SEGMENT_BYTES),
                         SEGMENT_BYTES);
        errno = saved;
    } else if (ftruncate (self->fd, 0) == 0)
        self->segments = self->unused_size = 0;
}

void spill_room_close (spill_pool_t *pool, room_t *room)
{
    if (!room->left)
        return;
    size_t segment = room->at / SEGMENT_BYTES;
    room->left = 0;
    pool->live[segment] &= ~SEGMENT_OPEN;
    if (!pool->live[segment])
        spill_segment_free (pool, segment);
}

static int room_open (spill_pool_t *pool, room_t *room)
{
    if (pool_open (pool) == -1)
        return -1;
    size_t segment;
    if (pool->unused_size)
        segment = pool->unused[--pool->unused_size];
    else {
        if (array_reserve (&pool->live, &pool->live_capacity, pool->segments + 1, sizeof *pool->live) == -1 ||
            array_reserve (&pool->unused, &pool->unused_capacity, pool->segments + 1, sizeof *pool->unused) == -1)
            return -1;
        segment = pool->segments++;
    }
    pool->live[segment] = SEGMENT_OPEN;
    *room = (room_t){.at = (uint64_t)segment * SEGMENT_BYTES, .left = SEGMENT_BYTES};
    return 0;
}

//  Bytes of [offset, offset + size) are no longer needed.
void spill_places_free (spill_pool_t *self, uint64_t offset, uint64_t size)
{
    self->file_bytes -= size;
    while (size) {
        size_t segment = offset / SEGMENT_BYTES;
        uint64_t part = (segment + 1) * (uint64_t)SEGMENT_BYTES - offset;
        if (part > size)
            part = size;
        self->live[segment] -= (uint32_t)part;
        if (!self->live[segment])
            spill_segment_free (self, segment);
        offset += part;
        size -= part;
    }
    if (!self->file_bytes)
        spill_room_close (self, &self->shared);
}

static int write_all (int fd, const uint8_t *data, size_t size, uint64_t offset)
{
    while (size) {
        ssize_t written = pwrite (fd, data, size, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            errno = written ? errno : EIO;
            return -1;
        }
        data += written;
        size -= (size_t)written;
        offset += (uint64_t)written;
    }
    return 0;
}

spill_place_t *spill_extent (const spill_t *self, size_t index)
{
    return index ? &self->more[index - 1] : (spill_place_t *)&self->first;
}

spill_t *spill_new (spill_pool_t *pool)
{
    spill_t *self = calloc (1, sizeof *self);
    if (self)
        self->pool = pool;
    return self;
}

//  Gives back what is in the file behind `size`.
void spill_cut (spill_t *self, uint64_t size)
{
    while (self->extents && self->size > size) {
        spill_place_t *last = spill_extent (self, self->extents - 1);
        uint64_t cut = self->size - size < last->size ? self->size - size : last->size;
        last->size -= cut;
        self->size -= cut;
        spill_places_free (self->pool, last->offset + last->size, cut);
        if (!last->size)
            self->extents--;
    }
}

static void memory_free (spill_t *self)
{
    free (self->data);
    self->pool->memory_used -= self->capacity;
    self->data = NULL;
    self->capacity = 0;
}

void spill_destroy (spill_t **self_p)
{
    spill_t *self = *self_p;
    if (!self)
        return;
    spill_room_close (self->pool, &self->own);
    if (self->kept)
        spill_kept_free (self);
    else
        spill_cut (self, 0);
    memory_free (self);
    free (self->more);
    free (self);
    *self_p = NULL;
}

//  Makes room for `need` bytes in memory; -1 where the limits or the system do not allow it.
static int memory_reserve (spill_t *self, uint64_t need)
{
    spill_pool_t *pool = self->pool;
    if (need <= self->capacity)
        return 0;
    size_t spare = pool->memory_limit - (pool->memory_used - self->capacity);
    size_t limit = spare < pool->each_limit ? spare : pool->each_limit;
    if (self->extents || pool->memory_used - self->capacity > pool->memory_limit || need > limit)
        return -1;
    size_t capacity = self->capacity ? self->capacity * 2 : 64;
    if (capacity < need)
        capacity = (size_t)need;
    if (capacity > limit)
        capacity = limit;
    uint8_t *data = realloc (self->data, capacity);
    if (!data)
        return -1;
    pool->memory_used += capacity - self->capacity;
    self->data = data;
    self->capacity = capacity;
    return 0;
}

//  Bytes were written at `offset`: joined to the last extent where they follow it. There is room for one more.
static void extent_add (spill_t *self, uint64_t offset, size_t size)
{
    spill_place_t *last = self->extents ? spill_extent (self, self->extents - 1) : NULL;
    if (last && last->offset + last->size == offset)
        last->size += size;
    else
        *spill_extent (self, self->extents++) = (spill_place_t){.offset = offset, .size = size};
    self->pool->live[offset / SEGMENT_BYTES] += (uint32_t)size;
    self->pool->file_bytes += size;
    self->size += size;
}

//  Writes into one segment; returns how many bytes, or -1.
static ssize_t file_append_some (spill_t *self, const uint8_t *data, size_t size)
{
    bool large = self->extents >= SHARED_EXTENTS || self->size + size >= SEGMENT_BYTES / 4;
    room_t *room = large ? &self->own : &self->pool->shared;
    if (!room->left && room_open (self->pool, room) == -1)
        return -1;
    size_t part = size < room->left ? size : room->left;
    if (array_reserve (&self->more, &self->more_capacity, self->extents, sizeof *self->more) == -1 ||
        write_all (self->pool->fd, data, part, room->at) == -1)
        return -1;
    extent_add (self, room->at, part);
    uint64_t at = room->at;
    room->at += part;
    room->left -= part;
    if (!room->left)
        self->pool->live[at / SEGMENT_BYTES] &= ~SEGMENT_OPEN;
    return (ssize_t)part;
}

static int file_append (spill_t *self, const uint8_t *data, size_t size)
{
    uint64_t before = self->size;
    while (size) {
        ssize_t part = file_append_some (self, data, size);
        if (part < 0) {
            int saved = errno;
            spill_cut (self, before);
            errno = saved;
            return -1;
        }
        data += part;
        size -= (size_t)part;
    }
    return 0;
}

int spill_to_file (spill_t *self)
{
    if (!self->data)
        return 0;
    uint64_t size = self->size;
    self->size = 0;
    int rc = file_append (self, self->data, (size_t)size);
    self->size = size;
    if (rc == 0)
        memory_free (self);
    return rc;
}

int spill_append (spill_t *self, const void *data, size_t size)
{
    if (!size)
        return 0;
    if (!self->extents && memory_reserve (self, self->size + size) == 0) {
        memcpy (self->data + self->size, data, size);
        self->size += size;
        return 0;
    }
    return spill_to_file (self) == -1 ? -1 : file_append (self, data, size);
}

uint64_t spill_size (const spill_t *self)
{
    return self->size;
}

static ssize_t read_all (int fd, uint8_t *data, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread (fd, data + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got ? errno : EIO;
            return -1;
        }
        done += (size_t)got;
    }
    return (ssize_t)done;
}

ssize_t spill_read (const spill_t *self, uint64_t offset, void *data, size_t size)
{
    if (offset >= self->size)
        return 0;
    if (size > self->size - offset)
        size = (size_t)(self->size - offset);
    if (self->data) {
        memcpy (data, self->data + offset, size);
        return (ssize_t)size;
    }
    size_t done = 0;
    for (size_t i = 0; i < self->extents && done < size; i++) {
        const spill_place_t *extent = spill_extent (self, i);
        if (offset >= extent->size) {
            offset -= extent->size;
            continue;
        }
        size_t part = extent->size - offset < size - done ? (size_t)(extent->size - offset) : size - done;
        if (read_all (self->pool->fd, (uint8_t *)data + done, part, extent->offset + offset) == -1)
            return -1;
        done += part;
        offset = 0;
    }
    return (ssize_t)done;
}
