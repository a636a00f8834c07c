//  options_dishes: the options of `dishes` as tables, and the way from argv to a config. What the value of a single
//  option means stands in options_values.c, what we lack in options_foreign.c.

#include "cmd/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "cmd/options_foreign.h"
#include "cmd/options_limits.h"
#include "cmd/options_values.h"

#define FIELD(field) OPTION_FIELD (config_t, field)

static const option_t s_input[] = {
    {"arg-file", "a", "FILE", OPTION_CALL, .call = options_source,
     .help = "read items from FILE, not stdin; - is stdin"},
    {"null", "0", NULL, OPTION_SET, FIELD (input.delimiter), .help = "items end with NUL, not with a newline"},
    {"delimiter", "d", "C", OPTION_CALL, .call = options_delimiter,
     .help = "items end with the byte C, as in ; or \\t"},
    {"max-args", "n", "N", OPTION_COUNT, FIELD (input.task_items), 1, .help = "N items a command (default: 1)"},
    {NULL, "X", NULL, OPTION_FLAG, FIELD (input.pack), .help = "as many items a command as fit"},
    {"max-chars", "s", "SIZE", OPTION_SIZE, FIELD (input.task_bytes), 1, .help = "a command takes at most SIZE (128K)"},
    {"no-run-if-empty", "r", NULL, OPTION_FLAG, FIELD (input.skip_blank), .help = "leave out blank items"},
    {"max-item", NULL, "SIZE", OPTION_CALL, .call = options_max_item, .help = "an item over SIZE is an error (64M)"},
    {"queue", NULL, "N|SIZE", OPTION_CALL, .call = options_queue,
     .help = "read ahead at most N tasks, or SIZE as in 64M"},
    {"when-full", NULL, "WHAT", OPTION_CALL, .call = options_when_full,
     .help = "beyond that block, stack or drop (block)"},
    {0},
};

static const option_t s_running[] = {
    {"jobs|max-procs", "jP", "N", OPTION_CALL, .call = options_jobs,
     .help = "N at a time; N%, +N, -N: of the cores; 0: all that fit"},
    {NULL, "I", "S", OPTION_CALL, .call = options_replace, .help = "S is the replacement string, not {}"},
    {"shell", NULL, "[PATH]", OPTION_CALL, .call = options_shell, .help = "COMMAND is a shell line"},
    {"quote", "q", NULL, OPTION_FLAG, FIELD (given.quote), .help = "for old scripts: no shell, nothing to quote"},
    {"timeout", NULL, "DUR", OPTION_DURATION, FIELD (runner.timeout_ms),
     .help = "end a command after DUR: it has failed"},
    {"term-seq|termseq", NULL, "SEQ", OPTION_CALL, .call = options_termseq,
     .help = "how to end it: signals and waits in ms"},
    {"retries", NULL, "N", OPTION_COUNT, FIELD (retries), .help = "N tries in all; 0: for ever (default: 1)"},
    {"delay", NULL, "DUR", OPTION_DURATION, FIELD (runner.delay_ms), .help = "DUR between two starts"},
    {"nice", NULL, "N", OPTION_CALL, .call = options_nice, .help = "run commands N nicer"},
    {"dry-run|dryrun", NULL, NULL, OPTION_FLAG, FIELD (runner.dry_run), .help = "show what would run"},
    {0},
};

static const option_t s_output[] = {
    {"keep-order|keeporder", "k", NULL, OPTION_FLAG, FIELD (printer.keep_order),
     .help = "output in the order of input"},
    {"group", NULL, NULL, OPTION_SET, FIELD (printer.mode), PRINTER_GROUP,
     .help = "a task's output at its end (default)"},
    {"line-buffer|line-buffered|linebuffer|lb", NULL, NULL, OPTION_SET, FIELD (printer.mode), PRINTER_LINES,
     .help = "whole lines as they come"},
    {"ungroup", "u", NULL, OPTION_SET, FIELD (printer.mode), PRINTER_RAW, .help = "bytes as they come"},
    {"tag", NULL, NULL, OPTION_FLAG, FIELD (printer.tag), .help = "begin each line with the item and a tab"},
    {"tagstring|tag-string", NULL, "S", OPTION_STRING, FIELD (tagstring), .help = "begin each line with S and a tab"},
    {"output", "o", "FILE", OPTION_STRING, FIELD (printer.out_path), .help = "stdout of the commands to FILE"},
    {"joblog", NULL, "FILE", OPTION_STRING, FIELD (joblog), .help = "a line a task: times, exit status, command"},
    {"bar", NULL, NULL, OPTION_FLAG, FIELD (given.bar), .help = "a bar on stderr"},
    {"eta", NULL, NULL, OPTION_FLAG, FIELD (given.eta), .help = "the time left on stderr"},
    {"progress", NULL, NULL, OPTION_FLAG, FIELD (given.progress), .help = "counts on stderr"},
    {"total|total-jobs", NULL, "N", OPTION_COUNT, FIELD (total), 1, .help = "there will be N tasks"},
    {"verbose", "tv", NULL, OPTION_FLAG, FIELD (verbose), .help = "commands to stderr as they start"},
    {"quiet", NULL, NULL, OPTION_FLAG, FIELD (quiet), .help = "say less"},
    {0},
};

