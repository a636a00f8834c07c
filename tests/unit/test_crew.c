//  The crew over a pipeline of cores: threads do tasks by the stint, and nothing waits behind one that takes long.
#include "test_core_pipe.h"

#include "api/crew.h"
#include "core/item.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sched.h>

enum { PATIENCE_MS = 60000, TASKS = 60000, STICKY = 30000, THREADS_MOST = 3, CREWS = 2 };

typedef struct {
    crew_t *crew;
    unsigned index;
    dishes_task_fn *fn;
    void *arg;
    pthread_t thread;
    int error;
} worker_t;

typedef struct {
    pipe_t pipe;
    pipe_dryer_t dryers[CREWS];
    control_t *control;
    crew_t *crews[CREWS];
    hands_t hands[CREWS];
    worker_t workers[CREWS * THREADS_MOST];
    unsigned crew_count, worker_count;
    atomic_uint done, seen[TASKS + 1];
    atomic_uint held;     // by a task that does not end
    atomic_bool released; // it may
    atomic_bool canceled; // it was
} kitchen_t;

static void put_lines (kitchen_t *self, unsigned tasks)
{
    enum { LOT = 4096 };
    for (unsigned put = 0; put < tasks;) {
        unsigned count = tasks - put < LOT ? tasks - put : LOT;
        block_t *block = block_new (count * (size_t)8);
        size_t size = 0;
        for (unsigned i = 0; i < count; i++)
            size += (size_t)sprintf ((char *)block_data (block) + size, "%u\n", ++put);
        slice_t bytes = slice_of (block, 0, size);
        block_unref (block);
        assert_int_equal (washer_put (self->pipe.washer, &bytes, count), 0);
    }
    washer_eof (self->pipe.washer);
}

static void *work (void *arg)
{
    worker_t *self = arg;
    self->error = crew_work (self->crew, self->index, self->fn, self->arg);
    return NULL;
}

static kitchen_t *kitchen_open (unsigned crews, unsigned threads)
{
    kitchen_t *self = calloc (1, sizeof *self);
    sink_config_t sink = {.dead_after_ms = PATIENCE_MS, .output_bytes = 1 << 20, .backlog_bytes = 1 << 20};
    washer_config_t washer = {.shape = {.delimiter = '\n', .columns = 1, .items = 1}, .retries = 1};
    dryer_config_t dryer = {.slots = threads, .prefetch = 64, .grain = 1, .unsure = threads};
    pipe_begin (&self->pipe, self->dryers, crews, &sink, &washer, &dryer);
    pipe_meet (&self->pipe);
    self->control = control_new ();
    self->crew_count = crews;
    return self;
}

static void hire (kitchen_t *self, unsigned crew, unsigned threads, dishes_task_fn *fn)
{
    pace_config_t config = {.threads = threads, .slots = threads, .prefetch = 64};
    self->crews[crew] = crew_new (&config, self->control);
    self->hands[crew] = crew_hands (self->crews[crew]);
    self->dryers[crew].free_output = self->hands[crew].free_output;
    self->dryers[crew].free_arg = self->hands[crew].arg;
    for (unsigned i = 0; i < threads; i++) {
        worker_t *worker = &self->workers[self->worker_count++];
        *worker = (worker_t){.crew = self->crews[crew], .index = i, .fn = fn, .arg = self};
        assert_int_equal (pthread_create (&worker->thread, NULL, work, worker), 0);
    }
}

static void turn (kitchen_t *self)
{
    self->pipe.now_ms = loop_now_ms ();
    pipe_turn (&self->pipe);
    int64_t due_ms = self->pipe.now_ms + 1;
    for (unsigned i = 0; i < self->crew_count; i++)
        if (self->hands[i].work)
            assert_int_equal (self->hands[i].work (self->hands[i].arg, self->dryers[i].core, self->pipe.now_ms, true),
                              0);
    pipe_turn (&self->pipe);
    assert_int_equal (loop_wait (control_loop (self->control), due_ms), 0);
}

static void turn_until_done (kitchen_t *self, unsigned tasks)
{
    int64_t end_ms = loop_now_ms () + PATIENCE_MS;
    while (self->pipe.completed < tasks) {
        assert_true (loop_now_ms () < end_ms);
        turn (self);
    }
    assert_int_equal (self->pipe.completed, tasks);
}

static void kitchen_close (kitchen_t *self)
{
    for (unsigned i = 0; i < self->crew_count; i++)
        if (self->crews[i])
            crew_over (self->crews[i], ENODATA);
    for (unsigned i = 0; i < self->worker_count; i++) {
        pthread_join (self->workers[i].thread, NULL);
        assert_int_equal (self->workers[i].error, ENODATA);
    }
    pipe_end (&self->pipe);
    for (unsigned i = 0; i < self->crew_count; i++)
        crew_destroy (&self->crews[i]);
    control_destroy (&self->control);
    free (self);
}

static unsigned number_of (dishes_task_t *task)
{
    char text[16] = "";
    memcpy (text, dishes_task_data (task), dishes_task_size (task));
    unsigned number = (unsigned)strtoul (text, NULL, 10);
    return number == dishes_task_number (task) && number <= TASKS ? number : 0;
}

//  The hundredth each fails, together with the one behind it; each thousandth says something.
static int do_quickly (void *arg, dishes_task_t *task)
{
    kitchen_t *self = arg;
    unsigned number = number_of (task);
    atomic_fetch_add (&self->seen[number], 1);
    atomic_fetch_add (&self->done, 1);
    if (number % 1000 == 0)
        dishes_task_write (task, dishes_task_data (task), dishes_task_size (task));
    return number % 100 < 2 ? 7 : 0;
}

