//  Shared by the runner's tests: a runner with its command, the turns of a role's loop, and nothing left behind.
#ifndef TEST_RUNNER_HELP_H
#define TEST_RUNNER_HELP_H

#include "run/child.h"
#include "run/runner.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static const shape_t lines = {.delimiter = '\n', .columns = 1, .items = 1};
static guardian_t *guardian;

enum { SECONDS = 60 }; // for one test

//  A runner, and all that it has said so far.
typedef struct {
    runner_t *runner;
    template_t *command, *tag;
    uint64_t started;
} kitchen_t;

static inline int64_t now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

//  Beside the guardian. Orphans become ours when their parent dies, before we can hear of that.
static inline bool has_children (void)
{
    char path[64], pids[256] = "";
    snprintf (path, sizeof path, "/proc/self/task/%d/children", getpid ());
    FILE *file = fopen (path, "r");
    assert_non_null (file);
    size_t size = fread (pids, 1, sizeof pids - 1, file);
    fclose (file);
    bool is_alone = atoi (pids) == guardian_pid (guardian) && !strchr (pids, ' ')[1];
    return size && !is_alone;
}

//  The guardian last: where a test has failed and left tasks behind, the wait has no end. Then the alarm ends this
//  process, and the guardian them.
static inline int no_child_left (void **state)
{
    int status;
    while (has_children ())
        assert_true (waitpid (-1, &status, 0) > 0); // orphans that were killed on the way
    guardian_destroy (&guardian);
    assert_int_equal (waitpid (-1, &status, 0), -1);
    assert_int_equal (errno, ECHILD);
    alarm (0);
    return 0;
}

static inline int start_guardian (void **state)
{
    alarm (SECONDS);
    guardian = guardian_new (64);
    return guardian ? 0 : -1;
}

static inline kitchen_t open_kitchen (runner_opts_t opts, const char *line)
{
    char error[200] = "";
    char *words[] = {(char *)line};
    template_opts_t command = {.words = words, .count = line ? 1 : 0, .force_shell = line && strchr (line, ' ')};
    kitchen_t self = {.command = template_new (&command, error, sizeof error)};
    assert_string_equal (error, "");
    opts.slots = opts.slots ? opts.slots : 2;
    opts.command = self.command;
    opts.guardian = guardian;
    self.runner = runner_new (&opts);
    assert_non_null (self.runner);
    return self;
}

static inline void close_kitchen (kitchen_t *self)
{
    runner_destroy (&self->runner);
    runner_destroy (&self->runner);
    template_destroy (&self->command);
    template_destroy (&self->tag);
}

static inline int start (kitchen_t *self, const char *item)
{
    char data[4096];
    int size = snprintf (data, sizeof data, "%s\n", item);
    runner_task_t task = {.ticket = 100 + self->started,
                          .n = ++self->started,
                          .attempt = 1,
                          .shape = &lines,
                          .data = (const uint8_t *)data,
                          .size = (size_t)size};
    int rc = runner_start (self->runner, &task, now_ms ());
    self->started -= rc != 0;
    return rc;
}

//  One turn of the loop that a role has.
static inline void turn (kitchen_t *self)
{
    int64_t due_ms = runner_due (self->runner), now = now_ms ();
    int64_t wait_ms = due_ms < 0 ? 20000 : due_ms <= now ? 0 : due_ms - now;
    struct pollfd poller = {.fd = runner_fd (self->runner), .events = POLLIN};
    int ready = poll (&poller, 1, (int)wait_ms);
    assert_true (ready == 1 || due_ms >= 0);
    assert_int_equal (runner_process (self->runner, now_ms ()), 0);
}

static inline runner_result_t *take (kitchen_t *self)
{
    runner_result_t *result;
    while (!(result = runner_take (self->runner)))
        turn (self);
    return result;
}

static inline void give_back (kitchen_t *self, runner_result_t *result)
{
    runner_give_back (self->runner, &result);
    assert_null (result);
}

static inline void expect_text (const capture_t *capture, const char *wanted)
{
    char text[4096];
    ssize_t size = capture_read (capture, 0, text, sizeof text - 1);
    assert_true (size >= 0);
    text[size] = 0;
    assert_string_equal (text, wanted);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, start_guardian, no_child_left)

//  The first thing in main.
static inline void begin_tests (void)
{
    setvbuf (stdout, NULL, _IOLBF, 0);
    child_remember ();
    prctl (PR_SET_CHILD_SUBREAPER, 1);
}

#endif
