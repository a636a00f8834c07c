//  The feed: what is put comes out whole and in order, from several threads; it is bounded, and tells when it is
//  joined.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "api/feed.h"

enum { PATIENCE_MS = 60000 };

static bool is_rung (const supply_t *supply)
{
    struct pollfd fd = {.fd = supply->fd (supply->arg), .events = POLLIN};
    return poll (&fd, 1, 0) == 1;
}

//  The values of one batch, each ended by a comma.
static void read_batch (const supply_t *supply, char *out)
{
    batch_t batch;
    *out = '\0';
    if (supply->read (supply->arg, &batch) != 1)
        return;
    shape_t shape = batch.shape.items ? batch.shape : supply->shape;
    assert_int_equal (shape_count (&shape, batch.bytes.data, batch.bytes.size), batch.tasks);
    const uint8_t *at = batch.bytes.data;
    for (uint64_t i = 0; i < batch.tasks; i++) {
        size_t left = (size_t)(batch.bytes.data + batch.bytes.size - at), size;
        size_t task = shape_skip (&shape, at, left, 1);
        value_cursor_t cursor = value_cursor (&shape, at, task);
        const uint8_t *value;
        assert_true (value_next (&cursor, &value, &size));
        strncat (out, (const char *)value, size);
        strcat (out, ",");
        at += task;
    }
    slice_drop (&batch.bytes);
}

static void test_what_is_there_is_read (void **state)
{
    char got[64];
    feed_t *feed = feed_new (0);
    supply_t supply = feed_supply (feed);
    read_batch (&supply, got);
    assert_string_equal (got, "");
    assert_false (is_rung (&supply));
    assert_int_equal (feed_put (feed, "a", 1, 0), 0);
    assert_true (is_rung (&supply)); // the first one wakes the reader
    assert_int_equal (feed_put (feed, "", 0, 0), 0);
    assert_int_equal (feed_put (feed, "bc", 2, 0), 0);
    read_batch (&supply, got);
    assert_string_equal (got, "a,,bc,");
    assert_int_equal (feed_put (feed, "d", 1, 0), 0);
    read_batch (&supply, got); // the same block goes on
    assert_string_equal (got, "d,");
    assert_false (supply.eof (supply.arg));
    read_batch (&supply, got);
    assert_false (is_rung (&supply));
    feed_end (feed);
    assert_true (is_rung (&supply));
    assert_true (supply.eof (supply.arg));
    assert_int_equal (feed_put (feed, "e", 1, 0), -1);
    assert_int_equal (errno, EPIPE);
    feed_destroy (&feed);
    feed_destroy (&feed);
}

static void test_blocks (void **state)
{
    char got[64];
    feed_t *feed = feed_new (0);
    supply_t supply = feed_supply (feed);
    assert_int_equal (feed_put_block (feed, "", 0, '\n', 0), 0);
    assert_int_equal (feed_put_block (feed, "a\nb\n", 4, '\n', 0), 2);
    assert_int_equal (feed_put_block (feed, "\nc", 2, '\n', 0), 2); // the last one without its delimiter
    assert_int_equal (feed_put_block (feed, "d\0e", 4, '\0', 0), 2);
    assert_int_equal (feed_put (feed, "f\ng", 3, 0), 0);
    assert_int_equal (feed_put_block (feed, "h;", 2, ';', 0), 1);
    assert_int_equal (feed_tasks (feed), 8);
    static const char *const wanted[] = {"a,b,,c,", "d,e,", "f\ng,", "h,", ""};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        read_batch (&supply, got);
        assert_string_equal (got, wanted[i]);
    }
    feed_destroy (&feed);
}

//  Larger than a slice: it is cut behind a task, and a task that is larger still goes alone.
static void test_large_blocks (void **state)
{
    enum { ITEM = 1000, ITEMS = 3000, LONG = 3 * FEED_BLOCK_BYTES };
    static char data[ITEM * ITEMS + LONG];
    feed_t *feed = feed_new (0);
    supply_t supply = feed_supply (feed);
    batch_t batch;
    memset (data, 'x', sizeof data);
    for (size_t i = 1; i <= ITEMS; i++)
        data[i * ITEM - 1] = '\n';
    assert_int_equal (feed_put_block (feed, "first", 5, '\n', 0), 1);
    assert_int_equal (feed_put_block (feed, data, sizeof data, '\n', 0), -1); // it is not empty
    assert_int_equal (errno, ETIMEDOUT);
    assert_int_equal (supply.read (supply.arg, &batch), 1);
    slice_drop (&batch.bytes);
    assert_int_equal (feed_put_block (feed, data, sizeof data, '\n', 0), ITEMS + 1);
    size_t bytes = 0;
    uint64_t tasks = 0;
    while (supply.read (supply.arg, &batch) == 1) {
        assert_int_equal (shape_count (&batch.shape, batch.bytes.data, batch.bytes.size), batch.tasks);
        assert_true (batch.bytes.size <= FEED_BLOCK_BYTES || batch.tasks == 1);
        tasks += batch.tasks;
        bytes += batch.bytes.size;
        slice_drop (&batch.bytes);
    }
    assert_int_equal (tasks, ITEMS + 1);
    assert_int_equal (bytes, sizeof data + 1);
    assert_int_equal (feed_put (feed, "y", 1, 0), 0);
    feed_destroy (&feed);
}

