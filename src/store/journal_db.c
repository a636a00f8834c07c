/*  The journal's tables: how they are made and written. A commit writes only what has changed, whatever the size of the
 *  whole. */
#include "core/done.h"
#include "store/journal_i.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static const char schema[] =
    "CREATE TABLE run (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL, started_us INTEGER NOT NULL,"
    " address TEXT, command TEXT, slow_us INTEGER NOT NULL);"
    "CREATE TABLE washer (name TEXT PRIMARY KEY, life INTEGER NOT NULL, input_hash INTEGER NOT NULL,"
    " eof INTEGER NOT NULL, total INTEGER NOT NULL, eof_life INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE counted (n INTEGER PRIMARY KEY, count INTEGER NOT NULL);"
    "CREATE TABLE task (n INTEGER PRIMARY KEY, count INTEGER NOT NULL, outcome TEXT NOT NULL, status INTEGER NOT NULL,"
    " signal INTEGER NOT NULL, note TEXT, attempts INTEGER NOT NULL, start_us INTEGER, runtime_us INTEGER,"
    " dryer INTEGER, command TEXT, item BLOB);"
    "CREATE TABLE dryer (life INTEGER PRIMARY KEY, name TEXT NOT NULL, host TEXT NOT NULL);"
    "CREATE TABLE figures (one INTEGER PRIMARY KEY CHECK (one = 1), ok INTEGER NOT NULL, failed INTEGER NOT NULL,"
    " broken INTEGER NOT NULL, dropped INTEGER NOT NULL, redelivered INTEGER NOT NULL, duplicates INTEGER NOT NULL,"
    " lost INTEGER NOT NULL, printed_bytes INTEGER NOT NULL, printed_results INTEGER NOT NULL,"
    " changed_us INTEGER NOT NULL);"
    "CREATE TABLE ending (one INTEGER PRIMARY KEY CHECK (one = 1), how TEXT NOT NULL, status INTEGER NOT NULL,"
    " total INTEGER NOT NULL, ended_us INTEGER NOT NULL);"
    "CREATE TABLE block (n INTEGER PRIMARY KEY, count INTEGER NOT NULL, hash INTEGER NOT NULL);"
    "CREATE VIEW failed AS SELECT n, count, outcome, status, signal, note, attempts,"
    " datetime (start_us / 1e6, 'unixepoch') AS started, runtime_us / 1e6 AS seconds, host, command, item"
    " FROM task LEFT JOIN dryer ON life = dryer WHERE outcome <> 'ok' ORDER BY n;"
    "CREATE VIEW slow AS SELECT n, runtime_us / 1e6 AS seconds, outcome, datetime (start_us / 1e6, 'unixepoch')"
    " AS started, host, command FROM task LEFT JOIN dryer ON life = dryer WHERE runtime_us > 0"
    " ORDER BY runtime_us DESC;";

//  Since version 2.
static const char early_schema[] =
    "CREATE TABLE upstream (one INTEGER PRIMARY KEY CHECK (one = 1), how TEXT NOT NULL, status INTEGER NOT NULL);"
    "CREATE TABLE early (n INTEGER NOT NULL, stream INTEGER NOT NULL, at INTEGER NOT NULL, offset INTEGER NOT NULL,"
    " size INTEGER NOT NULL, PRIMARY KEY (n, stream, at)) WITHOUT ROWID;";

//  Since then, too, but in a file that has none it is made where it is missed.
static const char later_schema[] =
    "CREATE TABLE IF NOT EXISTS told (one INTEGER PRIMARY KEY CHECK (one = 1), told_us INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS sink (one INTEGER PRIMARY KEY CHECK (one = 1), life INTEGER NOT NULL)";

