/*  printer: what the tasks wrote, on its way to stdout and stderr.
 *
 *  The sink hands over pieces of a task's output as they come from the dryers, and says `done` for each task whose
 *  completion counts. The mode decides what is printed when:
 *
 *    PRINTER_GROUP  a task's output whole, stdout before stderr, when it is done; nothing of a dropped attempt
 *    PRINTER_LINES  whole lines as they come, tasks in between each other; an unfinished line waits for its end
 *    PRINTER_RAW    every byte as it comes; no tags, as in GNU parallel
 *
 *  With `keep_order` tasks are printed in the order of their numbers. What is early waits in spills: memory is bounded
 *  and the rest is in an unlinked file (see spill.h). In the two streaming modes the task whose turn it is streams, and
 *  the lines of a lost attempt may be seen again.
 *
 *  Lines end as GNU parallel has it: at a newline, and for tags at a carriage return too. A last line without a newline
 *  gets none, so that the next task goes on in the same line; unless the config says `is_ended`.
 *
 *  Nothing waits for a slow reader here, except for printer_flush. Pipes, terminals and sockets are written without
 *  blocking, and the O_NONBLOCK flag that others share stays as it is. Call printer_write after each round of the loop
 *  and when poll says so: small outputs are gathered until then, and a call writes a bounded amount so that the loop
 *  goes on. Where stdout and stderr are the same file, everything goes to stdout's descriptor in order.
 *
 *  With `json` a task is one line on stdout, an object of JSON: what its caller says of it, and in it what it wrote,
 *  `stdout` and `stderr` as text, or `stdout_base64` where that is not UTF-8. The bytes are kept as they came, and
 *  become JSON on their way out, a buffer at a time.
 *
 *  An error (the reader went away, the disk is full) is sticky: every later call fails with the same errno and keeps
 *  nothing. SIGPIPE and SIGXFSZ are for the caller to ignore. One thread.
 */
#ifndef DISHES_STORE_PRINTER_H
#define DISHES_STORE_PRINTER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct printer printer_t;

#define PRINTER_ALL_BYTES UINT64_MAX

typedef enum { PRINTER_GROUP = 0, PRINTER_LINES = 1, PRINTER_RAW = 2 } printer_mode_t;

typedef struct {
    printer_mode_t mode;
    bool keep_order;
    bool tag;             // each line begins with its task's tag and a TAB
    bool json;            // PRINTER_GROUP: lines of JSON, no tags; its last byte is `end` with is_ended, else a newline
    bool is_ended;        // PRINTER_GROUP: what a task wrote to stdout, if anything, ends with `end`
    uint8_t end;          // which is added where it is missing; stderr goes first, for who reads stdout may be quick
    uint64_t first;       // with keep_order: the number that is printed first; 0: 1
    int out_fd, err_fd;   // borrowed; usually 1 and 2
    const char *out_path; // NULL, or the file for stdout instead of out_fd: made anew, or emptied
    bool is_private;      // out_path is for this user alone: 0600, and no link
    bool is_resumed;      // out_path keeps its first out_bytes, and goes on behind them
    uint64_t out_bytes;   // PRINTER_ALL_BYTES: whatever it has
    bool holds;           // nothing goes to a pipe but by printer_write and printer_flush (out_path: as it comes)
    const char *keep_path; // NULL, or the file that outputs which wait for their turn outlive the process in: see below
    const char *directory; // where to keep what does not fit in memory; NULL: $TMPDIR, or /tmp
    size_t memory_bytes;   // kept in memory, all together; 0: 8 MiB
    size_t task_bytes;     // kept in memory of one stream of one task; 0: 1 MiB
} printer_config_t;

//  A task's output as one dryer sends it. At any time a source has at most one attempt of a number.
typedef struct {
    uint64_t source;  // the dryer's life
    uint64_t n;       // the task's number
    const void *tag;  // its tag, without the TAB: the same in each call; looked at only if the config says `tag`
    size_t tag_size;  // bytes
    const void *line; // with `json`, when it is done: an object but for its last brace; it has a member at least
    size_t line_size;
} printer_task_t;

//  Of these the last is what `line` was.
enum { PRINTER_OUT = 0, PRINTER_ERR = 1, PRINTER_LINE = 2, PRINTER_STREAMS = 3 };

//  NULL and errno: ENOMEM, or why out_path cannot be opened (the caller knows the path); EAGAIN, it is a FIFO that
//  nobody reads yet. A descriptor that is not open is found out when something is to be written there.
printer_t *printer_new (const printer_config_t *config);
void printer_destroy (printer_t **self_p);

