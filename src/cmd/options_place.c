#include "cmd/options_place.h"

#include <ctype.h>
#include <string.h>

#include "base/units.h"

int options_at (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    if (address_parse (text, &config->address, error, error_size) == -1)
        return -1;
    config->at = text;
    return 0;
}

int options_into (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    config->into = text;
    return address_parse (text, &config->into_address, error, error_size);
}

int options_action (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    if (config->action != ACTION_RUN)
        return options_fail (error, error_size,
                             "one thing at a time: give one of --join, --status, --top, --keygen and --bench");
    if (row->number == ACTION_KEYGEN && !*text)
        return options_fail (error, error_size, "the name of the directory is empty: give one");
    if (row->number != ACTION_KEYGEN && options_at (row, target, text, error, error_size) == -1)
        return -1;
    if (row->number == ACTION_KEYGEN)
        config->keygen = text;
    config->action = (action_t)row->number;
    return 0;
}

static int s_take_key (const char **key, const char *text, char *error, size_t error_size)
{
    if (!*text)
        return options_fail (error, error_size, "the name of the file is empty: give a key file (dishes --keygen DIR)");
    *key = text;
    return 0;
}

int options_key (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    return s_take_key (&config->key, text, error, error_size);
}

int options_into_key (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    return s_take_key (&config->into_key, text, error, error_size);
}

//  A port at the beginning of `text`, 1...65535; NULL or what follows.
static const char *s_port (const char *text, uint16_t *port)
{
    uint32_t number = 0;
    const char *at = text;
    for (; isdigit ((unsigned char)*at) && at - text < 5; at++)
        number = number * 10 + (uint32_t)(*at - '0');
    if (number < 1 || number > UINT16_MAX)
        return NULL;
    *port = (uint16_t)number;
    return at;
}

int options_lane_ports (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    uint16_t first, last;
    const char *rest = s_port (text, &first);
    if (rest && *rest == '-')
        rest = s_port (rest + 1, &last);
    else
        rest = NULL;
    if (!rest || *rest || first > last)
        return options_refuse (error, error_size, text,
                               "is no range of ports: give the first and the last, as in 5600-5699");
    config->lane_first = first;
    config->lane_last = last;
    return 0;
}

int options_advertise (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    if (!*text || strlen (text) >= HOST_BYTES || strpbrk (text, "/[] \t"))
        return options_refuse (error, error_size, text, "is not a host: give a name or an address, without a port");
    config->advertise = text;
    return 0;
}

int options_name (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    if (!session_is_name (text))
        return options_fail (error, error_size, "'%.*s' is not a name: give 1 to %d bytes without control characters",
                             OPTIONS_SHOWN, text, NAME_BYTES - 1);
    config->name = text;
    return 0;
}

int options_run (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    uint64_t run;
    if (units_count (text, &run) == -1 || run == 0)
        return options_refuse (error, error_size, text, "is not the number of a run: give what dishes --status says");
    config->run = run;
    return 0;
}
