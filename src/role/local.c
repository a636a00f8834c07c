#include "role/local.h"
#include "role/warden.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { STATUS_ERROR = 125, PARTS = 3 };
enum { WASHER, DRYER, SINK };

typedef struct local local_t;

typedef struct {
    local_t *local;
    control_t *control;
    pthread_t thread;
    bool is_here;
    bool is_started;
    bool is_seen; // that it is done
    atomic_bool is_done;
    int status;
} part_t;

struct local {
    local_config_t config;
    station_t station;
    chain_t chain;
    warden_t *warden; // NULL: no dryers in processes of their own
    part_t parts[PARTS];
    sink_role_result_t result;
    address_t at;              // where the sink is, …
    uint64_t run;              // and its run, …
    atomic_bool is_bound;      // … when it is
    int signals;               // signalfd
    int stops;                 // of SIGTSTP, never read: who is continued before it stops must not stop any more
    atomic_bool is_suspending; // the dryer was asked to
    int news;                  // eventfd: a part is done, or the sink is bound
    int caught;                // the signal that ended the run, or 0
    bool has_erred;            // a dryer in a process of its own
    bool was_idle;             // the dryer left for that
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
    be_done (self, washer_role_run (&self->local->config.washer, self->control));
    return NULL;
}

static void *run_dryer (void *arg)
{
    part_t *self = arg;
    int status = dryer_role_run (&self->local->config.dryer, self->control);
    self->local->was_idle = status == DRYER_WAS_IDLE;
    be_done (self, self->local->was_idle ? 0 : status);
    return NULL;
}

static void *run_sink (void *arg)
{
    part_t *self = arg;
    sink_role_run (&self->local->config.sink, self->control, &self->local->result);
    be_done (self, self->local->result.status);
    return NULL;
}

static void ask (local_t *self, int part, unsigned what)
{
    if (self->parts[part].is_started)
        control_ask (self->parts[part].control, what);
}

static int start_part (local_t *self, int which, void *(*run) (void *arg))
{
    part_t *part = &self->parts[which];
    part->local = self;
    part->control = control_new ();
    if (!part->control)
        return -1;
    int error = pthread_create (&part->thread, NULL, run, part);
    part->is_started = error == 0;
    errno = error;
    return error ? -1 : 0;
}

//  ---- signals

//  In the dryer's thread, when the commands are stopped: this process follows, by the SIGTSTP that still waits, and
//  returns when it is continued. Where it was meanwhile, the kernel has thrown that signal away.
static void suspend_process (void *arg)
{
    local_t *self = arg;
    sigset_t set;
    sigemptyset (&set);
    sigaddset (&set, SIGTSTP);
    pthread_sigmask (SIG_UNBLOCK, &set, NULL);
    pthread_sigmask (SIG_BLOCK, &set, NULL);
    atomic_store (&self->is_suspending, false);
    eventfd_write (self->news, 1);
}

