/*  The stdin of commands. A pipe is made and filled for the task that comes next while others still run: then nothing
 *  but the command's start lies between two tasks of a slot.
 */
#include "run/runner_parts.h"

#include <sys/epoll.h>
#include <unistd.h>

static bool is_same (const slice_t *a, const slice_t *b)
{
    return a->block && a->block == b->block && a->data == b->data && a->size == b->size;
}

void feed_forget (runner_t *runner)
{
    larder_t *larder = &runner->larder;
    if (larder->bytes.block) {
        spout_close (&larder->spout);
        close (larder->read_fd);
    }
    slice_drop (&larder->bytes);
}

void runner_expect (runner_t *self, const runner_task_t *task)
{
    larder_t *larder = &self->larder;
    slice_t bytes = task ? (slice_t){task->block, task->data, task->size} : (slice_t){0};
    bool is_fed = task && self->opts.pipe && !self->opts.dry_run && bytes.block && spout_find (task->shape, &bytes);
    if (is_fed && is_same (&larder->bytes, &bytes))
        return;
    feed_forget (self);
    if (is_fed && spout_open (&larder->spout, &bytes, &larder->read_fd) == 0)
        larder->bytes = slice_copy (&bytes);
}

int feed_open (runner_t *runner, slot_t *slot, const slice_t *bytes, int *read_fd)
{
    larder_t *larder = &runner->larder;
    if (!is_same (&larder->bytes, bytes))
        return spout_open (&slot->spout, bytes, read_fd);
    slot->spout = larder->spout;
    *read_fd = larder->read_fd;
    slice_drop (&larder->bytes);
    return 0;
}

static int arm (runner_t *runner, slot_t *slot, int operation)
{
    struct epoll_event event = {.events = EPOLLOUT | EPOLLONESHOT, .data.u64 = slot_event_id (slot, EVENT_IN)};
    return epoll_ctl (runner->epoll, operation, slot->spout.fd, &event);
}

int feed_watch (runner_t *runner, slot_t *slot)
{
    return slot->spout.fd < 0 ? 0 : arm (runner, slot, EPOLL_CTL_ADD);
}

void feed_more (runner_t *runner, slot_t *slot, int64_t now_ms)
{
    spout_t *spout = &slot->spout;
    if (spout->fd < 0 || !spout_pour (spout, now_ms) || spout->look_ms != INT64_MAX)
        return;
    if (arm (runner, slot, EPOLL_CTL_MOD) != 0)
        spout->look_ms = now_ms + 1;
}

void feed_due (runner_t *runner, int64_t now_ms)
{
    for (uint32_t i = 0; runner->opts.pipe && i < runner->made; i++)
        if (runner->slot[i]->spout.fd >= 0 && runner->slot[i]->spout.look_ms <= now_ms)
            feed_more (runner, runner->slot[i], now_ms);
}

int64_t feed_due_ms (const runner_t *runner)
{
    int64_t due_ms = INT64_MAX;
    for (uint32_t i = 0; runner->opts.pipe && i < runner->made; i++) {
        const spout_t *spout = &runner->slot[i]->spout;
        due_ms = spout->fd >= 0 && spout->look_ms < due_ms ? spout->look_ms : due_ms;
    }
    return due_ms;
}
