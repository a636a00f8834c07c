#include "api/figures.h"

#include <errno.h>

static const struct {
    int end, error;
    const char *name;
} ends[] = {
    [END_NONE] = {DISHES_RUNNING, ECONNABORTED, "the pipeline is lost"},
    [END_JOINED] = {DISHES_JOINED, 0, "the pipeline has ended"},
    [END_HALTED] = {DISHES_HALTED, ECANCELED, "the run was halted"},
    [END_DEADLINE] = {DISHES_DEADLINE, ECANCELED, "the deadline of the run has passed"},
    [END_INTERRUPTED] = {DISHES_CANCELED, ECANCELED, "the run was canceled"},
    [END_LOST] = {DISHES_LOST, ECONNABORTED, "the pipeline is lost"},
};

dishes_figures_t figures_of (const figures_t *from)
{
    return (dishes_figures_t){.total = from->total,
                              .ok = from->ok,
                              .failed = from->failed,
                              .broken = from->broken,
                              .dropped = from->dropped,
                              .redelivered = from->redelivered,
                              .duplicates = from->duplicates,
                              .lost = from->lost};
}

dishes_figures_t figures_of_ending (const ending_t *ending)
{
    dishes_figures_t figures = figures_of (&ending->figures);
    figures.end = ends[ending->end].end;
    figures.status = ending->status;
    return figures;
}

int figures_error (const ending_t *ending)
{
    return ends[ending->end].error;
}

const char *figures_end_name (int end)
{
    for (unsigned i = END_JOINED; i < sizeof ends / sizeof *ends; i++)
        if (ends[i].end == end)
            return ends[i].name;
    return ends[END_LOST].name;
}
