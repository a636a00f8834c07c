/*  What the tests of the library share: a kitchen (washer, dryer, sink) at an address of each kind, and helpers. */
#ifndef DISHES_TESTS_API_HELP_H
#define DISHES_TESTS_API_HELP_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dishes.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 };

typedef struct {
    const char *at; // with the port that was found
    dishes_sink_t *sink;
    dishes_washer_t *washer;
    dishes_dryer_t *dryer;
} kitchen_t;

static inline void log_line (void *arg, int level, const char *line)
{
    if (getenv ("DISHES_TEST_LOG"))
        fprintf (stderr, "%s %d: %s\n", (const char *)arg, level, line);
}

static inline dishes_opts_t logged (const dishes_opts_t *opts, char *who)
{
    dishes_opts_t own = {.size = sizeof own};
    if (opts)
        own = *opts;
    if (!own.log) {
        own.log = log_line;
        own.log_arg = who;
        own.trace = 1;
    }
    return own;
}

static inline void kitchen_open (kitchen_t *self, const char *at, const dishes_opts_t *washer,
                                 const dishes_opts_t *dryer, const dishes_opts_t *sink)
{
    char sink_name[] = "sink", washer_name[] = "washer", dryer_name[] = "dryer";
    static char names[3][8];
    memcpy (names[0], sink_name, sizeof sink_name);
    memcpy (names[1], washer_name, sizeof washer_name);
    memcpy (names[2], dryer_name, sizeof dryer_name);
    dishes_opts_t opts = logged (sink, names[0]);
    self->sink = dishes_sink_new (at, &opts);
    if (!self->sink)
        fail_msg ("%s: %s", at, dishes_error ());
    self->at = dishes_sink_address (self->sink);
    opts = logged (washer, names[1]);
    self->washer = dishes_washer_new (self->at, &opts);
    opts = logged (dryer, names[2]);
    self->dryer = dishes_dryer_new (self->at, &opts);
    if (!self->washer || !self->dryer)
        fail_msg ("%s: %s", self->at, dishes_error ());
}

//  After the end: the count.
static inline dishes_figures_t kitchen_close (kitchen_t *self)
{
    dishes_figures_t figures;
    if (dishes_sink_wait (self->sink, PATIENCE_MS, &figures) == -1)
        fail_msg ("%s", dishes_error ());
    dishes_washer_destroy (&self->washer);
    dishes_washer_destroy (&self->washer);
    dishes_dryer_destroy (&self->dryer);
    dishes_dryer_destroy (&self->dryer);
    dishes_sink_destroy (&self->sink);
    dishes_sink_destroy (&self->sink);
    return figures;
}

//  The directories of ipc lie in one of the test's own.
static inline void each_transport (void (*check) (const char *at))
{
    check ("inproc://kitchen");
    check ("ipc://kitchen");
    check ("tcp://127.0.0.1:*");
}

//  ---- threads that do what comes

typedef struct {
    dishes_dryer_t *dryer;
    pthread_t threads[8];
    int size;
    atomic_uint done;
} helpers_t;

static inline void *helpers_work (void *arg)
{
    helpers_t *self = arg;
    dishes_task_t *task;
    while ((task = dishes_get (self->dryer, -1))) {
        atomic_fetch_add (&self->done, 1);
        dishes_task_done (&task, 0, NULL, 0);
    }
    return NULL;
}

static inline void helpers_start (helpers_t *self, dishes_dryer_t *dryer, int size)
{
    self->dryer = dryer;
    self->size = size;
    atomic_init (&self->done, 0);
    for (int i = 0; i < size; i++)
        assert_int_equal (pthread_create (&self->threads[i], NULL, helpers_work, self), 0);
}

static inline void helpers_join (helpers_t *self)
{
    for (int i = 0; i < self->size; i++)
        pthread_join (self->threads[i], NULL);
}

//  ---- dishes_run in a thread

typedef struct {
    char at[256];
    int threads;
    dishes_task_fn *fn;
    void *arg;
    dishes_opts_t opts;
    pthread_t thread;
    int rc;
} runner_t;

static inline void *runner_work (void *arg)
{
    runner_t *self = arg;
    self->rc = dishes_run (self->at, self->threads, self->fn, self->arg, &self->opts);
    return NULL;
}

static inline void runner_start (runner_t *self, const char *at)
{
    snprintf (self->at, sizeof self->at, "%s", at);
    assert_int_equal (pthread_create (&self->thread, NULL, runner_work, self), 0);
}

static inline void runner_join (runner_t *self)
{
    pthread_join (self->thread, NULL);
}

//  ---- the whole

static inline int run_tests_in (const struct CMUnitTest *tests, size_t size)
{
    char directory[] = "/tmp/dishes-api-XXXXXX", command[64];
    if (!mkdtemp (directory))
        return 1;
    setenv ("DISHES_DIR", directory, 1);
    int failed = _cmocka_run_group_tests ("api", tests, size, NULL, NULL);
    snprintf (command, sizeof command, "rm -rf %s", directory);
    return system (command) == 0 ? failed : 1;
}

#define run_api_tests(tests) run_tests_in (tests, sizeof (tests) / sizeof *(tests))

#endif
