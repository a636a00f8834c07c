#include "net/site_i.h"
#include "net/listener.h"
#include "net/monitor.h"
#include "net/socket.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

enum { LOOK_MS = 50, CLOSED_MOST = 10 };

static const char lock_file[] = "lock";

//  libzmq's two ends do not agree on credentials, and one of them hangs up; which it was is left to chance.
static const char not_ours[] = "takes no such credential: was it started with another --key, or with --insecure?";

int site_fail (site_t *self, int number, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    vsnprintf (self->error, sizeof self->error, format, args);
    va_end (args);
    errno = number;
    return -1;
}

static bool is_kind (const site_t *self, address_kind_t kind)
{
    return self->config.at.kind == kind;
}

static bool needs_cookie (const site_t *self)
{
    return guard_kind (self->config.guard) == GUARD_COOKIE;
}

//  ---- begin and end

static int open_place (site_t *self)
{
    if (is_kind (self, ADDRESS_IPC))
        return place_open (&self->place, self->config.at.name, self->error, sizeof self->error);
    if (needs_cookie (self))
        return place_open (&self->place, NULL, self->error, sizeof self->error);
    return 0;
}

site_t *site_new (const site_config_t *config, char *error, size_t error_size)
{
    site_t *self = calloc (1, sizeof *self);
    if (!self) {
        snprintf (error, error_size, "out of memory");
        return NULL;
    }
    self->config = *config;
    self->next_port = config->lane_first;
    if (config->advertise)
        snprintf (self->advertise, sizeof self->advertise, "%s", config->advertise);
    if (site_tcp_check (self) == 0 && open_place (self) == 0)
        return self;
    snprintf (error, error_size, "%s", self->error);
    site_destroy (&self);
    return NULL;
}

void site_destroy (site_t **self_p)
{
    site_t *self = *self_p;
    if (!self)
        return;
    int kept = errno;
    assert (!self->refusals);
    if (self->has_cookie)
        cookie_withdraw (&self->place, self->config.at.port);
    if (self->has_files) {
        place_remove (&self->place, "out");
        place_remove (&self->place, "in");
    }
    place_close (&self->place);
    explicit_bzero (self, sizeof *self);
    free (self);
    *self_p = NULL;
    errno = kept;
}

const char *site_error (const site_t *self)
{
    return self->error;
}

void site_address (const site_t *self, endpoint_t out)
{
    address_show (&self->config.at, out);
}

const address_t *site_at (const site_t *self)
{
    return &self->config.at;
}

//  ---- sockets

//  Closes a socket that could not be made ready, and says why where nobody has.
static void *ready (site_t *self, void *socket, int rc, const char *what)
{
    if (socket && rc == 0)
        return socket;
    int number = errno;
    if (!*self->error)
        site_fail (self, number, "%s: %s", what, zmq_strerror (number));
    socket_close (&socket);
    errno = number;
    return NULL;
}

static void *begin (site_t *self, wire_kind_t kind)
{
    *self->error = '\0';
    return socket_new (self->config.context, kind);
}

static int bind_at (site_t *self, void *socket, const char *endpoint)
{
    int rc = socket_bind (socket, endpoint);
    if (rc == -1)
        return site_fail (self, errno, "cannot bind %s: %s", endpoint, zmq_strerror (errno));
    return 0;
}

static void ipc_endpoint (const site_t *self, const char *file, endpoint_t out)
{
    snprintf (out, ENDPOINT_BYTES, "ipc://%s/%s", self->place.path, file);
}

//  ---- the sink

static int take_place (site_t *self)
{
    if (place_lock (&self->place, lock_file, self->error, sizeof self->error) == -1)
        return -1;
    self->has_files = true;
    place_tidy (&self->place);
    place_remove_result (&self->place);
    return 0;
}

static int bind_in (site_t *self, void *socket, endpoint_t told)
{
    if (is_kind (self, ADDRESS_TCP))
        return site_tcp_bind_in (self, socket, told);
    if (is_kind (self, ADDRESS_INPROC))
        address_in (&self->config.at, told);
    else
        ipc_endpoint (self, "in", told);
    if (is_kind (self, ADDRESS_IPC) && take_place (self) == -1)
        return -1;
    return bind_at (self, socket, told);
}

