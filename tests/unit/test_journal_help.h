//  What the tests of the journal share: a directory of their own, completions, and what sqlite says about the file.
#ifndef TEST_JOURNAL_HELP_H
#define TEST_JOURNAL_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/dryer.h"
#include "store/journal.h"

static char directory[] = "/tmp/test_journal-XXXXXX";
static char path[64], said[JOURNAL_ERROR_BYTES];

static __attribute__ ((unused)) void clear_files (void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char name[80];
        snprintf (name, sizeof name, "%s%s", path, suffixes[i]);
        unlink (name);
    }
}

static __attribute__ ((unused)) int make_directory (void **state)
{
    if (!mkdtemp (directory))
        return -1;
    snprintf (path, sizeof path, "%s/journal", directory);
    return 0;
}

static __attribute__ ((unused)) int remove_directory (void **state)
{
    clear_files ();
    return rmdir (directory);
}

static __attribute__ ((unused)) int fresh_file (void **state)
{
    clear_files ();
    return 0;
}

static __attribute__ ((unused)) journal_t *try_open (journal_mode_t mode)
{
    journal_config_t config = {.run = 77, .address = "ipc://kitchen", .command = "wash {}"};
    said[0] = '\0';
    return journal_open (path, mode, &config, said, sizeof said);
}

static __attribute__ ((unused)) journal_t *must_open (journal_mode_t mode)
{
    journal_t *journal = try_open (mode);
    if (!journal)
        fail_msg ("%s", said);
    return journal;
}

static __attribute__ ((unused)) void must_commit (journal_t *journal)
{
    if (journal_commit (journal) == -1)
        fail_msg ("%s", journal_error (journal));
}

static __attribute__ ((unused)) void complete (journal_t *journal, uint64_t n, uint64_t count, outcome_t outcome)
{
    completion_t what = {.n = n, .count = count, .outcome = outcome, .dryer = 5, .attempt = 1, .start_us = 1000000};
    what.status = outcome == TASK_FAILED;
    journal_completed (journal, &what);
}

//  The first column of the first row, as sqlite3(1) would see it from outside; "" where there is none.
static __attribute__ ((unused)) const char *ask (const char *sql)
{
    static char text[2000];
    sqlite3 *db;
    sqlite3_stmt *statement;
    text[0] = '\0';
    assert_int_equal (sqlite3_open_v2 (path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2 (db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg ("%s: %s", sql, sqlite3_errmsg (db));
    if (sqlite3_step (statement) == SQLITE_ROW)
        snprintf (text, sizeof text, "%s", (const char *)sqlite3_column_text (statement, 0));
    sqlite3_finalize (statement);
    sqlite3_close (db);
    return text;
}

#endif
