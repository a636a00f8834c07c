/*  What a restarted sink reads from its journal. The rows are checked for what the core relies on: a file that was
 *  changed by hand or by a failing disk is refused, not believed. */
#include "core/array.h"
#include "store/journal_i.h"

#include <errno.h>
#include <string.h>

enum { SIGNALLED = 128 }; // and the number of the signal, as a shell says it

const char *const journal_end_names[JOURNAL_ENDS] = {
    [END_NONE] = "none",         [END_JOINED] = "joined",           [END_HALTED] = "halted",
    [END_DEADLINE] = "deadline", [END_INTERRUPTED] = "interrupted", [END_LOST] = "lost",
};

static int damaged (journal_t *self, const char *what)
{
    return journal_fail (self, EBADMSG, "the file is damaged: %s", what);
}

static uint64_t number_at (sqlite3_stmt *row, int column)
{
    return (uint64_t)sqlite3_column_int64 (row, column);
}

static const char *text_at (sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text (row, column);
    return text ? (const char *)text : "";
}

//  ---- a row of each table

static char *copy_at (journal_t *self, sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text (row, column);
    char *copy = text ? strdup ((const char *)text) : NULL;
    if (text && !copy)
        journal_fail (self, ENOMEM, "out of memory");
    return copy;
}

static int load_run (journal_t *self, sqlite3_stmt *row)
{
    self->run.run = number_at (row, 0);
    self->run.started_us = sqlite3_column_int64 (row, 1);
    self->run.address = copy_at (self, row, 2);
    self->run.command = copy_at (self, row, 3);
    self->slow_us = sqlite3_column_int64 (row, 4);
    return self->number ? -1 : 0;
}

static int load_counted (journal_t *self, sqlite3_stmt *row)
{
    run_t run = {number_at (row, 0), number_at (row, 1)};
    const run_t *last = self->counted.size ? &self->counted.runs[self->counted.size - 1] : NULL;
    if (!run_valid (run.n, run.count) || (last && run.n <= last->n + last->count))
        return damaged (self, "the counted ranges are not in order");
    if (ranges_add (&self->counted, run.n, run.count) == -1)
        return journal_fail (self, ENOMEM, "out of memory");
    return 0;
}

static int load_figures (journal_t *self, sqlite3_stmt *row)
{
    uint64_t *const to[] = {&self->figures.ok,      &self->figures.failed,      &self->figures.broken,
                            &self->figures.dropped, &self->figures.redelivered, &self->figures.duplicates,
                            &self->figures.lost,    &self->run.printed_bytes,   &self->run.printed_results};
    for (int i = 0; i < (int)(sizeof to / sizeof *to); i++)
        *to[i] = number_at (row, i);
    return 0;
}

static int load_washer (journal_t *self, sqlite3_stmt *row)
{
    if (strlen (text_at (row, 0)) >= sizeof self->washer.name)
        return damaged (self, "the washer's name is too long");
    strcpy (self->washer.name, text_at (row, 0));
    self->run.washer_life = number_at (row, 1);
    self->run.input_hash = number_at (row, 2);
    self->washer.eof = number_at (row, 3);
    self->washer.total = number_at (row, 4);
    self->washer.eof_life = number_at (row, 5);
    return self->washer.total > INT64_MAX ? damaged (self, "the total is negative") : 0;
}

static end_t end_at (sqlite3_stmt *row, int column)
{
    for (int i = 1; i < JOURNAL_ENDS; i++)
        if (!strcmp (journal_end_names[i], text_at (row, column)))
            return (end_t)i;
    return END_NONE;
}

static int load_upstream (journal_t *self, sqlite3_stmt *row)
{
    self->washer.before = (before_t){.end = end_at (row, 0), .status = (uint8_t)number_at (row, 1)};
    return self->washer.before.end == END_NONE ? damaged (self, "what was before it has ended in no known way") : 0;
}

static int load_ending (journal_t *self, sqlite3_stmt *row)
{
    self->ending.end = end_at (row, 0);
    self->ending.status = (uint8_t)number_at (row, 1);
    self->ending.figures = self->figures;
    self->ending.figures.total = number_at (row, 2);
    return self->ending.end == END_NONE ? damaged (self, "the ending is of no known kind") : 0;
}

static int load_told (journal_t *self, sqlite3_stmt *row)
{
    self->is_told = number_at (row, 0);
    return 0;
}

static int load_sink (journal_t *self, sqlite3_stmt *row)
{
    self->run.sink_life = number_at (row, 0);
    return 0;
}

static int load_block (journal_t *self, sqlite3_stmt *row)
{
    input_blocks_t *to = &self->blocks;
    uint64_t end = to->size ? to->items[to->size - 1].n + to->items[to->size - 1].count : 1;
    input_block_t block = {number_at (row, 0), number_at (row, 1), number_at (row, 2)};
    if (block.n != end || !run_valid (block.n, block.count))
        return damaged (self, "the blocks of the input are not in order");
    if (array_reserve (&to->items, &to->capacity, to->size + 1, sizeof *to->items) == -1)
        return journal_fail (self, ENOMEM, "out of memory");
    to->items[to->size++] = block;
    to->clean = to->size;
    return 0;
}

static int load_slow_rows (journal_t *self, sqlite3_stmt *row)
{
    self->slow_rows = number_at (row, 0);
    return 0;
}

static int load_failure (journal_t *self, sqlite3_stmt *row)
{
    uint64_t status = number_at (row, 0), signal = number_at (row, 1);
    self->failure = (uint8_t)(signal ? SIGNALLED + signal : status);
    return 0;
}

static int load_early (journal_t *self, sqlite3_stmt *row)
{
    self->early_rows = number_at (row, 0);
    self->run.early = number_at (row, 1);
    return 0;
}