static const option_t s_ending[] = {
    {"halt", NULL, "COND", OPTION_CALL, .call = options_halt, .help = "end early: now|soon,fail|success|done=N|N%"},
    {"deadline", NULL, "DUR", OPTION_DURATION, FIELD (deadline_ms), .help = "end the run after DUR: exit 124"},
    {0},
};

static const option_t s_general[] = {
    {"at", NULL, "URL", OPTION_CALL, .call = options_at, .help = "inproc://NAME (or DISHES_AT)"},
    {"help", "h", NULL, OPTION_STOP, FIELD (action), ACTION_HELP, .help = "this text"},
    {"version", "V", NULL, OPTION_STOP, FIELD (action), ACTION_VERSION, .help = "the version"},
    {0},
};

static const option_group_t s_groups[] = {
    {"Items", s_input},   {"Commands", s_running}, {"Output", s_output},
    {"Ending", s_ending}, {"General", s_general},  {0},
};

static const option_set_t s_set = {.program = "dishes", .groups = s_groups, .foreign = options_foreign};

void options_help (FILE *out)
{
    fputs ("Usage: dishes [OPTION...] COMMAND [ARG...] [::: ITEM...]\n"
           "Runs COMMAND once for each item, some at a time. Items are the lines of stdin, of files (-a, ::::), or\n"
           "given behind :::; they take the place of {}, or go last.\n",
           out);
    for (const option_group_t *group = s_groups; group->rows; group++) {
        fprintf (out, "\n%s\n", group->title);
        for (const option_t *row = group->rows; row->names || row->letters; row++) {
            char usage[64];
            fprintf (out, "  %-24s %s\n", options_usage (row, usage, sizeof usage), row->help);
        }
    }
    fputs (
        "\n"
        "In COMMAND: {} the item, {.} without extension, {/} its file name, {//} its directory, {/.} name without\n"
        "extension, {#} the task's number, {%} its slot, {1} {2} the values of several sources or of -n.\n"
        "Sources: ::: ITEM..., :::: FILE... make a product; :::+ and ::::+ go in step with the source before.\n"
        "DUR: 5 5s 250ms 1.5m 2h. SIZE: 64k (1000) 64K (1024) 1.5M.\n"
        "Exit status: 0 all succeeded, 1-100 so many failed, 101 more, 124 deadline, 125 an error of dishes itself,\n"
        "126 or 127 COMMAND cannot be run or is not found.\n",
        out);
}

//  -- COMMAND and the sources behind it

typedef struct {
    const char *word;
    int kind;
    bool linked;
} separator_t;

