//  Blocks are freed with their last reference; shapes find tasks and values, and refuse torn bytes.
#include "test_core_help.h"

#include "core/block.h"

static void release (void *hint)
{
    ++*(int *)hint;
}

static void test_last_reference_releases (void **state)
{
    char bytes[] = "abcdef";
    int released = 0;
    block_t *block = block_wrap (bytes, 6, release, &released);
    assert_int_equal (block_capacity (block), 6);
    slice_t first = slice_of (block, 2, 3), second = slice_copy (&first);
    block_unref (block);
    assert_memory_equal (second.data, "cde", 3);
    slice_drop (&first);
    slice_drop (&first); // an empty slice may be dropped again
    assert_int_equal (released, 0);
    slice_drop (&second);
    assert_int_equal (released, 1);
    block_unref (NULL);
    slice_t none = {0};
    assert_null (slice_copy (&none).block);
}

static const struct {
    shape_t shape;
    const char *bytes;
    size_t size;
    uint64_t count; // UINT64_MAX: torn
} shapes[] = {
    {{BLOCK_DELIMITED, '\n', 1, 1}, "", 0, 0},
    {{BLOCK_DELIMITED, '\n', 1, 1}, "a\n\nb\n", 5, 3},
    {{BLOCK_DELIMITED, '\n', 1, 1}, "a\nb", 3, UINT64_MAX},
    {{BLOCK_DELIMITED, '\n', 1, 2}, "a\nb\nc\n", 6, 2},
    {{BLOCK_DELIMITED, '\n', 1, UINT32_MAX}, "a\nb\nc\n", 6, 1},
    {{BLOCK_DELIMITED, '\0', 1, 1}, "a\0b\0", 4, 2},
    {{BLOCK_PREFIXED, 0, 1, 1}, "\1\0\0\0\2\0\0\0ab", 10, 1},
    {{BLOCK_PREFIXED, 0, 1, 1}, "\0\0\0\0\0\0\0\0", 8, 2},
    {{BLOCK_PREFIXED, 0, 1, 1}, "\1\0\0\0\2\0\0\0a", 9, UINT64_MAX},
    {{BLOCK_PREFIXED, 0, 1, 1}, "\1\0\0\0\2\0\0", 7, UINT64_MAX},
    {{BLOCK_PREFIXED, 0, 1, 1}, "\1\0\0", 3, UINT64_MAX},
    {{BLOCK_PREFIXED, 0, 1, 1}, "\xff\xff\xff\xff\0\0\0\0", 8, UINT64_MAX},
    {{BLOCK_PREFIXED, 0, 1, 1}, "\1\0\0\0\xff\xff\xff\xff", 8, UINT64_MAX},
    {{BLOCK_WHOLE, 0, 1, 1}, "", 0, 0},
    {{BLOCK_WHOLE, 0, 1, 1}, "a\nb", 3, 1},
};

static void test_shapes_are_counted (void **state)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const uint8_t *bytes = (const uint8_t *)shapes[i].bytes;
        assert_int_equal (shape_count (&shapes[i].shape, bytes, shapes[i].size), shapes[i].count);
        if (shapes[i].count == UINT64_MAX)
            continue;
        assert_int_equal (shape_skip (&shapes[i].shape, bytes, shapes[i].size, shapes[i].count), shapes[i].size);
        assert_true (shape_skip (&shapes[i].shape, bytes, shapes[i].size, shapes[i].count + 1) == SIZE_MAX);
        assert_true (shape_skip (&shapes[i].shape, bytes, shapes[i].size, UINT64_MAX) == SIZE_MAX);
    }
}

//  Tasks made at random, each with its values; in either format.
enum { TASKS = 40, VALUES = 5 };

typedef struct {
    shape_t shape;
    uint8_t bytes[TASKS * VALUES * 24];
    size_t size, ends[TASKS + 1]; // ends[i]: where task i begins
    char values[TASKS][VALUES][16];
    size_t values_size[TASKS];
} sample_t;

static void put (sample_t *self, const void *data, size_t size)
{
    memcpy (self->bytes + self->size, data, size);
    self->size += size;
}

