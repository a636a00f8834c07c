#include "store/journal_i.h"
#include "core/array.h"
#include "core/dryer.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SLOW_US = 1000 * 1000,
    COMMAND_BYTES = 4096,     // of a command that failed are kept, at most
    SLOW_COMMAND_BYTES = 256, // of one that was slow
    ITEM_BYTES = 1024 * 1024, // of an item that was given up
};

int journal_fail (journal_t *self, int number, const char *format, ...)
{
    if (!self->number) {
        int used = snprintf (self->error, sizeof self->error, "journal %s: ", self->file.path ? self->file.path : "");
        size_t at = (size_t)used < sizeof self->error ? (size_t)used : sizeof self->error - 1;
        va_list args;
        va_start (args, format);
        vsnprintf (self->error + at, sizeof self->error - at, format, args);
        va_end (args);
        self->number = number ? number : EIO;
    }
    errno = self->number;
    return -1;
}

static void out_of_memory (journal_t *self)
{
    journal_fail (self, ENOMEM, "out of memory");
}

//  ---- life

static void destroy (journal_t *self, bool is_void)
{
    journal_db_close (self);
    journal_file_close (&self->file, is_void);
    ranges_free (&self->counted);
    ranges_free (&self->fresh);
    free (self->blocks.items);
    free (self->rows);
    free (self->texts);
    free (self->early);
    free (self->early_path);
    free (self->dryers);
    free ((char *)self->run.address);
    free ((char *)self->run.command);
    free (self);
}

static int open_all (journal_t *self, const char *path, journal_mode_t mode, const journal_config_t *config)
{
    char why[JOURNAL_ERROR_BYTES];
    self->slow_us = config->slow_us ? config->slow_us : SLOW_US;
    if (journal_file_open (&self->file, path, true, why, sizeof why) == -1) {
        self->number = errno;
        snprintf (self->error, sizeof self->error, "journal %.200s: %.290s", path, why);
        return -1;
    }
    if (asprintf (&self->early_path, "%s" JOURNAL_EARLY, self->file.path) == -1) {
        self->early_path = NULL;
        return journal_fail (self, ENOMEM, "out of memory");
    }
    if (journal_db_open (self, mode, config) == -1)
        return -1;
    if (!self->early_rows)
        unlink (self->early_path); // of a life that was killed, and nothing in it is kept
    return 0;
}

journal_t *journal_open (const char *path, journal_mode_t mode, const journal_config_t *config, char *error,
                         size_t error_size)
{
    journal_t *self = calloc (1, sizeof *self);
    if (!self) {
        snprintf (error, error_size, "journal %s: out of memory", path);
        return NULL;
    }
    self->file.fd = -1;
    if (open_all (self, path, mode, config) == 0)
        return self;
    int saved = self->number;
    snprintf (error, error_size, "%s", self->error);
    destroy (self, true);
    errno = saved;
    return NULL;
}

void journal_close (journal_t **self_p)
{
    if (*self_p)
        destroy (*self_p, false);
    *self_p = NULL;
}

//  ---- what is known

bool journal_restored (const journal_t *self, sink_restored_t *out)
{
    *out = (sink_restored_t){.eof = self->washer.eof,
                             .total = self->washer.total,
                             .before = self->washer.before,
                             .eof_life = self->washer.eof_life,
                             .washer_life = self->run.washer_life,
                             .input_hash = self->run.input_hash,
                             .input_bytes = blocks_end (&self->blocks),
                             .failure = self->failure,
                             .counted = self->counted,
                             .figures = self->figures,
                             .ending = self->ending};
    memcpy (out->washer_name, self->washer.name, sizeof out->washer_name);
    return self->was_there;
}

journal_run_t journal_run (const journal_t *self)
{
    return self->run;
}

const ranges_t *journal_counted (const journal_t *self)
{
    return &self->counted;
}

const char *journal_error (const journal_t *self)
{
    return self->error;
}

bool journal_block_known (const journal_t *self, uint64_t last, uint64_t *hash)
{
    return blocks_find (&self->blocks, last, hash);
}

