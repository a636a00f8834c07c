#include "role/sink_role_i.h"
#include "net/monitor.h"
#include "net/packet.h"
#include "net/socket.h"
#include "role/life.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { FOUND_MS = 300, STATUS_ERROR = 125, STATUS_SIGNAL = 128, PATIENCE_MS = 1000, ERROR_BYTES = 512 };

static void fail (sink_role_t *self, const char *what)
{
    if (!self->failed)
        talk_say (&self->config->talk, TALK_ERROR, "sink: %s: %s", what, strerror (errno));
    self->failed = self->is_leaving = true;
}

//  A wire that could not be opened; the site knows why.
static void fail_wire (sink_role_t *self)
{
    talk_say (&self->config->talk, TALK_ERROR, "%s", site_error (self->site));
    self->failed = self->is_leaving = true;
}

void sink_role_say_error (sink_role_t *self, const char *what)
{
    if (!self->failed)
        talk_say (&self->config->talk, TALK_ERROR, "%s", what);
    sink_explain (self->core, "%s", what);
    self->failed = true;
}

//  ---- begin and end

static int open_out (sink_role_t *self)
{
    self->advert = sink_advert (self->core);
    if (!self->advert.records.size) {
        errno = ENOMEM;
        return -1;
    }
    self->out = site_out (self->site, &self->advert, &self->out_monitor);
    if (!self->out)
        fail_wire (self);
    if (!self->out || loop_watch (self->loop, &self->out_watch, socket_fd (self->out)) == -1)
        return -1;
    void *monitor = self->out_monitor;
    if (monitor && loop_watch (self->loop, &self->out_monitor_watch, socket_fd (monitor)) == -1)
        return -1;
    return gate_watch (&self->gate);
}

static void open_strangers (sink_role_t *self, const endpoint_t told)
{
    self->strangers = (strangers_t){.guard = self->config->site.guard, .talk = &self->config->talk};
    site_address (self->site, self->strangers.at[SPOT_OUT]);
    site_dialled (self->site, told, self->strangers.at[SPOT_IN]);
}

//  In the thread of the pulse.
static void sound (void *arg)
{
    sink_role_t *self = arg;
    packet_send (self->out, &self->advert);
    atomic_store (&self->was_sounded, true);
}

static int open_pulse (sink_role_t *self)
{
    if (self->config->site.at.kind == ADDRESS_INPROC)
        return 0;
    self->pulse = pulse_new (sound, self, self->config->core.dead_after_ms);
    return self->pulse ? 0 : -1;
}

static int open_core (sink_role_t *self, const endpoint_t told)
{
    sink_config_t core = self->config->core;
    sink_ports_t ports = sink_role_ports (self);
    sink_restored_t restored;
    memcpy (core.endpoint, told, sizeof core.endpoint);
    core.run = self->run = archive_run (&self->archive, life_new ());
    if (archive_begin (&self->archive, &core.life) == -1) {
        self->failed = true;
        return -1;
    }
    core.durable = self->config->journal;
    self->core = sink_new (&core, &ports, archive_restored (&self->archive, &restored), loop_now_ms ());
    return self->core ? 0 : -1;
}

static int open_gate (sink_role_t *self, endpoint_t told)
{
    bool is_strict = guard_kind (self->config->site.guard) == GUARD_CURVE;
    int rc = gate_open (&self->gate, self->site, is_strict, self->loop, told);
    if (rc == -1)
        fail_wire (self);
    return rc;
}

//  The journal, and the files that go on where it says.
static int open_files (sink_role_t *self)
{
    const sink_role_config_t *config = self->config;
    printer_config_t printer = config->printer;
    int rc = archive_open (&self->archive, config, life_new ());
    if (rc == 0) {
        archive_prepare (&self->archive, &printer);
        rc = results_open (&self->results, config, &printer, self->control);
    }
    if (rc == 0)
        rc = archive_replay (&self->archive, &self->results);
    if (rc == -1)
        self->failed = true;
    return rc;
}