static void put_length (sample_t *self, uint32_t length)
{
    put (self, (uint8_t[]){(uint8_t)length, (uint8_t)(length >> 8), 0, 0}, 4);
}

static void make_sample (sample_t *self, uint64_t *seed)
{
    bool prefixed = below (seed, 2);
    uint32_t items = 1 + (uint32_t)below (seed, VALUES);
    *self = (sample_t){.shape = {prefixed ? BLOCK_PREFIXED : BLOCK_DELIMITED, '\n', 1, items}};
    for (size_t task = 0; task < TASKS; task++) {
        size_t values = prefixed ? below (seed, VALUES + 1) : items;
        if (!prefixed && task == TASKS - 1)
            values = 1 + below (seed, items); // the last one of an input may have fewer
        self->values_size[task] = values;
        if (prefixed)
            put_length (self, (uint32_t)values);
        for (size_t value = 0; value < values; value++) {
            char *text = self->values[task][value];
            size_t length = below (seed, 15);
            for (size_t i = 0; i < length; i++)
                text[i] = (char)('a' + below (seed, 26));
            if (prefixed)
                put_length (self, (uint32_t)length);
            put (self, text, length);
            if (!prefixed)
                put (self, "\n", 1);
        }
        self->ends[task + 1] = self->size;
    }
}

static void check_values (const sample_t *sample, size_t task)
{
    const uint8_t *bytes = sample->bytes + sample->ends[task], *value;
    size_t size, seen = 0;
    value_cursor_t cursor = value_cursor (&sample->shape, bytes, sample->ends[task + 1] - sample->ends[task]);
    for (; value_next (&cursor, &value, &size); seen++) {
        assert_true (seen < sample->values_size[task]);
        assert_int_equal (size, strlen (sample->values[task][seen]));
        assert_memory_equal (value, sample->values[task][seen], size);
    }
    assert_int_equal (seen, sample->values_size[task]);
    assert_false (value_next (&cursor, &value, &size));
}

static void test_random_tasks_are_found (void **state)
{
    uint64_t seed = 1;
    for (int round = 0; round < 200; round++) {
        sample_t sample;
        make_sample (&sample, &seed);
        assert_int_equal (shape_count (&sample.shape, sample.bytes, sample.size), TASKS);
        for (size_t from = 0; from < TASKS; from++) {
            size_t tasks = below (&seed, TASKS - from + 1);
            size_t start = sample.ends[from];
            assert_int_equal (shape_skip (&sample.shape, sample.bytes + start, sample.size - start, tasks),
                              sample.ends[from + tasks] - start);
            check_values (&sample, from);
        }
    }
}

//  Any bytes: what is counted can be skipped, and walking over values ends. (Run under the sanitizers.)
static void test_random_bytes_do_no_harm (void **state)
{
    uint64_t seed = 2;
    for (int round = 0; round < 20000; round++) {
        size_t size = below (&seed, 40);
        uint8_t *bytes = malloc (size + 1);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(below (&seed, 3) ? below (&seed, 4) : chance (&seed));
        bytes = realloc (bytes, size ? size : 1);
        shape_t shape = {(uint8_t)below (&seed, 2), (uint8_t)below (&seed, 4), 1, 1 + (uint32_t)below (&seed, 3)};
        uint64_t count = shape_count (&shape, bytes, size);
        if (count != UINT64_MAX)
            assert_int_equal (shape_skip (&shape, bytes, size, count), size);
        const uint8_t *value;
        size_t value_size, total = 0;
        value_cursor_t cursor = value_cursor (&shape, bytes, size);
        while (value_next (&cursor, &value, &value_size)) {
            total += value_size;
            assert_true (value >= bytes && value + value_size <= bytes + size);
        }
        assert_true (total <= size);
        free (bytes);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_last_reference_releases),
        cmocka_unit_test (test_shapes_are_counted),
        cmocka_unit_test (test_random_tasks_are_found),
        cmocka_unit_test (test_random_bytes_do_no_harm),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