//  A part of a task's output, for PRINTER_OUT or PRINTER_ERR, before it is known whether the attempt counts.
//  Borrows the bytes for the time of the call, as all these calls do. 0, or -1 and the sticky errno.
int printer_piece (printer_t *self, const printer_task_t *task, int stream, const void *data, size_t size);

//  The attempt counts, its output is whole: the pieces of this source and number, then these bytes. Of every number
//  exactly one attempt is done, or the number is in one printer_empty_run. 0, or -1 and the sticky errno; EEXIST, which
//  is not sticky: the number was done before, and this output is thrown away.
int printer_done (printer_t *self, const printer_task_t *task, const void *out, size_t out_size, const void *err,
                  size_t err_size);

//  With `json`: the line of a task without output, at once, whatever the order; printer_empty_run passes over its
//  number. 0, or -1 and the sticky errno.
int printer_aside (printer_t *self, const printer_task_t *task);

//  The attempt does not count (duplicate, failed and tried again): throws its pieces away.
void printer_drop (printer_t *self, uint64_t source, uint64_t n);

//  The dryer was lost: throws away the pieces of all its attempts that are not done.
void printer_drop_source (printer_t *self, uint64_t source);

//  The numbers n … n + count - 1 are done without any output (completed in silence, dropped, broken). Costs the same
//  for a million as for one. They must have no pieces. 0, or -1 and errno: sticky, or ENOMEM.
int printer_empty_run (printer_t *self, uint64_t n, uint64_t count);

//  With keep_order, when no more numbers will be done: prints what waits in order, passing over the gaps.
int printer_end_order (printer_t *self);

//  Writes what goes now, a few MiB at most. 0, also when bytes are left; -1 and the sticky errno.
int printer_write (printer_t *self);

//  The descriptors to poll for POLLOUT: how many were filled in, 0 when there is nothing to write.
size_t printer_fds (const printer_t *self, struct pollfd fds[2]);

//  Writes everything that may be printed, and blocks for it up to timeout_ms (-1: without end, 0: what goes now).
//  Then closes out_path's file if there is one, for only closing tells whether some file systems kept the bytes.
//  0 when all is written; -1 and ETIMEDOUT (nothing is lost, call again), or the sticky errno.
int printer_flush (printer_t *self, int64_t timeout_ms);

//  Writes to out_path what may be printed, and makes it durable; blocks on the disk. `bytes` is then how long the file
//  is. Nothing to do without out_path. 0, or -1 and the sticky errno.
int printer_sync (printer_t *self, uint64_t *bytes);

//  Of out_path's file: how many of its bytes are written; 0 where there is none.
uint64_t printer_written (const printer_t *self);

//  ---- with keep_path: what waits for its turn outlives the process

//  So many bytes of a task's stream are at this place of the file, behind those told before.
typedef struct {
    uint64_t n;
    int stream; // PRINTER_OUT, …
    uint64_t offset, size;
} printer_place_t;

//  Makes durable what is done and waits for its turn, and tells where it is, of that what was not told yet. Blocks on
//  the disk. `tell` returns 0, or -1 to end it. 0, or -1 and the sticky errno, or what `tell` left in errno.
typedef int printer_place_fn (void *arg, const printer_place_t *place);
int printer_keep (printer_t *self, printer_place_fn *tell, void *arg);

//  It is durable now which numbers were printed up to here: their places may be used again.
void printer_kept (printer_t *self);

//  Before any task, in place of printer_done: the places that an earlier process told, all of one number together and
//  each in its order; then printer_found. A number that was found is done. Without keep_order all of it is printed
//  then. 0, or -1 and errno: ENODATA, it is not there.
int printer_find (printer_t *self);
int printer_find_place (printer_t *self, const printer_place_t *place);
int printer_found (printer_t *self);

//  With keep_order, the number that is printed next.
uint64_t printer_next (const printer_t *self);

//  Output that waits for nothing but the reader, in memory or on disk: bytes. The sink grants less while this is
//  large. What waits for the rest of its task or for its turn is not in it, for that would wait for other messages.
uint64_t printer_backlog_bytes (const printer_t *self);

//  Of the bytes accepted so far, how many left no backlog behind: written, put aside until their turn, or thrown away.
//  An absolute count that never falls, and reaches the number of bytes accepted when the backlog is empty: a sender
//  may be granted this and a window more.
uint64_t printer_consumed_bytes (const printer_t *self);

//  Bytes given to all printer_piece and printer_done calls so far.
uint64_t printer_accepted_bytes (const printer_t *self);

//  The sticky error: 0, or an errno; EPIPE: the reader went away.
int printer_error (const printer_t *self);

//  The same in words, "cannot write to stdout: No space left on device"; "" without one. Borrowed.
const char *printer_error_text (const printer_t *self);

#endif
