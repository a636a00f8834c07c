//  The rack between a dryer's core and real commands, where memory becomes short (what the machine says is in a file),
//  and where there is time for the next task.
#include "test_dryer_help.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "role/rack.h"
#include "run/child.h"

enum { WANTED_MB = 100, DEADLINE_MS = 20000 };

typedef struct {
    desk_t desk;
    loop_t *loop;
    template_t *command;
    rack_t rack;
    hands_t hands;
    char meminfo[40];
} room_t;

static void has_free (room_t *self, int mb)
{
    FILE *file = fopen (self->meminfo, "w");
    fprintf (file, "MemTotal: 9999999 kB\nMemAvailable: %d kB\n", mb * 1024);
    fclose (file);
}

static void room_open_for (room_t *self, char *line, uint32_t slots, bool pipe)
{
    char *words[] = {line}, error[200];
    *self = (room_t){.meminfo = "/tmp/test_rack_XXXXXX", .loop = loop_new ()};
    close (mkstemp (self->meminfo));
    template_opts_t command = {.words = words, .count = 1, .force_shell = true, .pipe = pipe};
    self->command = template_new (&command, error, sizeof error);
    assert_non_null (self->command);
    rack_init (&self->rack, &(runner_opts_t){.slots = slots, .command = self->command, .pipe = pipe},
               &(brake_config_t){.memfree_bytes = WANTED_MB << 20}, NULL, self->loop);
    self->rack.brake.meminfo = self->meminfo;
    self->hands = rack_hands (&self->rack);
    assert_int_equal (self->hands.want (&self->rack, 0, ""), 0);
    desk_open (&self->desk, WASHER);
}

static void room_open (room_t *self)
{
    room_open_for (self, (char *)"sleep {}", 4, false);
}

static void room_close (room_t *self)
{
    self->hands.forget (&self->rack);
    dryer_destroy (&self->desk.dryer);
    rack_free (&self->rack);
    template_destroy (&self->command);
    loop_destroy (&self->loop);
    unlink (self->meminfo);
}

//  Turns until so many run; no more than that ever.
static void until_run (room_t *self, uint32_t count)
{
    int64_t end_ms = loop_now_ms () + DEADLINE_MS;
    for (;;) {
        assert_int_equal (self->hands.work (&self->rack, self->desk.dryer, loop_now_ms (), true), 0);
        if (self->hands.running (&self->rack) == count || loop_now_ms () >= end_ms)
            break;
        int64_t due_ms = self->hands.due_ms (&self->rack);
        loop_wait (self->loop, due_ms < end_ms ? due_ms : end_ms);
    }
    assert_int_equal (self->hands.running (&self->rack), count);
}

static void test_starts_wait_for_memory (void **state)
{
    room_t room;
    room_open (&room);
    has_free (&room, WANTED_MB - 1);
    tasks (&room.desk, WASHER, 1, 2, "1000\n1000\n");
    for (int64_t end_ms = loop_now_ms () + 50; loop_now_ms () < end_ms; loop_wait (room.loop, loop_now_ms () + 5))
        assert_int_equal (room.hands.work (&room.rack, room.desk.dryer, loop_now_ms (), true), 0);
    assert_int_equal (room.hands.running (&room.rack), 0);
    assert_in_range (room.hands.due_ms (&room.rack), 0, loop_now_ms () + 20); // it asks again by itself
    has_free (&room, WANTED_MB);
    until_run (&room, 2);
    room_close (&room);
}

//  The newest goes back, one after the other, and the oldest goes on.
static void test_where_memory_is_short_the_newest_goes_back (void **state)
{
    room_t room;
    room_open (&room);
    has_free (&room, WANTED_MB);
    tasks (&room.desk, WASHER, 1, 3, "1000\n1000\n1000\n");
    until_run (&room, 3);
    has_free (&room, WANTED_MB / 2 - 1);
    until_run (&room, 1);
    assert_int_equal (dryer_status (room.desk.dryer).returned, 2);
    assert_int_equal (dryer_status (room.desk.dryer).done, 0); // nothing has failed
    assert_int_equal (dryer_status (room.desk.dryer).running, 1);
    for (int i = 0; i < 20; i++) {
        assert_int_equal (room.hands.work (&room.rack, room.desk.dryer, loop_now_ms (), true), 0);
        loop_wait (room.loop, loop_now_ms () + 10);
    }
    assert_int_equal (room.hands.running (&room.rack), 1);
    assert_says (&room.desk, "RETURNED RETURNED ");
    room_close (&room);
}

//  Pipes of ours in which so many bytes wait.
static int pipes_with (int bytes)
{
    int pipes = 0;
    for (int fd = 3; fd < 256; fd++) {
        struct stat about;
        int left = 0;
        bool is_pipe = fstat (fd, &about) == 0 && S_ISFIFO (about.st_mode) && ioctl (fd, FIONREAD, &left) == 0;
        pipes += is_pipe && left == bytes;
    }
    return pipes;
}

static void test_the_next_task_s_pipe_is_filled_while_another_runs (void **state)
{
    room_t room;
    room_open_for (&room, (char *)"sleep 1000", 1, true);
    has_free (&room, WANTED_MB);
    tasks (&room.desk, WASHER, 1, 3, "a\nbcd\nefghi\n");
    until_run (&room, 1);
    assert_int_equal (pipes_with (4), 1); // "bcd"
    assert_int_equal (pipes_with (6), 0);
    writer_t washer = {0};
    put_u64 (&washer, WASHER);
    put_u8 (&washer, true);
    hear (&room.desk, MSG_WASHER_DOWN, ++room.desk.sink_seq, &washer); // it goes with what it gave
    assert_int_equal (dryer_status (room.desk.dryer).waiting, 0);
    assert_int_equal (room.hands.work (&room.rack, room.desk.dryer, loop_now_ms (), true), 0);
    assert_int_equal (pipes_with (4), 0);
    room_close (&room);
}

int main (void)
{
    child_remember ();
    signal (SIGPIPE, SIG_IGN);
    prctl (PR_SET_CHILD_SUBREAPER, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_starts_wait_for_memory),
        cmocka_unit_test (test_where_memory_is_short_the_newest_goes_back),
        cmocka_unit_test (test_the_next_task_s_pipe_is_filled_while_another_runs),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
