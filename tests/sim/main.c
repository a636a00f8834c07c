/*  sim [--chains] --seeds A-B [--jobs N] [--stats] [--faults LIST], or sim --seed S [--trace]
 *
 *  Runs schedules and checks the invariants. Exits 1 where one is violated, after it has said which, and with which
 *  seed it is seen again.
 */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    uint64_t first, last;
    unsigned jobs, most; // processes; failures after which a process stops
    bool trace, figures, quiet, chains;
    uint32_t mask;
} options_t;

typedef struct {
    stats_t stats;
    uint64_t failures;
} outcome_of_job_t;

static void add (stats_t *to, const stats_t *from)
{
    uint64_t *a = (uint64_t *)to;
    const uint64_t *b = (const uint64_t *)from;
    for (size_t i = 0; i < sizeof *to / sizeof *a; i++)
        a[i] += b[i];
}

//  The last lines of the schedule, and how to see all of them.
static void show (uint64_t seed, const options_t *options, const char *why)
{
    fprintf (stderr, "seed %llu VIOLATES %s\n", (unsigned long long)seed, why);
    if (options->quiet)
        return;
    char *text = NULL;
    size_t size = 0;
    FILE *trace = open_memstream (&text, &size);
    stats_t ignored = {0};
    char again[512];
    schedule_t schedule = {
        .seed = seed, .mask = options->mask, .is_chained = options->chains, .trace = trace, .stats = &ignored};
    if (!trace)
        return;
    world_run (&schedule, again, sizeof again);
    fclose (trace);
    scenario_t plan;
    scenario_make (&plan, seed, options->mask);
    scenario_print (&plan, stderr);
    const char *from = text + size;
    for (int lines = 0; from > text && lines <= 40; from--)
        lines += from[-1] == '\n';
    fprintf (stderr, "%s  replay: sim%s --seed %llu --trace\n", from, options->chains ? " --chains" : "",
             (unsigned long long)seed);
    free (text);
}

static void run_job (const options_t *options, unsigned job, outcome_of_job_t *out)
{
    char why[512];
    for (uint64_t seed = options->first + job; seed <= options->last; seed += options->jobs) {
        schedule_t schedule = {.seed = seed,
                               .mask = options->mask,
                               .is_chained = options->chains,
                               .trace = options->trace ? stdout : NULL,
                               .stats = &out->stats};
        if (world_run (&schedule, why, sizeof why))
            continue;
        out->failures++;
        show (seed, options, why);
        if (out->failures >= options->most)
            return;
    }
}

static int start_job (const options_t *options, unsigned job)
{
    int ends[2];
    if (pipe (ends) == -1)
        return -1;
    fflush (NULL);
    pid_t child = fork ();
    if (child == 0) {
        close (ends[0]);
        outcome_of_job_t outcome = {0};
        run_job (options, job, &outcome);
        ssize_t rc = write (ends[1], &outcome, sizeof outcome);
        fflush (NULL);
        _exit (rc == sizeof outcome ? 0 : 1);
    }
    close (ends[1]);
    return child == -1 ? -1 : ends[0];
}

static bool run_jobs (const options_t *options, outcome_of_job_t *sum)
{
    int pipes[64];
    for (unsigned job = 0; job < options->jobs; job++)
        pipes[job] = start_job (options, job);
    bool good = true;
    for (unsigned job = 0; job < options->jobs; job++) {
        outcome_of_job_t outcome;
        if (read (pipes[job], &outcome, sizeof outcome) != sizeof outcome) {
            fprintf (stderr, "job %u died\n", job);
            good = false;
            continue;
        }
        add (&sum->stats, &outcome.stats);
        sum->failures += outcome.failures;
    }
    while (wait (NULL) > 0 || errno == EINTR)
        ;
    return good;
}

