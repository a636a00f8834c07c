/*  A slot while it has a task, and the end of that. */
#include "run/runner_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

int64_t slot_clock_ns (clockid_t clock)
{
    struct timespec now;
    clock_gettime (clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void slot_move (runner_t *runner, slot_t *slot, slot_state_t state)
{
    slots_t *const lists[] = {&runner->free, &runner->running, &runner->ending, &runner->draining, &runner->resting};
    TAILQ_REMOVE (lists[slot->state], slot, link);
    if (state == SLOT_FREE) // the one used last is the next one
        TAILQ_INSERT_HEAD (lists[state], slot, link);
    else
        TAILQ_INSERT_TAIL (lists[state], slot, link);
    slot->state = state;
}

void slot_settle (runner_t *runner, slot_t *slot)
{
    slot_state_t state = slot->number <= runner->opts.slots ? SLOT_FREE : SLOT_RESTING;
    if ((slot->state == SLOT_FREE || slot->state == SLOT_RESTING) && slot->state != state)
        slot_move (runner, slot, state);
}

static void close_fd (int *fd)
{
    if (*fd >= 0)
        close (*fd);
    *fd = -1;
}

uint64_t slot_event_id (const slot_t *slot, int kind)
{
    return ((uint64_t)slot->generation << 32) + (uint64_t)(slot->number - 1) * EVENT_KINDS + (uint32_t)kind;
}

int slot_watch (runner_t *runner, slot_t *slot, int kind, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = slot_event_id (slot, kind)};
    return epoll_ctl (runner->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void unwatch (runner_t *runner, int fd)
{
    epoll_ctl (runner->epoll, EPOLL_CTL_DEL, fd, NULL);
}

int slot_watch_stream (runner_t *runner, slot_t *slot, int i)
{
    stream_t *stream = &slot->stream[i];
    if (!stream->watched && !stream->ended)
        stream->watched = slot_watch (runner, slot, EVENT_OUT + i, stream->fd) == 0;
    return stream->watched || stream->ended ? 0 : -1;
}

static void unwatch_stream (runner_t *runner, stream_t *stream)
{
    if (stream->watched)
        unwatch (runner, stream->fd);
    stream->watched = false;
}

static void close_stream (stream_t *stream)
{
    close_fd (&stream->fd);
    close_fd (&stream->write_fd);
    stream->watched = false; // epoll forgets what is closed
}

void slot_drop (runner_t *runner, slot_t *slot)
{
    for (int i = 0; i < 2; i++) {
        if (slot->stream[i].piece && !slot->stream[i].piece->queued)
            record_destroy (&slot->stream[i].piece);
        close_stream (&slot->stream[i]);
    }
    spout_close (&slot->spout);
    close_fd (&slot->child.pidfd);
    record_destroy (&slot->record);
}

//  The end of a task

void slot_explain (record_t *record, const char *format, ...)
{
    if (record->result.reason)
        return; // the first one is the cause
    va_list args;
    va_start (args, format);
    vsnprintf (record->reason, sizeof record->reason, format, args);
    va_end (args);
    record->result.reason = record->reason;
}

//  Does the task's stderr lack a newline at its end?
static bool ends_torn (const slot_t *slot, runner_output_t output)
{
    char last = '\n';
    const record_t *piece = slot->stream[1].piece;
    const capture_t *err = slot->record->err;
    if (output == RUNNER_GROUP && capture_size (err))
        capture_read (err, capture_size (err) - 1, &last, 1);
    else if (output != RUNNER_GROUP && piece && piece->data.size)
        last = piece->data.data[piece->data.size - 1];
    return last != '\n';
}

//  The reason is the last line of the task's stderr, and its only one where that could not be kept.
static void add_reason (runner_t *runner, slot_t *slot)
{
    char line[sizeof slot->record->reason + 16];
    bool torn = ends_torn (slot, runner->opts.output);
    int size = snprintf (line, sizeof line, "%sdishes: %s\n", torn ? "\n" : "", slot->record->reason);
    if (runner->opts.output != RUNNER_GROUP)
        record_add (runner, slot, 1, line, (size_t)size);
    else if (capture_append (slot->record->err, line, (size_t)size) != 0)
        capture_clear (slot->record->err);
}

void slot_complete (runner_t *runner, slot_t *slot)
{
    record_t *record = slot->record;
    if (record->result.reason)
        add_reason (runner, slot);
    for (int i = 0; i < 2; i++) {
        record_flush (runner, slot, i);
        close_stream (&slot->stream[i]);
    }
    spout_close (&slot->spout);
    slot->record = NULL;
    record_queue (runner, record);
    slot_move (runner, slot, SLOT_FREE);
    runner->running_count--;
    slot_settle (runner, slot);
}

static void output_failed (runner_t *runner, slot_t *slot, int i, int64_t now_ms)
{
    capture_t *capture = i ? slot->record->err : slot->record->out;
    slot_explain (slot->record, "cannot keep the %s of task %llu in %s: %s", i ? "stderr" : "stdout",
                  (unsigned long long)slot->record->result.n, capture_dir (capture), strerrordesc_np (errno));
    capture_clear (capture); // whole or absent
    slot->stream[i].lost = true;
    slot_end (runner, slot, false, now_ms);
}

//  Keeps what was read. -1 and errno where it cannot be kept.
static int keep (runner_t *runner, slot_t *slot, int i, size_t size)
{
    if (slot->stream[i].lost)
        return 0;
    if (runner->opts.output != RUNNER_GROUP)
        return record_add (runner, slot, i, runner->buffer, size);
    return capture_append (i ? slot->record->err : slot->record->out, runner->buffer, size);
}

//  How much may be read now.
static size_t room (const runner_t *runner, const slot_t *slot, int i)
{
    if (runner->opts.output == RUNNER_GROUP || slot->stream[i].lost)
        return READ_BYTES;
    size_t left = record_room (slot, i);
    return left < READ_BYTES ? left : READ_BYTES;
}

//  Reads once from a stream known to be readable. Returns the bytes read; 0 at the end and after an error.
static size_t read_stream (runner_t *runner, slot_t *slot, int i, size_t size, int64_t now_ms)
{
    ssize_t done;
    do
        done = read (slot->stream[i].fd, runner->buffer, size);
    while (done < 0 && errno == EINTR);
    if (done <= 0)
        return 0;
    if (keep (runner, slot, i, (size_t)done) != 0)
        output_failed (runner, slot, i, now_ms);
    return (size_t)done;
}

//  What the command had written when it exited; not what others may still add. Goes on in slot_taken where the caller
//  has to take pieces first.
static void drain (runner_t *runner, slot_t *slot, int64_t now_ms)
{
    for (int i = 0; i < 2; i++) {
        stream_t *stream = &slot->stream[i];
        size_t size;
        while (stream->left && (size = room (runner, slot, i)) > 0) {
            size_t done = read_stream (runner, slot, i, size < stream->left ? size : stream->left, now_ms);
            stream->left = done ? stream->left - done : 0;
        }
    }
    if (slot->stream[0].left || slot->stream[1].left) {
        unwatch_stream (runner, &slot->stream[0]);
        unwatch_stream (runner, &slot->stream[1]);
        return;
    }
    if (slot->stream[0].lost || slot->stream[1].lost) {
        slot->record->result.status = RUNNER_CANNOT_KEEP;
        slot->record->result.signal = 0;
    }
    slot_complete (runner, slot);
}

static void reap (runner_t *runner, slot_t *slot)
{
    runner_result_t *result = &slot->record->result;
    if (slot->state == SLOT_ENDING)
        child_signal (&slot->child, SIGKILL); // what is left of the group, while its number is still ours
    if (child_reap (&slot->child, &result->status, &result->signal) != 0) {
        result->status = RUNNER_CANNOT_KEEP;
        slot_explain (slot->record, "the exit status of task %llu was taken by somebody else",
                      (unsigned long long)result->n);
    }
    result->elapsed_s = (double)(slot_clock_ns (CLOCK_MONOTONIC) - slot->record->start_ns) / 1e9;
    slot->exited = false;
}

//  A command that exited by itself has ended; one that we end when nobody holds its output, or KILL was sent.
static void end_if_over (runner_t *runner, slot_t *slot, int64_t now_ms)
{
    bool waits = slot->state == SLOT_ENDING && !slot->kill_sent && !(slot->stream[0].ended && slot->stream[1].ended);
    if (!slot->exited || waits)
        return;
    reap (runner, slot);
    for (int i = 0; i < 2; i++) {
        int left = 0;
        ioctl (slot->stream[i].fd, FIONREAD, &left);
        slot->stream[i].left = (size_t)left;
    }
    slot_move (runner, slot, SLOT_DRAINING);
    drain (runner, slot, now_ms);
}

void slot_taken (runner_t *runner, slot_t *slot)
{
    if (slot->state == SLOT_DRAINING)
        drain (runner, slot, runner->now_ms);
    else
        for (int i = 0; i < 2; i++)
            if (room (runner, slot, i) && slot_watch_stream (runner, slot, i) != 0)
                output_failed (runner, slot, i, runner->now_ms);
}

static void stream_event (runner_t *runner, slot_t *slot, int i, int64_t now_ms)
{
    stream_t *stream = &slot->stream[i];
    if (!stream->watched)
        return;
    size_t done = read_stream (runner, slot, i, room (runner, slot, i), now_ms);
    stream->ended = done == 0;
    if (stream->ended || !room (runner, slot, i))
        unwatch_stream (runner, stream);
    if (stream->ended)
        end_if_over (runner, slot, now_ms);
}

void slot_event (runner_t *runner, slot_t *slot, int kind, int64_t now_ms)
{
    if (slot->state != SLOT_RUNNING && slot->state != SLOT_ENDING)
        return;
    if (kind == EVENT_IN) {
        feed_more (runner, slot, now_ms);
        return;
    }
    if (kind != EVENT_EXIT) {
        stream_event (runner, slot, kind - EVENT_OUT, now_ms);
        return;
    }
    if (slot->exited)
        return;
    slot->exited = true;
    if (slot->state == SLOT_ENDING)
        unwatch (runner, slot->child.pidfd); // it may have to wait for the rest of its group
    end_if_over (runner, slot, now_ms);
}

//  Ending a task

static void send_step (runner_t *runner, slot_t *slot, int64_t now_ms)
{
    const termseq_t *seq = &runner->opts.termseq;
    slot->deadline_ms = INT64_MAX;
    if (slot->step >= seq->count)
        return;
    int signal = seq->step[slot->step].signal;
    child_signal (&slot->child, signal);
    child_signal (&slot->child, SIGCONT); // what is stopped would not notice
    slot->kill_sent = signal == SIGKILL;
    slot->deadline_ms = now_ms + seq->step[slot->step++].wait_ms;
    end_if_over (runner, slot, now_ms);
}

void slot_end (runner_t *runner, slot_t *slot, bool at_once, int64_t now_ms)
{
    bool again = slot->state == SLOT_ENDING;
    if ((slot->state != SLOT_RUNNING && !again) || (again && !at_once))
        return;
    if (!again)
        slot_move (runner, slot, SLOT_ENDING);
    for (int i = 0; i < 2; i++)
        close_fd (&slot->stream[i].write_fd); // now we want to see their end
    slot->step = at_once ? runner->opts.termseq.count - 1 : slot->step;
    send_step (runner, slot, now_ms);
}

void slot_due (runner_t *runner, slot_t *slot, int64_t now_ms)
{
    if (slot->state == SLOT_ENDING) {
        send_step (runner, slot, now_ms);
        return;
    }
    slot->record->result.timed_out = true;
    slot_explain (slot->record, "task %llu: timed out (--timeout)", (unsigned long long)slot->record->result.n);
    slot_end (runner, slot, false, now_ms);
}
