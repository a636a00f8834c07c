/*  Hosts and ports: what is bound, what is told to others, and what is dialled. */
#include "net/site_i.h"
#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

enum { NEXT_PORTS = 32 };

static const char local_host[] = "127.0.0.1";

//  `port` 0: any that is free.
static void make_endpoint (const char *host, uint32_t port, endpoint_t out)
{
    char number[8] = "*";
    if (port)
        snprintf (number, sizeof number, "%u", (unsigned)port);
    snprintf (out, ENDPOINT_BYTES, strchr (host, ':') ? "tcp://[%s]:%s" : "tcp://%s:%s", host, number);
}

int site_tcp_check (site_t *self)
{
    const site_config_t *config = &self->config;
    if (config->at.kind != ADDRESS_TCP)
        return 0;
    if (config->lane_first > config->lane_last)
        return site_fail (self, EINVAL, "--lane-ports: %u-%u is no range", (unsigned)config->lane_first,
                          (unsigned)config->lane_last);
    if (*self->advertise && guard_kind (config->guard) == GUARD_COOKIE)
        return site_fail (self, EINVAL, "--advertise needs --key FILE: without a key only this machine is served");
    if (strpbrk (self->advertise, "/[] "))
        return site_fail (self, EINVAL, "--advertise: '%s' is not a host", self->advertise);
    return 0;
}

//  ---- binding

static int bound_port (void *socket, uint16_t *port)
{
    char endpoint[ENDPOINT_BYTES];
    size_t size = sizeof endpoint;
    if (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == -1)
        return -1;
    const char *colon = strrchr (endpoint, ':');
    *port = colon ? (uint16_t)strtoul (colon + 1, NULL, 10) : 0;
    return 0;
}

static int bind_port (site_t *self, void *socket, const char *host, uint32_t port, uint16_t *bound)
{
    endpoint_t endpoint;
    make_endpoint (host, port, endpoint);
    if (socket_bind (socket, endpoint) == 0)
        return bound_port (socket, bound);
    const char *hint = errno == EADDRINUSE ? " (does a sink run there already?)" : "";
    return site_fail (self, errno, "cannot bind %s: %s%s", endpoint, zmq_strerror (errno), hint);
}

//  The first free one of a range, from `from` on and around; the next search goes on behind it, for a port that was
//  given up is not to be met again by those who knew it.
static int bind_range (site_t *self, void *socket, const char *host, uint16_t *bound)
{
    uint32_t first = self->config.lane_first, count = (uint32_t)self->config.lane_last - first + 1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t port = self->next_port;
        self->next_port = (uint16_t)(port == self->config.lane_last ? first : port + 1);
        if (bind_port (self, socket, host, port, bound) == 0)
            return 0;
        if (errno != EADDRINUSE)
            return -1;
    }
    return site_fail (self, EADDRINUSE, "no port of --lane-ports %u-%u is free: a lane needs one for each dryer",
                      (unsigned)first, (unsigned)self->config.lane_last);
}

//  The next free port behind that of `out`, else any.
static int bind_next (site_t *self, void *socket, const char *host, uint16_t *bound)
{
    uint32_t port = self->config.at.port;
    for (uint32_t next = port + 1; port && next <= port + NEXT_PORTS && next <= UINT16_MAX; next++) {
        if (bind_port (self, socket, host, next, bound) == 0)
            return 0;
        if (errno != EADDRINUSE)
            return -1;
    }
    return bind_port (self, socket, host, 0, bound);
}

int site_tcp_bind_in (site_t *self, void *socket, endpoint_t told)
{
    uint16_t port = 0;
    const char *host = self->config.at.host;
    int rc = (self->config.lane_first ? bind_range : bind_next) (self, socket, host, &port);
    if (rc == 0)
        make_endpoint (*self->advertise ? self->advertise : "*", port, told);
    return rc;
}

int site_tcp_bind_out (site_t *self, void *socket)
{
    return bind_port (self, socket, self->config.at.host, self->config.at.port, &self->config.at.port);
}

//  ---- what is told

//  The address from which this host reaches the sink, and whether the sink is on this host. No packet is sent.
static int find_source (const site_t *self, char out[HOST_BYTES], bool *is_here)
{
    char port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *to = NULL;
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    snprintf (port, sizeof port, "%u", (unsigned)self->config.at.port);
    if (getaddrinfo (self->config.at.host, port, &hints, &to) != 0)
        return -1;
    int fd = socket (to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc = fd == -1 ? -1 : connect (fd, to->ai_addr, to->ai_addrlen);
    freeaddrinfo (to);
    if (rc == 0)
        rc = getsockname (fd, (struct sockaddr *)&from, &size);
    if (fd != -1)
        close (fd);
    if (rc == -1 || getnameinfo ((struct sockaddr *)&from, size, out, HOST_BYTES, NULL, 0, NI_NUMERICHOST) != 0)
        return -1;
    *is_here = strcmp (out, self->config.at.host) == 0;
    return 0;
}

static const char *lane_host (const site_t *self, char source[HOST_BYTES])
{
    const address_t *at = &self->config.at;
    bool is_here = at->is_loopback || strcmp (at->host, "*") == 0;
    if (*self->advertise)
        return self->advertise;
    if (is_here || find_source (self, source, &is_here) == -1 || is_here)
        return "*";
    source[strcspn (source, "%")] = '\0'; // a scope means something on this host only
    return source;
}

int site_tcp_bind_lane (site_t *self, void *socket, endpoint_t told)
{
    uint16_t port = 0;
    char source[HOST_BYTES];
    const char *host = self->config.at.is_loopback ? self->config.at.host : "*";
    int rc =
        self->config.lane_first ? bind_range (self, socket, host, &port) : bind_port (self, socket, host, 0, &port);
    if (rc == 0)
        make_endpoint (lane_host (self, source), port, told);
    return rc;
}

//  ---- what is dialled

static const char *dialled_host (const site_t *self)
{
    const char *host = self->config.at.host;
    return strcmp (host, "*") == 0 ? local_host : host;
}

void site_tcp_dial (const site_t *self, endpoint_t out)
{
    make_endpoint (dialled_host (self), self->config.at.port, out);
}

int site_tcp_understand (site_t *self, const char *told, endpoint_t out)
{
    address_t to;
    char error[LINE_BYTES];
    if (address_parse (told, &to, error, sizeof error) == -1 || to.kind != ADDRESS_TCP || !to.port)
        return site_fail (self, EPROTO, "an endpoint of another pipeline was told");
    const char *host = strcmp (to.name, "*") == 0 ? dialled_host (self) : to.name;
    bool is_same = strcmp (host, dialled_host (self)) == 0;
    if (!is_same && guard_kind (self->config.guard) == GUARD_COOKIE)
        return site_fail (self, EPROTO, "%s was told, but the cookie is for this machine only", told);
    make_endpoint (host, to.port, out);
    return 0;
}
