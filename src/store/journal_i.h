/*  What the parts of the journal share: journal.c gathers, journal_db.c reads and writes, journal_blocks.c keeps the
 *  hashes of the input. */
#ifndef DISHES_STORE_JOURNAL_I_H
#define DISHES_STORE_JOURNAL_I_H

#include <sqlite3.h>

#include "store/journal.h"
#include "store/journal_file.h"

enum { JOURNAL_VERSION = 2, JOURNAL_APPLICATION = 0x64736873 };

//  A row to be written: of a task, or of a run of tasks with the same end. Its texts are in `texts`, one behind the
//  other, and those of the next row follow.
typedef struct {
    uint64_t n, count, dryer;
    outcome_t outcome;
    uint32_t attempt;
    uint16_t status;
    uint8_t signal, flags;
    int64_t start_us;
    uint64_t runtime_us;
    size_t command_size, item_size;
    bool has_item;
} row_t;

typedef struct {
    uint64_t life;
    char name[NAME_BYTES], host[NAME_BYTES];
} dryer_name_t;

typedef struct {
    uint64_t n, count, hash; // the hash of everything up to and with task n + count - 1
} input_block_t;

typedef struct {
    input_block_t *items; // without a gap, from 1
    size_t size, capacity;
    size_t clean;       // the first so many are in the file as they are
    bool was_rewritten; // the file has others
} input_blocks_t;

//  Adds the hash of everything up to and with `last`. 0, or -1 and ENOMEM.
int blocks_add (input_blocks_t *self, uint64_t last, uint64_t hash);
uint64_t blocks_end (const input_blocks_t *self); // the last place; 0: none
bool blocks_find (const input_blocks_t *self, uint64_t last, uint64_t *hash);

typedef enum {
    PUT_COUNTED,
    PUT_TASK,
    PUT_DRYER,
    PUT_FIGURES,
    PUT_WASHER,
    PUT_UPSTREAM,
    PUT_ENDING,
    PUT_TOLD,
    PUT_SINK,
    PUT_BLOCK,
    PUT_EARLY,
    DROP_COUNTED,
    DROP_EARLY,
    PUTS
} put_t;

struct journal {
    journal_file_t file;
    sqlite3 *db;
    sqlite3_stmt *puts[PUTS];
    journal_run_t run;
    int64_t slow_us;
    uint64_t slow_rows; // of tasks that succeeded
    bool was_there;     // the file held a run
    uint8_t failure;    // what an earlier life's first failed task ended with; 0: none has

    ranges_t counted; // all
    ranges_t fresh;   // what of it is not in the file
    figures_t figures;
    struct {
        char name[NAME_BYTES];
        uint64_t total, eof_life;
        bool eof;
        before_t before;
    } washer;
    ending_t ending;
    bool is_told; // to all its peers
    input_blocks_t blocks;
    char *early_path;
    uint64_t early_rows, early_next,
        early_gone; // in the file; of those below `next`, which are out, below `gone` none is

    row_t *rows; // these are emptied by a commit
    size_t rows_size, rows_capacity;
    uint8_t *texts;
    size_t texts_size, texts_capacity;
    journal_early_t *early;
    size_t early_size, early_capacity;
    dryer_name_t *dryers;
    size_t dryers_size, dryers_capacity;
    bool figures_changed, washer_changed, upstream_changed, ending_changed, told_changed, sink_changed;

    int number; // errno of the first error; 0: none
    char error[JOURNAL_ERROR_BYTES];
};

//  Keeps the first error. -1 and its errno.
__attribute__ ((format (printf, 3, 4))) int journal_fail (journal_t *self, int number, const char *format, ...);

//  The end of a commit, once its transaction is open.
int journal_commit_begun (journal_t *self);

//  Opens the file with SQLite, makes the tables or reads them, as the mode wants. 0, or -1 and journal_fail was called.
int journal_db_open (journal_t *self, journal_mode_t mode, const journal_config_t *config);
void journal_db_close (journal_t *self);

//  One transaction: begins; writes all that waits, and ends. 0, or -1 as above.
int journal_db_begin (journal_t *self);
int journal_db_commit (journal_t *self);

//  Reads what the run goes on with. 0, or -1 as above: what does not fit together is refused.
int journal_load (journal_t *self);

//  Makes ending and EOF void, and with `failed` what failed is not counted any more. 0, or -1 as above.
int journal_reopen (journal_t *self, bool failed);

#define JOURNAL_ENDS 6
extern const char *const journal_end_names[JOURNAL_ENDS]; // by end_t

//  The outputs of these tasks wait no more. 0, or -1 as above.
int journal_db_drop_early (journal_t *self, uint64_t from, uint64_t end);

//  Runs statements without values; what SQLite says, as an error of ours with `what` before it.
int journal_db_exec (journal_t *self, const char *sql, const char *what);
int journal_db_fail (journal_t *self, const char *what);

#endif
