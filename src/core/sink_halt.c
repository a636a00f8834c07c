/*  --halt, as GNU parallel has it. */
#include "core/sink_i.h"

static uint64_t reached_by (const sink_t *self)
{
    const uint64_t *by = self->tally.by_outcome;
    uint64_t failed = by[TASK_FAILED] + by[TASK_BROKEN] + by[TASK_DROPPED];
    switch (self->config.halt_what) {
    case HALT_FAIL:
        return failed;
    case HALT_SUCCESS:
        return by[TASK_OK];
    default:
        return by[TASK_OK] + failed;
    }
}

//  The exit status of a halted run: of the job itself where one is enough, else how many, or what share, has failed.
static uint8_t status_of (const sink_t *self, const completion_t *c, uint64_t total)
{
    const uint64_t *by = self->tally.by_outcome;
    uint64_t failed = by[TASK_FAILED] + by[TASK_BROKEN] + by[TASK_DROPPED];
    if (self->config.halt_what == HALT_SUCCESS)
        return 0;
    if (self->config.halt_percent)
        return failed < total ? (uint8_t)((failed * 100 + total - 1) / total) : 100;
    if (self->config.halt_count == 1)
        return (uint8_t)(c->signal ? 128 + c->signal : c->status ? c->status : c->outcome != TASK_OK);
    return (uint8_t)(failed > 100 ? 101 : failed);
}

static void judge (sink_t *self, const completion_t *c)
{
    const sink_config_t *config = &self->config;
    if (config->halt_when == HALT_NEVER || self->halt_hit)
        return;
    uint64_t total = self->tally.eof ? self->tally.total : config->total_hint;
    if (config->halt_percent && !total)
        return; // a share of what is not known yet
    uint64_t reached = reached_by (self);
    self->halt_hit =
        config->halt_percent ? reached * 100 >= total * config->halt_percent : reached >= config->halt_count;
    if (self->halt_hit)
        self->halt_status = status_of (self, c, total);
}

void halt_check (sink_t *self, const completion_t *c)
{
    halt_what_t what = self->config.halt_what;
    if (what == HALT_DONE || (what == HALT_FAIL) == (c->outcome != TASK_OK))
        judge (self, c);
}

void halt_look (sink_t *self)
{
    const uint64_t *by = self->tally.by_outcome;
    bool failed = by[TASK_FAILED] + by[TASK_BROKEN] + by[TASK_DROPPED];
    completion_t last = {.outcome = failed ? TASK_FAILED : TASK_OK, .status = failed ? self->failure : 0};
    judge (self, &last);
}

void halt_begin (sink_t *self)
{
    sink_enter (self, EVENT_HALT);
    for (size_t i = 0; i < self->roster.size; i++) {
        peer_t *peer = self->roster.peers[i];
        if (peer->life == self->washer || (peer->role == ROLE_DRYER && !peer->expected))
            sink_letter (self, peer, MSG_HALT, 0, &(writer_t){0});
    }
}
