//  The desk over a pipeline of cores: tasks are got and done in any thread, canceled, and given back.
#include "test_core_pipe.h"

#include "api/desk.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

enum { PATIENCE_MS = 60000 };

typedef struct {
    pipe_t pipe;
    pipe_dryer_t dryers[1];
    control_t *control;
    desk_t *desk;
    hands_t hands;
} kitchen_t;

static void kitchen_open (kitchen_t *self, uint32_t slots, unsigned tasks)
{
    sink_config_t sink = {.dead_after_ms = PATIENCE_MS, .output_bytes = 1 << 20, .backlog_bytes = 1 << 20};
    washer_config_t washer = {.shape = {.delimiter = '\n', .columns = 1, .items = 1}, .retries = 1};
    dryer_config_t dryer = {.slots = slots, .prefetch = slots, .grain = 1, .unsure = slots};
    pipe_begin (&self->pipe, self->dryers, 1, &sink, &washer, &dryer);
    pipe_meet (&self->pipe);
    block_t *block = block_new (2 * tasks);
    for (unsigned i = 0; i < tasks; i++)
        memcpy (block_data (block) + (size_t)2 * i, "x\n", 2);
    slice_t bytes = slice_of (block, 0, 2 * tasks);
    block_unref (block);
    assert_int_equal (washer_put (self->pipe.washer, &bytes, tasks), 0);
    washer_eof (self->pipe.washer);
    self->control = control_new ();
    self->desk = desk_new (slots, self->control);
    self->hands = desk_hands (self->desk);
    self->dryers[0].free_output = self->hands.free_output;
    self->dryers[0].free_arg = self->hands.arg;
}

static void turn (kitchen_t *self)
{
    self->pipe.now_ms++;
    pipe_turn (&self->pipe);
    assert_int_equal (self->hands.work (self->hands.arg, self->dryers[0].core, self->pipe.now_ms, true), 0);
    pipe_turn (&self->pipe);
}

static void kitchen_close (kitchen_t *self)
{
    pipe_end (&self->pipe);
    desk_destroy (&self->desk);
    desk_destroy (&self->desk);
    control_destroy (&self->control);
}

static bool is_readable (desk_t *desk)
{
    struct pollfd fd = {.fd = desk_fd (desk), .events = POLLIN};
    return poll (&fd, 1, 0) == 1;
}

static void test_get_and_done (void **state)
{
    kitchen_t kitchen;
    dishes_task_t *tasks[3];
    kitchen_open (&kitchen, 2, 3);
    assert_null (desk_get (kitchen.desk, 0));
    assert_int_equal (errno, ETIMEDOUT);
    assert_false (is_readable (kitchen.desk));
    turn (&kitchen);
    assert_true (is_readable (kitchen.desk));
    assert_non_null (tasks[0] = desk_get (kitchen.desk, 0));
    assert_true (is_readable (kitchen.desk));
    assert_non_null (tasks[1] = desk_get (kitchen.desk, 0));
    assert_false (is_readable (kitchen.desk));
    turn (&kitchen);
    assert_null (desk_get (kitchen.desk, 0)); // both slots are taken
    assert_int_equal (kitchen.hands.running (kitchen.hands.arg), 2);
    assert_int_equal (dishes_task_number (tasks[1]), 2);
    assert_int_equal (dishes_task_size (tasks[1]), 1);
    size_t size;
    assert_memory_equal (dishes_task_value (tasks[1], 0, &size), "x", 1);
    assert_null (dishes_task_value (tasks[1], 1, &size));
    assert_int_equal (size, 0);
    assert_int_equal (dishes_task_done (&tasks[1], 0, NULL, 0), 0);
    turn (&kitchen);
    assert_int_equal (washer_counted_to (kitchen.pipe.washer), 0); // only the second one is counted
    assert_non_null (tasks[2] = desk_get (kitchen.desk, 0));
    assert_int_equal (dishes_task_number (tasks[2]), 3);
    dishes_task_done (&tasks[0], 1, NULL, 0);
    turn (&kitchen);
    turn (&kitchen);
    assert_int_equal (washer_counted_to (kitchen.pipe.washer), 2);
    dishes_task_done (&tasks[2], 0, NULL, 0);
    turn (&kitchen);
    turn (&kitchen);
    assert_int_equal (kitchen.pipe.completed, 3);
    desk_over (kitchen.desk, ENODATA);
    assert_true (is_readable (kitchen.desk));
    assert_null (desk_get (kitchen.desk, PATIENCE_MS));
    assert_int_equal (errno, ENODATA);
    kitchen_close (&kitchen);
}

