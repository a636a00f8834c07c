//  The same wires over every transport, in any order, and again and again.

#include "test_site_help.h"

#include "net/site.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/wait.h>

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
    if (part_refused (&sink.part) || part_refused (&washer.part))
        fail_msg ("%s: %d, %d refused", sink.at, (int)part_refused (&sink.part), (int)part_refused (&washer.part));
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

//  An address of this host other than loopback; false where there is none.
static bool own_address (char out[64])
{
    struct ifaddrs *all, *at;
    assert_int_equal (getifaddrs (&all), 0);
    for (at = all; at; at = at->ifa_next)
        if (at->ifa_addr && at->ifa_addr->sa_family == AF_INET && !(at->ifa_flags & IFF_LOOPBACK) &&
            getnameinfo (at->ifa_addr, sizeof (struct sockaddr_in), out, 64, NULL, 0, NI_NUMERICHOST) == 0)
            break;
    freeifaddrs (all);
    return at;
}

//  Beside the sink a washer is where the sink is; elsewhere it is where it reaches the sink from.
static void test_told_from_elsewhere (void **state)
{
    char own[64], at[ENDPOINT_BYTES + 8];
    if (!own_address (own))
        skip ();
    snprintf (at, sizeof at, "tcp://%s:5", own);
    const char *const all[] = {at, "tcp://198.51.100.1:5"};
    for (unsigned i = 0; i < 2; i++) {
        part_t washer;
        lane_end_t lane;
        endpoint_t told;
        part_open (&washer, &(how_t){.at = all[i], .is_insecure = true}, ROLE_WASHER, NULL);
        assert_int_equal (site_lane_push (washer.site, 1, 2, 3, &lane, told), 0);
        bool is_star = strncmp (told, "tcp://*:", 8) == 0;
        if (i == 0)
            assert_true (is_star);
        else if (!is_star) { // else there is no way to that host
            *strrchr (told, ':') = '\0';
            part_t there;
            snprintf (at, sizeof at, "%s:*", told);
            part_open (&there, &(how_t){.at = at, .is_insecure = true}, ROLE_SINK, NULL);
            void *in = site_in (there.site, told, NULL); // an address that can be bound is one of this host
            assert_non_null (in);
            socket_close (&in);
            part_close (&there);
        }
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

#define TEST(name) cmocka_unit_test_setup_teardown (name, help_setup, help_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_every_way),  TEST (test_head_of_one_process), TEST (test_cleaned_up),  TEST (test_peer_first),
        TEST (test_sink_again), TEST (test_second_sink),         TEST (test_killed_sink), TEST (test_result),
        TEST (test_told_hosts), TEST (test_told_from_elsewhere), TEST (test_lane_ports),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
