#include "net/address.h"
#include "base/line.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

typedef const char *parse_fn (address_t *self, const char *rest);

//  ---- reading; each parser returns what is wrong, or NULL

static const char *parse_name (address_t *self, const char *rest)
{
    if (!*rest)
        return "it has no name";
    if (strlen (rest) >= sizeof self->name)
        return "its name is too long";
    strcpy (self->name, rest);
    return NULL;
}

//  A name is one directory below a known one, so nothing in it may lead elsewhere.
static const char *parse_ipc (address_t *self, const char *rest)
{
    if (!line_is_clean (rest))
        return "its name has control characters";
    if (*rest == '/')
        return rest[1] ? parse_name (self, rest) : "/ is no directory of its own";
    if (strchr (rest, '/'))
        return "a name has no /, and a directory begins with one";
    if (*rest == '.')
        return "a name does not begin with a dot";
    return parse_name (self, rest);
}

static const char *parse_port (address_t *self, const char *text)
{
    uint32_t port = 0;
    if (strcmp (text, "*") == 0)
        return NULL;
    if (!*text || strlen (text) > 5 || strspn (text, "0123456789") != strlen (text))
        return "its port is not a number";
    for (; *text; text++)
        port = port * 10 + (uint32_t)(*text - '0');
    if (port > UINT16_MAX)
        return "a port is at most 65535";
    self->port = (uint16_t)port;
    return NULL;
}

static const char *parse_host (address_t *self, const char *text, size_t size)
{
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    bool is_ipv6 = size > 2 && text[0] == '[' && text[size - 1] == ']';
    if (is_ipv6) {
        allowed = "0123456789abcdefABCDEF:.%-_ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ"; // with a scope: fe80::1%eth0
        text++;
        size -= 2;
    }
    if (!size)
        return "it has no host";
    if (size >= sizeof self->name)
        return "its host is too long";
    memcpy (self->name, text, size);
    self->name[size] = '\0';
    if (!is_ipv6 && strchr (self->name, ':'))
        return "an IPv6 address stands in brackets, as in tcp://[::1]:5570";
    if (is_ipv6 && !strchr (self->name, ':'))
        return "only an IPv6 address stands in brackets";
    if (strcmp (self->name, "*") != 0 && strspn (self->name, allowed) != size)
        return "its host is not a name or a number";
    return NULL;
}

static const char *parse_tcp (address_t *self, const char *rest)
{
    const char *colon = strrchr (rest, ':');
    if (!colon || strchr (colon, ']'))
        return "it has no port";
    const char *wrong = parse_host (self, rest, (size_t)(colon - rest));
    return wrong ? wrong : parse_port (self, colon + 1);
}

//  A row a transport, in the order of address_kind_t.
static const struct {
    const char *scheme;
    parse_fn *parse;
    unsigned io_threads;
} transports[] = {
    [ADDRESS_INPROC] = {"inproc://", parse_name, 0},
    [ADDRESS_IPC] = {"ipc://", parse_ipc, 1},
    [ADDRESS_TCP] = {"tcp://", parse_tcp, 1},
};

enum { TRANSPORTS = sizeof transports / sizeof *transports };

static int refuse (char *error, size_t error_size, const char *text, const char *why)
{
    snprintf (error, error_size, "'%.200s' is not an address: %s; an address is " ADDRESS_KINDS, text, why);
    if (error_size)
        line_clean (error);
    errno = EINVAL;
    return -1;
}

int address_parse (const char *text, address_t *self, char *error, size_t error_size)
{
    for (unsigned kind = 0; kind < TRANSPORTS; kind++) {
        size_t size = strlen (transports[kind].scheme);
        if (strncmp (text, transports[kind].scheme, size) != 0)
            continue;
        address_t found = {.kind = kind};
        const char *wrong = transports[kind].parse (&found, text + size);
        if (wrong)
            return refuse (error, error_size, text, wrong);
        *self = found;
        return 0;
    }
    return refuse (error, error_size, text, "no such transport");
}

