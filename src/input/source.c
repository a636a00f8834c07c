#include "input/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

//  O_NONBLOCK: a FIFO opens before its writer comes.
static int open_file (const char *path)
{
    return open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

//  FIFOs with a name are left as they are: opened anew after its last writer has gone, one never comes to an end.
static bool can_reopen (const source_t *self, const char *link)
{
    char target[8] = "";
    return self->terminal || (readlink (link, target, sizeof target - 1) > 0 && strncmp (target, "pipe:", 5) == 0);
}

//  Gives standard input a flag of its own, where that can be done.
static void reopen (source_t *self)
{
    char link[32];
    snprintf (link, sizeof link, "/proc/self/fd/%d", self->fd);
    int again = can_reopen (self, link) ? open_file (link) : -1;
    if (again >= 0) {
        self->fd = again;
        self->owned = true;
    }
}

//  What has been opened: 0, or an errno that says why it is of no use.
static int inspect (source_t *self)
{
    struct stat about;
    int flags = fcntl (self->fd, F_GETFL);
    if (flags < 0 || fstat (self->fd, &about) < 0)
        return errno;
    if (S_ISDIR (about.st_mode))
        return EISDIR;
    if ((flags & O_ACCMODE) == O_WRONLY || flags & O_PATH)
        return EBADF;
    self->waits = !S_ISREG (about.st_mode) && !S_ISBLK (about.st_mode);
    self->terminal = isatty (self->fd);
    return 0;
}

static int refuse (source_t *self, const char *quote, int number, fault_t *fault)
{
    const char *why = number == EBADF ? "it is closed, or not open for reading" : strerror (number);
    fault_set (fault, number, "cannot read items from %s%s%s: %s", quote, self->name, quote, why);
    source_close (self);
    errno = number;
    return -1;
}

static void open_list (source_t *self, const input_source_t *from)
{
    self->name = "the arguments";
    self->delimiter = '\0';
    self->items = from->items;
    self->count = from->count;
}

//  What comes to an end that the file has not would never be read.
static int open_followed (source_t *self, const input_source_t *from, fault_t *fault)
{
    self->name = from->path;
    self->fd = open_file (from->path);
    self->owned = self->fd >= 0;
    int number = self->owned ? inspect (self) : errno;
    if (!number && self->waits)
        number = EINVAL;
    if (number)
        return refuse (self, "'", number, fault);
    self->file = self->fd;
    self->follow = from->follow;
    self->fd = follow_fd (self->follow);
    self->waits = true;
    return 0;
}

bool source_is_stdin (const input_source_t *from)
{
    return from->kind == INPUT_STDIN || (from->kind == INPUT_FILE && strcmp (from->path, "-") == 0);
}

int source_open (source_t *self, const input_source_t *from, const input_config_t *config, fault_t *fault)
{
    *self = (source_t){.fd = -1, .delimiter = config->delimiter};
    if (from->kind == INPUT_LIST) {
        open_list (self, from);
        return 0;
    }
    if (from->kind == INPUT_FOLLOW)
        return open_followed (self, from, fault);
    bool is_stdin = source_is_stdin (from);
    self->name = !is_stdin || (from->path && from->kind == INPUT_STDIN) ? from->path : "standard input";
    self->fd = is_stdin ? config->stdin_fd : open_file (from->path);
    self->owned = !is_stdin && self->fd >= 0;
    int number = self->owned || is_stdin ? inspect (self) : errno;
    if (number)
        return refuse (self, is_stdin ? "" : "'", number, fault);
    if (is_stdin)
        reopen (self);
    return 0;
}

void source_close (source_t *self)
{
    if (self->owned)
        close (self->follow ? self->file : self->fd);
    self->owned = false;
    self->fd = -1;
}

static ssize_t read_list (source_t *self, uint8_t *to, size_t room)
{
    size_t used = 0;
    while (used < room && self->item < self->count) {
        const char *rest = self->items[self->item] + self->byte;
        size_t size = strlen (rest) + 1; // the '\0' is the delimiter
        size_t part = size < room - used ? size : room - used;
        memcpy (to + used, rest, part);
        used += part;
        self->item += part == size;
        self->byte = part == size ? 0 : self->byte + part;
    }
    return (ssize_t)used;
}

//  Twice where there is nothing: what is said in between is heard then, or rings behind it.
static ssize_t read_followed (source_t *self, uint8_t *to, size_t room)
{
    for (bool is_sure = false;; is_sure = true) {
        bool ended;
        uint64_t left = follow_bytes (self->follow, &ended) - self->at;
        if (left) {
            ssize_t got = pread (self->file, to, left < room ? (size_t)left : room, (off_t)self->at);
            if (got == 0)
                errno = ENODATA; // somebody has cut it off
            self->at += got > 0 ? (uint64_t)got : 0;
            return got > 0 ? got : -1;
        }
        if (ended)
            return 0;
        if (is_sure) {
            errno = EAGAIN;
            return -1;
        }
        follow_quiet (self->follow);
    }
}

static bool has_nothing_yet (const source_t *self)
{
    struct pollfd ask = {.fd = self->fd, .events = POLLIN};
    return self->waits && poll (&ask, 1, 0) == 0;
}

ssize_t source_read (source_t *self, uint8_t *to, size_t room)
{
    if (self->fd < 0)
        return read_list (self, to, room);
    if (self->follow)
        return read_followed (self, to, room);
    ssize_t got;
    do {
        if (has_nothing_yet (self)) {
            errno = EAGAIN;
            return -1;
        }
        got = read (self->fd, to, room);
    } while (got < 0 && errno == EINTR);
    return got;
}
