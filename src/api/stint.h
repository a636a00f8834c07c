/*  stint: tasks of one delivery that a thread does one after the other, by calls of a function, without a word to
 *  anybody between them: so a tiny task costs a call and no more.
 *
 *  All the same nothing waits behind a task that takes long. A stint can be called back at any moment: what the thread
 *  has begun is its own, and what follows is not begun any more, from the moment on when stint_call_back returns. To
 *  let the thread pay nothing for that, it is the one who calls back who sees to it that both see the same
 *  (membarrier).
 *
 *  What ended as most tasks do, with status 0 and without output, leaves no trace; the others are kept.
 */
#ifndef DISHES_API_STINT_H
#define DISHES_API_STINT_H

#include "api/desk_i.h"

typedef struct stint stint_t;

struct stint {
    stint_t *next;
    job_t job;
    atomic_uint_fast64_t begun; // tasks that were begun, and one more where the thread was told not to
    atomic_uint_fast64_t limit; // so many may be begun
    int64_t began_us;           // since 1970
    int64_t began_ns,
        took_ns;          // CLOCK_MONOTONIC; took: but of a thread that was only kept from the processor, its own time
    int64_t began_cpu_ns; // of the thread, likewise
    long waits;           // how often it had waited for something by then

    //  under the owner's latch
    task_list_t odd; // what failed, has an output, or took long; not told yet, in order
    uint64_t told;   // tasks that the role has told, or given back
    uint64_t kept;   // tasks that were not called back
    uint64_t done;   // when the thread is through: how many it has done
    bool is_called_back;
    bool is_void;    // nobody wants it any more
    bool has_failed; // memory ended: a task is missing
};

//  First in, first out; all zero is empty.
typedef struct {
    stint_t *first, *last;
    size_t stints;
    uint64_t tasks;
} stints_t;

void stints_append (stints_t *self, stint_t *stint);
stint_t *stints_pop (stints_t *self); // NULL: empty
void stints_free (stints_t *self);    // and all that are in it

//  Begins to be ready for stint_call_back; once for each owner. Any thread.
void stint_prepare (void);

//  Takes the job's bytes. NULL: ENOMEM.
stint_t *stint_new (const job_t *job);
void stint_free (stint_t *self);

//  In the thread that does it, when it has it: the time, on the loop's clock (ms).
int64_t stint_begin (stint_t *self);

//  In the thread that does it: calls `fn` for each task, with `hand` as the task. `latch` is the owner's, unlocked.
void stint_do (stint_t *self, dishes_task_t *hand, dishes_task_fn *fn, void *arg, latch_t *latch);

//  ---- the role's thread, locked

//  From now on no more is begun; `kept` is what was.
void stint_call_back (stint_t *self);

//  How many are certainly done.
uint64_t stint_done (const stint_t *self);

//  Tells the core of all up to `done`.
void stint_tell (stint_t *self, uint64_t done, uint8_t wants, dryer_t *core, int64_t now_ms);

#endif
