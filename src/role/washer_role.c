#include "role/washer_role.h"
#include "role/hatch.h"
#include "role/life.h"
#include "role/peer.h"
#include "role/pile.h"
#include "role/strangers.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { STATUS_ERROR = 125, ORDERS_A_TURN = 256, READS_A_TURN = 16, HINT_MS = 3000, ERROR_BYTES = 512 };

typedef struct {
    const washer_role_config_t *config;
    supply_t supply;
    control_t *control;
    loop_t *loop;
    washer_t *core;
    site_t *site;
    peer_t peer;
    hatch_t hatch;
    strangers_t strangers;
    endpoint_t reports; // where the sink takes them
    watch_t input_watch;
    pile_t pile;
    bool is_waiting; // for the input
    bool eof;        // of the input
    bool eof_told;   // to the core
    bool is_cut;     // the end came too early
    bool was_served; // a dryer came
    bool is_leaving; // at once
    bool failed;     // said so already
    int64_t hint_ms; // when to say that a terminal is being read; INT64_MAX: never
} role_t;

static void fail (role_t *self, const char *what)
{
    if (!self->failed)
        talk_say (&self->config->talk, TALK_ERROR, "washer: %s: %s", what, strerror (errno));
    self->failed = self->is_leaving = true;
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
    snprintf (self->reports, sizeof self->reports, "%s", endpoint);
    if (peer_report_to (&self->peer, endpoint) == -1)
        fail_wire (self);
}

static void on_lane_open (void *arg, uint64_t dryer, uint32_t generation, const char *dryer_host)
{
    role_t *self = arg;
    self->was_served = true;
    if (hatch_open (&self->hatch, dryer, generation) == 0)
        return;
    bool may_come_free = errno == EADDRINUSE && generation > 1; // our own last socket may not have let go yet
    if (!may_come_free)
        fail_wire (self); // else the core gives the lane up, and tries it again
}

static void on_lane_close (void *arg, uint64_t dryer, uint32_t generation)
{
    role_t *self = arg;
    hatch_close (&self->hatch, dryer, generation);
}

static void on_log (void *arg, const char *line)
{
    role_t *self = arg;
    talk_say (&self->config->talk, TALK_NOTICE, "%s", line);
}

static void on_trace (void *arg, const char *from, const char *event, const char *to)
{
    role_t *self = arg;
    talk_trace (&self->config->talk, "washer", from, event, to);
}

//  ---- lives

static int begin_life (role_t *self, uint64_t life)
{
    self->hatch.washer = life;
    return peer_open (&self->peer, self->site, self->loop, &self->config->talk, ROLE_WASHER, life);
}

static int open_site (role_t *self)
{
    char error[ERROR_BYTES];
    self->site = site_new (&self->config->site, error, sizeof error);
    if (self->site)
        return 0;
    talk_say (&self->config->talk, TALK_ERROR, "%s", error);
    self->failed = self->is_leaving = true;
    return -1;
}

static int open_role (role_t *self)
{
    const washer_role_config_t *config = self->config;
    washer_config_t core = {.life = life_new (),
                            .shape = self->supply.shape,
                            .retries = config->retries,
                            .wait_ms = config->wait_ms,
                            .wait_dryers = config->wait_dryers};
    washer_ports_t ports = {.arg = self,
                            .sink_found = on_sink_found,
                            .lane_open = on_lane_open,
                            .lane_close = on_lane_close,
                            .trace = config->talk.is_tracing ? on_trace : NULL,
                            .log = on_log};
    snprintf (core.name, sizeof core.name, "%s", config->name);
    if (open_site (self) == -1)
        return -1;
    self->hatch = (hatch_t){.site = self->site, .loop = self->loop};
    self->strangers = (strangers_t){.guard = config->site.guard, .talk = &config->talk, .at[SPOT_LANE] = "a lane"};
    self->hint_ms = self->supply.is_terminal ? loop_now_ms () + HINT_MS : INT64_MAX;
    self->core = washer_new (&core, &ports, loop_now_ms ());
    return self->core ? begin_life (self, core.life) : -1;
}

static void close_role (role_t *self)
{
    loop_unwatch (self->loop, &self->input_watch);
    washer_destroy (&self->core);
    hatch_free (&self->hatch);
    pile_free (&self->pile);
    peer_close (&self->peer);
    site_destroy (&self->site);
}

