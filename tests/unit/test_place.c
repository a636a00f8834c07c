//  Places: nobody else's directory is ever used, one sink at a time, what the killed have left goes away, and results
//  are whole or not there.

#include "test_net_help.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "net/place.h"

static char error[400];

static void path_of (const char *file, char out[200])
{
    snprintf (out, 200, "%s/%s", help_dir, file);
}

static void test_made (void **state)
{
    place_t place;
    struct stat is;
    char path[200];
    assert_int_equal (place_open (&place, "kitchen", error, sizeof error), 0);
    path_of ("kitchen", path);
    assert_string_equal (place.path, path);
    assert_int_equal (stat (path, &is), 0);
    assert_int_equal (is.st_mode & 07777, 0700);
    place_close (&place);
    place_close (&place);
    assert_int_equal (place_open (&place, path, error, sizeof error), 0);
    place_close (&place);
    assert_int_equal (place_open (&place, NULL, error, sizeof error), 0);
    assert_string_equal (place.path, help_dir);
    place_close (&place);
}

static void assert_refused (const char *name, int number, const char *why)
{
    place_t place;
    *error = '\0';
    assert_int_equal (place_open (&place, name, error, sizeof error), -1);
    assert_int_equal (errno, number);
    if (!strstr (error, why))
        fail_msg ("%s", error);
    assert_null (strchr (error, '\n'));
    assert_false (place.is_open);
}

static void test_open_to_others (void **state)
{
    char path[200];
    path_of ("kitchen", path);
    assert_int_equal (mkdir (path, 0700), 0);
    assert_int_equal (chmod (path, 0755), 0);
    assert_refused ("kitchen", EPERM, "open to others (mode 0755)");
    assert_int_equal (chmod (path, 0710), 0);
    assert_refused ("kitchen", EPERM, "chmod 700");
    assert_int_equal (chmod (help_dir, 0777), 0);
    assert_refused ("other", EPERM, "mode 0777");
    assert_refused (NULL, EPERM, "mode 0777");
    assert_int_equal (chmod (help_dir, 0700), 0);
}

static void test_link (void **state)
{
    char path[200], target[200];
    path_of ("kitchen", path);
    path_of ("target", target);
    assert_int_equal (mkdir (target, 0700), 0);
    assert_int_equal (symlink (target, path), 0);
    assert_refused ("kitchen", EPERM, "a link is not followed");
    assert_int_equal (unlink (path), 0);
    assert_int_equal (close (open (path, O_CREAT | O_WRONLY, 0600)), 0);
    assert_refused ("kitchen", EPERM, "not a directory");
}

//  Another user was there before us; only root can set this up.
static void test_of_another (void **state)
{
    char path[200];
    if (geteuid () != 0)
        skip ();
    path_of ("kitchen", path);
    assert_int_equal (mkdir (path, 0700), 0);
    assert_int_equal (chown (path, 12345, 12345), 0);
    assert_refused ("kitchen", EPERM, "belongs to user 12345");
}

static void test_bad_places (void **state)
{
    char name[100] = "";
    memset (name, 'x', 90);
    assert_refused (name, ENAMETOOLONG, "shorter name");
    assert_refused ("/no/such/directory", ENOENT, "cannot make");
    assert_int_equal (setenv ("DISHES_DIR", "relative", 1), 0);
    assert_refused ("kitchen", EINVAL, "absolute");
    char longest[300] = "/";
    memset (longest + 1, 'y', 250);
    assert_int_equal (setenv ("DISHES_DIR", longest, 1), 0);
    assert_refused ("kitchen", ENAMETOOLONG, "107");
    assert_int_equal (setenv ("DISHES_DIR", help_dir, 1), 0);
}

//  The longest name that is allowed leaves room for the longest lane.
static void test_longest (void **state)
{
    place_t place;
    char name[PLACE_PATH_BYTES] = "";
    int rc = -1;
    for (int size = 100; size && rc == -1; size--) {
        memset (name, 0, sizeof name);
        memset (name, 'x', (size_t)size);
        rc = place_open (&place, name, error, sizeof error);
    }
    assert_int_equal (rc, 0);
    assert_int_equal (strlen (place.path) + 32, 107);
    place_close (&place);
}

static void test_lock (void **state)
{
    place_t first, second;
    assert_int_equal (place_open (&first, "kitchen", error, sizeof error), 0);
    assert_int_equal (place_open (&second, "kitchen", error, sizeof error), 0);
    assert_false (place_is_locked (&second, "lock"));
    assert_int_equal (place_lock (&first, "lock", error, sizeof error), 0);
    assert_true (place_is_locked (&second, "lock"));
    assert_true (place_is_locked (&first, "lock"));
    assert_int_equal (place_lock (&second, "lock", error, sizeof error), -1);
    assert_int_equal (errno, EADDRINUSE);
    assert_non_null (strstr (error, "a sink runs there already"));
    place_close (&first);
    assert_false (place_is_locked (&second, "lock"));
    assert_int_equal (place_lock (&second, "lock", error, sizeof error), 0);
    place_close (&second);
}

//  A sink that is killed holds nothing any more.
static void test_lock_of_the_killed (void **state)
{
    place_t place;
    assert_int_equal (place_open (&place, "kitchen", error, sizeof error), 0);
    pid_t child = fork ();
    if (child == 0) {
        place_t theirs;
        place_open (&theirs, "kitchen", error, sizeof error);
        place_lock (&theirs, "lock", error, sizeof error);
        for (;;)
            pause ();
    }
    WAIT_UNTIL (place_is_locked (&place, "lock"));
    kill (child, SIGKILL);
    assert_int_equal (waitpid (child, NULL, 0), child);
    assert_int_equal (place_lock (&place, "lock", error, sizeof error), 0);
    place_close (&place);
}

