#include "role/observer_role.h"
#include "role/life.h"
#include "role/peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_BYTES = 512, LOOK_MS = 100, AGAIN_MS = 150 };

typedef struct {
    const observer_role_config_t *config;
    control_t *control;
    loop_t *loop;
    observer_t *core;
    site_t *site;
    peer_t peer;
    endpoint_t reports; // where the sink takes them
    int64_t end_ms;     // the deadline; INT64_MAX: none
    int64_t look_ms;    // when to look for the result of a run that is over
    int64_t ask_ms;     // when to ask again; INT64_MAX: not
    uint64_t told;      // how often the onlooker was
    watch_t watches[2]; // for it
    bool is_over;       // answered, or not any more
    bool failed;        // said so already
    observer_result_t *result;
} role_t;

static void fail (role_t *self, const char *what)
{
    if (!self->failed)
        talk_say (&self->config->talk, TALK_ERROR, "%s", what);
    self->failed = self->is_over = true;
}

static void on_sink_found (void *arg, const char *endpoint)
{
    role_t *self = arg;
    snprintf (self->reports, sizeof self->reports, "%s", endpoint);
    if (peer_report_to (&self->peer, endpoint) == -1)
        fail (self, site_error (self->site));
}

static void on_trace (void *arg, const char *from, const char *event, const char *to)
{
    role_t *self = arg;
    talk_trace (&self->config->talk, "observer", from, event, to);
}

//  ---- begin and end

static int open_site (role_t *self)
{
    char error[ERROR_BYTES];
    self->site = site_new (&self->config->site, error, sizeof error);
    if (!self->site)
        fail (self, error);
    return self->site ? 0 : -1;
}

static int open_role (role_t *self)
{
    const observer_role_config_t *config = self->config;
    observer_config_t core = {.life = life_new (), .wait_ms = config->wait_ms, .run = config->run};
    observer_ports_t ports = {
        .arg = self, .sink_found = on_sink_found, .trace = config->talk.is_tracing ? on_trace : NULL};
    snprintf (core.name, sizeof core.name, "%s", config->name);
    if (open_site (self) == -1)
        return -1;
    self->core = observer_new (&core, &ports, loop_now_ms ());
    if (!self->core)
        fail (self, strerror (errno));
    else if (peer_open (&self->peer, self->site, self->loop, &config->talk, ROLE_OBSERVER, core.life) == -1)
        fail (self, site_error (self->site));
    return self->failed ? -1 : 0;
}

static void close_role (role_t *self)
{
    observer_destroy (&self->core);
    peer_close (&self->peer);
    site_destroy (&self->site);
}

static void be_reborn (role_t *self, int64_t now_ms)
{
    uint64_t life = life_new ();
    observer_reborn (self->core, life, now_ms);
    peer_close (&self->peer);
    if (peer_open (&self->peer, self->site, self->loop, &self->config->talk, ROLE_OBSERVER, life) == -1 ||
        peer_report_to (&self->peer, self->reports) == -1)
        fail (self, site_error (self->site));
}

//  ---- the turns

//  A run that is over and whose sink has gone. Another run's result is none of ours.
static bool look_for_result (role_t *self)
{
    uint64_t run, meant = self->config->run ? self->config->run : observer_run (self->core);
    ending_t ending;
    if (site_read_result (self->site, &run, &ending) == -1 || (meant && run != meant))
        return false;
    self->result->run = run;
    self->result->ending = ending;
    return true;
}

static void take_status (role_t *self)
{
    size_t count;
    const sink_status_t *status = observer_status (self->core);
    const dryer_row_t *rows = observer_dryers (self->core, &count);
    if (!self->config->is_asking || !status || self->result->has_status)
        return;
    self->result->has_status = true;
    self->result->status = *status;
    self->result->dryers = count ? malloc (count * sizeof *rows) : NULL;
    if (self->result->dryers) {
        memcpy (self->result->dryers, rows, count * sizeof *rows);
        self->result->dryers_size = count;
    }
    observer_leave (self->core, loop_now_ms ());
}

static void hear (role_t *self, int64_t now_ms)
{
    while (self->peer.orders_watch.ready)
        if (peer_receive (&self->peer) == PACKET_GOOD)
            observer_heard (self->core, &self->peer.inbound.message, now_ms);
}

//  ---- who looks on

