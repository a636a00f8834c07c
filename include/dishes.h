/*  dishes.h: a work queue without a broker, for C.
 *
 *  A washer puts tasks; dryers get them, do them and say that they are done; a sink counts each of them exactly once
 *  and so lets the washer, and anybody else, join: wait until all that was put has been done, whatever died on the way.
 *  The words are those of Python's JoinableQueue:
 *
 *      dishes_sink_t *sink = dishes_sink_new ("ipc://kitchen", NULL);          // one part
 *      dishes_sink_wait (sink, -1, &figures);
 *
 *      dishes_washer_t *washer = dishes_washer_new ("ipc://kitchen", NULL);    // another
 *      dishes_put (washer, "p1", 2, -1);
 *      dishes_end (washer);
 *      dishes_join (washer, -1);
 *
 *      dishes_dryer_t *dryer = dishes_dryer_new ("ipc://kitchen", NULL);       // another
 *      while ((task = dishes_get (dryer, -1)))
 *          dishes_task_done (&task, 0, NULL, 0);
 *
 *  The three may be in one thread, in several threads, in several processes or on several hosts, in any mix with the
 *  programs of the same pipeline (dishes, washer, dryer, sink), and may start in any order. Only the address differs:
 *
 *      inproc://NAME                   objects of one process
 *      ipc://NAME, ipc:///DIR          processes of one user on one machine
 *      tcp://HOST:PORT                 anywhere; PORT of a sink may be `*`: dishes_sink_address tells which it became
 *
 *  A pipeline has one sink, one washer, and any number of dryers that come and go. Over tcp a part on the same machine
 *  is let in by a cookie that only the same user can read; from elsewhere it needs a key (opts.key).
 *
 *  What holds for every call
 *
 *  Errors. A call that fails returns -1 or NULL, sets errno, and changes nothing; dishes_error () has one line about
 *  it. Besides those that are named with a call there are ENOMEM, EMFILE and the like. What a caller can only do wrong
 *  in the program itself (a null object) is asserted.
 *
 *  Time. Timeouts are in milliseconds: 0 does not wait, -1 waits without end, and ETIMEDOUT says that the time has
 *  passed. A call that takes no timeout returns at once, unless its text says for how long it may block.
 *
 *  Threads. Each object does its work in a thread of its own, so it talks to its pipeline while the caller is busy, or
 *  blocked for an hour, in work of its own. Every call may come from any thread, also at the same time on the same
 *  object; only the call that destroys an object must be the last one, and the only one, on it. A task belongs to one
 *  thread at a time.
 *
 *  Manners. The library prints nothing, handles no signal and changes no disposition (its threads block all signals;
 *  those of dishes_run have the mask of their caller), never ends the process and registers nothing that runs at exit.
 *  Nothing is left behind when the objects are destroyed, and they can be made again. Its descriptors are closed by
 *  exec. Objects do not survive fork: a child makes its own, and it is well to fork first.
 */
#ifndef DISHES_H
#define DISHES_H

#include <stddef.h>
#include <stdint.h>

#define DISHES_VERSION_MAJOR 0
#define DISHES_VERSION_MINOR 1
#define DISHES_VERSION_PATCH 0

#if defined(__GNUC__)
#define DISHES_API __attribute__ ((visibility ("default")))
#else
#define DISHES_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dishes_washer dishes_washer_t;
typedef struct dishes_dryer dishes_dryer_t;
typedef struct dishes_sink dishes_sink_t;
typedef struct dishes_task dishes_task_t;

//  The version of the library that runs: "0.1.0".
DISHES_API const char *dishes_version (void);

//  One line without newline about the last call that failed in this thread; "" before. Valid until the next one fails.
DISHES_API const char *dishes_error (void);

//  ---- results and figures

//  What became of a task.
enum {
    DISHES_OK = 0,      // done, status 0
    DISHES_FAILED = 1,  // done, another status or a signal, at the last attempt
    DISHES_BROKEN = 2,  // given up: each dryer that was given it died (opts.crash_limit)
    DISHES_DROPPED = 3, // thrown away by a washer whose queue was full
};

//  A task that was counted. Valid for the time of the call that hands it over. Later versions may add fields at its
//  end.
typedef struct {
    uint64_t number;     // 1... in the order in which they were put
    int outcome;         // DISHES_OK...
    int status;          // 0...255, as dishes_task_done said, or the exit status of a command
    int signal;          // that ended a command, or 0
    int attempt;         // 1 at the first try; 0 where it was never done
    const void *out;     // what was handed over with it (of a command: its stdout), or NULL
    size_t out_size;     // bytes
    const void *err;     // of a command: its stderr, or NULL
    size_t err_size;     // bytes
    int64_t start_us;    // when it was begun, microseconds since 1970; 0: not known
    uint64_t runtime_us; // for how long it was done, microseconds
    uint64_t count;      // tasks of which this is told, from `number` on; 1, but see opts.result_runs
} dishes_result_t;

