#include "role/warden.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RESTARTS = 5, RESTARTS_MS = 60000, LEAVING_MS = 100, PATIENCE_MS = 2000, STATUS_ERROR = 125 };

struct warden {
    pid_t pid;  // 0: it was waited for
    int status; // then
    int wire;   // our end; its closing ends the dryers
};

typedef enum { ORDER_START, ORDER_SLOTS, ORDER_ENDING } order_kind_t;

typedef struct {
    order_kind_t kind;
    address_t at;
} order_t;

//  ---- in the process of the warden

typedef struct {
    warden_fn *run;
    void *arg;
    const talk_t *talk;
    int wire, signals;
    address_t at;
    bool is_started, is_ending;
    bool has_erred;  // a dryer, at the end
    bool is_failing; // one that is wanted could not be started, or is not any more
    unsigned wanted; // dryers
    pid_t *pids;     // of those that live; 0: none
    unsigned living;
    int64_t restarts_ms[RESTARTS]; // when the last ones were, in a ring
    unsigned restarts;
} ward_t;

static int64_t now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void block (int *signals, unsigned count, int how)
{
    sigset_t set;
    sigemptyset (&set);
    for (unsigned i = 0; i < count; i++)
        sigaddset (&set, signals[i]);
    sigprocmask (how, &set, NULL);
}

//  What a terminal says to the whole group is for the dryers themselves; the warden lives as long as they do.
static int taken[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGTSTP};

//  These stay blocked in the dryers until they read them: one may come as soon as they are forked.
static int slot_signals[] = {SIGUSR1, SIGUSR2};

static void run_dryer (const ward_t *self, pid_t warden)
{
    prctl (PR_SET_PDEATHSIG, SIGTERM);
    if (getppid () != warden)
        _exit (STATUS_ERROR);
    close (self->wire);
    close (self->signals);
    block (taken, sizeof taken / sizeof *taken, SIG_UNBLOCK);
    int status = self->run (self->arg, &self->at);
    exit (status); // and not _exit: the sanitizers look for leaks there
}

//  Until nobody holds the other end any more.
static void wait_at (const int gate[2])
{
    char none;
    close (gate[1]);
    while (read (gate[0], &none, 1) == -1 && errno == EINTR)
        ;
    close (gate[0]);
}

//  0, or -1 and errno. The dryer waits at the gate, if there is one.
static int start_dryer (ward_t *self, unsigned index, const int *gate)
{
    pid_t warden = getpid (), pid = fork ();
    if (pid == 0 && gate)
        wait_at (gate);
    if (pid == 0)
        run_dryer (self, warden);
    self->pids[index] = pid == -1 ? 0 : pid;
    self->living += pid != -1;
    return pid == -1 ? -1 : 0;
}

static void start_again (ward_t *self, unsigned index)
{
    if (start_dryer (self, index, NULL) == 0)
        return;
    talk_say (self->talk, TALK_ERROR, "cannot start a local dryer: %s", strerror (errno));
    self->is_failing = true;
}

static void signal_all (const ward_t *self, int number)
{
    for (unsigned i = 0; i < self->wanted; i++)
        if (self->pids[i])
            kill (self->pids[i], number);
}

//  All or none: none begins before each of them is there. False: why was said, once.
static bool start_all (ward_t *self)
{
    int gate[2], rc = pipe2 (gate, O_CLOEXEC);
    bool is_open = rc == 0;
    self->is_started = true;
    for (unsigned i = 0; i < self->wanted && rc == 0; i++)
        rc = start_dryer (self, i, gate);
    if (rc == -1) {
        talk_say (self->talk, TALK_ERROR, "cannot start %u local dryers, only %u: %s", self->wanted, self->living,
                  strerror (errno));
        signal_all (self, SIGKILL);
    }
    for (unsigned i = 0; i < 2 && is_open; i++)
        close (gate[i]);
    return rc == 0;
}

