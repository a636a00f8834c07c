#include "role/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void close_fd (int *fd)
{
    if (*fd > 0)
        close (*fd);
    *fd = -1;
}

static int open_way (chain_t *self, sink_role_config_t *sink)
{
    self->path = sink->printer.out_path;
    if (self->path)
        return (self->follow = follow_new ()) ? 0 : -1;
    if (pipe2 (self->pipe, O_CLOEXEC) == -1)
        return -1;
    sink->printer.out_fd = self->pipe[1];
    return 0;
}

int chain_open (chain_t *self, const chain_config_t *config, sink_role_config_t *sink, char *error, size_t error_size)
{
    *self = (chain_t){.config = config, .pipe = {-1, -1}};
    sink->printer.is_ended = true;
    sink->printer.end = config->input->delimiter;
    if (open_way (self, sink) == -1) {
        snprintf (error, error_size, "cannot begin: %s", strerror (errno));
        return -1;
    }
    return station_open (&self->station, &config->station, error, error_size);
}

int chain_begin (chain_t *self, washer_role_config_t *washer, uint64_t run, bool is_durable, char *error,
                 size_t error_size)
{
    input_source_t source = {.kind = self->follow ? INPUT_FOLLOW : INPUT_STDIN,
                             .path = self->path ? self->path : "the results",
                             .follow = self->follow};
    input_config_t input = *self->config->input;
    input.sources = &source;
    input.source_count = 1;
    input.stdin_fd = self->pipe[0];
    self->input = input_new (&input, error, error_size);
    if (!self->input)
        return -1;
    self->supply = supply_of_input (self->input);
    washer->supply = &self->supply;
    washer->before = &self->before;
    washer->site = self->station.site;
    snprintf (self->name, sizeof self->name, "sink-%llx", (unsigned long long)run);
    if (is_durable && !self->config->is_named)
        washer->name = self->name;
    return 0;
}

//  An end that stands: nobody goes on with this run.
static bool is_final (const ending_t *ending)
{
    return ending->end == END_JOINED || ending->end == END_HALTED || ending->end == END_DEADLINE;
}

static before_t before_of (const ending_t *ending)
{
    return (before_t){.end = ending->end, .status = ending->status};
}

void chain_shown (chain_t *self, uint64_t bytes, const ending_t *ending)
{
    if (!self->follow)
        return;
    follow_grown (self->follow, bytes);
    if (!ending || !is_final (ending) || self->before.end != END_NONE)
        return;
    self->before = before_of (ending);
    follow_end (self->follow);
}

bool chain_ended (chain_t *self, const ending_t *ending)
{
    if (!is_final (ending))
        return false;
    if (!self->follow)
        self->before = before_of (ending);
    close_fd (&self->pipe[1]);
    return true;
}

void chain_close (chain_t *self)
{
    if (!self->config)
        return;
    input_destroy (&self->input);
    follow_destroy (&self->follow);
    close_fd (&self->pipe[0]);
    close_fd (&self->pipe[1]);
    station_close (&self->station);
    *self = (chain_t){0};
}
