#include "api/desk_i.h"
#include "api/fault.h"
#include "core/array.h"
#include "core/item.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

enum { STATUS_MAX = 255 };

void tasks_append (task_list_t *self, dishes_task_t *task)
{
    task->previous = self->last;
    task->next = NULL;
    if (self->last)
        self->last->next = task;
    else
        self->first = task;
    self->last = task;
    self->size++;
}

void tasks_remove (task_list_t *self, dishes_task_t *task)
{
    if (task->previous)
        task->previous->next = task->next;
    else
        self->first = task->next;
    if (task->next)
        task->next->previous = task->previous;
    else
        self->last = task->previous;
    task->previous = task->next = NULL;
    self->size--;
}

dishes_task_t *tasks_pop (task_list_t *self)
{
    dishes_task_t *task = self->first;
    if (task)
        tasks_remove (self, task);
    return task;
}

void task_free (dishes_task_t *self)
{
    desk_t *desk = self->desk;
    slice_drop (&self->job.bytes);
    free (self->out);
    free (self);
    if (desk)
        desk_unref (desk);
}

//  ---- what it is

const void *dishes_task_data (const dishes_task_t *self)
{
    return self->value;
}

size_t dishes_task_size (const dishes_task_t *self)
{
    return self->value_size;
}

const void *dishes_task_value (const dishes_task_t *self, size_t index, size_t *size)
{
    const uint8_t *value;
    value_cursor_t cursor = value_cursor (&self->job.shape, self->job.bytes.data, self->job.bytes.size);
    while (value_next (&cursor, &value, size))
        if (!index--)
            return value;
    *size = 0;
    return NULL;
}

uint64_t dishes_task_number (const dishes_task_t *self)
{
    return self->job.n;
}

int dishes_task_attempt (const dishes_task_t *self)
{
    return (int)self->job.attempt;
}

int dishes_task_canceled (const dishes_task_t *self)
{
    return atomic_load (&self->is_canceled);
}

//  ---- what became of it

int dishes_task_write (dishes_task_t *self, const void *data, size_t size)
{
    if (!size)
        return 0;
    if (array_reserve (&self->out, &self->out_capacity, self->out_size + size, 1) == -1)
        return fault_keep (ENOMEM, "no memory for the output of a task");
    memcpy (self->out + self->out_size, data, size);
    self->out_size += size;
    return 0;
}

//  A run of quick successes is told as one; so only what took a while, or failed, or has an output, has its times.
static void note_times (dishes_task_t *self)
{
    enum { QUICK_US = 1000 };
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    int64_t took_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 - self->start_us;
    self->runtime_us = took_us > 0 ? (uint64_t)took_us : 0;
    if (self->runtime_us < QUICK_US && !self->status && !self->out_size)
        self->start_us = (int64_t)(self->runtime_us = 0);
}

//  To the role, which reports it. False where nobody wants it any more.
static bool hand_back (dishes_task_t *self)
{
    desk_t *desk = self->desk;
    latch_lock (&desk->staff.latch);
    bool is_wanted = !atomic_load (&self->is_canceled);
    if (is_wanted) {
        tasks_remove (&desk->in_hand, self);
        tasks_append (&desk->done, self);
        staff_tell_role (&desk->staff);
    }
    latch_unlock (&desk->staff.latch);
    return is_wanted;
}

int dishes_task_done (dishes_task_t **task_p, int status, const void *out, size_t size)
{
    assert (task_p && *task_p && (*task_p)->desk); // of dishes_run it is borrowed
    dishes_task_t *self = *task_p;
    *task_p = NULL;
    int rc = dishes_task_write (self, out, size);
    if (status < 0 || status > STATUS_MAX)
        rc = fault_keep (EINVAL, "no status of a task: %d is not 0 to %d", status, STATUS_MAX);
    self->status = (uint16_t)(rc == 0 ? status : STATUS_MAX);
    note_times (self);
    if (hand_back (self))
        return rc;
    task_free (self);
    return fault_keep (ECANCELED, "the result of the task is of no use any more");
}

//  ---- to the role

//  Without a command its text is the item, and so is its tag.
bool task_tell (dishes_task_t *self, uint8_t wants, dryer_t *core, int64_t now_ms)
{
    result_t result = {.ticket = self->job.ticket,
                       .n = self->job.n,
                       .count = self->count,
                       .status = self->status,
                       .start_us = self->start_us,
                       .runtime_us = self->runtime_us,
                       .out_bytes = self->out_size,
                       .cookie = self->out_size ? self : NULL};
    if (wants & WANT_TAG) {
        result.tag = self->value;
        result.tag_size = self->value_size;
    }
    if (dryer_wants_command (wants, &result)) {
        result.command = self->value;
        result.command_size = self->value_size;
    }
    writer_t item = {0};
    if (wants & WANT_ITEM)
        item_put (&item, &self->job.shape, self->job.bytes.data, self->job.bytes.size);
    result.item = item.data;
    result.item_size = item.failed ? 0 : item.size;
    dryer_done (core, &result, now_ms);
    writer_free (&item);
    return !result.cookie;
}

ssize_t task_read (void *arg, void *cookie, int stream, uint64_t offset, uint8_t *out, size_t size)
{
    const dishes_task_t *task = cookie;
    if (stream != 1 || offset >= task->out_size)
        return 0;
    size_t left = task->out_size - (size_t)offset;
    size = size < left ? size : left;
    memcpy (out, task->out + offset, size);
    return (ssize_t)size;
}

void task_free_output (void *arg, void *cookie)
{
    task_free (cookie);
}