static int open_site (sink_role_t *self)
{
    char error[ERROR_BYTES];
    self->site = site_new (&self->config->site, error, sizeof error);
    if (self->site)
        return 0;
    talk_say (&self->config->talk, TALK_ERROR, "%s", error);
    self->failed = self->is_leaving = true;
    return -1;
}

//  The lock of the address first: files are not touched for a sink that cannot be. `out` last: nobody meets one that
//  cannot write its results.
static int open_role (sink_role_t *self)
{
    endpoint_t told;
    if (open_site (self) == -1 || open_gate (self, told) == -1 || open_files (self) == -1 ||
        open_core (self, told) == -1)
        return -1;
    if (open_out (self) == -1 || open_pulse (self) == -1)
        return -1;
    open_strangers (self, told);
    if (self->config->bound)
        self->config->bound (self->config->notes_arg, site_at (self->site), self->run);
    return 0;
}

static void close_role (sink_role_t *self)
{
    pulse_destroy (&self->pulse);
    packet_drop (&self->advert);
    sink_destroy (&self->core);
    loop_unwatch (self->loop, &self->out_watch);
    loop_unwatch (self->loop, &self->out_monitor_watch);
    monitor_close (&self->out_monitor, self->out);
    socket_close (&self->out);
    gate_close (&self->gate);
    guests_free (&self->guests);
    results_close (&self->results);
    archive_close (&self->archive);
    site_destroy (&self->site);
}

//  ---- the turns

//  Subscriptions must be in before anything is published: a WELCOME without its subscriber would be lost.
static void take_subscriptions (sink_role_t *self)
{
    self->out_watch.ready = guests_take (&self->guests, self->out);
}

static void speak (sink_role_t *self)
{
    packet_t packet;
    while (sink_packet (self->core, &packet)) {
        if (packet.header.type == MSG_WELCOME)
            take_subscriptions (self);
        self->oom = (packet_send (self->out, &packet) == -1 && errno == ENOMEM) || self->oom;
        self->out_watch.ready = true; // sending may have swallowed the sign of a subscription
        packet_drop (&packet);
    }
    if (atomic_exchange (&self->was_sounded, false) || self->out_watch.ready)
        take_subscriptions (self);
}

//  No slot stays free while there is work: what runs is all slots, or all that is left.
static uint64_t running (const sink_status_t *status, uint64_t finished)
{
    uint64_t left = status->eof && status->figures.total > finished ? status->figures.total - finished : 0;
    return status->eof && left < status->slots ? left : status->slots;
}

static progress_counts_t counts (const sink_role_t *self)
{
    sink_status_t status = sink_status (self->core);
    const figures_t *figures = &status.figures;
    uint64_t failed = figures->failed + figures->broken + figures->dropped;
    uint64_t hint = self->config->core.total_hint;
    return (progress_counts_t){.total = status.eof ? figures->total : hint,
                               .total_known = status.eof || hint,
                               .finished = figures->ok + failed,
                               .failed = failed,
                               .running = running (&status, figures->ok + failed)};
}

static void print (sink_role_t *self, int64_t now_ms)
{
    bool is_decided = sink_ending (self->core)->end != END_NONE;
    if (is_decided && !self->was_decided)
        results_end (&self->results);
    self->was_decided = is_decided;
    results_write (&self->results);
    sink_backlog (self->core, printer_backlog_bytes (self->results.printer));
    if (self->results.progress) {
        progress_counts_t now = counts (self);
        results_progress (&self->results, &now, now_ms);
    }
}

//  Behind the end nothing is committed: what is written then is all there will be.
static void show (const sink_role_t *self)
{
    if (!self->config->shown || self->failed || results_error (&self->results))
        return;
    bool is_last = self->was_decided && results_idle (&self->results);
    uint64_t bytes = is_last ? results_written (&self->results) : archive_shown (&self->archive, &self->results);
    self->config->shown (self->config->notes_arg, bytes, is_last ? sink_ending (self->core) : NULL);
}

