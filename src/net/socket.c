#include "net/socket.h"
#include "net/packet.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { KiB = 1024, MiB = 1024 * KiB };

//  Of every wire. Who starts before the other end is there tries again soon, then twice as long each time (with up to
//  RECONNECT_MS by chance): well below the time after which a peer without a connection is given up. A stranger may
//  hold a connection for HANDSHAKE_MS before he says who he is. Beats end what is half-open, a time of ours after
//  the last sign; the peer is not told to (HEARTBEAT_TTL), for how long it bears our silence is its own business.
enum {
    HEARTBEAT_MS = 1000,
    SILENCE_MS = 5000,
    RECONNECT_MS = 4,
    RECONNECT_MOST_MS = 32,
    HANDSHAKE_MS = 5000,
    CONNECT_MS = 3000,
    KEEPALIVE_S = 30,
    FAREWELL_MS = 1000,
    BACKLOG = 1024
};

//  Larger than any item (input.h) with what stands around it.
#define LANE_MESSAGE_BYTES (((int64_t)2 << 30) + MiB)

//  So many messages of a connection wait to be read; the rest waits on the other side, and nothing is thrown away.
//  Where peers are honest their windows end sooner.
enum { REPORTS_UNREAD = 4096 };

typedef struct {
    int type;
    int send_hwm, receive_hwm; // messages; 0: none, a window bounds the wire
    int linger_ms;
    int64_t message_bytes; // no frame may be larger
    bool is_immediate;     // queue only for connections that stand
} policy_t;

static const policy_t policies[] = {
    [WIRE_OUT] = {ZMQ_XPUB, 0, 0, FAREWELL_MS, KiB, false},
    [WIRE_IN] = {ZMQ_SUB, 0, REPORTS_UNREAD, 0, 16 * MiB, false},
    [WIRE_ORDERS] = {ZMQ_SUB, 0, 0, 0, 16 * MiB, false},
    [WIRE_REPORTS] = {ZMQ_XPUB, 0, 0, FAREWELL_MS, 64 * KiB, true},
    [WIRE_PUSH] = {ZMQ_PUSH, 0, 0, 0, 64 * KiB, true},
    [WIRE_PULL] = {ZMQ_PULL, 0, 0, 0, LANE_MESSAGE_BYTES, false},
};

void *context_new (unsigned io_threads, unsigned max_sockets)
{
    void *self = zmq_ctx_new ();
    if (!self)
        return NULL;
    if (zmq_ctx_set (self, ZMQ_IO_THREADS, (int)io_threads) == -1 ||
        zmq_ctx_set (self, ZMQ_MAX_SOCKETS, (int)max_sockets) == -1) {
        zmq_ctx_term (self);
        errno = EINVAL;
        return NULL;
    }
    return self;
}

void context_destroy (void **self_p)
{
    if (!*self_p)
        return;
    while (zmq_ctx_term (*self_p) == -1 && errno == EINTR)
        ;
    *self_p = NULL;
}

void socket_close (void **self_p)
{
    if (!*self_p)
        return;
    int kept = errno;
    zmq_close (*self_p);
    *self_p = NULL;
    errno = kept;
}

static int set (void *self, int option, int value)
{
    return zmq_setsockopt (self, option, &value, sizeof value);
}

