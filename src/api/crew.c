#include "api/crew.h"
#include "api/stint.h"

#include <errno.h>
#include <stdlib.h>

enum { STUCK_MS = 10 }; // a stint that lasts as long is called back

typedef struct {
    dishes_task_t hand; // the one it does
    stint_t *stint;     // NULL: none; under the latch
    int64_t begun_ms;   // when it took it
} worker_t;

struct crew {
    staff_t staff; // first; its latch is for what follows, too
    unsigned threads;
    worker_t *workers;

    //  under the latch
    stints_t ready, through; // not begun; done and not told
    uint64_t exposed;        // tasks that may be begun and are not told
    uint64_t allowed;        // so many may be

    pace_t pace; // of the role's thread
};

//  Locked, of the staff. What a thread does is canceled; what nobody does is freed.
static void cancel_all (staff_t *staff)
{
    crew_t *self = (crew_t *)staff;
    for (unsigned i = 0; i < self->threads; i++) {
        worker_t *worker = &self->workers[i];
        if (!worker->stint || worker->stint->is_void)
            continue;
        worker->stint->is_void = true;
        atomic_store (&worker->hand.is_canceled, true);
        stint_call_back (worker->stint);
    }
    stints_free (&self->ready);
    stints_free (&self->through);
    self->exposed = 0;
}

//  ---- life

