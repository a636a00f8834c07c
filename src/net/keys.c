#include "net/keys.h"
#include "net/place.h"
#include "net/refusal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

enum { Z85_BYTES = 41, FILE_BYTES = 64 * 1024, WORD_BYTES = 128 };

//  ---- ZPL: sections by indentation, `name = value`, # comments

typedef struct {
    bool is_indented;
    char name[WORD_BYTES], value[WORD_BYTES];
} zpl_line_t;

static void copy_word (char out[WORD_BYTES], const char *from, size_t size)
{
    if (size >= WORD_BYTES)
        size = WORD_BYTES - 1;
    memcpy (out, from, size);
    out[size] = '\0';
}

static void read_value (zpl_line_t *line, const char *at)
{
    at += strspn (at, " \t");
    if (*at == '"' || *at == '\'') {
        const char *end = strchr (at + 1, *at);
        copy_word (line->value, at + 1, end ? (size_t)(end - at - 1) : strlen (at + 1));
        return;
    }
    copy_word (line->value, at, strcspn (at, " \t\r#"));
}

//  False where the line holds nothing.
static bool read_line (const char *text, zpl_line_t *line)
{
    size_t indent = strspn (text, " \t");
    const char *name = text + indent;
    size_t size = strcspn (name, " \t=\r#");
    if (!size)
        return false;
    *line = (zpl_line_t){.is_indented = indent > 0};
    copy_word (line->name, name, size);
    const char *sign = name + size + strspn (name + size, " \t");
    if (*sign == '=')
        read_value (line, sign + 1);
    return true;
}

//  ---- a key file

typedef enum { HAS_ROLE = 1, HAS_OWN = 2, HAS_SECRET = 4, HAS_HEAD = 8 } has_t;

static bool decode (uint8_t out[KEY_BYTES], const char *text)
{
    return strlen (text) == Z85_BYTES - 1 && zmq_z85_decode (out, text) != NULL;
}

//  One line of the file. False where it cannot be.
static bool take_line (keys_t *self, unsigned *has, const char *section, const zpl_line_t *line)
{
    const char *value = line->value;
    if (strcmp (section, "curve") == 0 && strcmp (line->name, "public-key") == 0) {
        *has |= HAS_OWN;
        return decode (self->own, value);
    }
    if (strcmp (section, "curve") == 0 && strcmp (line->name, "secret-key") == 0) {
        *has |= HAS_SECRET;
        return decode (self->secret, value);
    }
    if (strcmp (section, "metadata") != 0)
        return true;
    if (strcmp (line->name, "role") == 0) {
        *has |= HAS_ROLE;
        self->is_head = strcmp (value, "head") == 0;
        return self->is_head || strcmp (value, "worker") == 0;
    }
    if (strcmp (line->name, "head") == 0) {
        *has |= HAS_HEAD;
        return decode (self->head, value);
    }
    if (strncmp (line->name, "worker", 6) == 0)
        return self->workers_size < KEY_WORKERS && decode (self->workers[self->workers_size++], value);
    return true;
}

//  The public key must be that of the secret: else every connection would fail without a word.
static bool is_pair (const keys_t *self)
{
    char secret[Z85_BYTES], public[Z85_BYTES];
    uint8_t found[KEY_BYTES];
    zmq_z85_encode (secret, self->secret, KEY_BYTES);
    bool is_fit = zmq_curve_public (public, secret) == 0 && decode (found, public);
    explicit_bzero (secret, sizeof secret);
    return is_fit && memcmp (found, self->own, KEY_BYTES) == 0;
}

//  Takes `text` to pieces. What is wrong with it, or NULL.
static const char *parse (keys_t *self, char *text)
{
    unsigned has = 0;
    char section[WORD_BYTES] = "";
    zpl_line_t line = {0};
    for (char *at = text, *rest; at; at = rest) {
        rest = strchr (at, '\n');
        if (rest)
            *rest++ = '\0';
        if (!read_line (at, &line))
            continue;
        if (!line.is_indented)
            strcpy (section, line.name);
        else if (!take_line (self, &has, section, &line)) {
            explicit_bzero (&line, sizeof line);
            return "a key in it is not valid, or there are too many";
        }
    }
    explicit_bzero (&line, sizeof line);
    if ((has & (HAS_ROLE | HAS_OWN | HAS_SECRET)) != (HAS_ROLE | HAS_OWN | HAS_SECRET))
        return "it is no key file of dishes; dishes --keygen DIR makes them";
    if (!self->is_head && !(has & HAS_HEAD))
        return "it does not name the key of the head";
    if (self->is_head)
        memcpy (self->head, self->own, KEY_BYTES);
    return is_pair (self) ? NULL : "its public key does not belong to its secret key";
}

