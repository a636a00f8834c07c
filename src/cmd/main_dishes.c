/*  dishes: washer, sink and dryers at once, and what is asked of pipelines from outside.
 */
#include "cmd/bench.h"
#include "cmd/observe.h"
#include "cmd/stage.h"
#include "cmd/top.h"

#include <stdio.h>

#include "net/keys.h"

static int run (stage_t *self, int *signal)
{
    local_config_t parts = stage_config (self);
    parts.has_washer = parts.has_sink = true;
    parts.has_dryer = self->config.address.kind == ADDRESS_INPROC;
    parts.dryers = parts.has_dryer ? 0 : self->config.dryers;
    return stage_run (self, &parts, signal);
}

static int make_keys (stage_t *self, int *signal)
{
    const char *dir = self->config.keygen;
    if (keys_generate (dir, self->error, sizeof self->error) == -1)
        return stage_refuse (self, STATUS_ERROR);
    printf ("%s/head.key\n%s/worker.key\n", dir, dir);
    return stage_flush (self);
}

static int act (stage_t *self, int *signal)
{
    static stage_fn *const acts[] = {
        [ACTION_RUN] = run,         [ACTION_JOIN] = observe_join, [ACTION_STATUS] = observe_status,
        [ACTION_TOP] = observe_top, [ACTION_KEYGEN] = make_keys,  [ACTION_BENCH] = bench};
    return acts[self->config.action](self, signal);
}

int main (int argc, char **argv)
{
    return stage_main (PROGRAM_DISHES, argc, argv, act);
}
