#include "api/crew.h"
#include "api/stint.h"

#include <errno.h>
#include <stdlib.h>

enum {
    LENGTH_MOST = 4096,       // tasks in a stint
    LENGTH_STEP = 8,          // it grows and shrinks by this factor
    QUICK_NS = 100000,        // a stint that took less may grow
    SLOW_NS = 1000000,        // … and one that took more is to shrink
    STUCK_MS = 10,            // … or to be called back while it lasts
    TINY_LENGTH = 512,        // from here on more than one stint a thread waits
    WAITING_STINTS = 8,       // so many
    PREFETCH_A_LENGTH = 64,   // tasks that may wait for each that a stint has
    PREFETCH_BYTES = 4 << 20, // but no more bytes than this
    STINTS_UNTOLD = 4         // of each thread: the one it does, and those that are done and not told
};

typedef struct {
    stint_t *first, *last;
    size_t stints;
    uint64_t tasks;
} stints_t;

typedef struct {
    dishes_task_t hand; // the one it does
    stint_t *stint;     // NULL: none; under the latch
    int64_t begun_ms;   // when it took it
} worker_t;

struct crew {
    latch_t latch;
    crew_config_t config;
    control_t *control;
    worker_t *workers;

    //  under the latch
    stints_t ready, through; // not begun; done and not told
    uint64_t exposed;        // tasks that may be begun and are not told
    uint64_t allowed;        // so many may be
    bool is_told;            // the role knows that there is something to do
    bool is_closing;
    int over; // errno of the end; 0: not yet

    //  of the role's thread
    uint8_t wants; // WANT_*
    uint32_t length;
    unsigned quick;      // stints in a row that could have been longer
    uint64_t task_bytes; // about so large is a task
};

//  ---- lists

static void append (stints_t *self, stint_t *stint)
{
    stint->next = NULL;
    if (self->last)
        self->last->next = stint;
    else
        self->first = stint;
    self->last = stint;
    self->stints++;
    self->tasks += stint->job.count;
}

static stint_t *pop (stints_t *self)
{
    stint_t *stint = self->first;
    if (!stint)
        return NULL;
    self->first = stint->next;
    if (!self->first)
        self->last = NULL;
    self->stints--;
    self->tasks -= stint->job.count;
    return stint;
}

static void free_all (stints_t *self)
{
    for (stint_t *stint; (stint = pop (self));)
        stint_free (stint);
}

//  ---- life

crew_t *crew_new (const crew_config_t *config, control_t *control)
{
    crew_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->config = *config;
    self->control = control;
    self->length = 1;
    self->allowed = config->slots;
    self->workers = calloc (config->threads, sizeof *self->workers);
    if (self->workers && latch_init (&self->latch) == 0) {
        stint_prepare ();
        return self;
    }
    int kept = errno;
    free (self->workers);
    free (self);
    errno = kept;
    return NULL;
}

void crew_destroy (crew_t **self_p)
{
    crew_t *self = *self_p;
    if (!self)
        return;
    free_all (&self->ready);
    free_all (&self->through);
    latch_free (&self->latch);
    free (self->workers);
    free (self);
    *self_p = NULL;
}

//  ---- the caller's threads

static bool may_begin (const crew_t *self)
{
    const stint_t *first = self->ready.first;
    return first && self->exposed + first->job.count <= self->allowed;
}

//  Locked. The one that is through goes to the role.
static void hand_in (crew_t *self, worker_t *worker)
{
    stint_t *stint = worker->stint;
    worker->stint = NULL;
    if (!stint)
        return;
    if (stint->is_void) {
        stint_free (stint);
        return;
    }
    append (&self->through, stint);
}

//  Locked. The role is woken for several stints at once, and for one where there is no other to go on with.
static void tell_role (crew_t *self)
{
    size_t enough = (size_t)self->config.threads * (STINTS_UNTOLD / 2);
    bool is_due = self->through.stints && (self->through.stints >= enough || !may_begin (self));
    if (is_due && !self->is_told)
        control_ask (self->control, 0);
    self->is_told = self->is_told || is_due;
}

