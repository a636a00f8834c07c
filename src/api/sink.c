#include "api/fault.h"
#include "api/figures.h"
#include "api/gather.h"
#include "api/part.h"
#include "role/sink_role.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEAD_AFTER_MS = 5000, WAIT_MS = 60000, GRACE_MS = 10000, CRASH_LIMIT = 3, PATIENCE_MS = 30000 };
enum { OUTPUT_BYTES = 8 << 20, ORDER_WINDOW = 10000 };

struct dishes_sink {
    part_t part;
    gather_t gather;
    witness_t witness;
    sink_role_config_t config;
    endpoint_t address; // before it is ready
    int nowhere;        // /dev/null

    //  under the part's latch
    dishes_figures_t figures;
    sink_role_result_t result;
};

//  ---- the role's thread

static void on_bound (void *arg, const address_t *at, uint64_t run)
{
    dishes_sink_t *self = arg;
    address_show (at, self->address);
    part_ready (&self->part);
}

static void on_piece (void *arg, uint64_t dryer, uint64_t n, int stream, const slice_t *bytes)
{
    dishes_sink_t *self = arg;
    if (self->gather.result)
        gather_piece (&self->gather, dryer, n, stream, bytes);
}

static void on_drop (void *arg, uint64_t dryer, uint64_t n)
{
    dishes_sink_t *self = arg;
    gather_drop (&self->gather, dryer, n);
}

static void on_completed (void *arg, const completion_t *what)
{
    dishes_sink_t *self = arg;
    if (self->gather.result)
        gather_completed (&self->gather, what);
}

static void on_turned (void *arg, const sink_t *core)
{
    dishes_sink_t *self = arg;
    sink_status_t status = sink_status (core);
    latch_lock (&self->part.latch);
    self->figures = figures_of (&status.figures);
    latch_unlock (&self->part.latch);
}

static int run (void *arg)
{
    dishes_sink_t *self = arg;
    sink_role_result_t result;
    sink_role_run (&self->config, self->part.control, &result);
    int kept = errno;
    latch_lock (&self->part.latch);
    self->result = result;
    if (result.ending.end != END_NONE)
        self->figures = figures_of_ending (&result.ending);
    latch_unlock (&self->part.latch);
    errno = kept;
    return result.status;
}

//  ---- the caller's threads

static sink_config_t core_config (const dishes_opts_t *opts)
{
    return (sink_config_t){.dead_after_ms = settings_or (opts->dead_after_ms, DEAD_AFTER_MS),
                           .wait_ms = settings_or (opts->wait_ms, WAIT_MS),
                           .grace_ms = settings_or (opts->grace_ms, GRACE_MS),
                           .deadline_ms = opts->deadline_ms,
                           .crash_limit = (uint32_t)settings_or (opts->crash_limit, CRASH_LIMIT),
                           .order_window = opts->keep_order ? ORDER_WINDOW : 0,
                           .output_bytes = OUTPUT_BYTES,
                           .backlog_bytes = OUTPUT_BYTES};
}

static void configure (dishes_sink_t *self)
{
    const dishes_opts_t *opts = &self->part.settings.opts;
    self->gather = (gather_t){.result = opts->result, .arg = opts->result_arg, .in_runs = opts->result_runs != 0};
    self->witness =
        (witness_t){.arg = self, .piece = on_piece, .drop = on_drop, .completed = on_completed, .turned = on_turned};
    self->config = (sink_role_config_t){.site = self->part.station->site,
                                        .core = core_config (opts),
                                        .printer = {.keep_order = opts->keep_order != 0,
                                                    .out_fd = opts->out_fd ? opts->out_fd : self->nowhere,
                                                    .err_fd = opts->err_fd ? opts->err_fd : self->nowhere},
                                        .talk = self->part.talk,
                                        .bound = on_bound,
                                        .notes_arg = self,
                                        .witness = &self->witness};
}

static int open_sink (dishes_sink_t *self, const char *at, const dishes_opts_t *opts)
{
    if (part_open (&self->part, ROLE_SINK, at, opts) == -1)
        return -1;
    self->nowhere = open ("/dev/null", O_WRONLY | O_CLOEXEC);
    if (self->nowhere == -1)
        return fault_errno (errno, "/dev/null");
    configure (self);
    return part_start (&self->part, run, self);
}

dishes_sink_t *dishes_sink_new (const char *at, const dishes_opts_t *opts)
{
    dishes_sink_t *self = calloc (1, sizeof *self);
    if (!self) {
        fault_errno (errno, "cannot begin");
        return NULL;
    }
    self->nowhere = -1;
    if (open_sink (self, at, opts) == -1)
        dishes_sink_destroy (&self);
    return self;
}

void dishes_sink_destroy (dishes_sink_t **self_p)
{
    dishes_sink_t *self = *self_p;
    if (!self)
        return;
    int kept = errno;
    part_close (&self->part, CONTROL_END, PATIENCE_MS);
    gather_free (&self->gather);
    if (self->nowhere != -1)
        close (self->nowhere);
    free (self);
    *self_p = NULL;
    errno = kept;
}

const char *dishes_sink_address (const dishes_sink_t *self)
{
    assert (self);
    return self->address;
}

int dishes_sink_cancel (dishes_sink_t *self)
{
    assert (self);
    control_ask (self->part.control, CONTROL_END);
    return 0;
}

int dishes_sink_wait (dishes_sink_t *self, int timeout_ms, dishes_figures_t *figures)
{
    assert (self);
    char said[PART_LINE_BYTES];
    bool is_over = part_wait (&self->part, latch_deadline_ns (timeout_ms));
    part_said (&self->part, said);
    latch_lock (&self->part.latch);
    if (figures)
        *figures = self->figures;
    bool has_failed = self->result.failed || self->result.signal || self->result.ending.end == END_NONE;
    latch_unlock (&self->part.latch);
    if (!is_over)
        return fault_keep (ETIMEDOUT, "wait: the pipeline has not ended in time");
    if (has_failed)
        return fault_keep (ECONNABORTED, "wait: the sink could not go on: %s",
                           *said ? said : "nobody reads its outputs any more");
    return 0;
}
