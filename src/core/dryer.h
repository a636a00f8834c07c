/*  dryer: the core of the role that takes tasks, has them done and reports each completion.
 *
 *  It starts tasks in lane order, gives back what it has not started when asked or when it leaves, and keeps every
 *  report until the sink has committed it. Outputs wait for the credit that the sink grants; control never does.
 *  Pure: bytes and the time go in; packets and calls of the ports come out. Not safe for several threads.
 */
#ifndef DISHES_CORE_DRYER_H
#define DISHES_CORE_DRYER_H

#include "core/session.h"

typedef struct dryer dryer_t;

typedef enum {
    DRYER_SEEKING,
    DRYER_OPEN,
    DRYER_LEAVING, // takes nothing new, finishes what runs, returns the rest
    DRYER_PARTING, // says BYE
    DRYER_OVER,
    DRYER_GONE, // this life was closed: kill what runs and begin a new life
} dryer_state_t;

enum {
    WANT_TAG = 1,
    WANT_COMMAND = 2,
    WANT_LINES = 4,
    WANT_RAW = 8,
    WANT_VERDICT = 16, // nothing is started before the sink has judged what is done (--halt)
    WANT_ITEM = 32,    // what the task was given (--results)
    WANT_TROUBLE = 64, // the command, of a task that failed or took a second (a journal)
};

typedef struct {
    void *arg;
    void (*sink_found) (void *arg, const char *endpoint);
    //  Connect a new PULL to this lane; an older generation is closed first. Then call dryer_lane_connected.
    void (*lane_connect) (void *arg, uint64_t washer, uint32_t generation, const char *endpoint);
    void (*lane_close) (void *arg, uint64_t washer);
    //  What the sink wants with each result (WANT_*), and the template of --tagstring ("" for --tag's).
    void (*wants) (void *arg, uint8_t wants, const char *tagstring);
    //  Reads a kept output: up to `size` bytes from `offset` of stream 1 or 2 of the result's cookie. Returns how many.
    size_t (*read_output) (void *arg, void *cookie, int stream, uint64_t offset, uint8_t *out, size_t size);
    void (*free_output) (void *arg, void *cookie); // the result was handed over, or is of no use any more
    void (*trace) (void *arg, const char *from, const char *event, const char *to);
    void (*log) (void *arg, const char *line); // something a user should read; may be NULL
} dryer_ports_t;

typedef struct {
    uint64_t life;
    char name[NAME_BYTES];
    char host[NAME_BYTES];
    uint32_t slots;    // tasks at a time
    uint32_t prefetch; // tasks beyond them that may wait here
    uint32_t grain;    // tasks that one slot takes at a time; 1 for commands
    uint32_t unsure;   // tasks that may have been started and not yet reported: slots for commands
    uint32_t gather; // tasks beyond them that may be done, their reports held back for some ms while more is done soon
    bool no_blocks;  // tasks of BLOCK_WHOLE cannot be done here: at the first one it leaves (dryer_unfit)
    bool is_dry;     // nothing is done: where a journal would keep that it was, it leaves
    int64_t wait_ms;
} dryer_config_t;

//  Something to be done: one task, or a run of them that one slot takes together.
typedef struct {
    uint64_t ticket; // names the job to dryer_done
    uint64_t n, count;
    uint32_t attempt; // 1 at the first try
    bool last;        // a failure now is final
    shape_t shape;
    slice_t bytes; // owned by the taker
} job_t;

//  Of each text of a result: a message has room for all of them. A tag or a command that is longer is cut, an item left
//  out.
enum { RESULT_TEXT_BYTES = 4 << 20 };

