/*  input: where the washer's items come from, and how they become blocks of tasks.
 *
 *  Two ways lead through this layer. With one source, one value an item, and nothing to leave out or to fit, the
 *  bytes stay as they were read (BLOCK_DELIMITED): read() goes straight into a block, delimiters are counted, and
 *  the slice that holds the whole tasks is handed out; the torn tail begins the next slice. Every other input is
 *  put together value by value (BLOCK_PREFIXED): products, linked sources, -X, -s with -n, -r.
 *
 *  A third one is for --pipe: one source is cut into blocks of whole records (BLOCK_WHOLE), each of them a task.
 *
 *  It is a pull interface for an event loop, and it never blocks on a pipe, a socket or a terminal:
 *
 *      batch_t batch;
 *      int rc = input_read (input, &batch);       // 1: a batch; 0: nothing now; -1: input_error () says why
 *      if (rc == 0 && !input_eof (input))
 *          ... poll input_fd (input) for POLLIN, then read again
 *
 *  What a slow writer has written as whole tasks is handed out at once; only -X and -s wait, to fill their tasks.
 *  An input belongs to one thread at a time; the slices that it hands out may go to any.
 */
#ifndef DISHES_INPUT_INPUT_H
#define DISHES_INPUT_INPUT_H

#include "core/block.h"
#include "input/follow.h"

typedef struct input input_t;

enum { INPUT_STDIN = 0, INPUT_FILE, INPUT_LIST, INPUT_FOLLOW };

//  One source of items. What it points to is borrowed until input_destroy.
typedef struct {
    int kind;                 // INPUT_STDIN, INPUT_FILE, INPUT_LIST or INPUT_FOLLOW
    bool linked;              // goes in step with the source before it (`:::+`): the shortest ends them
    const char *path;         // of INPUT_FILE ("-" is standard input); of INPUT_FOLLOW, a regular file; of INPUT_STDIN
                              // what it is called, or NULL
    const char *const *items; // of INPUT_LIST: each is one item, whatever the delimiter
    size_t count;             // of INPUT_LIST
    follow_t *follow;         // of INPUT_FOLLOW: how far it may be read
} input_source_t;

//  A text that ends or begins a record.
enum { MARK_BYTES = 128 };
typedef struct {
    uint8_t bytes[MARK_BYTES];
    size_t size; // 0: none
} mark_t;

//  Begin with input_defaults () and change what was asked for.
typedef struct {
    const input_source_t *sources; // in the order of the command line; the last varies fastest
    size_t source_count;           // 0: standard input alone
    int stdin_fd;                  // what "standard input" is; never closed, its flags are left alone
    uint8_t delimiter;             // ends the items of files and standard input
    bool pack;                     // -X: as many items a task as fit
    bool skip_blank;               // -r: items that are empty or only white space are left out, source by source
    uint32_t task_items;           // -n: items a task at most; 0: not given (1, or with `pack` no limit)
    size_t task_bytes;             // -s: bytes of a task's command at most; 0: not given (with `pack` 128 KiB)
    size_t command_bytes;          // of `task_bytes`, what the command's own words take; a value takes its size + 1
    size_t max_item_bytes;         // an item (with -n, a task) beyond it is an error; at most INPUT_MAX_ITEM_LIMIT
    size_t block_bytes;            // usual size of a block
    bool pipe;                     // blocks of whole records for a command's stdin; `task_items`: records a block
    size_t pipe_bytes;             // --block: bytes of one at most, where no record is longer; 0: 1 MiB
    bool has_record_end;           // else a record ends with `delimiter`, or where the next one starts
    mark_t record_end;             // --recend; empty, and no start either: a block may be cut anywhere
    mark_t record_start;           // --recstart
    uint32_t header_lines;         // the first lines of the input are the front of each block
} input_config_t;

#define INPUT_MAX_ITEM_LIMIT ((size_t)2 << 30)

//  Lines of fd 0, one a task, items up to 64 MiB, blocks of 64 KiB.
input_config_t input_defaults (void);

//  The byte that `-d TEXT` names: one character, or one of \a \b \f \n \r \t \v \\ \0 \NNN (octal) \xHH.
//  Returns 0, or -1 with EINVAL.
int input_delimiter (const char *text, uint8_t *delimiter);

//  The bytes that `--recend TEXT` names: as of input_delimiter, any number of them. Returns 0, or -1 with EINVAL.
int input_mark (const char *text, mark_t *mark);

//  Opens every source, and reads nothing. Returns NULL with errno where one cannot be read (missing, a directory,
//  not open for reading, standard input named twice) or the configuration makes no sense; then `error` holds one
//  line without newline that says so. The configuration itself is copied, what it points to is borrowed.
input_t *input_new (const input_config_t *config, char *error, size_t error_size);
void input_destroy (input_t **self_p);

//  How tasks lie in every batch of this input; fixed from the start.
const shape_t *input_shape (const input_t *self);

//  Some whole tasks, in input order.
typedef struct {
    slice_t bytes;
    uint64_t tasks;
    uint64_t items; // in those tasks; less than tasks * -n only where a task is not full. With `pipe`: tasks
    shape_t shape;  // how they lie there; one with 0 items: as the whole input
} batch_t;

//  Reads what is there. Returns 1 with a batch (the caller owns its slice), 0 when nothing can be had now (the end:
//  input_eof; else wait for input_fd), -1 with errno when the input cannot go on: a read failed (its errno), an
//  item is too long (EMSGSIZE), no memory (ENOMEM). After -1 each call gives the same. Never waits for a writer; a
//  read from a disk may take its time. What was whole before an error is handed out first.
int input_read (input_t *self, batch_t *out);

//  After input_read returned 0: the descriptor to poll for POLLIN. Else -1: read again without waiting. It may be
//  another one each time.
int input_fd (const input_t *self);

bool input_eof (const input_t *self);          // every task was handed out
const char *input_error (const input_t *self); // after -1: one line without newline; "" before

//  True where a source is a terminal: somebody may have forgotten to give an input.
bool input_is_terminal (const input_t *self);

//  Whether a source is this file, by whatever name. False also where it cannot be looked at.
bool input_reads (const input_t *self, const char *path);

#endif