//  Results that cannot be written end the run: as by SIGPIPE where nobody reads them any more, else as our own error.
static void check_results (sink_role_t *self, int64_t now_ms)
{
    int error = results_error (&self->results);
    if (!error || self->failed || self->signal)
        return;
    if (error == EPIPE) {
        self->signal = SIGPIPE;
        sink_stop (self->core, END_INTERRUPTED, STATUS_SIGNAL + SIGPIPE, now_ms);
        return;
    }
    sink_role_say_error (self, results_error_text (&self->results));
    sink_stop (self->core, END_LOST, STATUS_ERROR, now_ms);
}

//  How it ended stands in the result file before anybody can have heard it.
static void tell_late_comers (sink_role_t *self)
{
    if (self->is_told || sink_ending (self->core)->end == END_NONE)
        return;
    self->is_told = true;
    if (self->config->ending)
        self->config->ending (self->config->notes_arg);
    if (site_write_result (self->site, self->run, sink_ending (self->core)) == -1)
        talk_say (&self->config->talk, TALK_ERROR, "cannot leave the result for late comers: %s", strerror (errno));
}

static void count_strangers (sink_role_t *self)
{
    monitor_event_t event;
    while (self->out_monitor_watch.ready && monitor_next (self->out_monitor, &event))
        site_stranger (self->site, SPOT_OUT, event.event);
    self->out_monitor_watch.ready = false;
    sink_strangers (self->core, strangers_look (&self->strangers));
}

//  A reader who does not read must not keep a user from ending the run.
static void interrupt (sink_role_t *self, int64_t patience_ms, int64_t now_ms)
{
    sink_stop (self->core, END_INTERRUPTED, STATUS_SIGNAL + SIGINT, now_ms);
    if (patience_ms < self->patience_ms)
        self->patience_ms = patience_ms;
}

//  Without local dryers others may do the work; whether one comes at all nobody can know.
static void look_for_dryers (sink_role_t *self, int64_t now_ms)
{
    if (!self->is_bereft || self->failed || sink_ending (self->core)->end != END_NONE ||
        sink_status (self->core).dryers)
        return;
    sink_role_say_error (self, "the local dryers are gone, and there is no other");
    sink_stop (self->core, END_LOST, STATUS_ERROR, now_ms);
}

static void obey (sink_role_t *self, int64_t now_ms)
{
    unsigned asked = control_asked (self->control);
    if (asked & CONTROL_LEAVE)
        self->is_leaving = true;
    self->is_bereft = self->is_bereft || asked & CONTROL_BEREFT;
    if (asked & CONTROL_RESIZE)
        results_resize (&self->results);
    if (asked & CONTROL_FAIL) {
        self->is_forsaken = self->config->site.at.kind == ADDRESS_INPROC;
        self->is_said = self->is_said || sink_ending (self->core)->end == END_NONE;
        sink_explain (self->core, "another part of its process has failed");
        sink_stop (self->core, END_LOST, STATUS_ERROR, now_ms);
    }
    if (asked & (CONTROL_END | CONTROL_KILL))
        interrupt (self, asked & CONTROL_KILL ? now_ms : now_ms + PATIENCE_MS, now_ms);
}

//  Turns come more often than that, as long as anybody is here.
static void look_for_itself (sink_role_t *self, int64_t now_ms)
{
    enum { LOOK_MS = 1000 };
    if (self->is_removed || now_ms < self->look_ms)
        return;
    self->look_ms = now_ms + LOOK_MS;
    const char *line = site_removed (self->site);
    self->is_removed = line;
    if (line)
        talk_say (&self->config->talk, TALK_ERROR, "%s", line);
}

