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
    desk_t *desk;
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
    desk_over (self->desk, status == 0 ? ENODATA : ECONNABORTED);
    errno = kept;
    return status;
}

//  ---- the caller's threads

static void configure (dishes_dryer_t *self, uint32_t slots)
{
    const dishes_opts_t *opts = &self->part.settings.opts;
    self->hands = desk_hands (self->desk);
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

static int open_dryer (dishes_dryer_t *self, const char *at, const dishes_opts_t *opts)
{
    if (part_open (&self->part, ROLE_DRYER, at, opts) == -1)
        return -1;
    uint32_t slots = (uint32_t)settings_or (self->part.settings.opts.slots, 1);
    self->desk = desk_new (slots, self->part.control);
    if (!self->desk)
        return fault_errno (errno, "cannot begin");
    configure (self, slots);
    return part_start (&self->part, run, self);
}

dishes_dryer_t *dishes_dryer_new (const char *at, const dishes_opts_t *opts)
{
    dishes_dryer_t *self = calloc (1, sizeof *self);
    if (!self)
        fault_errno (errno, "cannot begin");
    else if (open_dryer (self, at, opts) == -1)
        dishes_dryer_destroy (&self);
    return self;
}

void dishes_dryer_destroy (dishes_dryer_t **self_p)
{
    dishes_dryer_t *self = *self_p;
    if (!self)
        return;
    int kept = errno;
    if (self->desk)
        desk_close (self->desk);
    part_close (&self->part, CONTROL_DRAIN, atomic_load (&self->is_known) ? PATIENCE_MS : PATIENCE_UNKNOWN_MS);
    desk_destroy (&self->desk);
    free (self);
    *self_p = NULL;
    errno = kept;
}

void dryer_leave_soon (dishes_dryer_t *self)
{
    desk_close (self->desk);
    control_ask (self->part.control, CONTROL_DRAIN);
}

dishes_task_t *dishes_get (dishes_dryer_t *self, int timeout_ms)
{
    assert (self);
    dishes_task_t *task = desk_get (self->desk, timeout_ms);
    if (task)
        return task;
    char said[PART_LINE_BYTES];
    int error = errno;
    part_said (&self->part, said);
    if (error == ETIMEDOUT)
        fault_set (error, "get: no task came in time");
    else if (error == ENODATA)
        fault_set (error, "get: the pipeline has ended");
    else
        fault_set (error, "get: the pipeline is lost%s%s", *said ? ": " : "", said);
    return NULL;
}

int dishes_dryer_fd (const dishes_dryer_t *self)
{
    assert (self);
    return desk_fd (self->desk);
}
