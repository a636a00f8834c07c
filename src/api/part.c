#include "api/part.h"
#include "api/fault.h"
#include "api/hall.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { STATUS_ERROR = 125 };

//  ---- what the role says

static void hear_line (void *arg, talk_level_t level, const char *text)
{
    static const int levels[] = {
        [TALK_ERROR] = DISHES_LOG_ERROR, [TALK_NOTICE] = DISHES_LOG_NOTICE, [TALK_TRACE] = DISHES_LOG_TRACE};
    part_t *self = arg;
    int kept = errno;
    if (level == TALK_ERROR) {
        latch_lock (&self->latch);
        snprintf (self->said, sizeof self->said, "%s", text);
        latch_unlock (&self->latch);
    }
    if (self->settings.opts.log)
        self->settings.opts.log (self->settings.opts.log_arg, levels[level], text);
    errno = kept;
}

//  There is no progress line.
static void draw_nothing (void *arg, const char *bytes, size_t size)
{
}

void part_said (part_t *self, char out[PART_LINE_BYTES])
{
    latch_lock (&self->latch);
    memcpy (out, self->said, PART_LINE_BYTES);
    latch_unlock (&self->latch);
}

//  ---- begin

static int open_station (part_t *self, uint8_t role, const char *at)
{
    const dishes_opts_t *opts = &self->settings.opts;
    char error[PART_LINE_BYTES];
    station_config_t config = {.role = role,
                               .key = opts->key,
                               .is_insecure = opts->insecure != 0,
                               .lane_first = opts->lane_first,
                               .lane_last = opts->lane_last,
                               .advertise = opts->advertise,
                               .dead_after_ms = role == ROLE_SINK ? opts->dead_after_ms : 0};
    if (!at)
        return fault_keep (EINVAL, "no address is given: " ADDRESS_KINDS);
    if (address_parse (at, &config.at, error, sizeof error) == -1)
        return fault_keep (EINVAL, "%s", error);
    self->station = hall_enter (&config, error, sizeof error);
    return self->station ? 0 : fault_keep (errno, "%s", error);
}

int part_open (part_t *self, uint8_t role, const char *at, const dishes_opts_t *opts)
{
    *self = (part_t){0};
    if (settings_read (&self->settings, opts) == -1)
        return -1;
    self->talk =
        (talk_t){.arg = self, .line = hear_line, .draw = draw_nothing, .is_tracing = self->settings.opts.trace != 0};
    self->has_latch = latch_init (&self->latch) == 0;
    self->control = self->has_latch ? control_new () : NULL;
    if (!self->control)
        return fault_errno (errno, "cannot begin");
    return open_station (self, role, at);
}

void part_ready (part_t *self)
{
    if (self->is_ready) // nobody else sets it
        return;
    latch_lock (&self->latch);
    self->is_ready = true;
    latch_wake_all (&self->latch);
    latch_unlock (&self->latch);
}

static void *run_role (void *arg)
{
    part_t *self = arg;
    int status = self->run (self->arg), error = errno;
    latch_lock (&self->latch);
    self->is_over = true;
    self->status = status;
    self->error = error;
    latch_wake_all (&self->latch);
    latch_unlock (&self->latch);
    return NULL;
}

//  With all signals blocked: they are the program's.
static int start_thread (part_t *self)
{
    sigset_t all, before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    int error = pthread_create (&self->thread, NULL, run_role, self);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    self->is_started = error == 0;
    return error ? fault_errno (error, "cannot begin") : 0;
}

int part_start (part_t *self, int (*run) (void *arg), void *arg)
{
    self->run = run;
    self->arg = arg;
    if (start_thread (self) == -1)
        return -1;
    latch_lock (&self->latch);
    while (!self->is_ready && !self->is_over)
        latch_wait (&self->latch, -1);
    bool is_ready = self->is_ready;
    int error = self->error;
    latch_unlock (&self->latch);
    return is_ready ? 0 : fault_keep (error ? error : EIO, "%s", self->said);
}

//  ---- end

bool part_wait (part_t *self, int64_t deadline_ns)
{
    bool in_time = true;
    latch_lock (&self->latch);
    while (!self->is_over && in_time)
        in_time = latch_wait (&self->latch, deadline_ns);
    bool is_over = self->is_over;
    latch_unlock (&self->latch);
    return is_over;
}

static void end_thread (part_t *self, unsigned what, int patience_ms)
{
    control_ask (self->control, what);
    if (!part_wait (self, latch_deadline_ns (patience_ms)))
        control_ask (self->control, CONTROL_LEAVE);
    pthread_join (self->thread, NULL);
    self->is_started = false;
}

void part_close (part_t *self, unsigned what, int patience_ms)
{
    int kept = errno;
    if (self->is_started)
        end_thread (self, what, patience_ms);
    hall_leave (&self->station);
    control_destroy (&self->control);
    if (self->has_latch)
        latch_free (&self->latch);
    settings_free (&self->settings);
    *self = (part_t){0};
    errno = kept;
}
