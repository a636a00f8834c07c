#include "role/dryer_role.h"
#include "base/units.h"
#include "role/filters.h"
#include "role/intake.h"
#include "role/life.h"
#include "role/peer.h"
#include "role/rack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { STATUS_ERROR = 125, ORDERS_A_TURN = 256, ERROR_BYTES = 512, FAILED_MS = 3000 };

//  Commands whose ends are told together, at most. A death puts so many more in doubt, however many slots there are.
enum { GATHERED = 8 };

typedef struct {
    const dryer_role_config_t *config;
    control_t *control;
    loop_t *loop;
    dryer_t *core;
    site_t *site;
    peer_t peer;
    intake_t intake;
    rack_t rack;        // where nobody else does the tasks
    filters_t *filters; // likewise, in place of the rack
    hands_t hands;
    quota_t quota;
    uint64_t done;   // tasks of this life, when a turn ended
    int64_t busy_ms; // when there was something to do last
    bool was_idle;   // for long enough: it leaves
    bool stays;      // the sink said that another run follows, or our user does
    bool is_leaving; // as soon as nothing runs
    bool is_parting; // was told to leave, by the protocol
    bool is_ending;  // what runs was told to end
    bool is_killed;  // at once
    bool has_more;   // unread messages on a lane
    bool failed;     // said so already
    bool has_erred;  // likewise, and went on
    int64_t over_ms; // hands that have failed are not waited for any longer; 0: they have not
} role_t;

static void fail (role_t *self, const char *what)
{
    if (!self->failed)
        talk_say (&self->config->talk, TALK_ERROR, "dryer: %s: %s", what, strerror (errno));
    self->failed = self->is_leaving = true;
}

//  Ends what runs; what ends so has not failed.
static void end_tasks (role_t *self, bool at_once, int64_t now_ms)
{
    if (self->hands.give_up)
        self->hands.give_up (self->hands.arg);
    self->hands.end (self->hands.arg, at_once, now_ms);
}

//  What is held goes back to the washer, and what runs does where it is ended by that.
static void abandon (role_t *self, int64_t now_ms)
{
    self->is_parting = true;
    dryer_leave (self->core, now_ms);
    end_tasks (self, false, now_ms);
}

//  Who does the tasks cannot go on; the others are still told that we leave.
static void fail_hands (role_t *self, int64_t now_ms)
{
    bool is_first = !self->failed;
    fail (self, "cannot do tasks");
    if (!is_first)
        return;
    self->is_leaving = false;
    self->is_ending = true;
    self->over_ms = now_ms + FAILED_MS;
    abandon (self, now_ms);
}

//  A wire that could not be opened; the site knows why.
static void fail_wire (role_t *self)
{
    if (!self->failed)
        talk_say (&self->config->talk, TALK_ERROR, "%s", site_error (self->site));
    self->failed = self->is_leaving = true;
}

//  ---- what the core asks for

static void on_sink_found (void *arg, const char *endpoint)
{
    role_t *self = arg;
    if (peer_report_to (&self->peer, endpoint) == -1)
        fail_wire (self);
}

static void on_lane_connect (void *arg, uint64_t washer, uint32_t generation, const char *endpoint)
{
    role_t *self = arg;
    if (intake_open (&self->intake, washer, generation, endpoint, dryer_dead_after_ms (self->core)) == 0)
        return;
    if (errno == EPROTO)
        talk_say (&self->config->talk, TALK_ERROR, "%s", site_error (self->site));
    else
        fail_wire (self);
}

static void on_lane_close (void *arg, uint64_t washer)
{
    role_t *self = arg;
    intake_close (&self->intake, washer);
}

static void on_wants (void *arg, uint8_t wants, const char *tagstring)
{
    role_t *self = arg;
    if (self->hands.want (self->hands.arg, wants, tagstring) == -1)
        fail (self, "cannot do tasks");
}

static size_t on_read_output (void *arg, void *cookie, int stream, uint64_t offset, uint8_t *out, size_t size)
{
    role_t *self = arg;
    peer_rest (&self->peer);
    ssize_t got = self->hands.read (self->hands.arg, cookie, stream, offset, out, size);
    peer_resume (&self->peer);
    if (got != -1)
        return (size_t)got;
    fail (self, "cannot read an output");
    return 0;
}