//  ---- what is told

static uint64_t *figure_of (figures_t *figures, outcome_t outcome)
{
    uint64_t *const all[] = {&figures->ok, &figures->failed, &figures->broken, &figures->dropped};
    return all[outcome];
}

static int count (journal_t *self, uint64_t n, uint64_t count)
{
    if (ranges_add (&self->counted, n, count) == 0 && ranges_add (&self->fresh, n, count) == 0)
        return 0;
    out_of_memory (self);
    return -1;
}

//  Of runs without output nobody measures the single task.
static bool has_row (const journal_t *self, const completion_t *what)
{
    if (what->outcome != TASK_OK)
        return true;
    return what->count == 1 && self->slow_us != INT64_MAX && what->runtime_us >= (uint64_t)self->slow_us;
}

static size_t at_most (size_t size, size_t most)
{
    return size < most ? size : most;
}

static void keep_text (journal_t *self, const void *text, size_t size)
{
    if (size)
        memcpy (self->texts + self->texts_size, text, size);
    self->texts_size += size;
}

static void add_row (journal_t *self, const completion_t *what)
{
    size_t command = at_most (what->command_size, what->outcome == TASK_OK ? SLOW_COMMAND_BYTES : COMMAND_BYTES);
    size_t item = what->item ? at_most (what->item->size, ITEM_BYTES) : 0;
    if (array_reserve (&self->rows, &self->rows_capacity, self->rows_size + 1, sizeof *self->rows) == -1 ||
        array_reserve (&self->texts, &self->texts_capacity, self->texts_size + command + item, 1) == -1) {
        out_of_memory (self);
        return;
    }
    self->rows[self->rows_size++] = (row_t){.n = what->n,
                                            .count = what->count,
                                            .dryer = what->dryer,
                                            .outcome = what->outcome,
                                            .attempt = what->attempt,
                                            .status = what->status,
                                            .signal = what->signal,
                                            .flags = what->flags,
                                            .start_us = what->start_us,
                                            .runtime_us = what->runtime_us,
                                            .command_size = command,
                                            .item_size = item,
                                            .has_item = what->item};
    keep_text (self, what->command, command);
    keep_text (self, what->item ? what->item->data : NULL, item);
}

void journal_completed (journal_t *self, const completion_t *completion)
{
    if (self->number)
        return;
    assert (!ranges_present (&self->counted, completion->n, completion->count).count);
    if (count (self, completion->n, completion->count) == -1)
        return;
    *figure_of (&self->figures, completion->outcome) += completion->count;
    self->figures_changed = true;
    if (has_row (self, completion))
        add_row (self, completion);
}

//  Counts what of a run is not counted, without a record; returns how many these were.
static uint64_t count_missing (journal_t *self, run_t run)
{
    uint64_t found = 0, n = run.n, end = run.n + run.count;
    while (n < end && !self->number) {
        run_t missing = ranges_missing (&self->counted, n, end - n);
        if (!missing.count || count (self, missing.n, missing.count) == -1)
            break;
        found += missing.count;
        n = missing.n + missing.count;
    }
    return found;
}

//  As the sink counts them: as failed so many as make up what the washer says, the rest as ok.
void journal_known (journal_t *self, const ranges_t *counted, uint64_t failed)
{
    figures_t *figures = &self->figures;
    uint64_t known = figures->failed + figures->broken + figures->dropped;
    uint64_t unseen = failed > known ? failed - known : 0, found = 0;
    for (size_t i = 0; i < counted->size; i++)
        found += count_missing (self, counted->runs[i]);
    unseen = unseen < found ? unseen : found;
    figures->failed += unseen;
    figures->ok += found - unseen;
    self->figures_changed = self->figures_changed || found;
}

void journal_figures (journal_t *self, const figures_t *figures)
{
    figures_t *mine = &self->figures;
    if (mine->redelivered == figures->redelivered && mine->duplicates == figures->duplicates &&
        mine->lost == figures->lost)
        return;
    mine->redelivered = figures->redelivered;
    mine->duplicates = figures->duplicates;
    mine->lost = figures->lost;
    self->figures_changed = true;
}

