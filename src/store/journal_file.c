#include "store/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    char *text;
    size_t size;
} line_t;

__attribute__ ((format (printf, 3, 4))) static int refuse (line_t *error, int number, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    vsnprintf (error->text, error->size, format, args);
    va_end (args);
    errno = number;
    return -1;
}

//  ---- the journals that this process has open

typedef struct entry {
    struct entry *next;
    dev_t device;
    ino_t inode;
} entry_t;

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER; // held while one is opened or closed
static entry_t *entries;

static entry_t **find_entry (dev_t device, ino_t inode)
{
    entry_t **at = &entries;
    while (*at && ((*at)->device != device || (*at)->inode != inode))
        at = &(*at)->next;
    return at;
}

static bool is_ours_already (const char *path)
{
    struct stat is;
    return lstat (path, &is) == 0 && *find_entry (is.st_dev, is.st_ino);
}

static int remember (const journal_file_t *self)
{
    entry_t *entry = malloc (sizeof *entry);
    if (!entry)
        return -1;
    *entry = (entry_t){entries, self->device, self->inode};
    entries = entry;
    return 0;
}

static void forget (const journal_file_t *self)
{
    entry_t **at = find_entry (self->device, self->inode), *entry = *at;
    if (entry)
        *at = entry->next;
    free (entry);
}

//  ---- the path

//  The directory is resolved here, for SQLite is told to follow no link at all, and a directory may well be one.
static int resolve (journal_file_t *self, const char *path, line_t *error)
{
    const char *slash = strrchr (path, '/'), *base = slash ? slash + 1 : path;
    if (!*base || !strcmp (base, ".") || !strcmp (base, ".."))
        return refuse (error, EISDIR, "the name of a file is missing");
    char *above = slash ? strndup (path, slash == path ? 1 : (size_t)(slash - path)) : strdup (".");
    if (!above)
        return refuse (error, ENOMEM, "out of memory");
    char *real = realpath (above, NULL);
    int rc = 0;
    if (!real)
        rc = refuse (error, errno, "the directory %s: %s", above, strerror (errno));
    else if (asprintf (&self->path, "%s/%s", strcmp (real, "/") ? real : "", base) == -1) {
        self->path = NULL;
        rc = refuse (error, ENOMEM, "out of memory");
    }
    free (above);
    free (real);
    return rc;
}

static int open_file (journal_file_t *self, bool make, line_t *error)
{
    enum { FLAGS = O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };
    if (make) {
        self->fd = open (self->path, FLAGS | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
        self->is_made = self->fd != -1;
    }
    if (!make || (self->fd == -1 && errno == EEXIST))
        self->fd = open (self->path, FLAGS);
    if (self->fd == -1 && errno == ELOOP)
        return refuse (error, ELOOP, "is a link, which is not followed: name the file itself");
    if (self->fd == -1)
        return refuse (error, errno, "cannot open it: %s", strerror (errno));
    return 0;
}

//  ---- what it is

//  Where a lock of one machine means nothing to another, where a write may fail long after it was acked, or where
//  memory is not shared between those that map the same file: all that SQLite's WAL rests on. FUSE may be sshfs as well
//  as a local disk, and does not tell.
static const struct {
    unsigned long type;
    const char *name;
} refused_types[] = {
    {0x6969, "NFS"},       {0x517b, "SMB"},        {0xfe534d42, "SMB"},    {0xff534d42, "CIFS"},
    {0x5346414f, "AFS"},   {0x6b414653, "AFS"},    {0x73757245, "Coda"},   {0x564c, "NCP"},
    {0x00c36400, "Ceph"},  {0x0bd00bd0, "Lustre"}, {0x01161970, "GFS2"},   {0x7461636f, "OCFS2"},
    {0xaad7aaea, "PanFS"}, {0x47504653, "GPFS"},   {0x19830326, "BeeGFS"}, {0x20030528, "OrangeFS"},
    {0x013111a8, "IBRIX"}, {0x01021997, "9P"},     {0x786f4256, "vboxsf"}, {0x61756673, "aufs"},
    {0x65735546, "FUSE"},
};

const char *journal_file_refused (unsigned long type)
{
    for (size_t i = 0; i < sizeof refused_types / sizeof *refused_types; i++)
        if (refused_types[i].type == (type & 0xffffffff))
            return refused_types[i].name;
    return NULL;
}

static int check_kind (journal_file_t *self, line_t *error)
{
    struct stat is;
    struct statfs system;
    if (fstat (self->fd, &is) == -1 || fstatfs (self->fd, &system) == -1)
        return refuse (error, errno, "cannot look at it: %s", strerror (errno));
    self->device = is.st_dev;
    self->inode = is.st_ino;
    if (!S_ISREG (is.st_mode))
        return refuse (error, EINVAL, "is not a regular file");
    if (is.st_uid != geteuid ())
        return refuse (error, EPERM, "belongs to user %u, not to you", (unsigned)is.st_uid);
    if (is.st_mode & (S_IWGRP | S_IWOTH))
        return refuse (error, EPERM, "can be written by others (mode %04o): chmod 600 it",
                       (unsigned)is.st_mode & 07777);
    if (is.st_nlink > 1)
        return refuse (error, EPERM, "has a second name (a hard link), under which another would not see its log");
    if (is.st_size == 1) // SQLite takes a single byte for nothing, and would write over it
        return refuse (error, EBADMSG, "the file is not a journal");
    const char *refused = journal_file_refused ((unsigned long)system.f_type);
    if (refused)
        return refuse (error, EOPNOTSUPP,
                       "is on a file system of the kind %s, which cannot keep a journal safe: "
                       "put it on a local disk",
                       refused);
    return 0;
}

//  These are opened beside it: in a directory of all, somebody else may have put one there.
static int check_beside (const journal_file_t *self, line_t *error)
{
    static const char *const suffixes[] = {"-wal", "-shm", "-journal", JOURNAL_EARLY};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char *name;
        struct stat is;
        if (asprintf (&name, "%s%s", self->path, suffixes[i]) == -1)
            return refuse (error, ENOMEM, "out of memory");
        bool is_there = lstat (name, &is) == 0;
        free (name);
        if (is_there && (!S_ISREG (is.st_mode) || is.st_uid != geteuid ()))
            return refuse (error, EPERM, "the file beside it that ends in %s is not yours, or not a file: remove it",
                           suffixes[i]);
        if (is_there && self->is_made && !strcmp (suffixes[i], JOURNAL_EARLY))
            return refuse (error, EEXIST,
                           "the file beside it that ends in %s has the outputs of another run: remove it", suffixes[i]);
    }
    return 0;
}

