#include "role/intake.h"
#include "core/array.h"
#include "net/socket.h"

#include <errno.h>

enum { TASKS_A_TURN = 64 };

void intake_init (intake_t *self, void *context, loop_t *loop)
{
    *self = (intake_t){.context = context, .loop = loop};
    inbound_init (&self->inbound);
}

static void free_pipe (intake_t *self, pipe_t *pipe)
{
    loop_unwatch (self->loop, &pipe->watch);
    socket_close (&pipe->pull);
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

static int connect_pipe (intake_t *self, pipe_t *pipe, const char *endpoint)
{
    pipe->pull = socket_lane_pull (self->context, endpoint);
    return pipe->pull ? loop_watch (self->loop, &pipe->watch, socket_fd (pipe->pull)) : -1;
}

int intake_open (intake_t *self, uint64_t washer, uint32_t generation, const char *endpoint)
{
    intake_close (self, washer);
    if (array_reserve (&self->pipes, &self->capacity, self->size + 1, sizeof (pipe_t *)) == -1)
        return -1;
    pipe_t *pipe = calloc (1, sizeof *pipe);
    if (!pipe)
        return -1;
    *pipe = (pipe_t){.washer = washer, .generation = generation};
    if (connect_pipe (self, pipe, endpoint) == -1) {
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

static void hear_pipe (intake_t *self, pipe_t *pipe, dryer_t *core, int64_t now_ms)
{
    for (unsigned i = 0; pipe->watch.ready && i < TASKS_A_TURN; i++) {
        packet_found_t found = packet_receive (pipe->pull, false, &self->inbound);
        pipe->watch.ready = found != PACKET_NONE;
        if (found == PACKET_GOOD)
            dryer_heard_lane (core, &self->inbound.message, now_ms);
    }
}

bool intake_hear (intake_t *self, dryer_t *core, int64_t now_ms)
{
    bool more = false;
    for (size_t i = 0; i < self->size; i++) {
        hear_pipe (self, self->pipes[i], core, now_ms);
        more = more || self->pipes[i]->watch.ready;
    }
    return more;
}