//  Before the socket is bound, so that no connection is missed.
static int monitor_in (site_t *self, void *socket, void **monitor)
{
    if (!monitor || is_kind (self, ADDRESS_INPROC))
        return 0;
    *monitor =
        monitor_open (self->config.context, socket, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | SITE_STRANGER_EVENTS);
    return *monitor ? 0 : -1;
}

//  Those of the sink that was here before come back with its cookie, before they find ours.
static void know_stale (site_t *self)
{
    char cookie[COOKIE_BYTES];
    if (guard_makes_cookie (self->config.guard) && cookie_left (&self->place, self->config.at.port, cookie) == 0)
        guard_set_stale (self->config.guard, cookie);
}

static int prepare_in (site_t *self, void *socket, void **monitor)
{
    if (!socket || socket_hear_all (socket) == -1 || guard_bind (self->config.guard, socket, SPOT_IN) == -1)
        return -1;
    if (socket_bear_silence (socket, self->config.dead_after_ms) == -1)
        return -1;
    return monitor_in (self, socket, monitor);
}

void *site_in (site_t *self, endpoint_t told, void **monitor)
{
    void *socket = begin (self, WIRE_IN);
    if (monitor)
        *monitor = NULL;
    know_stale (self);
    int rc = prepare_in (self, socket, monitor);
    if (rc == 0)
        rc = bind_in (self, socket, told);
    if (rc == -1 && monitor)
        monitor_close (monitor, socket);
    return ready (self, socket, rc, "cannot open the sink's wires");
}

void site_stranger (site_t *self, spot_t spot, uint16_t event)
{
    bool is_mute = event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    guard_count_refused (self->config.guard, spot, is_mute ? STRANGER_MUTE : STRANGER_BARE);
}

//  In the place of an address that is only now known whole.
static int publish_cookie (site_t *self)
{
    char cookie[COOKIE_BYTES];
    if (!guard_makes_cookie (self->config.guard))
        return 0;
    guard_cookie (self->config.guard, cookie);
    uint16_t port = self->config.at.port;
    int rc = cookie_publish (&self->place, port, cookie, self->error, sizeof self->error);
    explicit_bzero (cookie, sizeof cookie);
    self->has_cookie = rc == 0;
    return rc;
}

static int bind_out (site_t *self, void *socket)
{
    endpoint_t endpoint;
    if (is_kind (self, ADDRESS_TCP))
        return site_tcp_bind_out (self, socket) == -1 ? -1 : publish_cookie (self);
    if (is_kind (self, ADDRESS_INPROC))
        address_out (&self->config.at, endpoint);
    else
        ipc_endpoint (self, "out", endpoint);
    return bind_at (self, socket, endpoint);
}

static int monitor_out (site_t *self, void *socket, void **monitor)
{
    if (!monitor || guard_kind (self->config.guard) == GUARD_NONE)
        return 0;
    *monitor = monitor_open (self->config.context, socket, SITE_STRANGER_EVENTS);
    return *monitor ? 0 : -1;
}

static int prepare_out (site_t *self, void *socket, const packet_t *advert, void **monitor)
{
    if (!socket || socket_greet (socket, advert) == -1 || guard_bind (self->config.guard, socket, SPOT_OUT) == -1)
        return -1;
    if (socket_bear_silence (socket, self->config.dead_after_ms) == -1)
        return -1;
    return monitor_out (self, socket, monitor);
}

void *site_out (site_t *self, const packet_t *advert, void **monitor)
{
    void *socket = begin (self, WIRE_OUT);
    if (monitor)
        *monitor = NULL;
    int rc = prepare_out (self, socket, advert, monitor);
    if (rc == 0)
        rc = bind_out (self, socket);
    if (rc == -1 && monitor)
        monitor_close (monitor, socket);
    return ready (self, socket, rc, "cannot open the sink's wires");
}

int site_write_result (site_t *self, uint64_t run, const ending_t *ending)
{
    return is_kind (self, ADDRESS_IPC) ? place_write_result (&self->place, run, ending) : 0;
}

int site_read_result (const site_t *self, uint64_t *run, ending_t *ending)
{
    if (is_kind (self, ADDRESS_IPC) && !place_is_locked (&self->place, lock_file))
        return place_read_result (&self->place, run, ending);
    errno = ENOENT;
    return -1;
}

//  ---- the others

static void dial (const site_t *self, endpoint_t out)
{
    if (is_kind (self, ADDRESS_INPROC))
        address_out (&self->config.at, out);
    else if (is_kind (self, ADDRESS_IPC))
        ipc_endpoint (self, "out", out);
    else
        site_tcp_dial (self, out);
}