static bool may_restart (ward_t *self)
{
    int64_t *oldest = &self->restarts_ms[self->restarts % RESTARTS], now = now_ms ();
    if (self->restarts >= RESTARTS && now - *oldest < RESTARTS_MS)
        return false;
    *oldest = now;
    self->restarts++;
    return true;
}

//  Told to leave, or at the end of the pipeline.
static bool has_left (int status)
{
    if (WIFEXITED (status))
        return WEXITSTATUS (status) == 0;
    int number = WTERMSIG (status);
    return number == SIGINT || number == SIGTERM || number == SIGHUP;
}

static void say_death (const ward_t *self, int status, const char *then)
{
    if (WIFEXITED (status))
        talk_say (self->talk, TALK_ERROR, "a local dryer has ended with status %d: %s", WEXITSTATUS (status), then);
    else
        talk_say (self->talk, TALK_ERROR, "a local dryer was killed by signal %d: %s", WTERMSIG (status), then);
}

static void bury (ward_t *self, unsigned index, int status)
{
    self->pids[index] = 0;
    self->living--;
    if (self->is_ending)
        self->has_erred = self->has_erred || (WIFEXITED (status) && WEXITSTATUS (status) == STATUS_ERROR);
    if (self->is_ending || self->has_erred || has_left (status))
        return;
    if (may_restart (self)) {
        self->is_failing = false;
        say_death (self, status, "another one is started");
        start_again (self, index);
    } else if (!self->is_failing) {
        self->is_failing = true;
        say_death (self, status, "none is started any more, too many have died in a minute");
    }
}

static void reap (ward_t *self)
{
    int status;
    for (pid_t pid; (pid = waitpid (-1, &status, WNOHANG)) > 0;)
        for (unsigned i = 0; i < self->wanted; i++)
            if (self->pids[i] == pid)
                bury (self, i, status);
}

