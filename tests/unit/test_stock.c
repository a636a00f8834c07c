//  The stock gives the bytes of any task that is not counted, and keeps no block longer than its last task.
#include "test_core_help.h"

#include "core/stock.h"

static const shape_t lines = {BLOCK_DELIMITED, '\n', 1, 1};

static void release (void *hint)
{
    char **bytes = hint;
    free (*bytes);
    *bytes = NULL;
}

//  Lines that hold their own numbers; `held` tells whether the block still lives.
static slice_t make_lines (uint64_t n, uint64_t count, char **held)
{
    char *bytes = malloc (24 * (count + 1));
    size_t size = 0;
    for (uint64_t i = 0; i < count; i++)
        size += (size_t)sprintf (bytes + size, "%llu\n", (unsigned long long)(n + i));
    *held = bytes;
    block_t *block = block_wrap (bytes, size, release, held);
    slice_t slice = slice_of (block, 0, size);
    block_unref (block);
    return slice;
}

static void assert_lines (const slice_t *slice, uint64_t n, uint64_t count)
{
    char *held;
    slice_t model = make_lines (n, count, &held);
    assert_int_equal (slice->size, model.size);
    assert_memory_equal (slice->data, model.data, model.size);
    slice_drop (&model);
}

enum { BLOCKS = 30, MOST = 20 };

typedef struct {
    stock_t stock;
    char *held[BLOCKS];
    uint64_t first[BLOCKS], count[BLOCKS], left[BLOCKS];
    bool gone[BLOCKS * MOST * 2]; // counted, or without bytes
    uint64_t seed;
} model_t;

static void fill (model_t *self)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        if (below (&self->seed, 4) == 0) {
            uint64_t skip = 1 + below (&self->seed, 5);
            for (uint64_t k = 0; k < skip; k++)
                self->gone[self->stock.next_n + k] = true;
            stock_skip (&self->stock, skip);
        }
        self->first[i] = self->stock.next_n;
        self->count[i] = self->left[i] = 1 + below (&self->seed, MOST);
        slice_t bytes = make_lines (self->first[i], self->count[i], &self->held[i]);
        assert_int_equal (stock_add (&self->stock, &bytes, self->count[i]), 0);
        assert_null (bytes.block);
    }
}

static size_t block_of (const model_t *self, uint64_t n)
{
    for (size_t i = 0; i < BLOCKS; i++)
        if (n >= self->first[i] && n < self->first[i] + self->count[i])
            return i;
    return BLOCKS;
}

static void check_slice (model_t *self, uint64_t n)
{
    uint64_t count = 1 + below (&self->seed, 2 * MOST), asked = count;
    slice_t slice = stock_slice (&self->stock, n, &count, NULL);
    size_t i = block_of (self, n);
    if (i == BLOCKS || !self->left[i]) {
        assert_null (slice.block);
        return;
    }
    uint64_t rest = self->first[i] + self->count[i] - n;
    assert_int_equal (count, asked < rest ? asked : rest);
    assert_lines (&slice, n, count);
    slice_drop (&slice);
}

static void forget (model_t *self, uint64_t n)
{
    uint64_t count = 0;
    while (count < 8 && n + count < self->stock.next_n && !self->gone[n + count] && below (&self->seed, 6))
        count++;
    stock_forget (&self->stock, n, count);
    for (uint64_t k = n; k < n + count; k++) {
        self->gone[k] = true;
        self->left[block_of (self, k)]--;
    }
}

static void test_stock_is_what_is_not_counted (void **state)
{
    for (uint64_t seed = 1; seed <= 100; seed++) {
        model_t *self = calloc (1, sizeof *self);
        self->seed = seed;
        stock_init (&self->stock, &lines);
        fill (self);
        for (int step = 0; step < 3000; step++) {
            uint64_t n = 1 + below (&self->seed, self->stock.next_n - 1);
            if (below (&self->seed, 2))
                check_slice (self, n);
            else
                forget (self, n);
            size_t bytes = 0;
            for (size_t i = 0; i < BLOCKS; i++) {
                assert_int_equal (self->held[i] != NULL, self->left[i] > 0);
                if (self->held[i])
                    bytes += strlen (self->held[i]);
            }
            assert_int_equal (bytes, self->stock.bytes);
        }
        stock_free (&self->stock);
        for (size_t i = 0; i < BLOCKS; i++)
            assert_null (self->held[i]);
        free (self);
    }
}

//  One task takes for ever; the memory for those behind it does not grow with their number.
static void test_a_slow_task_holds_only_its_own_block (void **state)
{
    enum { SLOW = 3, TASKS = 2, LOTS = 100000 };
    stock_t stock;
    stock_init (&stock, &lines);
    for (uint64_t lot = 0; lot < LOTS; lot++) {
        uint64_t n = stock.next_n, count = TASKS;
        slice_t bytes = slice_text ("a\nb\n");
        assert_int_equal (stock_add (&stock, &bytes, TASKS), 0);
        for (uint64_t i = n; i < n + TASKS; i++)
            stock_forget (&stock, i, i != SLOW);
        slice_t slice = stock_slice (&stock, SLOW, &count, NULL);
        assert_int_equal (slice.block != NULL, lot > 0);
        slice_drop (&slice);
    }
    assert_true (stock.capacity < 64);
    stock_forget (&stock, SLOW, 1);
    assert_int_equal (stock.size, 0);
    assert_int_equal (stock.bytes, 0);
    stock_free (&stock);
}

static void test_what_is_not_held_is_empty (void **state)
{
    stock_t stock;
    uint64_t count = 1;
    stock_init (&stock, &lines);
    assert_null (stock_slice (&stock, 1, &count, NULL).block);
    stock_forget (&stock, 1, 100);
    stock_skip (&stock, 5);
    assert_null (stock_slice (&stock, 3, &count, NULL).block);
    stock_free (&stock);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_stock_is_what_is_not_counted),
        cmocka_unit_test (test_a_slow_task_holds_only_its_own_block),
        cmocka_unit_test (test_what_is_not_held_is_empty),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
