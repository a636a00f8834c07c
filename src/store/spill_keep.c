/*  Spills that outlive the process: in a file with a name, whose places are told and found again. */
#include "core/array.h"
#include "store/spill_i.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

//  Its name is to be durable as well.
int spill_open_named (const char *path)
{
    const char *slash = strrchr (path, '/');
    char above[PATH_MAX];
    if (snprintf (above, sizeof above, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".") >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int dir = open (above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = dir < 0 ? -1 : open (path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0 && fsync (dir) == -1) {
        unlink (path);
        close (fd);
        fd = -1;
    }
    int kept = errno;
    if (dir >= 0)
        close (dir);
    errno = kept;
    return fd;
}

//  What is still kept stays where it is; where there is no memory to note what parts, that does too.
void spill_kept_free (spill_t *self)
{
    spill_pool_t *pool = self->pool;
    if (self->parts && self->parts <= pool->round) {
        pool->kept_bytes -= self->size;
        spill_cut (self, 0);
        return;
    }
    if (!self->parts || array_reserve (&pool->parting, &pool->parting_capacity, pool->parting_size + self->extents,
                                       sizeof *pool->parting) == -1)
        return;
    for (size_t i = 0; i < self->extents; i++)
        pool->parting[pool->parting_size++] = *spill_extent (self, i);
}

int spill_keep (spill_t *self)
{
    if (spill_to_file (self) == -1)
        return -1;
    spill_room_close (self->pool, &self->own);
    self->pool->kept_bytes += self->size;
    self->kept = true;
    return 0;
}

size_t spill_places (const spill_t *self)
{
    return self->extents;
}

spill_place_t spill_place (const spill_t *self, size_t index)
{
    return *spill_extent (self, index);
}

int spill_pool_sync (spill_pool_t *self)
{
    return self->fd < 0 ? 0 : fdatasync (self->fd);
}

void spill_part (spill_t *self)
{
    self->parts = self->pool->round + 1;
}

void spill_pool_release (spill_pool_t *self)
{
    self->round++;
    for (size_t i = 0; i < self->parting_size; i++) {
        self->kept_bytes -= self->parting[i].size;
        spill_places_free (self, self->parting[i].offset, self->parting[i].size);
    }
    self->parting_size = 0;
}

static int reserve_segments (spill_pool_t *self, size_t segments)
{
    if (array_reserve (&self->live, &self->live_capacity, segments, sizeof *self->live) == -1 ||
        array_reserve (&self->unused, &self->unused_capacity, segments, sizeof *self->unused) == -1)
        return -1;
    if (segments)
        memset (self->live, 0, segments * sizeof *self->live);
    self->segments = segments;
    return 0;
}

int spill_pool_find (spill_pool_t *self)
{
    struct stat is;
    self->is_searched = true;
    self->fd = open (self->path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (self->fd < 0)
        return errno == ENOENT ? 0 : -1;
    if (fstat (self->fd, &is) == -1)
        return -1;
    if (!S_ISREG (is.st_mode) || is.st_uid != geteuid () || is.st_nlink != 1) {
        errno = EPERM;
        return -1;
    }
    self->found_bytes = (uint64_t)is.st_size;
    return reserve_segments (self, ((size_t)is.st_size + SEGMENT_BYTES - 1) / SEGMENT_BYTES);
}

int spill_found (spill_t *self, spill_place_t place)
{
    spill_pool_t *pool = self->pool;
    uint64_t all = pool->found_bytes, end = place.offset + place.size;
    bool fits = place.size && place.size <= all && place.offset <= all - place.size;
    for (uint64_t at = place.offset, next; fits && at < end; at = next) {
        next = at - at % SEGMENT_BYTES + SEGMENT_BYTES;
        next = next < end ? next : end;
        fits = pool->live[at / SEGMENT_BYTES] + (next - at) <= SEGMENT_BYTES;
        if (fits)
            pool->live[at / SEGMENT_BYTES] += (uint32_t)(next - at);
    }
    if (!fits) {
        errno = ENODATA;
        return -1;
    }
    if (array_reserve (&self->more, &self->more_capacity, self->extents, sizeof *self->more) == -1)
        return -1;
    *spill_extent (self, self->extents++) = place;
    self->size += place.size;
    self->kept = true;
    pool->kept_bytes += place.size;
    pool->file_bytes += place.size;
    return 0;
}

void spill_pool_found (spill_pool_t *self)
{
    self->is_searched = false;
    for (size_t i = 0, count = self->segments; i < count; i++)
        if (!self->live[i])
            spill_segment_free (self, i);
}
