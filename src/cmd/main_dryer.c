/*  dryer: takes the items of a pipeline, runs a command for each, and reports.
 */
#include "cmd/stage.h"

static int run (stage_t *self, int *signal)
{
    local_config_t parts = stage_config (self);
    parts.has_dryer = true;
    return stage_run (self, &parts, signal);
}

int main (int argc, char **argv)
{
    return stage_main (PROGRAM_DRYER, argc, argv, run);
}