static void print_figures (const stats_t *stats)
{
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {
        {"schedules", stats->schedules},
        {"simulated hours", stats->virtual_ms / 3600000},
        {"steps", stats->events},
        {"messages", stats->messages},
        {"messages lost", stats->messages_lost},
        {"messages that were read after newer ones", stats->overtaken},
        {"joined", stats->joined},
        {"halted", stats->halted},
        {"ended by the deadline", stats->deadline},
        {"lost", stats->lost},
        {"tasks", stats->tasks},
        {"executions", stats->executions},
        {"redeliveries", stats->redelivered},
        {"duplicates refused", stats->duplicates},
        {"messages of closed lives refused", stats->refused},
        {"malformed messages", stats->bad},
        {"tasks given up as broken", stats->broken},
        {"processes lost", stats->lives_lost},
        {"lives closed by the sink though they lived", stats->gone},
        {"sinks restored from a journal", stats->restored},
        {"runs ended, as their input was another", stats->noticed},
        {"chains of two pipelines", stats->chains},
    };
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        printf ("%-44s %llu\n", figures[i].name, (unsigned long long)figures[i].value);
    for (unsigned i = 0; i < FAULT_KINDS; i++)
        printf ("fault: %-37s %llu\n", fault_names[i], (unsigned long long)stats->fault[i]);
}

static bool read_faults (const char *list, uint32_t *mask)
{
    *mask = 0;
    char *copy = strdup (list), *rest = copy;
    bool known = copy;
    for (char *name; known && (name = strsep (&rest, ",")) && *name;) {
        unsigned i = 0;
        while (i < FAULT_KINDS && strcmp (name, fault_names[i]) != 0)
            i++;
        known = i < FAULT_KINDS || strcmp (name, "none") == 0;
        *mask |= i < FAULT_KINDS ? 1u << i : 0;
    }
    free (copy);
    return known;
}

static bool read_seeds (const char *text, options_t *options)
{
    char *end;
    options->first = options->last = strtoull (text, &end, 10);
    if (*end == '-')
        options->last = strtoull (end + 1, &end, 10);
    return !*end && options->last >= options->first;
}

static bool read_options (int argc, char **argv, options_t *options)
{
    *options = (options_t){.last = 999, .jobs = 1, .most = 1, .mask = (1u << FAULT_KINDS) - 1};
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        bool good = true;
        if (strcmp (name, "--chains") == 0)
            options->chains = true;
        else if (strcmp (name, "--trace") == 0)
            options->trace = true;
        else if (strcmp (name, "--stats") == 0)
            options->figures = true;
        else if (strcmp (name, "--quiet") == 0)
            options->quiet = true;
        else if (strcmp (name, "--seeds") == 0 || strcmp (name, "--seed") == 0)
            good = read_seeds (value, options), i++;
        else if (strcmp (name, "--jobs") == 0)
            options->jobs = (unsigned)atoi (value), i++;
        else if (strcmp (name, "--most") == 0)
            options->most = (unsigned)atoi (value), i++;
        else if (strcmp (name, "--faults") == 0)
            good = read_faults (value, &options->mask), i++;
        else
            good = false;
        if (!good || options->jobs < 1 || options->jobs > 64)
            return false;
    }
    if (options->chains) // what the machine does as a whole is not played there, nor that a file is another
        options->mask &= ~(1u << FAULT_SUSPEND | 1u << FAULT_CHANGE_INPUT);
    return true;
}

int main (int argc, char **argv)
{
    options_t options;
    if (!read_options (argc, argv, &options)) {
        fprintf (stderr,
                 "usage: sim [--chains] [--seeds A-B | --seed S] [--jobs N] [--faults LIST] [--trace] [--stats]\n"
                 "           [--quiet] [--most FAILURES]\n");
        return 125;
    }
    outcome_of_job_t sum = {0};
    bool good = true;
    if (options.jobs == 1)
        run_job (&options, 0, &sum);
    else
        good = run_jobs (&options, &sum);
    if (options.figures)
        print_figures (&sum.stats);
    return good && !sum.failures ? 0 : 1;
}
