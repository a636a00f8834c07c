//  The fingerprints of an input.
#include "test_core_help.h"

#include "core/prints.h"

static const shape_t lines = {BLOCK_DELIMITED, '\n', 1, 1};

static void fill (uint8_t *data, size_t size, uint64_t seed)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)chance (&seed);
}

static uint64_t hash_of (const void *data, size_t size)
{
    ink_t ink;
    ink_init (&ink, &lines);
    ink_take (&ink, data, size);
    print_t print = ink_print (&ink);
    assert_int_equal (print.bytes, size);
    return print.hash;
}

static void test_the_hash_does_not_depend_on_the_cuts (void **state)
{
    enum { SIZE = 5000 };
    uint8_t data[SIZE];
    fill (data, SIZE, 1);
    uint64_t whole = hash_of (data, SIZE), seed = 2;
    for (int round = 0; round < 500; round++) {
        ink_t ink;
        ink_init (&ink, &lines);
        for (size_t at = 0, part; at < SIZE; at += part) {
            part = below (&seed, round % 2 ? 90 : 900);
            part = part < SIZE - at ? part : SIZE - at;
            ink_take (&ink, data + at, part);
            ink_print (&ink); // a look changes nothing
        }
        assert_int_equal (ink_print (&ink).hash, whole);
    }
}

//  It stands in journals: it stays what it is.
static void test_the_hash_stays_what_it_is (void **state)
{
    uint8_t data[100];
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    assert_int_equal (hash_of (data, 0), 0xad18d83ef284970au);
    assert_int_equal (hash_of (data, 7), 0x51569c9b43f1a26fu);
    assert_int_equal (hash_of (data, 100), 0x74246586866a842fu);
}

static void test_every_change_of_a_bit_shows (void **state)
{
    uint8_t data[300];
    fill (data, sizeof data, 3);
    uint64_t whole = hash_of (data, sizeof data);
    for (size_t bit = 0; bit < 8 * sizeof data; bit++) {
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal (hash_of (data, sizeof data), whole);
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void test_order_length_and_shape_show (void **state)
{
    uint8_t data[128] = {0};
    assert_int_not_equal (hash_of (data, 40), hash_of (data, 41)); // zeros at the end
    assert_int_not_equal (hash_of (data, 0), hash_of (data, 32));
    data[0] = 1;
    uint64_t first = hash_of (data, 128);
    for (unsigned i = 1; i < 16; i++) {
        data[8 * i - 8] = 0;
        data[8 * i] = 1; // the same words in another order
        assert_int_not_equal (hash_of (data, 128), first);
    }
    ink_t one, two;
    ink_init (&one, &lines);
    ink_init (&two, &(shape_t){BLOCK_DELIMITED, '\n', 1, 2});
    assert_int_not_equal (ink_print (&one).hash, ink_print (&two).hash);
}

//  Where the shape changes is part of it; how the bytes were cut is not.
static void test_another_shape_on_the_way (void **state)
{
    static const size_t places[] = {0, 5, 32, 50, 64};
    uint8_t data[100] = {0};
    uint64_t hashes[sizeof places / sizeof *places];
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        ink_t ink, cut;
        ink_init (&ink, &lines);
        ink_take (&ink, data, places[i]);
        ink_shape (&ink, &(shape_t){BLOCK_PREFIXED, 0, 1, 1});
        cut = ink;
        ink_take (&ink, data, 100 - places[i]);
        for (size_t left = 100 - places[i]; left; left--)
            ink_take (&cut, data, 1);
        hashes[i] = ink_print (&ink).hash;
        assert_int_equal (ink_print (&cut).hash, hashes[i]);
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal (hashes[i], hashes[k]);
    }
}

static void test_places (void **state)
{
    assert_int_equal (print_next (0), 1);
    assert_int_equal (print_next (1), 2);
    assert_int_equal (print_next (2), 4);
    assert_int_equal (print_next (3), 4);
    assert_int_equal (print_next (511), 512);
    assert_int_equal (print_next (512), 1024);
    assert_int_equal (print_next (1023), 1024);
    assert_int_equal (print_next (1024), 2048);
    assert_int_equal (print_next (65535), 65536);
    assert_int_equal (print_next (65536), 131072);
    assert_int_equal (print_next (1000000), 1048576);
}

static int add (prints_t *prints, uint64_t bytes, uint64_t hash)
{
    return prints_add (prints, (print_t){bytes, hash});
}

static void test_what_is_known_is_compared (void **state)
{
    prints_t prints = {0};
    assert_int_equal (add (&prints, 1024, 1), 0);
    assert_int_equal (add (&prints, 2048, 2), 0);
    assert_int_equal (add (&prints, 2500, 3), 0); // the end
    assert_int_equal (add (&prints, 1024, 1), 0);
    assert_int_equal (add (&prints, 2048, 5), -1);
    assert_int_equal (add (&prints, 2048, 2), 0);
    assert_int_equal (add (&prints, 2500, 4), -1);
    assert_int_equal (add (&prints, 1500, 9), 0); // nothing is known of it, nor is then
    assert_int_equal (add (&prints, 1500, 8), 0);
    assert_int_equal (prints.size, 3);
}

static void test_many_are_thinned_out_and_the_furthest_stays (void **state)
{
    enum { STEP = 65536, COUNT = 100000 };
    prints_t prints = {0};
    for (uint64_t i = 1; i <= COUNT; i++) {
        assert_int_equal (add (&prints, i * STEP, i), 0);
        assert_int_equal (add (&prints, i * STEP, i + 1), -1); // the furthest is always known
        assert_true (prints.size <= PRINTS_MOST);
    }
    assert_int_equal (add (&prints, COUNT * (uint64_t)STEP + 5, 7), 0); // the end
    assert_int_equal (add (&prints, COUNT * (uint64_t)STEP + 5, 8), -1);
    assert_true (prints.size > PRINTS_MOST / 4);
    unsigned found = 0;
    for (uint64_t i = 1; i <= COUNT; i++)
        found += add (&prints, i * STEP, 0) == -1;
    assert_in_range (found, PRINTS_MOST / 4, PRINTS_MOST);
}

//  A washer may say what it likes: it costs no more.
static void test_odd_places_do_not_fill_it (void **state)
{
    prints_t prints = {0};
    for (uint64_t i = 0; i < 64; i++)
        for (uint64_t k = 0; k < 1000; k++)
            add (&prints, (1ull << i) + k * 7 + 1, k);
    assert_true (prints.size <= PRINTS_MOST);
    add (&prints, UINT64_MAX, 1);
    assert_int_equal (add (&prints, UINT64_MAX, 2), -1);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_the_hash_does_not_depend_on_the_cuts),
        cmocka_unit_test (test_the_hash_stays_what_it_is),
        cmocka_unit_test (test_every_change_of_a_bit_shows),
        cmocka_unit_test (test_order_length_and_shape_show),
        cmocka_unit_test (test_another_shape_on_the_way),
        cmocka_unit_test (test_places),
        cmocka_unit_test (test_what_is_known_is_compared),
        cmocka_unit_test (test_many_are_thinned_out_and_the_furthest_stays),
        cmocka_unit_test (test_odd_places_do_not_fill_it),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
