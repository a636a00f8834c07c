#include "net/place.h"
#include "net/address.h"
#include "net/refusal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char result_file[] = "result";

//  ---- the directory

static int check_owner (int dir, const char *path, char *error, size_t error_size)
{
    struct stat is;
    if (fstat (dir, &is) == -1)
        return net_refuse (errno, error, error_size, "cannot look at %s: %s", path, strerror (errno));
    if (is.st_uid != geteuid ())
        return net_refuse (EPERM, error, error_size,
                           "%s belongs to user %u, not to you: set DISHES_DIR to a directory of your own", path,
                           (unsigned)is.st_uid);
    if (is.st_mode & (S_IRWXG | S_IRWXO))
        return net_refuse (EPERM, error, error_size,
                           "%s is open to others (mode %04o): chmod 700 it, or choose another", path,
                           (unsigned)is.st_mode & 07777);
    return 0;
}

//  Makes and opens one directory; its parent is taken as it is.
static int open_dir (const char *path, char *error, size_t error_size)
{
    if (mkdir (path, S_IRWXU) == -1 && errno != EEXIST)
        return net_refuse (errno, error, error_size, "cannot make the directory %s: %s", path, strerror (errno));
    int dir = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir == -1 && (errno == ELOOP || errno == ENOTDIR))
        return net_refuse (EPERM, error, error_size, "%s is not a directory (a link is not followed): remove it", path);
    if (dir == -1)
        return net_refuse (errno, error, error_size, "cannot open the directory %s: %s", path, strerror (errno));
    if (check_owner (dir, path, error, error_size) == 0)
        return dir;
    int kept = errno;
    close (dir);
    errno = kept;
    return -1;
}

static int base_path (char *out, size_t size, char *error, size_t error_size)
{
    const char *set = secure_getenv ("DISHES_DIR");
    if (set && *set && *set != '/')
        return net_refuse (EINVAL, error, error_size, "DISHES_DIR is '%s', but must be an absolute path", set);
    int used =
        set && *set ? snprintf (out, size, "%s", set) : snprintf (out, size, "/tmp/dishes-%u", (unsigned)geteuid ());
    if ((size_t)used >= size)
        return net_refuse (ENAMETOOLONG, error, error_size, "DISHES_DIR is too long for a socket's path (107 bytes)");
    while (used > 1 && out[used - 1] == '/')
        out[--used] = '\0';
    return 0;
}

//  Where a name stands; above it is a directory that is ours too.
static int find_path (place_t *self, const char *name, char *error, size_t error_size)
{
    char base[PLACE_PATH_BYTES];
    if (name && *name == '/') {
        snprintf (self->path, sizeof self->path, "%s", name);
        return strlen (name);
    }
    if (base_path (base, sizeof base, error, error_size) == -1)
        return -1;
    if (!name)
        return snprintf (self->path, sizeof self->path, "%s", base);
    int above = open_dir (base, error, error_size);
    if (above == -1)
        return -1;
    close (above);
    return snprintf (self->path, sizeof self->path, "%s/%s", base, name);
}

int place_open (place_t *self, const char *name, char *error, size_t error_size)
{
    *self = (place_t){.dir = -1, .lock = -1};
    int size = find_path (self, name, error, error_size);
    if (size == -1)
        return -1;
    int most = PLACE_PATH_BYTES - 1 - LANE_FILE_BYTES; // with a slash and the longest name of a lane
    if (name && size > most)
        return net_refuse (
            ENAMETOOLONG, error, error_size,
            "the directory of ipc://%s has a path of %d bytes, but sockets in it allow %d: choose a shorter "
            "name, or set DISHES_DIR",
            name, size, most);
    self->dir = open_dir (self->path, error, error_size);
    self->is_open = self->dir != -1;
    return self->is_open ? 0 : -1;
}

void place_close (place_t *self)
{
    if (!self->is_open)
        return;
    if (self->lock != -1)
        close (self->lock);
    close (self->dir);
    *self = (place_t){.dir = -1, .lock = -1};
}

//  ---- the lock

