//  bench_show: the figures of --bench, for people and for programs.

#include "cmd/bench.h"

#include <inttypes.h>

static double s_items_per_s (const bench_figures_t *figures)
{
    return figures->seconds > 0 ? (double)figures->items / figures->seconds : 0;
}

static double s_mb_per_s (const bench_figures_t *figures)
{
    return s_items_per_s (figures) * (double)figures->size / 1e6;
}

void bench_show (const bench_figures_t *figures, FILE *out)
{
    fprintf (out, "%s, %u %s, %" PRIu64 " items of %" PRIu64 " bytes, each counted once\n", figures->at,
             figures->dryers, figures->kind[1] == 'n' ? "threads" : "processes", figures->items, figures->size);
    fprintf (out, "%-24s %14.0f\n", "items a second", s_items_per_s (figures));
    fprintf (out, "%-24s %14.1f\n", "MB a second", s_mb_per_s (figures));
    fprintf (out, "%-24s %14.0f us\n", "put to counted, median", figures->median_us);
    fprintf (out, "%-24s %14.0f us\n", "put to counted, p99", figures->p99_us);
}

void bench_show_json (const bench_figures_t *figures, FILE *out)
{
    fprintf (out,
             "{\"transport\": \"%s\", \"dryers\": %u, \"items\": %" PRIu64 ", \"size\": %" PRIu64
             ", \"seconds\": %.6f, \"items_per_s\": %.0f, \"mb_per_s\": %.3f, \"latency_samples\": %u, "
             "\"latency_median_us\": %.1f, \"latency_p99_us\": %.1f}\n",
             figures->kind, figures->dryers, figures->items, figures->size, figures->seconds, s_items_per_s (figures),
             s_mb_per_s (figures), figures->samples, figures->median_us, figures->p99_us);
}
