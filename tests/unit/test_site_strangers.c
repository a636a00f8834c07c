//  Who is kept away from the wires, and told so.

#include "test_site_help.h"

#include "net/site.h"

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

typedef enum { BARE, WRONG_COOKIE, WRONG_KEY, STRANGE_KEY } shown_t;

//  Somebody who knows the address, and has a credential of this kind.
static void *stranger (void *context, int type, shown_t kind, const char *endpoint)
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

//  Of two ends that do not agree, one hangs up, and which it is is left to chance.
static bool is_counted (const part_t *part, spot_t spot, bool is_judged)
{
    if (is_judged)
        return guard_refused (part->guard, spot, STRANGER_WRONG);
    return guard_refused (part->guard, spot, STRANGER_BARE) || guard_refused (part->guard, spot, STRANGER_MUTE);
}

//  At each spot where somebody knocks, by what he has shown. (`in` has no monitor here.)
static void check_counted (sink_t *sink, peer_t *washer, const how_t *way, shown_t kind)
{
    monitor_event_t event;
    bool is_judged = kind == (way->key ? STRANGE_KEY : WRONG_COOKIE);
    while (monitor_next (sink->knocks, &event))
        site_stranger (sink->part.site, SPOT_OUT, event.event);
    assert_true (is_counted (&sink->part, SPOT_OUT, is_judged));
    assert_true (is_counted (&washer->part, SPOT_LANE, is_judged));
    assert_true (guard_refused (sink->part.guard, SPOT_IN, STRANGER_WRONG) || !is_judged);
    for (spot_t spot = 0; spot < SPOTS; spot++) {
        assert_false (guard_refused (sink->part.guard, spot, STRANGER_WRONG) && !is_judged);
        assert_false (guard_refused (washer->part.guard, spot, STRANGER_SECOND));
    }
    assert_false (is_counted (&sink->part, SPOT_LANE, is_judged));
    assert_false (is_counted (&washer->part, SPOT_OUT, is_judged));
}

//  Says HELLO without a credential, listens to `out`, takes from a lane: nothing comes in, nothing goes out.
static void check_stranger (const how_t *way, shown_t kind)
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
    check_counted (&sink, &washer, way, kind);
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
    for (shown_t kind = BARE; kind <= STRANGE_KEY; kind++)
        check_stranger (&way, kind);
}

