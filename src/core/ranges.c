#include "core/ranges.h"
#include "core/array.h"

#include <errno.h>

bool run_valid (uint64_t n, uint64_t count)
{
    return n >= 1 && count >= 1 && n <= INT64_MAX && count <= INT64_MAX - n;
}

//  The first run that ends at or behind n (touching counts)
static size_t find (const ranges_t *self, uint64_t n)
{
    size_t low = 0, high = self->size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->runs[middle].n + self->runs[middle].count < n)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void replace (ranges_t *self, size_t from, size_t to, const run_t *runs, size_t count)
{
    memmove (self->runs + from + count, self->runs + to, (self->size - to) * sizeof *runs);
    memcpy (self->runs + from, runs, count * sizeof *runs);
    self->size = self->size - (to - from) + count;
}

int ranges_add (ranges_t *self, uint64_t n, uint64_t count)
{
    if (!count)
        return 0;
    if (array_reserve (&self->runs, &self->capacity, self->size + 1, sizeof *self->runs) == -1) {
        errno = ENOMEM;
        return -1;
    }
    uint64_t start = n, end = n + count, held = 0;
    size_t from = find (self, n), to = from;
    for (; to < self->size && self->runs[to].n <= end; to++) {
        run_t run = self->runs[to];
        start = run.n < start ? run.n : start;
        end = run.n + run.count > end ? run.n + run.count : end;
        held += run.count;
    }
    run_t merged = {start, end - start};
    replace (self, from, to, &merged, 1);
    self->total += merged.count - held;
    return 0;
}

int ranges_remove (ranges_t *self, uint64_t n, uint64_t count)
{
    if (!count)
        return 0;
    if (array_reserve (&self->runs, &self->capacity, self->size + 1, sizeof *self->runs) == -1) {
        errno = ENOMEM;
        return -1;
    }
    uint64_t end = n + count, removed = 0;
    size_t from = find (self, n);
    if (from < self->size && self->runs[from].n + self->runs[from].count == n)
        from++; // it only touches
    size_t to = from, left_over = 0;
    run_t rest[2];
    for (; to < self->size && self->runs[to].n < end; to++) {
        run_t run = self->runs[to];
        removed += run.count;
        if (run.n < n)
            rest[left_over++] = (run_t){run.n, n - run.n};
        if (run.n + run.count > end)
            rest[left_over++] = (run_t){end, run.n + run.count - end};
    }
    for (size_t i = 0; i < left_over; i++)
        removed -= rest[i].count;
    replace (self, from, to, rest, left_over);
    self->total -= removed;
    return 0;
}

run_t ranges_present (const ranges_t *self, uint64_t n, uint64_t count)
{
    size_t at = find (self, n);
    if (at < self->size && self->runs[at].n + self->runs[at].count == n)
        at++;
    if (!count || at == self->size || self->runs[at].n >= n + count)
        return (run_t){0};
    run_t run = self->runs[at];
    uint64_t start = run.n > n ? run.n : n;
    uint64_t end = run.n + run.count < n + count ? run.n + run.count : n + count;
    return (run_t){start, end - start};
}

run_t ranges_missing (const ranges_t *self, uint64_t n, uint64_t count)
{
    run_t held = ranges_present (self, n, count);
    if (held.count && held.n == n) { // runs are never adjacent: what follows it is missing
        n += held.count;
        count -= held.count;
        held = ranges_present (self, n, count);
    }
    return (run_t){n, held.count ? held.n - n : count};
}

bool ranges_has (const ranges_t *self, uint64_t n)
{
    return ranges_present (self, n, 1).count == 1;
}

bool ranges_cover (const ranges_t *self, uint64_t n, uint64_t count)
{
    return ranges_missing (self, n, count).count == 0;
}

void ranges_free (ranges_t *self)
{
    free (self->runs);
    *self = (ranges_t){0};
}
