//  What a task was given, as the sink is told of it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/done.h"
#include "core/item.h"
#include "core/report.h"

static const shape_t lines = {.format = BLOCK_DELIMITED, .delimiter = '\n', .columns = 1, .items = 2};

static void assert_values (const writer_t *item, uint16_t columns, const char *joined)
{
    value_cursor_t cursor;
    const uint8_t *value;
    size_t size, at = 0;
    char text[100];
    assert_true (item_open (&cursor, item->data, item->size));
    assert_int_equal (cursor.shape.columns, columns);
    while (value_next (&cursor, &value, &size)) {
        memcpy (text + at, value, size);
        at += size;
        text[at++] = '|';
    }
    text[at] = '\0';
    assert_string_equal (text, joined);
}

static void test_either_way_of_lying (void **state)
{
    writer_t item = {0};
    item_put (&item, &lines, (const uint8_t *)"a\n\n", 3);
    assert_values (&item, 1, "a||");
    static const uint8_t prefixed[] = {2, 0, 0, 0, 1, 0, 0, 0, 'x', 2, 0, 0, 0, 'y', 'z'};
    const shape_t shape = {.format = BLOCK_PREFIXED, .columns = 2, .items = 1};
    item.size = 0;
    item_put (&item, &shape, prefixed, sizeof prefixed);
    assert_values (&item, 2, "x|yz|");
    writer_free (&item);
}

static void test_a_huge_value_is_cut (void **state)
{
    enum { SIZE = 1 << 20 };
    uint8_t *bytes = malloc (SIZE);
    memset (bytes, 'a', SIZE);
    writer_t item = {0};
    item_put (&item, &lines, bytes, SIZE);
    assert_int_equal (item.size, 2 + 4 + 4 + ITEM_VALUE_MOST);
    value_cursor_t cursor;
    assert_true (item_open (&cursor, item.data, item.size));
    writer_free (&item);
    free (bytes);
}

static void test_what_is_no_item (void **state)
{
    writer_t item = {0};
    value_cursor_t cursor;
    item_put (&item, &lines, (const uint8_t *)"ab\nc\n", 5);
    for (size_t size = 0; size < item.size; size++)
        assert_false (item_open (&cursor, item.data, size));
    item.data[0] = 0; // no columns
    assert_false (item_open (&cursor, item.data, item.size));
    item.size = 0;
    item_put (&item, &lines, (const uint8_t *)"", 0); // no values
    assert_false (item_open (&cursor, item.data, item.size));
    item.size = 0;
    item_put (&item, &(shape_t){BLOCK_WHOLE, 0, 1, 1}, (const uint8_t *)"ab", 2); // a block is no name
    assert_false (item_open (&cursor, item.data, item.size));
    writer_free (&item);
}

//  ---- on its way

static size_t read_output (void *arg, void *cookie, int stream, uint64_t offset, uint8_t *out, size_t size)
{
    memset (out, 'o', size);
    return size;
}

static void free_output (void *arg, void *cookie)
{
}

static const dryer_ports_t ports = {.read_output = read_output, .free_output = free_output};

//  The next DONE of a link, read as the sink does: `n` of them.
static void read_letter (link_t *link, packet_t *packet, completion_t *out, size_t n)
{
    assert_true (link_next (link, packet));
    assert_int_equal (packet->header.count, n);
    reader_t in = {.at = packet->records.data, .end = packet->records.data + packet->records.size};
    reader_t body = {.at = packet->body.data, .end = packet->body.data + packet->body.size};
    get_u64 (&in);
    for (size_t i = 0; i < n; i++)
        out[i] = done_read (&in, &body);
    assert_false (in.bad);
    assert_true (in.at == in.end && body.at == body.end);
}

static void test_it_comes_with_the_completion (void **state)
{
    reports_t reports = {0};
    link_t link = {0};
    writer_t item = {0};
    running_t job = {.washer = 1, .seq = 1, .attempt = 1};
    item_put (&item, &lines, (const uint8_t *)"a\nb\n", 4);
    result_t result = {.n = 1, .count = 1, .item = item.data, .item_size = item.size};
    reports_add (&reports, &link, 0, &job, &result, &ports); // silent, and not joined with the next one
    result.n = 2;
    reports_add (&reports, &link, 0, &job, &result, &ports);
    result = (result_t){.n = 3, .count = 1, .out_bytes = 5, .cookie = &result, .tag = "tag", .tag_size = 3};
    result.item = item.data;
    result.item_size = item.size;
    reports_add (&reports, &link, 0, &job, &result, &ports);
    reports_add (&reports, &link, 0, &job, &(result_t){.n = 4, .count = 2}, &ports); // one that was not asked
    size_t size = item.size;
    uint8_t wanted[64];
    memcpy (wanted, item.data, size);
    memset (item.data, '?', item.size); // copies were taken
    reports_pump (&reports, &link, 1000, &ports);
    packet_t packet = {0};
    completion_t seen[4];
    read_letter (&link, &packet, seen, 4);
    const uint64_t order[] = {1, 2, 4, 3};
    for (int i = 0; i < 4; i++) {
        assert_int_equal (seen[i].n, order[i]);
        assert_int_equal (seen[i].flags, 0);
        assert_int_equal (seen[i].values_size, order[i] == 4 ? 0 : size);
        if (order[i] != 4)
            assert_memory_equal (seen[i].values, wanted, size);
    }
    assert_int_equal (seen[3].out_size, 5);
    packet_drop (&packet);
    writer_free (&item);
    reports_free (&reports, &ports);
    link_free (&link);
}

static void test_a_broken_task (void **state)
{
    writer_t records = {0}, values = {0};
    slice_t bytes, body = slice_of (block_new (4), 0, 4);
    memcpy ((uint8_t *)body.data, "a\nb\n", 4);
    put_u64 (&records, 9);
    put_u32 (&records, 3);
    put_shape (&records, &lines);
    assert_int_equal (writer_take (&records, &bytes), 0);
    reader_t in = {.at = bytes.data, .end = bytes.data + bytes.size};
    completion_t c = broken_read (&in, &body, &values);
    assert_false (in.bad);
    assert_int_equal (c.n, 9);
    assert_int_equal (c.attempt, 3);
    assert_values (&values, 1, "a|b|");
    in = (reader_t){.at = bytes.data, .end = bytes.data + bytes.size - 1};
    broken_read (&in, &body, &values);
    assert_true (in.bad);
    writer_free (&values);
    slice_drop (&bytes);
    block_unref (body.block);
    slice_drop (&body);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_either_way_of_lying), cmocka_unit_test (test_a_huge_value_is_cut),
        cmocka_unit_test (test_what_is_no_item),     cmocka_unit_test (test_it_comes_with_the_completion),
        cmocka_unit_test (test_a_broken_task),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
