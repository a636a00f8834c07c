#include "run/runner_parts.h"
#include "core/array.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 64, LAST_WAIT_MS = 1000 };

static int open_fds (runner_t *self)
{
    self->epoll = epoll_create1 (EPOLL_CLOEXEC);
    self->null = open ("/dev/null", O_RDWR | O_CLOEXEC);
    return self->epoll >= 0 && self->null >= 0 ? 0 : -1;
}

//  One slot more, resting.
static int make_slot (runner_t *self)
{
    slot_t *slot = calloc (1, sizeof *slot);
    if (!slot)
        return -1;
    if (self->opts.guardian && !(slot->place = guardian_take (self->opts.guardian))) {
        free (slot);
        errno = ENOSPC;
        return -1;
    }
    slot->state = SLOT_RESTING;
    slot->child.pidfd = slot->spout.fd = -1;
    slot->stream[0] = slot->stream[1] = (stream_t){.fd = -1, .write_fd = -1};
    self->slot[self->made++] = slot;
    slot->number = self->made;
    TAILQ_INSERT_TAIL (&self->resting, slot, link);
    return 0;
}

static int make_slots (runner_t *self, uint32_t slots)
{
    if (array_reserve (&self->slot, &self->slot_capacity, slots, sizeof *self->slot) == -1)
        return -1;
    while (self->made < slots)
        if (make_slot (self) == -1)
            return -1;
    return 0;
}

int runner_resize (runner_t *self, uint32_t slots)
{
    if (!slots) {
        errno = EINVAL;
        return -1;
    }
    if (make_slots (self, slots) == -1)
        return -1;
    self->opts.slots = slots;
    for (uint32_t i = self->made; i-- > 0;) // of the new ones the lowest number is used first
        slot_settle (self, self->slot[i]);
    return 0;
}

static int make_parts (runner_t *self)
{
    self->spawner = spawner_new ();
    self->rendering = rendering_new ();
    self->envp = envp_new (self->opts.pipeline, self->opts.dryer);
    return self->spawner && self->rendering && self->envp ? 0 : -1;
}

runner_t *runner_new (const runner_opts_t *opts)
{
    if (!opts->slots || !opts->command) {
        errno = EINVAL;
        return NULL;
    }
    runner_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->opts = *opts;
    self->epoll = self->null = -1;
    TAILQ_INIT (&self->free);
    TAILQ_INIT (&self->running);
    TAILQ_INIT (&self->ending);
    TAILQ_INIT (&self->draining);
    TAILQ_INIT (&self->resting);
    TAILQ_INIT (&self->queue);
    TAILQ_INIT (&self->spare);
    if (!opts->termseq.count)
        termseq_parse (TERMSEQ_DEFAULT, &self->opts.termseq);
    if (open_fds (self) != 0 || runner_resize (self, opts->slots) != 0 || make_parts (self) != 0) {
        int error = errno;
        runner_destroy (&self);
        errno = error;
    }
    return self;
}

static void signal_all (runner_t *self, int signal)
{
    for (uint32_t i = 0; i < self->made; i++)
        if (self->slot[i]->child.pid > 0)
            child_signal (&self->slot[i]->child, signal);
}

//  A child that KILL does not end within the time (it hangs in the kernel) is left to init.
static void kill_and_reap (runner_t *self)
{
    signal_all (self, SIGKILL);
    int wait_ms = LAST_WAIT_MS;
    for (uint32_t i = 0; i < self->made; i++) {
        slot_t *slot = self->slot[i];
        struct pollfd exit = {.fd = slot->child.pidfd, .events = POLLIN};
        int status, signal;
        if (slot->child.pid > 0 && poll (&exit, 1, wait_ms) == 1)
            child_reap (&slot->child, &status, &signal);
        else if (slot->child.pid > 0)
            wait_ms = 0;
        slot_drop (self, slot);
        if (self->opts.guardian)
            guardian_give (self->opts.guardian, &slot->place);
        free (slot);
    }
}

static void drop_records (records_t *records)
{
    record_t *record;
    while ((record = TAILQ_FIRST (records))) {
        TAILQ_REMOVE (records, record, link);
        record_destroy (&record);
    }
}

void runner_destroy (runner_t **self_p)
{
    runner_t *self = *self_p;
    if (!self)
        return;
    kill_and_reap (self);
    feed_forget (self);
    drop_records (&self->queue);
    drop_records (&self->spare);
    free (self->slot);
    rendering_destroy (&self->rendering);
    envp_destroy (&self->envp);
    spawner_destroy (&self->spawner);
    if (self->null >= 0)
        close (self->null);
    if (self->epoll >= 0)
        close (self->epoll);
    free (self);
    *self_p = NULL;
}

int runner_fd (const runner_t *self)
{
    return self->epoll;
}

static int64_t earlier (int64_t due_ms, int64_t other_ms)
{
    if (other_ms == INT64_MAX || (due_ms >= 0 && due_ms <= other_ms))
        return due_ms;
    return other_ms;
}

