#include "api/desk_i.h"
#include "core/array.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

//  Locked: makes the bell say what is true.
static void ring (desk_t *self)
{
    bool is_due = self->ready.size || self->staff.over;
    if (!self->is_watched || is_due == self->is_rung)
        return;
    eventfd_t rings;
    if (is_due)
        eventfd_write (self->bell, 1);
    else
        eventfd_read (self->bell, &rings);
    self->is_rung = is_due;
}

static void free_tasks (task_list_t *list)
{
    for (dishes_task_t *task; (task = tasks_pop (list));)
        task_free (task);
}

//  Of the staff.
static void cancel_all (staff_t *staff)
{
    desk_t *self = (desk_t *)staff;
    for (dishes_task_t *task; (task = tasks_pop (&self->in_hand));)
        atomic_store (&task->is_canceled, true);
    free_tasks (&self->ready);
    free_tasks (&self->done);
    ring (self);
}

desk_t *desk_new (uint32_t slots, control_t *control)
{
    desk_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->slots = slots;
    atomic_init (&self->refs, 1);
    self->bell = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->bell != -1 && staff_init (&self->staff, control, cancel_all) == 0)
        return self;
    int kept = errno;
    if (self->bell != -1)
        close (self->bell);
    free (self);
    errno = kept;
    return NULL;
}

void desk_unref (desk_t *self)
{
    if (atomic_fetch_sub (&self->refs, 1) != 1)
        return;
    staff_free (&self->staff);
    close (self->bell);
    free (self);
}

void desk_destroy (desk_t **self_p)
{
    desk_t *self = *self_p;
    if (!self)
        return;
    latch_lock (&self->staff.latch);
    cancel_all (&self->staff);
    latch_unlock (&self->staff.latch);
    desk_unref (self);
    *self_p = NULL;
}

//  ---- the caller's threads

int desk_fd (desk_t *self)
{
    latch_lock (&self->staff.latch);
    self->is_watched = true;
    ring (self);
    latch_unlock (&self->staff.latch);
    return self->bell;
}

static int64_t now_us (void)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

dishes_task_t *desk_get (desk_t *self, int timeout_ms)
{
    int64_t deadline_ns = latch_deadline_ns (timeout_ms);
    bool in_time = true;
    latch_lock (&self->staff.latch);
    while (!self->ready.size && !self->staff.over && in_time)
        in_time = latch_wait (&self->staff.latch, deadline_ns);
    dishes_task_t *task = tasks_pop (&self->ready);
    if (task) {
        tasks_append (&self->in_hand, task);
        ring (self);
    }
    int error = self->staff.over ? self->staff.over : ETIMEDOUT;
    latch_unlock (&self->staff.latch);
    if (task)
        task->start_us = now_us ();
    errno = task ? errno : error;
    return task;
}

void desk_close (desk_t *self)
{
    staff_close (&self->staff);
}

void desk_over (desk_t *self, int error)
{
    staff_over (&self->staff, error);
}

//  ---- the role's thread

static void report_done (desk_t *self, dryer_t *core, int64_t now_ms)
{
    latch_lock (&self->staff.latch);
    task_list_t done = self->done;
    self->done = (task_list_t){0};
    self->staff.is_told = false;
    latch_unlock (&self->staff.latch);
    for (dishes_task_t *task; (task = tasks_pop (&done));)
        if (task_tell (task, self->staff.wants, core, now_ms))
            task_free (task);
}

static void return_tasks (const task_list_t *list, dryer_t *core)
{
    for (const dishes_task_t *task = list->first; task; task = task->next)
        dryer_return (core, task->job.ticket);
}

//  True where the desk is about to go: what is not done goes back.
static bool give_back (desk_t *self, dryer_t *core)
{
    latch_lock (&self->staff.latch);
    bool is_closing = self->staff.is_closing;
    if (is_closing) {
        return_tasks (&self->in_hand, core);
        return_tasks (&self->ready, core);
        cancel_all (&self->staff);
    }
    latch_unlock (&self->staff.latch);
    return is_closing;
}

static dishes_task_t *new_task (desk_t *self, job_t *job)
{
    dishes_task_t *task = calloc (1, sizeof *task);
    if (!task)
        return NULL;
    task->job = *job;
    task->count = 1;
    task->desk = self;
    atomic_fetch_add (&self->refs, 1);
    value_cursor_t cursor = value_cursor (&job->shape, job->bytes.data, job->bytes.size);
    if (!value_next (&cursor, &task->value, &task->value_size))
        task->value = job->bytes.data; // a task without a value
    return task;
}

static void lay_out (desk_t *self, task_list_t *tasks)
{
    latch_lock (&self->staff.latch);
    if (tasks->size > 1)
        latch_wake_all (&self->staff.latch);
    else if (tasks->size)
        latch_wake_one (&self->staff.latch);
    for (dishes_task_t *task; (task = tasks_pop (tasks));)
        tasks_append (&self->ready, task);
    ring (self);
    latch_unlock (&self->staff.latch);
}

static uint32_t running (const void *arg)
{
    desk_t *self = (desk_t *)(uintptr_t)arg;
    latch_lock (&self->staff.latch);
    uint32_t size = self->ready.size + self->in_hand.size;
    latch_unlock (&self->staff.latch);
    return size;
}

static int take_tasks (desk_t *self, dryer_t *core)
{
    task_list_t taken = {0};
    job_t job;
    uint32_t held = running (self);
    int rc = 0;
    while (rc == 0 && held + taken.size < self->slots && dryer_take (core, 1, &job)) {
        dishes_task_t *task = new_task (self, &job);
        if (task)
            tasks_append (&taken, task);
        else {
            slice_drop (&job.bytes);
            dryer_return (core, job.ticket);
            errno = ENOMEM;
            rc = -1;
        }
    }
    if (taken.size)
        lay_out (self, &taken);
    return rc;
}

static int work (void *arg, dryer_t *core, int64_t now_ms, bool may_start)
{
    desk_t *self = arg;
    report_done (self, core, now_ms);
    if (give_back (self, core) || !may_start)
        return 0;
    return take_tasks (self, core);
}

static int64_t due_ms (const void *arg)
{
    return INT64_MAX;
}

hands_t desk_hands (desk_t *self)
{
    const hands_t own = {
        .work = work, .due_ms = due_ms, .running = running, .read = task_read, .free_output = task_free_output};
    return staff_hands (&self->staff, &own);
}
