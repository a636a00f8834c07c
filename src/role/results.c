#include "role/results.h"
#include "core/array.h"
#include "core/dryer.h"
#include "store/joblog.h"
#include "store/task_json.h"
#include "store/tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { FIFO_MS = 50 };

//  Where a file could not be opened: a FIFO that nobody reads yet is tried again, until a user ends that.
static bool waits_for_reader (control_t *control)
{
    const unsigned ends = CONTROL_LEAVE | CONTROL_END | CONTROL_KILL | CONTROL_FAIL;
    if (errno != EAGAIN || loop_wait (control_loop (control), loop_now_ms () + FIFO_MS) == -1)
        return false;
    bool is_wanted = !(control_asked (control) & ends);
    errno = ECANCELED;
    return is_wanted;
}

static int open_printer (results_t *self, const printer_config_t *printer, control_t *control)
{
    const talk_t *talk = &self->config->talk;
    const char *path = printer->out_path ? printer->out_path : "stdout";
    while (!(self->printer = printer_new (printer)) && waits_for_reader (control))
        ;
    if (!self->printer && errno == ECANCELED)
        return -1;
    if (!self->printer && printer->is_resumed && errno == ENODATA)
        talk_say (talk, TALK_ERROR, "%s is shorter than the journal says: it is not the output of that run", path);
    else if (!self->printer)
        talk_say (talk, TALK_ERROR, "cannot write to %s: %s", path, strerror (errno));
    return self->printer ? 0 : -1;
}

static int open_progress (results_t *self)
{
    const sink_role_config_t *config = self->config;
    progress_config_t progress = config->progress;
    progress.start_ms = loop_now_ms ();
    self->progress = progress_new (&progress);
    results_resize (self);
    self->is_drawn_over = progress.terminal && (isatty (config->printer.out_fd) || isatty (config->printer.err_fd));
    if (!self->progress)
        talk_say (&config->talk, TALK_ERROR, "%s", strerror (errno));
    return self->progress ? 0 : -1;
}

static int open_joblog (results_t *self, bool is_resumed, control_t *control)
{
    const sink_role_config_t *config = self->config;
    while (config->joblog && !config->is_dry && !(self->joblog = joblog_new (config->joblog, is_resumed)))
        if (!waits_for_reader (control)) {
            if (errno != ECANCELED)
                talk_say (&config->talk, TALK_ERROR, "cannot write the job log %s: %s", config->joblog,
                          strerror (errno));
            return -1;
        }
    return 0;
}

int results_open (results_t *self, const sink_role_config_t *config, const printer_config_t *printer,
                  control_t *control)
{
    *self = (results_t){.config = config, .loop = control_loop (control)};
    if (open_printer (self, printer, control) == -1 || open_joblog (self, printer->is_resumed, control) == -1)
        return -1;
    if (config->results && !(self->tree = tree_new (config->results))) {
        talk_say (&config->talk, TALK_ERROR, "cannot write below %s: %s", config->results, strerror (errno));
        return -1;
    }
    if (printer->json && !(self->line = open_memstream (&self->line_bytes, &self->line_size))) {
        talk_say (&config->talk, TALK_ERROR, "%s", strerror (errno));
        return -1;
    }
    return config->is_progress ? open_progress (self) : 0;
}

void results_close (results_t *self)
{
    if (!self->loop)
        return;
    for (unsigned i = 0; i < 2; i++)
        loop_unwatch (self->loop, &self->watches[i]);
    progress_destroy (&self->progress);
    tree_destroy (&self->tree);
    joblog_destroy (&self->joblog);
    printer_destroy (&self->printer);
    if (self->line)
        fclose (self->line);
    free (self->line_bytes);
    free (self->pieces);
    free (self->found);
    *self = (results_t){0};
}

static void note_printed (results_t *self)
{
    if (!self->error && !printer_backlog_bytes (self->printer))
        self->printed = self->config->printer.keep_order ? printer_next (self->printer) - 1 : self->done;
}

//  ---- where a run goes on

int results_find (results_t *self)
{
    return printer_find (self->printer);
}

int results_found (results_t *self, const printer_place_t *place)
{
    bool is_next = self->found_size && self->found[self->found_size - 1] == place->n;
    if (!is_next &&
        array_reserve (&self->found, &self->found_capacity, self->found_size + 1, sizeof *self->found) == -1)
        return -1;
    if (!is_next)
        self->found[self->found_size++] = place->n;
    return printer_find_place (self->printer, place);
}

