/*  How a task begins: what is told of it, its pipes, and its command, or why there is none. */
#include "run/runner_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CANNOT_RUN = 126, NOT_FOUND = 127 };

//  The task never ran.
static void fail (runner_t *runner, slot_t *slot, int status)
{
    slot->record->result.status = status;
    slot_complete (runner, slot);
}

static template_task_t template_task (const slot_t *slot, const runner_task_t *task)
{
    return (template_task_t){
        .n = task->n, .slot = slot->number, .shape = task->shape, .data = task->data, .size = task->size};
}

//  A rendered line (NULL: memory ended) outlives the rendering as a copy.
static int keep_line (text_t *copy, const char *line, size_t size, const char **kept, size_t *kept_size)
{
    if (line)
        text_add (copy, line, size + 1);
    if (!line || copy->failed)
        return -1;
    *kept = copy->data;
    *kept_size = size;
    return 0;
}

static int add_tag (runner_t *runner, record_t *record, const template_task_t *task)
{
    if (!runner->opts.tag)
        return 0;
    size_t size = 0;
    const char *tag = template_line (runner->opts.tag, runner->rendering, task, &size);
    return keep_line (&record->tag, tag, size, &record->result.tag, &record->result.tag_bytes);
}

static int add_text (runner_t *runner, record_t *record, const template_task_t *task)
{
    if (!runner->opts.want_text && !runner->opts.dry_run && !runner->opts.on_start)
        return 0;
    size_t size = 0;
    const char *text = template_command (runner->opts.command, runner->rendering, task, &size);
    return keep_line (&record->text, text, size, &record->result.text, &record->result.text_bytes);
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
    record->start_ns = slot_clock_ns (CLOCK_MONOTONIC);
    record->result.start_s = (double)slot_clock_ns (CLOCK_REALTIME) / 1e9;
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
    if (feed_watch (runner, slot) == 0 && slot_watch (runner, slot, EVENT_EXIT, slot->child.pidfd) == 0 &&
        slot_watch_stream (runner, slot, 0) == 0 && slot_watch_stream (runner, slot, 1) == 0)
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
    slot_explain (slot->record, "cannot run %.100s: %s%s", name, strerrordesc_np (error), hint);
    fail (runner, slot, error == ENOENT ? NOT_FOUND : CANNOT_RUN);
}

static void run (runner_t *runner, slot_t *slot, const runner_task_t *task, int64_t now_ms)
{
    template_task_t rendered = template_task (slot, task);
    slice_t bytes = {task->block, task->data, task->size};
    if (runner->opts.pipe && !spout_find (task->shape, &bytes)) {
        slot_explain (slot->record, "task %llu: it has several values, or none, and stdin takes one: leave out --pipe",
                      (unsigned long long)task->n);
        fail (runner, slot, CANNOT_RUN);
        return;
    }
    char **argv = template_argv (runner->opts.command, runner->rendering, &rendered);
    if (!argv && errno == EINVAL) {
        slot_explain (slot->record, "task %llu: %s", (unsigned long long)task->n, template_reason (runner->rendering));
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
        slot_explain (record, "cannot keep the command of task %llu", (unsigned long long)record->result.n);
    text_free (&line);
    fail (runner, slot, rc ? RUNNER_CANNOT_KEEP : 0);
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
    slot_move (runner, slot, SLOT_RUNNING);
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
