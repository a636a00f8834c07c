/*  runner: slots in which commands run.
 *
 *  Starts tasks, keeps their stdout and stderr apart, ends those that take too long, reaps them and hands out
 *  results, without ever blocking: put runner_fd () among the descriptors that the loop polls, wake at runner_due (),
 *  call runner_process (), take results until there are none.
 *
 *  A task ends when its command has exited. What was written until then is in the result; what a process left in the
 *  background writes later is lost (it gets SIGPIPE) and holds nothing up. A task that we end ourselves, though, ends
 *  with its group: it counts as ended when nothing of it holds its output any more, or when KILL was sent.
 *
 *  Streaming (RUNNER_LINES, RUNNER_BYTES) hands out pieces as they come, at most RUNNER_BUFFER_BYTES a stream are kept;
 *  what the caller does not take stays in the pipe, and the command waits. In RUNNER_LINES a piece is whole lines,
 *  except that a line longer than the buffer comes in several pieces, and that the last line may lack its newline.
 *
 *  With `pipe` the task's bytes are the stdin of its command (spout.h); else stdin is /dev/null. A task of BLOCK_WHOLE
 *  is written as it is, items that end with a delimiter with that, and of others there must be one. SIGPIPE must be
 *  ignored.
 *
 *  One thread a runner, and that thread must live as long as the process does (the kernel sends PR_SET_PDEATHSIG when
 *  the thread that made a child ends). Before the first one: child_remember () in child.h.
 */
#ifndef DISHES_RUN_RUNNER_H
#define DISHES_RUN_RUNNER_H

#include "run/capture.h"
#include "run/guardian.h"
#include "run/template.h"
#include "run/termseq.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct runner runner_t;

enum { RUNNER_BUFFER_BYTES = 1 << 20 };

typedef enum { RUNNER_GROUP, RUNNER_LINES, RUNNER_BYTES } runner_output_t;

//  What is started; all borrowed during the call.
typedef struct {
    uint64_t ticket;  // the caller's, comes back in the results
    uint64_t n;       // the task's number, {#}
    uint32_t attempt; // 1...
    const shape_t *shape;
    const uint8_t *data; // exactly the task's bytes
    size_t size;
    block_t *block; // with `pipe`: where they lie, kept until they are written
} runner_task_t;

//  Just before a command runs (or is shown, with dry_run): its text, borrowed. For -t. Must not call the runner.
typedef void runner_start_fn (void *arg, const runner_task_t *task, uint32_t slot, const char *text, size_t size);

typedef struct {
    uint32_t slots;            // 1..., see runner_resize
    const template_t *command; // borrowed, outlives the runner
    const template_t *tag;     // of template_tag_new, borrowed; NULL: results have no tag
    guardian_t *guardian;      // borrowed, NULL for none (ENOSPC when it has too few places)
    runner_output_t output;
    size_t memory_bytes;          // of a task's stream before it goes to a file; 0: RUNNER_BUFFER_BYTES
    const char *tmpdir;           // for such files; NULL: $TMPDIR, or /tmp
    int64_t timeout_ms;           // of a task; 0: none
    termseq_t termseq;            // {0}: TERMSEQ_DEFAULT
    int64_t delay_ms;             // between two starts
    int nice;                     // added to our own
    bool pipe;                    // the task's bytes go to stdin
    bool dry_run;                 // the command's text is the stdout, nothing runs
    bool want_text;               // results carry the command's text
    bool want_item;               // results carry the task's values
    const char *pipeline, *dryer; // DISHES_PIPELINE, DISHES_DRYER; NULL: not set
    runner_start_fn *on_start;    // or NULL
    void *arg;
} runner_opts_t;

typedef enum { RUNNER_DONE, RUNNER_PIECE } runner_kind_t;

