//  The same wires over every transport, and who is kept away from them.

#include "test_net_help.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <zmq.h>

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

static address_t address_of (const char *text)
{
    address_t at;
    if (address_parse (text, &at, error, sizeof error) == -1 || address_resolve (&at, error, sizeof error) == -1)
        fail_msg ("%s", error);
    return at;
}

//  0, or -1 and `error`.
static int part_try (part_t *self, const how_t *how, uint8_t role, void *shared)
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

static void part_open (part_t *self, const how_t *how, uint8_t role, void *shared)
{
    if (part_try (self, how, role, shared) == -1)
        fail_msg ("%s", error);
}

static void part_close (part_t *self)
{
    site_destroy (&self->site);
    guard_destroy (&self->guard);
    if (!self->shares)
        context_destroy (&self->context);
    *self = (part_t){0};
}

static void assert_refused (const how_t *how, uint8_t role, const char *why)
{
    part_t part;
    assert_int_equal (part_try (&part, how, role, NULL), -1);
    if (!strstr (error, why))
        fail_msg ("%s", error);
    assert_null (strchr (error, '\n'));
    part_close (&part);
}

//  ---- a sink

typedef struct {
    part_t part;
    void *in, *out;
    endpoint_t at, told; // where it can be dialled; its `in`
    inbound_t inbound;
    int fd; // of the last message, and who had sent it
    char user[16];
} sink_t;

static int sink_try (sink_t *self, const how_t *how)
{
    *self = (sink_t){0};
    inbound_init (&self->inbound);
    if (part_try (&self->part, how, ROLE_SINK, NULL) == -1)
        return -1;
    self->in = site_in (self->part.site, self->told);
    if (!self->in)
        return -1;
    packet_t advert = {.wire = TO_PEER, .header = {.type = MSG_ADVERT, .from = 1}};
    writer_t records = {0};
    put_text (&records, self->told);
    assert_int_equal (writer_take (&records, &advert.records), 0);
    self->out = site_out (self->part.site, &advert);
    packet_drop (&advert);
    if (!self->out)
        return -1;
    site_address (self->part.site, self->at);
    return 0;
}

static void sink_open (sink_t *self, const how_t *how)
{
    if (sink_try (self, how) == -1)
        fail_msg ("%s%s", error, self->part.site ? site_error (self->part.site) : "");
}

static void sink_close (sink_t *self)
{
    socket_close (&self->in);
    socket_close (&self->out);
    inbound_free (&self->inbound);
    part_close (&self->part);
}

//  What came on `in` since; a sink enters libzmq on both sockets all the time.
static bool sink_heard (sink_t *self, uint8_t type)
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

static void peer_open (peer_t *self, const how_t *how, uint8_t role, uint64_t life, sink_t *sink)
{
    bool is_inproc = strncmp (how->at, "inproc:", 7) == 0;
    *self = (peer_t){.role = role, .life = life};
    inbound_init (&self->inbound);
    part_open (&self->part, how, role, is_inproc ? sink->part.context : NULL);
    self->orders = site_orders (self->part.site, role, life);
    if (!self->orders)
        fail_msg ("%s", site_error (self->part.site));
}

static void peer_close (peer_t *self)
{
    site_close_orders (self->part.site, &self->orders);
    socket_close (&self->reports);
    inbound_free (&self->inbound);
    part_close (&self->part);
}

static void renew (peer_t *self)
{
    if (!site_renewed (self->part.site, help_now_ms ()))
        return;
    site_close_orders (self->part.site, &self->orders);
    self->orders = site_orders (self->part.site, self->role, self->life);
    assert_non_null (self->orders);
}

//  True once an order of this type came; NULL in place of a sink: it is served elsewhere.
static bool peer_heard (peer_t *self, sink_t *sink, uint8_t type)
{
    if (sink)
        sink_heard (sink, 0);
    renew (self);
    return packet_receive (self->orders, true, &self->inbound) == PACKET_GOOD &&
           self->inbound.message.header.type == type;
}

//  From the ADVERT that was just heard.
static void connect_reports (peer_t *self)
{
    char in[ENDPOINT_BYTES];
    reader_t reader = reader_of (&self->inbound.message);
    get_text (&reader, in, sizeof in);
    assert_false (reader.bad);
    self->reports = site_reports (self->part.site, in);
    if (!self->reports)
        fail_msg ("%s", site_error (self->part.site));
}