//  ---- hosts

static bool is_loopback (const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy (&in, address, sizeof in);
        return ntohl (in.sin_addr.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 in6;
    memcpy (&in6, address, sizeof in6);
    return IN6_IS_ADDR_LOOPBACK (&in6.sin6_addr);
}

static bool is_any (const char *host)
{
    return strcmp (host, "*") == 0 || strcmp (host, "0.0.0.0") == 0 || strcmp (host, "::") == 0;
}

static const struct addrinfo *choose (const struct addrinfo *all)
{
    for (const struct addrinfo *at = all; at; at = at->ai_next)
        if (at->ai_family == AF_INET)
            return at;
    for (const struct addrinfo *at = all; at; at = at->ai_next)
        if (at->ai_family == AF_INET6)
            return at;
    return NULL;
}

static int no_host (const address_t *self, const char *why, char *error, size_t error_size)
{
    snprintf (error, error_size, "the host '%s' is not found: %s", self->name, why);
    errno = EHOSTUNREACH;
    return -1;
}

int address_resolve (address_t *self, char *error, size_t error_size)
{
    if (self->kind != ADDRESS_TCP || *self->host)
        return 0;
    if (is_any (self->name)) {
        strcpy (self->host, "*");
        return 0;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
    int rc = getaddrinfo (self->name, NULL, &hints, &all);
    if (rc)
        return no_host (self, gai_strerror (rc), error, error_size);
    const struct addrinfo *one = choose (all);
    rc = one ? getnameinfo (one->ai_addr, one->ai_addrlen, self->host, sizeof self->host, NULL, 0, NI_NUMERICHOST)
             : EAI_NONAME;
    self->is_loopback = rc == 0 && is_loopback (one->ai_addr);
    freeaddrinfo (all);
    if (rc)
        *self->host = '\0';
    return rc ? no_host (self, gai_strerror (rc), error, error_size) : 0;
}

//  ---- text

void address_show (const address_t *self, endpoint_t out)
{
    const char *scheme = transports[self->kind].scheme;
    bool is_ipv6 = self->kind == ADDRESS_TCP && strchr (self->name, ':');
    int size = snprintf (out, ENDPOINT_BYTES, is_ipv6 ? "%s[%s]" : "%s%s", scheme, self->name);
    if (self->kind == ADDRESS_TCP)
        snprintf (out + size, ENDPOINT_BYTES - (size_t)size, ":%u", (unsigned)self->port);
}

unsigned address_io_threads (const address_t *self)
{
    return transports[self->kind].io_threads;
}

void address_out (const address_t *self, endpoint_t out)
{
    assert (self->kind == ADDRESS_INPROC);
    snprintf (out, ENDPOINT_BYTES, "inproc://%s/out", self->name);
}

void address_in (const address_t *self, endpoint_t out)
{
    assert (self->kind == ADDRESS_INPROC);
    snprintf (out, ENDPOINT_BYTES, "inproc://%s/in", self->name);
}

void address_lane (const address_t *self, uint64_t washer, uint64_t dryer, uint32_t generation, endpoint_t out)
{
    assert (self->kind == ADDRESS_INPROC);
    snprintf (out, ENDPOINT_BYTES, "inproc://%s/lane/%" PRIx64 "-%" PRIx64 "-%" PRIu32, self->name, washer, dryer,
              generation);
}

static char *put_number (char *out, uint64_t number)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
    do
        *out++ = digits[number % 64];
    while (number /= 64);
    return out;
}

void address_lane_file (uint64_t washer, uint64_t dryer, uint32_t generation, char out[LANE_FILE_BYTES])
{
    *out++ = 'l';
    out = put_number (out, washer);
    *out++ = '.';
    out = put_number (out, dryer);
    *out++ = '.';
    out = put_number (out, generation);
    *out = '\0';
}