static void test_items_where_they_are_wanted (void **state)
{
    kitchen_t kitchen;
    kitchen_open (&kitchen, 4, 4);
    assert_int_equal (kitchen.hands.want (kitchen.hands.arg, WANT_ITEM, ""), 0);
    turn (&kitchen);
    for (int i = 0; i < 4; i++) {
        dishes_task_t *task = desk_get (kitchen.desk, 0);
        assert_non_null (task);
        dishes_task_done (&task, 0, "out", i % 2 ? 3 : 0);
    }
    while (kitchen.pipe.completed < 4)
        turn (&kitchen);
    assert_int_equal (kitchen.pipe.items, 4);
    desk_over (kitchen.desk, ENODATA);
    kitchen_close (&kitchen);
}

//  A dryer whose life was closed, and a run that ends: what is in hand is of no use, and outlives the desk.
static void test_canceled (void **state)
{
    kitchen_t kitchen;
    kitchen_open (&kitchen, 4, 4);
    turn (&kitchen);
    dishes_task_t *task = desk_get (kitchen.desk, 0), *other = desk_get (kitchen.desk, 0);
    assert_non_null (other);
    kitchen.hands.end (kitchen.hands.arg, true, kitchen.pipe.now_ms);
    assert_int_equal (kitchen.hands.running (kitchen.hands.arg), 0);
    assert_int_equal (dishes_task_canceled (task), 1);
    assert_int_equal (dishes_task_done (&task, 0, NULL, 0), -1);
    assert_int_equal (errno, ECANCELED);
    assert_null (desk_get (kitchen.desk, 0));
    kitchen_close (&kitchen);
    assert_int_equal (dishes_task_write (other, "y", 1), 0);
    assert_memory_equal (dishes_task_data (other), "x", 1);
    assert_int_equal (dishes_task_done (&other, 0, NULL, 0), -1);
    assert_null (other);
}

//  What is on the desk and in hand goes back; the washer has it to send again.
static void test_closed (void **state)
{
    kitchen_t kitchen;
    kitchen_open (&kitchen, 3, 3);
    turn (&kitchen);
    dishes_task_t *task = desk_get (kitchen.desk, 0);
    assert_int_equal (washer_status (kitchen.pipe.washer).out, 3);
    desk_close (kitchen.desk);
    dryer_leave (kitchen.dryers[0].core, kitchen.pipe.now_ms);
    for (int i = 0; i < 5; i++)
        turn (&kitchen);
    assert_int_equal (washer_status (kitchen.pipe.washer).out, 0);
    assert_int_equal (washer_unsent_tasks (kitchen.pipe.washer), 3);
    assert_int_equal (washer_counted_to (kitchen.pipe.washer), 0);
    assert_int_equal (dryer_status (kitchen.dryers[0].core).returned, 3);
    assert_int_equal (dishes_task_done (&task, 0, NULL, 0), -1);
    kitchen_close (&kitchen);
}

//  ---- several threads

enum { THREADS = 4, TASKS = 5000 };

typedef struct {
    desk_t *desk;
    atomic_uint done;
} work_t;

static void *work (void *arg)
{
    work_t *self = arg;
    dishes_task_t *task;
    while ((task = desk_get (self->desk, PATIENCE_MS))) {
        atomic_fetch_add (&self->done, 1);
        dishes_task_done (&task, 0, NULL, 0);
    }
    return NULL;
}

static void test_threads (void **state)
{
    kitchen_t kitchen;
    pthread_t threads[THREADS];
    kitchen_open (&kitchen, 16, TASKS);
    work_t shared = {.desk = kitchen.desk};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal (pthread_create (&threads[i], NULL, work, &shared), 0);
    while (kitchen.pipe.completed < TASKS) {
        turn (&kitchen);
        assert_int_equal (loop_wait (control_loop (kitchen.control), loop_now_ms () + 1), 0);
    }
    desk_over (kitchen.desk, ENODATA);
    for (int i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);
    assert_int_equal (atomic_load (&shared.done), TASKS);
    kitchen_close (&kitchen);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_get_and_done), cmocka_unit_test (test_items_where_they_are_wanted),
        cmocka_unit_test (test_canceled),     cmocka_unit_test (test_closed),
        cmocka_unit_test (test_threads),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