static int lock (journal_file_t *self, line_t *error)
{
    enum { TRIES = 50, PAUSE_MS = 10 };
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
    for (int i = 0; i < TRIES; i++) {
        if (flock (self->fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK)
            break;
        nanosleep (&pause, NULL);
        errno = EWOULDBLOCK;
    }
    self->is_made = false; // it is the other's now
    if (errno == EWOULDBLOCK)
        return refuse (error, EADDRINUSE, "another sink keeps it at the moment");
    return refuse (error, errno, "cannot lock it: %s", strerror (errno));
}

//  The name of a new file is durable too.
static int sync_directory (const journal_file_t *self, line_t *error)
{
    char *above = strndup (self->path, (size_t)(strrchr (self->path, '/') - self->path) + 1);
    int dir = above ? open (above, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int rc = dir == -1 ? -1 : fsync (dir);
    if (rc == -1)
        refuse (error, errno, "cannot sync its directory: %s", strerror (errno));
    int saved = errno;
    if (dir != -1)
        close (dir);
    free (above);
    errno = saved;
    return rc;
}

//  ---- open and close

static void shut (journal_file_t *self, bool remove)
{
    if (remove && self->is_made)
        unlink (self->path);
    if (self->fd != -1) {
        close (self->fd);
        forget (self);
    }
    free (self->path);
    *self = (journal_file_t){.fd = -1};
}

static int open_checked (journal_file_t *self, const char *path, bool make, line_t *error)
{
    if (resolve (self, path, error) == -1)
        return -1;
    if (is_ours_already (self->path))
        return refuse (error, EADDRINUSE, "another sink of this process keeps it at the moment");
    if (open_file (self, make, error) == -1 || check_kind (self, error) == -1 || lock (self, error) == -1 ||
        check_beside (self, error) == -1 || (self->is_made && sync_directory (self, error) == -1))
        return -1;
    return remember (self) == 0 ? 0 : refuse (error, ENOMEM, "out of memory");
}

int journal_file_open (journal_file_t *self, const char *path, bool make, char *error, size_t error_size)
{
    line_t line = {error, error_size};
    *self = (journal_file_t){.fd = -1};
    pthread_mutex_lock (&guard);
    int rc = open_checked (self, path, make, &line), saved = errno;
    if (rc == -1)
        shut (self, true);
    pthread_mutex_unlock (&guard);
    errno = saved;
    return rc;
}

int journal_file_check (const journal_file_t *self, char *error, size_t error_size)
{
    line_t line = {error, error_size};
    struct stat is;
    if (lstat (self->path, &is) == -1)
        return refuse (&line, errno, "it is not there any more: %s", strerror (errno));
    if (is.st_dev != self->device || is.st_ino != self->inode)
        return refuse (&line, EPERM, "was replaced by another file while it was open");
    return 0;
}

int journal_file_check_all (journal_file_t *self, char *error, size_t error_size)
{
    static const char *const suffixes[] = {"-wal", "-shm"};
    line_t line = {error, error_size};
    char path[PATH_MAX];
    if (journal_file_check (self, error, error_size) == -1)
        return -1;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        struct stat is;
        snprintf (path, sizeof path, "%s%s", self->path, suffixes[i]);
        if (lstat (path, &is) == -1)
            return refuse (&line, errno, "the file beside it that ends in %s: %s", suffixes[i], strerror (errno));
        if (!self->beside[i].inode) {
            self->beside[i].device = is.st_dev;
            self->beside[i].inode = is.st_ino;
        }
        if (is.st_dev != self->beside[i].device || is.st_ino != self->beside[i].inode)
            return refuse (&line, EPERM, "the file beside it that ends in %s was replaced by another", suffixes[i]);
    }
    return 0;
}

void journal_file_close (journal_file_t *self, bool remove)
{
    pthread_mutex_lock (&guard);
    shut (self, remove);
    pthread_mutex_unlock (&guard);
}