//  The file's text, to be wiped and freed. NULL, errno and one line.
static char *read_file (int fd, const char *path, char *error, size_t error_size)
{
    struct stat is;
    if (fstat (fd, &is) == -1 || !S_ISREG (is.st_mode)) {
        net_refuse (EBADMSG, error, error_size, "%s is not a file", path);
        return NULL;
    }
    if ((is.st_uid != geteuid () && is.st_uid != 0) || (is.st_mode & (S_IRWXG | S_IRWXO))) {
        net_refuse (EPERM, error, error_size, "others may read the key file %s (mode %04o): chmod 600 it, as its owner",
                    path, (unsigned)is.st_mode & 07777);
        return NULL;
    }
    char *text = calloc (1, FILE_BYTES);
    ssize_t size = text ? read (fd, text, FILE_BYTES - 1) : -1;
    if (size >= 0 && (size_t)size == strlen (text) && size < FILE_BYTES - 1)
        return text;
    if (text && size >= 0)
        net_refuse (EBADMSG, error, error_size, "the key file %s cannot be used: it is no text of a key's size", path);
    else
        net_refuse (errno, error, error_size, "cannot read the key file %s: %s", path, strerror (errno));
    free (text);
    return NULL;
}

int keys_load (keys_t *self, const char *path, char *error, size_t error_size)
{
    *self = (keys_t){0};
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd == -1)
        return net_refuse (errno, error, error_size, "cannot open the key file %s: %s", path, strerror (errno));
    char *text = read_file (fd, path, error, error_size);
    int kept = errno;
    close (fd);
    errno = kept;
    if (!text)
        return -1;
    const char *wrong = parse (self, text);
    explicit_bzero (text, FILE_BYTES);
    free (text);
    if (!wrong)
        return 0;
    keys_wipe (self);
    return net_refuse (EBADMSG, error, error_size, "the key file %s cannot be used: %s", path, wrong);
}

void keys_wipe (keys_t *self)
{
    explicit_bzero (self, sizeof *self);
}

//  ---- making them

typedef struct {
    char public[Z85_BYTES], secret[Z85_BYTES];
} pair_t;

#define KEY_FILE                                                                                                       \
    "#   The key of a dishes %s. Whoever can read this file can be one: keep its mode at 0600.\n"                      \
    "#   %s\n\n"                                                                                                       \
    "metadata\n    role = \"%s\"\n    %s = \"%s\"\n"                                                                   \
    "curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n"

static const char head_note[] =
    "For sinks and washers. More workers: one line each, worker-2 = \"PUBLIC KEY\" and so on.";
static const char worker_note[] = "For dryers and observers. It cannot stand for the head.";

static int write_key (int dir, const char *file, const char *text)
{
    int fd = openat (dir, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd == -1)
        return -1;
    bool is_whole = fchmod (fd, S_IRUSR | S_IWUSR) == 0 && place_write_all (fd, text) == 0 && fsync (fd) == 0;
    int kept = errno;
    close (fd);
    if (is_whole)
        return 0;
    unlinkat (dir, file, 0);
    errno = kept;
    return -1;
}

static int write_head (int dir, const pair_t *head, const pair_t *worker)
{
    char text[1024];
    snprintf (text, sizeof text, KEY_FILE, "head", head_note, "head", "worker-1", worker->public, head->public,
              head->secret);
    int rc = write_key (dir, "head.key", text);
    explicit_bzero (text, sizeof text);
    return rc;
}

static int write_worker (int dir, const pair_t *head, const pair_t *worker)
{
    char text[1024];
    snprintf (text, sizeof text, KEY_FILE, "worker", worker_note, "worker", "head", head->public, worker->public,
              worker->secret);
    int rc = write_key (dir, "worker.key", text);
    explicit_bzero (text, sizeof text);
    return rc;
}

