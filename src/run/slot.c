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

enum { CANNOT_KEEP = 125, CANNOT_RUN = 126, NOT_FOUND = 127 };

static int64_t clock_ns (clockid_t clock)
{
    struct timespec now;
    clock_gettime (clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void move_to (runner_t *runner, slot_t *slot, slot_state_t state)
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
        move_to (runner, slot, state);
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

static int watch (runner_t *runner, slot_t *slot, int kind, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = slot_event_id (slot, kind)};
    return epoll_ctl (runner->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void unwatch (runner_t *runner, int fd)
{
    epoll_ctl (runner->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static int watch_stream (runner_t *runner, slot_t *slot, int i)
{
    stream_t *stream = &slot->stream[i];
    if (!stream->watched && !stream->ended)
        stream->watched = watch (runner, slot, EVENT_OUT + i, stream->fd) == 0;
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

__attribute__ ((format (printf, 2, 3))) static void explain (record_t *record, const char *format, ...)
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

static void complete (runner_t *runner, slot_t *slot)
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
    move_to (runner, slot, SLOT_FREE);
    runner->running_count--;
    slot_settle (runner, slot);
}

//  The task never ran.
static void fail (runner_t *runner, slot_t *slot, int status)
{
    slot->record->result.status = status;
    complete (runner, slot);
}

static void output_failed (runner_t *runner, slot_t *slot, int i, int64_t now_ms)
{
    capture_t *capture = i ? slot->record->err : slot->record->out;
    explain (slot->record, "cannot keep the %s of task %llu in %s: %s", i ? "stderr" : "stdout",
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
        slot->record->result.status = CANNOT_KEEP;
        slot->record->result.signal = 0;
    }
    complete (runner, slot);
}

static void reap (runner_t *runner, slot_t *slot)
{
    runner_result_t *result = &slot->record->result;
    if (slot->state == SLOT_ENDING)
        child_signal (&slot->child, SIGKILL); // what is left of the group, while its number is still ours
    if (child_reap (&slot->child, &result->status, &result->signal) != 0) {
        result->status = CANNOT_KEEP;
        explain (slot->record, "the exit status of task %llu was taken by somebody else",
                 (unsigned long long)result->n);
    }
    result->elapsed_s = (double)(clock_ns (CLOCK_MONOTONIC) - slot->record->start_ns) / 1e9;
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
    move_to (runner, slot, SLOT_DRAINING);
    drain (runner, slot, now_ms);
}

void slot_taken (runner_t *runner, slot_t *slot)
{
    if (slot->state == SLOT_DRAINING)
        drain (runner, slot, runner->now_ms);
    else
        for (int i = 0; i < 2; i++)
            if (room (runner, slot, i) && watch_stream (runner, slot, i) != 0)
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
        move_to (runner, slot, SLOT_ENDING);
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
    slot_end (runner, slot, false, now_ms);
}

//  The beginning of a task

static template_task_t template_task (const slot_t *slot, const runner_task_t *task)
{
    return (template_task_t){
        .n = task->n, .slot = slot->number, .shape = task->shape, .data = task->data, .size = task->size};
}

static int add_tag (runner_t *runner, record_t *record, const template_task_t *task)
{
    if (!runner->opts.tag)
        return 0;
    size_t size;
    const char *tag = template_line (runner->opts.tag, runner->rendering, task, &size);
    if (tag)
        text_add (&record->tag, tag, size + 1);
    if (!tag || record->tag.failed)
        return -1;
    record->result.tag = record->tag.data;
    record->result.tag_bytes = size;
    return 0;
}

static int add_text (runner_t *runner, record_t *record, const template_task_t *task)
{
    if (!runner->opts.want_text && !runner->opts.dry_run && !runner->opts.on_start)
        return 0;
    size_t size;
    const char *text = template_command (runner->opts.command, runner->rendering, task, &size);
    if (text)
        text_add (&record->text, text, size + 1);
    if (!text || record->text.failed)
        return -1;
    record->result.text = record->text.data;
    record->result.text_bytes = size;
    return 0;
}

static int add_item (runner_t *runner, record_t *record, const runner_task_t *task)
{
    if (!runner->opts.want_item)
        return 0;
    item_put (&record->item, task->shape, task->data, task->size);
    if (record->item.failed)
        return -1;
    record->result.item = record->item.data;
    record->result.item_bytes = record->item.size;
    return 0;
}

static int open_record (runner_t *runner, slot_t *slot, const runner_task_t *task)
{
    record_t *record = slot->record = record_new (runner, RUNNER_DONE);
    if (!record)
        return -1;
    record->start_ns = clock_ns (CLOCK_MONOTONIC);
    record->result.start_s = (double)clock_ns (CLOCK_REALTIME) / 1e9;
    record->result.ticket = task->ticket;
    record->result.n = task->n;
    record->result.attempt = task->attempt;
    record->result.slot = slot->number;
    return 0;
}

//  A pipe with both ends above the standard descriptors.
static int open_pipe (stream_t *stream)
{
    int fd[2];
    *stream = (stream_t){.fd = -1, .write_fd = -1};
    if (pipe2 (fd, O_CLOEXEC) != 0)
        return -1;
    stream->fd = fd[0];
    stream->write_fd = fd[1];
    return 0;
}

//  `stdin_bytes`: NULL for /dev/null.
static int spawn (runner_t *runner, slot_t *slot, const runner_task_t *task, const slice_t *stdin_bytes, char **argv)
{
    int in = runner->null;
    if (open_pipe (&slot->stream[0]) != 0 || open_pipe (&slot->stream[1]) != 0 ||
        (stdin_bytes && feed_open (runner, slot, stdin_bytes, &in) != 0))
        return -1;
    child_spec_t spec = {.program = argv[0],
                         .argv = argv,
                         .envp = envp_for (runner->envp, task->n, task->attempt, slot->number),
                         .fd = {in, slot->stream[0].write_fd, slot->stream[1].write_fd},
                         .nice = runner->opts.nice,
                         .place = slot->place};
    int rc = child_start (runner->spawner, &spec, &slot->child), kept = errno;
    if (in != runner->null)
        close (in);
    errno = kept;
    return rc;
}

static int watch_all (runner_t *runner, slot_t *slot)
{
    if (feed_watch (runner, slot) == 0 && watch (runner, slot, EVENT_EXIT, slot->child.pidfd) == 0 &&
        watch_stream (runner, slot, 0) == 0 && watch_stream (runner, slot, 1) == 0)
        return 0;
    int error = errno, status, signal;
    child_signal (&slot->child, SIGKILL);
    child_reap (&slot->child, &status, &signal);
    errno = error;
    return -1;
}

static void cannot_start (runner_t *runner, slot_t *slot, const char *name, int error)
{
    const char *hint = error == E2BIG ? " (arguments and environment: fewer items a command, see -n and -s)" : "";
    explain (slot->record, "cannot run %.100s: %s%s", name, strerrordesc_np (error), hint);
    fail (runner, slot, error == ENOENT ? NOT_FOUND : CANNOT_RUN);
}

static void run (runner_t *runner, slot_t *slot, const runner_task_t *task, int64_t now_ms)
{
    template_task_t rendered = template_task (slot, task);
    slice_t bytes = {task->block, task->data, task->size};
    if (runner->opts.pipe && !spout_find (task->shape, &bytes)) {
        explain (slot->record, "task %llu: it has several values, or none, and stdin takes one: leave out --pipe",
                 (unsigned long long)task->n);
        fail (runner, slot, CANNOT_RUN);
        return;
    }
    char **argv = template_argv (runner->opts.command, runner->rendering, &rendered);
    if (!argv && errno == EINVAL) {
        explain (slot->record, "task %llu: %s", (unsigned long long)task->n, template_reason (runner->rendering));
        fail (runner, slot, CANNOT_RUN);
    } else if (!argv || !argv[0]) {
        cannot_start (runner, slot, "the command", argv ? ENOENT : errno);
    } else if (spawn (runner, slot, task, runner->opts.pipe ? &bytes : NULL, argv) != 0 ||
               watch_all (runner, slot) != 0) {
        cannot_start (runner, slot, argv[0], errno);
    } else {
        slot->record->result.started = true;
        slot->deadline_ms = runner->opts.timeout_ms > 0 ? now_ms + runner->opts.timeout_ms : INT64_MAX;
    }
}

//  --dry-run: the command's text is its output.
static void show (runner_t *runner, slot_t *slot)
{
    record_t *record = slot->record;
    text_t line = {0};
    text_add (&line, record->text.data, record->result.text_bytes);
    text_add (&line, "\n", 1);
    int rc = line.failed ? -1 : 0;
    if (rc == 0 && runner->opts.output == RUNNER_GROUP)
        rc = capture_append (record->out, line.data, line.size);
    else if (rc == 0)
        rc = record_add (runner, slot, 0, line.data, line.size);
    if (rc != 0)
        explain (record, "cannot keep the command of task %llu", (unsigned long long)record->result.n);
    text_free (&line);
    fail (runner, slot, rc ? CANNOT_KEEP : 0);
}

int slot_start (runner_t *runner, slot_t *slot, const runner_task_t *task, int64_t now_ms)
{
    if (open_record (runner, slot, task) != 0)
        return -1;
    slot->generation++;
    slot->step = 0;
    slot->exited = slot->kill_sent = false;
    slot->stream[0] = slot->stream[1] = (stream_t){.fd = -1, .write_fd = -1};
    template_task_t rendered = template_task (slot, task);
    move_to (runner, slot, SLOT_RUNNING);
    runner->running_count++;
    record_t *record = slot->record;
    if (add_tag (runner, record, &rendered) != 0 || add_text (runner, record, &rendered) != 0 ||
        add_item (runner, record, task) != 0) {
        cannot_start (runner, slot, "the command", ENOMEM);
        return 0;
    }
    if (runner->opts.on_start)
        runner->opts.on_start (runner->opts.arg, task, slot->number, record->result.text, record->result.text_bytes);
    if (runner->opts.dry_run)
        show (runner, slot);
    else
        run (runner, slot, task, now_ms);
    return 0;
}