//  A lock of the open file, and not of the process: two sinks in one process are two as well.
static struct flock whole_file (void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

int place_lock (place_t *self, const char *file, char *error, size_t error_size)
{
    struct flock what = whole_file ();
    int lock = openat (self->dir, file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (lock == -1)
        return net_refuse (errno, error, error_size, "cannot open %s/%s: %s", self->path, file, strerror (errno));
    if (fcntl (lock, F_OFD_SETLK, &what) == 0) {
        self->lock = lock;
        return 0;
    }
    bool is_taken = errno == EAGAIN || errno == EACCES;
    int number = is_taken ? EADDRINUSE : errno;
    close (lock);
    if (is_taken)
        return net_refuse (number, error, error_size, "a sink runs there already (it has locked %s/%s)", self->path,
                           file);
    return net_refuse (number, error, error_size, "cannot lock %s/%s: %s", self->path, file, strerror (number));
}

bool place_is_locked (const place_t *self, const char *file)
{
    struct flock what = whole_file ();
    int lock = openat (self->dir, file, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (lock == -1)
        return false;
    bool is_locked = fcntl (lock, F_OFD_GETLK, &what) == 0 && what.l_type != F_UNLCK;
    close (lock);
    return is_locked;
}

//  ---- sockets that were left

static bool is_deserted (const place_t *self, const char *file)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int size = snprintf (address.sun_path, sizeof address.sun_path, "%s/%s", self->path, file);
    if (size < 0 || (size_t)size >= sizeof address.sun_path)
        return false;
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return false;
    bool is_refused = connect (fd, (struct sockaddr *)&address, sizeof address) == -1 && errno == ECONNREFUSED;
    close (fd);
    return is_refused;
}

void place_tidy (place_t *self)
{
    int dir = openat (self->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *all = dir == -1 ? NULL : fdopendir (dir);
    if (!all) {
        if (dir != -1)
            close (dir);
        return;
    }
    for (struct dirent *entry; (entry = readdir (all));) {
        struct stat is;
        if (fstatat (self->dir, entry->d_name, &is, AT_SYMLINK_NOFOLLOW) == -1 || !S_ISSOCK (is.st_mode))
            continue;
        if (is_deserted (self, entry->d_name))
            unlinkat (self->dir, entry->d_name, 0);
    }
    closedir (all);
}

//  ---- files

int place_write_all (int fd, const char *text)
{
    for (size_t size = strlen (text); size;) {
        ssize_t done = write (fd, text, size);
        if (done == -1 && errno == EINTR)
            continue;
        if (done == -1)
            return -1;
        text += done;
        size -= (size_t)done;
    }
    return 0;
}

int place_leave_word (place_t *self, const char *text)
{
    if (ftruncate (self->lock, 0) == -1 || lseek (self->lock, 0, SEEK_SET) == -1)
        return -1;
    return place_write_all (self->lock, text);
}

int place_write (place_t *self, const char *file, const char *text)
{
    char fresh[NAME_BYTES];
    snprintf (fresh, sizeof fresh, ".%s.new", file);
    unlinkat (self->dir, fresh, 0);
    int fd = openat (self->dir, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd == -1)
        return -1;
    int rc = place_write_all (fd, text);
    if (close (fd) == -1)
        rc = -1;
    if (rc == 0)
        rc = renameat (self->dir, fresh, self->dir, file);
    if (rc == -1) {
        int kept = errno;
        unlinkat (self->dir, fresh, 0);
        errno = kept;
    }
    return rc;
}

static int read_all (int fd, char *out, size_t size)
{
    size_t used = 0;
    while (used < size - 1) {
        ssize_t got = read (fd, out + used, size - 1 - used);
        if (got == -1 && errno == EINTR)
            continue;
        if (got == -1)
            return -1;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    out[used] = '\0';
    return (int)used;
}

int place_read (const place_t *self, const char *file, char *out, size_t size)
{
    int fd = openat (self->dir, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd == -1)
        return -1;
    struct stat is;
    int used = -1;
    if (fstat (fd, &is) == -1 || !S_ISREG (is.st_mode) || is.st_uid != geteuid () || (is.st_mode & 077))
        errno = EPERM;
    else
        used = read_all (fd, out, size);
    int kept = errno;
    close (fd);
    errno = kept;
    return used;
}

void place_remove (place_t *self, const char *file)
{
    unlinkat (self->dir, file, 0);
}

//  ---- the result

#define WHY_KEY "why "
#define RESULT_FORMAT                                                                                                  \
    "dishes result 1\nrun %" PRIu64 "\nend %u\nstatus %u\ntotal %" PRIu64 "\nok %" PRIu64 "\nfailed %" PRIu64          \
    "\nbroken %" PRIu64 "\ndropped %" PRIu64 "\nredelivered %" PRIu64 "\nduplicates %" PRIu64 "\nlost %" PRIu64 "\n"

//  Behind the figures, where there is one; it stays one line, whatever a path in it holds.
static void put_why (char *out, size_t size, const char *why)
{
    if (!*why || size < WHY_BYTES + sizeof WHY_KEY)
        return;
    char *at = stpcpy (out, WHY_KEY);
    for (; *why; why++)
        *at++ = *why == '\n' ? '?' : *why;
    strcpy (at, "\n");
}

static void get_why (const char *text, char out[WHY_BYTES])
{
    const char *line = strstr (text, "\n" WHY_KEY);
    const char *why = line ? line + strlen ("\n" WHY_KEY) : "";
    size_t size = strcspn (why, "\n");
    if (size >= WHY_BYTES || why[size] != '\n')
        return;
    memcpy (out, why, size);
    out[size] = '\0';
}

int place_write_result (place_t *self, uint64_t run, const ending_t *ending)
{
    char text[1024];
    const figures_t *f = &ending->figures;
    snprintf (text, sizeof text, RESULT_FORMAT, run, (unsigned)ending->end, (unsigned)ending->status, f->total, f->ok,
              f->failed, f->broken, f->dropped, f->redelivered, f->duplicates, f->lost);
    put_why (text + strlen (text), sizeof text - strlen (text), ending->why);
    return place_write (self, result_file, text);
}

//  The number behind `key` and a blank at the beginning of a line.
static bool find_number (const char *text, const char *key, uint64_t most, uint64_t *out)
{
    size_t size = strlen (key);
    for (const char *line = text; line; line = strchr (line, '\n')) {
        line += *line == '\n';
        if (strncmp (line, key, size) != 0 || line[size] != ' ' || line[size + 1] < '0' || line[size + 1] > '9')
            continue;
        char *end;
        errno = 0;
        *out = strtoull (line + size + 1, &end, 10);
        return !errno && *end == '\n' && *out <= most;
    }
    return false;
}

int place_read_result (const place_t *self, uint64_t *run, ending_t *ending)
{
    char text[1024];
    if (place_read (self, result_file, text, sizeof text) == -1)
        return -1;
    uint64_t end = 0, status = 0;
    *ending = (ending_t){0};
    figures_t *f = &ending->figures;
    const struct {
        const char *key;
        uint64_t most;
        uint64_t *value;
    } rows[] = {{"dishes result", 1, &end},
                {"run", UINT64_MAX, run},
                {"end", END_LOST, &end},
                {"status", UINT8_MAX, &status},
                {"total", UINT64_MAX, &f->total},
                {"ok", UINT64_MAX, &f->ok},
                {"failed", UINT64_MAX, &f->failed},
                {"broken", UINT64_MAX, &f->broken},
                {"dropped", UINT64_MAX, &f->dropped},
                {"redelivered", UINT64_MAX, &f->redelivered},
                {"duplicates", UINT64_MAX, &f->duplicates},
                {"lost", UINT64_MAX, &f->lost}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!find_number (text, rows[i].key, rows[i].most, rows[i].value)) {
            errno = EBADMSG;
            return -1;
        }
    ending->end = (end_t)end;
    ending->status = (uint8_t)status;
    get_why (text, ending->why);
    if (end != END_NONE)
        return 0;
    errno = EBADMSG;
    return -1;
}

void place_remove_result (place_t *self)
{
    place_remove (self, result_file);
}
