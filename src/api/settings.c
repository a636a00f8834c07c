#include "api/settings.h"
#include "api/fault.h"
#include "core/sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int64_t settings_or (int given, int64_t usual)
{
    return given ? given < 0 ? 0 : given : usual;
}

//  A caller that was compiled with a newer header may use only what this library has.
static int copy_known (settings_t *self, const dishes_opts_t *opts)
{
    if (!opts->size)
        return fault_keep (EINVAL, "opts.size is not set: begin with {.size = sizeof (dishes_opts_t)}");
    const unsigned char *bytes = (const unsigned char *)opts;
    for (size_t i = sizeof self->opts; i < opts->size; i++)
        if (bytes[i])
            return fault_keep (EINVAL, "an option is set that dishes %s does not have", dishes_version ());
    memcpy (&self->opts, opts, opts->size < sizeof self->opts ? opts->size : sizeof self->opts);
    return 0;
}

static int check (const dishes_opts_t *opts)
{
    const struct {
        const char *name;
        int value, least;
    } numbers[] = {
        {"wait_ms", opts->wait_ms, -1},
        {"retries", opts->retries, -1},
        {"wait_dryers", opts->wait_dryers, 0},
        {"slots", opts->slots, 0},
        {"prefetch", opts->prefetch, -1},
        {"out_fd", opts->out_fd, 0},
        {"err_fd", opts->err_fd, 0},
        {"deadline_ms", opts->deadline_ms, 0},
        {"dead_after_ms", opts->dead_after_ms, 0},
        {"grace_ms", opts->grace_ms, -1},
        {"crash_limit", opts->crash_limit, -1},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].value < numbers[i].least)
            return fault_keep (EINVAL, "opts.%s is %d, and %d is the least", numbers[i].name, numbers[i].value,
                               numbers[i].least);
    if (opts->wait_dryers > DRYERS_MOST)
        return fault_keep (EINVAL, "opts.wait_dryers is %d, and a sink has room for %d", opts->wait_dryers,
                           DRYERS_MOST);
    if (opts->lane_first > opts->lane_last)
        return fault_keep (EINVAL, "opts.lane_first is greater than lane_last");
    return 0;
}

static int copy_text (char **to, const char **from)
{
    if (!*from)
        return 0;
    *to = strdup (*from);
    *from = *to;
    return *to ? 0 : fault_keep (ENOMEM, "no memory for the options");
}

static int name_ourselves (settings_t *self)
{
    if (gethostname (self->host, sizeof self->host - 1) == -1)
        strcpy (self->host, "localhost");
    const char *name = self->opts.name;
    if (name && !session_is_name (name))
        return fault_keep (EINVAL, "opts.name is not 1 to %d bytes without control characters", NAME_BYTES - 1);
    if (name)
        strcpy (self->name, name);
    else
        snprintf (self->name, sizeof self->name, "%.100s-%ld", self->host, (long)getpid ());
    self->opts.name = self->name;
    return 0;
}

int settings_read (settings_t *self, const dishes_opts_t *opts)
{
    *self = (settings_t){0};
    if (opts && (copy_known (self, opts) == -1 || check (&self->opts) == -1))
        return -1;
    if (name_ourselves (self) == -1 || copy_text (&self->key, &self->opts.key) == -1)
        return -1;
    return copy_text (&self->advertise, &self->opts.advertise);
}

void settings_free (settings_t *self)
{
    free (self->key);
    free (self->advertise);
    self->key = self->advertise = NULL;
}
