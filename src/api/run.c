#include "api/dryer_i.h"
#include "api/fault.h"
#include "api/settings.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAID_BYTES = 512 };

typedef struct {
    dishes_dryer_t *dryer;
    dishes_task_fn *fn;
    void *arg;
    pthread_t thread;
    unsigned index;
    int error; // errno of the end
    char said[SAID_BYTES];
} helper_t;

static void *help (void *arg)
{
    helper_t *self = arg;
    dryer_work (self->dryer, self->index, self->fn, self->arg);
    self->error = errno;
    snprintf (self->said, sizeof self->said, "%s", dishes_error ());
    return NULL;
}

//  The first `started` helpers; 0, or the errno that one of them met.
static int join_helpers (helper_t *helpers, int started)
{
    int error = 0;
    for (int i = 0; i < started; i++) {
        pthread_join (helpers[i].thread, NULL);
        if (!error && helpers[i].error != ENODATA) {
            error = helpers[i].error;
            fault_keep (error, "%s", helpers[i].said);
        }
    }
    return error;
}

//  How many have begun; fewer than `threads` with the fault set.
static int start_helpers (helper_t *helpers, int threads, const helper_t *like)
{
    for (int i = 0; i < threads; i++) {
        helpers[i] = *like;
        helpers[i].index = (unsigned)i;
        int error = pthread_create (&helpers[i].thread, NULL, help, &helpers[i]);
        if (error) {
            fault_errno (error, "run: cannot begin");
            return i;
        }
    }
    return threads;
}

static int run (helper_t *helpers, int threads, const helper_t *like)
{
    int started = start_helpers (helpers, threads, like), error = 0;
    if (started < threads) {
        error = errno;
        dryer_leave_soon (like->dryer);
    }
    int met = join_helpers (helpers, started);
    errno = error ? error : met;
    return errno ? -1 : 0;
}

int dishes_run (const char *at, int threads, dishes_task_fn *fn, void *arg, const dishes_opts_t *opts)
{
    assert (fn);
    settings_t settings;
    if (threads < 1)
        return fault_keep (EINVAL, "run: %d threads, and 1 is the least", threads);
    if (settings_read (&settings, opts) == -1)
        return -1;
    settings.opts.size = sizeof settings.opts;
    helper_t like = {.fn = fn, .arg = arg, .dryer = dryer_with_crew (at, &settings.opts, (unsigned)threads)};
    settings_free (&settings);
    if (!like.dryer)
        return -1;
    helper_t *helpers = calloc ((size_t)threads, sizeof *helpers);
    int rc = helpers ? run (helpers, threads, &like) : fault_errno (errno, "run: cannot begin");
    free (helpers);
    dishes_dryer_destroy (&like.dryer);
    return rc;
}