//  The row of a separator; NULL: the word is something else.
static const separator_t *s_separator (const char *word)
{
    static const separator_t rows[] = {{":::", INPUT_LIST, false},
                                       {":::+", INPUT_LIST, true},
                                       {"::::", INPUT_FILE, false},
                                       {"::::+", INPUT_FILE, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp (rows[i].word, word) == 0)
            return &rows[i];
    return NULL;
}

//  How many words come before the next separator.
static size_t s_span (char **words)
{
    size_t count = 0;
    while (words[count] && !s_separator (words[count]))
        count++;
    return count;
}

//  The words behind one separator: a list is one source, of files each is one.
static int s_add_sources (config_t *config, const separator_t *separator, char **words, size_t count, char *error,
                          size_t error_size)
{
    input_source_t source = {.kind = separator->kind, .linked = separator->linked};
    if (separator->linked && config->input.source_count == 0)
        return options_fail (error, error_size, "%s has no source before it to go in step with: use %.*s",
                             separator->word, (int)strlen (separator->word) - 1, separator->word);
    if (source.kind == INPUT_LIST) {
        source.items = (const char *const *)words;
        source.count = count;
        options_add_source (config, source);
        return 0;
    }
    if (count == 0)
        return options_fail (error, error_size, "%s needs a file: give one, or - for standard input", separator->word);
    for (size_t i = 0; i < count; i++) {
        source.path = words[i];
        options_add_source (config, source);
    }
    return 0;
}

static int s_split (config_t *config, char **words, char *error, size_t error_size)
{
    config->command.words = words;
    config->command.count = s_span (words);
    words += config->command.count;
    while (*words) {
        const separator_t *separator = s_separator (*words++);
        size_t count = s_span (words);
        if (s_add_sources (config, separator, words, count, error, error_size) == -1)
            return -1;
        words += count;
    }
    return 0;
}

//  -- the whole

static void s_set_defaults (config_t *config)
{
    *config = (config_t){
        .input = input_defaults (),
        .printer = {.out_fd = 1, .err_fd = 2},
        .retries = 1,
    };
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

//  Without --at: DISHES_AT, else a name that nobody else can meet.
static int s_default_at (config_t *config, char *error, size_t error_size)
{
    const char *at = getenv ("DISHES_AT");
    char reason[200];
    if (options_at (NULL, config, at && *at ? at : "inproc://dishes", reason, sizeof reason) == 0)
        return 0;
    return options_fail (error, error_size, "DISHES_AT: %s", reason);
}

//  Folds what was written into what is meant.
static void s_fold (config_t *config)
{
    static const runner_output_t outputs[] = {
        [PRINTER_GROUP] = RUNNER_GROUP, [PRINTER_LINES] = RUNNER_LINES, [PRINTER_RAW] = RUNNER_BYTES};
    config->input.sources = config->given.sources;
    for (size_t i = 0; i < config->command.count; i++)
        config->input.command_bytes += strlen (config->command.words[i]) + 1;
    config->command.context = config->input.pack;
    config->runner.output = outputs[config->printer.mode];
    config->runner.slots = config->jobs;
    config->runner.want_text = config->joblog != NULL;
    if (config->printer.tag && !config->tagstring)
        config->tagstring = config->command.replace ? config->command.replace : "{}";
    config->printer.tag = config->tagstring != NULL;
    config->is_progress = config->given.bar || config->given.eta || config->given.progress;
    config->progress_style = config->given.bar ? PROGRESS_BAR : config->given.eta ? PROGRESS_ETA : PROGRESS_COUNTS;
}

static bool s_is_same (const char *a, const char *b)
{
    return a && b && strcmp (a, b) == 0;
}

static int s_check (const config_t *config, char *error, size_t error_size)
{
    const input_config_t *input = &config->input;
    if (config->tagstring && config->printer.mode == PRINTER_RAW)
        return options_fail (error, error_size, "-u prints bytes as they come and has no tags: use --line-buffer");
    if (config->tagstring && strlen (config->tagstring) >= ENDPOINT_BYTES)
        return options_fail (error, error_size, "--tagstring is too long: give at most %d bytes", ENDPOINT_BYTES - 1);
    if (input->task_bytes && input->task_bytes <= input->command_bytes)
        return options_fail (error, error_size, "-s %zu has no room for an item: COMMAND alone takes %zu bytes",
                             input->task_bytes, input->command_bytes);
    if (s_is_same (config->joblog, config->printer.out_path))
        return options_fail (error, error_size, "--joblog and -o name the same file: give two");
    if (s_is_same (config->joblog, "") || s_is_same (config->printer.out_path, ""))
        return options_fail (error, error_size, "the name of the file for --joblog or -o is empty: give one");
    return 0;
}

static int s_parse (config_t *config, int argc, char **argv, char *error, size_t error_size)
{
    int operand = options_read (&s_set, config, argc, argv, error, error_size);
    if (operand == -1)
        return -1;
    if (config->action != ACTION_RUN)
        return 0;
    if (!config->at && s_default_at (config, error, error_size) == -1)
        return -1;
    if (config->jobs == 0 && s_default_jobs (config, error, error_size) == -1)
        return -1;
    if (s_split (config, argv + operand, error, error_size) == -1)
        return -1;
    s_fold (config);
    return s_check (config, error, error_size);
}

int options_parse (config_t *config, int argc, char **argv, char *error, size_t error_size)
{
    s_set_defaults (config);
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
