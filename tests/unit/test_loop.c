//  The loop marks what is ready, once or always; files of a disk never keep it waiting; it wakes from another thread.
//  And what the roles keep beside their cores: control, lives, the pile.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "role/control.h"
#include "role/life.h"
#include "role/pile.h"
#include "role/talk.h"

static void test_watch (void **state)
{
    loop_t *loop = loop_new ();
    int fd[2];
    assert_int_equal (pipe (fd), 0);
    watch_t watch = {0};
    assert_int_equal (loop_watch (loop, &watch, fd[0]), 0);
    assert_true (watch.ready); // until somebody has looked
    watch.ready = false;
    assert_int_equal (loop_wait (loop, 0), 0);
    assert_false (watch.ready);
    assert_int_equal (write (fd[1], "x", 1), 1);
    for (int i = 0; i < 2; i++) {
        watch.ready = false;
        assert_int_equal (loop_wait (loop, INT64_MAX), 0);
        assert_true (watch.ready);
    }
    loop_unwatch (loop, &watch);
    assert_int_equal (loop_wait (loop, 0), 0);
    assert_false (watch.ready);
    loop_unwatch (loop, &watch);
    close (fd[0]);
    close (fd[1]);
    loop_destroy (&loop);
    loop_destroy (&loop);
}

static void test_arm (void **state)
{
    loop_t *loop = loop_new ();
    int fd[2];
    assert_int_equal (pipe (fd), 0);
    watch_t watch = {0};
    assert_int_equal (loop_arm (loop, &watch, fd[0], false), 0);
    assert_false (watch.ready);
    assert_int_equal (write (fd[1], "x", 1), 1);
    assert_int_equal (loop_wait (loop, INT64_MAX), 0);
    assert_true (watch.ready);
    watch.ready = false;
    assert_int_equal (loop_wait (loop, 0), 0);
    assert_false (watch.ready); // once
    assert_int_equal (loop_arm (loop, &watch, fd[0], false), 0);
    assert_int_equal (loop_wait (loop, INT64_MAX), 0);
    assert_true (watch.ready);
    assert_int_equal (loop_arm (loop, &watch, fd[1], true), 0); // another one, the other way
    assert_int_equal (loop_wait (loop, INT64_MAX), 0);
    assert_true (watch.ready);
    loop_unwatch (loop, &watch);
    close (fd[0]);
    close (fd[1]);
    loop_destroy (&loop);
}

//  The same number after it was closed and opened again.
static void test_arm_reopened (void **state)
{
    loop_t *loop = loop_new ();
    int fd[2], again[2];
    assert_int_equal (pipe (fd), 0);
    watch_t watch = {0};
    assert_int_equal (loop_arm (loop, &watch, fd[1], true), 0);
    assert_int_equal (loop_wait (loop, INT64_MAX), 0);
    close (fd[0]);
    close (fd[1]);
    assert_int_equal (pipe (again), 0);
    assert_int_equal (again[1], fd[1]);
    assert_int_equal (loop_arm (loop, &watch, again[1], true), 0);
    assert_int_equal (loop_wait (loop, INT64_MAX), 0);
    assert_true (watch.ready);
    close (again[0]);
    close (again[1]);
    loop_destroy (&loop);
}

static void test_arm_file (void **state)
{
    loop_t *loop = loop_new ();
    int fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
    watch_t watch = {0};
    for (int i = 0; i < 2; i++) {
        watch.ready = false;
        assert_int_equal (loop_arm (loop, &watch, fd, true), 0);
        assert_true (watch.ready);
    }
    assert_int_equal (loop_arm (loop, &watch, -1, true), -1);
    assert_int_equal (errno, EBADF);
    close (fd);
    loop_destroy (&loop);
}

static void *ask_to_end (void *arg)
{
    control_ask (arg, CONTROL_END);
    control_ask (arg, CONTROL_KILL);
    return NULL;
}

static void test_control (void **state)
{
    control_t *control = control_new ();
    pthread_t thread;
    assert_int_equal (control_asked (control), 0);
    assert_int_equal (pthread_create (&thread, NULL, ask_to_end, control), 0);
    unsigned asked = 0;
    while (asked != (CONTROL_END | CONTROL_KILL)) {
        assert_int_equal (loop_wait (control_loop (control), INT64_MAX), 0);
        asked |= control_asked (control);
    }
    pthread_join (thread, NULL);
    assert_int_equal (control_asked (control), 0);
    control_destroy (&control);
    control_destroy (&control);
}

static void test_lives (void **state)
{
    uint64_t last = 0;
    for (int i = 0; i < 10000; i++) {
        uint64_t life = life_new ();
        assert_true (life > last);
        last = life;
    }
}

static slice_t slice (size_t size, int fill)
{
    block_t *block = block_new (size);
    memset (block_data (block), fill, size);
    slice_t made = slice_of (block, 0, size);
    block_unref (block);
    return made;
}

//  First in, first out, also far beyond what stays in memory.
static void test_pile (void **state)
{
    enum { LAYERS = 300, BYTES = 64 << 10 };
    pile_t pile = {0};
    slice_t out;
    uint64_t tasks;
    assert_int_equal (pile_pop (&pile, &out, &tasks), -1);
    assert_int_equal (errno, ENOENT);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < LAYERS; i++) {
            slice_t in = slice (BYTES, i & 127);
            assert_int_equal (pile_push (&pile, &in, (uint64_t)i), 0);
            slice_drop (&in);
        }
        for (int i = 0; i < LAYERS - 1; i++) {
            assert_int_equal (pile_pop (&pile, &out, &tasks), 0);
            assert_int_equal (tasks, round && i == 0 ? LAYERS - 1 : round ? i - 1 : i);
            assert_int_equal (out.size, BYTES);
            assert_int_equal (out.data[0], tasks & 127);
            assert_int_equal (out.data[BYTES - 1], tasks & 127);
            slice_drop (&out);
        }
        assert_false (pile_empty (&pile));
    }
    pile_free (&pile);
    assert_true (pile_empty (&pile));
    pile_free (&pile);
}

static void keep_line (void *arg, talk_level_t level, const char *text)
{
    strcpy (arg, text);
}

static void test_talk (void **state)
{
    char kept[2000] = "";
    talk_t talk = {0};
    talk_say (&talk, TALK_ERROR, "nobody listens");
    talk = (talk_t){.arg = kept, .line = keep_line};
    talk_say (&talk, TALK_ERROR, "one\ntwo %d\033", 3);
    assert_string_equal (kept, "one?two 3?");
    talk_trace (&talk, "sink", "a", "b", "c");
    assert_string_equal (kept, "one?two 3?");
    talk.is_tracing = true;
    talk_trace (&talk, "sink", "a", "b", "c");
    assert_string_equal (kept, "sink: a -b-> c");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_watch),    cmocka_unit_test (test_arm),     cmocka_unit_test (test_arm_reopened),
        cmocka_unit_test (test_arm_file), cmocka_unit_test (test_control), cmocka_unit_test (test_lives),
        cmocka_unit_test (test_pile),     cmocka_unit_test (test_talk),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
