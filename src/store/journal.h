/*  journal: what a run has counted, durable: an SQLite file that a restarted sink goes on from.
 *
 *  What is told is gathered in memory; journal_commit makes it durable in one transaction, and then it may be acked.
 *  A set of counted numbers is kept as runs, so that ten million tasks are a few rows; a task has a row of its own
 *  where it failed or was slow. Anyone may read the file with sqlite3 while it is written (doc/journal.md has the
 *  tables); a reader holds nobody up.
 *
 *  What is told never fails by itself: an error, memory included, is sticky and told by the next journal_commit, and
 *  from then on nothing becomes durable. One thread. Only open, commit and close block, on the disk, and while another
 *  program writes to the file for up to JOURNAL_BUSY_MS. A file that was taken away, or replaced, fails the next
 *  commit.
 */
#ifndef DISHES_STORE_JOURNAL_H
#define DISHES_STORE_JOURNAL_H

#include "core/sink.h"

enum { JOURNAL_BUSY_MS = 5000, JOURNAL_ERROR_BYTES = 512 };

typedef struct journal journal_t;

typedef enum {
    JOURNAL_NEW,           // the file must not hold a run
    JOURNAL_CONTINUE,      // made where missing; else the run goes on where its sink stopped, its ending included, as
                           // long as that may not have been told
    JOURNAL_RESUME,        // made where missing; else what is counted stays so, and ending and EOF are void
    JOURNAL_RESUME_FAILED, // the same, and what failed, broke or was dropped is not counted any more
} journal_mode_t;

typedef struct {
    uint64_t run;        // id of a new run; one that is found keeps its own
    const char *address; // of the pipeline; NULL: none. These two are copied into a new run.
    const char *command; // what is run; NULL: not known
    int64_t slow_us;     // a task that succeeded has a row if it took this long; 0: a second; INT64_MAX: none has
} journal_config_t;

//  What the file tells about the run beyond sink_restored_t. Texts live as long as the journal.
typedef struct {
    uint64_t run;
    int64_t started_us;   // since the epoch
    uint64_t washer_life; // the highest that was told; 0: none
    uint64_t sink_life;   // the same
    uint64_t input_hash;  // of that washer's HELLO; 0: none
    uint64_t printed_bytes, printed_results;
    const char *address, *command; // NULL: not told
    uint64_t early;                // tasks whose output is kept until its turn
} journal_run_t;

//  With --keep-order, an output that is counted and waits for its turn has these bytes at this place of the file
//  journal_early_path, behind those told before.
enum { JOURNAL_LINE = 3 }; // what --json says of the task beside its outputs; then these two are of that line, too
typedef struct {
    uint64_t n;
    unsigned stream; // 1, 2, JOURNAL_LINE
    uint64_t offset, size;
} journal_early_t;

//  Opens or makes the file: 0600, no link, ours, on a local file system, and nobody else's at the time. NULL, errno and
//  one line in `error`: EEXIST holds a run (NEW), or one that is over (CONTINUE), EADDRINUSE another sink has it,
//  EOPNOTSUPP network file system, ELOOP a link, EPERM not ours, EBADMSG damaged or no journal, EPROTO another version,
//  and those of open, write and memory.
journal_t *journal_open (const char *path, journal_mode_t mode, const journal_config_t *config, char *error,
                         size_t error_size);

//  What was not committed is gone; the file stays.
void journal_close (journal_t **self_p);

//  Fills what sink_new wants and returns true where the file held a run already. The ranges are borrowed: they live and
//  change with the journal.
bool journal_restored (const journal_t *self, sink_restored_t *out);
journal_run_t journal_run (const journal_t *self);

//  What is counted, whether committed or not: ranges_has says whether a task is, ranges_missing what is left to do.
const ranges_t *journal_counted (const journal_t *self);

//  A completion that counts, as the sink's port `completed` has it; all is copied. Its tasks must not be counted yet.
void journal_completed (journal_t *self, const completion_t *completion);

//  Tasks that the washer knows as counted and the journal does not: their record was lost. `failed` as in its HELLO:
//  how many of all it knows have failed; which ones, nobody knows.
void journal_known (journal_t *self, const ranges_t *counted, uint64_t failed);

//  The figures that only the sink has (redelivered, duplicates, lost), as they are now; those of outcomes are counted.
void journal_figures (journal_t *self, const figures_t *figures);

void journal_sink (journal_t *self, uint64_t life);
void journal_washer (journal_t *self, const char *name, uint64_t life, uint64_t input_hash);
void journal_dryer (journal_t *self, uint64_t life, const char *name, const char *host);
void journal_before (journal_t *self, before_t before); // of the journal_eof that follows
void journal_eof (journal_t *self, bool known, uint64_t total, uint64_t washer);
void journal_ended (journal_t *self, const ending_t *ending);
void journal_told (journal_t *self); // the ending, to everybody: no sink need go on to tell it

//  How far results are out: bytes of the output file, and tasks. To be exact after a crash, the bytes are synced to
//  the file before the commit that tells them, and a restart truncates the file to them.
void journal_cursor (journal_t *self, uint64_t printed_bytes, uint64_t printed_results);

//  Outputs that wait for their turn: where they are, and from which number on they still do. Their bytes are synced
//  before the commit that tells their place, and stay until the one that tells that they are out.
void journal_early (journal_t *self, const journal_early_t *place);
void journal_early_out (journal_t *self, uint64_t next);
const char *journal_early_path (const journal_t *self); // borrowed

//  Those of an earlier life, in the order of numbers and streams, before anything is told: `take` returns 0, or -1 to
//  end it. What stderr had after an end was printed then. 0, or -1: journal_error says why, or `take` has ended it.
typedef int journal_early_fn (void *arg, const journal_early_t *place);
int journal_early_found (journal_t *self, journal_early_fn *take, void *arg);

//  The running hash of the first `last` bytes of the input. A later life of the washer finds those of an earlier one
//  at the same places if both are told at places that depend on the input alone, as each multiple of 64 KiB and the
//  end. They are thinned out as they become many. One behind what is known already is passed over.
void journal_block (journal_t *self, uint64_t last, uint64_t hash);

//  True, and the hash, where one is kept for just this place.
bool journal_block_known (const journal_t *self, uint64_t last, uint64_t *hash);

//  Makes all that was told durable: when it returns 0, a power cut loses none of it. Nothing told, nothing written.
//  -1, errno and journal_error: none of it is to be acked, for good.
int journal_commit (journal_t *self);

//  The line that says what went wrong: "journal FILE: ..."; "" while nothing has.
const char *journal_error (const journal_t *self);

#endif