static void on_free_output (void *arg, void *cookie)
{
    role_t *self = arg;
    self->hands.free_output (self->hands.arg, cookie);
}

static void on_log (void *arg, const char *line)
{
    role_t *self = arg;
    talk_say (&self->config->talk, TALK_NOTICE, "%s", line);
}

static void on_trace (void *arg, const char *from, const char *event, const char *to)
{
    role_t *self = arg;
    talk_trace (&self->config->talk, "dryer", from, event, to);
}

static bool is_over (const role_t *self)
{
    if (self->over_ms && loop_now_ms () >= self->over_ms)
        return true;
    bool wants_out = self->is_leaving || dryer_state (self->core) == DRYER_OVER;
    return wants_out && !self->hands.running (self->hands.arg);
}

//  ---- lives

static int begin_life (role_t *self)
{
    const dryer_role_config_t *config = self->config;
    dryer_config_t core = {.life = life_new (),
                           .slots = self->quota.slots,
                           .prefetch = config->prefetch,
                           .grain = 1,
                           .unsure = self->quota.slots,
                           .gather = self->hands.gathers ? GATHERED : 0,
                           .is_dry = config->runner.dry_run,
                           .no_blocks = !config->runner.pipe && !config->hands,
                           .wait_ms = config->wait_ms};
    dryer_ports_t ports = {.arg = self,
                           .sink_found = on_sink_found,
                           .lane_connect = on_lane_connect,
                           .lane_close = on_lane_close,
                           .wants = on_wants,
                           .read_output = on_read_output,
                           .free_output = on_free_output,
                           .trace = config->talk.is_tracing ? on_trace : NULL,
                           .log = on_log};
    snprintf (core.name, sizeof core.name, "%s", config->name);
    snprintf (core.host, sizeof core.host, "%s", config->host);
    self->core = dryer_new (&core, &ports, loop_now_ms ());
    if (!self->core)
        return -1;
    return peer_open (&self->peer, self->site, self->loop, &config->talk, ROLE_DRYER, core.life);
}

static void end_life (role_t *self)
{
    self->hands.forget (self->hands.arg);
    dryer_destroy (&self->core); // gives outputs back to the hands
    intake_close_all (&self->intake);
    peer_close (&self->peer);
}

//  Another run will follow here: the same dryer, as a new life.
static void begin_next (role_t *self)
{
    end_life (self);
    self->is_ending = false;
    self->stays = true;
    if (begin_life (self) == -1)
        fail (self, "cannot begin again");
}

//  The sink has closed this life: nothing of it may go on beside what it sends to others.
static void be_reborn (role_t *self, int64_t now_ms)
{
    self->hands.end (self->hands.arg, true, now_ms);
    if (self->hands.running (self->hands.arg))
        return;
    end_life (self);
    if (begin_life (self) == -1)
        fail (self, "cannot begin again");
}

//  ---- how many, and whether any longer

//  A number that cannot be had is none.
static void take_slots (role_t *self, uint32_t before)
{
    if (self->hands.resize (self->hands.arg, self->quota.slots) == 0) {
        if (self->core)
            dryer_slots (self->core, self->quota.slots, loop_now_ms ());
        return;
    }
    talk_say (&self->config->talk, TALK_ERROR, "-j stays %u: %s", before, strerror (errno));
    self->quota.slots = before;
}

static void mind_quota (role_t *self, bool is_done, int64_t now_ms)
{
    uint32_t before = self->quota.slots;
    if (self->hands.resize && quota_look (&self->quota, is_done, now_ms))
        take_slots (self, before);
}

static void mind_idleness (role_t *self, bool is_busy, int64_t now_ms)
{
    bool counts = dryer_state (self->core) == DRYER_OPEN || (dryer_state (self->core) == DRYER_SEEKING && self->stays);
    if (is_busy || !counts)
        self->busy_ms = now_ms;
    if (!self->config->idle_ms || now_ms < self->busy_ms + self->config->idle_ms)
        return;
    char text[UNITS_TEXT];
    talk_say (&self->config->talk, TALK_NOTICE, "nothing to do for %s (--idle-timeout): the dryer leaves",
              units_show_duration (self->config->idle_ms, text));
    self->busy_ms = now_ms;
    self->was_idle = self->is_parting = true;
    dryer_leave (self->core, now_ms);
}

