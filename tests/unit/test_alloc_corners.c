//  Memory ends at the places where no whole program passes in its tests, or seldom: each is called by itself.
#include "test_alloc_help.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "api/settings.h"
#include "core/roster.h"
#include "input/follow.h"
#include "net/presence.h"
#include "run/capture.h"
#include "run/child.h"
#include "store/channel.h"
#include "store/joblog_read.h"
#include "store/journal.h"

static char directory[] = "/tmp/test_alloc-XXXXXX";
static char path[64];

static bool told (bool good)
{
    if (!good)
        assert_int_equal (errno, ENOMEM);
    return good;
}

static bool read_settings (void *arg)
{
    settings_t settings;
    bool good = told (settings_read (&settings, arg) == 0);
    settings_free (&settings);
    return good;
}

static void test_settings (void **state)
{
    dishes_opts_t opts = {.size = sizeof opts, .key = "head.key", .advertise = "head"};
    assert_int_equal (play_all (read_settings, &opts), 2);
}

static bool keep_letters (void *arg)
{
    roster_t roster = {0};
    peer_t *peer = roster_add (&roster, 1);
    bool good = peer;
    for (int i = 0; good && i < 100; i++) {
        slice_t none = {0};
        good = peer_keep (peer, 9, 1, &none) == 0;
    }
    roster_free (&roster);
    return told (good);
}

static void test_letters_for_an_absent_washer (void **state)
{
    assert_true (play_all (keep_letters, NULL) > 2);
}

static bool follow (void *arg)
{
    follow_t *self = follow_new ();
    bool good = told (self);
    follow_destroy (&self);
    return good;
}

static void test_a_file_that_is_followed (void **state)
{
    assert_int_equal (play_all (follow, NULL), 1);
}

typedef struct {
    unsigned gone, back;
} lives_t;

static void count_gone (void *arg, uint64_t life)
{
    ((lives_t *)arg)->gone += life != 0;
}

static void count_back (void *arg, uint64_t life)
{
    ((lives_t *)arg)->back += life != 0;
}

static void settle (presence_t *presence, lives_t *lives)
{
    for (int turn = 0; turn < 2; turn++)
        presence_settle (presence, count_gone, count_back, lives);
}

//  Each descriptor is a life's, then guessed to be its again, and is another one's, which goes.
static bool watch (void *arg)
{
    enum { LIVES = 40 };
    presence_t presence = {0};
    lives_t lives = {0};
    for (uint32_t fd = 0; fd < LIVES; fd++) {
        presence_event (&presence, PRESENCE_ACCEPTED, fd);
        presence_heard (&presence, (int)fd, fd + 1);
    }
    presence_settle (&presence, count_gone, count_back, &lives);
    for (uint32_t fd = 0; fd < LIVES; fd++) {
        presence_event (&presence, PRESENCE_CLOSED, fd);
        presence_event (&presence, PRESENCE_ACCEPTED, fd);
    }
    presence_settle (&presence, count_gone, count_back, &lives);
    for (uint32_t fd = 0; fd < LIVES; fd++)
        presence_heard (&presence, (int)fd, LIVES + fd + 1);
    settle (&presence, &lives);
    for (uint32_t fd = 0; fd < LIVES; fd++)
        presence_event (&presence, PRESENCE_CLOSED, fd);
    settle (&presence, &lives);
    presence_free (&presence);
    assert_true (lives.gone <= 2 * LIVES);
    //  Where memory ends a life is not watched: fewer are told gone, and some are told back though they were there.
    return lives.gone == 2 * LIVES && lives.back == 2 * LIVES;
}

static void test_connections (void **state)
{
    assert_true (play_all (watch, NULL) > 4);
}

static bool capture_much (void *arg)
{
    char bytes[100] = "";
    capture_t *capture = capture_new ("/nowhere", 150);
    if (!capture)
        return told (false);
    bool good = told (capture_append (capture, bytes, sizeof bytes) == 0);
    assert_int_equal (good ? capture_append (capture, bytes, sizeof bytes) : -1, -1);
    bool is_tried = good && errno == ENOENT; // the directory is not there, with a name for the file or without
    assert_true (!good || is_tried || errno == ENOMEM);
    capture_destroy (&capture);
    return is_tried;
}

static void test_an_output_with_no_place_for_it (void **state)
{
    assert_true (play_all (capture_much, NULL) > 3);
}

typedef struct {
    char *program;
    int fd;
} command_t;

static bool start_command (void *arg)
{
    const command_t *command = arg;
    char *const argv[] = {command->program, NULL};
    spawner_t *spawner = spawner_new ();
    child_spec_t spec = {
        .program = command->program, .argv = argv, .envp = environ, .fd = {command->fd, command->fd, command->fd}};
    child_t child;
    int status, number;
    bool good = told (spawner && child_start (spawner, &spec, &child) == 0);
    if (good) {
        assert_int_equal (child_reap (&child, &status, &number), 0);
        assert_true (status == 0 && number == 0);
    }
    spawner_destroy (&spawner);
    return good;
}