//  The sink has closed our life: the same items, as a new one.
static void be_reborn (role_t *self, int64_t now_ms)
{
    uint64_t life = life_new ();
    washer_reborn (self->core, life, now_ms);
    peer_close (&self->peer);
    if (begin_life (self, life) == -1 || peer_report_to (&self->peer, self->reports) == -1)
        fail_wire (self);
}

//  ---- the input

//  Room for more: the bounds hold, but a slot never waits because its items are large.
static bool has_room (const role_t *self)
{
    const washer_role_config_t *config = self->config;
    washer_status_t status = washer_status (self->core);
    uint64_t tasks = washer_unsent_tasks (self->core) + status.out;
    uint64_t each = config->slot_tasks ? config->slot_tasks : 1;
    if (tasks <= config->slots * each)
        return true;
    if (config->queue_tasks && tasks >= config->queue_tasks)
        return false;
    uint64_t slots = status.slots < SLOTS_MOST ? status.slots : SLOTS_MOST; // whatever a dryer says that it has
    return tasks <= slots * each ||
           washer_held_bytes (self->core) < (config->queue_bytes ? config->queue_bytes : QUEUE_BYTES);
}

static bool may_read (const role_t *self)
{
    if (self->eof || washer_state (self->core) >= WASHER_HALTING)
        return false;
    full_t full = self->config->when_full;
    return full == FULL_STACK || has_room (self) || (full == FULL_DROP && self->was_served);
}

static void put (role_t *self, batch_t *batch)
{
    int rc;
    if (batch->shape.items)
        washer_shape (self->core, &batch->shape);
    if (pile_empty (&self->pile) && has_room (self))
        rc = washer_put (self->core, &batch->bytes, batch->tasks);
    else if (self->config->when_full == FULL_STACK)
        rc = pile_push (&self->pile, &batch->bytes, batch->tasks);
    else
        rc = washer_put_dropped (self->core, &batch->bytes, batch->tasks);
    slice_drop (&batch->bytes);
    if (rc == -1)
        fail (self, "cannot keep the items");
}

//  From the pile into the queue; behind the last of it comes the end.
static void unstack (role_t *self)
{
    batch_t batch = {0};
    while (!self->is_leaving && has_room (self) && !pile_empty (&self->pile)) {
        int rc = pile_pop (&self->pile, &batch.bytes, &batch.tasks);
        if (rc == 0)
            rc = washer_put (self->core, &batch.bytes, batch.tasks);
        slice_drop (&batch.bytes);
        if (rc == -1)
            fail (self, "cannot take back the items");
    }
    if (self->eof && !self->eof_told && pile_empty (&self->pile)) {
        self->eof_told = true;
        if (self->config->before)
            washer_before (self->core, *self->config->before);
        else if (self->is_cut)
            washer_before (self->core, (before_t){.end = END_LOST, .status = STATUS_ERROR});
        washer_eof (self->core);
    }
}

//  What was read is all there will be, and is done before the run is lost for it; but of results of another pipeline
//  the rest may come yet, to who begins again.
static void fail_input (role_t *self)
{
    talk_say (&self->config->talk, TALK_ERROR, "%s", self->supply.error (self->supply.arg));
    self->failed = true;
    if (self->config->before)
        self->is_leaving = true;
    else
        self->eof = self->is_cut = true;
}

//  One read. False where nothing more is to be had now.
static bool read_batch (role_t *self)
{
    batch_t batch;
    int rc = self->supply.read (self->supply.arg, &batch);
    if (rc == 1) {
        self->hint_ms = INT64_MAX;
        put (self, &batch);
        return true;
    }
    if (rc == -1)
        fail_input (self);
    else if (self->supply.eof (self->supply.arg))
        self->eof = true;
    return false;
}

static void wait_for_input (role_t *self)
{
    int fd = self->supply.fd (self->supply.arg);
    self->is_waiting = fd != -1;
    if (fd != -1 && loop_arm (self->loop, &self->input_watch, fd, false) == -1)
        fail (self, "cannot wait for the input");
}

static void read_input (role_t *self)
{
    if (self->is_waiting && !self->input_watch.ready)
        return;
    self->is_waiting = false;
    unsigned reads = 0;
    while (may_read (self) && reads++ < READS_A_TURN)
        if (!read_batch (self)) {
            if (!self->eof && !self->is_leaving)
                wait_for_input (self);
            return;
        }
}