//  Of the numbers [from, end) those that are counted are done.
static int pass_over (results_t *self, const ranges_t *counted, uint64_t from, uint64_t end)
{
    while (from < end) {
        run_t run = ranges_present (counted, from, end - from);
        if (!run.count)
            break;
        if (printer_empty_run (self->printer, run.n, run.count) == -1)
            return -1;
        from = run.n + run.count;
    }
    return 0;
}

int results_go_on (results_t *self, const ranges_t *counted, uint64_t first)
{
    int rc = printer_found (self->printer);
    self->done = counted->total;
    for (size_t i = 0; rc == 0 && i < self->found_size && self->config->printer.keep_order; i++) {
        rc = pass_over (self, counted, first, self->found[i]);
        first = self->found[i] + 1;
    }
    if (rc == 0 && self->config->printer.keep_order)
        rc = pass_over (self, counted, first, INT64_MAX);
    note_printed (self);
    free (self->found);
    self->found = NULL;
    self->found_size = self->found_capacity = 0;
    return rc;
}

//  ---- outputs

static void note_error (results_t *self)
{
    if (!self->error && !printer_error (self->printer))
        self->error = errno;
}

static pieces_t *find_pieces (results_t *self, uint64_t dryer, uint64_t n)
{
    for (size_t i = 0; i < self->size; i++)
        if (self->pieces[i].n == n && self->pieces[i].dryer == dryer)
            return &self->pieces[i];
    return NULL;
}

static void count_piece (results_t *self, uint64_t dryer, uint64_t n, size_t size)
{
    pieces_t *pieces = find_pieces (self, dryer, n);
    if (!pieces) {
        if (array_reserve (&self->pieces, &self->capacity, self->size + 1, sizeof *self->pieces) == -1) {
            note_error (self);
            return;
        }
        pieces = &self->pieces[self->size++];
        *pieces = (pieces_t){.dryer = dryer, .n = n};
    }
    pieces->out_bytes += size;
}

//  Forgets the pieces of a task, n = 0: of a dryer. Returns the bytes they had.
static uint64_t forget_pieces (results_t *self, uint64_t dryer, uint64_t n)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < self->size;) {
        if (self->pieces[i].dryer != dryer || (n && self->pieces[i].n != n)) {
            i++;
            continue;
        }
        bytes += self->pieces[i].out_bytes;
        self->pieces[i] = self->pieces[--self->size];
    }
    return bytes;
}

void results_piece (results_t *self, uint64_t dryer, uint64_t n, int stream, const void *tag, size_t tag_size,
                    const slice_t *bytes)
{
    printer_task_t task = {.source = dryer, .n = n, .tag = tag, .tag_size = tag_size};
    int to = stream == 2 ? PRINTER_ERR : PRINTER_OUT;
    self->has_streamed = self->config->printer.mode != PRINTER_GROUP;
    if (printer_piece (self->printer, &task, to, bytes->data, bytes->size) == -1)
        note_error (self);
    if (self->joblog && to == PRINTER_OUT && self->config->printer.mode != PRINTER_RAW) // as in GNU parallel
        count_piece (self, dryer, n, bytes->size);
    if (self->tree)
        (void)tree_piece (self->tree, dryer, n, stream, bytes->data, bytes->size); // its error is sticky
}

void results_drop (results_t *self, uint64_t dryer, uint64_t n)
{
    if (n)
        printer_drop (self->printer, dryer, n);
    else
        printer_drop_source (self->printer, dryer);
    forget_pieces (self, dryer, n);
    if (self->tree)
        tree_drop (self->tree, dryer, n);
}

//  ---- completions

static void log_jobs (results_t *self, const completion_t *what, uint64_t out_bytes)
{
    bool timed_out = what->flags & RESULT_TIMED_OUT;
    joblog_record_t record = {
        .start_ns = what->start_us * 1000,
        .runtime_ns = (int64_t)what->runtime_us * 1000,
        .received_bytes = out_bytes,
        .exit_value = timed_out ? -1 : what->status,
        .signal = what->signal,
        .command = what->command,
        .command_size = what->command_size,
    };
    for (uint64_t i = 0; i < what->count; i++) {
        record.seq = what->n + i;
        if (joblog_add (self->joblog, &record) == -1)
            note_error (self);
    }
}