//  What was told over the wire, as it is to be dialled: nobody leads us out of our pipeline's transport.
static int understand (site_t *self, const char *told, endpoint_t out)
{
    char begin_with[ENDPOINT_BYTES] = "inproc://";
    if (is_kind (self, ADDRESS_TCP))
        return site_tcp_understand (self, told, out);
    if (is_kind (self, ADDRESS_IPC))
        ipc_endpoint (self, "", begin_with);
    size_t size = strlen (begin_with);
    if (strncmp (told, begin_with, size) != 0 || (is_kind (self, ADDRESS_IPC) && strchr (told + size, '/')))
        return site_fail (self, EPROTO, "an endpoint of another pipeline was told");
    snprintf (out, ENDPOINT_BYTES, "%s", told);
    return 0;
}

static bool has_way (const site_t *self)
{
    return !needs_cookie (self) || guard_makes_cookie (self->config.guard) || *self->cookie;
}

//  The cookie of the sink that lives now, if one does. True where it is not the one that we know.
static bool find_cookie (site_t *self)
{
    char cookie[COOKIE_BYTES];
    if (cookie_find (&self->place, self->config.at.port, cookie) == -1 || strcmp (cookie, self->cookie) == 0)
        return false;
    memcpy (self->cookie, cookie, sizeof cookie);
    guard_set_cookie (self->config.guard, cookie);
    return true;
}