//  A file that execve does not know is given to a shell.
static void test_a_command (void **state)
{
    static char name[] = "true";
    command_t known = {name, fcntl (open ("/dev/null", O_RDWR | O_CLOEXEC), F_DUPFD_CLOEXEC, 10)};
    command_t unknown = {path, known.fd};
    assert_true (play_all (start_command, &known) > 2);
    FILE *script = fopen (path, "we");
    assert_true (script && fputs ("exit 0\n", script) >= 0 && fclose (script) == 0 && chmod (path, 0700) == 0);
    assert_true (play_all (start_command, &unknown) > 3);
    unlink (path);
}

static bool take_coded (void *arg)
{
    spill_pool_t *pool = spill_pool_new (NULL);
    spill_t *spill = pool ? spill_new (pool) : NULL;
    channel_t *channel = spill ? channel_new (*(int *)arg, false, pool) : NULL;
    bool good = channel && spill_append (spill, "abc", 3) == 0;
    good = good && channel_take_coded (channel, &spill, 3, JSON_TEXT) == 0 && channel_write (channel) == 0;
    told (good);
    spill_destroy (&spill);
    channel_destroy (&channel);
    spill_pool_destroy (&pool);
    return good;
}

static void test_a_line_of_json (void **state)
{
    int null = open ("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_true (play_all (take_coded, &null) > 3);
    close (null);
}

static bool find_places (void *arg)
{
    enum { PLACES = 20 };
    spill_pool_t *pool = spill_pool_new (&(spill_config_t){.directory = directory, .path = path});
    spill_t *spill = pool && spill_pool_find (pool) == 0 ? spill_new (pool) : NULL;
    bool good = spill;
    for (uint64_t i = 0; good && i < PLACES; i++)
        good = spill_found (spill, (spill_place_t){i * 2, 1}) == 0;
    told (good);
    spill_destroy (&spill);
    spill_pool_destroy (&pool);
    return good;
}

static void test_places_of_what_waits (void **state)
{
    int fd = open (path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal (ftruncate (fd, 1000), 0);
    close (fd);
    assert_true (play_all (find_places, NULL) > 3);
    unlink (path);
}

static bool read_joblog (void *arg)
{
    char error[300] = "";
    joblog_jobs_t jobs;
    bool good = told (joblog_read (path, &jobs, error, sizeof error) == 0);
    assert_true (good || *error);
    if (good) {
        assert_int_equal (jobs.logged.total, 1);
        joblog_jobs_free (&jobs);
    }
    return good;
}

static void test_a_joblog_that_is_read (void **state)
{
    FILE *file = fopen (path, "we");
    assert_true (file && fputs ("Seq\tHost\n1\t:\t1.0\t1.0\t0\t0\t0\t0\ttrue\n", file) >= 0 && fclose (file) == 0);
    assert_true (play_all (read_joblog, NULL) > 2);
    unlink (path);
}

static bool open_again (void *arg)
{
    char error[JOURNAL_ERROR_BYTES] = "";
    journal_config_t config = {.run = 7, .address = "ipc://kitchen", .command = "wash {}"};
    journal_t *journal = journal_open (path, *(journal_mode_t *)arg, &config, error, sizeof error);
    if (!journal)
        assert_true (*error);
    bool good = told (journal);
    journal_close (&journal);
    return good;
}

static void test_a_journal_that_is_opened_again (void **state)
{
    journal_mode_t mode = JOURNAL_NEW;
    assert_true (open_again (&mode));
    mode = JOURNAL_CONTINUE;
    assert_true (play_all (open_again, &mode) > 4);
    unlink (path);
}

static int make_place (void **state)
{
    return snprintf (path, sizeof path, "%s/file", mkdtemp (directory) ? directory : "/nowhere") < 0;
}

static int remove_place (void **state)
{
    return rmdir (directory);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_settings),
        cmocka_unit_test (test_letters_for_an_absent_washer),
        cmocka_unit_test (test_a_file_that_is_followed),
        cmocka_unit_test (test_connections),
        cmocka_unit_test (test_an_output_with_no_place_for_it),
        cmocka_unit_test (test_a_command),
        cmocka_unit_test (test_a_line_of_json),
        cmocka_unit_test (test_places_of_what_waits),
        cmocka_unit_test (test_a_joblog_that_is_read),
        cmocka_unit_test (test_a_journal_that_is_opened_again),
    };
    return cmocka_run_group_tests (tests, make_place, remove_place);
}
