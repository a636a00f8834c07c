#include "cmd/top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "store/progress.h"

//  A bit less than a second, or the sink's beat would come before each question.
enum { EVERY_MS = 950, COLUMNS = 80, ROWS = 24 };

//  The screen beside the shell's, without a cursor, and lines that are too long do not go on in the next one.
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

typedef struct {
    const char *at;
    bool is_screen;  // stdout is a terminal
    bool is_entered; // and it is ours
    bool has_keys;   // stdin is one, and `usual` is how it was
    struct termios usual;
    unsigned columns, rows;
    int signals;   // signalfd; -1: none
    int signal;    // that ends us; 0: none
    bool has_left; // by a key
    int failed;    // errno, where stdout takes nothing
    progress_t *progress;
    char line[PROGRESS_LINE_BYTES];
    uint64_t run;
    sink_status_t status;
    dryer_row_t *dryers;
    size_t dryers_size;
    bool is_told; // these are
} top_t;

static int64_t s_now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

//  ---- the terminal

static void s_measure (top_t *self)
{
    struct winsize size;
    bool is_known = self->is_screen && ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row;
    self->columns = is_known ? size.ws_col : COLUMNS;
    self->rows = is_known ? size.ws_row : ROWS;
    if (self->progress)
        progress_resize (self->progress, (int)self->columns);
}

//  Also from the background, where the terminal would stop us for it.
static void s_set_keys (const struct termios *how)
{
    sigset_t out;
    sigemptyset (&out);
    sigaddset (&out, SIGTTOU);
    sigprocmask (SIG_BLOCK, &out, NULL);
    tcsetattr (STDIN_FILENO, TCSADRAIN, how);
    sigprocmask (SIG_UNBLOCK, &out, NULL);
}

//  Keys come one by one and unseen; Ctrl-C and the like are signals as ever.
static void s_enter (top_t *self)
{
    if (!self->is_screen || self->is_entered)
        return;
    if (self->has_keys) {
        struct termios ours = self->usual;
        ours.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        ours.c_cc[VMIN] = ours.c_cc[VTIME] = 0;
        tcsetattr (STDIN_FILENO, TCSADRAIN, &ours);
    }
    self->is_entered = true;
    s_measure (self);
    fputs (ENTER, stdout);
}

static void s_leave (top_t *self)
{
    if (!self->is_entered)
        return;
    self->is_entered = false;
    fputs (LEAVE, stdout);
    fflush (stdout);
    if (self->has_keys)
        s_set_keys (&self->usual);
}

//  ---- what is shown

static top_view_t s_view (const top_t *self, const ending_t *ending)
{
    return (top_view_t){.at = self->at,
                        .run = self->run,
                        .status = ending ? NULL : &self->status,
                        .ending = ending,
                        .dryers = self->dryers,
                        .dryers_size = self->dryers_size,
                        .progress = self->line};
}

static void s_paint (const top_t *self, const top_view_t *view)
{
    char *block = NULL;
    size_t size;
    FILE *lines = open_memstream (&block, &size);
    if (!lines)
        return;
    top_show (view, lines);
    if (fclose (lines) == 0)
        top_paint (block, self->columns, self->rows, stdout);
    free (block);
}

static void s_write_out (top_t *self)
{
    if (fflush (stdout) == EOF && !self->failed)
        self->failed = errno;
}

static void s_draw (top_t *self)
{
    top_view_t view = s_view (self, NULL);
    if (!self->is_told)
        return;
    s_enter (self);
    if (self->is_entered) {
        s_paint (self, &view);
    } else {
        top_show (&view, stdout);
        fputc ('\n', stdout);
    }
    s_write_out (self);
}

static progress_counts_t s_counts (const figures_t *figures, bool has_total)
{
    uint64_t failed = figures->failed + figures->broken + figures->dropped;
    return (progress_counts_t){.total = has_total ? figures->total : 0,
                               .total_known = has_total,
                               .finished = figures->ok + failed,
                               .failed = failed};
}

//  The rate begins as that of all the time that the sink is there.
static void s_note_progress (top_t *self, const figures_t *figures, bool has_total, uint64_t up_ms)
{
    int64_t now_ms = s_now_ms ();
    progress_config_t config = {
        .style = PROGRESS_BAR, .width = (int)self->columns, .start_ms = now_ms - (int64_t)up_ms};
    progress_counts_t counts = s_counts (figures, has_total);
    if (!self->progress)
        self->progress = progress_new (&config);
    if (self->progress)
        progress_line (self->progress, &counts, now_ms, self->line);
}