static int watch_refusals (site_t *self, void *socket)
{
    if (!is_kind (self, ADDRESS_TCP) && guard_kind (self->config.guard) == GUARD_NONE)
        return 0;
    self->closed = 0;
    self->refusals = monitor_open (self->config.context, socket,
                                   ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                                       ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    return self->refusals ? 0 : -1;
}

static int connect_orders (site_t *self, void *socket)
{
    endpoint_t out;
    if (needs_cookie (self) && !guard_makes_cookie (self->config.guard))
        find_cookie (self);
    if (!has_way (self))
        return 0;
    dial (self, out);
    if (watch_refusals (self, socket) == -1 || guard_connect (self->config.guard, socket) == -1)
        return -1;
    return socket_connect (socket, out);
}

void *site_orders (site_t *self, uint8_t role, uint64_t life)
{
    void *socket = begin (self, WIRE_ORDERS);
    int rc = socket ? socket_hear_orders (socket, role, life) : -1;
    if (rc == 0)
        rc = connect_orders (self, socket);
    if (rc == -1 && socket)
        monitor_close (&self->refusals, socket);
    return ready (self, socket, rc, "cannot reach the sink");
}

void site_close_orders (site_t *self, void **orders_p)
{
    if (*orders_p)
        monitor_close (&self->refusals, *orders_p);
    socket_close (orders_p);
}

void *site_reports (site_t *self, const char *in)
{
    endpoint_t endpoint;
    void *socket = begin (self, WIRE_REPORTS);
    int rc = -1;
    if (socket && understand (self, in, endpoint) == 0 && guard_connect (self->config.guard, socket) == 0)
        rc = socket_connect (socket, endpoint);
    return ready (self, socket, rc, "cannot reach the sink");
}

//  libzmq does not dial again where it was refused, so a cookie that turned out old wants new sockets.
bool site_renewed (site_t *self, int64_t now_ms)
{
    if (site_due_ms (self) == INT64_MAX || now_ms < self->look_ms)
        return false;
    self->look_ms = now_ms + LOOK_MS;
    site_refused (self);
    bool is_new = find_cookie (self) || self->is_stale;
    self->is_stale = false;
    return is_new && *self->cookie;
}

int64_t site_due_ms (const site_t *self)
{
    return needs_cookie (self) && !guard_makes_cookie (self->config.guard) ? self->look_ms : INT64_MAX;
}

static const char *refused (site_t *self, const char *why)
{
    endpoint_t at;
    address_show (&self->config.at, at);
    site_fail (self, EACCES, "the sink at %s %s", at, why);
    return self->error;
}

//  What one event means to us; the line, or NULL.
static const char *take_refusal (site_t *self, uint16_t event)
{
    self->closed = event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL ? self->closed + 1 : 0;
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
        return refused (self, not_ours);
    if (event != ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
        return NULL;
    self->is_stale = needs_cookie (self);
    return self->is_stale ? NULL : refused (self, "does not know this key");
}

const char *site_refused (site_t *self)
{
    monitor_event_t event;
    const char *line = NULL;
    while (self->refusals && monitor_next (self->refusals, &event)) {
        const char *found = take_refusal (self, event.event);
        line = found ? found : line;
    }
    if (self->closed >= CLOSED_MOST)
        line = refused (self, not_ours);
    return line;
}

const char *site_owner (site_t *self)
{
    enum { LOOKS = 5 }; // then it is no sink that is about to begin
    uid_t user;
    endpoint_t at;
    bool is_shut_out = needs_cookie (self) && !guard_makes_cookie (self->config.guard) && !*self->cookie;
    if (!is_shut_out || self->looks++ != LOOKS || !listener_find (self->config.at.port, &user))
        return NULL;
    address_show (&self->config.at, at);
    if (user != geteuid ())
        site_fail (self, EACCES,
                   "%s belongs to user %u, and without a key only that user's programs can take part: "
                   "give --key FILE to all",
                   at, (unsigned)user);
    else
        site_fail (self, EACCES, "who listens at %s has left no cookie in %s: is it a sink, with the same DISHES_DIR?",
                   at, self->place.path);
    return self->error;
}

const char *site_removed (site_t *self)
{
    struct stat is;
    endpoint_t at;
    if (!self->has_files || fstatat (self->place.dir, "out", &is, AT_SYMLINK_NOFOLLOW) == 0)
        return NULL;
    address_show (&self->config.at, at);
    site_fail (self, errno, "the sockets of %s were removed: who is here goes on, and nobody else can take part", at);
    return self->error;
}

//  ---- lanes

static void ipc_lane (site_t *self, uint64_t washer, uint64_t dryer, uint32_t generation, lane_end_t *lane,
                      endpoint_t told)
{
    char file[LANE_FILE_BYTES];
    address_lane_file (washer, dryer, generation, file);
    ipc_endpoint (self, file, told);
    snprintf (lane->file, sizeof lane->file, "%s", told + strlen ("ipc://"));
}

static int bind_lane (site_t *self, uint64_t washer, uint64_t dryer, uint32_t generation, lane_end_t *lane,
                      endpoint_t told)
{
    if (is_kind (self, ADDRESS_TCP))
        return site_tcp_bind_lane (self, lane->socket, told);
    if (is_kind (self, ADDRESS_INPROC))
        address_lane (&self->config.at, washer, dryer, generation, told);
    else
        ipc_lane (self, washer, dryer, generation, lane, told);
    return bind_at (self, lane->socket, told);
}

static int begin_lane (site_t *self, lane_end_t *lane, bool is_push)
{
    *lane = (lane_end_t){.is_push = is_push, .socket = begin (self, is_push ? WIRE_PUSH : WIRE_PULL)};
    if (!lane->socket)
        return -1;
    lane->guard = is_push ? self->config.guard : NULL;
    return is_kind (self, ADDRESS_INPROC) ? 0 : lane_end_watch (lane, self->config.context);
}

static int finish_lane (site_t *self, lane_end_t *lane, int rc, const char *what)
{
    if (rc == 0)
        return 0;
    int number = errno;
    if (!*self->error)
        site_fail (self, number, "%s: %s", what, zmq_strerror (number));
    lane_end_close (lane);
    errno = number;
    return -1;
}

int site_lane_push (site_t *self, uint64_t washer, uint64_t dryer, uint32_t generation, lane_end_t *lane,
                    endpoint_t told)
{
    int rc = begin_lane (self, lane, true);
    if (rc == 0)
        rc = guard_bind (self->config.guard, lane->socket, SPOT_LANE);
    if (rc == 0)
        rc = bind_lane (self, washer, dryer, generation, lane, told);
    return finish_lane (self, lane, rc, "cannot open a lane");
}

void site_dialled (site_t *self, const char *told, endpoint_t out)
{
    if (understand (self, told, out) == -1)
        snprintf (out, ENDPOINT_BYTES, "%s", told);
}

int site_lane_pull (site_t *self, const char *told, lane_end_t *lane)
{
    endpoint_t to;
    int rc = begin_lane (self, lane, false);
    if (rc == 0)
        rc = understand (self, told, to);
    if (rc == 0)
        rc = guard_connect (self->config.guard, lane->socket);
    if (rc == 0)
        rc = socket_connect (lane->socket, to);
    return finish_lane (self, lane, rc, "cannot reach the washer");
}
