//  Tasks by the block: put with one call, done by the threads of dishes_run, told in runs, over each transport.
#include "test_api_help.h"

#include <errno.h>

enum { ITEMS = 60000, BLOCK = 4096, ITEM_BYTES = 16 };

typedef struct {
    atomic_uchar seen[ITEMS];
    atomic_bool is_wrong;
} work_t;

//  Numbers as they were put; those that end in 777 fail, those in 500 have something to say.
static int see_item (void *arg, dishes_task_t *task)
{
    work_t *self = arg;
    char text[ITEM_BYTES + 1] = "";
    if (dishes_task_size (task) > ITEM_BYTES) {
        atomic_store (&self->is_wrong, true);
        return 1;
    }
    memcpy (text, dishes_task_data (task), dishes_task_size (task));
    unsigned long number = strtoul (text, NULL, 10);
    size_t size;
    const void *value = dishes_task_value (task, 0, &size);
    if (number != dishes_task_number (task) - 1 || value != dishes_task_data (task) ||
        size != dishes_task_size (task) || atomic_fetch_add (&self->seen[number], 1))
        atomic_store (&self->is_wrong, true);
    if (number % 1000 == 500)
        dishes_task_write (task, text, strlen (text));
    return number % 1000 == 777 ? 9 : 0;
}

typedef struct {
    uint64_t tasks, calls, failed, outputs;
    bool is_wrong;
} told_t;

static void hear (void *arg, const dishes_result_t *result)
{
    told_t *self = arg;
    char text[ITEM_BYTES + 1];
    uint64_t number = result->number - 1;
    self->tasks += result->count;
    self->calls++;
    self->failed += result->outcome == DISHES_FAILED ? result->count : 0;
    for (uint64_t i = 0; i < result->count; i++) {
        bool is_bad = (number + i) % 1000 == 777, has_output = (number + i) % 1000 == 500;
        self->is_wrong |= result->status != (is_bad ? 9 : 0) || (result->out != NULL) != has_output;
    }
    if (!result->out)
        return;
    snprintf (text, sizeof text, "%lu", (unsigned long)number);
    self->is_wrong |= result->count != 1 || result->out_size != strlen (text) ||
                      memcmp (result->out, text, result->out_size) != 0 || !result->start_us;
    self->outputs++;
}

//  In blocks, the last item of each with its delimiter or without; between them single ones.
static void put_all (dishes_washer_t *washer)
{
    static char block[BLOCK * ITEM_BYTES];
    int n = 0;
    for (int round = 0; n < ITEMS; round++) {
        int size = 0, first = n;
        char delimiter = round % 3 ? '\n' : ';';
        for (; n < ITEMS && n < first + BLOCK - 1; n++)
            size += sprintf (block + size, "%d%c", n, delimiter);
        assert_int_equal (dishes_put_block (washer, block, (size_t)(size - round % 2), delimiter, PATIENCE_MS),
                          n - first);
        if (n == ITEMS)
            return;
        size = sprintf (block, "%d", n++);
        assert_int_equal (dishes_put (washer, block, (size_t)size, PATIENCE_MS), 0);
    }
}

static void check_blocks (const char *at)
{
    work_t *work = calloc (1, sizeof *work);
    told_t told = {0};
    kitchen_t kitchen;
    runner_t runner = {.threads = 3, .fn = see_item, .arg = work, .opts = {.size = sizeof runner.opts}};
    dishes_opts_t sink = {.size = sizeof sink, .result = hear, .result_arg = &told, .result_runs = 1};
    kitchen_open (&kitchen, at, NULL, NULL, &sink);
    dishes_dryer_destroy (&kitchen.dryer);
    runner_start (&runner, kitchen.at);
    put_all (kitchen.washer);
    dishes_end (kitchen.washer);
    assert_int_equal (dishes_join (kitchen.washer, PATIENCE_MS), 0);
    runner_join (&runner);
    assert_int_equal (runner.rc, 0);
    dishes_figures_t figures = kitchen_close (&kitchen);
    assert_int_equal (figures.ok, ITEMS - ITEMS / 1000);
    assert_int_equal (figures.failed, ITEMS / 1000);
    assert_int_equal (figures.duplicates, 0);
    assert_int_equal (told.tasks, ITEMS);
    assert_int_equal (told.failed, ITEMS / 1000);
    assert_int_equal (told.outputs, ITEMS / 1000);
    assert_false (told.is_wrong);
    assert_false (atomic_load (&work->is_wrong));
    for (int i = 0; i < ITEMS; i++)
        assert_int_equal (atomic_load (&work->seen[i]), 1);
    free (work);
}

static void test_blocks (void **state)
{
    each_transport (check_blocks);
}

static void test_what_cannot_be_put (void **state)
{
    kitchen_t kitchen;
    dishes_opts_t opts = {.size = sizeof opts, .queue_tasks = 5};
    kitchen_open (&kitchen, "inproc://full", &opts, NULL, NULL);
    dishes_dryer_destroy (&kitchen.dryer);
    char *huge = malloc (DISHES_TASK_BYTES + 2);
    memset (huge, 'x', DISHES_TASK_BYTES + 2);
    assert_int_equal (dishes_put_block (kitchen.washer, huge, DISHES_TASK_BYTES + 2, '\n', 0), -1);
    assert_int_equal (errno, EMSGSIZE);
    assert_non_null (strstr (dishes_error (), "longer"));
    free (huge);
    assert_int_equal (dishes_put_block (kitchen.washer, NULL, 0, '\n', 0), 0);
    assert_int_equal (dishes_put_block (kitchen.washer, "a\nb\nc\nd\ne\nf", 11, '\n', 0), 6); // there was room
    assert_int_equal (dishes_put_block (kitchen.washer, "g", 1, '\n', 1), -1);
    assert_int_equal (errno, ETIMEDOUT);
    dishes_end (kitchen.washer);
    assert_int_equal (dishes_put_block (kitchen.washer, "h", 1, '\n', PATIENCE_MS), -1);
    assert_int_equal (errno, EPIPE);
    dishes_sink_cancel (kitchen.sink);
    assert_int_equal (kitchen_close (&kitchen).end, DISHES_CANCELED);
}

int main (void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test (test_blocks), cmocka_unit_test (test_what_cannot_be_put)};
    return run_api_tests (tests);
}
