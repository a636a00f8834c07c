//  Addresses: what is one and what is not, and that an error says what would be right.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/address.h"

static void test_good (void **state)
{
    static const struct {
        const char *text;
        address_kind_t kind;
        const char *name;
        uint16_t port;
    } rows[] = {
        {"inproc://kitchen", ADDRESS_INPROC, "kitchen", 0},
        {"ipc://kitchen", ADDRESS_IPC, "kitchen", 0},
        {"ipc:///run/user/1000/kitchen", ADDRESS_IPC, "/run/user/1000/kitchen", 0},
        {"tcp://127.0.0.1:5570", ADDRESS_TCP, "127.0.0.1", 5570},
        {"tcp://head.example.org:1", ADDRESS_TCP, "head.example.org", 1},
        {"tcp://[::1]:65535", ADDRESS_TCP, "::1", 65535},
        {"tcp://[fe80::1%eth0]:5570", ADDRESS_TCP, "fe80::1%eth0", 5570},
        {"tcp://*:5570", ADDRESS_TCP, "*", 5570},
        {"tcp://127.0.0.1:*", ADDRESS_TCP, "127.0.0.1", 0},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        address_t address;
        char error[400] = "";
        assert_int_equal (address_parse (rows[i].text, &address, error, sizeof error), 0);
        assert_int_equal (address.kind, rows[i].kind);
        assert_string_equal (address.name, rows[i].name);
        assert_int_equal (address.port, rows[i].port);
    }
}

static void test_bad (void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"kitchen", "no such transport"},
        {"ipc://", "no name"},
        {"ipc:///", "no directory of its own"},
        {"ipc://a/b", "no /"},
        {"ipc://..", "dot"},
        {"ipc://.hidden", "dot"},
        {"ipc://a\nb", "control"},
        {"tcp://", "no port"},
        {"tcp://host", "no port"},
        {"tcp://:5570", "no host"},
        {"tcp://[]:5570", "not a name"},
        {"tcp://host:", "not a number"},
        {"tcp://host:http", "not a number"},
        {"tcp://host:-1", "not a number"},
        {"tcp://host:65536", "65535"},
        {"tcp://host:100000", "not a number"},
        {"tcp://::1:5570", "brackets"},
        {"tcp://[host]:5570", "only an IPv6"},
        {"tcp://[::1]", "no port"},
        {"tcp://a b:5570", "not a name"},
        {"tcp://a/b:5570", "not a name"},
        {"tcp://a;eth0:5570", "not a name"},
        {"TCP://host:5570", "no such transport"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        address_t address;
        char error[400] = "";
        assert_int_equal (address_parse (rows[i].text, &address, error, sizeof error), -1);
        assert_int_equal (errno, EINVAL);
        if (!strstr (error, rows[i].why))
            fail_msg ("%s: %s", rows[i].text, error);
        assert_non_null (strstr (error, "tcp://HOST:PORT"));
        assert_null (strchr (error, '\n'));
    }
}

//  What is over all bounds is refused as well, and writes nothing outside.
static void test_long (void **state)
{
    static const char *const schemes[] = {"inproc://", "ipc://", "ipc:///", "tcp://"};
    for (unsigned i = 0; i < 4; i++) {
        char text[2000], error[400];
        address_t address;
        snprintf (text, sizeof text, "%s%0*d:5570", schemes[i], 1500, 0);
        assert_int_equal (address_parse (text, &address, error, sizeof error), -1);
        assert_non_null (strstr (error, "is not an address"));
        assert_non_null (strstr (error, "tcp://HOST:PORT"));
    }
}

static void parse_good (const char *text, address_t *address)
{
    char error[400] = "";
    assert_int_equal (address_parse (text, address, error, sizeof error), 0);
    assert_int_equal (address_resolve (address, error, sizeof error), 0);
}

static void test_loopback (void **state)
{
    static const struct {
        const char *text, *host;
        bool is_loopback;
    } rows[] = {
        {"tcp://127.0.0.1:1", "127.0.0.1", true},
        {"tcp://127.1.2.3:1", "127.1.2.3", true},
        {"tcp://localhost:1", NULL, true},
        {"tcp://[::1]:1", "::1", true},
        {"tcp://*:1", "*", false},
        {"tcp://0.0.0.0:1", "*", false},
        {"tcp://[::]:1", "*", false},
        {"tcp://192.0.2.7:1", "192.0.2.7", false},
        {"tcp://[2001:db8::1]:1", "2001:db8::1", false},
        {"ipc://a", "", false},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        address_t address;
        parse_good (rows[i].text, &address);
        assert_int_equal (address.is_loopback, rows[i].is_loopback);
        if (rows[i].host)
            assert_string_equal (address.host, rows[i].host);
    }
}

static void test_no_host (void **state)
{
    address_t address;
    char error[400] = "";
    assert_int_equal (address_parse ("tcp://no-such-host.invalid:1", &address, error, sizeof error), 0);
    assert_int_equal (address_resolve (&address, error, sizeof error), -1);
    assert_non_null (strstr (error, "'no-such-host.invalid' is not found"));
}

static void test_show (void **state)
{
    static const char *const texts[] = {"inproc://a", "ipc://a", "ipc:///a/b", "tcp://[::1]:5570", "tcp://*:1"};
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        address_t address;
        endpoint_t shown;
        parse_good (texts[i], &address);
        address_show (&address, shown);
        assert_string_equal (shown, texts[i]);
    }
}

//  As good as a long name: no two lanes share a file.
static void test_lane_files (void **state)
{
    static const uint64_t values[] = {1, 63, 64, 65, 4096, UINT64_MAX - 1, UINT64_MAX};
    char names[343][LANE_FILE_BYTES];
    unsigned count = 0;
    for (unsigned i = 0; i < 343; i++) {
        uint64_t washer = values[i % 7], dryer = values[i / 7 % 7];
        address_lane_file (washer, dryer, (uint32_t)values[i / 49], names[count++]);
        assert_true (strlen (names[i]) < LANE_FILE_BYTES);
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal (names[i], names[j]);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_good),       cmocka_unit_test (test_bad),     cmocka_unit_test (test_long),
        cmocka_unit_test (test_loopback),   cmocka_unit_test (test_no_host), cmocka_unit_test (test_show),
        cmocka_unit_test (test_lane_files),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