//  What was dropped has never been anywhere.
static void keep_files (results_t *self, const completion_t *what)
{
    char line[80];
    tree_task_t task = {.source = what->dryer,
                        .item = what->values,
                        .item_size = what->values_size,
                        .out = what->out,
                        .err = what->err,
                        .out_size = what->out_size,
                        .err_size = what->err_size};
    if (what->outcome == TASK_DROPPED)
        return;
    if (what->outcome == TASK_BROKEN) {
        task.err = line;
        task.err_size = (size_t)snprintf (line, sizeof line, "task %llu is given up: %u dryers died of it\n",
                                          (unsigned long long)what->n, (unsigned)what->attempt);
    }
    for (uint64_t i = 0; i < what->count && !tree_error (self->tree); i++) {
        task.n = what->n + i;
        (void)tree_done (self->tree, &task); // its error is sticky
    }
}

static void report_broken (results_t *self, const completion_t *what)
{
    enum { SHOWN_BYTES = 200 };
    size_t size = what->item ? what->item->size : 0;
    const char *item = what->item ? (const char *)what->item->data : "";
    if (size && item[size - 1] == '\n')
        size--; // what ends the item is no part of it
    talk_say (&self->config->talk, TALK_ERROR, "task %llu is given up: %.*s%s", (unsigned long long)what->n,
              (int)(size < SHOWN_BYTES ? size : SHOWN_BYTES), item, size > SHOWN_BYTES ? "..." : "");
}

static int print_one (results_t *self, const completion_t *what, const printer_task_t *task)
{
    int rc = printer_done (self->printer, task, what->out, what->out_size, what->err, what->err_size);
    return rc == -1 && errno == EEXIST ? 0 : rc;
}

//  What was dropped has a line at once: millions of them may be far ahead of the one whose turn it is.
static int print_line (results_t *self, const completion_t *what, const printer_task_t *task)
{
    return what->outcome == TASK_DROPPED ? printer_aside (self->printer, task) : print_one (self, what, task);
}

//  --json: each task has a line.
static int print_lines (results_t *self, const completion_t *what, printer_task_t *task)
{
    int rc = 0;
    for (uint64_t i = 0; i < what->count && rc == 0; i++) {
        rewind (self->line);
        task_json (self->line, what, what->n + i, self->config->printer.tag);
        if (fflush (self->line) == EOF || ferror (self->line)) {
            errno = ENOMEM;
            return -1;
        }
        task->n = what->n + i;
        task->line = self->line_bytes;
        task->line_size = self->line_size;
        rc = print_line (self, what, task);
    }
    return rc == 0 && what->outcome == TASK_DROPPED ? printer_empty_run (self->printer, what->n, what->count) : rc;
}

//  What may have come before, in pieces. Of what streams its end does not say so, even where it is one of many.
static bool may_have_pieces (const results_t *self, const completion_t *what)
{
    bool was_run = what->outcome == TASK_OK || what->outcome == TASK_FAILED;
    return what->pieces || (was_run && self->has_streamed);
}

static int print_each (results_t *self, const completion_t *what, printer_task_t *task)
{
    int rc = 0;
    for (uint64_t i = 0; i < what->count && rc == 0; i++) {
        task->n = what->n + i;
        rc = print_one (self, what, task);
    }
    return rc;
}

static int print (results_t *self, const completion_t *what)
{
    printer_task_t task = {.source = what->dryer, .n = what->n, .tag = what->tag, .tag_size = what->tag_size};
    if (self->line)
        return print_lines (self, what, &task);
    if (what->out_size || what->err_size || may_have_pieces (self, what))
        return print_each (self, what, &task);
    return printer_empty_run (self->printer, what->n, what->count);
}

//  Bytes on stdout, of which no more is to be known.
static uint64_t take_out_bytes (results_t *self, const completion_t *what)
{
    uint64_t bytes = what->out_size;
    for (uint64_t i = 0; i < what->count && self->size && may_have_pieces (self, what); i++)
        bytes += forget_pieces (self, what->dryer, what->n + i);
    return bytes;
}

void results_completed (results_t *self, const completion_t *what)
{
    if (print (self, what) == -1)
        note_error (self);
    self->done += what->count;
    uint64_t out_bytes = take_out_bytes (self, what);
    if (self->joblog && (what->outcome == TASK_OK || what->outcome == TASK_FAILED))
        log_jobs (self, what, out_bytes);
    if (self->tree)
        keep_files (self, what);
    if (what->outcome == TASK_BROKEN)
        report_broken (self, what);
}