static bool try_hello (peer_t *self, sink_t *sink)
{
    packet_t hello = {.wire = TO_SINK, .header = {.type = MSG_HELLO, .from = self->life}};
    sink_heard (sink, 0);
    if (!socket_subscribed (self->reports))
        return false;
    assert_int_equal (packet_send (self->reports, &hello), 0);
    return true;
}

static void meet (peer_t *self, sink_t *sink)
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

//  ---- one body, every transport

static const how_t ways[] = {
    {.at = "inproc://kitchen"},
    {.at = "ipc://kitchen"},
    {.at = "tcp://127.0.0.1:*"},
    {.at = "tcp://[::1]:*"},
    {.at = "tcp://localhost:*"},
    {.at = "tcp://127.0.0.1:*", .key = "head.key"},
    {.at = "tcp://*:*", .key = "head.key"},
    {.at = "ipc://kitchen", .key = "head.key"},
    {.at = "tcp://127.0.0.1:*", .is_insecure = true},
    {.at = "tcp://*:*", .is_insecure = true},
};

static how_t worker_of (const how_t *how, const char *at)
{
    how_t worker = *how;
    worker.at = at;
    worker.key = how->key ? "worker.key" : NULL;
    return worker;
}

static how_t head_of (const how_t *how, const char *at)
{
    how_t head = *how;
    head.at = at;
    return head;
}

static void make_keys (void)
{
    if (keys_generate (help_dir, error, sizeof error) == -1)
        fail_msg ("%s", error);
}

static bool try_send (lane_end_t *lane)
{
    packet_t tasks = {.wire = TO_LANE, .header = {.type = MSG_TASKS}};
    return lane_end_look (lane) == LANE_MET && packet_send (lane->socket, &tasks) == 0;
}

static void check_lane (peer_t *washer, peer_t *dryer)
{
    lane_end_t push, pull;
    endpoint_t told;
    inbound_t inbound;
    inbound_init (&inbound);
    if (site_lane_push (washer->part.site, washer->life, dryer->life, 1, &push, told) == -1)
        fail_msg ("%s", site_error (washer->part.site));
    if (site_lane_pull (dryer->part.site, told, &pull) == -1)
        fail_msg ("%s", site_error (dryer->part.site));
    WAIT_UNTIL (try_send (&push));
    WAIT_UNTIL (packet_receive (pull.socket, false, &inbound) == PACKET_GOOD);
    assert_int_equal (inbound.message.header.type, MSG_TASKS);
    assert_int_equal (lane_end_look (&pull), LANE_MET);
    lane_end_close (&pull);
    lane_end_close (&push);
    inbound_free (&inbound);
}

static void check_way (const how_t *way)
{
    sink_t sink;
    peer_t washer, dryer;
    sink_open (&sink, way);
    how_t head = head_of (way, sink.at), worker = worker_of (way, sink.at);
    bool is_inproc = strncmp (way->at, "inproc:", 7) == 0;
    assert_int_equal (guard_is_open (sink.part.guard), way->is_insecure);
    peer_open (&washer, &head, ROLE_WASHER, 2, &sink);
    peer_open (&dryer, &worker, ROLE_DRYER, 3, &sink);
    meet (&washer, &sink);
    assert_int_equal (sink.fd == -1, is_inproc);
    assert_string_equal (sink.user, way->key ? GUARD_HEAD : guard_kind (sink.part.guard) ? GUARD_USER : "");
    meet (&dryer, &sink);
    assert_string_equal (sink.user, way->key ? GUARD_WORKER : guard_kind (sink.part.guard) ? GUARD_USER : "");
    check_lane (&washer, &dryer);
    if (guard_refused (sink.part.guard) || guard_refused (washer.part.guard))
        fail_msg ("%s: %d, %d refused", sink.at, (int)guard_refused (sink.part.guard),
                  (int)guard_refused (washer.part.guard));
    peer_close (&washer);
    peer_close (&dryer);
    sink_close (&sink);
}

static void test_every_way (void **state)
{
    make_keys ();
    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++)
        check_way (&ways[i]);
}