static void assert_each_once (kitchen_t *self, unsigned tasks)
{
    assert_int_equal (atomic_load (&self->done), tasks);
    for (unsigned i = 1; i <= tasks; i++)
        assert_int_equal (atomic_load (&self->seen[i]), 1);
}

static void test_many (void **state)
{
    kitchen_t *self = kitchen_open (1, THREADS_MOST);
    hire (self, 0, THREADS_MOST, do_quickly);
    put_lines (self, TASKS);
    turn_until_done (self, TASKS);
    assert_each_once (self, TASKS);
    assert_int_equal (sink_status (self->pipe.sink).figures.failed, TASKS / 50);
    assert_int_equal (sink_status (self->pipe.sink).figures.duplicates, 0);
    kitchen_close (self);
}

//  What the sink wants of each is told of each, however they were done.
static void test_items_where_they_are_wanted (void **state)
{
    kitchen_t *self = kitchen_open (1, 2);
    hire (self, 0, 2, do_quickly);
    assert_int_equal (self->hands[0].want (self->hands[0].arg, WANT_ITEM, ""), 0);
    put_lines (self, 10000);
    turn_until_done (self, 10000);
    assert_int_equal (self->pipe.items, 10000);
    kitchen_close (self);
}

static void test_a_failure_is_told_with_what_failed (void **state)
{
    kitchen_t *self = kitchen_open (1, 2);
    hire (self, 0, 2, do_quickly);
    assert_int_equal (self->hands[0].want (self->hands[0].arg, WANT_TROUBLE, ""), 0);
    put_lines (self, 10000);
    turn_until_done (self, 10000);
    assert_int_not_equal (sink_status (self->pipe.sink).figures.failed, 0);
    assert_int_equal (self->pipe.commands, sink_status (self->pipe.sink).figures.failed);
    kitchen_close (self);
}

//  One task, far into the run, takes until it is released or canceled.
static int hold_on (void *arg, dishes_task_t *task)
{
    kitchen_t *self = arg;
    unsigned number = number_of (task);
    if (number != STICKY)
        return do_quickly (arg, task);
    atomic_store (&self->held, number);
    while (!atomic_load (&self->released) && !dishes_task_canceled (task))
        sched_yield ();
    atomic_store (&self->canceled, dishes_task_canceled (task));
    atomic_fetch_add (&self->seen[number], 1);
    atomic_fetch_add (&self->done, 1);
    return 0;
}

//  All others are done meanwhile: by the other thread, or by another dryer.
static void check_nothing_waits (unsigned crews, unsigned threads)
{
    kitchen_t *self = kitchen_open (crews, threads);
    for (unsigned i = 0; i < crews; i++)
        hire (self, i, threads, hold_on);
    put_lines (self, TASKS);
    turn_until_done (self, TASKS - 1);
    assert_int_not_equal (atomic_load (&self->held), 0);
    assert_int_equal (atomic_load (&self->done), TASKS - 1);
    atomic_store (&self->released, true);
    turn_until_done (self, TASKS);
    assert_each_once (self, TASKS);
    assert_false (atomic_load (&self->canceled));
    kitchen_close (self);
}

static void test_nothing_waits_for_a_thread_that_is_held (void **state)
{
    check_nothing_waits (1, 2);
    check_nothing_waits (2, 1);
}

//  How many were done by then.
static unsigned turn_until_held (kitchen_t *self)
{
    int64_t end_ms = loop_now_ms () + PATIENCE_MS;
    while (!atomic_load (&self->held)) {
        assert_true (loop_now_ms () < end_ms);
        turn (self);
    }
    return atomic_load (&self->done);
}

//  The only thread is held. What was done before it is counted, what follows waits where it can be asked back, and the
//  dryer's end cancels the one.
static void test_canceled (void **state)
{
    kitchen_t *self = kitchen_open (1, 1);
    hire (self, 0, 1, hold_on);
    put_lines (self, TASKS);
    unsigned done = turn_until_held (self);
    int64_t end_ms = loop_now_ms () + PATIENCE_MS;
    while (dryer_status (self->dryers[0].core).running > 1 || self->pipe.completed < done) {
        assert_true (loop_now_ms () < end_ms);
        turn (self);
    }
    assert_int_equal (self->hands[0].running (self->hands[0].arg), 1);
    self->hands[0].end (self->hands[0].arg, true, self->pipe.now_ms);
    assert_int_equal (self->hands[0].running (self->hands[0].arg), 0);
    kitchen_close (self); // joins the thread
}

//  It leaves, and gives back all that is not done.
static void test_closed (void **state)
{
    kitchen_t *self = kitchen_open (1, 1);
    hire (self, 0, 1, hold_on);
    put_lines (self, TASKS);
    unsigned done = turn_until_held (self);
    crew_close (self->crews[0]);
    dryer_leave (self->dryers[0].core, self->pipe.now_ms);
    int64_t end_ms = loop_now_ms () + PATIENCE_MS;
    while (washer_status (self->pipe.washer).out) {
        assert_true (loop_now_ms () < end_ms);
        turn (self);
    }
    assert_int_equal (self->pipe.completed, done);
    assert_int_equal (washer_unsent_tasks (self->pipe.washer), TASKS - self->pipe.completed);
    kitchen_close (self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_many),
        cmocka_unit_test (test_items_where_they_are_wanted),
        cmocka_unit_test (test_a_failure_is_told_with_what_failed),
        cmocka_unit_test (test_nothing_waits_for_a_thread_that_is_held),
        cmocka_unit_test (test_canceled),
        cmocka_unit_test (test_closed),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