crew_t *crew_new (const pace_config_t *config, control_t *control)
{
    crew_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    pace_init (&self->pace, config);
    self->threads = config->threads;
    self->allowed = config->slots;
    self->workers = calloc (config->threads, sizeof *self->workers);
    if (self->workers && staff_init (&self->staff, control, cancel_all) == 0) {
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
    stints_free (&self->ready);
    stints_free (&self->through);
    staff_free (&self->staff);
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
    stints_append (&self->through, stint);
}

//  Locked. The role is woken for several stints at once, and for one where there is no other to go on with.
static void tell_role (crew_t *self)
{
    size_t enough = (size_t)self->threads * (PACE_STINTS_UNTOLD / 2);
    if (self->through.stints && (self->through.stints >= enough || !may_begin (self)))
        staff_tell_role (&self->staff);
}

//  NULL: there are none any more.
static stint_t *next_stint (crew_t *self, worker_t *worker)
{
    latch_lock (&self->staff.latch);
    hand_in (self, worker);
    tell_role (self);
    while (!self->staff.over && !may_begin (self))
        latch_wait (&self->staff.latch, -1);
    stint_t *stint = self->staff.over ? NULL : stints_pop (&self->ready);
    if (stint) {
        self->exposed += stint->job.count;
        worker->stint = stint;
        worker->begun_ms = stint_begin (stint);
        atomic_store (&worker->hand.is_canceled, false);
    }
    latch_unlock (&self->staff.latch);
    return stint;
}

int crew_work (crew_t *self, unsigned index, dishes_task_fn *fn, void *arg)
{
    worker_t *worker = &self->workers[index];
    for (stint_t *stint; (stint = next_stint (self, worker));)
        stint_do (stint, &worker->hand, fn, arg, &self->staff.latch);
    return self->staff.over; // it does not change any more
}

void crew_close (crew_t *self)
{
    staff_close (&self->staff);
}

void crew_over (crew_t *self, int error)
{
    staff_over (&self->staff, error);
}

//  ---- the role's thread: what comes back

//  Gives back what of a stint is not done.
static void give_back (stint_t *stint, dryer_t *core)
{
    if (stint->done < stint->kept)
        dryer_return_part (core, stint->job.ticket, stint->job.n + stint->done, stint->kept - stint->done);
    stint->kept = stint->done;
}

//  Returns how many tasks are no longer exposed.
static uint64_t tell_through (crew_t *self, stints_t *through, dryer_t *core, int64_t now_ms, bool *has_failed)
{
    uint64_t told = 0;
    for (stint_t *stint; (stint = stints_pop (through));) {
        uint64_t before = stint->kept - stint->told;
        *has_failed |= stint->has_failed;
        stint_tell (stint, stint->done, self->staff.wants, core, now_ms);
        give_back (stint, core);
        pace_note (&self->pace, stint->took_ns, stint->done, stint->job.count, stint->job.bytes.size);
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
    stint_tell (stint, stint_done (stint), self->staff.wants, core, now_ms);
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
    return is_in_hand (worker) && !stint->is_called_back && (self->pace.length > 1 || stint->kept - stint->told > 1);
}

static void return_ready (crew_t *self, dryer_t *core)
{
    for (stint_t *stint; (stint = stints_pop (&self->ready));) {
        dryer_return (core, stint->job.ticket);
        stint_free (stint);
    }
}

//  Locked. Where a thread needs longer than was thought all of them give back what they have not begun.
static void look_at_workers (crew_t *self, dryer_t *core, int64_t now_ms)
{
    bool is_stuck = false;
    for (unsigned i = 0; i < self->threads; i++)
        is_stuck = is_stuck || (holds_up (self, &self->workers[i]) && now_ms - self->workers[i].begun_ms >= STUCK_MS);
    if (!is_stuck)
        return;
    pace_shorten (&self->pace);
    for (unsigned i = 0; i < self->threads; i++)
        if (is_in_hand (&self->workers[i]))
            call_back (self, &self->workers[i], core, now_ms);
    return_ready (self, core);
}

//  Locked: this dryer is about to go, and what is not done goes back.
static void return_all (crew_t *self, dryer_t *core, int64_t now_ms)
{
    for (unsigned i = 0; i < self->threads; i++) {
        worker_t *worker = &self->workers[i];
        if (!is_in_hand (worker))
            continue;
        call_back (self, worker, core, now_ms);
        worker->stint->done = worker->stint->told;
        give_back (worker->stint, core);
    }
    return_ready (self, core);
    cancel_all (&self->staff);
}

//  1 where it is about to go.
static int take_back (crew_t *self, dryer_t *core, int64_t now_ms)
{
    bool has_failed = false;
    latch_lock (&self->staff.latch);
    stints_t through = self->through;
    self->through = (stints_t){0};
    self->staff.is_told = false;
    latch_unlock (&self->staff.latch);
    uint64_t told = tell_through (self, &through, core, now_ms, &has_failed);
    latch_lock (&self->staff.latch);
    self->exposed -= told < self->exposed ? told : self->exposed;
    look_at_workers (self, core, now_ms);
    bool is_closing = self->staff.is_closing;
    if (is_closing)
        return_all (self, core, now_ms);
    latch_unlock (&self->staff.latch);
    if (has_failed)
        errno = ENOMEM;
    return has_failed ? -1 : is_closing;
}

//  ---- the role's thread: what is given out

//  Locked. No more than these are begun, or will be at a time.
static bool fits (const crew_t *self, uint32_t wanted)
{
    if (self->exposed > wanted)
        return false;
    for (const stint_t *stint = self->ready.first; stint; stint = stint->next)
        if (stint->job.count > self->pace.length)
            return false;
    return true;
}

//  Says how many may wait here and how many are in doubt, as soon as that is true.
static void keep_pace (crew_t *self, dryer_t *core)
{
    if (!(self->staff.wants & WANT_VERDICT))
        pace_lengthen (&self->pace);
    uint32_t wanted = pace_unsure (&self->pace), known = dryer_unsure (core);
    latch_lock (&self->staff.latch);
    if (wanted >= known || fits (self, wanted))
        dryer_pace (core, pace_prefetch (&self->pace), wanted);
    self->allowed = dryer_unsure (core);
    latch_unlock (&self->staff.latch);
}

static uint64_t held (crew_t *self)
{
    uint64_t tasks = 0;
    latch_lock (&self->staff.latch);
    tasks = self->ready.tasks + self->exposed;
    latch_unlock (&self->staff.latch);
    return tasks;
}

//  Threads that were not called back: who was may be away for an hour.
static unsigned free_threads (const crew_t *self)
{
    unsigned threads = 0;
    for (unsigned i = 0; i < self->threads; i++)
        threads += !self->workers[i].stint || !self->workers[i].stint->is_called_back;
    return threads;
}

//  Locked. How many more tasks may lie here, taken, in stints of that length.
static uint64_t room (const crew_t *self, uint64_t length)
{
    uint64_t there = self->ready.tasks + self->exposed, most = pace_room (&self->pace, length, free_threads (self));
    return there < most ? most - there : 0;
}

static void lay_out (crew_t *self, stints_t *taken)
{
    latch_lock (&self->staff.latch);
    for (stint_t *stint; (stint = stints_pop (taken));)
        stints_append (&self->ready, stint);
    if (self->ready.stints)
        latch_wake_all (&self->staff.latch);
    latch_unlock (&self->staff.latch);
}

static int take_tasks (crew_t *self, dryer_t *core)
{
    stints_t taken = {0};
    job_t job;
    latch_lock (&self->staff.latch);
    uint64_t length = pace_stint (&self->pace, self->allowed), most = room (self, length);
    latch_unlock (&self->staff.latch);
    int rc = 0;
    while (rc == 0 && taken.tasks < most && dryer_take (core, length, &job)) {
        stint_t *stint = stint_new (&job);
        if (stint)
            stints_append (&taken, stint);
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
    latch_lock (&self->staff.latch);
    if (self->ready.stints || self->through.stints) // a thread takes one, or has done one, without a word
        due_ms = loop_now_ms () + STUCK_MS;
    for (unsigned i = 0; i < self->threads; i++)
        if (holds_up (self, &self->workers[i]) && self->workers[i].begun_ms + STUCK_MS < due_ms)
            due_ms = self->workers[i].begun_ms + STUCK_MS;
    latch_unlock (&self->staff.latch);
    return due_ms;
}

static uint32_t running (const void *arg)
{
    crew_t *self = (crew_t *)(uintptr_t)arg;
    uint64_t tasks = held (self);
    return tasks < UINT32_MAX ? (uint32_t)tasks : UINT32_MAX;
}

hands_t crew_hands (crew_t *self)
{
    const hands_t own = {
        .work = work, .due_ms = due_ms, .running = running, .read = task_read, .free_output = task_free_output};
    return staff_hands (&self->staff, &own);
}
