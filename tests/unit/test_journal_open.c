//  A journal that is not there, not ours, not whole, or somebody else's at the moment: a line that says so, and nothing
//  is changed.
//  ctest: one-thread
#include "test_journal_help.h"

#include <signal.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "store/journal_file.h"

static __fsword_t played_type; // of the file system; 0: what it is

//  The library's, but for that.
int fstatfs (int fd, struct statfs *system)
{
    int rc = (int)syscall (SYS_fstatfs, fd, system);
    if (played_type)
        system->f_type = played_type;
    return rc;
}

static void must_refuse (journal_mode_t mode, int number, const char *words)
{
    journal_t *journal = try_open (mode);
    int error = errno;
    assert_null (journal);
    if (error != number || !strstr (said, words) || strchr (said, '\n') || strncmp (said, "journal ", 8))
        fail_msg ("errno %d, '%s'; expected %d, '%s'", error, said, number, words);
}

static void make_run (uint64_t tasks)
{
    journal_t *journal = must_open (JOURNAL_NEW);
    complete (journal, 1, tasks, TASK_OK);
    for (uint64_t n = 0; n < 3000; n++)
        complete (journal, tasks + 1 + n, 1, TASK_FAILED);
    must_commit (journal);
    journal_close (&journal);
}

static void write_file (const char *bytes, size_t size)
{
    int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal (write (fd, bytes, size), size);
    close (fd);
}

static void test_holds_a_run (void **state)
{
    make_run (10);
    must_refuse (JOURNAL_NEW, EEXIST, "holds a run already: go on with --resume");
    journal_t *journal = must_open (JOURNAL_RESUME);
    journal_close (&journal);
}

static void test_one_sink (void **state)
{
    journal_t *journal = must_open (JOURNAL_NEW);
    must_refuse (JOURNAL_CONTINUE, EADDRINUSE, "another sink of this process keeps it");
    must_refuse (JOURNAL_NEW, EADDRINUSE, "another sink of this process keeps it");
    complete (journal, 1, 1, TASK_OK);
    must_commit (journal);
    journal_close (&journal);
    journal = must_open (JOURNAL_CONTINUE);
    journal_close (&journal);
}

//  Another process has it; when that is killed, it is free.
static void test_another_process (void **state)
{
    int ready[2];
    char byte;
    assert_int_equal (pipe (ready), 0);
    pid_t pid = fork ();
    if (pid == 0) {
        journal_t *journal = try_open (JOURNAL_NEW);
        if (journal && write (ready[1], "", 1) == 1)
            pause ();
        _exit (1);
    }
    assert_int_equal (read (ready[0], &byte, 1), 1);
    must_refuse (JOURNAL_CONTINUE, EADDRINUSE, "another sink keeps it at the moment");
    kill (pid, SIGKILL);
    waitpid (pid, NULL, 0);
    journal_t *journal = must_open (JOURNAL_CONTINUE);
    journal_close (&journal);
    close (ready[0]);
    close (ready[1]);
}

static void test_paths (void **state)
{
    char kept[64];
    strcpy (kept, path);
    snprintf (path, sizeof path, "%s/none/journal", directory);
    must_refuse (JOURNAL_NEW, ENOENT, "none: No such file or directory");
    snprintf (path, sizeof path, "%s", directory);
    must_refuse (JOURNAL_NEW, EISDIR, "Is a directory");
    snprintf (path, sizeof path, "%s/", directory);
    must_refuse (JOURNAL_NEW, EISDIR, "the name of a file is missing");
    snprintf (path, sizeof path, "/dev/null");
    must_refuse (JOURNAL_NEW, EINVAL, "is not a regular file");
    path[0] = '\0';
    must_refuse (JOURNAL_NEW, EISDIR, "the name of a file is missing");
    strcpy (path, kept);
}

static void test_links (void **state)
{
    char other[80];
    snprintf (other, sizeof other, "%s/other", directory);
    assert_int_equal (symlink (other, path), 0);
    must_refuse (JOURNAL_NEW, ELOOP, "is a link, which is not followed");
    unlink (path);
    make_run (1);
    assert_int_equal (link (path, other), 0);
    must_refuse (JOURNAL_CONTINUE, EPERM, "has a second name");
    unlink (other);
}

//  The directory may be reached through a link: that is how many a /tmp or /home is.
static void test_link_to_directory (void **state)
{
    char link[80], kept[64];
    strcpy (kept, path);
    snprintf (link, sizeof link, "%s/link", directory);
    assert_int_equal (symlink (directory, link), 0);
    snprintf (path, sizeof path, "%s/link/journal", directory);
    journal_t *journal = must_open (JOURNAL_NEW);
    complete (journal, 1, 1, TASK_OK);
    must_commit (journal);
    journal_close (&journal);
    unlink (link);
    strcpy (path, kept);
    journal = must_open (JOURNAL_CONTINUE);
    assert_int_equal (journal_counted (journal)->total, 1);
    journal_close (&journal);
}