static void mind (role_t *self, int64_t now_ms)
{
    dryer_status_t status = dryer_status (self->core);
    bool is_done = status.done != self->done;
    self->done = status.done;
    mind_quota (self, is_done, now_ms);
    mind_idleness (self, is_done || status.running || status.waiting || status.outputs, now_ms);
}

//  ---- the turns

static void hear (role_t *self, int64_t now_ms)
{
    for (unsigned i = 0; self->peer.orders_watch.ready && i < ORDERS_A_TURN; i++)
        if (peer_receive (&self->peer) == PACKET_GOOD)
            dryer_heard (self->core, &self->peer.inbound.message, now_ms);
    intake_tell (&self->intake, self->core, now_ms);
    self->has_more = intake_hear (&self->intake, self->core, now_ms);
}

static bool has_ended (const role_t *self)
{
    return dryer_ending (self->core)->end != END_NONE || dryer_state (self->core) == DRYER_OVER;
}

static void work (role_t *self, int64_t now_ms)
{
    if ((has_ended (self) || self->is_leaving) && !self->is_ending) {
        self->is_ending = true;
        self->hands.end (self->hands.arg, false, now_ms);
    }
    peer_rest (&self->peer);
    int rc = self->hands.work (self->hands.arg, self->core, now_ms, !self->is_ending && !self->is_leaving);
    peer_resume (&self->peer);
    self->has_erred = self->has_erred || rc == 1;
    if (rc == -1)
        fail_hands (self, now_ms);
}

static void speak (role_t *self, int64_t now_ms)
{
    packet_t packet;
    while (dryer_packet (self->core, &packet))
        peer_send (&self->peer, &packet);
    if (peer_connected (&self->peer))
        dryer_connected (self->core, now_ms);
}

static void leave_unfit (role_t *self)
{
    static const char *const whys[] = {
        [UNFIT_BLOCKS] = "the washer gives blocks for the stdin of commands: give --pipe to this dryer too",
        [UNFIT_DRY] = "the sink keeps a journal, which would count what --dry-run shows as done: leave out one of them",
    };
    talk_say (&self->config->talk, TALK_ERROR, "%s", whys[dryer_unfit (self->core)]);
    self->failed = self->is_parting = true;
}

static void turn (role_t *self, int64_t now_ms)
{
    if (peer_tick (&self->peer, now_ms) == -1)
        fail_wire (self);
    if (self->peer.has_missed && dryer_state (self->core) == DRYER_SEEKING && !self->stays)
        self->is_leaving = true;
    hear (self, now_ms);
    work (self, now_ms);
    mind (self, now_ms);
    dryer_tick (self->core, now_ms);
    speak (self, now_ms);
    if (dryer_state (self->core) == DRYER_GONE)
        be_reborn (self, now_ms);
    else if (dryer_stays (self->core) && !self->is_leaving && !self->is_parting && is_over (self))
        begin_next (self);
    if (self->core && dryer_unfit (self->core) && !self->failed)
        leave_unfit (self);
    if (self->core && (dryer_failed (self->core) || self->peer.oom || self->intake.oom)) {
        errno = ENOMEM;
        fail (self, "cannot go on");
    }
    if (self->core && self->config->turned)
        self->config->turned (self->config->turned_arg, self->core);
}

//  What the time has ended (a silent sink) is found out after the work of a turn, and nothing else need ever wake us.
static int64_t due_ms (const role_t *self)
{
    if (self->peer.orders_watch.ready || self->has_more || (has_ended (self) && !self->is_ending))
        return 0;
    int64_t idle_ms = self->config->idle_ms ? self->busy_ms + self->config->idle_ms : INT64_MAX;
    const int64_t all_ms[] = {dryer_due_ms (self->core),
                              self->hands.due_ms (self->hands.arg),
                              peer_due_ms (&self->peer),
                              intake_due_ms (&self->intake),
                              self->quota.look_ms,
                              idle_ms,
                              self->over_ms ? self->over_ms : INT64_MAX};
    int64_t due_ms = INT64_MAX;
    for (unsigned i = 0; i < sizeof all_ms / sizeof *all_ms; i++)
        due_ms = all_ms[i] < due_ms ? all_ms[i] : due_ms;
    return due_ms;
}

