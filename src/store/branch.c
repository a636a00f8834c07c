#include "store/branch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SCRATCH ".dishes-"

//  -- names

static size_t quote (uint8_t byte, char out[2])
{
    static const char *const pairs[256] = {['\\'] = "\\\\", ['\t'] = "\\t", [0] = "\\0", ['/'] = "\\_"};
    if (!pairs[byte]) {
        out[0] = (char)byte;
        return 1;
    }
    memcpy (out, pairs[byte], 2);
    return 2;
}

void branch_name (char name[BRANCH_NAME_BYTES], const uint8_t *value, size_t size)
{
    size_t at = 0;
    char pair[2];
    for (size_t i = 0; i < size && at < BRANCH_NAME_BYTES - 1; i++) {
        size_t part = quote (value[i], pair), room = BRANCH_NAME_BYTES - 1 - at;
        memcpy (name + at, pair, part < room ? part : room);
        at += part < room ? part : room;
    }
    if (!at)
        name[at++] = '.';
    name[at] = '\0';
}

//  -- directories

//  Goes down into one, made where missing; closes `from` in either case.
static int go_down (int from, const char *name)
{
    int rc = from < 0 ? -1 : 0, fd = -1;
    if (rc == 0 && mkdirat (from, name, 0777) == -1 && errno != EEXIST)
        rc = -1;
    if (rc == 0)
        fd = openat (from, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int kept = errno;
    if (from >= 0)
        close (from);
    errno = kept;
    return fd;
}

int branch_root (const char *path)
{
    char *copy = strdup (path), *rest = copy;
    if (!copy)
        return -1;
    int fd = open (*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (char *part; fd >= 0 && (part = strsep (&rest, "/"));)
        if (*part)
            fd = go_down (fd, part);
    int root = fd < 0 ? -1 : openat (fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), kept = errno;
    if (fd >= 0)
        close (fd);
    free (copy);
    errno = kept;
    return root;
}

static int again (int fd)
{
    return fcntl (fd, F_DUPFD_CLOEXEC, 3);
}

int branch_task (int root, value_cursor_t *values)
{
    const uint8_t *value;
    size_t size;
    char name[BRANCH_NAME_BYTES];
    int fd = again (root);
    for (unsigned column = 0; fd >= 0 && value_next (values, &value, &size);) {
        snprintf (name, sizeof name, "%u", column + 1);
        fd = go_down (fd, name);
        branch_name (name, value, size);
        fd = go_down (fd, name);
        column = (column + 1) % values->shape.columns;
    }
    return fd;
}

int branch_number (int root, uint64_t n)
{
    char name[24];
    snprintf (name, sizeof name, "%llu", (unsigned long long)n);
    return go_down (go_down (again (root), "0"), name);
}

//  -- what is not whole yet

//  Ours, until it is closed. False where another has it, or has removed it before it was ours.
static bool take (int fd)
{
    struct stat stat;
    return flock (fd, LOCK_EX | LOCK_NB) == 0 && fstat (fd, &stat) == 0 && stat.st_nlink;
}

static void name_scratch (char name[BRANCH_SCRATCH_BYTES])
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    unsigned number = (unsigned)now.tv_nsec ^ (unsigned)getpid () << 12;
    snprintf (name, BRANCH_SCRATCH_BYTES, SCRATCH "%06x", number & 0xffffffu);
}

int branch_scratch (int root, char name[BRANCH_SCRATCH_BYTES])
{
    enum { TRIES = 100 };
    for (int i = 0; i < TRIES; i++) {
        name_scratch (name);
        if (mkdirat (root, name, 0700) == -1) {
            if (errno == EEXIST)
                continue;
            return -1;
        }
        int fd = openat (root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && take (fd))
            return fd;
        if (fd >= 0)
            close (fd);
    }
    errno = EEXIST;
    return -1;
}

//  What is in a directory, from its beginning; NULL: it cannot be said.
static DIR *list (int fd)
{
    int own = openat (fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = own < 0 ? NULL : fdopendir (own);
    if (!dir && own >= 0)
        close (own);
    return dir;
}

static void empty (int fd)
{
    DIR *dir = list (fd);
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir (dir));)
        unlinkat (fd, entry->d_name, 0);
    closedir (dir);
}

void branch_remove (int root, const char *name)
{
    int fd = openat (root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    empty (fd);
    close (fd);
    unlinkat (root, name, AT_REMOVEDIR);
}

static void sweep (int root, const char *name)
{
    int fd = openat (root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (take (fd))
        branch_remove (root, name);
    close (fd);
}

void branch_sweep (int root)
{
    DIR *dir = list (root);
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir (dir));)
        if (strncmp (entry->d_name, SCRATCH, strlen (SCRATCH)) == 0)
            sweep (root, entry->d_name);
    closedir (dir);
}