typedef void dishes_result_fn (void *arg, const dishes_result_t *result);

//  How a pipeline ended.
enum {
    DISHES_RUNNING = 0,  // not yet
    DISHES_JOINED = 1,   // all that was put is counted
    DISHES_HALTED = 2,   // by --halt of the program sink
    DISHES_DEADLINE = 3, // opts.deadline_ms has passed
    DISHES_CANCELED = 4, // dishes_sink_cancel
    DISHES_LOST = 5,     // a part was lost and did not come back
};

//  ok + failed + broken + dropped is what was counted.
typedef struct {
    int end;        // DISHES_RUNNING...
    int status;     // exit status for a program that did this: 0; 1...100 that many failed, 101 more; 124; 125
    uint64_t total; // tasks put, as far as it is known
    uint64_t ok, failed, broken, dropped;
    uint64_t redelivered; // tasks sent again because a dryer was lost
    uint64_t duplicates;  // completions that were refused because the task was counted before
    uint64_t lost;        // dryers lost
    uint64_t reserved[6];
} dishes_figures_t;

//  ---- options

enum {
    DISHES_LOG_ERROR = 0,  // something went wrong
    DISHES_LOG_NOTICE = 1, // worth knowing: a dryer was lost, nobody is there yet
    DISHES_LOG_TRACE = 2,  // a change of state, only with opts.trace
};

//  One line without newline, borrowed. Called from the threads of the library, also at the same time; it must not call
//  the library.
typedef void dishes_log_fn (void *arg, int level, const char *line);

//  Options are a plain struct, so the compiler checks names and types, a caller writes only what differs, and there is
//  nothing to free and no setter that can fail. 0 is the default of every field; NULL instead of a struct is all
//  defaults. `size` is the size that the caller was compiled with: a later library, with more fields, knows which of
//  them the caller has. So write
//
//      dishes_opts_t opts = {.size = sizeof opts, .slots = 100};
//
//  Copied when an object is made, with its strings. EINVAL: `size` is missing or a value makes no sense.
typedef struct {
    size_t size; // sizeof (dishes_opts_t)

    //  every object
    const char *name;   // in messages and logs, 1 to 127 bytes without control characters; NULL: HOST-PID
    int wait_ms;        // for a sink to come, or to come back; 0: 60,000; -1: without end
    const char *key;    // path of a key file (dishes --keygen), for tcp beyond this machine
    int insecure;       // 1: tcp without cookie and key: anybody may take, do and count tasks
    dishes_log_fn *log; // NULL: nothing is said
    void *log_arg;
    int trace; // 1: changes of state are logged

    //  washer
    int retries;           // tries in all for a task that fails; 0: 1; -1: for ever
    uint64_t queue_tasks;  // tasks put and not yet counted, beyond which put waits; 0: no such bound
    size_t queue_bytes;    // the same in bytes, about: 2 MiB more may wait on their way; 0: 4 MiB
    const char *advertise; // host at which dryers reach this one over tcp; NULL: found out
    uint16_t lane_first;   // ports for the wires to the dryers over tcp; 0: any
    uint16_t lane_last;

    //  dryer
    int slots;    // tasks that may be in the caller's hands at a time; 0: 1 (of dishes_run: `threads`). What is there
                  // and was not got yet counts as well: more than can be worked on at a time makes tiny tasks
                  // cheaper, and lets larger ones wait here while another dryer might be free
    int prefetch; // tasks beyond them that may wait here, until another dryer is free; 0: 64, and of dishes_run more
                  // where tasks are tiny; -1: none

    //  sink
    dishes_result_fn *result; // gets every result, as they are counted; NULL: none. Called from the sink's thread: it
                              // holds up the counting (and the beats) while it runs, and it must not call the library
    void *result_arg;
    int out_fd;        // outputs go there, whole, one after the other; 0: nowhere. Borrowed. Where its reader goes away
                       // the run is lost; no signal is raised
    int err_fd;        // the same for what commands wrote to their stderr
    int keep_order;    // 1: out_fd and err_fd in the order of the tasks' numbers
    int deadline_ms;   // for the whole run; 0: none
    int dead_after_ms; // silence after which a part is lost; 0: 5,000
    int grace_ms;      // for a lost washer to come back; 0: 10,000; -1: without end
    int crash_limit;   // dryers that a task may take with it before it is given up; 0: 3; -1: no limit
    int result_runs; // 1: tasks in a row that ended alike and have no output are told with one call of `result`, which
                     // says how many (result->count): for millions a second
    int wait_dryers; // of a washer: dryers that must be there before the first task is sent; 0: any one, at most 16,384
} dishes_opts_t;