//  How a job, or a part of it, ended.
typedef struct {
    uint64_t ticket;
    uint64_t n, count; // within the job
    uint16_t status;   // exit status, 0..255
    uint8_t signal;    // the signal that ended it, or 0
    uint8_t flags;     // RESULT_*
    int64_t start_us;  // wall clock, microseconds since 1970
    uint64_t runtime_us;
    uint64_t out_bytes, err_bytes; // what read_output will yield; both 0: no output
    const void *out, *err;         // borrowed: the output itself, where there is no cookie to read it by
    const void *tag, *command;     // borrowed; only where the sink wants them
    const void *item;              // likewise: as item_put writes it
    size_t tag_size, command_size, item_size;
    void *cookie; // passed to read_output and free_output; NULL where nothing is to be read by it
} result_t;

enum { RESULT_TIMED_OUT = 1, RESULT_NOT_STARTED = 2 };

//  Is the command to stand in this result?
bool dryer_wants_command (uint8_t wants, const result_t *result);

dryer_t *dryer_new (const dryer_config_t *config, const dryer_ports_t *ports, int64_t now_ms);
void dryer_destroy (dryer_t **self_p); // frees outputs that were not handed over

void dryer_heard (dryer_t *self, const message_t *message, int64_t now_ms);      // from `out`
void dryer_heard_lane (dryer_t *self, const message_t *message, int64_t now_ms); // from a lane
void dryer_connected (dryer_t *self, int64_t now_ms);
void dryer_lane_connected (dryer_t *self, uint64_t washer, uint32_t generation, int64_t now_ms);

//  The next thing to start, at most `max` tasks of one delivery; false where nothing is to be started now.
bool dryer_take (dryer_t *self, uint64_t max, job_t *out);

//  The task that would be the next one, its bytes borrowed and without a ticket; false where none waits. It may be
//  taken back before it is started.
bool dryer_peek (const dryer_t *self, job_t *out);

//  A job or a part of it is over. Takes the cookie. A failure (status or signal) of a job that is not `last` is tried
//  again.
void dryer_done (dryer_t *self, const result_t *result, int64_t now_ms);

//  A job of which nothing was done yet is not done here after all: it goes back to the washer.
void dryer_return (dryer_t *self, uint64_t ticket);

//  Likewise a part of a job of which nothing was done yet.
void dryer_return_part (dryer_t *self, uint64_t ticket, uint64_t n, uint64_t count);

//  Streams a piece of a running job's output (WANT_LINES, WANT_RAW). Returns the bytes taken: the credit may end.
size_t dryer_stream (dryer_t *self, uint64_t ticket, int stream, const void *tag, size_t tag_size, const void *data,
                     size_t size);

//  Another number of slots, 1...; what runs in more of them than that goes on. May be called in any state.
void dryer_slots (dryer_t *self, uint32_t slots, int64_t now_ms);

//  Other numbers than those of the configuration. No more than dryer_unsure () tasks may be begun and not told as done
//  or returned: where it grows, what the sink has heard of; where it shrinks, what is begun must fit already.
void dryer_pace (dryer_t *self, uint32_t prefetch, uint32_t unsure);
uint32_t dryer_unsure (const dryer_t *self);

void dryer_leave (dryer_t *self, int64_t now_ms); // drain: finish what runs, return the rest, BYE

void dryer_tick (dryer_t *self, int64_t now_ms);
int64_t dryer_due_ms (const dryer_t *self);
bool dryer_packet (dryer_t *self, packet_t *out);

dryer_state_t dryer_state (const dryer_t *self);
int64_t dryer_dead_after_ms (const dryer_t *self); // the sink's, told in WELCOME
const ending_t *dryer_ending (const dryer_t *self);
const char *dryer_reason (const dryer_t *self);
bool dryer_stays (const dryer_t *self); // the sink said that another run follows there
bool dryer_failed (const dryer_t *self);

//  Why it leaves by itself: because of what its config says.
typedef enum { UNFIT_NOT, UNFIT_BLOCKS, UNFIT_DRY } unfit_t;
unfit_t dryer_unfit (const dryer_t *self);

typedef struct {
    uint64_t started, done, failed, returned, bad;
    size_t running, waiting; // tasks
    size_t outputs;          // results that wait for credit
} dryer_status_t;
dryer_status_t dryer_status (const dryer_t *self);

#endif