//  What became of a task, or a piece of its output. Belongs to the caller until runner_give_back.
typedef struct {
    runner_kind_t kind;
    uint64_t ticket, n;
    uint32_t attempt, slot;
    const char *tag; // of opts.tag; NULL without
    size_t tag_bytes;

    //  RUNNER_PIECE
    int stream;       // 1 stdout, 2 stderr
    const char *data; // never NUL-terminated
    size_t size;      // bytes
    bool partial;     // RUNNER_LINES: does not end with a newline

    //  RUNNER_DONE, after all its pieces
    int status; // 0..255 of the command; 126/127 when it was not started, 125 when its output could not be kept; 0 with
                // a signal
    int signal; // that ended it, or 0
    bool started;       // false: "could not start", as against "ran and failed"
    bool timed_out;     // a timeout of ours ended it: failed, whatever its status
    bool killed;        // runner_kill ended it
    double start_s;     // wall time, seconds since 1970
    double elapsed_s;   // by the monotonic clock
    const char *reason; // of a failure that is ours to explain, one line without newline; else NULL. With
                        // RUNNER_GROUP it is also the last line of `err`, in streaming the last piece
    const char *text;   // of the command, with opts.want_text; else NULL
    size_t text_bytes;
    const uint8_t *item; // the values as core/item.h has them, with opts.want_item; else NULL
    size_t item_bytes;
    capture_t *out, *err; // whole; empty in streaming
} runner_result_t;

//  New, copies `opts` but for what it borrows. NULL and errno (EINVAL, ENOMEM, EMFILE, ENOSPC).
runner_t *runner_new (const runner_opts_t *opts);

//  KILLs all groups and reaps them (waits for that, a second at most); results not taken are lost. All results must
//  have been given back.
void runner_destroy (runner_t **self_p);

//  Readable when runner_process has something to do.
int runner_fd (const runner_t *self);

//  The moment (ms, the caller's monotonic clock) of the next thing to do; -1: none.
int64_t runner_due (const runner_t *self);

//  Does what is due and what the descriptors say. 0, or -1 and errno when polling itself failed.
int runner_process (runner_t *self, int64_t now_ms);

//  How many tasks runner_start would take at this moment.
uint32_t runner_free (const runner_t *self, int64_t now_ms);
uint32_t runner_running (const runner_t *self);

//  Another number of slots, 1... What runs in more of them than that goes on; from when it is over the numbers of the
//  slots that are used are 1 to `slots` again. 0; or -1 and errno (EINVAL, ENOMEM; ENOSPC: the guardian has too few
//  places), and the number is what it was.
int runner_resize (runner_t *self, uint32_t slots);

//  Starts a task. 0, also for one that could not be started: then its result says so. -1 and EAGAIN: no slot is free,
//  paused, or opts.delay_ms not over yet. Blocks for as long as execve takes.
int runner_start (runner_t *self, const runner_task_t *task, int64_t now_ms);

//  The task that is most likely started next, or NULL. With `pipe` its bytes may be put into a pipe while no slot is
//  free yet; nothing else comes of it, whether it is started or another one. Its block is referred to until one of
//  both.
void runner_expect (runner_t *self, const runner_task_t *task);

//  While paused nothing is started; what runs goes on.
void runner_pause (runner_t *self, bool pause);

//  The next result or piece, or NULL. Take until there is none after each runner_start and runner_process: what is
//  ready does not make runner_fd () readable. What is not given back is not used again.
runner_result_t *runner_take (runner_t *self);
void runner_give_back (runner_t *self, runner_result_t **result_p);

//  Ends all that runs: KILL at once, or by the term sequence. Their results follow.
void runner_kill (runner_t *self, bool at_once, int64_t now_ms);

//  Ends one task, by its ticket, likewise. -1 and ESRCH when no such task runs.
int runner_kill_task (runner_t *self, uint64_t ticket, bool at_once, int64_t now_ms);

//  The ticket of the task that was started last, of those that run and are not being ended; false where there is none.
bool runner_newest (const runner_t *self, uint64_t *ticket);

//  SIGSTOP to all groups, and SIGCONT; timeouts do not count the time between. Twice is as once.
void runner_stop (runner_t *self, int64_t now_ms);
void runner_cont (runner_t *self, int64_t now_ms);

#endif