//  ---- writing

static void clear_line (results_t *self)
{
    char bytes[PROGRESS_LINE_BYTES];
    size_t size = self->is_drawn_over ? progress_clear (self->progress, bytes) : 0;
    if (size)
        self->config->talk.draw (self->config->talk.arg, bytes, size);
}

//  A descriptor keeps its watch: the one that waits alone now may have been the second of two before.
static watch_t *watch_of (results_t *self, int fd)
{
    if (self->watches[0].fd == fd || self->watches[1].fd == fd)
        return &self->watches[self->watches[0].fd == fd ? 0 : 1];
    return &self->watches[self->watches[0].fd ? 1 : 0];
}

static void arm (results_t *self)
{
    struct pollfd fds[2];
    size_t count = printer_error (self->printer) ? 0 : printer_fds (self->printer, fds);
    self->watches[0].ready = self->watches[1].ready = false;
    for (size_t i = 0; i < count; i++)
        if (loop_arm (self->loop, watch_of (self, fds[i].fd), fds[i].fd, true) == -1)
            note_error (self);
}

void results_write (results_t *self)
{
    struct pollfd fds[2];
    if (printer_fds (self->printer, fds)) {
        clear_line (self);
        printer_write (self->printer);
        arm (self);
    }
    note_printed (self);
    if (self->joblog && joblog_write (self->joblog) == -1)
        note_error (self);
}

int results_sync (results_t *self, uint64_t *bytes, printer_place_fn *tell, void *arg)
{
    int rc = printer_sync (self->printer, bytes);
    if (rc == 0)
        rc = printer_keep (self->printer, tell, arg);
    bool is_unread = printer_error (self->printer) == EPIPE && !self->config->printer.out_path;
    return is_unread ? 0 : rc;
}

void results_synced (results_t *self)
{
    printer_kept (self->printer);
}

uint64_t results_next (const results_t *self)
{
    return self->config->printer.keep_order ? printer_next (self->printer) : INT64_MAX;
}

uint64_t results_written (const results_t *self)
{
    return printer_written (self->printer);
}

int results_keep (results_t *self, bool durable)
{
    if (!self->tree)
        return 0;
    if (durable)
        return tree_sync (self->tree);
    return tree_error (self->tree) ? -1 : 0;
}

uint64_t results_printed (const results_t *self)
{
    return self->printed;
}

void results_end (results_t *self)
{
    printer_end_order (self->printer);
}

bool results_idle (const results_t *self)
{
    struct pollfd fds[2];
    return results_error (self) || !printer_fds (self->printer, fds);
}

static void draw_end (results_t *self, const progress_counts_t *counts)
{
    char bytes[PROGRESS_LINE_BYTES];
    size_t size = progress_end (self->progress, counts, loop_now_ms (), bytes);
    if (size)
        self->config->talk.draw (self->config->talk.arg, bytes, size);
}

void results_finish (results_t *self, const progress_counts_t *counts)
{
    if (!results_error (self))
        printer_flush (self->printer, 0);
    if (self->progress)
        draw_end (self, counts);
}

void results_progress (results_t *self, const progress_counts_t *counts, int64_t now_ms)
{
    char bytes[PROGRESS_LINE_BYTES];
    size_t size = self->progress ? progress_update (self->progress, counts, now_ms, bytes) : 0;
    if (size)
        self->config->talk.draw (self->config->talk.arg, bytes, size);
}

void results_resize (results_t *self)
{
    struct winsize size;
    if (self->progress && ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
        progress_resize (self->progress, size.ws_col);
}

int64_t results_due_ms (const results_t *self, int64_t now_ms)
{
    if (self->watches[0].ready || self->watches[1].ready)
        return 0;
    return self->progress ? progress_due_ms (self->progress, now_ms) : INT64_MAX;
}

int results_error (const results_t *self)
{
    int error = printer_error (self->printer);
    if (!error && self->tree)
        error = tree_error (self->tree);
    return error ? error : self->error;
}

const char *results_error_text (const results_t *self)
{
    if (printer_error (self->printer))
        return printer_error_text (self->printer);
    return self->tree && tree_error (self->tree) ? tree_error_text (self->tree) : strerror (self->error);
}