static bool is_ignored (int signal)
{
    struct sigaction action;
    return sigaction (signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

//  All threads that follow block what this one reads.
static int open_signals (local_t *self)
{
    const struct {
        int number;
        bool is_wanted;
    } taken[] = {{SIGINT, true},  {SIGTERM, true}, {SIGHUP, true},
                 {SIGUSR1, true}, {SIGUSR2, true}, {SIGWINCH, self->parts[SINK].is_here}};
    sigset_t set, stop;
    sigemptyset (&set);
    sigemptyset (&stop);
    for (unsigned i = 0; i < sizeof taken / sizeof *taken; i++)
        if (taken[i].is_wanted && !is_ignored (taken[i].number))
            sigaddset (&set, taken[i].number);
    if (self->parts[DRYER].is_here && !is_ignored (SIGTSTP))
        sigaddset (&stop, SIGTSTP);
    signal (SIGPIPE, SIG_IGN);
    signal (SIGXFSZ, SIG_IGN);
    pthread_sigmask (SIG_BLOCK, &set, NULL);
    pthread_sigmask (SIG_BLOCK, &stop, NULL);
    self->signals = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    self->stops = signalfd (-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    return self->signals == -1 || self->stops == -1 ? -1 : 0;
}

static bool is_alone (const local_t *self, int part)
{
    for (int i = 0; i < PARTS; i++)
        if (self->parts[i].is_here != (i == part))
            return false;
    return true;
}

static void on_end_signal (local_t *self, int signal)
{
    unsigned what = self->caught ? CONTROL_KILL : CONTROL_END;
    if (is_alone (self, DRYER)) // its tasks are not to blame
        what = self->caught ? CONTROL_KILL | CONTROL_ABANDON : signal == SIGINT ? CONTROL_ABANDON : CONTROL_DRAIN;
    if (!self->caught)
        self->caught = signal;
    ask (self, DRYER, what);
    ask (self, SINK, what);
    if (!self->parts[SINK].is_here || self->parts[SINK].is_seen)
        ask (self, WASHER, CONTROL_LEAVE);
}

static const talk_t *talk_of (const local_config_t *config)
{
    return config->has_sink ? &config->sink.talk : config->has_washer ? &config->washer.talk : &config->dryer.talk;
}

//  The processes of a warden are told to look at the balance, which their starter alone moves.
static void on_slot_signal (local_t *self, int more)
{
    const local_config_t *config = &self->config;
    atomic_int *balance = config->dryer.quota.balance;
    if (!balance || (!config->has_dryer && !self->warden)) {
        talk_say (talk_of (config), TALK_NOTICE, "SIGUSR1 and SIGUSR2 are for dryers, and there is none here");
        return;
    }
    if (!config->is_warded)
        atomic_fetch_add (balance, more);
    if (self->warden)
        warden_slots (self->warden);
    ask (self, DRYER, CONTROL_SLOTS);
}

static void on_signal (local_t *self, int number)
{
    switch (number) {
    case SIGUSR1:
    case SIGUSR2:
        on_slot_signal (self, number == SIGUSR1 ? 1 : -1);
        break;
    case SIGWINCH:
        ask (self, SINK, CONTROL_RESIZE);
        break;
    default:
        on_end_signal (self, number);
    }
}

static void take_signals (local_t *self)
{
    struct signalfd_siginfo info;
    while (read (self->signals, &info, sizeof info) == sizeof info)
        on_signal (self, (int)info.ssi_signo);
}

//  ---- begin and end

static void on_bound (void *arg, const address_t *at, uint64_t run)
{
    local_t *self = arg;
    self->at = *at;
    self->run = run;
    atomic_store (&self->is_bound, true);
    eventfd_write (self->news, 1);
}

//  A dryer that has heard of the end, and leaves, is not replaced.
static void on_ending (void *arg)
{
    local_t *self = arg;
    if (self->warden)
        warden_ending (self->warden);
}

static void on_shown (void *arg, uint64_t bytes, const ending_t *ending)
{
    local_t *self = arg;
    chain_shown (&self->chain, bytes, ending);
}

//  Until the sink can be found, or could not begin. The others then know its port, too.
static void wait_for_sink (local_t *self)
{
    part_t *sink = &self->parts[SINK];
    struct pollfd fds[] = {{.fd = self->news, .events = POLLIN}, {.fd = self->signals, .events = POLLIN}};
    eventfd_t count;
    while (!atomic_load (&self->is_bound) && !atomic_load (&sink->is_done)) {
        poll (fds, 2, -1);
        eventfd_read (self->news, &count);
        take_signals (self);
    }
    if (!atomic_load (&self->is_bound))
        return;
    self->config.washer.site.at = self->config.dryer.site.at = self->at; // in a chain the washer's is another's
}

//  Where its washer cannot begin, the sink is not left alone.
static bool begin_chain (local_t *self)
{
    char error[512];
    local_config_t *config = &self->config;
    if (!config->chain ||
        chain_begin (&self->chain, &config->washer, self->run, config->sink.journal, error, sizeof error) == 0)
        return true;
    talk_say (&config->sink.talk, TALK_ERROR, "%s", error);
    ask (self, SINK, CONTROL_FAIL);
    return false;
}

//  The sink first: the others look for it.
static int start_parts (local_t *self)
{
    static void *(*const runs[PARTS]) (void *arg) = {run_washer, run_dryer, run_sink};
    if (self->parts[SINK].is_here) {
        if (start_part (self, SINK, run_sink) == -1)
            return -1;
        wait_for_sink (self);
        if (!atomic_load (&self->is_bound))
            return 0; // it has said why
        if (!begin_chain (self))
            return 0;
    }
    for (int which = WASHER; which <= DRYER; which++)
        if (self->parts[which].is_here && start_part (self, which, runs[which]) == -1)
            return -1;
    return self->warden ? warden_start (self->warden, &self->at) : 0;
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

//  ---- the whole

//  In a chain: who ends first lets the other one come to its end, or cannot. Nobody reads results that still wait then.
static void on_done_in_chain (local_t *self, int which)
{
    if (which == WASHER)
        ask (self, SINK, self->parts[WASHER].status == STATUS_ERROR ? CONTROL_FAIL | CONTROL_KILL : CONTROL_END);
    else if (self->caught || self->result.failed || !self->result.is_out ||
             !chain_ended (&self->chain, &self->result.ending))
        ask (self, WASHER, CONTROL_LEAVE);
}

//  The end of the sink is the end of all; a part that failed takes the run with it.
static void on_done (local_t *self, int which)
{
    if (self->config.chain) {
        on_done_in_chain (self, which);
    } else if (which == SINK) {
        ask (self, WASHER, CONTROL_LEAVE);
        ask (self, DRYER, CONTROL_LEAVE);
        on_ending (self); // where it never came to one
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
        if (part->is_seen || !part->is_started)
            continue;
        part->is_seen = atomic_load (&part->is_done);
        if (part->is_seen)
            on_done (self, i);
        goes_on = goes_on || !part->is_seen;
    }
    return goes_on;
}

//  False: it is not to be looked at any more.
static bool is_warden_there (local_t *self, const struct pollfd *fd)
{
    if (!fd->revents)
        return true;
    int number = warden_bury (self->warden);
    if (number > 0)
        talk_say (talk_of (&self->config), TALK_ERROR,
                  "the process that keeps the local dryers was killed by signal %d: none is started any more", number);
    ask (self, SINK, number == -1 ? CONTROL_FAIL : CONTROL_BEREFT);
    return false;
}

static void wait_for_parts (local_t *self)
{
    struct pollfd fds[] = {{.fd = self->signals, .events = POLLIN},
                           {.fd = self->news, .events = POLLIN},
                           {.events = POLLIN},
                           {.fd = self->warden ? warden_fd (self->warden) : -1, .events = POLLIN}};
    while (look_at_parts (self)) {
        fds[2].fd = atomic_load (&self->is_suspending) ? -1 : self->stops;
        poll (fds, sizeof fds / sizeof *fds, -1);
        fds[3].fd = is_warden_there (self, &fds[3]) ? fds[3].fd : -1;
        eventfd_t count;
        eventfd_read (self->news, &count);
        take_signals (self);
        if (fds[2].revents & POLLIN) {
            atomic_store (&self->is_suspending, true);
            ask (self, DRYER, CONTROL_SUSPEND);
        }
    }
}

//  A dryer's process: the same, with the dryer alone.
static int run_warded (void *arg, const address_t *at)
{
    const local_t *from = arg;
    local_config_t config = from->config;
    local_result_t result;
    char error[512];
    config.station.at = *at;
    config.station.role = ROLE_DRYER;
    config.has_washer = config.has_sink = false;
    config.has_dryer = config.is_warded = true;
    config.dryers = 0;
    if (local_run (&config, &result, error, sizeof error) == -1) {
        talk_say (&config.dryer.talk, TALK_ERROR, "%s", error);
        return STATUS_ERROR;
    }
    if (result.signal) {
        signal (result.signal, SIG_DFL);
        raise (result.signal);
        sigset_t set;
        sigemptyset (&set);
        sigaddset (&set, result.signal);
        pthread_sigmask (SIG_UNBLOCK, &set, NULL);
    }
    return result.status;
}

static void prepare_parts (local_t *self)
{
    local_config_t *config = &self->config;
    config->washer.site = config->dryer.site = config->sink.site = self->station.site;
    config->washer.is_beside_sink = config->has_sink && !config->chain;
    config->dryer.is_beside_sink = config->has_sink || config->is_warded;
    config->sink.is_beside_washer = config->has_washer && !config->chain;
    config->sink.bound = on_bound;
    config->sink.shown = config->chain ? on_shown : NULL;
    config->sink.ending = on_ending;
    config->sink.notes_arg = self;
    config->dryer.suspended = suspend_process;
    config->dryer.suspended_arg = self;
}

//  A group has its place with the guardian before it is known how many there will be; a place not taken costs nothing.
static uint32_t most_slots (const local_config_t *config)
{
    const dryer_role_config_t *dryer = &config->dryer;
    return dryer->quota.most > dryer->runner.slots ? dryer->quota.most : dryer->runner.slots;
}

//  Processes before threads, and the station has threads.
static int open_without_threads (local_t *self)
{
    local_config_t *config = &self->config;
    if (config->dryers && !(self->warden = warden_new (config->dryers, run_warded, self, talk_of (config))))
        return -1;
    if (config->has_dryer && !(config->dryer.runner.guardian = guardian_new (most_slots (config))))
        return -1;
    self->parts[WASHER].is_here = config->has_washer;
    self->parts[DRYER].is_here = config->has_dryer;
    self->parts[SINK].is_here = config->has_sink;
    self->news = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    return self->news == -1 ? -1 : open_signals (self);
}

static int open_local (local_t *self, char *error, size_t error_size)
{
    local_config_t *config = &self->config;
    if (open_without_threads (self) == -1) {
        snprintf (error, error_size, "cannot begin: %s", strerror (errno));
        return -1;
    }
    if (station_open (&self->station, &config->station, error, error_size) == -1)
        return -1;
    if (config->chain && chain_open (&self->chain, config->chain, &config->sink, error, error_size) == -1)
        return -1;
    bool is_open = guard_is_open (self->station.guard) || (config->chain && guard_is_open (self->chain.station.guard));
    if (is_open && !config->is_warded)
        talk_say (talk_of (config), TALK_ERROR, "--insecure: whoever reaches this address can take part");
    prepare_parts (self);
    return 0;
}

static void close_local (local_t *self)
{
    self->has_erred = warden_destroy (&self->warden);
    chain_close (&self->chain);
    station_close (&self->station);
    guardian_destroy (&self->config.dryer.runner.guardian);
    if (self->signals != -1)
        close (self->signals);
    if (self->stops != -1)
        close (self->stops);
    if (self->news != -1)
        close (self->news);
}

//  Of a chain. A run that was ended because the next one is over has no status of its own.
static int greater_status (const local_t *self)
{
    int washer = self->parts[WASHER].status, sink = self->parts[SINK].status;
    bool is_ended_by_us = self->result.ending.end == END_INTERRUPTED && !self->result.signal && !self->caught;
    return washer > sink || is_ended_by_us ? washer : sink;
}

static void conclude (const local_t *self, local_result_t *result)
{
    static const int by[] = {SINK, WASHER, DRYER};
    const sink_role_result_t *from = &self->result;
    *result = (local_result_t){.signal = from->signal, .ending = from->ending, .was_idle = self->was_idle};
    for (unsigned i = PARTS; i-- > 0;)
        if (self->parts[by[i]].is_here)
            result->status = self->parts[by[i]].status;
    if (self->config.chain)
        result->status = greater_status (self);
    if (self->caught && !result->signal) // also where the last task was ended by it, and so all was counted
        result->signal = self->caught;
    for (int i = 0; i < PARTS; i++)
        if (self->parts[i].status == STATUS_ERROR)
            result->status = STATUS_ERROR;
    if (self->has_erred)
        result->status = STATUS_ERROR;
}

int local_run (const local_config_t *config, local_result_t *result, char *error, size_t error_size)
{
    local_t local = {.config = *config, .signals = -1, .stops = -1, .news = -1};
    int rc = open_local (&local, error, error_size);
    if (rc == 0) {
        rc = start_parts (&local);
        if (rc == -1)
            snprintf (error, error_size, "cannot begin: %s", strerror (errno));
    }
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