void journal_sink (journal_t *self, uint64_t life)
{
    self->run.sink_life = life;
    self->sink_changed = true;
}

void journal_washer (journal_t *self, const char *name, uint64_t life, uint64_t input_hash)
{
    snprintf (self->washer.name, sizeof self->washer.name, "%s", name);
    self->run.washer_life = life > self->run.washer_life ? life : self->run.washer_life;
    self->run.input_hash = input_hash ? input_hash : self->run.input_hash;
    self->washer_changed = true;
}

void journal_dryer (journal_t *self, uint64_t life, const char *name, const char *host)
{
    if (array_reserve (&self->dryers, &self->dryers_capacity, self->dryers_size + 1, sizeof *self->dryers) == -1) {
        out_of_memory (self);
        return;
    }
    dryer_name_t *dryer = &self->dryers[self->dryers_size++];
    dryer->life = life;
    snprintf (dryer->name, sizeof dryer->name, "%s", name);
    snprintf (dryer->host, sizeof dryer->host, "%s", host);
}

void journal_eof (journal_t *self, bool known, uint64_t total, uint64_t washer)
{
    self->washer.eof = known;
    self->washer.total = known ? total : 0;
    self->washer.eof_life = washer;
    self->washer_changed = true;
}

void journal_before (journal_t *self, before_t before)
{
    self->upstream_changed |= before.end != self->washer.before.end || before.status != self->washer.before.status;
    self->washer.before = before;
}

void journal_told (journal_t *self)
{
    self->is_told = self->told_changed = true;
}

void journal_ended (journal_t *self, const ending_t *ending)
{
    self->ending = *ending;
    self->ending_changed = true;
    journal_figures (self, &ending->figures);
}

void journal_cursor (journal_t *self, uint64_t printed_bytes, uint64_t printed_results)
{
    if (self->run.printed_bytes == printed_bytes && self->run.printed_results == printed_results)
        return;
    self->run.printed_bytes = printed_bytes;
    self->run.printed_results = printed_results;
    self->figures_changed = true;
}

void journal_early (journal_t *self, const journal_early_t *place)
{
    if (array_reserve (&self->early, &self->early_capacity, self->early_size + 1, sizeof *self->early) == -1)
        out_of_memory (self);
    else
        self->early[self->early_size++] = *place;
}

void journal_early_out (journal_t *self, uint64_t next)
{
    self->early_next = next < INT64_MAX ? next : INT64_MAX;
}

const char *journal_early_path (const journal_t *self)
{
    return self->early_path;
}

void journal_block (journal_t *self, uint64_t last, uint64_t hash)
{
    if (blocks_add (&self->blocks, last, hash) == -1)
        out_of_memory (self);
}

//  ---- commit

static bool has_news (const journal_t *self)
{
    return self->figures_changed || self->washer_changed || self->upstream_changed || self->ending_changed ||
           self->told_changed || self->sink_changed || self->fresh.size || self->rows_size || self->early_size ||
           (self->early_rows && self->early_next > self->early_gone) || self->dryers_size ||
           self->blocks.clean < self->blocks.size;
}

int journal_commit_begun (journal_t *self)
{
    char why[JOURNAL_ERROR_BYTES];
    if (journal_db_commit (self) == -1)
        return -1;
    if (journal_file_check_all (&self->file, why, sizeof why) == -1)
        return journal_fail (self, errno, "%s", why);
    self->fresh.size = self->fresh.total = 0;
    self->rows_size = self->texts_size = self->early_size = self->dryers_size = 0;
    self->figures_changed = self->washer_changed = self->upstream_changed = self->ending_changed = false;
    self->told_changed = self->sink_changed = false;
    self->blocks.clean = self->blocks.size;
    self->blocks.was_rewritten = false;
    return 0;
}

int journal_commit (journal_t *self)
{
    if (self->number) {
        errno = self->number;
        return -1;
    }
    if (!has_news (self))
        return 0;
    return journal_db_begin (self) == 0 ? journal_commit_begun (self) : -1;
}