//  NULL: there are none any more.
static stint_t *next_stint (crew_t *self, worker_t *worker)
{
    latch_lock (&self->latch);
    hand_in (self, worker);
    tell_role (self);
    while (!self->over && !may_begin (self))
        latch_wait (&self->latch, -1);
    stint_t *stint = self->over ? NULL : pop (&self->ready);
    if (stint) {
        self->exposed += stint->job.count;
        worker->stint = stint;
        worker->begun_ms = stint_begin (stint);
        atomic_store (&worker->hand.is_canceled, false);
    }
    latch_unlock (&self->latch);
    return stint;
}

int crew_work (crew_t *self, unsigned index, dishes_task_fn *fn, void *arg)
{
    worker_t *worker = &self->workers[index];
    for (stint_t *stint; (stint = next_stint (self, worker));)
        stint_do (stint, &worker->hand, fn, arg, &self->latch);
    return self->over; // it does not change any more
}

void crew_close (crew_t *self)
{
    latch_lock (&self->latch);
    self->is_closing = true;
    latch_unlock (&self->latch);
}

//  Locked. What a thread does is canceled; what nobody does is freed.
static void cancel_all (crew_t *self)
{
    for (unsigned i = 0; i < self->config.threads; i++) {
        worker_t *worker = &self->workers[i];
        if (!worker->stint || worker->stint->is_void)
            continue;
        worker->stint->is_void = true;
        atomic_store (&worker->hand.is_canceled, true);
        stint_call_back (worker->stint);
    }
    free_all (&self->ready);
    free_all (&self->through);
    self->exposed = 0;
}

void crew_over (crew_t *self, int error)
{
    latch_lock (&self->latch);
    self->over = error;
    cancel_all (self);
    latch_wake_all (&self->latch);
    latch_unlock (&self->latch);
}

//  ---- the role's thread: what comes back

static int want (void *arg, uint8_t wants, const char *tagstring)
{
    crew_t *self = arg;
    self->wants = wants;
    return 0;
}

//  Gives back what of a stint is not done.
static void give_back (stint_t *stint, dryer_t *core)
{
    if (stint->done < stint->kept)
        dryer_return_part (core, stint->job.ticket, stint->job.n + stint->done, stint->kept - stint->done);
    stint->kept = stint->done;
}

static void shorten (crew_t *self)
{
    self->length = self->length > LENGTH_STEP ? self->length / LENGTH_STEP : 1;
    self->quick = 0;
}

static void measure (crew_t *self, const stint_t *stint)
{
    if (stint->took_ns > SLOW_NS && self->length > 1) {
        shorten (self);
    } else if (stint->took_ns < QUICK_NS && stint->done >= self->length) {
        self->quick++;
    }
    self->task_bytes = stint->job.bytes.size / stint->job.count;
}

//  Returns how many tasks are no longer exposed.
static uint64_t tell_through (crew_t *self, stints_t *through, dryer_t *core, int64_t now_ms, bool *has_failed)
{
    uint64_t told = 0;
    for (stint_t *stint; (stint = pop (through));) {
        uint64_t before = stint->kept - stint->told;
        *has_failed |= stint->has_failed;
        stint_tell (stint, stint->done, self->wants, core, now_ms);
        give_back (stint, core);
        measure (self, stint);
        told += before;
        stint_free (stint);
    }
    return told;
}

//  Locked. What a thread has begun it goes on with; what is done is told, and the rest goes back.
static void call_back (crew_t *self, worker_t *worker, dryer_t *core, int64_t now_ms)
{
    stint_t *stint = worker->stint;
    uint64_t before = stint->kept - stint->told, kept = stint->kept;
    stint_call_back (stint);
    stint_tell (stint, stint_done (stint), self->wants, core, now_ms);
    if (stint->kept < kept)
        dryer_return_part (core, stint->job.ticket, stint->job.n + stint->kept, kept - stint->kept);
    self->exposed -= before - (stint->kept - stint->told);
}

static bool is_in_hand (const worker_t *worker)
{
    return worker->stint && !worker->stint->is_void;
}

