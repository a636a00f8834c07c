#include "api/stint.h"
#include "core/scan.h"

#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { STATUS_MAX = 255, QUICK_NS = 1000000, NS_A_US = 1000 };

static int64_t now_ns (clockid_t clock)
{
    struct timespec now;
    clock_gettime (clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

//  ---- who has begun what
//
//  The thread says that it begins a task, then looks whether it may. Who calls back says that it may not, then looks
//  what it has begun. Each must see the other's word, if that was the first one: both sides need a full barrier between
//  the two, which a thread with a task of ten nanoseconds cannot pay for. membarrier makes it on all threads at once.

static atomic_bool has_membarrier;

void stint_prepare (void)
{
    if (syscall (SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0)
        atomic_store (&has_membarrier, true);
}

static bool begin (stint_t *self, uint64_t i, bool is_light)
{
    if (is_light) {
        atomic_store_explicit (&self->begun, i + 1, memory_order_release); // those before it are done
        atomic_signal_fence (memory_order_seq_cst);
        return i < atomic_load_explicit (&self->limit, memory_order_relaxed);
    }
    atomic_store (&self->begun, i + 1);
    return i < atomic_load (&self->limit);
}

void stint_call_back (stint_t *self)
{
    atomic_store (&self->limit, 0);
    if (atomic_load (&has_membarrier))
        syscall (SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    uint64_t begun = atomic_load (&self->begun);
    self->kept = begun < self->kept ? begun : self->kept;
    self->is_called_back = true;
}

uint64_t stint_done (const stint_t *self)
{
    uint64_t begun = atomic_load_explicit (&self->begun, memory_order_acquire);
    uint64_t done = begun ? begun - 1 : 0;
    return done < self->kept ? done : self->kept;
}

//  ---- life

stint_t *stint_new (const job_t *job)
{
    stint_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->job = *job;
    self->kept = job->count;
    atomic_init (&self->limit, job->count);
    return self;
}

void stint_free (stint_t *self)
{
    for (dishes_task_t *task; (task = tasks_pop (&self->odd));)
        task_free (task);
    slice_drop (&self->job.bytes);
    free (self);
}

void stints_append (stints_t *self, stint_t *stint)
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

stint_t *stints_pop (stints_t *self)
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

void stints_free (stints_t *self)
{
    for (stint_t *stint; (stint = stints_pop (self));)
        stint_free (stint);
}

//  ---- in the thread

//  On a busy machine a thread is often kept waiting in the middle of a task that takes no time at all. That says
//  nothing about the task.
static long own_time (int64_t *cpu_ns)
{
    struct rusage usage;
    if (getrusage (RUSAGE_THREAD, &usage) == -1)
        return 0;
    *cpu_ns = ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
              ((int64_t)usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * NS_A_US;
    return usage.ru_nvcsw;
}

static int64_t time_taken (const stint_t *self)
{
    int64_t took_ns = now_ns (CLOCK_MONOTONIC) - self->began_ns, cpu_ns = 0;
    if (took_ns < QUICK_NS || own_time (&cpu_ns) != self->waits)
        return took_ns;
    return cpu_ns - self->began_cpu_ns;
}

int64_t stint_begin (stint_t *self)
{
    self->waits = own_time (&self->began_cpu_ns);
    self->began_us = now_ns (CLOCK_REALTIME) / NS_A_US;
    self->began_ns = now_ns (CLOCK_MONOTONIC);
    return self->began_ns / (NS_A_US * 1000);
}

static __attribute__ ((noinline)) const uint8_t *pick_up_any (dishes_task_t *hand, const shape_t *shape,
                                                              const uint8_t *at, const uint8_t *end)
{
    size_t size = shape_skip (shape, at, (size_t)(end - at), 1);
    value_cursor_t cursor = value_cursor (shape, at, size);
    hand->value = hand->job.bytes.data = at;
    hand->value_size = 0;
    value_next (&cursor, &hand->value, &hand->value_size);
    hand->job.bytes.size = size;
    return at + size;
}

//  The task that begins at `at`; returns where the next one does. The whole job was seen to be well made. What most
//  tasks are, an item and its end, is apart from the rest, and in the loop of who calls: that is a tenth of what such a
//  task costs.
static inline const uint8_t *pick_up (dishes_task_t *hand, const shape_t *shape, const uint8_t *at, const uint8_t *end)
{
    if (shape->format != BLOCK_DELIMITED || shape->items != 1)
        return pick_up_any (hand, shape, at, end);
    const uint8_t *stop = scan_find (at, end, shape->delimiter);
    hand->value = hand->job.bytes.data = at;
    hand->value_size = (size_t)(stop - at);
    hand->job.bytes.size = hand->value_size + 1;
    return stop + 1;
}

static bool extends (const dishes_task_t *last, const dishes_task_t *hand)
{
    return last && !last->out_size && !hand->out_size && last->status == hand->status && !last->start_us &&
           !hand->start_us && last->job.n + last->count == hand->job.n;
}

static void keep (stint_t *self, dishes_task_t *hand)
{
    dishes_task_t *task = malloc (sizeof *task);
    if (!task) {
        self->has_failed = true;
        return;
    }
    *task = *hand;
    task->job.bytes.block = self->job.bytes.block;
    task->job.bytes = slice_copy (&task->job.bytes);
    hand->out = NULL; // moved
    tasks_append (&self->odd, task);
}

//  A task that is not like the others. It began when the last one of that kind, or the stint, did: that is exact enough
//  where a stint takes a millisecond, and a stint with a task that takes longer has nothing else in it soon.
static void note (stint_t *self, dishes_task_t *hand, int64_t *stamp_ns, latch_t *latch)
{
    int64_t now = now_ns (CLOCK_MONOTONIC), took_ns = now - *stamp_ns;
    bool has_times = hand->out_size || took_ns >= QUICK_NS || self->job.count == 1;
    hand->start_us = has_times ? self->began_us + (*stamp_ns - self->began_ns) / NS_A_US : 0;
    hand->runtime_us = has_times ? (uint64_t)(took_ns / NS_A_US) : 0;
    *stamp_ns = now;
    latch_lock (latch);
    bool is_told = hand->job.n - self->job.n < self->told;
    if (extends (self->odd.last, hand))
        self->odd.last->count++;
    else if (!self->is_void && !is_told)
        keep (self, hand);
    latch_unlock (latch);
    free (hand->out); // where it was not kept
    hand->out = NULL;
    hand->out_size = hand->out_capacity = 0;
}

void stint_do (stint_t *self, dishes_task_t *hand, dishes_task_fn *fn, void *arg, latch_t *latch)
{
    const shape_t shape = self->job.shape;
    const uint8_t *at = self->job.bytes.data, *end = at + self->job.bytes.size;
    bool is_light = atomic_load (&has_membarrier);
    int64_t stamp_ns = self->began_ns;
    uint64_t i = 0;
    hand->job = self->job;
    hand->job.bytes.block = NULL;
    hand->count = 1;
    for (; begin (self, i, is_light); i++) {
        at = pick_up (hand, &shape, at, end);
        hand->job.n = self->job.n + i;
        int status = fn (arg, hand);
        if (!status && !hand->out_size)
            continue;
        hand->status = (uint16_t)(status < 0 || status > STATUS_MAX ? STATUS_MAX : status);
        note (self, hand, &stamp_ns, latch);
    }
    int64_t end_ns = now_ns (CLOCK_MONOTONIC);
    self->took_ns = time_taken (self);
    bool is_last_slow = self->job.count == 1 || i < self->job.count;
    hand->status = 0;
    if (is_last_slow && i && end_ns - stamp_ns >= QUICK_NS)
        note (self, hand, &stamp_ns, latch);
    self->done = i;
}

//  ---- to the core

static void tell_run (const stint_t *self, uint64_t from, uint64_t count, dryer_t *core, int64_t now_ms)
{
    dryer_done (core, &(result_t){.ticket = self->job.ticket, .n = self->job.n + from, .count = count}, now_ms);
}

//  Each by itself, as the sink wants to know what it was given.
static void tell_each (const stint_t *self, uint64_t from, uint64_t count, uint8_t wants, dryer_t *core, int64_t now_ms)
{
    const shape_t *shape = &self->job.shape;
    const uint8_t *at = self->job.bytes.data, *end = at + self->job.bytes.size;
    dishes_task_t task = {.job = self->job, .count = 1};
    at += shape_skip (shape, at, (size_t)(end - at), from);
    for (uint64_t i = from; i < from + count; i++) {
        at = pick_up (&task, shape, at, end);
        task.job.n = self->job.n + i;
        task_tell (&task, wants, core, now_ms);
    }
}

//  Those of the same failure.
static void tell_odd (stint_t *self, dishes_task_t *task, uint8_t wants, dryer_t *core, int64_t now_ms)
{
    uint64_t from = task->job.n - self->job.n;
    bool is_ours = true;
    if (task->count == 1 || !(wants & (WANT_TEXTS | WANT_TROUBLE))) {
        is_ours = task_tell (task, wants, core, now_ms);
    } else {
        const uint8_t *at = self->job.bytes.data, *end = at + self->job.bytes.size;
        at += shape_skip (&self->job.shape, at, (size_t)(end - at), from);
        dishes_task_t one = *task;
        for (one.count = 1; one.job.n < task->job.n + task->count; one.job.n++) {
            at = pick_up (&one, &self->job.shape, at, end);
            task_tell (&one, wants, core, now_ms);
        }
    }
    if (is_ours)
        task_free (task);
}

void stint_tell (stint_t *self, uint64_t done, uint8_t wants, dryer_t *core, int64_t now_ms)
{
    while (self->told < done) {
        dishes_task_t *odd = self->odd.first;
        uint64_t stop = odd && odd->job.n - self->job.n < done ? odd->job.n - self->job.n : done;
        uint64_t count = stop - self->told;
        if (count && wants & WANT_TEXTS)
            tell_each (self, self->told, count, wants, core, now_ms);
        else if (count)
            tell_run (self, self->told, count, core, now_ms);
        self->told = stop;
        if (stop == done)
            return;
        tasks_remove (&self->odd, odd);
        self->told += odd->count;
        tell_odd (self, odd, wants, core, now_ms);
    }
}