//  ---- all of them

static int load (journal_t *self, const char *sql, int (*take) (journal_t *self, sqlite3_stmt *row))
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2 (self->db, sql, -1, &statement, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step (statement);
        if (rc == SQLITE_ROW && take (self, statement) == -1)
            break;
    }
    if (rc != SQLITE_DONE && !self->number)
        journal_db_fail (self, "cannot be read");
    sqlite3_finalize (statement);
    return self->number ? -1 : 0;
}

static const char early_sql[] = "SELECT count (*), count (DISTINCT n) FROM early";

static const struct {
    const char *sql;
    int (*take) (journal_t *self, sqlite3_stmt *row);
} loads[] = {
    {"SELECT id, started_us, address, command, slow_us FROM run", load_run},
    {"SELECT n, count FROM counted ORDER BY n", load_counted},
    {"SELECT ok, failed, broken, dropped, redelivered, duplicates, lost, printed_bytes, printed_results FROM figures",
     load_figures},
    {"SELECT name, life, input_hash, eof, total, eof_life FROM washer ORDER BY life", load_washer},
    {"SELECT how, status FROM upstream", load_upstream},
    {"SELECT how, status, total FROM ending", load_ending},
    {"SELECT count (*) FROM told", load_told},
    {"SELECT life FROM sink", load_sink},
    {"SELECT n, count, hash FROM block ORDER BY n", load_block},
    {"SELECT count (*) FROM task WHERE outcome = 'ok'", load_slow_rows},
    {early_sql, load_early},
    {"SELECT status, signal FROM task WHERE outcome = 'failed' ORDER BY start_us + runtime_us LIMIT 1", load_failure},
};

int journal_load (journal_t *self)
{
    const figures_t *figures = &self->figures;
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++)
        if (load (self, loads[i].sql, loads[i].take) == -1)
            return -1;
    if (figures->ok + figures->failed + figures->broken + figures->dropped != self->counted.total)
        return damaged (self, "its figures do not add up to what is counted");
    return 0;
}

//  ---- going on after an end

static int forget_row (journal_t *self, sqlite3_stmt *row)
{
    uint64_t n = number_at (row, 0), count = number_at (row, 1), *figure = &self->figures.failed;
    if (!strcmp (text_at (row, 2), "broken"))
        figure = &self->figures.broken;
    else if (!strcmp (text_at (row, 2), "dropped"))
        figure = &self->figures.dropped;
    if (!run_valid (n, count) || !ranges_cover (&self->counted, n, count) || *figure < count)
        return damaged (self, "a task that failed is not counted");
    *figure -= count;
    if (journal_db_drop_early (self, n, n + count) == -1)
        return -1;
    if (ranges_remove (&self->counted, n, count) == -1)
        return journal_fail (self, ENOMEM, "out of memory");
    return 0;
}

//  What was removed may stand in the middle of a row, so all rows of `counted` are written again.
static int forget_failed (journal_t *self)
{
    static const char drop[] = "DELETE FROM task WHERE outcome <> 'ok'; DELETE FROM counted";
    if (load (self, "SELECT n, count, outcome FROM task WHERE outcome <> 'ok'", forget_row) == -1 ||
        journal_db_exec (self, drop, "cannot write") == -1)
        return -1;
    for (size_t i = 0; i < self->counted.size; i++)
        if (ranges_add (&self->fresh, self->counted.runs[i].n, self->counted.runs[i].count) == -1)
            return journal_fail (self, ENOMEM, "out of memory");
    self->failure = 0;
    self->figures_changed = true;
    return 0;
}

//  What goes to stderr by itself, and not in a line.
#define IS_ERROR "stream = 2 AND n NOT IN (SELECT n FROM early WHERE stream = 3)"

//  The end has printed what waited; of a file all of it is taken back but stderr.
static int forget_errors (journal_t *self)
{
    return self->ending.end == END_NONE ? 0
                                        : journal_db_exec (self, "DELETE FROM early WHERE " IS_ERROR, "cannot write");
}

int journal_reopen (journal_t *self, bool failed)
{
    if (journal_db_begin (self) == -1 || forget_errors (self) == -1 || (failed && forget_failed (self) == -1) ||
        load (self, early_sql, load_early) == -1)
        return -1;
    self->washer.eof = false; // until the life that said it comes back
    self->ending = (ending_t){0};
    self->is_told = false;
    self->told_changed = true;
    self->washer_changed = self->ending_changed = true;
    return journal_commit_begun (self);
}

//  ---- outputs that wait for their turn

static int found_early (journal_t *self, sqlite3_stmt *row, journal_early_fn *take, void *arg)
{
    journal_early_t place = {number_at (row, 0), (unsigned)number_at (row, 1), number_at (row, 2), number_at (row, 3)};
    if (!ranges_has (&self->counted, place.n) || !place.stream || place.stream > JOURNAL_LINE)
        return damaged (self, "an output waits that is of no counted task");
    return take (arg, &place);
}

int journal_early_found (journal_t *self, journal_early_fn *take, void *arg)
{
    static const char sql[] = "SELECT n, stream, offset, size FROM early WHERE NOT (" IS_ERROR ") OR NOT EXISTS"
                              " (SELECT 1 FROM ending) ORDER BY n, stream, at";
    sqlite3_stmt *statement = NULL;
    int taken = 0, rc = sqlite3_prepare_v2 (self->db, sql, -1, &statement, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step (statement);
        if (rc == SQLITE_ROW && (taken = found_early (self, statement, take, arg)) == -1)
            break;
    }
    int kept = errno;
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        taken = journal_db_fail (self, "cannot be read");
    sqlite3_finalize (statement);
    errno = self->number ? self->number : kept;
    return taken;
}
