//  A runner whose number of slots changes while it runs. Its tasks sleep until they are killed, each by its ticket.
#include "test_runner_help.h"

enum { MOST = 6 };

//  Which task runs in which slot, as the runner tells it; 0: none.
typedef struct {
    kitchen_t kitchen;
    uint64_t ticket_in[MOST + 2];
    uint32_t running;
    bool twice; // two in one slot
} room_t;

static void on_start (void *arg, const runner_task_t *task, uint32_t slot, const char *text, size_t size)
{
    room_t *self = arg;
    assert_in_range (slot, 1, MOST);
    self->twice = self->twice || self->ticket_in[slot];
    self->ticket_in[slot] = task->ticket;
}

static void open_room (room_t *self, uint32_t slots)
{
    *self = (room_t){0};
    self->kitchen =
        open_kitchen ((runner_opts_t){.slots = slots, .on_start = on_start, .arg = self}, "sleep 1000; : {}");
}

static int begin (room_t *self)
{
    int rc = start (&self->kitchen, "x");
    self->running += rc == 0;
    return rc;
}

//  Ends what runs in this slot.
static void end (room_t *self, uint32_t slot)
{
    assert_int_equal (runner_kill_task (self->kitchen.runner, self->ticket_in[slot], true, now_ms ()), 0);
    runner_result_t *result = take (&self->kitchen);
    assert_int_equal (result->slot, slot);
    assert_int_equal (result->ticket, self->ticket_in[slot]);
    self->ticket_in[slot] = 0;
    self->running--;
    give_back (&self->kitchen, result);
}

static void resize (room_t *self, uint32_t slots)
{
    assert_int_equal (runner_resize (self->kitchen.runner, slots), 0);
}

static uint32_t room (room_t *self)
{
    return runner_free (self->kitchen.runner, now_ms ());
}

static void test_more_slots_are_used_at_once (void **state)
{
    room_t self;
    open_room (&self, 1);
    assert_int_equal (begin (&self), 0);
    assert_int_equal (begin (&self), -1);
    resize (&self, 3);
    assert_int_equal (room (&self), 2);
    assert_int_equal (begin (&self), 0);
    assert_int_equal (begin (&self), 0);
    assert_int_equal (begin (&self), -1);
    assert_int_equal (errno, EAGAIN);
    assert_true (self.ticket_in[1] && self.ticket_in[2] && self.ticket_in[3]);
    close_kitchen (&self.kitchen);
}

static void test_fewer_slots_end_nothing (void **state)
{
    room_t self;
    open_room (&self, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal (begin (&self), 0);
    resize (&self, 1);
    assert_int_equal (runner_running (self.kitchen.runner), 3);
    end (&self, 1);
    assert_int_equal (room (&self), 0); // two still run, and one may
    assert_int_equal (begin (&self), -1);
    assert_int_equal (errno, EAGAIN);
    end (&self, 3);
    assert_int_equal (begin (&self), -1);
    end (&self, 2);
    assert_int_equal (room (&self), 1);
    assert_int_equal (begin (&self), 0);
    assert_true (self.ticket_in[1]); // and not a higher one
    close_kitchen (&self.kitchen);
}

static void test_slots_that_rested_are_used_again (void **state)
{
    room_t self;
    open_room (&self, 2);
    resize (&self, 1);
    resize (&self, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal (begin (&self), 0);
    assert_true (self.ticket_in[1] && self.ticket_in[2] && self.ticket_in[3]);
    resize (&self, 2);
    end (&self, 3);
    resize (&self, 3);
    assert_int_equal (begin (&self), 0);
    assert_true (self.ticket_in[3]);
    close_kitchen (&self.kitchen);
}

//  Whatever the order of things: never two in one slot, nor more than wanted begun.
static void test_no_slot_holds_two (void **state)
{
    room_t self;
    uint32_t slots = 2, seed = 7;
    open_room (&self, slots);
    for (int i = 0; i < 200; i++) {
        seed = seed * 1103515245 + 12345;
        uint32_t which = seed >> 16, slot = 1 + which / 4 % MOST;
        if (which % 4 == 0)
            resize (&self, slots = slot);
        else if (which % 4 == 1 && self.ticket_in[slot])
            end (&self, slot);
        else if (which % 4 > 1)
            assert_int_equal (begin (&self), self.running < slots ? 0 : -1);
        assert_false (self.twice);
        assert_int_equal (runner_running (self.kitchen.runner), self.running);
        assert_int_equal (room (&self), self.running < slots ? slots - self.running : 0);
    }
    close_kitchen (&self.kitchen);
}

static void test_what_cannot_be_had_changes_nothing (void **state)
{
    room_t self;
    open_room (&self, 2);
    assert_int_equal (runner_resize (self.kitchen.runner, 0), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (runner_resize (self.kitchen.runner, 65), -1); // the guardian has 64 places
    assert_int_equal (errno, ENOSPC);
    assert_int_equal (room (&self), 2);
    close_kitchen (&self.kitchen);
}

//  KILL reaches what runs in a slot that is wanted no more.
static void test_kill_reaches_all (void **state)
{
    room_t self;
    open_room (&self, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal (begin (&self), 0);
    resize (&self, 1);
    runner_kill (self.kitchen.runner, true, now_ms ());
    for (int i = 0; i < 3; i++)
        give_back (&self.kitchen, take (&self.kitchen));
    assert_int_equal (runner_running (self.kitchen.runner), 0);
    close_kitchen (&self.kitchen);
}

int main (void)
{
    begin_tests ();
    const struct CMUnitTest tests[] = {
        TEST (test_more_slots_are_used_at_once),        TEST (test_fewer_slots_end_nothing),
        TEST (test_slots_that_rested_are_used_again),   TEST (test_no_slot_holds_two),
        TEST (test_what_cannot_be_had_changes_nothing), TEST (test_kill_reaches_all),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
