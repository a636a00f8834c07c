/*  sink: the end of a pipeline: counts each item once, prints the results, and knows when all is done. Or gives them on
 *  to the next pipeline (--into).
 */
#include "cmd/stage.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define SPOOL_SUFFIX "-items"

//  With a journal the items must still be there when this is started again: in the file of -o, or beside the journal.
static int run_chain (stage_t *self, local_config_t *parts, int *signal)
{
    char spool[PATH_MAX] = "";
    chain_config_t chain = stage_chain (self);
    parts->has_washer = true;
    parts->chain = &chain;
    if (self->config.journal && !parts->sink.printer.out_path) {
        if (snprintf (spool, sizeof spool, "%s" SPOOL_SUFFIX, self->config.journal) >= (int)sizeof spool) {
            snprintf (self->error, sizeof self->error, "the name of the journal is too long");
            return stage_refuse (self, STATUS_ERROR);
        }
        parts->sink.printer.out_path = spool;
        parts->sink.printer.is_private = true;
    }
    int status = stage_run (self, parts, signal);
    if (*spool && status < STATUS_ERROR && !*signal)
        unlink (spool);
    return status;
}

static int run (stage_t *self, int *signal)
{
    local_config_t parts = stage_config (self);
    parts.has_sink = true;
    return self->config.into ? run_chain (self, &parts, signal) : stage_run (self, &parts, signal);
}

int main (int argc, char **argv)
{
    return stage_main (PROGRAM_SINK, argc, argv, run);
}
