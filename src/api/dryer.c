#include "api/crew.h"
#include "api/desk.h"
#include "api/dryer_i.h"
#include "api/fault.h"
#include "api/part.h"
#include "role/dryer_role.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { PREFETCH = 64 };

//  For how long a sink may take to see us off, and one that has never answered us.
enum { WAIT_MS = 60000, PATIENCE_MS = 10000, PATIENCE_UNKNOWN_MS = 500 };

struct dishes_dryer {
    part_t part;
    desk_t *desk; // of the caller's own threads …
    crew_t *crew; // … or those of dishes_run; the other is NULL
    hands_t hands;
    dryer_role_config_t config;
    atomic_bool is_known; // to a sink
};

//  ---- the role's thread

static void turned (void *arg, const dryer_t *core)
{
    dishes_dryer_t *self = arg;
    part_ready (&self->part);
    if (dryer_state (core) == DRYER_OPEN)
        atomic_store_explicit (&self->is_known, true, memory_order_relaxed);
}

static int run (void *arg)
{
    dishes_dryer_t *self = arg;
    int status = dryer_role_run (&self->config, self->part.control), kept = errno;
    int error = status == 0 ? ENODATA : ECONNABORTED;
    if (self->crew)
        crew_over (self->crew, error);
    else
        desk_over (self->desk, error);
    errno = kept;
    return status;
}

//  ---- the caller's threads

static void configure (dishes_dryer_t *self, uint32_t slots)
{
    const dishes_opts_t *opts = &self->part.settings.opts;
    self->hands = self->crew ? crew_hands (self->crew) : desk_hands (self->desk);
    self->config = (dryer_role_config_t){.site = self->part.station->site,
                                         .name = self->part.settings.name,
                                         .host = self->part.settings.host,
                                         .runner = {.slots = slots},
                                         .hands = &self->hands,
                                         .prefetch = (uint32_t)settings_or (opts->prefetch, PREFETCH),
                                         .wait_ms = settings_or (opts->wait_ms, WAIT_MS),
                                         .talk = self->part.talk,
                                         .turned = turned,
                                         .turned_arg = self};
}

static pace_config_t pace_config (const dishes_opts_t *opts, unsigned threads, uint32_t slots)
{
    return (pace_config_t){.threads = threads,
                           .slots = slots,
                           .prefetch = (uint32_t)settings_or (opts->prefetch, PREFETCH),
                           .is_fixed = opts->prefetch != 0};
}

static int open_dryer (dishes_dryer_t *self, const char *at, const dishes_opts_t *opts, unsigned threads)
{
    if (part_open (&self->part, ROLE_DRYER, at, opts) == -1)
        return -1;
    const dishes_opts_t *own = &self->part.settings.opts;
    uint32_t slots = (uint32_t)settings_or (own->slots, threads ? threads : 1);
    pace_config_t pace = pace_config (own, threads, slots);
    if (threads)
        self->crew = crew_new (&pace, self->part.control);
    else
        self->desk = desk_new (slots, self->part.control);
    if (!self->crew && !self->desk)
        return fault_errno (errno, "cannot begin");
    configure (self, slots);
    return part_start (&self->part, run, self);
}

dishes_dryer_t *dryer_with_crew (const char *at, const dishes_opts_t *opts, unsigned threads)
{
    dishes_dryer_t *self = calloc (1, sizeof *self);
    if (!self)
        fault_errno (errno, "cannot begin");
    else if (open_dryer (self, at, opts, threads) == -1)
        dishes_dryer_destroy (&self);
    return self;
}

dishes_dryer_t *dishes_dryer_new (const char *at, const dishes_opts_t *opts)
{
    return dryer_with_crew (at, opts, 0);
}

static void close_hands (dishes_dryer_t *self)
{
    if (self->crew)
        crew_close (self->crew);
    if (self->desk)
        desk_close (self->desk);
}

void dishes_dryer_destroy (dishes_dryer_t **self_p)
{
    dishes_dryer_t *self = *self_p;
    if (!self)
        return;
    int kept = errno;
    close_hands (self);
    part_close (&self->part, CONTROL_DRAIN, atomic_load (&self->is_known) ? PATIENCE_MS : PATIENCE_UNKNOWN_MS);
    desk_destroy (&self->desk);
    crew_destroy (&self->crew);
    free (self);
    *self_p = NULL;
    errno = kept;
}

void dryer_leave_soon (dishes_dryer_t *self)
{
    close_hands (self);
    control_ask (self->part.control, CONTROL_DRAIN);
}

//  Why there is no task.
static int refuse (dishes_dryer_t *self, int error, const char *call)
{
    char said[PART_LINE_BYTES];
    part_said (&self->part, said);
    if (error == ETIMEDOUT)
        return fault_keep (error, "%s: no task came in time", call);
    if (error == ENODATA)
        return fault_keep (error, "%s: the pipeline has ended", call);
    return fault_keep (error, "%s: the pipeline is lost%s%s", call, *said ? ": " : "", said);
}

dishes_task_t *dishes_get (dishes_dryer_t *self, int timeout_ms)
{
    assert (self);
    dishes_task_t *task = desk_get (self->desk, timeout_ms);
    if (!task)
        refuse (self, errno, "get");
    return task;
}

int dryer_work (dishes_dryer_t *self, unsigned index, dishes_task_fn *fn, void *arg)
{
    return refuse (self, crew_work (self->crew, index, fn, arg), "run");
}

int dishes_dryer_fd (const dishes_dryer_t *self)
{
    assert (self);
    return desk_fd (self->desk);
}