static void s_told (void *arg, uint64_t run, const sink_status_t *status, const dryer_row_t *dryers, size_t count)
{
    top_t *self = arg;
    free (self->dryers);
    self->dryers = malloc ((count + 1) * sizeof *dryers);
    self->dryers_size = self->dryers ? count : 0;
    if (self->dryers_size)
        memcpy (self->dryers, dryers, count * sizeof *dryers);
    self->run = run;
    self->status = *status;
    self->is_told = true;
    s_note_progress (self, &status->figures, status->eof, status->up_ms);
    s_draw (self);
}

//  ---- signals and keys

//  Stops as Ctrl-Z would have it, with the terminal as it was.
static void s_suspend (top_t *self)
{
    s_leave (self);
    kill (getpid (), SIGSTOP);
    s_draw (self);
}

static void s_obey (top_t *self, int signal)
{
    if (signal == SIGTSTP)
        s_suspend (self);
    else if (signal != SIGWINCH)
        self->signal = signal;
    else {
        s_measure (self);
        s_draw (self);
    }
}

//  Also before there is a picture, or what was typed would wake us for ever. A terminal that is gone has no keys.
static void s_take_keys (top_t *self)
{
    char keys[64];
    struct pollfd ask = {.fd = self->has_keys ? STDIN_FILENO : -1, .events = POLLIN};
    if (poll (&ask, 1, 0) != 1)
        return;
    ssize_t size = read (STDIN_FILENO, keys, sizeof keys);
    self->has_left = self->has_left || size == 0 || (size == -1 && errno == EIO);
    for (ssize_t i = 0; i < size; i++)
        self->has_left = self->has_left || keys[i] == 'q' || keys[i] == 'Q';
}

static bool s_turned (void *arg)
{
    top_t *self = arg;
    struct signalfd_siginfo info;
    while (self->signals >= 0 && !self->signal && read (self->signals, &info, sizeof info) == sizeof info)
        s_obey (self, (int)info.ssi_signo);
    s_take_keys (self);
    return !self->signal && !self->has_left && !self->failed;
}

//  What is ignored stays so.
static void s_open_signals (top_t *self)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
    struct sigaction action;
    sigset_t set;
    sigemptyset (&set);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction (numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset (&set, numbers[i]);
    self->signals = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (self->signals >= 0)
        sigprocmask (SIG_BLOCK, &set, NULL);
}

//  ---- the whole

static void s_open (top_t *self, const char *at)
{
    *self = (top_t){.at = at, .signals = -1, .is_screen = isatty (STDOUT_FILENO)};
    self->has_keys = self->is_screen && tcgetattr (STDIN_FILENO, &self->usual) == 0;
    s_measure (self);
    if (self->is_screen)
        s_open_signals (self);
}

static void s_close (top_t *self)
{
    s_leave (self);
    if (self->signals >= 0)
        close (self->signals);
    progress_destroy (&self->progress);
    free (self->dryers);
}

//  The last figures stay on the terminal.
static void s_show_last (top_t *self, const observer_result_t *result)
{
    bool is_over = result->run && result->ending.end != END_NONE && result->ending.end != END_LOST;
    s_leave (self);
    if (is_over) {
        self->run = result->run;
        if (self->is_told)
            s_note_progress (self, &result->ending.figures, true, 0);
    }
    top_view_t view = s_view (self, is_over ? &result->ending : NULL);
    if (is_over || (self->is_told && self->is_screen))
        top_show (&view, stdout);
    s_write_out (self);
}

//  The exit status, and what is to be said of it.
static int s_judge (stage_t *self, const top_t *top, const observer_result_t *result)
{
    if (top->failed) {
        snprintf (self->error, sizeof self->error, "cannot write to stdout: %s", strerror (top->failed));
        return stage_refuse (self, STATUS_ERROR);
    }
    if (top->has_left || top->signal)
        return 0;
    int status = observe_join_status (result);
    observe_report (self, result, status);
    return status;
}

int observe_top (stage_t *self, int *signal)
{
    top_t top;
    observer_result_t result;
    s_open (&top, self->config.at);
    onlooker_t onlooker = {.arg = &top,
                           .every_ms = EVERY_MS,
                           .told = s_told,
                           .fds = {top.signals, top.has_keys ? STDIN_FILENO : -1},
                           .turned = s_turned};
    int status = STATUS_ERROR;
    if (observe_ask (self, &onlooker, &result) == 0) {
        s_show_last (&top, &result);
        status = s_judge (self, &top, &result);
        free (result.dryers);
    }
    *signal = top.signal;
    s_close (&top);
    return status;
}
