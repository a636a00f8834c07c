//  options_parse: the way from argv to a config. The options stand in options_tables.c, what the value of one means in
//  options_values.c and options_place.c, what does not go together in options_checks.c.

#include "cmd/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "cmd/options_checks.h"
#include "cmd/options_limits.h"
#include "cmd/options_operands.h"
#include "cmd/options_place.h"
#include "cmd/options_tables.h"

#define PREFETCH_DEFAULT UINT32_MAX

enum {
    DEAD_AFTER_MS = 5000,
    WAIT_MS = 60000,
    STATUS_WAIT_MS = 5000, // who asks for the status wants it now
    GRACE_MS = 10000,
    CRASH_LIMIT = 3,
    BENCH_SIZE = 16,
    PREFETCH = 64, // tasks that wait at the dryer, so that a slot never does
    FILTER_PREFETCH = 16384,
    //  One process: its threads live and die together, and a disk may hold one of them up for as long as it likes.
    ONE_PROCESS_DEAD_AFTER_MS = 24 * 3600 * 1000,
};

static void s_set_defaults (config_t *config, program_t program)
{
    *config = (config_t){.program = program,
                         .input = input_defaults (),
                         .printer = {.out_fd = 1, .err_fd = 2},
                         .retries = 1,
                         .prefetch = PREFETCH_DEFAULT,
                         .dryers = 1,
                         .bench_size = BENCH_SIZE,
                         .dead_after_ms = DEAD_AFTER_MS,
                         .grace_ms = GRACE_MS,
                         .crash_limit = CRASH_LIMIT};
}

//  Without -j: a job a core, or as many as fit.
static int s_default_jobs (config_t *config, char *error, size_t error_size)
{
    uint32_t cores = limits_cores (), limit = limits_jobs ();
    if (limit == 0)
        return options_fail (error, error_size,
                             "the limit on open files is too low for one job: raise it to %d (ulimit -Hn)",
                             CONFIG_FDS_OWN + CONFIG_FDS_A_JOB);
    config->jobs = cores < limit ? cores : limit;
    return 0;
}

//  The value of a variable of the environment; NULL: none, or an empty one.
static const char *s_variable (const char *name)
{
    const char *value = getenv (name);
    return value && *value ? value : NULL;
}

//  Without --at: DISHES_AT, else, for dishes, a name that nobody else can meet.
static int s_default_at (config_t *config, char *error, size_t error_size)
{
    const char *at = s_variable ("DISHES_AT");
    char reason[400];
    if (!at && config->program != PROGRAM_DISHES)
        return options_fail (error, error_size,
                             "where is the pipeline? give --at URL or set DISHES_AT, as in ipc://kitchen");
    if (options_at (NULL, config, at ? at : "inproc://dishes", reason, sizeof reason) == 0)
        return 0;
    return options_fail (error, error_size, "DISHES_AT: %s", reason);
}

//  Without --key and --insecure: DISHES_KEY, where somebody else could take part.
static void s_default_key (config_t *config)
{
    if (!config->key && !config->is_insecure && config->address.kind != ADDRESS_INPROC)
        config->key = s_variable ("DISHES_KEY");
}

static void s_fold_commands (config_t *config)
{
    static const runner_output_t outputs[] = {
        [PRINTER_GROUP] = RUNNER_GROUP, [PRINTER_LINES] = RUNNER_LINES, [PRINTER_RAW] = RUNNER_BYTES};
    for (size_t i = 0; i < config->command.count; i++)
        config->input.command_bytes += strlen (config->command.words[i]) + 1;
    config->command.context = config->command.context || config->input.pack;
    if (config->runner.pipe && !options_has_named (config, "prefetch"))
        config->prefetch = config->jobs; // blocks are large, and one that waits is enough
    config->runner.output = outputs[config->printer.mode];
    config->runner.slots = config->jobs;
    config->runner.want_text = config->joblog || config->json;
    if (config->prefetch == PREFETCH_DEFAULT)
        config->prefetch = config->command.is_filter ? FILTER_PREFETCH : PREFETCH;
}

//  --tag is the item, which a sink elsewhere cannot name: the dryers know their -I.
static void s_fold_output (config_t *config)
{
    const char *item = config->command.replace ? config->command.replace : "{}";
    if (config->tagstring && !*config->tagstring)
        config->tagstring = NULL; // between parts an empty one stands for the item
    else if (config->given.tag && !config->tagstring)
        config->tagstring = config->program == PROGRAM_SINK ? "" : item;
    config->printer.tag = config->tagstring != NULL;
    config->printer.json = config->json && config->action == ACTION_RUN;
    config->is_progress = config->given.bar || config->given.eta || config->given.progress;
    config->progress_style = config->given.bar ? PROGRESS_BAR : config->given.eta ? PROGRESS_ETA : PROGRESS_COUNTS;
}

static void s_fold_losses (config_t *config)
{
    if (config->given.no_local)
        config->dryers = 0;
    if (!options_has_given (config, &options_rows_wait[0]))
        config->wait_ms = config->stay ? 0 : config->action == ACTION_STATUS ? STATUS_WAIT_MS : WAIT_MS;
    if (config->address.kind != ADDRESS_INPROC)
        return;
    config->dead_after_ms = ONE_PROCESS_DEAD_AFTER_MS;
    config->wait_ms = config->grace_ms = 0;
    config->crash_limit = config->command.is_filter ? config->crash_limit : 0;
}

//  What the options leave open.
static int s_complete (config_t *config, char *error, size_t error_size)
{
    bool has_jobs = config->program == PROGRAM_DISHES || config->program == PROGRAM_DRYER;
    if (!config->at && config->action != ACTION_KEYGEN && s_default_at (config, error, error_size) == -1)
        return -1;
    s_default_key (config);
    if (config->action == ACTION_BENCH && !options_has_given (config, &options_rows_local[0]))
        config->dryers = limits_cores ();
    return has_jobs && config->jobs == 0 ? s_default_jobs (config, error, error_size) : 0;
}

static int s_parse (config_t *config, int argc, char **argv, char *error, size_t error_size)
{
    int operand = options_read (options_set (config->program), config, argc, argv, error, error_size);
    if (operand == -1)
        return -1;
    if (config->action == ACTION_HELP || config->action == ACTION_VERSION)
        return 0;
    if (s_complete (config, error, error_size) == -1)
        return -1;
    if (options_operands (config, argv + operand, error, error_size) == -1)
        return -1;
    config->input.sources = config->given.sources;
    s_fold_commands (config);
    s_fold_output (config);
    s_fold_losses (config);
    return options_check (config, error, error_size);
}

int options_parse (config_t *config, program_t program, int argc, char **argv, char *error, size_t error_size)
{
    s_set_defaults (config, program);
    //  No word is more than one source.
    config->given.sources = calloc ((size_t)argc + 1, sizeof *config->given.sources);
    if (!config->given.sources) {
        options_fail (error, error_size, "not enough memory");
        errno = ENOMEM;
        return -1;
    }
    return s_parse (config, argc, argv, error, error_size);
}

void config_free (config_t *config)
{
    free (config->given.sources);
    config->given.sources = NULL;
    config->input.sources = NULL;
    config->input.source_count = 0;
}