//  The name of the file that could not be made, or NULL.
static const char *write_pair (int dir, const pair_t *head, const pair_t *worker)
{
    if (write_head (dir, head, worker) == -1)
        return "head.key";
    if (write_worker (dir, head, worker) == 0)
        return NULL;
    int kept = errno;
    unlinkat (dir, "head.key", 0);
    errno = kept;
    return "worker.key";
}

int keys_generate (const char *dir, char *error, size_t error_size)
{
    pair_t head, worker;
    if (zmq_curve_keypair (head.public, head.secret) == -1 || zmq_curve_keypair (worker.public, worker.secret) == -1)
        return net_refuse (errno, error, error_size, "this libzmq was built without CURVE: no keys can be made");
    if (mkdir (dir, S_IRWXU) == -1 && errno != EEXIST)
        return net_refuse (errno, error, error_size, "cannot make the directory %s: %s", dir, strerror (errno));
    int fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return net_refuse (errno, error, error_size, "cannot open the directory %s: %s", dir, strerror (errno));
    const char *failed = write_pair (fd, &head, &worker);
    int kept = errno;
    close (fd);
    explicit_bzero (&head, sizeof head);
    explicit_bzero (&worker, sizeof worker);
    if (failed)
        return net_refuse (kept, error, error_size, "cannot make %s/%s: %s%s", dir, failed, strerror (kept),
                           kept == EEXIST ? ": remove it, or give another directory" : "");
    return 0;
}

//  ---- cookies

int cookie_new (char out[COOKIE_BYTES])
{
    uint8_t bytes[KEY_BYTES];
    if (getrandom (bytes, sizeof bytes, 0) != sizeof bytes)
        return -1;
    for (unsigned i = 0; i < KEY_BYTES; i++)
        snprintf (out + 2 * i, 3, "%02x", bytes[i]);
    explicit_bzero (bytes, sizeof bytes);
    return 0;
}

static void name_files (uint16_t port, char cookie[NAME_BYTES], char lock[NAME_BYTES])
{
    snprintf (cookie, NAME_BYTES, "tcp-%u.cookie", (unsigned)port);
    snprintf (lock, NAME_BYTES, "tcp-%u.lock", (unsigned)port);
}

int cookie_publish (place_t *place, uint16_t port, const char *cookie, char *error, size_t error_size)
{
    char file[NAME_BYTES], lock[NAME_BYTES], line[COOKIE_BYTES + 1];
    name_files (port, file, lock);
    if (place_lock (place, lock, error, error_size) == -1)
        return -1;
    snprintf (line, sizeof line, "%s\n", cookie);
    int rc = place_write (place, file, line);
    explicit_bzero (line, sizeof line);
    if (rc == -1)
        return net_refuse (errno, error, error_size, "cannot write %s/%s: %s", place->path, file, strerror (errno));
    return 0;
}

static int read_cookie (const place_t *place, const char *file, char out[COOKIE_BYTES])
{
    char line[COOKIE_BYTES + 2];
    if (place_read (place, file, line, sizeof line) == -1)
        return -1;
    if (strspn (line, "0123456789abcdef") != COOKIE_BYTES - 1 || strcmp (line + COOKIE_BYTES - 1, "\n") != 0) {
        errno = EBADMSG;
        return -1;
    }
    memcpy (out, line, COOKIE_BYTES - 1);
    out[COOKIE_BYTES - 1] = '\0';
    explicit_bzero (line, sizeof line);
    return 0;
}

int cookie_left (const place_t *place, uint16_t port, char out[COOKIE_BYTES])
{
    char file[NAME_BYTES], lock[NAME_BYTES];
    name_files (port, file, lock);
    return read_cookie (place, file, out) == 0 ? 0 : read_cookie (place, lock, out);
}

int cookie_find (const place_t *place, uint16_t port, char out[COOKIE_BYTES])
{
    char file[NAME_BYTES], lock[NAME_BYTES];
    name_files (port, file, lock);
    if (place_is_locked (place, lock))
        return read_cookie (place, file, out);
    errno = ENOENT;
    return -1;
}

void cookie_withdraw (place_t *place, uint16_t port)
{
    char file[NAME_BYTES], lock[NAME_BYTES], line[COOKIE_BYTES + 2];
    name_files (port, file, lock);
    if (place_read (place, file, line, sizeof line) != -1)
        place_leave_word (place, line);
    explicit_bzero (line, sizeof line);
    place_remove (place, file);
}