//  Sink and washer in one process have one context, one guard, and a site each.
static void test_head_of_one_process (void **state)
{
    make_keys ();
    for (unsigned i = 1; i < sizeof ways / sizeof *ways; i++) {
        sink_t sink;
        peer_t washer = {.role = ROLE_WASHER, .life = 2}, dryer;
        sink_open (&sink, &ways[i]);
        how_t worker = worker_of (&ways[i], sink.at);
        washer.part = sink.part;
        site_config_t site = {.context = sink.part.context, .guard = sink.part.guard, .at = address_of (sink.at)};
        washer.part.site = site_new (&site, error, sizeof error);
        inbound_init (&washer.inbound);
        washer.orders = site_orders (washer.part.site, ROLE_WASHER, 2);
        meet (&washer, &sink);
        peer_open (&dryer, &worker, ROLE_DRYER, 3, &sink);
        meet (&dryer, &sink);
        check_lane (&washer, &dryer);
        peer_close (&dryer);
        site_close_orders (washer.part.site, &washer.orders);
        socket_close (&washer.reports);
        inbound_free (&washer.inbound);
        site_destroy (&washer.part.site);
        sink_close (&sink);
    }
}

static unsigned count_files (const char *name)
{
    char path[200];
    unsigned count = 0;
    snprintf (path, sizeof path, "%s/%s", help_dir, name);
    DIR *dir = opendir (path);
    assert_non_null (dir);
    while (readdir (dir))
        count++;
    closedir (dir);
    return count - 2;
}

//  Nothing is left behind but what is meant to stay.
static void test_cleaned_up (void **state)
{
    sink_t sink;
    part_t washer;
    lane_end_t lane;
    endpoint_t told;
    const how_t how = {.at = "ipc://kitchen"};
    sink_open (&sink, &how);
    part_open (&washer, &how, ROLE_WASHER, NULL);
    assert_int_equal (site_lane_push (washer.site, UINT64_MAX, UINT64_MAX, 1, &lane, told), 0);
    assert_int_equal (count_files ("kitchen"), 4); // out, in, lock, lane
    lane_end_close (&lane);
    part_close (&washer);
    assert_int_equal (count_files ("kitchen"), 3);
    sink_close (&sink);
    assert_int_equal (count_files ("kitchen"), 1);
    sink_open (&sink, &(how_t){.at = "tcp://127.0.0.1:*"});
    unsigned port = (unsigned)atoi (strrchr (sink.at, ':') + 1);
    char file[64];
    snprintf (file, sizeof file, "tcp-%u.cookie", port);
    assert_true (help_exists (file));
    sink_close (&sink);
    assert_false (help_exists (file));
}

//  Peers may come first, whatever the transport; a cookie is then waited for.
static void test_peer_first (void **state)
{
    static const char *const kinds[] = {"ipc://kitchen", "tcp://127.0.0.1:*"};
    for (unsigned i = 0; i < 2; i++) {
        sink_t sink;
        endpoint_t at;
        sink_open (&sink, &(how_t){.at = kinds[i]});
        memcpy (at, sink.at, sizeof at);
        sink_close (&sink); // the port is known to be free now
        how_t how = {.at = at};
        peer_t dryer;
        peer_open (&dryer, &how, ROLE_DRYER, 3, NULL);
        ALL_THE_TIME (!peer_heard (&dryer, NULL, MSG_ADVERT), 30);
        sink_open (&sink, &how);
        meet (&dryer, &sink);
        peer_close (&dryer);
        sink_close (&sink);
    }
}

//  A new sink has a new cookie: a peer that was connected to the old one finds its way again.
static void test_sink_again (void **state)
{
    static const char *const kinds[] = {"ipc://kitchen", "tcp://127.0.0.1:*"};
    for (unsigned i = 0; i < 2; i++) {
        sink_t sink;
        peer_t dryer;
        endpoint_t at;
        sink_open (&sink, &(how_t){.at = kinds[i]});
        memcpy (at, sink.at, sizeof at);
        how_t how = {.at = at};
        peer_open (&dryer, &how, ROLE_DRYER, 3, NULL);
        meet (&dryer, &sink);
        sink_close (&sink);
        sink_open (&sink, &how);
        socket_close (&dryer.reports);
        meet (&dryer, &sink);
        peer_close (&dryer);
        sink_close (&sink);
    }
}