static void turn (sink_role_t *self, int64_t now_ms)
{
    self->has_more = gate_hear (&self->gate, self->core, now_ms);
    obey (self, now_ms); // what had come before it counts
    count_strangers (self);
    if (sink_state (self->core) == SINK_ENDED)
        sink_guests (self->core, guests_unknown (&self->guests, self->core) + (now_ms < self->found_ms));
    sink_detain (self->core, !results_idle (&self->results));
    sink_tick (self->core, now_ms);
    look_for_dryers (self, now_ms);
    look_for_itself (self, now_ms);
    tell_late_comers (self);
    speak (self);
    pulse_rest (self->pulse);
    print (self, now_ms);
    pulse_resume (self->pulse);
    check_results (self, now_ms);
    show (self);
    if (sink_failed (self->core) || self->gate.oom || self->oom) {
        errno = ENOMEM;
        fail (self, "cannot go on");
    }
    if (self->witness)
        self->witness->turned (self->witness->arg, self->core);
}

static int64_t next_ms (const sink_role_t *self, int64_t now_ms)
{
    int64_t found_ms = now_ms < self->found_ms ? self->found_ms : INT64_MAX;
    const int64_t all_ms[] = {sink_due_ms (self->core), results_due_ms (&self->results, now_ms), self->patience_ms,
                              found_ms};
    int64_t due_ms = self->has_more || self->out_watch.ready || atomic_load (&self->was_sounded) ? 0 : INT64_MAX;
    for (unsigned i = 0; i < sizeof all_ms / sizeof *all_ms; i++)
        due_ms = all_ms[i] < due_ms ? all_ms[i] : due_ms;
    return due_ms;
}

//  A user who ends what is over anyway does not wait for peers either.
static bool is_over (const sink_role_t *self, int64_t now_ms)
{
    bool is_impatient = now_ms >= self->patience_ms;
    bool waits = !is_impatient && !self->is_forsaken;
    bool is_parted = sink_state (self->core) == SINK_OVER || (!waits && sink_state (self->core) == SINK_ENDED);
    return self->is_leaving || (is_parted && (is_impatient || results_idle (&self->results)));
}

//  The washer has said it to the same user.
static bool is_known (const sink_role_t *self)
{
    return self->config->is_beside_washer && sink_input_failed (self->core);
}

static void conclude (sink_role_t *self, sink_role_result_t *result)
{
    progress_counts_t last = counts (self);
    results_finish (&self->results, &last);
    result->is_out = results_idle (&self->results) && !results_error (&self->results);
    result->ending = *sink_ending (self->core);
    result->status = result->ending.end == END_NONE ? STATUS_ERROR : result->ending.status;
    if (results_error (&self->results) && !self->failed && !self->signal)
        sink_role_say_error (self, results_error_text (&self->results));
    if (result->ending.end == END_LOST && !self->failed && !self->is_said && !is_known (self) &&
        *sink_reason (self->core))
        talk_say (&self->config->talk, TALK_ERROR, "%s", sink_reason (self->core));
    if (self->failed)
        result->status = STATUS_ERROR;
    result->signal = self->signal;
    result->failed = self->failed;
    if (sink_state (self->core) == SINK_OVER && result->is_out && !self->failed && !self->config->shown)
        archive_told (&self->archive); // the end of a chain is told when the next pipeline is over, too
}

void sink_role_run (const sink_role_config_t *config, control_t *control, sink_role_result_t *result)
{
    sink_role_t role = {.config = config, .control = control, .loop = control_loop (control), .patience_ms = INT64_MAX};
    role.witness = config->witness;
    if (config->site.at.kind == ADDRESS_TCP)
        role.found_ms = loop_now_ms () + FOUND_MS;
    *result = (sink_role_result_t){.status = STATUS_ERROR};
    bool is_open = open_role (&role) == 0;
    int kept = errno;
    if (!is_open)
        fail (&role, "cannot begin");
    while (!role.is_leaving) {
        int64_t now_ms = loop_now_ms ();
        turn (&role, now_ms);
        if (is_over (&role, now_ms))
            break;
        if (loop_wait (role.loop, next_ms (&role, now_ms)) == -1)
            fail (&role, "cannot wait");
    }
    if (is_open)
        conclude (&role, result);
    close_role (&role);
    errno = kept;
}
