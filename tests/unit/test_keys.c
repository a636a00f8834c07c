//  Keys and cookies: what is written can be read, what others could have read is refused, and a worker's file holds
//  nothing that makes a head.

#include "test_net_help.h"

#include <errno.h>
#include <fcntl.h>
#include <zmq.h>

#include "net/keys.h"

static char error[600];

static const char *path_of (const char *file)
{
    static char path[200];
    snprintf (path, sizeof path, "%s/%s", help_dir, file);
    return path;
}

static void write_file (const char *file, const char *text)
{
    int fd = open (path_of (file), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal (write (fd, text, strlen (text)), strlen (text));
    close (fd);
}

static void test_generated (void **state)
{
    keys_t head, worker;
    struct stat is;
    mode_t old = umask (0);
    assert_int_equal (keys_generate (path_of ("keys"), error, sizeof error), 0);
    umask (old);
    assert_int_equal (stat (path_of ("keys"), &is), 0);
    assert_int_equal (is.st_mode & 07777, 0700);
    assert_int_equal (stat (path_of ("keys/head.key"), &is), 0);
    assert_int_equal (is.st_mode & 07777, 0600);
    assert_int_equal (stat (path_of ("keys/worker.key"), &is), 0);
    assert_int_equal (is.st_mode & 07777, 0600);
    assert_int_equal (keys_load (&head, path_of ("keys/head.key"), error, sizeof error), 0);
    assert_int_equal (keys_load (&worker, path_of ("keys/worker.key"), error, sizeof error), 0);
    assert_true (head.is_head);
    assert_false (worker.is_head);
    assert_int_equal (head.workers_size, 1);
    assert_memory_equal (head.workers[0], worker.own, KEY_BYTES);
    assert_memory_equal (worker.head, head.own, KEY_BYTES);
    assert_memory_equal (head.head, head.own, KEY_BYTES);
    assert_memory_not_equal (head.secret, worker.secret, KEY_BYTES);
    keys_wipe (&head);
    assert_int_equal (head.secret[0] | head.secret[31], 0);
}

static void test_never_overwritten (void **state)
{
    keys_t first, second;
    assert_int_equal (keys_generate (path_of ("keys"), error, sizeof error), 0);
    assert_int_equal (keys_load (&first, path_of ("keys/head.key"), error, sizeof error), 0);
    assert_int_equal (keys_generate (path_of ("keys"), error, sizeof error), -1);
    assert_int_equal (errno, EEXIST);
    assert_int_equal (keys_load (&second, path_of ("keys/head.key"), error, sizeof error), 0);
    assert_memory_equal (&first, &second, sizeof first);
    assert_int_equal (unlink (path_of ("keys/head.key")), 0);
    assert_int_equal (keys_generate (path_of ("keys"), error, sizeof error), -1);
    assert_non_null (strstr (error, "worker.key"));
    assert_false (help_exists ("keys/head.key"));
}

static void assert_refused (const char *file, int number, const char *why)
{
    keys_t keys;
    *error = '\0';
    assert_int_equal (keys_load (&keys, path_of (file), error, sizeof error), -1);
    assert_int_equal (errno, number);
    if (!strstr (error, why))
        fail_msg ("%s", error);
    assert_null (strchr (error, '\n'));
}

static void test_loose_modes (void **state)
{
    static const mode_t loose[] = {0640, 0604, 0660, 0620, 0601};
    assert_int_equal (keys_generate (path_of ("keys"), error, sizeof error), 0);
    for (unsigned i = 0; i < sizeof loose / sizeof *loose; i++) {
        assert_int_equal (chmod (path_of ("keys/head.key"), loose[i]), 0);
        assert_refused ("keys/head.key", EPERM, "chmod 600");
    }
    assert_int_equal (chmod (path_of ("keys/head.key"), 0400), 0);
    keys_t keys;
    assert_int_equal (keys_load (&keys, path_of ("keys/head.key"), error, sizeof error), 0);
}

#define PUBLIC "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define SECRET "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
#define CURVE  "curve\n    public-key = \"" PUBLIC "\"\n    secret-key = \"" SECRET "\"\n"

static void test_not_a_key (void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "no key file of dishes"},
        {"hello\n", "no key file of dishes"},
        {CURVE, "no key file of dishes"}, // a certificate of something else
        {"metadata\n    role = \"worker\"\n" CURVE, "does not name the key of the head"},
        {"metadata\n    role = \"king\"\n" CURVE, "not valid"},
        {"metadata\n    role = \"head\"\n    worker = \"short\"\n" CURVE, "not valid"},
        {"metadata\n    role = \"head\"\ncurve\n    public-key = \"" PUBLIC "\"\n", "no key file of dishes"},
        {"metadata\n    role = \"head\"\ncurve\n    public-key = \"" PUBLIC "\"\n    secret-key = \"" PUBLIC "\"\n",
         "does not belong"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_file ("bad.key", rows[i].text);
        assert_refused ("bad.key", EBADMSG, rows[i].why);
    }
    assert_refused ("none.key", ENOENT, "cannot open");
    assert_int_equal (mkfifo (path_of ("fifo"), 0600), 0);
    assert_refused ("fifo", EBADMSG, "not a file");
    assert_refused ("", EBADMSG, "not a file");
}