//  ---- two sinks

static void test_second_sink (void **state)
{
    static const char *const kinds[] = {"ipc://kitchen", "tcp://127.0.0.1:*"};
    for (unsigned i = 0; i < 2; i++) {
        sink_t first, second;
        peer_t dryer;
        sink_open (&first, &(how_t){.at = kinds[i]});
        how_t how = {.at = first.at};
        assert_int_equal (sink_try (&second, &how), -1);
        assert_int_equal (errno, EADDRINUSE);
        if (!strstr (site_error (second.part.site), "a sink run"))
            fail_msg ("%s", site_error (second.part.site));
        sink_close (&second);
        peer_open (&dryer, &how, ROLE_DRYER, 3, NULL);
        meet (&dryer, &first); // it goes on unharmed
        peer_close (&dryer);
        sink_close (&first);
    }
}

//  The sockets that a killed sink has left are no obstacle, and its result is not taken for that of the next.
static void test_killed_sink (void **state)
{
    const how_t how = {.at = "ipc://kitchen"};
    int ready[2];
    assert_int_equal (pipe (ready), 0);
    pid_t child = fork ();
    if (child == 0) {
        sink_t sink;
        sink_open (&sink, &how);
        if (write (ready[1], "x", 1) != 1)
            _exit (1);
        for (;;)
            pause ();
    }
    char byte;
    assert_int_equal (read (ready[0], &byte, 1), 1);
    kill (child, SIGKILL);
    assert_int_equal (waitpid (child, NULL, 0), child);
    assert_true (help_exists ("kitchen/out"));
    sink_t sink;
    sink_open (&sink, &how);
    sink_close (&sink);
    close (ready[0]);
    close (ready[1]);
}

static void test_result (void **state)
{
    const how_t how = {.at = "ipc://kitchen"};
    const ending_t ending = {.end = END_JOINED, .figures = {.total = 3, .ok = 3}};
    ending_t found;
    uint64_t run;
    sink_t sink;
    part_t late;
    sink_open (&sink, &how);
    part_open (&late, &how, ROLE_OBSERVER, NULL);
    assert_int_equal (site_write_result (sink.part.site, 77, &ending), 0);
    assert_int_equal (site_read_result (late.site, &run, &found), -1); // it is still there to be asked
    sink_close (&sink);
    assert_int_equal (site_read_result (late.site, &run, &found), 0);
    assert_int_equal (run, 77);
    assert_int_equal (found.figures.ok, 3);
    sink_open (&sink, &how);
    sink_close (&sink);
    assert_int_equal (site_read_result (late.site, &run, &found), -1);
    assert_int_equal (errno, ENOENT);
    part_close (&late);
}

//  ---- what is refused at the start

static void test_options (void **state)
{
    make_keys ();
    assert_refused (&(how_t){.at = "tcp://192.0.2.7:1"}, ROLE_SINK, "needs --key FILE");
    assert_refused (&(how_t){.at = "tcp://*:1"}, ROLE_DRYER, "--insecure");
    assert_refused (&(how_t){.at = "tcp://*:1", .key = "head.key", .is_insecure = true}, ROLE_SINK, "exclude");
    assert_refused (&(how_t){.at = "tcp://*:1", .key = "worker.key"}, ROLE_SINK, "worker's");
    assert_refused (&(how_t){.at = "tcp://*:1", .key = "worker.key"}, ROLE_WASHER, "worker's");
    assert_refused (&(how_t){.at = "tcp://*:1", .key = "none.key"}, ROLE_DRYER, "cannot open");
    assert_refused (&(how_t){.at = "tcp://127.0.0.1:1", .advertise = "head"}, ROLE_SINK, "--advertise needs --key");
    assert_refused (&(how_t){.at = "tcp://*:1", .key = "head.key", .lane_first = 9, .lane_last = 8}, ROLE_WASHER,
                    "--lane-ports");
    assert_int_equal (chmod (help_dir, 0755), 0);
    assert_refused (&(how_t){.at = "ipc://kitchen"}, ROLE_DRYER, "open to others");
    assert_refused (&(how_t){.at = "tcp://127.0.0.1:1"}, ROLE_SINK, "open to others");
    assert_int_equal (chmod (help_dir, 0700), 0);
}

//  ---- strangers

