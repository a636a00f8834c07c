#include "role/local.h"
#include "net/socket.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { STATUS_ERROR = 125, SOCKETS = 64, PARTS = 3 };
enum { WASHER, DRYER, SINK };

typedef struct local local_t;

typedef struct {
    local_t *local;
    control_t *control;
    pthread_t thread;
    bool is_started;
    bool is_seen; // that it is done
    atomic_bool is_done;
    int status;
} part_t;

struct local {
    local_config_t config;
    void *context;
    part_t parts[PARTS];
    sink_role_result_t result;
    int signals; // signalfd
    int news;    // eventfd: a part is done
    int caught;  // the signal that ended the run, or 0
};

//  ---- the parts

static void be_done (part_t *self, int status)
{
    self->status = status;
    atomic_store (&self->is_done, true);
    eventfd_write (self->local->news, 1);
}

static void *run_washer (void *arg)
{
    part_t *self = arg;
    be_done (self, washer_role_run (&self->local->config.washer, self->local->context, self->control));
    return NULL;
}

static void *run_dryer (void *arg)
{
    part_t *self = arg;
    be_done (self, dryer_role_run (&self->local->config.dryer, self->local->context, self->control));
    return NULL;
}

static void *run_sink (void *arg)
{
    part_t *self = arg;
    sink_role_run (&self->local->config.sink, self->local->context, self->control, &self->local->result);
    be_done (self, self->local->result.status);
    return NULL;
}

//  The sink first: the others look for it.
static const struct {
    int part;
    void *(*run) (void *arg);
} starts[PARTS] = {{SINK, run_sink}, {WASHER, run_washer}, {DRYER, run_dryer}};

static int start_parts (local_t *self)
{
    for (unsigned i = 0; i < PARTS; i++) {
        part_t *part = &self->parts[starts[i].part];
        part->local = self;
        part->control = control_new ();
        if (!part->control)
            return -1;
        int error = pthread_create (&part->thread, NULL, starts[i].run, part);
        part->is_started = error == 0;
        if (error) {
            errno = error;
            return -1;
        }
    }
    return 0;
}

static void ask (local_t *self, int part, unsigned what)
{
    if (self->parts[part].is_started)
        control_ask (self->parts[part].control, what);
}

static void join_parts (local_t *self)
{
    for (unsigned i = 0; i < PARTS; i++) {
        part_t *part = &self->parts[i];
        if (part->is_started)
            pthread_join (part->thread, NULL);
        control_destroy (&part->control);
    }
}

//  ---- signals

//  In the dryer's thread, when the commands are stopped: this process follows, by the default of SIGTSTP, and returns
//  when it is continued.
static void suspend_process (void *arg)
{
    sigset_t set;
    sigemptyset (&set);
    sigaddset (&set, SIGTSTP);
    pthread_kill (pthread_self (), SIGTSTP);
    pthread_sigmask (SIG_UNBLOCK, &set, NULL);
    pthread_sigmask (SIG_BLOCK, &set, NULL);
}

static bool is_ignored (int signal)
{
    struct sigaction action;
    return sigaction (signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

//  All threads that follow block what this one reads.
static int open_signals (local_t *self)
{
    static const int taken[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH};
    sigset_t set;
    sigemptyset (&set);
    for (unsigned i = 0; i < sizeof taken / sizeof *taken; i++)
        if (!is_ignored (taken[i]))
            sigaddset (&set, taken[i]);
    signal (SIGPIPE, SIG_IGN);
    signal (SIGXFSZ, SIG_IGN);
    pthread_sigmask (SIG_BLOCK, &set, NULL);
    self->signals = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return self->signals == -1 ? -1 : 0;
}

static void on_end_signal (local_t *self, int signal)
{
    unsigned what = self->caught ? CONTROL_KILL : CONTROL_END;
    if (!self->caught)
        self->caught = signal;
    ask (self, DRYER, what);
    ask (self, SINK, what);
}

static void take_signals (local_t *self)
{
    struct signalfd_siginfo info;
    while (read (self->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGTSTP)
            ask (self, DRYER, CONTROL_SUSPEND);
        else if (info.ssi_signo == SIGWINCH)
            ask (self, SINK, CONTROL_RESIZE);
        else
            on_end_signal (self, (int)info.ssi_signo);
    }
}

//  ---- the whole

//  The end of the sink is the end of all; a part that failed takes the run with it.
static void on_done (local_t *self, int which)
{
    if (which == SINK) {
        ask (self, WASHER, CONTROL_LEAVE);
        ask (self, DRYER, CONTROL_LEAVE);
    } else if (self->parts[which].status == STATUS_ERROR) {
        ask (self, SINK, CONTROL_FAIL);
    }
}

//  True while a part goes on.
static bool look_at_parts (local_t *self)
{
    bool goes_on = false;
    for (int i = 0; i < PARTS; i++) {
        part_t *part = &self->parts[i];
        if (part->is_seen)
            continue;
        part->is_seen = atomic_load (&part->is_done);
        if (part->is_seen)
            on_done (self, i);
        goes_on = goes_on || !part->is_seen;
    }
    return goes_on;
}

static void wait_for_parts (local_t *self)
{
    struct pollfd fds[] = {{.fd = self->signals, .events = POLLIN}, {.fd = self->news, .events = POLLIN}};
    while (look_at_parts (self)) {
        poll (fds, 2, -1);
        eventfd_t count;
        eventfd_read (self->news, &count);
        take_signals (self);
    }
}

static int open_local (local_t *self)
{
    self->news = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->news == -1 || open_signals (self) == -1)
        return -1;
    self->config.dryer.runner.guardian = guardian_new (self->config.dryer.runner.slots);
    if (!self->config.dryer.runner.guardian)
        return -1;
    self->config.dryer.suspended = suspend_process;
    self->context = context_new (0, SOCKETS);
    return self->context ? 0 : -1;
}

static void close_local (local_t *self)
{
    context_destroy (&self->context);
    guardian_destroy (&self->config.dryer.runner.guardian);
    if (self->signals != -1)
        close (self->signals);
    if (self->news != -1)
        close (self->news);
}

static void conclude (const local_t *self, local_result_t *result)
{
    const sink_role_result_t *from = &self->result;
    *result = (local_result_t){.status = from->status, .signal = from->signal, .ending = from->ending};
    if (self->caught && !result->signal) // also where the last task was ended by it, and so all was counted
        result->signal = self->caught;
    if (self->parts[WASHER].status == STATUS_ERROR || self->parts[DRYER].status == STATUS_ERROR)
        result->status = STATUS_ERROR;
}

int local_run (const local_config_t *config, local_result_t *result)
{
    local_t local = {.config = *config, .signals = -1, .news = -1};
    int rc = open_local (&local);
    if (rc == 0)
        rc = start_parts (&local);
    if (rc == -1)
        for (int i = 0; i < PARTS; i++)
            ask (&local, i, CONTROL_LEAVE);
    int kept = errno;
    if (rc == 0)
        wait_for_parts (&local);
    join_parts (&local);
    close_local (&local);
    conclude (&local, result);
    errno = kept;
    return rc;
}