static void test_modes (void **state)
{
    make_run (1);
    chmod (path, 0666);
    must_refuse (JOURNAL_CONTINUE, EPERM, "can be written by others (mode 0666): chmod 600 it");
    chmod (path, 0644); // to let others ask it is fine
    journal_t *journal = must_open (JOURNAL_CONTINUE);
    journal_close (&journal);
}

static void test_not_ours (void **state)
{
    if (geteuid () != 0)
        skip (); // only root can give a file away
    make_run (1);
    assert_int_equal (chown (path, 65534, (gid_t)-1), 0);
    must_refuse (JOURNAL_CONTINUE, EPERM, "belongs to user 65534, not to you");
}

static void test_fifo (void **state)
{
    assert_int_equal (mkfifo (path, 0600), 0);
    must_refuse (JOURNAL_NEW, EINVAL, "is not a regular file");
}

static void test_beside (void **state)
{
    char wal[80];
    snprintf (wal, sizeof wal, "%s-wal", path);
    assert_int_equal (symlink ("/etc/passwd", wal), 0);
    must_refuse (JOURNAL_NEW, EPERM, "ends in -wal is not yours");
    assert_int_equal (access (path, F_OK), -1); // what could not be used is not left behind
    unlink (wal);
}

//  Root may write everywhere, so it becomes somebody else for a while.
static void test_unwritable (void **state)
{
    enum { NOBODY = 65534 };
    bool is_root = geteuid () == 0;
    chmod (directory, 0555);
    assert_int_equal (is_root ? seteuid (NOBODY) : 0, 0);
    must_refuse (JOURNAL_NEW, EACCES, "cannot open it: Permission denied");
    assert_int_equal (is_root ? seteuid (0) : 0, 0);
    chmod (directory, 0755);
    make_run (1);
    chmod (path, 0444);
    assert_int_equal (is_root ? seteuid (NOBODY) : 0, 0);
    must_refuse (JOURNAL_CONTINUE, EACCES, "cannot open it: Permission denied");
    assert_int_equal (is_root ? seteuid (0) : 0, 0);
}

//  ---- what is in it

static void test_not_a_database (void **state)
{
    char text[5000];
    memset (text, 'x', sizeof text);
    write_file (text, sizeof text);
    must_refuse (JOURNAL_NEW, EBADMSG, "not a journal");
    must_refuse (JOURNAL_RESUME, EBADMSG, "not a journal");
    write_file ("hello\n", 6);
    must_refuse (JOURNAL_RESUME, EBADMSG, "not a journal");
    int fd = open (path, O_RDONLY);
    assert_int_equal (read (fd, text, sizeof text), 6); // it is as it was
    close (fd);
}