typedef enum { BARE, WRONG_COOKIE, WRONG_KEY, STRANGE_KEY } stranger_t;

//  Somebody who knows the address, and has a credential of this kind.
static void *stranger (void *context, int type, stranger_t kind, const char *endpoint)
{
    void *self = zmq_socket (context, type);
    char public[41], secret[41];
    keys_t worker;
    int now = 0, soon = 20;
    zmq_setsockopt (self, ZMQ_LINGER, &now, sizeof now);
    zmq_setsockopt (self, ZMQ_RECONNECT_IVL, &soon, sizeof soon);
    if (kind == WRONG_COOKIE) {
        zmq_setsockopt (self, ZMQ_PLAIN_USERNAME, "dishes", 6);
        zmq_setsockopt (self, ZMQ_PLAIN_PASSWORD, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                        64);
    }
    if (kind == WRONG_KEY || kind == STRANGE_KEY) {
        char path[200];
        snprintf (path, sizeof path, "%s/worker.key", help_dir);
        assert_int_equal (keys_load (&worker, path, error, sizeof error), 0);
        assert_int_equal (zmq_curve_keypair (public, secret), 0);
        zmq_setsockopt (self, ZMQ_CURVE_PUBLICKEY, public, 41);
        zmq_setsockopt (self, ZMQ_CURVE_SECRETKEY, secret, 41);
        // a key that the head does not know; or not even the head's
        zmq_setsockopt (self, ZMQ_CURVE_SERVERKEY, kind == STRANGE_KEY ? worker.head : worker.own, KEY_BYTES);
    }
    if (type == ZMQ_SUB)
        zmq_setsockopt (self, ZMQ_SUBSCRIBE, "", 0);
    assert_int_equal (zmq_connect (self, endpoint), 0);
    return self;
}

static bool has_nothing (void *socket)
{
    char byte;
    return zmq_recv (socket, &byte, 1, ZMQ_DONTWAIT) == -1;
}

//  Says HELLO without a credential, listens to `out`, takes from a lane: nothing comes in, nothing goes out.
static void check_stranger (const how_t *way, stranger_t kind)
{
    sink_t sink;
    peer_t washer, dryer;
    lane_end_t push, pull;
    endpoint_t told, in, lane;
    inbound_t inbound;
    inbound_init (&inbound);
    sink_open (&sink, way);
    how_t head = head_of (way, sink.at), worker = worker_of (way, sink.at);
    peer_open (&washer, &head, ROLE_WASHER, 2, &sink);
    meet (&washer, &sink);
    assert_int_equal (site_lane_push (washer.part.site, 2, 3, 1, &push, told), 0);
    snprintf (in, sizeof in, "tcp://127.0.0.1%s", strrchr (sink.told, ':'));
    snprintf (lane, sizeof lane, "tcp://127.0.0.1%s", strrchr (told, ':'));

    void *context = context_new (1, 64);
    void *ear = stranger (context, ZMQ_SUB, kind, sink.at);
    void *mouth = stranger (context, ZMQ_PUB, kind, in);
    void *thief = stranger (context, ZMQ_PULL, kind, lane);
    packet_t hello = {.wire = TO_SINK, .header = {.type = MSG_HELLO, .from = 66}};
    packet_t order = {.wire = TO_PEER, .header = {.type = MSG_JOINED}};
    packet_t tasks = {.wire = TO_LANE, .header = {.type = MSG_TASKS}};
    int64_t end_ms = help_now_ms () + 300;
    while (help_now_ms () < end_ms) {
        packet_send (mouth, &hello);
        packet_send (sink.out, &order);
        assert_int_equal (packet_send (push.socket, &tasks), -1);
        assert_int_equal (errno, EAGAIN);
        assert_int_equal (lane_end_look (&push), LANE_ALONE);
        assert_false (sink_heard (&sink, MSG_HELLO));
        assert_true (has_nothing (ear) && has_nothing (thief));
        poll (NULL, 0, 5);
    }
    if (kind == (way->key ? STRANGE_KEY : WRONG_COOKIE)) {
        assert_true (guard_refused (sink.part.guard) >= 2);
        assert_true (guard_refused (washer.part.guard) >= 1);
    }
    // the pipeline is unharmed
    peer_open (&dryer, &worker, ROLE_DRYER, 3, &sink);
    meet (&dryer, &sink);
    assert_int_equal (site_lane_pull (dryer.part.site, told, &pull), 0);
    WAIT_UNTIL (try_send (&push));
    WAIT_UNTIL (packet_receive (pull.socket, false, &inbound) == PACKET_GOOD);
    assert_true (has_nothing (thief));

    void *strangers[] = {ear, mouth, thief};
    for (unsigned i = 0; i < 3; i++)
        socket_close (&strangers[i]);
    context_destroy (&context);
    lane_end_close (&push);
    lane_end_close (&pull);
    inbound_free (&inbound);
    peer_close (&washer);
    peer_close (&dryer);
    sink_close (&sink);
}

