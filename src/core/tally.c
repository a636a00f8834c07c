#include "core/tally.h"

int tally_count (tally_t *self, uint64_t n, uint64_t count, outcome_t outcome, run_t *fresh)
{
    run_t run = ranges_missing (&self->counted, n, count);
    if (run.count && ranges_add (&self->counted, run.n, run.count) == -1)
        return -1;
    self->by_outcome[outcome] += run.count;
    self->duplicates += run.count ? run.n - n : count;
    *fresh = run;
    return 0;
}

bool tally_complete (const tally_t *self)
{
    return self->eof && self->counted.total == self->total && ranges_cover (&self->counted, 1, self->total);
}

void tally_free (tally_t *self)
{
    ranges_free (&self->counted);
    *self = (tally_t){0};
}
