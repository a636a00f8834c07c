//  For the tests of site: a sink and peers with sockets of their own, as far as ZeroMQ can tell in processes apart.
#ifndef DISHES_TEST_SITE_HELP_H
#define DISHES_TEST_SITE_HELP_H

#include "test_net_help.h"

#include <errno.h>
#include <zmq.h>

#include "net/monitor.h"
#include "net/packet.h"
#include "net/site.h"
#include "net/socket.h"

//  ---- parts

static char error[600];

//  A part in a process of its own, as far as ZeroMQ can tell; over inproc all share one context.
typedef struct {
    void *context;
    guard_t *guard;
    site_t *site;
    bool shares;
} part_t;

typedef struct {
    const char *at;
    const char *key; // below help_dir, or NULL
    bool is_insecure;
    uint16_t lane_first, lane_last;
    const char *advertise;
} how_t;

static inline address_t address_of (const char *text)
{
    address_t at;
    if (address_parse (text, &at, error, sizeof error) == -1 || address_resolve (&at, error, sizeof error) == -1)
        fail_msg ("%s", error);
    return at;
}

//  0, or -1 and `error`.
static inline int part_try (part_t *self, const how_t *how, uint8_t role, void *shared)
{
    char key[200] = "";
    address_t at = address_of (how->at);
    *error = '\0';
    *self = (part_t){.context = shared ? shared : context_new (address_io_threads (&at), 64), .shares = shared};
    if (how->key)
        snprintf (key, sizeof key, "%s/%s", help_dir, how->key);
    guard_config_t guard = {.context = self->context,
                            .at = &at,
                            .role = role,
                            .key = how->key ? key : NULL,
                            .is_insecure = how->is_insecure};
    self->guard = guard_new (&guard, error, sizeof error);
    if (!self->guard)
        return -1;
    site_config_t site = {.context = self->context,
                          .guard = self->guard,
                          .at = at,
                          .lane_first = how->lane_first,
                          .lane_last = how->lane_last,
                          .advertise = how->advertise};
    self->site = site_new (&site, error, sizeof error);
    return self->site ? 0 : -1;
}

static inline void part_open (part_t *self, const how_t *how, uint8_t role, void *shared)
{
    if (part_try (self, how, role, shared) == -1)
        fail_msg ("%s", error);
}

static inline void part_close (part_t *self)
{
    site_destroy (&self->site);
    guard_destroy (&self->guard);
    if (!self->shares)
        context_destroy (&self->context);
    *self = (part_t){0};
}

static inline void assert_refused (const how_t *how, uint8_t role, const char *why)
{
    part_t part;
    assert_int_equal (part_try (&part, how, role, NULL), -1);
    if (!strstr (error, why))
        fail_msg ("%s", error);
    assert_null (strchr (error, '\n'));
    part_close (&part);
}

//  All strangers that its guard knows of.
static inline uint64_t part_refused (const part_t *self)
{
    uint64_t all = 0;
    for (spot_t spot = 0; spot < SPOTS; spot++)
        for (stranger_t kind = 0; kind < STRANGER_KINDS; kind++)
            all += guard_refused (self->guard, spot, kind);
    return all;
}

//  ---- a sink

typedef struct {
    part_t part;
    void *in, *out;
    void *knocks;        // monitor of `out`
    endpoint_t at, told; // where it can be dialled; its `in`
    inbound_t inbound;
    int fd; // of the last message, and who had sent it
    char user[16];
} sink_t;

static inline int sink_try (sink_t *self, const how_t *how)
{
    *self = (sink_t){0};
    inbound_init (&self->inbound);
    if (part_try (&self->part, how, ROLE_SINK, NULL) == -1)
        return -1;
    self->in = site_in (self->part.site, self->told, NULL);
    if (!self->in)
        return -1;
    packet_t advert = {.wire = TO_PEER, .header = {.type = MSG_ADVERT, .from = 1}};
    writer_t records = {0};
    put_text (&records, self->told);
    assert_int_equal (writer_take (&records, &advert.records), 0);
    self->out = site_out (self->part.site, &advert, &self->knocks);
    packet_drop (&advert);
    if (!self->out)
        return -1;
    site_address (self->part.site, self->at);
    return 0;
}

static inline void sink_open (sink_t *self, const how_t *how)
{
    if (sink_try (self, how) == -1)
        fail_msg ("%s%s", error, self->part.site ? site_error (self->part.site) : "");
}

