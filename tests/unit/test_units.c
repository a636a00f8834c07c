//  Every grammar as a table: what is taken, and what is refused without touching the target.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "base/units.h"

#define COUNT_OF(table) (sizeof (table) / sizeof *(table))

static void test_duration (void **state)
{
    static const struct {
        const char *text;
        int64_t value_ms;
    } good[] = {
        {"0", 0},
        {"5", 5000},
        {"0.5", 500},
        {".5", 500},
        {"250ms", 250},
        {"5s", 5000},
        {"1m", 60000},
        {"1.5m", 90000},
        {"2h", 7200000},
        {"1d", 86400000},
        {"1m30s", 90000},
        {"1h2m3.5s", 3723500},
        {"0.0001", 1},
        {"0.1ms", 1},
        {"0.0", 0},
        {"0.1", 100},
        {"1.001", 1001},
        {"2.9999", 3000},
        {"9223372036854775807ms", INT64_MAX},
        {"00012", 12000},
    };
    for (size_t i = 0; i < COUNT_OF (good); i++) {
        int64_t value = -7;
        assert_int_equal (units_duration (good[i].text, &value), 0);
        assert_int_equal (value, good[i].value_ms);
    }
    static const char *bad[] = {"",
                                "-1",
                                "+1",
                                " 5",
                                "5 ",
                                "s",
                                "5x",
                                "5.",
                                ".",
                                "5.s",
                                "1..5",
                                "1e3",
                                "inf",
                                "0x10",
                                "5sec",
                                "1m30",
                                "1:30",
                                "1 m",
                                "5S",
                                "200%",
                                "9223372036854775808ms",
                                "9223372036854775807",
                                "99999999999999999999",
                                "9223372036854775807ms1ms"};
    for (size_t i = 0; i < COUNT_OF (bad); i++) {
        int64_t value = -7;
        errno = 0;
        assert_int_equal (units_duration (bad[i], &value), -1);
        assert_int_equal (errno, EINVAL);
        assert_int_equal (value, -7);
    }
}

static void test_size (void **state)
{
    static const struct {
        const char *text;
        uint64_t value_bytes;
    } good[] = {
        {"0", 0},
        {"512", 512},
        {"1k", 1000},
        {"1K", 1024},
        {"1m", 1000000},
        {"64M", 64 * 1048576},
        {"1g", 1000000000},
        {"1G", 1073741824},
        {"1t", 1000000000000},
        {"2T", 2199023255552},
        {"2P", 2251799813685248},
        {"1p", 1000000000000000},
        {"1.5K", 1536},
        {".5K", 512},
        {"0.1k", 100},
        {"0.3M", 314573},
        {"1Ki", 1024},
        {"1ki", 1024},
        {"18446744073709551615", UINT64_MAX},
    };
    for (size_t i = 0; i < COUNT_OF (good); i++) {
        uint64_t value = 7;
        assert_int_equal (units_size (good[i].text, &value), 0);
        assert_int_equal (value, good[i].value_bytes);
    }
    static const char *bad[] = {"",         "k", "-1",  "+1",   " 1",   "1 k", "1b",  "1kb",
                                "1kk",      "K", "1.5", "1e3k", "0x1K", "1ik", "1.k", "18446744073709551616",
                                "16777216T"};
    for (size_t i = 0; i < COUNT_OF (bad); i++) {
        uint64_t value = 7;
        errno = 0;
        assert_int_equal (units_size (bad[i], &value), -1);
        assert_int_equal (errno, EINVAL);
        assert_int_equal (value, 7);
    }
}

static void test_count (void **state)
{
    uint64_t value = 7;
    assert_int_equal (units_count ("0", &value), 0);
    assert_int_equal (value, 0);
    assert_int_equal (units_count ("18446744073709551615", &value), 0);
    assert_true (value == UINT64_MAX);
    static const char *bad[] = {"", "-1", "+1", " 1", "1 ", "1.0", "x", "18446744073709551616", "1k"};
    for (size_t i = 0; i < COUNT_OF (bad); i++) {
        errno = 0;
        assert_int_equal (units_count (bad[i], &value), -1);
        assert_int_equal (errno, EINVAL);
        assert_true (value == UINT64_MAX);
    }
}

static void test_percent_and_rate (void **state)
{
    double value = 7;
    assert_int_equal (units_percent ("50%", &value), 0);
    assert_true (value == 50);
    assert_int_equal (units_percent ("12.5%", &value), 0);
    assert_true (value == 12.5);
    assert_int_equal (units_percent ("200%", &value), 0);
    assert_true (value == 200);
    static const char *bad_percents[] = {"", "%", "50", "-1%", "50%%", "50 %", "x%"};
    for (size_t i = 0; i < COUNT_OF (bad_percents); i++)
        assert_int_equal (units_percent (bad_percents[i], &value), -1);
    assert_int_equal (units_rate ("10/s", &value), 0);
    assert_true (value == 10);
    assert_int_equal (units_rate ("30/m", &value), 0);
    assert_true (value == 0.5);
    static const char *bad_rates[] = {"", "10", "/s", "0/s", "-1/s", "10/", "10/d", "10/s ", "10/sec"};
    for (size_t i = 0; i < COUNT_OF (bad_rates); i++)
        assert_int_equal (units_rate (bad_rates[i], &value), -1);
    assert_true (value == 0.5);
}

