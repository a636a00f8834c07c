/*  sink: the end of a pipeline: counts each item once, prints the results, and knows when all is done.
 */
#include "cmd/stage.h"

static int run (stage_t *self, int *signal)
{
    local_config_t parts = stage_config (self);
    parts.has_sink = true;
    return stage_run (self, &parts, signal);
}

int main (int argc, char **argv)
{
    return stage_main (PROGRAM_SINK, argc, argv, run);
}