static inline void sink_close (sink_t *self)
{
    socket_close (&self->in);
    monitor_close (&self->knocks, self->out);
    socket_close (&self->out);
    inbound_free (&self->inbound);
    part_close (&self->part);
}

//  What came on `in` since; a sink enters libzmq on both sockets all the time.
static inline bool sink_heard (sink_t *self, uint8_t type)
{
    socket_subscribed (self->out);
    if (packet_receive (self->in, false, &self->inbound) != PACKET_GOOD)
        return false;
    const char *user = inbound_user (&self->inbound);
    self->fd = inbound_fd (&self->inbound);
    snprintf (self->user, sizeof self->user, "%s", user ? user : "");
    return self->inbound.message.header.type == type;
}

//  ---- a peer

typedef struct {
    part_t part;
    uint8_t role;
    uint64_t life;
    void *orders, *reports;
    inbound_t inbound;
} peer_t;

static inline void peer_open (peer_t *self, const how_t *how, uint8_t role, uint64_t life, sink_t *sink)
{
    bool is_inproc = strncmp (how->at, "inproc:", 7) == 0;
    *self = (peer_t){.role = role, .life = life};
    inbound_init (&self->inbound);
    part_open (&self->part, how, role, is_inproc ? sink->part.context : NULL);
    self->orders = site_orders (self->part.site, role, life);
    if (!self->orders)
        fail_msg ("%s", site_error (self->part.site));
}

static inline void peer_close (peer_t *self)
{
    site_close_orders (self->part.site, &self->orders);
    socket_close (&self->reports);
    inbound_free (&self->inbound);
    part_close (&self->part);
}

static inline void renew (peer_t *self)
{
    if (!site_renewed (self->part.site, help_now_ms ()))
        return;
    site_close_orders (self->part.site, &self->orders);
    self->orders = site_orders (self->part.site, self->role, self->life);
    assert_non_null (self->orders);
}

//  True once an order of this type came; NULL in place of a sink: it is served elsewhere.
static inline bool peer_heard (peer_t *self, sink_t *sink, uint8_t type)
{
    if (sink)
        sink_heard (sink, 0);
    renew (self);
    return packet_receive (self->orders, true, &self->inbound) == PACKET_GOOD &&
           self->inbound.message.header.type == type;
}

//  From the ADVERT that was just heard.
static inline void connect_reports (peer_t *self)
{
    char in[ENDPOINT_BYTES];
    reader_t reader = reader_of (&self->inbound.message);
    get_text (&reader, in, sizeof in);
    assert_false (reader.bad);
    self->reports = site_reports (self->part.site, in);
    if (!self->reports)
        fail_msg ("%s", site_error (self->part.site));
}

static inline bool try_hello (peer_t *self, sink_t *sink)
{
    packet_t hello = {.wire = TO_SINK, .header = {.type = MSG_HELLO, .from = self->life}};
    sink_heard (sink, 0);
    if (!socket_subscribed (self->reports))
        return false;
    assert_int_equal (packet_send (self->reports, &hello), 0);
    return true;
}

static inline void meet (peer_t *self, sink_t *sink)
{
    packet_t welcome = {.wire = TO_PEER, .role = self->role, .header = {.type = MSG_WELCOME, .to = self->life}};
    WAIT_UNTIL (peer_heard (self, sink, MSG_ADVERT));
    connect_reports (self);
    WAIT_UNTIL (try_hello (self, sink));
    WAIT_UNTIL (sink_heard (sink, MSG_HELLO));
    assert_true (sink->inbound.message.header.from == self->life);
    assert_int_equal (packet_send (sink->out, &welcome), 0);
    WAIT_UNTIL (peer_heard (self, sink, MSG_WELCOME));
}

static inline how_t worker_of (const how_t *how, const char *at)
{
    how_t worker = *how;
    worker.at = at;
    worker.key = how->key ? "worker.key" : NULL;
    return worker;
}

static inline how_t head_of (const how_t *how, const char *at)
{
    how_t head = *how;
    head.at = at;
    return head;
}

static inline void make_keys (void)
{
    if (keys_generate (help_dir, error, sizeof error) == -1)
        fail_msg ("%s", error);
}

static inline bool try_send (lane_end_t *lane)
{
    packet_t tasks = {.wire = TO_LANE, .header = {.type = MSG_TASKS}};
    return lane_end_look (lane) == LANE_MET && packet_send (lane->socket, &tasks) == 0;
}

#endif