static void test_strangers_at_the_key (void **state)
{
    const how_t way = {.at = "tcp://127.0.0.1:*", .key = "head.key"};
    make_keys ();
    for (shown_t kind = BARE; kind <= STRANGE_KEY; kind++)
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

//  … and what he says to the sink as a washer is not heard.
static void test_worker_as_washer (void **state)
{
    static const struct {
        uint8_t type, role;
        bool is_allowed; // in the name of who is no washer
    } rows[] = {
        {MSG_HELLO, ROLE_DRYER, true}, {MSG_HELLO, ROLE_OBSERVER, true}, {MSG_HELLO, ROLE_WASHER, false},
        {MSG_BEAT, ROLE_WASHER, true}, {MSG_DONE, ROLE_WASHER, true},    {MSG_EOF, 0, false},
        {MSG_LANE, 0, false},          {MSG_BROKEN, 0, false},           {MSG_DROPPED, 0, false},
        {MSG_CLOSED, 0, false},        {MSG_HALTED, 0, false},           {MSG_DIED, 0, false},
        {MSG_INPUT, 0, false},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        message_t message = {.header = {.type = rows[i].type}, .records = &rows[i].role, .records_size = 1};
        assert_int_equal (guard_allows (GUARD_WORKER, &message, false), rows[i].is_allowed);
        assert_false (guard_allows (GUARD_WORKER, &message, true));
        assert_true (guard_allows (GUARD_HEAD, &message, true) && guard_allows (GUARD_USER, &message, true));
        assert_true (guard_allows (NULL, &message, true));
    }
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

//  Whatever he shows: he is one too many. One that comes when the first has gone may be the first.
static void check_second (const how_t *way)
{
    sink_t sink;
    peer_t washer, dryer, other;
    lane_end_t push, pull, second;
    endpoint_t told;
    sink_open (&sink, way);
    how_t head = head_of (way, sink.at), worker = worker_of (way, sink.at);
    peer_open (&washer, &head, ROLE_WASHER, 2, &sink);
    peer_open (&dryer, &worker, ROLE_DRYER, 3, &sink);
    peer_open (&other, &worker, ROLE_DRYER, 4, &sink);
    meet (&washer, &sink);
    meet (&dryer, &sink);
    meet (&other, &sink);
    for (unsigned comes_back = 0; comes_back < 2; comes_back++) {
        assert_int_equal (site_lane_push (washer.part.site, 2, 3, 1 + comes_back, &push, told), 0);
        assert_int_equal (site_lane_pull (dryer.part.site, told, &pull), 0);
        WAIT_UNTIL (lane_end_look (&push) == LANE_MET);
        if (comes_back) {
            lane_end_close (&pull);
            peer_close (&dryer); // returns when the connection is closed
        }
        assert_int_equal (site_lane_pull (other.part.site, told, &second), 0);
        WAIT_UNTIL (lane_end_look (&second) == LANE_MET);
        WAIT_UNTIL (lane_end_look (&push) == LANE_LOST);
        assert_int_equal (guard_refused (washer.part.guard, SPOT_LANE, STRANGER_SECOND), 1);
        lane_end_close (&push);
        lane_end_close (&pull);
        lane_end_close (&second);
    }
    assert_int_equal (part_refused (&washer.part), 1);
    assert_int_equal (part_refused (&sink.part), 0);
    peer_close (&washer);
    peer_close (&other);
    sink_close (&sink);
}

static void test_a_second_peer_on_a_lane (void **state)
{
    make_keys ();
    check_second (&(how_t){.at = "ipc://kitchen"});
    check_second (&(how_t){.at = "tcp://127.0.0.1:*"});
    check_second (&(how_t){.at = "tcp://127.0.0.1:*", .key = "head.key"});
    check_second (&(how_t){.at = "tcp://127.0.0.1:*", .is_insecure = true});
}

//  Refused and counted, but not as a stranger's: of a sink that was killed there, and what a washer has replaced.
static void test_an_old_cookie (void **state)
{
    static const char old[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    part_t washer, dryer;
    sink_t sink;
    lane_end_t push, pull;
    endpoint_t told;
    sink_open (&sink, &(how_t){.at = "tcp://127.0.0.1:*"});
    const how_t how = {.at = sink.at};
    part_open (&washer, &how, ROLE_WASHER, NULL);
    part_open (&dryer, &how, ROLE_DRYER, NULL);
    guard_set_cookie (washer.guard, old);
    guard_set_cookie (dryer.guard, old);
    assert_true (site_renewed (washer.site, help_now_ms ()));
    assert_int_equal (site_lane_push (washer.site, 2, 3, 1, &push, told), 0);
    assert_int_equal (site_lane_pull (dryer.site, told, &pull), 0);
    WAIT_UNTIL (guard_refused (washer.guard, SPOT_LANE, STRANGER_STALE));
    lane_end_close (&pull);
    guard_set_stale (sink.part.guard, old);
    void *orders = socket_new (dryer.context, WIRE_ORDERS);
    assert_int_equal (guard_connect (dryer.guard, orders), 0);
    assert_int_equal (socket_connect (orders, sink.at), 0);
    WAIT_UNTIL (guard_refused (sink.part.guard, SPOT_OUT, STRANGER_STALE));
    assert_int_equal (guard_refused (washer.guard, SPOT_LANE, STRANGER_WRONG), 0);
    assert_int_equal (guard_refused (sink.part.guard, SPOT_OUT, STRANGER_WRONG), 0);
    socket_close (&orders);
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
    assert_true (resident_kib () < sent_kib + SIZE / 1024 / 2); // an eighth: where the sanitizer marks what is free
    assert_true (sent_kib >= before_kib);
    free (huge);
    peer_close (&dryer);
    sink_close (&sink);
}

//  ---- those who are let in

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
        TEST (test_options),
        TEST (test_strangers_at_the_cookie),
        TEST (test_strangers_at_the_key),
        TEST (test_worker_as_head),
        TEST (test_worker_as_washer),
        TEST (test_told_why),
        TEST (test_lane_refused),
        TEST (test_a_second_peer_on_a_lane),
        TEST (test_an_old_cookie),
        TEST (test_huge_frame),
        TEST (test_misled),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