//  Locked. Others would wait for it.
static bool holds_up (const crew_t *self, const worker_t *worker)
{
    const stint_t *stint = worker->stint;
    return is_in_hand (worker) && !stint->is_called_back && (self->length > 1 || stint->kept - stint->told > 1);
}

static void return_ready (crew_t *self, dryer_t *core)
{
    for (stint_t *stint; (stint = pop (&self->ready));) {
        dryer_return (core, stint->job.ticket);
        stint_free (stint);
    }
}

//  Locked. Where a thread needs longer than was thought all of them give back what they have not begun.
static void look_at_workers (crew_t *self, dryer_t *core, int64_t now_ms)
{
    bool is_stuck = false;
    for (unsigned i = 0; i < self->config.threads; i++)
        is_stuck = is_stuck || (holds_up (self, &self->workers[i]) && now_ms - self->workers[i].begun_ms >= STUCK_MS);
    if (!is_stuck)
        return;
    shorten (self);
    for (unsigned i = 0; i < self->config.threads; i++)
        if (is_in_hand (&self->workers[i]))
            call_back (self, &self->workers[i], core, now_ms);
    return_ready (self, core);
}

//  Locked: this dryer is about to go, and what is not done goes back.
static void return_all (crew_t *self, dryer_t *core, int64_t now_ms)
{
    for (unsigned i = 0; i < self->config.threads; i++) {
        worker_t *worker = &self->workers[i];
        if (!is_in_hand (worker))
            continue;
        call_back (self, worker, core, now_ms);
        worker->stint->done = worker->stint->told;
        give_back (worker->stint, core);
    }
    return_ready (self, core);
    cancel_all (self);
}

//  1 where it is about to go.
static int take_back (crew_t *self, dryer_t *core, int64_t now_ms)
{
    bool has_failed = false;
    latch_lock (&self->latch);
    stints_t through = self->through;
    self->through = (stints_t){0};
    self->is_told = false;
    latch_unlock (&self->latch);
    uint64_t told = tell_through (self, &through, core, now_ms, &has_failed);
    latch_lock (&self->latch);
    self->exposed -= told < self->exposed ? told : self->exposed;
    look_at_workers (self, core, now_ms);
    bool is_closing = self->is_closing;
    if (is_closing)
        return_all (self, core, now_ms);
    latch_unlock (&self->latch);
    errno = ENOMEM;
    return has_failed ? -1 : is_closing;
}

//  ---- the role's thread: what is given out

static uint32_t prefetch (const crew_t *self)
{
    uint64_t tasks = (uint64_t)self->length * PREFETCH_A_LENGTH;
    uint64_t most = PREFETCH_BYTES / (self->task_bytes + 1);
    tasks = tasks < most ? tasks : most;
    return self->config.is_fixed || self->length == 1 || tasks < self->config.prefetch ? self->config.prefetch
                                                                                       : (uint32_t)tasks;
}

static uint32_t unsure (const crew_t *self)
{
    uint32_t tasks = self->length == 1 ? 0 : self->config.threads * STINTS_UNTOLD * self->length;
    return tasks < self->config.slots ? self->config.slots : tasks;
}

//  Locked. No more than these are begun, or will be at a time.
static bool fits (const crew_t *self, uint32_t wanted)
{
    if (self->exposed > wanted)
        return false;
    for (const stint_t *stint = self->ready.first; stint; stint = stint->next)
        if (stint->job.count > self->length)
            return false;
    return true;
}

//  Says how many may wait here and how many are in doubt, as soon as that is true.
static void keep_pace (crew_t *self, dryer_t *core)
{
    if (self->quick >= self->config.threads * 2 && self->length < LENGTH_MOST && !(self->wants & WANT_VERDICT)) {
        self->length = self->length * LENGTH_STEP;
        self->quick = 0;
    }
    uint32_t wanted = unsure (self), known = dryer_unsure (core);
    latch_lock (&self->latch);
    if (wanted >= known || fits (self, wanted))
        dryer_pace (core, prefetch (self), wanted);
    self->allowed = dryer_unsure (core);
    latch_unlock (&self->latch);
}

//  Of a stint that is given out now.
static uint64_t length_now (const crew_t *self)
{
    uint64_t most = self->allowed / (self->config.threads * STINTS_UNTOLD);
    most = most < self->length ? most : self->length;
    return most ? most : 1;
}