//  What people and other programs may write: comments, blank lines, tabs, single quotes, none, other sections.
static void test_free_form (void **state)
{
    keys_t keys;
    write_file ("my.key", "# a comment\n\nmetadata\n\temail = me@example.org\n  role = 'head' # ours\n\n"
                          "    worker-7=\"" PUBLIC "\"\r\nother\n    role = \"king\"\n" CURVE);
    assert_int_equal (keys_load (&keys, path_of ("my.key"), error, sizeof error), 0);
    assert_true (keys.is_head);
    assert_int_equal (keys.workers_size, 1);
    assert_memory_equal (keys.workers[0], keys.own, KEY_BYTES);
}

static void test_too_many_workers (void **state)
{
    static char text[KEY_WORKERS * 64 + 1000];
    char *at = text + sprintf (text, "metadata\n    role = \"head\"\n");
    for (unsigned i = 0; i <= KEY_WORKERS; i++)
        at += sprintf (at, "    worker-%u = \"%s\"\n", i, PUBLIC);
    strcpy (at, CURVE);
    write_file ("many.key", text);
    assert_refused ("many.key", EBADMSG, "too many");
}

//  No cut or changed byte of a file crashes the reader, nor gives a key whose halves do not fit.
static void test_damaged (void **state)
{
    char text[2000], damaged[2000];
    keys_t keys;
    assert_int_equal (keys_generate (path_of ("keys"), error, sizeof error), 0);
    int fd = open (path_of ("keys/worker.key"), O_RDONLY);
    ssize_t size = read (fd, text, sizeof text - 1);
    close (fd);
    assert_true (size > 0);
    for (ssize_t i = 0; i < size; i += 3) {
        memcpy (damaged, text, (size_t)size + 1);
        damaged[i] = (char)(i % 2 ? '"' : '\n');
        damaged[i % 5 ? size : i] = '\0';
        write_file ("damaged.key", damaged);
        keys_load (&keys, path_of ("damaged.key"), error, sizeof error);
    }
}

static void test_cookie (void **state)
{
    char one[COOKIE_BYTES], other[COOKIE_BYTES], found[COOKIE_BYTES];
    place_t sink, peer;
    struct stat is;
    assert_int_equal (cookie_new (one), 0);
    assert_int_equal (cookie_new (other), 0);
    assert_int_equal (strlen (one), 64);
    assert_string_not_equal (one, other);
    assert_int_equal (place_open (&sink, NULL, error, sizeof error), 0);
    assert_int_equal (place_open (&peer, NULL, error, sizeof error), 0);
    assert_int_equal (cookie_find (&peer, 5570, found), -1);
    assert_int_equal (errno, ENOENT);
    assert_int_equal (cookie_publish (&sink, 5570, one, error, sizeof error), 0);
    assert_int_equal (stat (path_of ("tcp-5570.cookie"), &is), 0);
    assert_int_equal (is.st_mode & 07777, 0600);
    assert_int_equal (cookie_find (&peer, 5570, found), 0);
    assert_string_equal (found, one);
    assert_int_equal (cookie_find (&peer, 5571, found), -1);
    assert_int_equal (cookie_publish (&peer, 5570, other, error, sizeof error), -1);
    assert_int_equal (errno, EADDRINUSE);
    cookie_withdraw (&sink, 5570);
    assert_false (help_exists ("tcp-5570.cookie"));
    assert_int_equal (cookie_find (&peer, 5570, found), -1);
    place_close (&sink);
    assert_int_equal (cookie_left (&peer, 5570, found), 0); // to know it when it is shown
    assert_string_equal (found, one);
    assert_int_equal (place_open (&sink, NULL, error, sizeof error), 0);
    assert_int_equal (place_lock (&sink, "tcp-5570.lock", error, sizeof error), 0);
    assert_int_equal (cookie_find (&peer, 5570, found), -1); // the next sink has none yet
    place_close (&sink);
    place_close (&peer);
}

//  The cookie of a sink that is no more is not to be shown to whoever has the port now; the next sink's is another.
static void test_stale_cookie (void **state)
{
    char found[COOKIE_BYTES], cookie[COOKIE_BYTES];
    place_t sink, peer;
    assert_int_equal (cookie_new (cookie), 0);
    assert_int_equal (place_open (&peer, NULL, error, sizeof error), 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal (place_open (&sink, NULL, error, sizeof error), 0);
        assert_int_equal (cookie_publish (&sink, 5570, cookie, error, sizeof error), 0);
        assert_int_equal (cookie_find (&peer, 5570, found), 0);
        place_close (&sink); // as when it is killed
        assert_true (help_exists ("tcp-5570.cookie"));
        assert_int_equal (cookie_find (&peer, 5570, found), -1);
        assert_int_equal (errno, ENOENT);
        assert_int_equal (cookie_left (&peer, 5570, found), 0); // to know it when it is shown
        assert_string_equal (found, cookie);
    }
    place_close (&peer);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, help_setup, help_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_generated),    TEST (test_never_overwritten), TEST (test_loose_modes), TEST (test_not_a_key),
        TEST (test_free_form),    TEST (test_too_many_workers),  TEST (test_damaged),     TEST (test_cookie),
        TEST (test_stale_cookie),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
