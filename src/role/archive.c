#include "role/archive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

//  What behind the last whole line was torn is cut off, before anything is appended.
static int resume_joblog (archive_t *self)
{
    char error[JOURNAL_ERROR_BYTES];
    const sink_role_config_t *config = self->config;
    if (joblog_read (config->joblog, &self->jobs, error, sizeof error) == -1) {
        talk_say (&config->talk, TALK_ERROR, "%s", error);
        return -1;
    }
    self->is_restored = self->is_of_joblog = true;
    if (truncate (config->joblog, (off_t)self->jobs.whole_bytes) == -1 && errno != ENOENT && errno != EINVAL) {
        talk_say (&config->talk, TALK_ERROR, "cannot go on with the job log %s: %s", config->joblog, strerror (errno));
        return -1;
    }
    if (config->journal_mode != JOURNAL_RESUME_FAILED)
        return 0;
    for (size_t i = 0; i < self->jobs.failed.size; i++)
        if (ranges_remove (&self->jobs.logged, self->jobs.failed.runs[i].n, self->jobs.failed.runs[i].count) == -1)
            return -1;
    return 0;
}

static bool is_resuming (const archive_t *self)
{
    journal_mode_t mode = self->config->journal_mode;
    return mode == JOURNAL_RESUME || mode == JOURNAL_RESUME_FAILED;
}

int archive_open (archive_t *self, const sink_role_config_t *config, uint64_t run)
{
    char error[JOURNAL_ERROR_BYTES];
    *self = (archive_t){.config = config};
    if (!config->journal)
        return config->joblog && is_resuming (self) ? resume_joblog (self) : 0;
    endpoint_t address;
    address_show (&config->site.at, address);
    journal_config_t journal = {.run = run, .address = address, .command = config->command};
    self->journal = journal_open (config->journal, config->journal_mode, &journal, error, sizeof error);
    if (!self->journal) {
        talk_say (&config->talk, TALK_ERROR, "%s", error);
        return -1;
    }
    sink_restored_t restored;
    self->is_restored = journal_restored (self->journal, &restored);
    return 0;
}

void archive_close (archive_t *self)
{
    journal_close (&self->journal);
    if (self->is_of_joblog)
        joblog_jobs_free (&self->jobs);
    *self = (archive_t){0};
}

uint64_t archive_run (const archive_t *self, uint64_t run)
{
    return self->journal ? journal_run (self->journal).run : run;
}

const sink_restored_t *archive_restored (const archive_t *self, sink_restored_t *out)
{
    *out = (sink_restored_t){0};
    if (!self->is_restored)
        return NULL;
    if (self->journal)
        journal_restored (self->journal, out);
    else // nobody knows how they ended
        *out = (sink_restored_t){.counted = self->jobs.logged, .figures.ok = self->jobs.logged.total};
    if (is_resuming (self))
        *out->washer_name = '\0'; // a user's new washer, by whatever name
    out->is_resumed = is_resuming (self);
    return out;
}

static const ranges_t *counted (const archive_t *self)
{
    return self->journal ? journal_counted (self->journal) : &self->jobs.logged;
}

//  On a pipe nobody can say what its reader has had.
static void say_gap (const archive_t *self, uint64_t printed)
{
    uint64_t all = counted (self)->total;
    if (all > printed)
        talk_say (&self->config->talk, TALK_NOTICE,
                  "the output of up to %llu tasks that are counted may be missing: nothing is printed twice",
                  (unsigned long long)(all - printed));
}

//  Of --keep-order. An earlier life may have printed in no order.
static uint64_t first_to_print (const archive_t *self)
{
    uint64_t missing = ranges_missing (counted (self), 1, INT64_MAX - 1).n;
    uint64_t after = self->journal ? journal_run (self->journal).printed_results + 1 : missing;
    return after < missing ? after : missing;
}

void archive_prepare (const archive_t *self, printer_config_t *printer)
{
    if (!self->is_restored)
        return;
    printer->is_resumed = true;
    printer->first = first_to_print (self);
    printer->out_bytes = PRINTER_ALL_BYTES;
    if (!self->journal)
        return;
    printer->out_bytes = journal_run (self->journal).printed_bytes;
    if (!printer->out_path)
        say_gap (self, journal_run (self->journal).printed_results);
}

int archive_replay (const archive_t *self, results_t *results)
{
    if (!self->is_restored)
        return 0;
    return results_go_on (results, counted (self), first_to_print (self));
}

void archive_completed (archive_t *self, const completion_t *completion)
{
    if (self->journal)
        journal_completed (self->journal, completion);
}

void archive_known (archive_t *self, const ranges_t *counted, uint64_t failed)
{
    if (self->journal)
        journal_known (self->journal, counted, failed);
}

void archive_washer (archive_t *self, const char *name, uint64_t life, uint64_t input_hash)
{
    if (self->journal)
        journal_washer (self->journal, name, life, input_hash);
}

void archive_dryer (archive_t *self, uint64_t life, const char *name, const char *host)
{
    if (self->journal)
        journal_dryer (self->journal, life, name, host);
}

int archive_input (archive_t *self, uint64_t bytes, uint64_t hash)
{
    uint64_t known;
    if (journal_block_known (self->journal, bytes, &known))
        return known == hash ? 0 : -1;
    journal_block (self->journal, bytes, hash);
    return 0;
}

void archive_eof (archive_t *self, bool known, uint64_t total, uint64_t washer)
{
    if (self->journal)
        journal_eof (self->journal, known, total, washer);
}

void archive_ended (archive_t *self, const ending_t *ending)
{
    if (self->journal)
        journal_ended (self->journal, ending);
}

int archive_commit (archive_t *self, results_t *results, const figures_t *figures)
{
    if (results_keep (results, self->journal) == -1)
        return -1;
    if (!self->journal)
        return 0;
    uint64_t bytes = 0;
    if (self->config->printer.out_path && results_sync (results, &bytes) == -1)
        return -1;
    journal_cursor (self->journal, bytes, results_printed (results));
    journal_figures (self->journal, figures);
    return journal_commit (self->journal);
}

const char *archive_error (const archive_t *self)
{
    return self->journal ? journal_error (self->journal) : "";
}