int64_t runner_due (const runner_t *self)
{
    if (self->stopped)
        return -1;
    int64_t due_ms = -1;
    const slot_t *slot = TAILQ_FIRST (&self->running);
    if (slot)
        due_ms = earlier (due_ms, slot->deadline_ms);
    TAILQ_FOREACH (slot, &self->ending, link)
    due_ms = earlier (due_ms, slot->deadline_ms);
    due_ms = earlier (due_ms, feed_due_ms (self));
    if (!self->paused && self->next_start_ms > self->now_ms && !TAILQ_EMPTY (&self->free))
        due_ms = earlier (due_ms, self->next_start_ms);
    return due_ms;
}

//  Events are told apart by slot and by what was in it then.
static void dispatch (runner_t *self, uint64_t id, int64_t now_ms)
{
    uint32_t place = (uint32_t)id;
    slot_t *slot = self->slot[place / EVENT_KINDS];
    if (slot->generation == id >> 32)
        slot_event (self, slot, (int)(place % EVENT_KINDS), now_ms);
}

static void pass_deadlines (runner_t *self, int64_t now_ms)
{
    slot_t *slot, *next;
    for (slot = TAILQ_FIRST (&self->ending); slot; slot = next) {
        next = TAILQ_NEXT (slot, link);
        if (slot->deadline_ms <= now_ms)
            slot_due (self, slot, now_ms);
    }
    while ((slot = TAILQ_FIRST (&self->running)) && slot->deadline_ms <= now_ms)
        slot_due (self, slot, now_ms);
}

int runner_process (runner_t *self, int64_t now_ms)
{
    struct epoll_event events[EVENTS];
    self->now_ms = now_ms;
    int count = epoll_wait (self->epoll, events, EVENTS, 0);
    if (count < 0 && errno != EINTR)
        return -1;
    for (int i = 0; i < count; i++)
        dispatch (self, events[i].data.u64, now_ms);
    if (!self->stopped) {
        feed_due (self, now_ms);
        pass_deadlines (self, now_ms);
    }
    return 0;
}

uint32_t runner_running (const runner_t *self)
{
    return self->running_count;
}

uint32_t runner_free (const runner_t *self, int64_t now_ms)
{
    if (self->opts.slots <= self->running_count)
        return 0;
    uint32_t free_count = self->opts.slots - self->running_count;
    if (self->paused || self->stopped || now_ms < self->next_start_ms)
        return 0;
    return self->opts.delay_ms > 0 && free_count > 1 ? 1 : free_count;
}

int runner_start (runner_t *self, const runner_task_t *task, int64_t now_ms)
{
    self->now_ms = now_ms;
    if (!runner_free (self, now_ms)) {
        errno = EAGAIN;
        return -1;
    }
    if (slot_start (self, TAILQ_FIRST (&self->free), task, now_ms) != 0)
        return -1;
    if (self->opts.delay_ms > 0)
        self->next_start_ms = now_ms + self->opts.delay_ms;
    return 0;
}

void runner_pause (runner_t *self, bool pause)
{
    self->paused = pause;
}

runner_result_t *runner_take (runner_t *self)
{
    record_t *record = TAILQ_FIRST (&self->queue);
    if (!record)
        return NULL;
    TAILQ_REMOVE (&self->queue, record, link);
    slot_t *slot = record->slot;
    if (record->result.kind == RUNNER_PIECE)
        record_detach (self, record);
    if (slot)
        slot_taken (self, slot);
    return &record->result;
}

void runner_give_back (runner_t *self, runner_result_t **result_p)
{
    if (*result_p)
        record_give_back (self, (record_t *)*result_p);
    *result_p = NULL;
}

static void end_slot (runner_t *self, slot_t *slot, bool at_once, int64_t now_ms)
{
    if (!slot->record->result.timed_out)
        slot->record->result.killed = true;
    slot_end (self, slot, at_once, now_ms);
}

void runner_kill (runner_t *self, bool at_once, int64_t now_ms)
{
    runner_cont (self, now_ms);
    for (uint32_t i = 0; i < self->made; i++)
        if (self->slot[i]->state == SLOT_RUNNING || self->slot[i]->state == SLOT_ENDING)
            end_slot (self, self->slot[i], at_once, now_ms);
}

int runner_kill_task (runner_t *self, uint64_t ticket, bool at_once, int64_t now_ms)
{
    for (uint32_t i = 0; i < self->made; i++) {
        slot_t *slot = self->slot[i];
        if ((slot->state == SLOT_RUNNING || slot->state == SLOT_ENDING) && slot->record->result.ticket == ticket) {
            end_slot (self, slot, at_once, now_ms);
            return 0;
        }
    }
    errno = ESRCH;
    return -1;
}

bool runner_newest (const runner_t *self, uint64_t *ticket)
{
    const slot_t *slot = TAILQ_LAST (&self->running, slots);
    if (slot)
        *ticket = slot->record->result.ticket;
    return slot;
}

void runner_stop (runner_t *self, int64_t now_ms)
{
    if (self->stopped)
        return;
    self->stopped = true;
    self->stopped_ms = now_ms;
    signal_all (self, SIGSTOP);
}

void runner_cont (runner_t *self, int64_t now_ms)
{
    if (!self->stopped)
        return;
    self->stopped = false;
    for (uint32_t i = 0; i < self->made; i++)
        if (self->slot[i]->deadline_ms != INT64_MAX)
            self->slot[i]->deadline_ms += now_ms - self->stopped_ms;
    signal_all (self, SIGCONT);
}
