//  Who subscribes to `out`: some are seen, and who subscribes without end is taken a part at a time.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include <zmq.h>

#include "role/guests.h"

enum { FLOOD = 50000, MOST = 1 << 14, AT_ONCE = 1 << 12 };

static const sink_config_t config = {.run = 1, .life = 2};
static const sink_ports_t ports;

static void say (void *who, bool is_on, uint64_t life)
{
    uint8_t what[1 + TOPIC_BYTES] = {is_on};
    topic_encode (what + 1, ROLE_DRYER, life);
    assert_int_equal (zmq_send (who, what, sizeof what, 0), sizeof what);
}

//  Until what was said has come.
static void take_until (guests_t *self, void *out, const sink_t *core, size_t unknown)
{
    bool has_more = true;
    for (int i = 0; i < 10000 && (has_more || guests_unknown (self, core) != unknown); i++) {
        zmq_pollitem_t item = {.socket = out, .events = ZMQ_POLLIN};
        zmq_poll (&item, 1, 10);
        size_t before = guests_unknown (self, core);
        has_more = guests_take (self, out);
        assert_true (guests_unknown (self, core) <= before + AT_ONCE);
    }
    assert_int_equal (guests_unknown (self, core), unknown);
}

static void test_a_flood_of_guests (void **state)
{
    guests_t guests = {0};
    int none = 0;
    void *context = zmq_ctx_new (), *out = zmq_socket (context, ZMQ_XPUB), *who = zmq_socket (context, ZMQ_XSUB);
    sink_t *core = sink_new (&config, &ports, NULL, 0);
    zmq_setsockopt (out, ZMQ_RCVHWM, &none, sizeof none);
    zmq_setsockopt (who, ZMQ_SNDHWM, &none, sizeof none);
    assert_int_equal (zmq_bind (out, "inproc://out"), 0);
    assert_int_equal (zmq_connect (who, "inproc://out"), 0);
    say (who, true, 7);
    take_until (&guests, out, core, 1);
    say (who, false, 7);
    take_until (&guests, out, core, 0);
    say (who, true, UINT64_MAX); // no life
    for (uint64_t life = 1; life <= FLOOD; life++)
        say (who, true, life * 7919);
    take_until (&guests, out, core, MOST);
    for (uint64_t life = 1; life <= FLOOD; life++)
        say (who, false, life * 7919);
    take_until (&guests, out, core, 0);
    guests_free (&guests);
    sink_destroy (&core);
    zmq_close (out);
    zmq_close (who);
    zmq_ctx_term (context);
}

int main (void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test (test_a_flood_of_guests)};
    return cmocka_run_group_tests (tests, NULL, NULL);
}