//  False where our starter is gone, or done with us.
static bool obey (ward_t *self)
{
    order_t order;
    ssize_t size = recv (self->wire, &order, sizeof order, MSG_DONTWAIT);
    if (size == -1 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (size != sizeof order)
        return false;
    self->is_ending = self->is_ending || order.kind == ORDER_ENDING;
    if (order.kind == ORDER_SLOTS)
        signal_all (self, SIGUSR1);
    if (order.kind != ORDER_START || self->is_started)
        return true;
    self->at = order.at;
    self->has_erred = !start_all (self);
    return !self->has_erred;
}

static void take_signals (const ward_t *self)
{
    struct signalfd_siginfo info;
    while (read (self->signals, &info, sizeof info) == sizeof info)
        ;
}

static void await_dryers (ward_t *self, int64_t most_ms)
{
    int64_t left_ms, end_ms = now_ms () + most_ms;
    struct pollfd fd = {.fd = self->signals, .events = POLLIN};
    for (; self->living && (left_ms = end_ms - now_ms ()) > 0; reap (self)) {
        poll (&fd, 1, (int)left_ms);
        take_signals (self);
    }
}

//  After a proper end, who had a STOP is about to leave; who was too late for one seeks a sink, and is told. Else our
//  starter was killed, and so is what it started: what the dryers run is ended by their guardians.
static void end_dryers (ward_t *self)
{
    static const struct {
        int64_t before_ms;
        int number;
    } steps[] = {{LEAVING_MS, SIGTERM}, {PATIENCE_MS, SIGINT}, {PATIENCE_MS, SIGKILL}};
    const unsigned count = sizeof steps / sizeof *steps;
    for (unsigned i = self->is_ending ? 0 : count - 1; i < count; i++) {
        if (self->is_ending)
            await_dryers (self, steps[i].before_ms);
        signal_all (self, steps[i].number);
    }
    while (self->living && waitpid (-1, NULL, 0) > 0)
        self->living--;
}

static bool is_bereft (const ward_t *self)
{
    return self->is_failing && !self->living && !self->is_ending;
}

static void ward (ward_t *self)
{
    struct pollfd fds[] = {{.fd = self->wire, .events = POLLIN}, {.fd = self->signals, .events = POLLIN}};
    bool is_wanted = true;
    while (is_wanted && !is_bereft (self)) {
        poll (fds, 2, -1);
        take_signals (self);
        is_wanted = obey (self);
        reap (self);
    }
    end_dryers (self);
}

//  Neither end of a pipeline of the shell may be held open by us.
static void leave_stdio (void)
{
    int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
    if (null == -1)
        return;
    dup2 (null, STDIN_FILENO);
    dup2 (null, STDOUT_FILENO);
    if (null > STDERR_FILENO)
        close (null);
}

static int open_ward (ward_t *self)
{
    sigset_t set;
    sigemptyset (&set);
    for (unsigned i = 0; i < sizeof taken / sizeof *taken; i++)
        sigaddset (&set, taken[i]);
    sigprocmask (SIG_BLOCK, &set, NULL);
    block (slot_signals, sizeof slot_signals / sizeof *slot_signals, SIG_BLOCK);
    self->signals = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (self->signals == -1)
        talk_say (self->talk, TALK_ERROR, "cannot start local dryers: %s", strerror (errno));
    return self->signals == -1 ? -1 : 0;
}

static void be_warden (ward_t *self)
{
    leave_stdio ();
    int rc = open_ward (self);
    if (rc == 0)
        ward (self);
    free (self->pids);
    exit (rc == 0 && !self->has_erred ? 0 : STATUS_ERROR);
}

//  ---- in the process of the starter

warden_t *warden_new (unsigned dryers, warden_fn *run, void *arg, const talk_t *talk)
{
    int wires[2];
    warden_t *self = calloc (1, sizeof *self);
    pid_t *pids = self ? calloc (dryers, sizeof *pids) : NULL; // of the warden, while somebody hears that it cannot be
    if (!pids || socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, wires) == -1) {
        free (pids);
        free (self);
        return NULL;
    }
    self->wire = wires[0];
    self->pid = fork ();
    if (self->pid == 0) {
        close (wires[0]);
        free (self);
        be_warden (&(ward_t){.run = run, .arg = arg, .talk = talk, .wire = wires[1], .wanted = dryers, .pids = pids});
    }
    int kept = errno;
    free (pids);
    close (wires[1]);
    if (self->pid == -1) {
        close (wires[0]);
        free (self);
        self = NULL;
    }
    errno = kept;
    return self;
}

static int order (warden_t *self, order_t what)
{
    ssize_t size;
    do
        size = send (self->wire, &what, sizeof what, MSG_NOSIGNAL);
    while (size == -1 && errno == EINTR);
    return size == sizeof what ? 0 : -1;
}

int warden_start (warden_t *self, const address_t *at)
{
    return order (self, (order_t){.kind = ORDER_START, .at = *at});
}

int warden_fd (const warden_t *self)
{
    return self->wire;
}

int warden_bury (warden_t *self)
{
    while (self->pid && waitpid (self->pid, &self->status, 0) == -1 && errno == EINTR)
        ;
    self->pid = 0;
    if (WIFEXITED (self->status) && WEXITSTATUS (self->status) == STATUS_ERROR)
        return -1;
    return WIFSIGNALED (self->status) ? WTERMSIG (self->status) : 0;
}

void warden_slots (warden_t *self)
{
    order (self, (order_t){.kind = ORDER_SLOTS});
}

void warden_ending (warden_t *self)
{
    order (self, (order_t){.kind = ORDER_ENDING});
}

bool warden_destroy (warden_t **self_p)
{
    warden_t *self = *self_p;
    if (!self)
        return false;
    int kept = errno;
    close (self->wire);
    bool has_erred = warden_bury (self) == -1;
    free (self);
    *self_p = NULL;
    errno = kept;
    return has_erred;
}
