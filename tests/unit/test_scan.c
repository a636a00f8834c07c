//  A byte in many: the count and the nth place are those of a plain walk, wherever one begins and ends.
#include "test_core_help.h"

#include "core/scan.h"

static void test_count (void **state)
{
    static uint8_t bytes[6000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * i % 7 == 0 ? '\n' : i * 31);
    for (size_t from = 0; from < 9; from++)
        for (size_t size = 0; size < sizeof bytes - from; size += size < 40 ? 1 : 613) {
            size_t count[256] = {0};
            for (size_t i = 0; i < size; i++)
                count[bytes[from + i]]++;
            for (int byte = 0; byte < 256; byte++)
                assert_int_equal (scan_count (bytes + from, size, (uint8_t)byte), count[byte]);
        }
    memset (bytes, 0x80, sizeof bytes);
    assert_int_equal (scan_count (bytes, sizeof bytes, 0x80), sizeof bytes);
    assert_int_equal (scan_count (bytes, sizeof bytes, 0), 0);
}

static size_t plain_skip (const uint8_t *data, size_t size, uint64_t *count)
{
    size_t at = 0;
    for (; at < size && *count; at++)
        *count -= data[at] == '\n';
    return at;
}

static void test_find (void **state)
{
    uint8_t bytes[100];
    for (size_t size = 0; size < sizeof bytes; size++)
        for (size_t at = 0; at <= size; at++)
            for (unsigned byte = 0; byte < 256; byte += 51) {
                memset (bytes, (int)(byte ^ 0x80), sizeof bytes);
                memset (bytes + at, (int)(byte ^ 1), size - at); // a lane above the first is no reason to stop
                if (at < size)
                    bytes[at] = (uint8_t)byte;
                assert_ptr_equal (scan_find (bytes, bytes + size, (uint8_t)byte), at < size ? bytes + at : NULL);
            }
}

static void test_skip (void **state)
{
    static uint8_t bytes[20000];
    uint64_t seed = 7;
    for (unsigned sparse = 1; sparse < 2000; sparse *= 5) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = below (&seed, sparse) ? 'x' : '\n';
        for (int i = 0; i < 500; i++) {
            size_t from = below (&seed, 300), size = below (&seed, sizeof bytes - from);
            uint64_t wanted = below (&seed, size / sparse + 3), left = wanted, plain_left = wanted;
            size_t at = scan_skip (bytes + from, size, '\n', &left);
            assert_int_equal (at, plain_skip (bytes + from, size, &plain_left));
            assert_int_equal (left, plain_left);
        }
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test (test_count), cmocka_unit_test (test_find),
                                       cmocka_unit_test (test_skip)};
    return cmocka_run_group_tests (tests, NULL, NULL);
}
