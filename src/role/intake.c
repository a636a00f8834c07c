#include "role/intake.h"
#include "core/array.h"
#include "net/socket.h"

#include <errno.h>
#include <stdio.h>

enum { TASKS_A_TURN = 64, LATE_MS = 3000 };

void intake_init (intake_t *self, loop_t *loop, const talk_t *talk)
{
    *self = (intake_t){.loop = loop, .talk = talk};
    inbound_init (&self->inbound);
}

static void free_pipe (intake_t *self, pipe_t *pipe)
{
    loop_unwatch (self->loop, &pipe->watch);
    lane_end_close (&pipe->lane);
    free (pipe);
}

void intake_close_all (intake_t *self)
{
    while (self->size)
        free_pipe (self, self->pipes[--self->size]);
}

void intake_free (intake_t *self)
{
    if (!self->loop)
        return;
    intake_close_all (self);
    inbound_free (&self->inbound);
    free (self->pipes);
    *self = (intake_t){0};
}

void intake_close (intake_t *self, uint64_t washer)
{
    for (size_t i = 0; i < self->size; i++) {
        pipe_t *pipe = self->pipes[i];
        if (pipe->washer != washer)
            continue;
        self->pipes[i] = self->pipes[--self->size];
        free_pipe (self, pipe);
        return;
    }
}

static int connect_pipe (intake_t *self, pipe_t *pipe)
{
    if (site_lane_pull (self->site, pipe->given, &pipe->lane) == -1)
        return -1;
    return loop_watch (self->loop, &pipe->watch, socket_fd (pipe->lane.socket));
}

int intake_open (intake_t *self, uint64_t washer, uint32_t generation, const char *endpoint, int64_t dead_after_ms)
{
    intake_close (self, washer);
    if (array_reserve (&self->pipes, &self->capacity, self->size + 1, sizeof (pipe_t *)) == -1)
        return -1;
    pipe_t *pipe = calloc (1, sizeof *pipe);
    if (!pipe)
        return -1;
    int64_t patience_ms = dead_after_ms / 4 * 3 < LATE_MS ? dead_after_ms / 4 * 3 : LATE_MS;
    *pipe = (pipe_t){.washer = washer, .generation = generation, .late_ms = loop_now_ms () + patience_ms};
    snprintf (pipe->given, sizeof pipe->given, "%s", endpoint);
    if (connect_pipe (self, pipe) == -1) {
        int kept = errno;
        free_pipe (self, pipe);
        errno = kept;
        return -1;
    }
    self->pipes[self->size++] = pipe;
    self->is_new = true;
    return 0;
}

void intake_tell (intake_t *self, dryer_t *core, int64_t now_ms)
{
    while (self->is_new) {
        self->is_new = false;
        for (size_t i = 0; i < self->size; i++) {
            pipe_t *pipe = self->pipes[i];
            if (pipe->is_told)
                continue;
            pipe->is_told = true;
            dryer_lane_connected (core, pipe->washer, pipe->generation, now_ms);
        }
    }
}

static void say_once (intake_t *self, const pipe_t *pipe, const char *what)
{
    endpoint_t at;
    if (self->is_said)
        return;
    self->is_said = true;
    site_dialled (self->site, pipe->given, at);
    talk_say (self->talk, TALK_ERROR, "the washer's lane at %s %s", at, what);
}

//  How the lane stands, when it was read empty. False where it is to be closed.
static bool look_at_pipe (intake_t *self, pipe_t *pipe, int64_t now_ms)
{
    lane_state_t state = lane_end_look (&pipe->lane);
    if (state == LANE_MET) {
        pipe->late_ms = INT64_MAX;
        self->is_said = false;
    }
    if (state == LANE_REFUSED)
        say_once (self, pipe, "does not know this key");
    else if (state == LANE_ALONE && now_ms >= pipe->late_ms)
        say_once (self, pipe, "cannot be reached: is a firewall in the way? (--lane-ports, --advertise)");
    if (now_ms >= pipe->late_ms)
        pipe->late_ms = INT64_MAX;
    return state != LANE_LOST;
}

static void hear_pipe (intake_t *self, pipe_t *pipe, dryer_t *core, int64_t now_ms)
{
    for (unsigned i = 0; pipe->watch.ready && i < TASKS_A_TURN; i++) {
        packet_found_t found = packet_receive (pipe->lane.socket, false, &self->inbound);
        pipe->watch.ready = found != PACKET_NONE;
        self->oom = self->oom || found == PACKET_LOST;
        if (found == PACKET_GOOD)
            dryer_heard_lane (core, &self->inbound.message, now_ms);
    }
}

bool intake_hear (intake_t *self, dryer_t *core, int64_t now_ms)
{
    bool more = false;
    for (size_t i = 0; i < self->size;) {
        pipe_t *pipe = self->pipes[i];
        bool is_due = pipe->watch.ready || now_ms >= pipe->late_ms;
        hear_pipe (self, pipe, core, now_ms);
        more = more || pipe->watch.ready;
        if (is_due && !pipe->watch.ready && !look_at_pipe (self, pipe, now_ms))
            intake_close (self, pipe->washer); // the last one stands here now
        else
            i++;
    }
    return more;
}

int64_t intake_due_ms (const intake_t *self)
{
    int64_t due_ms = INT64_MAX;
    for (size_t i = 0; i < self->size; i++)
        due_ms = self->pipes[i]->late_ms < due_ms ? self->pipes[i]->late_ms : due_ms;
    return due_ms;
}