//  Each commit is synced. The log is cut back after a checkpoint that a long reader held up.
static const char modes[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 8000000";

static const char *const put_sql[PUTS] = {
    [PUT_COUNTED] = "INSERT OR REPLACE INTO counted VALUES (?, ?)",
    [PUT_TASK] = "INSERT OR REPLACE INTO task VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [PUT_DRYER] = "INSERT OR REPLACE INTO dryer VALUES (?, ?, ?)",
    [PUT_FIGURES] = "INSERT OR REPLACE INTO figures VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [PUT_WASHER] = "INSERT OR REPLACE INTO washer VALUES (?, ?, ?, ?, ?, ?)",
    [PUT_UPSTREAM] = "INSERT OR REPLACE INTO upstream VALUES (1, ?, ?)",
    [PUT_ENDING] = "INSERT OR REPLACE INTO ending VALUES (1, ?, ?, ?, ?)",
    [PUT_TOLD] = "INSERT OR REPLACE INTO told VALUES (1, ?)",
    [PUT_SINK] = "INSERT OR REPLACE INTO sink VALUES (1, ?)",
    [PUT_BLOCK] = "INSERT OR REPLACE INTO block VALUES (?, ?, ?)",
    [PUT_EARLY] = "INSERT INTO early SELECT ?1, ?2, count (*), ?3, ?4 FROM early WHERE n = ?1 AND stream = ?2",
    [DROP_EARLY] = "DELETE FROM early WHERE n >= ? AND n < ?",
    [DROP_COUNTED] = "DELETE FROM counted WHERE n > ? AND n < ?",
};

static int64_t now_us (void)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

//  ---- errors

static const struct {
    int code, number;
    const char *text; // NULL: that of the system, or of SQLite
} known_errors[] = {
    {SQLITE_FULL, ENOSPC, "no space left on the disk"},
    {SQLITE_CORRUPT, EBADMSG, "the file is damaged"},
    {SQLITE_NOTADB, EBADMSG, "the file is not a journal"},
    {SQLITE_BUSY, EBUSY, "another program holds it locked for writing"},
    {SQLITE_LOCKED, EBUSY, "another program holds it locked for writing"},
    {SQLITE_NOMEM, ENOMEM, "out of memory"},
    {SQLITE_READONLY, EACCES, "it cannot be written, or not the files beside it (-wal, -shm)"},
    {SQLITE_IOERR, EIO, NULL},
    {SQLITE_CANTOPEN, EIO, NULL},
};

//  SQLite keeps the errno of few errors. That of the last call is still there: it was 0 before.
int journal_db_fail (journal_t *self, const char *what)
{
    int last = errno, code = self->db ? sqlite3_errcode (self->db) & 0xff : SQLITE_NOMEM;
    int system = self->db && sqlite3_system_errno (self->db) ? sqlite3_system_errno (self->db) : last;
    for (size_t i = 0; i < sizeof known_errors / sizeof *known_errors; i++) {
        if (known_errors[i].code != code)
            continue;
        if (known_errors[i].text)
            return journal_fail (self, known_errors[i].number, "%s: %s", what, known_errors[i].text);
        if (system)
            return journal_fail (self, system, "%s: %s", what, strerror (system));
        break;
    }
    return journal_fail (self, EIO, "%s: %s", what, sqlite3_errmsg (self->db));
}

int journal_db_exec (journal_t *self, const char *sql, const char *what)
{
    errno = 0;
    return sqlite3_exec (self->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : journal_db_fail (self, what);
}

//  ---- values

typedef struct {
    enum { NOTHING, NUMBER, TEXT, BYTES } kind;
    int64_t number;
    const void *data; // borrowed until the statement has run
    size_t size;
} value_t;

static value_t number (uint64_t value)
{
    return (value_t){.kind = NUMBER, .number = (int64_t)value};
}

static value_t text_of (const void *data, size_t size)
{
    return (value_t){.kind = TEXT, .data = data, .size = size};
}

static value_t text (const char *string)
{
    return string ? text_of (string, strlen (string)) : (value_t){.kind = NOTHING};
}

static int bind (sqlite3_stmt *statement, int at, const value_t *value)
{
    const char *data = value->data ? value->data : "";
    switch (value->kind) {
    case NUMBER:
        return sqlite3_bind_int64 (statement, at, value->number);
    case TEXT:
        return sqlite3_bind_text (statement, at, data, (int)value->size, SQLITE_STATIC);
    case BYTES:
        return sqlite3_bind_blob (statement, at, data, (int)value->size, SQLITE_STATIC);
    default:
        return sqlite3_bind_null (statement, at);
    }
}

static int put (journal_t *self, put_t which, const value_t *values)
{
    sqlite3_stmt *statement = self->puts[which];
    int rc = SQLITE_OK;
    errno = 0;
    for (int i = 0; i < sqlite3_bind_parameter_count (statement) && rc == SQLITE_OK; i++)
        rc = bind (statement, i + 1, &values[i]);
    if (rc == SQLITE_OK)
        rc = sqlite3_step (statement);
    sqlite3_reset (statement); // its code is that of the step
    return rc == SQLITE_DONE ? 0 : journal_db_fail (self, "cannot write");
}

#define PUT(self, which, ...) put (self, which, (const value_t[]){__VA_ARGS__})

//  ---- what changed

//  A run that grew has the key that it had, or that of the one it began with; those it swallowed go.
static int write_run (journal_t *self, run_t run)
{
    if (PUT (self, DROP_COUNTED, number (run.n), number (run.n + run.count)) == -1)
        return -1;
    return PUT (self, PUT_COUNTED, number (run.n), number (run.count));
}

//  The run of the set that holds n.
static run_t run_around (const ranges_t *set, uint64_t n)
{
    size_t low = 0, high = set->size;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (set->runs[middle].n <= n)
            low = middle;
        else
            high = middle;
    }
    return set->runs[low];
}

static int write_counted (journal_t *self)
{
    uint64_t written = 0; // everything below it
    for (size_t i = 0; i < self->fresh.size; i++) {
        if (self->fresh.runs[i].n < written)
            continue;
        run_t run = run_around (&self->counted, self->fresh.runs[i].n);
        if (write_run (self, run) == -1)
            return -1;
        written = run.n + run.count;
    }
    return 0;
}

static int write_row (journal_t *self, const row_t *row, const uint8_t *texts)
{
    static const value_t nothing = {.kind = NOTHING};
    const uint8_t *item = texts + row->command_size;
    bool ran = row->start_us;
    self->slow_rows += row->outcome == TASK_OK;
    return PUT (self, PUT_TASK, number (row->n), number (row->count), text (outcome_name (row->outcome)),
                number (row->status), number (row->signal), text (outcome_note (row->outcome, row->flags)),
                number (row->attempt), ran ? number ((uint64_t)row->start_us) : nothing,
                ran ? number (row->runtime_us) : nothing, row->dryer ? number (row->dryer) : nothing,
                row->command_size ? text_of (texts, row->command_size) : nothing,
                row->has_item ? ((value_t){.kind = BYTES, .data = item, .size = row->item_size}) : nothing);
}

static int write_rows (journal_t *self)
{
    const uint8_t *texts = self->texts;
    for (size_t i = 0; i < self->rows_size; i++) {
        if (write_row (self, &self->rows[i], texts) == -1)
            return -1;
        texts += self->rows[i].command_size + self->rows[i].item_size;
    }
    return 0;
}

static int write_dryers (journal_t *self)
{
    for (size_t i = 0; i < self->dryers_size; i++) {
        const dryer_name_t *dryer = &self->dryers[i];
        if (PUT (self, PUT_DRYER, number (dryer->life), text (dryer->name), text (dryer->host)) == -1)
            return -1;
    }
    return 0;
}

int journal_db_drop_early (journal_t *self, uint64_t from, uint64_t end)
{
    if (PUT (self, DROP_EARLY, number (from), number (end)) == -1)
        return -1;
    self->early_rows -= (uint64_t)sqlite3_changes64 (self->db);
    return 0;
}

static int write_early (journal_t *self)
{
    if (self->early_rows && journal_db_drop_early (self, 1, self->early_next) == -1)
        return -1;
    self->early_gone = self->early_next;
    for (size_t i = 0; i < self->early_size; i++) {
        const journal_early_t *place = &self->early[i];
        if (PUT (self, PUT_EARLY, number (place->n), number (place->stream), number (place->offset),
                 number (place->size)) == -1)
            return -1;
    }
    self->early_rows += self->early_size;
    return 0;
}

static int write_blocks (journal_t *self)
{
    input_blocks_t *blocks = &self->blocks;
    if (blocks->was_rewritten && journal_db_exec (self, "DELETE FROM block", "cannot write") == -1)
        return -1;
    for (size_t i = blocks->clean; i < blocks->size; i++) {
        const input_block_t *block = &blocks->items[i];
        if (PUT (self, PUT_BLOCK, number (block->n), number (block->count), number (block->hash)) == -1)
            return -1;
    }
    return 0;
}

static int write_figures (journal_t *self)
{
    const figures_t *f = &self->figures;
    const journal_run_t *run = &self->run;
    return PUT (self, PUT_FIGURES, number (f->ok), number (f->failed), number (f->broken), number (f->dropped),
                number (f->redelivered), number (f->duplicates), number (f->lost), number (run->printed_bytes),
                number (run->printed_results), number ((uint64_t)now_us ()));
}

static int write_washer (journal_t *self)
{
    return PUT (self, PUT_WASHER, text (self->washer.name), number (self->run.washer_life),
                number (self->run.input_hash), number (self->washer.eof), number (self->washer.total),
                number (self->washer.eof_life));
}

static int write_upstream (journal_t *self)
{
    before_t before = self->washer.before;
    if (before.end == END_NONE)
        return journal_db_exec (self, "DELETE FROM upstream", "cannot write");
    return PUT (self, PUT_UPSTREAM, text (journal_end_names[before.end]), number (before.status));
}

static int write_ending (journal_t *self)
{
    const ending_t *ending = &self->ending;
    if (ending->end == END_NONE)
        return journal_db_exec (self, "DELETE FROM ending", "cannot write");
    return PUT (self, PUT_ENDING, text (journal_end_names[ending->end]), number (ending->status),
                number (ending->figures.total), number ((uint64_t)now_us ()));
}

static int write_told (journal_t *self)
{
    return self->is_told ? PUT (self, PUT_TOLD, number ((uint64_t)now_us ()))
                         : journal_db_exec (self, "DELETE FROM told", "cannot write");
}

//  ---- slow tasks

//  More than enough are kept: what is called slow is twice as long from now on, until there is room.
static int thin_out_slow (journal_t *self)
{
    enum { SLOW_MOST = 100000 };
    while (self->slow_rows > SLOW_MOST && self->slow_us < INT64_MAX / 2) {
        char sql[200];
        self->slow_us *= 2;
        sqlite3_snprintf (sizeof sql, sql,
                          "DELETE FROM task WHERE outcome = 'ok' AND runtime_us < %lld;"
                          "UPDATE run SET slow_us = %lld",
                          (long long)self->slow_us, (long long)self->slow_us);
        int64_t before = sqlite3_total_changes64 (self->db);
        if (journal_db_exec (self, sql, "cannot write") == -1)
            return -1;
        self->slow_rows -= (uint64_t)(sqlite3_total_changes64 (self->db) - before - 1);
    }
    return 0;
}

//  ---- a commit

static int write_all (journal_t *self)
{
    if (write_counted (self) == -1 || write_rows (self) == -1 || write_dryers (self) == -1 ||
        write_early (self) == -1 || write_blocks (self) == -1)
        return -1;
    if ((self->figures_changed && write_figures (self) == -1) || (self->washer_changed && write_washer (self) == -1) ||
        (self->upstream_changed && write_upstream (self) == -1) ||
        (self->ending_changed && write_ending (self) == -1) || (self->told_changed && write_told (self) == -1) ||
        (self->sink_changed && PUT (self, PUT_SINK, number (self->run.sink_life)) == -1))
        return -1;
    return thin_out_slow (self);
}

int journal_db_commit (journal_t *self)
{
    if (write_all (self) == 0 && journal_db_exec (self, "COMMIT", "cannot write") == 0)
        return 0;
    sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
    errno = self->number;
    return -1;
}

int journal_db_begin (journal_t *self)
{
    return journal_db_exec (self, "BEGIN IMMEDIATE", "cannot write");
}

//  ---- open

static int make_run (journal_t *self, const journal_config_t *config)
{
    sqlite3_stmt *statement = NULL;
    const value_t values[] = {number (config->run), number ((uint64_t)now_us ()), text (config->address),
                              text (config->command), number ((uint64_t)self->slow_us)};
    if (journal_db_exec (self, schema, "cannot make its tables") == -1 ||
        journal_db_exec (self, early_schema, "cannot make its tables") == -1 ||
        journal_db_exec (self, later_schema, "cannot make its tables") == -1)
        return -1;
    int rc = sqlite3_prepare_v2 (self->db, "INSERT INTO run VALUES (1, ?, ?, ?, ?, ?)", -1, &statement, NULL);
    for (int i = 0; i < 5 && rc == SQLITE_OK; i++)
        rc = bind (statement, i + 1, &values[i]);
    if (rc == SQLITE_OK)
        rc = sqlite3_step (statement);
    sqlite3_finalize (statement);
    if (rc != SQLITE_DONE)
        return journal_db_fail (self, "cannot make its tables");
    char marks[100];
    sqlite3_snprintf (sizeof marks, marks, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
                      JOURNAL_APPLICATION, JOURNAL_VERSION);
    return journal_db_exec (self, marks, "cannot make its tables");
}

static int prepare_puts (journal_t *self)
{
    for (int i = 0; i < PUTS; i++)
        if (sqlite3_prepare_v3 (self->db, put_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &self->puts[i], NULL) != SQLITE_OK)
            return journal_db_fail (self, "cannot be used");
    return 0;
}

//  The first number of the first row; -1 and an error where there is none.
static int64_t ask (journal_t *self, const char *sql)
{
    int64_t value = -1;
    sqlite3_stmt *statement = NULL;
    errno = 0;
    if (sqlite3_prepare_v2 (self->db, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step (statement) == SQLITE_ROW)
        value = sqlite3_column_int64 (statement, 0);
    else
        journal_db_fail (self, "cannot be read");
    sqlite3_finalize (statement);
    return value;
}

//  Its version, or -1.
static int check_version (journal_t *self)
{
    int64_t application = ask (self, "PRAGMA application_id"), version = ask (self, "PRAGMA user_version");
    if (self->number)
        return -1;
    if (application != JOURNAL_APPLICATION)
        return journal_fail (self, EBADMSG, "the file is a database of another program");
    if (version < 1 || version > JOURNAL_VERSION)
        return journal_fail (self, EPROTO, "the file has version %lld, but this program reads and writes version %d",
                             (long long)version, JOURNAL_VERSION);
    return (int)version;
}

//  Of an earlier version: nothing waits there.
static int upgrade (journal_t *self)
{
    static const char marks[] = "PRAGMA user_version = 2; COMMIT";
    if (journal_db_begin (self) == -1 || journal_db_exec (self, early_schema, "cannot make its tables") == -1)
        return -1;
    return journal_db_exec (self, marks, "cannot make its tables");
}

//  A torn or cut file is found now, and not when half the run depends on it.
static int check_pages (journal_t *self)
{
    bool is_whole = false;
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2 (self->db, "PRAGMA quick_check (1)", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step (statement) == SQLITE_ROW)
        is_whole = !strcmp ((const char *)sqlite3_column_text (statement, 0), "ok");
    else
        journal_db_fail (self, "cannot be read");
    sqlite3_finalize (statement);
    if (!self->number && !is_whole)
        journal_fail (self, EBADMSG, "cannot be read: the file is damaged");
    return self->number ? -1 : 0;
}

static int connect (journal_t *self)
{
    char why[200];
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    if (sqlite3_open_v2 (self->file.path, &self->db, flags, NULL) != SQLITE_OK)
        return journal_db_fail (self, "cannot be opened");
    if (journal_file_check (&self->file, why, sizeof why) == -1)
        return journal_fail (self, errno, "%s", why);
    sqlite3_busy_timeout (self->db, JOURNAL_BUSY_MS);
    sqlite3_db_config (self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config (self->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return journal_db_exec (self, "PRAGMA cell_size_check = ON", "cannot be opened");
}

static int make_tables (journal_t *self, const journal_config_t *config)
{
    if (journal_db_exec (self, modes, "cannot be made") == -1 || journal_db_begin (self) == -1 ||
        make_run (self, config) == -1)
        return -1;
    return 0;
}

//  Nothing is written before it is known to be a journal.
static int take_tables (journal_t *self, journal_mode_t mode)
{
    int version = check_version (self);
    if (version == -1 || check_pages (self) == -1)
        return -1;
    if (mode == JOURNAL_NEW)
        return journal_fail (self, EEXIST, "the file holds a run already: go on with --resume, or name another file");
    if (journal_db_exec (self, modes, "cannot be opened") == -1)
        return -1;
    if (version < JOURNAL_VERSION && upgrade (self) == -1)
        return -1;
    return journal_db_exec (self, later_schema, "cannot be opened");
}

//  Peers that still wait for its sink there are none.
static int check_open (journal_t *self)
{
    if (!self->is_told)
        return 0;
    return journal_fail (self, EEXIST,
                         "its run is over (%s, exit status %u): go on with --resume, or name another file",
                         journal_end_names[self->ending.end], self->ending.status);
}

int journal_db_open (journal_t *self, journal_mode_t mode, const journal_config_t *config)
{
    if (connect (self) == -1)
        return -1;
    int64_t tables = ask (self, "SELECT count (*) FROM sqlite_schema");
    if (tables < 0)
        return -1;
    self->was_there = tables > 0;
    if ((tables ? take_tables (self, mode) : make_tables (self, config)) == -1 || prepare_puts (self) == -1 ||
        journal_load (self) == -1)
        return -1;
    if (mode == JOURNAL_CONTINUE && check_open (self) == -1)
        return -1;
    return tables && mode >= JOURNAL_RESUME ? journal_reopen (self, mode == JOURNAL_RESUME_FAILED) : 0;
}

void journal_db_close (journal_t *self)
{
    for (int i = 0; i < PUTS; i++)
        sqlite3_finalize (self->puts[i]);
    sqlite3_close (self->db);
    self->db = NULL;
}
