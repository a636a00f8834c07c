//  Spills keep every byte, bound the memory, and give space back.
//  ctest: one-thread
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "store/spill.h"

//  The byte at a place of a spill's own stream.
static uint8_t byte_at (unsigned id, uint64_t at)
{
    return (uint8_t)((at * 131 + id * 977 + (at >> 8) * 7) >> 1);
}

static void append_pattern (spill_t *spill, unsigned id, size_t size)
{
    uint8_t *data = malloc (size ? size : 1);
    for (size_t i = 0; i < size; i++)
        data[i] = byte_at (id, spill_size (spill) + i);
    assert_int_equal (spill_append (spill, data, size), 0);
    free (data);
}

static void check_pattern (const spill_t *spill, unsigned id, uint64_t from, size_t step)
{
    uint8_t *data = malloc (step);
    ssize_t got;
    while ((got = spill_read (spill, from, data, step)) > 0) {
        for (ssize_t i = 0; i < got; i++)
            assert_int_equal (data[i], byte_at (id, from + (uint64_t)i));
        from += (uint64_t)got;
    }
    assert_int_equal (got, 0);
    assert_true (from >= spill_size (spill));
    free (data);
}

//  Blocks that the pool's file takes on the disk: found by walking our descriptors.
static int64_t disk_bytes (void)
{
    DIR *directory = opendir ("/proc/self/fd");
    int64_t bytes = -1;
    for (struct dirent *entry; (entry = readdir (directory));) {
        struct stat status;
        int fd = atoi (entry->d_name);
        if (fd > 2 && fstat (fd, &status) == 0 && S_ISREG (status.st_mode) && status.st_nlink == 0)
            bytes = (int64_t)status.st_blocks * 512;
    }
    closedir (directory);
    return bytes;
}

static void test_small_stays_in_memory (void **state)
{
    spill_pool_t *pool = spill_pool_new (NULL);
    spill_t *spill = spill_new (pool);
    char back[16];
    assert_int_equal (spill_read (spill, 0, back, sizeof back), 0);
    assert_int_equal (spill_append (spill, NULL, 0), 0);
    assert_int_equal (spill_append (spill, "hello ", 6), 0);
    assert_int_equal (spill_append (spill, "there", 5), 0);
    assert_int_equal (spill_size (spill), 11);
    assert_int_equal (spill_read (spill, 6, back, sizeof back), 5);
    assert_memory_equal (back, "there", 5);
    assert_int_equal (spill_pool_file_bytes (pool), 0);
    assert_true (spill_pool_memory_bytes (pool) >= 11);
    spill_destroy (&spill);
    spill_destroy (&spill);
    assert_int_equal (spill_pool_memory_bytes (pool), 0);
    spill_pool_destroy (&pool);
    spill_pool_destroy (&pool);
    assert_null (pool);
}

static void test_large_goes_to_the_file_and_back (void **state)
{
    spill_pool_t *pool = spill_pool_new (NULL);
    spill_t *spill = spill_new (pool);
    for (int i = 0; i < 200; i++)
        append_pattern (spill, 1, 60001);
    assert_int_equal (spill_size (spill), 200 * 60001);
    assert_int_equal (spill_pool_file_bytes (pool), 200 * 60001);
    assert_int_equal (spill_pool_memory_bytes (pool), 0);
    check_pattern (spill, 1, 0, 70000);
    check_pattern (spill, 1, 1234567, 333);
    spill_destroy (&spill);
    assert_int_equal (spill_pool_file_bytes (pool), 0);
    assert_int_equal (disk_bytes (), 0);
    spill_pool_destroy (&pool);
}

static void test_memory_is_bounded_for_all (void **state)
{
    spill_pool_t *pool = spill_pool_new (&(spill_config_t){.memory_bytes = 100000, .each_bytes = 50000});
    enum { COUNT = 3000 };
    static spill_t *spills[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        spills[i] = spill_new (pool);
        append_pattern (spills[i], i, 100 + i % 300);
        assert_true (spill_pool_memory_bytes (pool) <= 100000);
    }
    assert_true (spill_pool_file_bytes (pool) > 400000);
    for (unsigned i = 0; i < COUNT; i++) {
        check_pattern (spills[i], i, 0, 64);
        spill_destroy (&spills[i]);
    }
    assert_int_equal (spill_pool_memory_bytes (pool), 0);
    assert_int_equal (disk_bytes (), 0);
    spill_pool_destroy (&pool);
}

