#include "role/archive.h"
#include "role/life.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

//  What behind the last whole line was torn is cut off, before anything is appended.
static int cut_joblog (const archive_t *self)
{
    const sink_role_config_t *config = self->config;
    if (config->is_dry || truncate (config->joblog, (off_t)self->jobs.whole_bytes) == 0 || errno == ENOENT ||
        errno == EINVAL)
        return 0;
    talk_say (&config->talk, TALK_ERROR, "cannot go on with the job log %s: %s", config->joblog, strerror (errno));
    return -1;
}

static int resume_joblog (archive_t *self)
{
    char error[JOURNAL_ERROR_BYTES];
    const sink_role_config_t *config = self->config;
    if (joblog_read (config->joblog, &self->jobs, error, sizeof error) == -1) {
        talk_say (&config->talk, TALK_ERROR, "%s", error);
        return -1;
    }
    self->is_restored = self->is_of_joblog = true;
    if (cut_joblog (self) == -1)
        return -1;
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

//  What is left may be meant to be done otherwise.
static void look_at_command (const archive_t *self)
{
    const char *now = self->config->command, *then = journal_run (self->journal).command;
    if (now && then && strcmp (now, then) != 0)
        talk_say (&self->config->talk, TALK_NOTICE, "the run that goes on was begun with another command: %s", then);
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
    look_at_command (self);
    self->durable_bytes = self->is_restored ? journal_run (self->journal).printed_bytes : 0;
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

int archive_begin (archive_t *self, uint64_t *life)
{
    if (!self->journal) {
        *life = life_new ();
        return 0;
    }
    journal_run_t run = journal_run (self->journal);
    life_pass (run.sink_life);
    life_pass (run.washer_life);
    journal_sink (self->journal, *life = life_new ());
    if (journal_commit (self->journal) == 0)
        return 0;
    talk_say (&self->config->talk, TALK_ERROR, "%s", journal_error (self->journal));
    return -1;
}

static const ranges_t *counted (const archive_t *self)
{
    return self->journal ? journal_counted (self->journal) : &self->jobs.logged;
}

//  On a pipe nobody can say what its reader has had.
static void say_gap (const archive_t *self)
{
    journal_run_t run = journal_run (self->journal);
    uint64_t all = counted (self)->total, safe = run.printed_results + run.early;
    if (all > safe)
        talk_say (&self->config->talk, TALK_NOTICE,
                  "the output of up to %llu tasks that are counted may be missing: nothing is printed twice",
                  (unsigned long long)(all - safe));
}

//  Of --keep-order. An earlier life may have printed in no order.
static uint64_t first_to_print (const archive_t *self)
{
    uint64_t missing = ranges_missing (counted (self), 1, INT64_MAX - 1).n;
    uint64_t after = self->journal ? journal_run (self->journal).printed_results + 1 : missing;
    return after < missing ? after : missing;
}

static bool keeps_early (const archive_t *self)
{
    return self->journal && (self->config->printer.keep_order || journal_run (self->journal).early);
}

void archive_prepare (const archive_t *self, printer_config_t *printer)
{
    printer->holds = self->journal;
    printer->keep_path = keeps_early (self) ? journal_early_path (self->journal) : NULL;
    if (!self->is_restored)
        return;
    printer->is_resumed = true;
    printer->first = first_to_print (self);
    printer->out_bytes = PRINTER_ALL_BYTES;
    if (!self->journal)
        return;
    printer->out_bytes = journal_run (self->journal).printed_bytes;
    if (!printer->out_path)
        say_gap (self);
}

static int take_early (void *arg, const journal_early_t *early)
{
    static const int streams[] = {PRINTER_OUT, PRINTER_OUT, PRINTER_ERR, PRINTER_LINE};
    printer_place_t place = {early->n, streams[early->stream], early->offset, early->size};
    return results_found (arg, &place);
}

static int tell_early (void *arg, const printer_place_t *place)
{
    const archive_t *self = arg;
    static const unsigned streams[] = {[PRINTER_OUT] = 1, [PRINTER_ERR] = 2, [PRINTER_LINE] = JOURNAL_LINE};
    journal_early_t early = {place->n, streams[place->stream], place->offset, place->size};
    journal_early (self->journal, &early);
    return 0;
}

static int commit (archive_t *self, results_t *results)
{
    uint64_t bytes = 0;
    if (results_sync (results, &bytes, tell_early, self) == -1)
        return -1;
    journal_cursor (self->journal, bytes, results_printed (results));
    journal_early_out (self->journal, results_next (results));
    if (journal_commit (self->journal) == -1)
        return -1;
    self->durable_bytes = bytes;
    results_synced (results);
    return 0;
}

//  What need not wait for its turn in this life is out, and that is durable before any of it goes to a pipe.
static int replay (archive_t *self, results_t *results)
{
    if (keeps_early (self) &&
        (results_find (results) == -1 || journal_early_found (self->journal, take_early, results) == -1))
        return -1;
    if (results_go_on (results, counted (self), first_to_print (self)) == -1)
        return -1;
    return keeps_early (self) ? commit (self, results) : 0;
}

int archive_replay (archive_t *self, results_t *results)
{
    const talk_t *talk = &self->config->talk;
    if (!self->is_restored || replay (self, results) == 0)
        return 0;
    int number = errno;
    if (*archive_error (self))
        talk_say (talk, TALK_ERROR, "%s", archive_error (self));
    else if (number == ENODATA)
        talk_say (talk, TALK_ERROR, "%s does not hold the outputs that the journal says",
                  journal_early_path (self->journal));
    else
        talk_say (talk, TALK_ERROR, "cannot go on with the outputs of the run: %s", strerror (number));
    return -1;
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

void archive_before (archive_t *self, before_t before)
{
    if (self->journal)
        journal_before (self->journal, before);
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

void archive_told (archive_t *self)
{
    if (!self->journal)
        return;
    journal_told (self->journal);
    journal_commit (self->journal);
}

int archive_commit (archive_t *self, results_t *results, const figures_t *figures)
{
    if (results_keep (results, self->journal) == -1)
        return -1;
    if (!self->journal)
        return 0;
    journal_figures (self->journal, figures);
    return commit (self, results);
}

uint64_t archive_shown (const archive_t *self, const results_t *results)
{
    return self->journal ? self->durable_bytes : results_written (results);
}

const char *archive_error (const archive_t *self)
{
    return self->journal ? journal_error (self->journal) : "";
}