static int apply (void *self, const policy_t *policy)
{
    const struct {
        int option, value;
    } rows[] = {
        {ZMQ_SNDHWM, policy->send_hwm},
        {ZMQ_RCVHWM, policy->receive_hwm},
        {ZMQ_LINGER, policy->linger_ms},
        {ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS},
        {ZMQ_HEARTBEAT_TIMEOUT, SILENCE_MS},
        {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
        {ZMQ_RECONNECT_IVL, RECONNECT_MS},
        {ZMQ_RECONNECT_IVL_MAX, RECONNECT_MOST_MS},
        {ZMQ_CONNECT_TIMEOUT, CONNECT_MS},
        {ZMQ_BACKLOG, BACKLOG},
        {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_S},
        {ZMQ_IMMEDIATE, policy->is_immediate},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        if (set (self, rows[i].option, rows[i].value) == -1)
            return -1;
    return zmq_setsockopt (self, ZMQ_MAXMSGSIZE, &policy->message_bytes, sizeof policy->message_bytes);
}

void *socket_new (void *context, wire_kind_t kind)
{
    void *self = zmq_socket (context, policies[kind].type);
    if (self && apply (self, &policies[kind]) == -1)
        socket_close (&self);
    return self;
}

int socket_bear_silence (void *self, int64_t silence_ms)
{
    int timeout_ms = silence_ms > SILENCE_MS ? (int)(silence_ms < INT_MAX ? silence_ms : INT_MAX) : SILENCE_MS;
    return set (self, ZMQ_HEARTBEAT_TIMEOUT, timeout_ms);
}

//  An IPv4 endpoint on an IPv6 socket would be shown as a mapped one.
static int set_family (void *self, const char *endpoint)
{
    bool is_ipv6 = strncmp (endpoint, "tcp://[", 7) == 0 || strncmp (endpoint, "tcp://*", 7) == 0;
    return set (self, ZMQ_IPV6, is_ipv6);
}

int socket_bind (void *self, const char *endpoint)
{
    return set_family (self, endpoint) == -1 ? -1 : zmq_bind (self, endpoint);
}

int socket_connect (void *self, const char *endpoint)
{
    return set_family (self, endpoint) == -1 ? -1 : zmq_connect (self, endpoint);
}

//  Attaches a socket that is ready but for that; closes it where that fails.
static void *attach (void *self, int rc)
{
    if (self && rc == -1)
        socket_close (&self);
    return self;
}

int socket_greet (void *self, const packet_t *advert)
{
    uint8_t *bytes;
    size_t size = packet_flatten (advert, &bytes);
    if (!size)
        return -1;
    int rc = zmq_setsockopt (self, ZMQ_XPUB_WELCOME_MSG, bytes, size);
    free (bytes);
    return rc;
}

int socket_hear_all (void *self)
{
    return zmq_setsockopt (self, ZMQ_SUBSCRIBE, "", 0);
}

int socket_hear_orders (void *self, uint8_t role, uint64_t life)
{
    uint8_t mine[TOPIC_BYTES], all[TOPIC_BYTES];
    topic_encode (mine, role, life);
    topic_encode (all, 0, 0);
    if (zmq_setsockopt (self, ZMQ_SUBSCRIBE, mine, sizeof mine) == -1)
        return -1;
    return zmq_setsockopt (self, ZMQ_SUBSCRIBE, all, sizeof all);
}

void *socket_out (void *context, const char *endpoint, const packet_t *advert)
{
    void *self = socket_new (context, WIRE_OUT);
    return attach (self, !self || socket_greet (self, advert) == -1 ? -1 : socket_bind (self, endpoint));
}

void *socket_in (void *context, const char *endpoint)
{
    void *self = socket_new (context, WIRE_IN);
    return attach (self, !self || socket_hear_all (self) == -1 ? -1 : socket_bind (self, endpoint));
}

void *socket_orders (void *context, const char *endpoint, uint8_t role, uint64_t life)
{
    void *self = socket_new (context, WIRE_ORDERS);
    return attach (self, !self || socket_hear_orders (self, role, life) == -1 ? -1 : socket_connect (self, endpoint));
}

void *socket_reports (void *context, const char *endpoint)
{
    void *self = socket_new (context, WIRE_REPORTS);
    return attach (self, self ? socket_connect (self, endpoint) : -1);
}

void *socket_lane_push (void *context, const char *endpoint)
{
    void *self = socket_new (context, WIRE_PUSH);
    return attach (self, self ? socket_bind (self, endpoint) : -1);
}

void *socket_lane_pull (void *context, const char *endpoint)
{
    void *self = socket_new (context, WIRE_PULL);
    return attach (self, self ? socket_connect (self, endpoint) : -1);
}

int socket_fd (void *self)
{
    int fd;
    size_t size = sizeof fd;
    int rc = zmq_getsockopt (self, ZMQ_FD, &fd, &size);
    assert (rc == 0);
    return rc == 0 ? fd : -1;
}

bool socket_next_subscription (void *self, subscription_t *out)
{
    uint8_t what[1 + TOPIC_BYTES];
    int size;
    do
        size = zmq_recv (self, what, sizeof what, ZMQ_DONTWAIT);
    while ((size == -1 && errno == EINTR) || (size != -1 && size != sizeof what));
    if (size == -1)
        return false;
    reader_t in = {.at = what + 2, .end = what + 2 + sizeof out->life};
    *out = (subscription_t){.is_on = what[0] == 1, .role = what[1], .life = get_u64 (&in)};
    return true;
}

bool socket_subscribed (void *self)
{
    bool found = false;
    uint8_t what[1 + TOPIC_BYTES];
    int size;
    while ((size = zmq_recv (self, what, sizeof what, ZMQ_DONTWAIT)) != -1 || errno == EINTR)
        found = found || (size > 0 && what[0] == 1);
    return found;
}

bool socket_can_send (void *self)
{
    int events = 0;
    size_t size = sizeof events;
    return zmq_getsockopt (self, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLOUT);
}
