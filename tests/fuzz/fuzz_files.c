//  Files that others could have written into: key files, cookies, the result of a run. What can be read is what was
//  written, anything else is refused with a reason.
#include "net/keys.h"
#include "feed.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { PORT = 5570, FILE_MOST = 70000 };

//  Replaced by the feed in the text that is read: a pair that fits, so that a file can be right at all.
static const char *const parts[] = {
    "metadata\n",
    "curve\n",
    "    role = \"head\"\n",
    "    role = \"worker\"\n",
    "    head = \"",
    "    worker-1 = \"",
    "\"\n",
    "dishes result 1\n",
    "run 1\n",
    "end 1\nstatus 0\n",
    "total 3\nok 3\n",
    "failed 0\n",
    "broken 0\ndropped 0\n",
    "redelivered 0\nduplicates 0\nlost 0\n",
    "    public-key = \"",
    "    secret-key = \"",
    "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6",
    "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",
    "# ",
    "\n",
};
enum { PARTS = sizeof parts / sizeof *parts };

static char dir[40];
static place_t place;

static void tidy (void)
{
    static const char *const files[] = {"result", "tcp-5570.cookie", "tcp-5570.lock", "key"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        place_remove (&place, files[i]);
    place_close (&place);
    rmdir (dir);
}

//  In memory where there is such a place: what is written is synced, and on a disk that takes nearly all of the time.
static void begin (void)
{
    char error[200];
    if (place.is_open)
        return;
    HOLDS (mkdtemp (strcpy (dir, "/dev/shm/dishes-fuzz-XXXXXX")) || mkdtemp (strcpy (dir, "/tmp/dishes-fuzz-XXXXXX")));
    HOLDS (place_open (&place, dir, error, sizeof error) == 0);
    HOLDS (cookie_publish (&place, PORT, "", error, sizeof error) == 0); // takes the lock
    atexit (tidy);
}

static void write_file (const char *file, const uint8_t *data, size_t size)
{
    int fd = openat (place.dir, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    HOLDS (fd >= 0 && write (fd, data, size) == (ssize_t)size);
    close (fd);
}

static void read_key (void)
{
    keys_t *keys = malloc (sizeof *keys);
    char path[sizeof dir + 8], error[300] = "";
    snprintf (path, sizeof path, "%s/key", dir);
    if (keys_load (keys, path, error, sizeof error) == 0) {
        HOLDS (keys->workers_size <= KEY_WORKERS);
        HOLDS (!keys->is_head || memcmp (keys->own, keys->head, KEY_BYTES) == 0);
    } else {
        HOLDS (errno && *error && !strchr (error, '\n'));
        for (size_t i = 0; i < KEY_BYTES; i++)
            HOLDS (!keys->secret[i]); // wiped
    }
    keys_wipe (keys);
    free (keys);
}

static void read_result (void)
{
    uint64_t run, run_again;
    ending_t ending, again;
    if (place_read_result (&place, &run, &ending) == -1) {
        HOLDS (errno == EBADMSG);
        return;
    }
    HOLDS (ending.end > END_NONE && ending.end <= END_LOST);
    HOLDS (place_write_result (&place, run, &ending) == 0);
    HOLDS (place_read_result (&place, &run_again, &again) == 0);
    HOLDS (run == run_again && ending.end == again.end && ending.status == again.status);
    HOLDS (memcmp (&ending.figures, &again.figures, sizeof again.figures) == 0);
}

static void read_cookie (void)
{
    char cookie[COOKIE_BYTES];
    if (cookie_find (&place, PORT, cookie) == -1)
        HOLDS (errno == EBADMSG);
    else
        HOLDS (strlen (cookie) == COOKIE_BYTES - 1);
}

//  Either what was fed, or parts of good files with what was fed between them.
static size_t compose (feed_t *feed, uint8_t *out)
{
    size_t size;
    if (feed_below (feed, 4))
        return feed_file (feed, parts, PARTS, out, FILE_MOST);
    const uint8_t *bytes = feed_bytes (feed, FILE_MOST, &size);
    if (size)
        memcpy (out, bytes, size);
    return size;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const struct {
        const char *file;
        void (*read) (void);
    } kinds[] = {{"key", read_key}, {"result", read_result}, {"tcp-5570.cookie", read_cookie}};
    static uint8_t text[FILE_MOST];
    feed_t feed = feed_of (data, size);
    unsigned what = feed_below (&feed, 3);
    begin ();
    write_file (kinds[what].file, text, compose (&feed, text));
    kinds[what].read ();
    return 0;
}