static void give_hint (role_t *self, int64_t now_ms)
{
    if (now_ms < self->hint_ms)
        return;
    self->hint_ms = INT64_MAX;
    talk_say (&self->config->talk, TALK_NOTICE, "reading items from the terminal; end with Ctrl-D");
}

//  ---- the turns

static void hear (role_t *self, int64_t now_ms)
{
    if (!self->peer.orders_watch.ready)
        return;
    for (unsigned i = 0; i < ORDERS_A_TURN; i++) {
        packet_found_t found = peer_receive (&self->peer);
        if (found == PACKET_NONE)
            return;
        if (found == PACKET_GOOD)
            washer_heard (self->core, &self->peer.inbound.message, now_ms);
    }
}

static void speak (role_t *self, int64_t now_ms)
{
    packet_t packet;
    while (washer_packet (self->core, &packet))
        peer_send (&self->peer, &packet);
    hatch_send (&self->hatch, self->core);
    if (peer_connected (&self->peer))
        washer_connected (self->core, now_ms);
}

static void turn (role_t *self, int64_t now_ms)
{
    if (peer_tick (&self->peer, now_ms) == -1)
        fail_wire (self);
    if (self->peer.has_missed && washer_state (self->core) == WASHER_SEEKING && !self->failed) {
        talk_say (&self->config->talk, TALK_ERROR, "the pipeline has ended without this washer");
        self->failed = self->is_leaving = true;
    }
    hear (self, now_ms);
    peer_rest (&self->peer);
    read_input (self);
    unstack (self);
    peer_resume (&self->peer);
    give_hint (self, now_ms);
    hatch_tell (&self->hatch, self->core, now_ms);
    washer_strangers (self->core, strangers_look (&self->strangers));
    washer_tick (self->core, now_ms);
    hatch_tell (&self->hatch, self->core, now_ms);
    speak (self, now_ms);
    if (washer_state (self->core) == WASHER_GONE)
        be_reborn (self, now_ms);
    if (washer_failed (self->core) || self->peer.oom || self->hatch.oom) {
        errno = ENOMEM;
        fail (self, "cannot go on");
    }
    if (self->config->turned)
        self->config->turned (self->config->turned_arg, self->core);
}

//  When to be awake again; 0: now.
static int64_t due_ms (const role_t *self)
{
    bool reads_on = (!self->is_waiting || self->input_watch.ready) && may_read (self);
    if (reads_on || self->peer.orders_watch.ready || hatch_must_tell (&self->hatch))
        return 0;
    const int64_t all_ms[] = {washer_due_ms (self->core), peer_due_ms (&self->peer), self->hint_ms};
    int64_t due_ms = INT64_MAX;
    for (unsigned i = 0; i < sizeof all_ms / sizeof *all_ms; i++)
        due_ms = all_ms[i] < due_ms ? all_ms[i] : due_ms;
    return due_ms;
}

static void obey (role_t *self)
{
    if (control_asked (self->control) & (CONTROL_LEAVE | CONTROL_FAIL))
        self->is_leaving = true;
}

static int conclude (const role_t *self)
{
    const ending_t *ending = washer_ending (self->core);
    if (washer_state (self->core) == WASHER_OVER && ending->end == END_LOST && !self->failed) {
        talk_loss (&self->config->talk, washer_reason (self->core), ending, self->config->is_beside_sink);
        return STATUS_ERROR;
    }
    return self->failed ? STATUS_ERROR : ending->status;
}

int washer_role_run (const washer_role_config_t *config, control_t *control)
{
    role_t role = {.config = config, .control = control, .loop = control_loop (control)};
    role.supply = config->supply ? *config->supply : supply_of_input (config->input);
    if (open_role (&role) == -1)
        fail (&role, "cannot begin");
    int kept = errno;
    while (!role.is_leaving && washer_state (role.core) != WASHER_OVER) {
        turn (&role, loop_now_ms ());
        if (washer_state (role.core) == WASHER_OVER)
            break;
        if (loop_wait (role.loop, due_ms (&role)) == -1)
            fail (&role, "cannot wait");
        obey (&role);
    }
    int status = role.core ? conclude (&role) : STATUS_ERROR;
    close_role (&role);
    errno = kept;
    return status;
}