static uint64_t held (crew_t *self)
{
    uint64_t tasks = 0;
    latch_lock (&self->latch);
    tasks = self->ready.tasks + self->exposed;
    latch_unlock (&self->latch);
    return tasks;
}

//  Threads that were not called back: who was may be away for an hour.
static uint64_t free_threads (const crew_t *self)
{
    uint64_t threads = 0;
    for (unsigned i = 0; i < self->config.threads; i++)
        threads += !self->workers[i].stint || !self->workers[i].stint->is_called_back;
    return threads;
}

//  Locked. How many more tasks may lie here, taken.
static uint64_t room (const crew_t *self, uint64_t length)
{
    uint64_t there = self->ready.tasks + self->exposed, stints = length >= TINY_LENGTH ? WAITING_STINTS : 1;
    uint64_t most = length == 1 ? self->config.slots : free_threads (self) * length * (STINTS_UNTOLD + stints);
    return there < most ? most - there : 0;
}

static void lay_out (crew_t *self, stints_t *taken)
{
    latch_lock (&self->latch);
    for (stint_t *stint; (stint = pop (taken));)
        append (&self->ready, stint);
    if (self->ready.stints)
        latch_wake_all (&self->latch);
    latch_unlock (&self->latch);
}

static int take_tasks (crew_t *self, dryer_t *core)
{
    stints_t taken = {0};
    job_t job;
    latch_lock (&self->latch);
    uint64_t length = length_now (self), most = room (self, length);
    latch_unlock (&self->latch);
    int rc = 0;
    while (rc == 0 && taken.tasks < most && dryer_take (core, length, &job)) {
        stint_t *stint = stint_new (&job);
        if (stint)
            append (&taken, stint);
        else {
            slice_drop (&job.bytes);
            dryer_return (core, job.ticket);
            errno = ENOMEM;
            rc = -1;
        }
    }
    lay_out (self, &taken);
    return rc;
}

static int work (void *arg, dryer_t *core, int64_t now_ms, bool may_start)
{
    crew_t *self = arg;
    int rc = take_back (self, core, now_ms);
    keep_pace (self, core);
    return rc == 0 && may_start ? take_tasks (self, core) : rc == -1 ? -1 : 0;
}

static int64_t due_ms (const void *arg)
{
    crew_t *self = (crew_t *)(uintptr_t)arg;
    int64_t due_ms = INT64_MAX;
    latch_lock (&self->latch);
    if (self->ready.stints || self->through.stints) // a thread takes one, or has done one, without a word
        due_ms = loop_now_ms () + STUCK_MS;
    for (unsigned i = 0; i < self->config.threads; i++)
        if (holds_up (self, &self->workers[i]) && self->workers[i].begun_ms + STUCK_MS < due_ms)
            due_ms = self->workers[i].begun_ms + STUCK_MS;
    latch_unlock (&self->latch);
    return due_ms;
}

//  ---- the other hands

//  A thread cannot be ended; what it does is canceled, and nobody waits for it.
static void end (void *arg, bool at_once, int64_t now_ms)
{
    crew_t *self = arg;
    latch_lock (&self->latch);
    cancel_all (self);
    latch_unlock (&self->latch);
}

static void give_up (void *arg)
{
    crew_close (arg);
}

static void go_on (void *arg, int64_t now_ms)
{
}

static uint32_t running (const void *arg)
{
    crew_t *self = (crew_t *)(uintptr_t)arg;
    uint64_t tasks = held (self);
    return tasks < UINT32_MAX ? (uint32_t)tasks : UINT32_MAX;
}

static void forget (void *arg)
{
    end (arg, true, 0);
}

hands_t crew_hands (crew_t *self)
{
    return (hands_t){.arg = self,
                     .want = want,
                     .work = work,
                     .due_ms = due_ms,
                     .end = end,
                     .give_up = give_up,
                     .stop = go_on,
                     .cont = go_on,
                     .running = running,
                     .forget = forget,
                     .read = task_read,
                     .free_output = task_free_output};
}