//  A block waits until all of its tasks have room; one of more than may ever be there, until none is.
static void test_blocks_are_bounded_in_tasks (void **state)
{
    feed_t *feed = feed_new (3);
    assert_int_equal (feed_put_block (feed, "a\nb\n", 4, '\n', 0), 2);
    assert_int_equal (feed_put_block (feed, "c\nd\n", 4, '\n', 0), -1);
    assert_int_equal (errno, ETIMEDOUT);
    assert_int_equal (feed_put_block (feed, "c", 1, '\n', 0), 1);
    feed_counted (feed, 2, 2);
    assert_int_equal (feed_put_block (feed, "d\ne", 3, '\n', 0), 2);
    feed_counted (feed, 4, 4);
    assert_int_equal (feed_put_block (feed, "f\ng\nh\ni", 7, '\n', 0), -1);
    feed_counted (feed, 5, 5);
    assert_int_equal (feed_put_block (feed, "f\ng\nh\ni", 7, '\n', 0), 4);
    assert_int_equal (feed_put (feed, "j", 1, 0), -1);
    feed_destroy (&feed);
}

static void test_it_is_bounded (void **state)
{
    static uint8_t item[FEED_HELD_BYTES * 2];
    feed_t *feed = feed_new (2);
    supply_t supply = feed_supply (feed);
    batch_t batch;
    assert_int_equal (feed_put (feed, item, sizeof item, 0), 0); // larger than all that may wait: alone
    assert_int_equal (feed_put (feed, item, 1, 0), -1);
    assert_int_equal (errno, ETIMEDOUT);
    assert_int_equal (supply.read (supply.arg, &batch), 1);
    assert_int_equal (batch.tasks, 1);
    slice_drop (&batch.bytes);
    assert_int_equal (feed_put (feed, item, 1, 0), 0);
    assert_int_equal (feed_put (feed, item, 1, 1), -1); // two are not counted
    feed_counted (feed, 1, 0);
    assert_int_equal (feed_put (feed, item, 1, 0), 0);
    feed_over (feed, ECANCELED);
    assert_int_equal (feed_put (feed, item, 1, PATIENCE_MS), -1);
    assert_int_equal (errno, ECANCELED);
    feed_destroy (&feed);
}

static void test_join (void **state)
{
    feed_t *feed = feed_new (0);
    assert_int_equal (feed_join (feed, 0), 0);
    feed_put (feed, "a", 1, 0);
    feed_put (feed, "b", 1, 0);
    assert_int_equal (feed_join (feed, 0), -1);
    assert_int_equal (errno, ETIMEDOUT);
    feed_counted (feed, 1, 0); // the second one: not all up to it
    assert_int_equal (feed_join (feed, 1), -1);
    feed_counted (feed, 2, 2);
    assert_int_equal (feed_join (feed, 0), 0);
    feed_end (feed);
    assert_int_equal (feed_join (feed, 0), -1); // now it is for the end
    feed_over (feed, 0);
    assert_int_equal (feed_join (feed, 0), 0);
    feed_destroy (&feed);
}

static void test_a_lost_join (void **state)
{
    feed_t *feed = feed_new (0);
    feed_put (feed, "a", 1, 0);
    feed_over (feed, ECONNABORTED);
    assert_int_equal (feed_join (feed, PATIENCE_MS), -1);
    assert_int_equal (errno, ECONNABORTED);
    feed_destroy (&feed);
}

//  ---- several threads

enum { PUTTERS = 4, EACH = 20000 };

static void *put_numbers (void *arg)
{
    feed_t *feed = arg;
    for (uint32_t i = 0; i < EACH; i++)
        if (feed_put (feed, &i, sizeof i, PATIENCE_MS) == -1)
            return arg;
    return NULL;
}

static void *join_all (void *arg)
{
    return feed_join (arg, PATIENCE_MS) == 0 ? NULL : arg;
}

//  Reads until there is the end, as a role does; every number is there once from each.
static uint64_t read_all (feed_t *feed, unsigned *seen)
{
    supply_t supply = feed_supply (feed);
    uint64_t tasks = 0;
    batch_t batch;
    while (tasks < PUTTERS * EACH) {
        struct pollfd fd = {.fd = supply.fd (supply.arg), .events = POLLIN};
        if (supply.read (supply.arg, &batch) == 0) {
            assert_int_equal (poll (&fd, 1, PATIENCE_MS), 1);
            continue;
        }
        for (uint64_t i = 0; i < batch.tasks; i++) {
            uint32_t number;
            memcpy (&number, batch.bytes.data + i * 12 + 8, sizeof number);
            seen[number]++;
        }
        tasks += batch.tasks;
        feed_counted (feed, tasks, tasks);
        slice_drop (&batch.bytes);
    }
    return tasks;
}

static void test_threads (void **state)
{
    static unsigned seen[EACH];
    pthread_t threads[PUTTERS], joiner;
    feed_t *feed = feed_new (100);
    void *rc;
    for (int i = 0; i < PUTTERS; i++)
        assert_int_equal (pthread_create (&threads[i], NULL, put_numbers, feed), 0);
    assert_int_equal (pthread_create (&joiner, NULL, join_all, feed), 0);
    assert_int_equal (read_all (feed, seen), PUTTERS * EACH);
    for (int i = 0; i < PUTTERS; i++) {
        pthread_join (threads[i], &rc);
        assert_null (rc);
    }
    pthread_join (joiner, &rc);
    assert_null (rc);
    for (int i = 0; i < EACH; i++)
        assert_int_equal (seen[i], PUTTERS);
    assert_int_equal (feed_tasks (feed), PUTTERS * EACH);
    feed_destroy (&feed);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_what_is_there_is_read), cmocka_unit_test (test_blocks),
        cmocka_unit_test (test_large_blocks),          cmocka_unit_test (test_blocks_are_bounded_in_tasks),
        cmocka_unit_test (test_it_is_bounded),         cmocka_unit_test (test_join),
        cmocka_unit_test (test_a_lost_join),           cmocka_unit_test (test_threads),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
