/*  What the sink commits, what is left of it after a crash, and the reader of what is printed. */
#include "core/array.h"
#include "sim.h"

void journal_add (world_t *world, const completion_t *completion)
{
    journal_t *self = &world->journal;
    if (array_reserve (&self->waiting, &self->capacity, self->size + 1, sizeof *self->waiting) == -1)
        abort ();
    const work_t *work = &world->plan.work[completion->n];
    bool ran = completion->outcome == TASK_OK || completion->outcome == TASK_FAILED;
    self->waiting[self->size++] = (record_t){.n = completion->n,
                                             .count = completion->count,
                                             .outcome = completion->outcome,
                                             .attempt = completion->attempt,
                                             .status = completion->status,
                                             .dryer = completion->dryer,
                                             .bytes = ran ? work->out_bytes + work->err_bytes : 0};
}

static uint64_t *figure_of (figures_t *figures, outcome_t outcome)
{
    uint64_t *const all[] = {&figures->ok, &figures->failed, &figures->broken, &figures->dropped};
    return all[outcome];
}

//  Which of them failed is not told.
void journal_known (world_t *world, const ranges_t *counted, uint64_t failed)
{
    journal_t *self = &world->journal;
    uint64_t had = self->figures.failed + self->figures.broken + self->figures.dropped;
    uint64_t unseen = failed > had ? failed - had : 0;
    for (size_t i = 0; i < counted->size; i++)
        for (uint64_t n = counted->runs[i].n; n < counted->runs[i].n + counted->runs[i].count; n++)
            if (n <= world->plan.tasks && !ranges_has (&self->counted, n)) {
                completion_t known = {.n = n, .count = 1, .outcome = unseen ? TASK_FAILED : TASK_OK};
                journal_add (world, &known);
                unseen -= unseen > 0;
            }
}

//  ---- the reader

static void run_reader (world_t *world)
{
    printer_t *self = &world->printer;
    int64_t from = self->at_ms > self->stalled_ms ? self->at_ms : self->stalled_ms;
    self->at_ms = world->now_ms;
    if (from >= world->now_ms)
        return;
    uint64_t took = (uint64_t)((world->now_ms - from) * world->plan.print_bytes_ms);
    self->backlog -= took < self->backlog ? took : self->backlog;
}

uint64_t printer_backlog (world_t *world)
{
    if (world->after)
        return world->plan.durable ? 0 : chain_unread (world); // a file holds nobody up
    run_reader (world);
    return world->printer.backlog;
}

int64_t printer_due_ms (const world_t *world)
{
    const printer_t *self = &world->printer;
    if (!self->backlog || world->after)
        return INT64_MAX;
    return self->stalled_ms > world->now_ms ? self->stalled_ms + 1 : world->now_ms + 10;
}

static void print (world_t *world, uint64_t n, uint64_t bytes)
{
    printer_t *self = &world->printer;
    journal_t *journal = &world->journal;
    if (!world->plan.order_window) {
        self->backlog += bytes;
        journal->printed[journal->printed_size++] = (uint16_t)n;
        return;
    }
    self->early[n] = bytes + 1;
    for (; self->early[self->next + 1]; self->next++) {
        self->backlog += self->early[self->next + 1] - 1;
        journal->printed[journal->printed_size++] = (uint16_t)(self->next + 1);
    }
}

//  ---- the journal

static void settle (world_t *world, const record_t *record)
{
    journal_t *self = &world->journal;
    for (uint64_t n = record->n; n < record->n + record->count; n++) {
        self->known[n] = (uint8_t)(record->outcome + 1);
        self->status[n] = record->status;
        self->attempt[n] = record->attempt;
        self->by[n] = record->dryer;
        print (world, n, record->bytes);
    }
    *figure_of (&self->figures, record->outcome) += record->count;
    if (ranges_add (&self->counted, record->n, record->count) == -1)
        abort ();
}

static void settle_rest (world_t *world)
{
    journal_t *self = &world->journal;
    if (self->eof_waits) {
        self->eof = self->eof_known;
        self->total = self->eof_known ? self->eof_total : 0;
        self->eof_life = self->eof_by;
    }
    if (self->before_waits)
        self->before = self->before_next;
    if (self->washer_next)
        self->washer_life = self->washer_next;
    self->washer_next = 0;
    self->prints_size = self->prints_next;
    if (self->ending_waits) {
        self->ending = self->ending_next;
        world->decided = self->ending;
        world->decided_ms = world->now_ms;
    }
    self->eof_waits = self->ending_waits = self->before_waits = false;
}

int journal_commit (world_t *world, process_t *sink)
{
    journal_t *self = &world->journal;
    if (self->full) {
        TRACE (world, "the disk is full");
        return -1;
    }
    run_reader (world);
    for (size_t i = 0; i < self->size; i++)
        settle (world, &self->waiting[i]);
    bool something = self->size || self->eof_waits || self->ending_waits || self->washer_next ||
                     self->prints_next > self->prints_size;
    self->size = 0;
    settle_rest (world);
    sink_status_t status = sink_status (sink->sink.core);
    self->figures.redelivered = status.figures.redelivered;
    self->figures.duplicates = status.figures.duplicates;
    self->figures.lost = status.figures.lost;
    self->commits++;
    if (something && sink->busy_ms < world->now_ms + world->plan.commit_ms)
        sink->busy_ms = world->now_ms + world->plan.commit_ms;
    chain_committed (world);
    return 0;
}

//  What waits for its turn was kept in the commit that counted it.
void journal_crash (world_t *world)
{
    journal_t *self = &world->journal;
    self->size = 0;
    self->eof_waits = self->ending_waits = self->before_waits = false;
    self->washer_next = 0;
    self->prints_next = self->prints_size;
    world->printer.backlog = 0;
}

void journal_restore (const world_t *world, sink_restored_t *out)
{
    const journal_t *self = &world->journal;
    uint64_t input_bytes = 0;
    for (size_t i = 0; i < self->prints_size; i++)
        input_bytes = self->prints[i].bytes > input_bytes ? self->prints[i].bytes : input_bytes;
    *out = (sink_restored_t){.washer_name = "washer",
                             .eof = self->eof,
                             .before = self->before,
                             .total = self->total,
                             .eof_life = self->eof_life,
                             .washer_life = self->washer_life,
                             .input_bytes = input_bytes,
                             .counted = self->counted,
                             .figures = self->figures,
                             .ending = self->ending};
}

//  -1 where that place had another hash.
int journal_print (journal_t *self, print_t print)
{
    for (size_t i = 0; i < self->prints_next; i++)
        if (self->prints[i].bytes == print.bytes)
            return self->prints[i].hash == print.hash ? 0 : -1;
    if (self->prints_next < MAX_PRINTS)
        self->prints[self->prints_next++] = print;
    return 0;
}

void journal_free (journal_t *self)
{
    ranges_free (&self->counted);
    free (self->waiting);
}