//  ---- washer

//  A washer at this address. Does not wait for a sink: what is put waits meanwhile. May wait for the name service
//  (tcp). NULL: EINVAL (address, options), and what opening a key, a directory or a socket can come to.
DISHES_API dishes_washer_t *dishes_washer_new (const char *at, const dishes_opts_t *opts);

//  Puts one task of `size` bytes, whatever bytes they are; copies them. Waits for room in the queue. It is sent as soon
//  as a dryer has room for it; tasks that are put in quick succession travel together.
//
//  0; or -1: ETIMEDOUT, the queue is full; EMSGSIZE, more than DISHES_TASK_BYTES; EPIPE, after dishes_end; ECANCELED,
//  the run ended before all was counted; ECONNABORTED, the pipeline is lost.
DISHES_API int dishes_put (dishes_washer_t *self, const void *data, size_t size, int timeout_ms);

//  Puts each item of `data`, `size` bytes, as a task, at the price of one put for all: for tasks that are smaller than
//  what a call costs. Each item ends with the byte `delimiter`, the last one with that or with the data; a task is an
//  item without its delimiter, and may be empty. No data is no task. Copies the bytes; puts all of them, or none. Waits
//  until the queue has room for the whole block (of one that is larger than the queue: until it is empty), so put a
//  million items in blocks of 64 KiB, say, and not as one. Blocks and single tasks may follow each other in any order.
//
//  How many tasks they were; or -1 as dishes_put.
DISHES_API int64_t dishes_put_block (dishes_washer_t *self, const void *data, size_t size, char delimiter,
                                     int timeout_ms);

enum { DISHES_TASK_BYTES = 64 << 20 };

//  Waits until all that was put so far (by any thread, before this call) is counted: done, or given up for good. More
//  may be put afterwards, and meanwhile. After dishes_end it waits for the end of the pipeline as well.
//
//  0, also where tasks failed: dishes_washer_figures tells; or -1: ETIMEDOUT; ECANCELED, ECONNABORTED as dishes_put.
DISHES_API int dishes_join (dishes_washer_t *self, int timeout_ms);

//  No more will be put: when all is counted the pipeline ends, dryers leave, and the sink has its figures. Twice is as
//  once. 0.
DISHES_API int dishes_end (dishes_washer_t *self);

//  What this washer knows: total (put), what was counted (ok, failed with broken and dropped), redelivered, and after
//  the end all of them, `end` and `status`. 0.
DISHES_API int dishes_washer_figures (dishes_washer_t *self, dishes_figures_t *figures);

//  Destroys the washer and nulls the pointer; nothing happens to NULL. What is not counted at this moment is lost with
//  it: without dishes_end, or before dishes_join has returned 0, the sink sees a lost washer, and the run ends as
//  DISHES_LOST after opts.grace_ms. Blocks for a second at most, for what is on its way to the sink.
DISHES_API void dishes_washer_destroy (dishes_washer_t **self_p);

//  ---- dryer

//  A dryer at this address. Does not wait for a sink. NULL as dishes_washer_new.
DISHES_API dishes_dryer_t *dishes_dryer_new (const char *at, const dishes_opts_t *opts);

//  The next task, in the order in which they came; it belongs to the caller until dishes_task_done. Up to opts.slots
//  tasks may be in hand, in any threads, and be finished in any order; get with all slots taken waits for one to be
//  done.
//
//  NULL: ETIMEDOUT; ENODATA, the end: the pipeline has ended and nothing more will come; ECONNABORTED, it is lost.
DISHES_API dishes_task_t *dishes_get (dishes_dryer_t *self, int timeout_ms);

//  A descriptor that is readable while dishes_get would not wait: there is a task, or no more will come. For poll, and
//  event loops; it belongs to the dryer, and must neither be read nor closed. Several threads that wait for it may all
//  be woken for one task: they get with a timeout of 0.
DISHES_API int dishes_dryer_fd (const dishes_dryer_t *self);

//  Leaves the pipeline, destroys the dryer, and nulls the pointer; nothing happens to NULL. What is here and was not
//  done, in hand or not, goes back to the washer and to another dryer. Blocks until the sink has heard of it, at most
//  for 10 seconds; a dryer that has not said good-bye by then is lost to the sink. Tasks in hand stay valid, and are to
//  be given to dishes_task_done (which then says ECANCELED) all the same.
DISHES_API void dishes_dryer_destroy (dishes_dryer_t **self_p);