static void execute (const char *sql)
{
    sqlite3 *db;
    assert_int_equal (sqlite3_open (path, &db), SQLITE_OK);
    assert_int_equal (sqlite3_exec (db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close (db);
    chmod (path, 0600);
}

static void test_other_database (void **state)
{
    execute ("CREATE TABLE bookmarks (a)");
    must_refuse (JOURNAL_RESUME, EBADMSG, "a database of another program");
    assert_string_equal (ask ("PRAGMA journal_mode"), "delete"); // it was not changed
}

static void test_other_version (void **state)
{
    make_run (1);
    execute ("PRAGMA user_version = 9");
    must_refuse (JOURNAL_RESUME, EPROTO, "has version 9, but this program reads and writes version 2");
}

static void test_nonsense (void **state)
{
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"UPDATE counted SET count = -1", "counted ranges"},
        {"INSERT INTO counted VALUES (11, 5)", "counted ranges"},
        {"UPDATE figures SET ok = 11", "do not add up"},
        {"INSERT INTO ending VALUES (1, 'happily', 0, 0, 0)", "the ending"},
        {"INSERT INTO block VALUES (5, 1, 0)", "the blocks"},
        {"INSERT INTO washer VALUES ('a', 1, 1, 1, -1, 1)", "the total"},
        {"DROP TABLE figures", "no such table"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        clear_files ();
        make_run (10);
        execute (cases[i].sql);
        must_refuse (JOURNAL_CONTINUE, strstr (cases[i].sql, "DROP") ? EIO : EBADMSG, cases[i].words);
    }
}

static void test_truncated (void **state)
{
    struct stat is;
    make_run (10);
    assert_int_equal (stat (path, &is), 0);
    for (off_t size = is.st_size - 4096; size > 0; size /= 3) {
        assert_int_equal (truncate (path, size), 0);
        must_refuse (JOURNAL_RESUME, EBADMSG, "the file is ");
    }
}

//  Whatever byte was flipped: refused, or what is read fits together. Never a crash.
static void test_flipped (void **state)
{
    unsigned seed = 7;
    struct stat is;
    int refused = 0;
    for (int i = 0; i < 60; i++) {
        clear_files ();
        make_run (10);
        assert_int_equal (stat (path, &is), 0);
        int fd = open (path, O_RDWR);
        uint8_t bytes[16];
        off_t at = i < 20 ? i * 16 : rand_r (&seed) % (is.st_size - 16);
        assert_int_equal (pread (fd, bytes, 16, at), 16);
        for (size_t k = 0; k < 16; k++)
            bytes[k] ^= (uint8_t)(1 + rand_r (&seed) % 255);
        assert_int_equal (pwrite (fd, bytes, 16, at), 16);
        close (fd);
        journal_t *journal = try_open (i % 2 ? JOURNAL_RESUME_FAILED : JOURNAL_CONTINUE);
        refused += !journal;
        assert_true (journal || *said);
        journal_close (&journal);
    }
    assert_true (refused > 20);
}

//  One that lost its file and kept its log: a new run must not read the old log.
static void test_stale_log (void **state)
{
    pid_t pid = fork ();
    if (pid == 0) {
        journal_t *journal = try_open (JOURNAL_NEW);
        complete (journal, 1, 1000, TASK_OK);
        _exit (journal_commit (journal) == 0 ? 0 : 1); // the log stays
    }
    waitpid (pid, NULL, 0);
    char wal[80];
    struct stat is;
    snprintf (wal, sizeof wal, "%s-wal", path);
    assert_int_equal (stat (wal, &is), 0);
    assert_true (is.st_size > 4096);
    assert_int_equal (is.st_mode & 07777, 0600);
    unlink (path);
    journal_t *journal = must_open (JOURNAL_NEW);
    assert_int_equal (journal_counted (journal)->total, 0);
    journal_close (&journal);
}

//  Killed between the file and its tables: it is a new one.
static void test_empty_file (void **state)
{
    write_file ("", 0);
    journal_t *journal = must_open (JOURNAL_NEW);
    journal_close (&journal);
    clear_files ();
    execute ("PRAGMA journal_mode = WAL");
    journal = must_open (JOURNAL_NEW);
    journal_close (&journal);
}

//  SQLite takes a file of one byte for an empty one.
static void test_one_byte (void **state)
{
    struct stat is;
    write_file ("x", 1);
    must_refuse (JOURNAL_NEW, EBADMSG, "is not a journal");
    must_refuse (JOURNAL_RESUME, EBADMSG, "is not a journal");
    assert_int_equal (stat (path, &is), 0);
    assert_int_equal (is.st_size, 1);
}

static void test_file_systems (void **state)
{
    assert_string_equal (journal_file_refused (0x6969), "NFS");
    assert_string_equal (journal_file_refused ((unsigned long)(int)0xff534d42), "CIFS"); // f_type is signed
    assert_string_equal (journal_file_refused (0x65735546), "FUSE");
    assert_null (journal_file_refused (0xef53));     // ext4
    assert_null (journal_file_refused (0x01021994)); // tmpfs
    assert_null (journal_file_refused (0x794c7630)); // overlay
    assert_null (journal_file_refused (0x9123683e)); // btrfs
    assert_null (journal_file_refused (0x58465342)); // xfs
    assert_null (journal_file_refused (0x2fc12fc1)); // zfs
}

static void test_on_a_network (void **state)
{
    make_run (10);
    played_type = 0x6969;
    must_refuse (JOURNAL_RESUME, EOPNOTSUPP, "is on a file system of the kind NFS");
    must_refuse (JOURNAL_CONTINUE, EOPNOTSUPP, "put it on a local disk");
    played_type = 0;
    journal_t *journal = must_open (JOURNAL_RESUME);
    journal_close (&journal);
    unlink (path);
    played_type = 0x65735546;
    must_refuse (JOURNAL_NEW, EOPNOTSUPP, "FUSE");
    played_type = 0;
    assert_int_equal (access (path, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup (name, fresh_file)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_holds_a_run),    TEST (test_one_sink),      TEST (test_another_process),
        TEST (test_paths),          TEST (test_links),         TEST (test_link_to_directory),
        TEST (test_modes),          TEST (test_not_ours),      TEST (test_fifo),
        TEST (test_beside),         TEST (test_unwritable),    TEST (test_not_a_database),
        TEST (test_other_database), TEST (test_other_version), TEST (test_nonsense),
        TEST (test_truncated),      TEST (test_flipped),       TEST (test_stale_log),
        TEST (test_empty_file),     TEST (test_one_byte),      TEST (test_file_systems),
        TEST (test_on_a_network),
    };
    return cmocka_run_group_tests (tests, make_directory, remove_directory);
}