static void suspend (role_t *self)
{
    if (!self->config->suspended)
        return;
    if (self->hands.stop)
        self->hands.stop (self->hands.arg, loop_now_ms ());
    self->config->suspended (self->config->suspended_arg);
    if (self->hands.cont)
        self->hands.cont (self->hands.arg, loop_now_ms ());
}

static void obey (role_t *self)
{
    unsigned asked = control_asked (self->control);
    if (asked & (CONTROL_LEAVE | CONTROL_FAIL))
        self->is_leaving = true;
    if (asked & CONTROL_KILL || (asked & CONTROL_END && !self->is_ending)) {
        self->is_ending = true;
        end_tasks (self, (asked & CONTROL_KILL) != 0, loop_now_ms ());
    }
    if (asked & CONTROL_DRAIN) {
        self->is_parting = true;
        dryer_leave (self->core, loop_now_ms ());
    }
    if (asked & CONTROL_ABANDON)
        abandon (self, loop_now_ms ());
    if (asked & CONTROL_SUSPEND)
        suspend (self);
}

static int conclude (const role_t *self)
{
    if (self->failed || self->has_erred)
        return STATUS_ERROR;
    if (self->was_idle && !self->is_leaving)
        return DRYER_WAS_IDLE;
    if (dryer_ending (self->core)->end != END_LOST || self->is_leaving)
        return 0;
    talk_loss (&self->config->talk, dryer_reason (self->core), dryer_ending (self->core), self->config->is_beside_sink);
    return STATUS_ERROR;
}

//  Who does the tasks. 0, or -1 and errno.
static int open_hands (role_t *self)
{
    const dryer_role_config_t *config = self->config;
    if (config->hands)
        self->hands = *config->hands;
    else if (!config->is_filter)
        self->hands = rack_hands (&self->rack);
    else if ((self->filters = filters_new (&(filters_opts_t){.runner = config->runner,
                                                             .replace = config->replace,
                                                             .answers = config->answers,
                                                             .crash_limit = config->crash_limit,
                                                             .talk = config->talk},
                                           self->loop)))
        self->hands = filters_hands (self->filters);
    else
        return -1;
    return 0;
}

static int open_role (role_t *self)
{
    char error[ERROR_BYTES];
    if (open_hands (self) == -1) {
        fail (self, "cannot begin");
        return -1;
    }
    mind_quota (self, true, self->busy_ms);
    self->site = site_new (&self->config->site, error, sizeof error);
    if (!self->site) {
        talk_say (&self->config->talk, TALK_ERROR, "%s", error);
        self->failed = true;
        return -1;
    }
    self->intake.site = self->site;
    if (begin_life (self) == 0)
        return 0;
    fail (self, "cannot begin");
    return -1;
}

static void close_role (role_t *self)
{
    if (self->hands.forget)
        end_life (self);
    filters_destroy (&self->filters);
    rack_free (&self->rack);
    intake_free (&self->intake);
    site_destroy (&self->site);
}

int dryer_role_run (const dryer_role_config_t *config, control_t *control)
{
    role_t role = {.config = config, .control = control, .loop = control_loop (control), .stays = config->stay};
    intake_init (&role.intake, role.loop, &config->talk);
    rack_init (&role.rack, &config->runner, &config->brake, config->replace, role.loop);
    quota_init (&role.quota, &config->quota, config->runner.slots, &config->talk);
    role.busy_ms = loop_now_ms ();
    int rc = open_role (&role), kept = errno;
    while (rc == 0 && role.core) {
        turn (&role, loop_now_ms ());
        if (!role.core || is_over (&role))
            break;
        if (loop_wait (role.loop, due_ms (&role)) == -1)
            fail (&role, "cannot wait");
        obey (&role);
    }
    int status = rc == 0 && role.core ? conclude (&role) : STATUS_ERROR;
    close_role (&role);
    errno = kept;
    return status;
}