//  ---- task

//  The bytes of the task, not terminated; valid until dishes_task_done.
DISHES_API const void *dishes_task_data (const dishes_task_t *self);
DISHES_API size_t dishes_task_size (const dishes_task_t *self);

//  A task of the program washer may have several values (-n, several sources): the one at this place, 0..., and its
//  bytes in `size`; valid as dishes_task_data, which is the first. NULL and 0 where there is none.
DISHES_API const void *dishes_task_value (const dishes_task_t *self, size_t index, size_t *size);

DISHES_API uint64_t dishes_task_number (const dishes_task_t *self); // 1... in the order in which they were put
DISHES_API int dishes_task_attempt (const dishes_task_t *self);     // 1 at the first try

//  1 where the result is of no use any more: the run has ended, or this dryer was taken for dead and another has the
//  task. A thread, unlike a process, cannot be ended from outside; what takes long may look here now and then.
DISHES_API int dishes_task_canceled (const dishes_task_t *self);

//  Adds to the task's output; copies the bytes. 0, or -1 and ENOMEM: nothing was added.
DISHES_API int dishes_task_write (dishes_task_t *self, const void *data, size_t size);

//  The task is done, with this status: 0, or 1...255 for a failure, which is tried again where the washer said so.
//  `out`, `size` bytes, is added to its output (NULL and 0: nothing); copies. Takes the task and nulls the pointer,
//  also where it fails. Does not wait; it is counted a little later.
//
//  0; or -1: ECANCELED, the result is of no use (dishes_task_canceled); EINVAL, no such status: the task counts as
//  failed with status 255; ENOMEM: likewise.
DISHES_API int dishes_task_done (dishes_task_t **task_p, int status, const void *out, size_t size);

//  ---- dryer threads

//  Does one task and returns its status, 0...255 (any other counts as 255). Borrows the task, until it returns; it adds
//  an output with dishes_task_write. Runs in several threads at the same time.
typedef int dishes_task_fn (void *arg, dishes_task_t *task);

//  A dryer of `threads` threads, each of which takes tasks and calls `fn` until the pipeline ends. Blocks for that
//  long, and until every call of `fn` has returned. 0: the pipeline has ended; or -1 as dishes_dryer_new and
//  dishes_get.
//
//  A call that takes an hour holds up its thread, and nothing else: this dryer talks to the pipeline all the while, and
//  the tasks behind that one are done by other threads or other dryers. Nobody can end it, though: a thread, unlike a
//  process, has no timeout, so `fn` brings its own, and looks at dishes_task_canceled. What may have to be killed is
//  better a command (of the program dryer, with --timeout).
//
//  Where tasks take microseconds a thread takes many at a time, and more of them wait here, up to some 4 MiB; where
//  they take a millisecond or longer, one. Should this process die, those it may have begun are sent alone the next
//  time, so that it is known which of them it was: one a thread, or thousands of tiny ones. What a quick task without
//  output has for start_us and runtime_us is 0.
DISHES_API int dishes_run (const char *at, int threads, dishes_task_fn *fn, void *arg, const dishes_opts_t *opts);

//  ---- sink

//  A sink at this address; it is ready when this returns. NULL: EADDRINUSE, one is there already; else as
//  dishes_washer_new.
DISHES_API dishes_sink_t *dishes_sink_new (const char *at, const dishes_opts_t *opts);

//  The address at which others reach it: of tcp, with the port. Valid as long as the sink.
DISHES_API const char *dishes_sink_address (const dishes_sink_t *self);

//  Waits until the pipeline has ended, every part was told, and opts.out_fd has all outputs; then `figures`, if not
//  NULL, has the count. 0, however it ended (figures.end, figures.status); or -1: ETIMEDOUT, and `figures` has what is
//  known so far; ECONNABORTED: the sink itself could not go on (`out_fd` cannot be written to, no memory); nothing more
//  is counted.
DISHES_API int dishes_sink_wait (dishes_sink_t *self, int timeout_ms, dishes_figures_t *figures);

//  Ends the run now, as DISHES_CANCELED: nothing more is begun, what is in hand is canceled. Returns at once; 0.
DISHES_API int dishes_sink_cancel (dishes_sink_t *self);

//  Destroys the sink and nulls the pointer; nothing happens to NULL. A run that has not ended is canceled. Blocks until
//  every part was told or is lost, at most for 30 seconds.
DISHES_API void dishes_sink_destroy (dishes_sink_t **self_p);

#ifdef __cplusplus
}
#endif

#endif