static void test_jobs (void **state)
{
    static const struct {
        const char *text;
        uint32_t cores, limit, jobs; // jobs 0: refused
        int error;
    } rows[] = {
        {"4", 2, 100, 4, 0},
        {"0", 2, 100, 100, 0},
        {"00", 2, 100, 100, 0},
        {"100%", 8, 100, 8, 0},
        {"50%", 8, 100, 4, 0},
        {"10%", 8, 100, 1, 0},
        {"0%", 8, 100, 1, 0},
        {"150%", 3, 100, 5, 0},
        {"12.5%", 8, 100, 1, 0},
        {"+3", 8, 100, 11, 0},
        {"+0", 8, 100, 8, 0},
        {"-3", 8, 100, 5, 0},
        {"-8", 8, 100, 1, 0},
        {"-9", 8, 100, 1, 0},
        {"-100000000000", 8, 100, 1, 0},
        {"100", 8, 100, 100, 0},
        {"101", 8, 100, 0, ERANGE},
        {"+93", 8, 100, 0, ERANGE},
        {"5000%", 8, 100, 0, ERANGE},
        {"18446744073709551615", 8, 100, 0, ERANGE},
        {"18446744073709551616", 8, 100, 0, EINVAL},
        {"", 8, 100, 0, EINVAL},
        {"+", 8, 100, 0, EINVAL},
        {"-", 8, 100, 0, EINVAL},
        {"+-1", 8, 100, 0, EINVAL},
        {"+5%", 8, 100, 0, EINVAL},
        {"2x", 8, 100, 0, EINVAL},
        {"2.5", 8, 100, 0, EINVAL},
        {" 2", 8, 100, 0, EINVAL},
    };
    for (size_t i = 0; i < COUNT_OF (rows); i++) {
        uint32_t jobs = 7;
        errno = 0;
        int rc = units_jobs (rows[i].text, rows[i].cores, rows[i].limit, &jobs);
        assert_int_equal (rc, rows[i].jobs ? 0 : -1);
        assert_int_equal (jobs, rows[i].jobs ? rows[i].jobs : 7);
        if (rc == -1)
            assert_int_equal (errno, rows[i].error);
    }
}

static void test_show (void **state)
{
    static const struct {
        int64_t value_ms;
        const char *text;
    } durations[] = {
        {-5, "0s"},
        {0, "0s"},
        {1, "1ms"},
        {999, "999ms"},
        {1000, "1s"},
        {1500, "1.5s"},
        {9999, "9.9s"},
        {10500, "10s"},
        {59999, "59s"},
        {60000, "1m00s"},
        {125000, "2m05s"},
        {3599999, "59m59s"},
        {3600000, "1h00m"},
        {10920000, "3h02m"},
        {86400000, "1d00h"},
        {385200000, "4d11h"},
        {INT64_MAX, "106751991167d07h"},
    };
    char text[UNITS_TEXT];
    for (size_t i = 0; i < COUNT_OF (durations); i++)
        assert_string_equal (units_show_duration (durations[i].value_ms, text), durations[i].text);
    static const struct {
        uint64_t value_bytes;
        const char *text;
    } sizes[] = {
        {0, "0"},
        {1023, "1023"},
        {1024, "1.0K"},
        {1536, "1.5K"},
        {10239, "10K"},
        {65536, "64K"},
        {131071, "128K"},
        {1048575, "1.0M"},
        {67108864, "64M"},
        {2147483648, "2.0G"},
        {UINT64_C (1) << 40, "1.0T"},
        {UINT64_C (1) << 50, "1.0P"},
        {UINT64_MAX, "16384P"},
    };
    for (size_t i = 0; i < COUNT_OF (sizes); i++)
        assert_string_equal (units_show_size (sizes[i].value_bytes, text), sizes[i].text);
}

//  Found by fuzz/text: what is shown can be read again, except that rounding up may lead over the end.
static void test_a_size_that_is_shown_can_be_read (void **state)
{
    char text[UNITS_TEXT];
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t value = 0;
        assert_int_equal (units_size (units_show_size (UINT64_C (1) << bit, text), &value), 0);
        assert_int_equal (value, UINT64_C (1) << bit);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test (test_duration),
                                       cmocka_unit_test (test_size),
                                       cmocka_unit_test (test_count),
                                       cmocka_unit_test (test_percent_and_rate),
                                       cmocka_unit_test (test_jobs),
                                       cmocka_unit_test (test_show),
                                       cmocka_unit_test (test_a_size_that_is_shown_can_be_read)};
    return cmocka_run_group_tests (tests, NULL, NULL);
}
