#include "api/fault.h"
#include "api/feed.h"
#include "api/figures.h"
#include "api/part.h"
#include "role/washer_role.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RETRIES = 1, WAIT_MS = 60000 };

struct dishes_washer {
    part_t part;
    feed_t *feed;
    supply_t supply;
    washer_role_config_t config;
    ending_t ending;          // of the role's thread, until it is over
    washer_status_t last;     // likewise
    dishes_figures_t figures; // under the part's latch
};

//  ---- the role's thread

static void publish (dishes_washer_t *self, const dishes_figures_t *figures)
{
    latch_lock (&self->part.latch);
    self->figures = *figures;
    latch_unlock (&self->part.latch);
}

//  What the caller's threads wait for is told when it changes.
static void turned (void *arg, const washer_t *core)
{
    dishes_washer_t *self = arg;
    washer_status_t now = washer_status (core);
    self->ending = *washer_ending (core);
    part_ready (&self->part);
    if (now.counted == self->last.counted && now.redelivered == self->last.redelivered)
        return;
    self->last = now;
    dishes_figures_t figures = {.ok = now.counted - now.failed, .failed = now.failed, .redelivered = now.redelivered};
    publish (self, &figures);
    feed_counted (self->feed, now.counted, washer_counted_to (core));
}

static int run (void *arg)
{
    dishes_washer_t *self = arg;
    int status = washer_role_run (&self->config, self->part.control), kept = errno;
    if (self->ending.end != END_NONE && self->ending.end != END_LOST) {
        dishes_figures_t figures = figures_of_ending (&self->ending);
        if (figures.redelivered < self->last.redelivered) // the sink may have heard of it too late
            figures.redelivered = self->last.redelivered;
        publish (self, &figures);
    } else {
        latch_lock (&self->part.latch);
        self->figures.end = DISHES_LOST;
        self->figures.status = status;
        latch_unlock (&self->part.latch);
    }
    feed_over (self->feed, figures_error (&self->ending));
    errno = kept;
    return status;
}

//  ---- the caller's threads

static void configure (dishes_washer_t *self)
{
    const dishes_opts_t *opts = &self->part.settings.opts;
    self->supply = feed_supply (self->feed);
    self->config = (washer_role_config_t){.site = self->part.station->site,
                                          .name = self->part.settings.name,
                                          .supply = &self->supply,
                                          .retries = (uint32_t)settings_or (opts->retries, RETRIES),
                                          .wait_dryers = (uint32_t)opts->wait_dryers,
                                          .wait_ms = settings_or (opts->wait_ms, WAIT_MS),
                                          .when_full = FULL_BLOCK,
                                          .queue_bytes = opts->queue_bytes,
                                          .talk = self->part.talk,
                                          .turned = turned,
                                          .turned_arg = self};
}

static int open_washer (dishes_washer_t *self, const char *at, const dishes_opts_t *opts)
{
    if (part_open (&self->part, ROLE_WASHER, at, opts) == -1)
        return -1;
    self->feed = feed_new (self->part.settings.opts.queue_tasks);
    if (!self->feed)
        return fault_errno (errno, "cannot begin");
    configure (self);
    return part_start (&self->part, run, self);
}

dishes_washer_t *dishes_washer_new (const char *at, const dishes_opts_t *opts)
{
    dishes_washer_t *self = calloc (1, sizeof *self);
    if (!self)
        fault_errno (errno, "cannot begin");
    else if (open_washer (self, at, opts) == -1)
        dishes_washer_destroy (&self);
    return self;
}

void dishes_washer_destroy (dishes_washer_t **self_p)
{
    dishes_washer_t *self = *self_p;
    if (!self)
        return;
    int kept = errno;
    part_close (&self->part, CONTROL_LEAVE, 0);
    feed_destroy (&self->feed);
    free (self);
    *self_p = NULL;
    errno = kept;
}

//  The text for what the feed answered.
static int refuse (dishes_washer_t *self, const char *call)
{
    char said[PART_LINE_BYTES];
    int error = errno;
    part_said (&self->part, said);
    switch (error) {
    case ETIMEDOUT:
        return fault_keep (error, "%s: the time has passed", call);
    case EPIPE:
        return fault_keep (error, "%s: after the end nothing more can be put", call);
    case ECANCELED:
    case ECONNABORTED:
        return fault_keep (error, "%s: %s%s%s", call, figures_end_name (self->figures.end), *said ? ": " : "", said);
    default:
        return fault_errno (error, call);
    }
}

int dishes_put (dishes_washer_t *self, const void *data, size_t size, int timeout_ms)
{
    assert (self && (data || !size));
    if (size > DISHES_TASK_BYTES)
        return fault_keep (EMSGSIZE, "a task of %zu bytes: %d is the most", size, (int)DISHES_TASK_BYTES);
    return feed_put (self->feed, data, size, timeout_ms) == 0 ? 0 : refuse (self, "put");
}

//  True where an item is longer than a task may be.
static bool is_too_long (const char *data, size_t size, char delimiter)
{
    while (size > DISHES_TASK_BYTES) {
        const char *last = memrchr (data, delimiter, DISHES_TASK_BYTES + 1);
        if (!last)
            return true;
        size -= (size_t)(last + 1 - data);
        data = last + 1;
    }
    return false;
}

int64_t dishes_put_block (dishes_washer_t *self, const void *data, size_t size, char delimiter, int timeout_ms)
{
    assert (self && (data || !size));
    if (is_too_long (data, size, delimiter))
        return fault_keep (EMSGSIZE, "a task in a block is longer than %d bytes", (int)DISHES_TASK_BYTES);
    int64_t tasks = feed_put_block (self->feed, data, size, (uint8_t)delimiter, timeout_ms);
    return tasks == -1 ? refuse (self, "put") : tasks;
}

int dishes_join (dishes_washer_t *self, int timeout_ms)
{
    assert (self);
    return feed_join (self->feed, timeout_ms) == 0 ? 0 : refuse (self, "join");
}

int dishes_end (dishes_washer_t *self)
{
    assert (self);
    feed_end (self->feed);
    return 0;
}

int dishes_washer_figures (dishes_washer_t *self, dishes_figures_t *figures)
{
    assert (self && figures);
    uint64_t put = feed_tasks (self->feed);
    latch_lock (&self->part.latch);
    *figures = self->figures;
    latch_unlock (&self->part.latch);
    if (figures->total < put)
        figures->total = put;
    return 0;
}
