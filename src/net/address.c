#include "net/address.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

//  A row a transport, in the order of address_kind_t.
static const struct {
    const char *scheme;
} transports[] = {
    [ADDRESS_INPROC] = {"inproc://"},
};

enum { TRANSPORTS = sizeof transports / sizeof *transports };

static int refuse (char *error, size_t error_size, const char *text, const char *why)
{
    snprintf (error, error_size, "'%s' is not an address: %s; an address is inproc://NAME", text, why);
    for (char *at = error; error_size && *at; at++)
        if ((unsigned char)*at < ' ')
            *at = '?';
    errno = EINVAL;
    return -1;
}

int address_parse (const char *text, address_t *self, char *error, size_t error_size)
{
    for (unsigned kind = 0; kind < TRANSPORTS; kind++) {
        size_t size = strlen (transports[kind].scheme);
        if (strncmp (text, transports[kind].scheme, size) != 0)
            continue;
        if (!text[size])
            return refuse (error, error_size, text, "it has no name");
        if (strlen (text + size) >= sizeof self->name)
            return refuse (error, error_size, text, "its name is too long");
        *self = (address_t){.kind = kind};
        strcpy (self->name, text + size);
        return 0;
    }
    return refuse (error, error_size, text, "no such transport");
}

void address_out (const address_t *self, endpoint_t out)
{
    snprintf (out, ENDPOINT_BYTES, "%s%s/out", transports[self->kind].scheme, self->name);
}

void address_in (const address_t *self, endpoint_t out)
{
    snprintf (out, ENDPOINT_BYTES, "%s%s/in", transports[self->kind].scheme, self->name);
}

void address_lane (const address_t *self, uint64_t washer, uint64_t dryer, uint32_t generation, endpoint_t out)
{
    snprintf (out, ENDPOINT_BYTES, "%s%s/lane/%" PRIx64 "-%" PRIx64 "-%" PRIu32, transports[self->kind].scheme,
              self->name, washer, dryer, generation);
}
