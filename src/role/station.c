#include "role/station.h"
#include "net/socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

//  Threads of one process need fewer sockets; a washer needs up to three for each of its dryers.
enum { SOCKETS_INPROC = 4096, SOCKETS = 32768 };

static int open_context (station_t *self, char *error, size_t error_size)
{
    const address_t *at = &self->site.at;
    self->site.context = context_new (address_io_threads (at), at->kind == ADDRESS_INPROC ? SOCKETS_INPROC : SOCKETS);
    if (self->site.context)
        return 0;
    snprintf (error, error_size, "cannot begin: %s", strerror (errno));
    return -1;
}

static int open_guard (station_t *self, const station_config_t *config, char *error, size_t error_size)
{
    guard_config_t guard = {.context = self->site.context,
                            .at = &self->site.at,
                            .role = config->role,
                            .key = config->key,
                            .is_insecure = config->is_insecure,
                            .last_cookie = config->last_cookie};
    self->site.guard = self->guard = guard_new (&guard, error, error_size);
    return self->guard ? 0 : -1;
}

int station_open (station_t *self, const station_config_t *config, char *error, size_t error_size)
{
    *self = (station_t){.site = {.at = config->at,
                                 .lane_first = config->lane_first,
                                 .lane_last = config->lane_last,
                                 .advertise = config->advertise,
                                 .dead_after_ms = config->dead_after_ms}};
    int rc = address_resolve (&self->site.at, error, error_size);
    if (rc == 0)
        rc = open_context (self, error, error_size);
    if (rc == 0)
        rc = open_guard (self, config, error, error_size);
    if (rc == -1)
        station_close (self);
    return rc;
}

void station_close (station_t *self)
{
    int kept = errno;
    guard_destroy (&self->guard);
    context_destroy (&self->site.context);
    *self = (station_t){0};
    errno = kept;
}