static int listen_at (const char *path, bool is_listening)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf (address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal (bind (fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal (is_listening ? listen (fd, 5) : close (fd), 0);
    return fd;
}

//  Only sockets go, and of these only the deserted: a washer that waits for a new sink keeps its lanes.
static void test_tidy (void **state)
{
    place_t place;
    char path[200];
    assert_int_equal (place_open (&place, "kitchen", error, sizeof error), 0);
    path_of ("kitchen/dead", path);
    listen_at (path, false);
    path_of ("kitchen/alive", path);
    int alive = listen_at (path, true);
    path_of ("kitchen/file", path);
    assert_int_equal (close (open (path, O_CREAT | O_WRONLY, 0600)), 0);
    path_of ("kitchen/link", path);
    assert_int_equal (symlink ("dead", path), 0);
    place_tidy (&place);
    assert_false (help_exists ("kitchen/dead"));
    assert_true (help_exists ("kitchen/alive"));
    assert_true (help_exists ("kitchen/file"));
    assert_true (help_exists ("kitchen/link"));
    close (alive);
    place_close (&place);
}

static void test_files (void **state)
{
    place_t place;
    char text[16], path[200];
    struct stat is;
    mode_t old = umask (0);
    assert_int_equal (place_open (&place, "kitchen", error, sizeof error), 0);
    assert_int_equal (place_read (&place, "note", text, sizeof text), -1);
    assert_int_equal (errno, ENOENT);
    assert_int_equal (place_write (&place, "note", "one"), 0);
    assert_int_equal (place_write (&place, "note", "two and much more"), 0);
    assert_int_equal (place_read (&place, "note", text, sizeof text), 15);
    assert_string_equal (text, "two and much mo");
    path_of ("kitchen/note", path);
    assert_int_equal (stat (path, &is), 0);
    assert_int_equal (is.st_mode & 07777, 0600);
    assert_int_equal (chmod (path, 0604), 0);
    assert_int_equal (place_read (&place, "note", text, sizeof text), -1);
    assert_int_equal (errno, EPERM);
    place_remove (&place, "note");
    place_remove (&place, "note");
    assert_int_equal (symlink ("/etc/passwd", path), 0);
    assert_int_equal (place_read (&place, "note", text, sizeof text), -1);
    assert_int_equal (errno, ELOOP);
    assert_int_equal (place_write (&place, "note", "in place of the link"), 0);
    assert_int_equal (place_read (&place, "note", text, sizeof text), 15);
    umask (old);
    place_close (&place);
}

static void test_result (void **state)
{
    place_t place;
    const ending_t ending = {.end = END_HALTED, .status = 101, .figures = {UINT64_MAX, 2, 3, 4, 5, 6, 7, 8}};
    ending_t found;
    uint64_t run = 0;
    assert_int_equal (place_open (&place, "kitchen", error, sizeof error), 0);
    assert_int_equal (place_read_result (&place, &run, &found), -1);
    assert_int_equal (errno, ENOENT);
    assert_int_equal (place_write_result (&place, UINT64_MAX - 1, &ending), 0);
    assert_int_equal (place_read_result (&place, &run, &found), 0);
    assert_int_equal (run, UINT64_MAX - 1);
    assert_int_equal (found.end, ending.end);
    assert_int_equal (found.status, ending.status);
    assert_memory_equal (&found.figures, &ending.figures, sizeof found.figures);
    place_remove_result (&place);
    assert_int_equal (place_read_result (&place, &run, &found), -1);
    place_close (&place);
}

static void test_result_says_why (void **state)
{
    place_t place;
    ending_t ending = {.end = END_LOST, .status = 125, .why = "journal a\nb: disk\033 full"}, found;
    uint64_t run = 0;
    assert_int_equal (place_open (&place, "kitchen", error, sizeof error), 0);
    assert_int_equal (place_write_result (&place, 5, &ending), 0);
    assert_int_equal (place_read_result (&place, &run, &found), 0);
    assert_string_equal (found.why, "journal a?b: disk\033 full"); // whoever shows it minds the rest
    memset (ending.why, 'x', WHY_BYTES - 1);
    assert_int_equal (place_write_result (&place, 5, &ending), 0);
    assert_int_equal (place_read_result (&place, &run, &found), 0);
    assert_string_equal (found.why, ending.why);
    place_close (&place);
}

//  Whatever stands in the file, it is understood whole or not at all.
static void test_torn_result (void **state)
{
    place_t place;
    const ending_t ending = {.end = END_JOINED, .figures = {.total = 12, .ok = 12}};
    ending_t found;
    uint64_t run;
    char whole[1024], part[1024];
    assert_int_equal (place_open (&place, "kitchen", error, sizeof error), 0);
    assert_int_equal (place_write_result (&place, 77, &ending), 0);
    int size = place_read (&place, "result", whole, sizeof whole);
    for (int i = 0; i < size; i++) {
        memcpy (part, whole, (size_t)i);
        part[i] = '\0';
        assert_int_equal (place_write (&place, "result", part), 0);
        assert_int_equal (place_read_result (&place, &run, &found), -1);
        assert_int_equal (errno, EBADMSG);
    }
    place_close (&place);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, help_setup, help_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_made),
        TEST (test_open_to_others),
        TEST (test_link),
        TEST (test_of_another),
        TEST (test_bad_places),
        TEST (test_longest),
        TEST (test_lock),
        TEST (test_lock_of_the_killed),
        TEST (test_tidy),
        TEST (test_files),
        TEST (test_result),
        TEST (test_torn_result),
        TEST (test_result_says_why),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