static void test_strangers_at_the_cookie (void **state)
{
    const how_t way = {.at = "tcp://127.0.0.1:*"};
    make_keys ();
    for (stranger_t kind = BARE; kind <= STRANGE_KEY; kind++)
        check_stranger (&way, kind);
}

static void test_strangers_at_the_key (void **state)
{
    const how_t way = {.at = "tcp://127.0.0.1:*", .key = "head.key"};
    make_keys ();
    for (stranger_t kind = BARE; kind <= STRANGE_KEY; kind++)
        check_stranger (&way, kind);
}

//  Who has stolen a worker's key can open sockets with it, but no dryer talks to them: they are not the head's.
static void test_worker_as_head (void **state)
{
    keys_t worker;
    char path[200], endpoint[256];
    const int yes = 1;
    size_t size = sizeof endpoint;
    make_keys ();
    snprintf (path, sizeof path, "%s/worker.key", help_dir);
    assert_int_equal (keys_load (&worker, path, error, sizeof error), 0);
    void *context = context_new (1, 64);
    void *fake = zmq_socket (context, ZMQ_XPUB);
    zmq_setsockopt (fake, ZMQ_XPUB_WELCOME_MSG, "hello", 5);
    zmq_setsockopt (fake, ZMQ_CURVE_SERVER, &yes, sizeof yes);
    zmq_setsockopt (fake, ZMQ_CURVE_SECRETKEY, worker.secret, KEY_BYTES);
    assert_int_equal (zmq_bind (fake, "tcp://127.0.0.1:*"), 0);
    assert_int_equal (zmq_getsockopt (fake, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    peer_t dryer;
    peer_open (&dryer, &(how_t){.at = endpoint, .key = "worker.key"}, ROLE_DRYER, 3, NULL);
    const char *why = NULL;
    while (!why) {
        assert_int_equal (packet_receive (dryer.orders, true, &dryer.inbound), PACKET_NONE);
        assert_true (has_nothing (fake));
        why = site_refused (dryer.part.site);
        poll (NULL, 0, 5);
    }
    assert_non_null (strstr (why, "takes no such credential"));
    peer_close (&dryer);
    socket_close (&fake);
    context_destroy (&context);
}

//  A peer is told why it is not let in.
static const char *reason (peer_t *peer, sink_t *sink)
{
    sink_heard (sink, 0);
    renew (peer);
    return site_refused (peer->part.site);
}

static void test_told_why (void **state)
{
    const how_t way = {.at = "tcp://127.0.0.1:*", .key = "head.key"};
    char other[200];
    sink_t sink;
    peer_t dryer;
    const char *why = NULL;
    make_keys ();
    snprintf (other, sizeof other, "%s/other", help_dir);
    assert_int_equal (keys_generate (other, error, sizeof error), 0);

    sink_open (&sink, &way);
    peer_open (&dryer, &(how_t){.at = sink.at, .key = "other/worker.key"}, ROLE_DRYER, 3, NULL);
    WAIT_UNTIL ((why = reason (&dryer, &sink)));
    assert_non_null (strstr (why, "takes no such credential"));
    peer_close (&dryer);
    peer_open (&dryer, &(how_t){.at = sink.at, .is_insecure = true}, ROLE_DRYER, 3, NULL);
    WAIT_UNTIL ((why = reason (&dryer, &sink)));
    assert_non_null (strstr (why, "takes no such credential"));
    peer_close (&dryer);
    sink_close (&sink);

    sink_open (&sink, &(how_t){.at = "tcp://127.0.0.1:*", .is_insecure = true});
    peer_open (&dryer, &(how_t){.at = sink.at, .key = "worker.key"}, ROLE_DRYER, 3, NULL);
    WAIT_UNTIL ((why = reason (&dryer, &sink)));
    assert_non_null (strstr (why, "takes no such credential"));
    peer_close (&dryer);
    sink_close (&sink);
}

//  A dryer whose cookie is an old one learns it at the lane, too.
static void test_lane_refused (void **state)
{
    sink_t sink;
    part_t washer, dryer;
    lane_end_t push, pull;
    endpoint_t told;
    char cookie[COOKIE_BYTES];
    sink_open (&sink, &(how_t){.at = "tcp://127.0.0.1:*"});
    const how_t how = {.at = sink.at};
    part_open (&washer, &how, ROLE_WASHER, NULL);
    part_open (&dryer, &how, ROLE_DRYER, NULL);
    assert_int_equal (site_lane_pull (dryer.site, "tcp://*:1", &pull), -1);
    assert_int_equal (errno, ENOKEY);
    assert_true (site_renewed (washer.site, help_now_ms ()));
    assert_false (site_renewed (washer.site, help_now_ms () + 1000));
    assert_int_equal (cookie_new (cookie), 0);
    guard_set_cookie (dryer.guard, cookie);
    assert_int_equal (site_lane_push (washer.site, 2, 3, 1, &push, told), 0);
    assert_int_equal (site_lane_pull (dryer.site, told, &pull), 0);
    WAIT_UNTIL (lane_end_look (&pull) == LANE_REFUSED);
    assert_int_equal (lane_end_look (&push), LANE_ALONE);
    lane_end_close (&pull);
    lane_end_close (&push);
    part_close (&washer);
    part_close (&dryer);
    sink_close (&sink);
}

//  ---- bounds

static long resident_kib (void)
{
    long pages = 0, size = 0;
    FILE *file = fopen ("/proc/self/statm", "r");
    assert_non_null (file);
    assert_int_equal (fscanf (file, "%ld %ld", &size, &pages), 2);
    fclose (file);
    return pages * (sysconf (_SC_PAGESIZE) / 1024);
}

//  A frame over the bound costs its sender the connection, and us no memory, even from one whom we know.
static void test_huge_frame (void **state)
{
    enum { SIZE = 64 << 20 };
    sink_t sink;
    peer_t dryer;
    sink_open (&sink, &(how_t){.at = "ipc://kitchen"});
    how_t how = {.at = sink.at};
    peer_open (&dryer, &how, ROLE_DRYER, 3, NULL);
    meet (&dryer, &sink);
    char *huge = calloc (1, SIZE);
    memset (huge, 1, SIZE);
    long before_kib = resident_kib ();
    assert_int_equal (zmq_send (dryer.reports, huge, SIZE, 0), SIZE);
    long sent_kib = resident_kib ();
    WAIT_UNTIL (try_hello (&dryer, &sink)); // connected anew
    WAIT_UNTIL (sink_heard (&sink, MSG_HELLO));
    assert_true (resident_kib () < sent_kib + 8 * 1024);
    assert_true (sent_kib >= before_kib);
    free (huge);
    peer_close (&dryer);
    sink_close (&sink);
}

//  ---- hosts and ports

static unsigned port_of (const char *endpoint)
{
    return (unsigned)atoi (strrchr (endpoint, ':') + 1);
}

//  Which host a dryer is told: the one where it found the sink, unless somebody says otherwise.
static void test_told_hosts (void **state)
{
    sink_t sink;
    part_t washer;
    lane_end_t lane;
    endpoint_t told;
    make_keys ();
    sink_open (&sink, &(how_t){.at = "tcp://*:*", .key = "head.key", .advertise = "head.example.org"});
    assert_int_equal (strncmp (sink.told, "tcp://head.example.org:", 23), 0);
    sink_close (&sink);
    sink_open (&sink, &(how_t){.at = "tcp://127.0.0.1:*"});
    assert_int_equal (strncmp (sink.told, "tcp://*:", 8), 0);
    assert_true (port_of (sink.told) != port_of (sink.at));
    sink_close (&sink);
    static const struct {
        const char *at, *advertise, *told;
    } rows[] = {
        {"tcp://127.0.0.1:5", NULL, "tcp://*:"},
        {"tcp://*:5", NULL, "tcp://*:"},
        {"tcp://127.0.0.1:5", "192.0.2.9", "tcp://192.0.2.9:"},
        {"tcp://127.0.0.1:5", "2001:db8::9", "tcp://[2001:db8::9]:"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        how_t how = {.at = rows[i].at, .key = "head.key", .advertise = rows[i].advertise};
        part_open (&washer, &how, ROLE_WASHER, NULL);
        assert_int_equal (site_lane_push (washer.site, 1, 2, 3, &lane, told), 0);
        assert_int_equal (strncmp (told, rows[i].told, strlen (rows[i].told)), 0);
        lane_end_close (&lane);
        part_close (&washer);
    }
}

//  Lanes take the ports of the range in turn, and say so when none is left.
static void test_lane_ports (void **state)
{
    part_t washer;
    lane_end_t lanes[3];
    endpoint_t told[3], free_at;
    sink_t sink;
    sink_open (&sink, &(how_t){.at = "tcp://127.0.0.1:*", .is_insecure = true});
    memcpy (free_at, sink.told, sizeof free_at);
    sink_close (&sink);
    uint16_t first = (uint16_t)port_of (free_at);
    if (first > 65000)
        skip ();
    how_t how = {
        .at = "tcp://127.0.0.1:5", .is_insecure = true, .lane_first = first, .lane_last = (uint16_t)(first + 1)};
    part_open (&washer, &how, ROLE_WASHER, NULL);
    int first_rc = site_lane_push (washer.site, 1, 2, 1, &lanes[0], told[0]);
    int second_rc = site_lane_push (washer.site, 1, 3, 1, &lanes[1], told[1]);
    if (first_rc == -1 || second_rc == -1)
        skip (); // somebody else has them
    assert_int_equal (port_of (told[0]) + 1, port_of (told[1]));
    assert_int_equal (site_lane_push (washer.site, 1, 4, 1, &lanes[2], told[2]), -1);
    assert_int_equal (errno, EADDRINUSE);
    assert_non_null (strstr (site_error (washer.site), "no port of --lane-ports"));
    lane_end_close (&lanes[0]);
    WAIT_UNTIL (site_lane_push (washer.site, 1, 2, 2, &lanes[0], told[0]) == 0);
    assert_int_equal (port_of (told[0]), first);
    lane_end_close (&lanes[0]);
    lane_end_close (&lanes[1]);
    part_close (&washer);
}

//  Nobody leads a part away from its pipeline's transport, nor gets its cookie at another host.
static void test_misled (void **state)
{
    static const struct {
        const char *at, *told;
    } rows[] = {
        {"inproc://a", "ipc:///tmp/x"},
        {"inproc://a", "tcp://127.0.0.1:1"},
        {"ipc://a", "tcp://127.0.0.1:1"},
        {"ipc://a", "ipc:///etc/socket"},
        {"ipc://a", "inproc://a"},
        {"tcp://127.0.0.1:1", "ipc:///x"},
        {"tcp://127.0.0.1:1", "tcp://192.0.2.1:5"},
        {"tcp://127.0.0.1:1", "tcp://*:*"},
        {"tcp://127.0.0.1:1", ""},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        part_t part;
        lane_end_t lane;
        part_open (&part, &(how_t){.at = rows[i].at}, ROLE_DRYER, NULL);
        assert_null (site_reports (part.site, rows[i].told));
        assert_int_equal (errno, EPROTO);
        assert_int_equal (site_lane_pull (part.site, rows[i].told, &lane), -1);
        assert_int_equal (errno, EPROTO);
        assert_null (lane.socket);
        part_close (&part);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, help_setup, help_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_every_way),
        TEST (test_head_of_one_process),
        TEST (test_cleaned_up),
        TEST (test_peer_first),
        TEST (test_sink_again),
        TEST (test_second_sink),
        TEST (test_killed_sink),
        TEST (test_result),
        TEST (test_options),
        TEST (test_strangers_at_the_cookie),
        TEST (test_huge_frame),
        TEST (test_told_hosts),
        TEST (test_strangers_at_the_key),
        TEST (test_lane_ports),
        TEST (test_misled),
        TEST (test_worker_as_head),
        TEST (test_told_why),
        TEST (test_lane_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