static int watch_for (role_t *self, const onlooker_t *onlooker)
{
    self->ask_ms = loop_now_ms () + onlooker->every_ms;
    for (unsigned i = 0; i < 2; i++)
        if (onlooker->fds[i] >= 0 && loop_watch (self->loop, &self->watches[i], onlooker->fds[i]) == -1)
            return -1;
    return 0;
}

static void look_on (role_t *self, int64_t now_ms)
{
    const onlooker_t *onlooker = self->config->onlooker;
    if (!onlooker)
        return;
    self->watches[0].ready = self->watches[1].ready = false;
    if (observer_told (self->core) > self->told) {
        size_t count;
        const dryer_row_t *rows = observer_dryers (self->core, &count);
        self->told = observer_told (self->core);
        self->ask_ms = now_ms + onlooker->every_ms;
        onlooker->told (onlooker->arg, observer_run (self->core), observer_status (self->core), rows, count);
    }
    if (!onlooker->turned (onlooker->arg))
        self->is_over = true;
    if (now_ms < self->ask_ms)
        return;
    self->ask_ms = now_ms + AGAIN_MS; // a sink that has just said something else does not answer (S37)
    observer_ask (self->core);
}

static void speak (role_t *self, int64_t now_ms)
{
    packet_t packet;
    while (observer_packet (self->core, &packet))
        peer_send (&self->peer, &packet);
    if (peer_connected (&self->peer))
        observer_connected (self->core, now_ms);
}

//  How it ended, as far as the core knows; a sink that has gone may have left word.
static void conclude (role_t *self)
{
    observer_result_t *result = self->result;
    const ending_t *ending = observer_ending (self->core);
    if (ending->end == END_LOST && look_for_result (self))
        return;
    result->run = observer_run (self->core);
    result->ending = *ending;
    snprintf (result->reason, sizeof result->reason, "%s", observer_reason (self->core));
}

static void turn (role_t *self, int64_t now_ms)
{
    if (peer_tick (&self->peer, now_ms) == -1)
        fail (self, site_error (self->site));
    hear (self, now_ms);
    take_status (self);
    look_on (self, now_ms);
    observer_tick (self->core, now_ms);
    speak (self, now_ms);
    if (observer_state (self->core) == OBSERVER_GONE)
        be_reborn (self, now_ms);
    if (observer_failed (self->core) || self->peer.oom)
        fail (self, strerror (ENOMEM));
    if (observer_state (self->core) == OBSERVER_OVER) {
        conclude (self);
        self->is_over = true;
    } else if (!self->peer.is_met && now_ms >= self->look_ms) {
        self->look_ms = now_ms + LOOK_MS;
        self->is_over = self->is_over || look_for_result (self);
    }
}

static int64_t due_ms (const role_t *self)
{
    if (self->peer.orders_watch.ready)
        return 0;
    const int64_t all_ms[] = {observer_due_ms (self->core), peer_due_ms (&self->peer), self->end_ms,
                              self->peer.is_met ? INT64_MAX : self->look_ms, self->ask_ms};
    int64_t due_ms = INT64_MAX;
    for (unsigned i = 0; i < sizeof all_ms / sizeof *all_ms; i++)
        due_ms = all_ms[i] < due_ms ? all_ms[i] : due_ms;
    return due_ms;
}

static void look_at_time (role_t *self)
{
    if (loop_now_ms () < self->end_ms)
        return;
    self->result->is_late = self->is_over = true;
    self->result->run = observer_run (self->core);
}

int observer_role_run (const observer_role_config_t *config, control_t *control, observer_result_t *result)
{
    role_t role = {.config = config, .control = control, .loop = control_loop (control), .result = result};
    role.end_ms = config->deadline_ms ? loop_now_ms () + config->deadline_ms : INT64_MAX;
    role.ask_ms = INT64_MAX;
    *result = (observer_result_t){0};
    int rc = open_role (&role);
    if (rc == 0 && config->onlooker && watch_for (&role, config->onlooker) == -1)
        fail (&role, strerror (errno));
    while (rc == 0 && !role.is_over) {
        turn (&role, loop_now_ms ());
        if (role.is_over)
            break;
        if (loop_wait (role.loop, due_ms (&role)) == -1)
            fail (&role, strerror (errno));
        look_at_time (&role);
        role.is_over = role.is_over || control_asked (control);
    }
    for (unsigned i = 0; i < 2; i++)
        loop_unwatch (role.loop, &role.watches[i]);
    close_role (&role);
    return role.failed ? -1 : 0;
}