//  One long-lived trickle among many short-lived floods must not pin their space.
static void test_space_is_used_again (void **state)
{
    spill_pool_t *pool = spill_pool_new (&(spill_config_t){.memory_bytes = 4096, .each_bytes = 4096});
    spill_t *slow = spill_new (pool);
    for (unsigned round = 0; round < 50; round++) {
        spill_t *flood = spill_new (pool);
        for (int i = 0; i < 50; i++) {
            append_pattern (flood, round, 50000);
            append_pattern (slow, 77, 100);
        }
        check_pattern (flood, round, 0, 65536);
        spill_destroy (&flood);
        assert_in_range (disk_bytes (), 0, 3 * 1024 * 1024);
    }
    check_pattern (slow, 77, 0, 1000);
    spill_destroy (&slow);
    assert_int_equal (disk_bytes (), 0);
    spill_pool_destroy (&pool);
}

static void test_random_spills_keep_their_bytes (void **state)
{
    enum { COUNT = 20 };
    spill_t *spills[COUNT] = {0};
    unsigned ids[COUNT] = {0};
    spill_pool_t *pool = spill_pool_new (&(spill_config_t){.memory_bytes = 200000, .each_bytes = 30000});
    srandom (7);
    for (unsigned step = 0; step < 6000; step++) {
        unsigned i = (unsigned)random () % COUNT;
        if (!spills[i]) {
            spills[i] = spill_new (pool);
            ids[i] = step;
        } else if (random () % 40 == 0) {
            check_pattern (spills[i], ids[i], 0, 1 + (size_t)random () % 40000);
            spill_destroy (&spills[i]);
            continue;
        }
        append_pattern (spills[i], ids[i], (size_t)random () % (random () % 10 ? 900 : 90000));
        assert_true (spill_pool_memory_bytes (pool) <= 200000);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        if (spills[i])
            check_pattern (spills[i], ids[i], 0, 4096);
        spill_destroy (&spills[i]);
    }
    assert_int_equal (spill_pool_file_bytes (pool), 0);
    assert_int_equal (spill_pool_memory_bytes (pool), 0);
    spill_pool_destroy (&pool);
}

static void test_no_directory (void **state)
{
    spill_pool_t *pool = spill_pool_new (&(spill_config_t){.directory = "/nowhere/at/all", .each_bytes = 10});
    spill_t *spill = spill_new (pool);
    assert_int_equal (spill_append (spill, "12345678", 8), 0);
    assert_int_equal (spill_append (spill, "12345678", 8), -1);
    assert_int_equal (errno, ENOENT);
    char back[16];
    assert_int_equal (spill_read (spill, 0, back, sizeof back), 8);
    assert_memory_equal (back, "12345678", 8);
    spill_destroy (&spill);
    spill_pool_destroy (&pool);
}

//  A file that may not grow: the append that fails leaves the spill as it was, and later ones can work again.
static void test_full_disk_loses_nothing (void **state)
{
    struct rlimit before, small;
    assert_int_equal (getrlimit (RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 700000;
    signal (SIGXFSZ, SIG_IGN);
    assert_int_equal (setrlimit (RLIMIT_FSIZE, &small), 0);
    spill_pool_t *pool = spill_pool_new (&(spill_config_t){.each_bytes = 1000});
    spill_t *spill = spill_new (pool);
    append_pattern (spill, 5, 500000);
    uint8_t *more = calloc (1, 300000);
    assert_int_equal (spill_append (spill, more, 300000), -1);
    assert_int_equal (errno, EFBIG);
    free (more);
    assert_int_equal (spill_size (spill), 500000);
    assert_int_equal (spill_pool_file_bytes (pool), 500000);
    check_pattern (spill, 5, 0, 9999);
    assert_int_equal (setrlimit (RLIMIT_FSIZE, &before), 0);
    append_pattern (spill, 5, 300000);
    check_pattern (spill, 5, 0, 9999);
    spill_destroy (&spill);
    spill_pool_destroy (&pool);
}

//  Not even where a directory has the name that is printed for no name at all.
static void test_a_named_file_is_nowhere_else (void **state)
{
    char directory[] = "/tmp/test_spill-XXXXXX";
    assert_non_null (mkdtemp (directory));
    assert_int_equal (chdir (directory), 0);
    assert_int_equal (mkdir ("(null)", 0700), 0);
    spill_pool_t *pool = spill_pool_new (&(spill_config_t){.path = "no/such/file", .each_bytes = 1});
    spill_t *spill = spill_new (pool);
    errno = 0;
    assert_int_equal (spill_append (spill, "ab", 2), -1);
    assert_int_equal (errno, ENOENT);
    spill_destroy (&spill);
    spill_pool_destroy (&pool);
    rmdir ("(null)");
    assert_int_equal (chdir ("/"), 0);
    rmdir (directory);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_small_stays_in_memory),          cmocka_unit_test (test_large_goes_to_the_file_and_back),
        cmocka_unit_test (test_memory_is_bounded_for_all),      cmocka_unit_test (test_space_is_used_again),
        cmocka_unit_test (test_random_spills_keep_their_bytes), cmocka_unit_test (test_no_directory),
        cmocka_unit_test (test_full_disk_loses_nothing),        cmocka_unit_test (test_a_named_file_is_nowhere_else),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
