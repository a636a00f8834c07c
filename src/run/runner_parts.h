/*  runner_parts: what runner.c, slot.c, slot_start.c and record.c share and nobody else sees.
 *
 *  A slot's life: free -> running -> (ending ->) (draining ->) free. Ending: we send it the term sequence. Draining:
 *  reaped, but the caller has yet to take pieces before the rest fits. Where fewer slots are wanted, those with the
 *  higher numbers are resting instead of free.
 *
 *  We keep the writing ends of a command's pipes open too, until we want to see their end: else each exit would wake us
 *  up three times (both pipes close, then the process ends) instead of once.
 */
#ifndef DISHES_RUN_RUNNER_PARTS_H
#define DISHES_RUN_RUNNER_PARTS_H

#include "core/item.h"
#include "run/child.h"
#include "run/envp.h"
#include "run/runner.h"
#include "run/spout.h"
#include "run/text.h"

#include <sys/queue.h>
#include <time.h>

enum { READ_BYTES = 64 * 1024, RUNNER_CANNOT_KEEP = 125 }; // the latter: a status

typedef struct slot slot_t;
typedef struct record record_t;

//  A result on its way to the caller; `result` comes first, so that one is found from the other.
struct record {
    runner_result_t result;
    TAILQ_ENTRY (record) link;
    bool queued;
    slot_t *slot; // RUNNER_PIECE: where it is filled, until it is taken
    int64_t start_ns;
    capture_t *out, *err;
    text_t data, tag, text;
    writer_t item;
    char reason[256];
};

typedef TAILQ_HEAD (records, record) records_t;

//  One output of a command, read by us.
typedef struct {
    int fd, write_fd; // -1: closed
    bool watched;     // by epoll
    bool ended;       // nobody else can write to it any more
    bool lost;        // what it holds could not be kept: the rest is dropped
    size_t left;      // bytes to read after the command's exit
    record_t *piece;  // being filled (streaming), or NULL
} stream_t;

typedef enum { SLOT_FREE, SLOT_RUNNING, SLOT_ENDING, SLOT_DRAINING, SLOT_RESTING } slot_state_t;

struct slot {
    TAILQ_ENTRY (slot) link; // in the list of its state
    slot_state_t state;
    uint32_t number;
    uint32_t generation; // of what is in it, so that a late event is known
    child_t child;
    spout_t spout;
    stream_t stream[2];
    record_t *record;
    int64_t deadline_ms; // of the timeout, or of the next step
    int step;            // the next one of the term sequence
    bool exited;         // not yet reaped, though
    bool kill_sent;
    volatile pid_t *place;
};

typedef TAILQ_HEAD (slots, slot) slots_t;

//  A pipe that is filled before there is a slot for its task.
typedef struct {
    slice_t bytes; // owned; that they are still referred to is how the task is known again. {0}: there is none
    spout_t spout;
    int read_fd;
} larder_t;

struct runner {
    runner_opts_t opts;
    int epoll, null;
    larder_t larder;
    spawner_t *spawner;
    envp_t *envp;
    rendering_t *rendering;
    slot_t **slot;                                    // as many as were ever wanted, by number
    uint32_t made;                                    // how many these are …
    size_t slot_capacity;                             // … and may be
    slots_t free, running, ending, draining, resting; // running: by deadline, as they were started
    uint32_t running_count;
    records_t queue, spare;
    uint32_t spare_count;
    bool paused, stopped;
    int64_t stopped_ms, next_start_ms, now_ms;
    char buffer[READ_BYTES];
};

//  record.c

record_t *record_new (runner_t *runner, runner_kind_t kind); // from the spare ones, or new; NULL and ENOMEM
void record_destroy (record_t **self_p);
void record_give_back (runner_t *runner, record_t *self);
void record_queue (runner_t *runner, record_t *self);

//  A piece of a slot's stream: adds bytes, at most record_room () of them, and queues it when there is something to
//  take. -1 and ENOMEM.
int record_add (runner_t *runner, slot_t *slot, int stream, const char *data, size_t size);
size_t record_room (const slot_t *slot, int stream);

//  Queues what is left of the last line.
void record_flush (runner_t *runner, slot_t *slot, int stream);

//  The piece goes to the caller: it is detached from its stream, which keeps an unfinished line.
void record_detach (runner_t *runner, record_t *self);

//  slot.c

enum { EVENT_EXIT, EVENT_OUT, EVENT_ERR, EVENT_IN, EVENT_KINDS };

void slot_event (runner_t *runner, slot_t *slot, int kind, int64_t now_ms);
uint64_t slot_event_id (const slot_t *slot, int kind);                        // what epoll tells of it
void slot_end (runner_t *runner, slot_t *slot, bool at_once, int64_t now_ms); // begins the term sequence
void slot_due (runner_t *runner, slot_t *slot, int64_t now_ms);
void slot_taken (runner_t *runner, slot_t *slot);  // a piece of it was taken: there is room
void slot_settle (runner_t *runner, slot_t *slot); // what nothing runs in is free or rests, as its number says
void slot_drop (runner_t *runner, slot_t *slot);   // closes all; the child has been reaped, or is given up

void slot_move (runner_t *runner, slot_t *slot, slot_state_t state); // to the list of that state
int slot_watch (runner_t *runner, slot_t *slot, int kind, int fd);   // 0, or -1 and errno, as the next one
int slot_watch_stream (runner_t *runner, slot_t *slot, int i);

//  Why the task fails; the first one is the cause.
void slot_explain (record_t *record, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

//  All is read: the result goes to the caller, and the slot is free.
void slot_complete (runner_t *runner, slot_t *slot);

int64_t slot_clock_ns (clockid_t clock);

//  slot_start.c

//  -1 and ENOMEM: nothing has changed. 0: a result follows.
int slot_start (runner_t *runner, slot_t *slot, const runner_task_t *task, int64_t now_ms);

//  feed.c: the bytes of tasks on their way to the stdin of commands.

//  The reading end is the caller's to close. -1 and errno: there is no pipe.
int feed_open (runner_t *runner, slot_t *slot, const slice_t *bytes, int *read_fd);
int feed_watch (runner_t *runner, slot_t *slot); // when there is room for more, if there is more; -1 and errno
void feed_more (runner_t *runner, slot_t *slot, int64_t now_ms);
void feed_due (runner_t *runner, int64_t now_ms);
int64_t feed_due_ms (const runner_t *runner); // INT64_MAX: nothing is due
void feed_forget (runner_t *runner);          // what was made ahead

#endif
