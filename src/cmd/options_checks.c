//  options_checks: no option is taken and then ignored, so most rules are "these rows, in this case: no".

#include "cmd/options_checks.h"

#include <string.h>

#include "base/options.h"
#include "cmd/options_foreign.h"
#include "cmd/options_tables.h"

#define WIRED       "needs parts that are processes: give --at ipc://NAME or tcp://HOST:PORT"
#define OVER_TCP    "is about ports: give --at tcp://HOST:PORT"
#define CHAINED     "is about the items of the next pipeline: give --into URL"
#define ELSEWHERE   "is about local commands, and --no-local runs none: give it to the dryers"
#define ONE_FOR_ALL "is about a command for each task, and --filter has one for all: leave it out"
#define OF_FILTERS  "is about filters: give --filter, or leave it out"
#define PIPED       "is about blocks for the stdin of commands: give --pipe"

bool options_has_given (const config_t *config, const option_t *row)
{
    for (size_t i = 0; i < config->given.rows_size; i++)
        if (config->given.rows[i] == row)
            return true;
    return false;
}

bool options_has_named (const config_t *config, const char *name)
{
    size_t size = strlen (name);
    for (size_t i = 0; i < config->given.rows_size; i++) {
        const char *names = config->given.rows[i]->names;
        if (names && strncmp (names, name, size) == 0 && strcspn (names, "|") == size)
            return true;
    }
    return false;
}

//  The first option of a table that was given; NULL: none.
static const option_t *s_given_of (const config_t *config, const option_t *table)
{
    for (size_t i = 0; i < config->given.rows_size; i++)
        if (options_is_of (table, config->given.rows[i]))
            return config->given.rows[i];
    return NULL;
}

//  "--jobs", or "-X" where there is no long name.
static const char *s_show (const option_t *row, char text[OPTIONS_SHOWN])
{
    if (row->names)
        snprintf (text, OPTIONS_SHOWN, "--%.*s", (int)strcspn (row->names, "|"), row->names);
    else
        snprintf (text, OPTIONS_SHOWN, "-%c", row->letters[0]);
    return text;
}

//  -- where the parts meet

static bool s_is_inproc (const config_t *config)
{
    return config->address.kind == ADDRESS_INPROC;
}

//  Of one process, whose dryer is a thread. (Those of --bench are threads, then.)
static bool s_has_one_dryer (const config_t *config)
{
    return s_is_inproc (config) && config->action != ACTION_BENCH;
}

static bool s_is_not_tcp (const config_t *config)
{
    return config->address.kind != ADDRESS_TCP && !(config->into && config->into_address.kind == ADDRESS_TCP);
}

static bool s_is_last (const config_t *config)
{
    return config->program == PROGRAM_SINK && !config->into;
}

static bool s_has_no_dryer (const config_t *config)
{
    return config->given.no_local;
}

static bool s_has_no_process (const config_t *config)
{
    return config->address.kind == ADDRESS_INPROC && !config->command.is_filter;
}

static bool s_is_filter (const config_t *config)
{
    return config->command.is_filter;
}

static bool s_is_no_filter (const config_t *config)
{
    return !config->command.is_filter;
}

static bool s_is_plain_dryer (const config_t *config)
{
    return config->program == PROGRAM_DRYER && !config->command.is_filter;
}

static bool s_is_not_piped (const config_t *config)
{
    return !config->input.pipe;
}

static const struct {
    bool (*is_so) (const config_t *config);
    const option_t *rows; // that do not go with it
    const char *why;
} s_rules[] = {
    {s_has_one_dryer, options_rows_local, WIRED},
    {s_is_inproc, options_rows_wait, WIRED},
    {s_is_inproc, options_rows_losses, WIRED},
    {s_is_inproc, options_rows_security, WIRED},
    {s_is_inproc, options_rows_ports, WIRED},
    {s_is_not_tcp, options_rows_ports, OVER_TCP},
    {s_is_inproc, options_rows_wait_dryers, WIRED},
    {s_has_no_dryer, options_rows_commands, ELSEWHERE},
    {s_has_no_dryer, options_rows_starts, ELSEWHERE},
    {s_has_no_dryer, options_rows_filter, ELSEWHERE},
    {s_has_no_process, options_rows_crashes, WIRED},
    {s_is_plain_dryer, options_rows_crashes, OF_FILTERS},
    {s_is_plain_dryer, options_rows_dryer_null, OF_FILTERS},
    {s_is_no_filter, options_rows_filter, OF_FILTERS},
    {s_is_filter, options_rows_starts, ONE_FOR_ALL},
    {s_is_filter, options_rows_context, ONE_FOR_ALL},
    {s_is_filter, options_rows_dryer_context, ONE_FOR_ALL},
    {s_is_last, options_rows_next, CHAINED},
    {s_is_last, options_rows_name, CHAINED},
    {s_is_last, options_rows_items, CHAINED},
    {s_is_last, options_rows_context, CHAINED},
    {s_is_last, options_rows_wait_dryers, CHAINED},
    {s_is_not_piped, options_rows_blocks, PIPED},
    {s_is_filter, options_rows_pipe, ONE_FOR_ALL},
};

static int s_check_rules (const config_t *config, char *error, size_t error_size)
{
    for (size_t i = 0; i < sizeof s_rules / sizeof *s_rules; i++) {
        const option_t *row = s_rules[i].is_so (config) ? s_given_of (config, s_rules[i].rows) : NULL;
        char text[OPTIONS_SHOWN];
        if (row)
            return options_fail (error, error_size, "%s %s", s_show (row, text), s_rules[i].why);
    }
    return 0;
}

static int s_check_inproc (const char *at, address_kind_t kind, char *error, size_t error_size)
{
    if (kind == ADDRESS_INPROC)
        return options_fail (error, error_size,
                             "'%.*s' joins the threads of one process only: run them all by dishes, or give "
                             "ipc://NAME or tcp://HOST:PORT",
                             OPTIONS_SHOWN, at);
    return 0;
}

static int s_check_place (const config_t *config, char *error, size_t error_size)
{
    if (config->program == PROGRAM_DISHES && (config->action == ACTION_RUN || config->action == ACTION_BENCH))
        return 0;
    return s_check_inproc (config->at, config->address.kind, error, error_size);
}

//  A result is an item when it is counted, and then the whole of it.
static int s_check_chain (const config_t *config, char *error, size_t error_size)
{
    endpoint_t here, next;
    if (!config->into)
        return 0;
    address_show (&config->address, here);
    address_show (&config->into_address, next);
    if (strcmp (here, next) == 0)
        return options_fail (error, error_size, "--into is another pipeline than --at: give a second address");
    if (config->printer.mode != PRINTER_GROUP)
        return options_fail (
            error, error_size,
            "--into gives on what is counted: leave out -u and --line-buffer, which show output before");
    if (config->stay)
        return options_fail (error, error_size, "one run goes --into one other: leave out --stay, or --into");
    return s_check_inproc (config->into, config->into_address.kind, error, error_size);
}

static int s_check_security (const config_t *config, char *error, size_t error_size)
{
    if (config->key && config->is_insecure)
        return options_fail (error, error_size, "--key and --insecure exclude each other: give one");
    return 0;
}

static int s_check_dryers (const config_t *config, char *error, size_t error_size)
{
    const struct {
        const char *option;
        uint32_t value;
    } numbers[] = {{"--dryers", config->dryers}, {"--wait-dryers", config->wait_dryers}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].value > DRYERS_MOST)
            return options_fail (error, error_size, "%s %u are too many: a sink has room for %d", numbers[i].option,
                                 (unsigned)numbers[i].value, DRYERS_MOST);
    return 0;
}

static int s_check_local (const config_t *config, char *error, size_t error_size)
{
    if (!config->given.no_local)
        return 0;
    if (config->action == ACTION_BENCH)
        return options_fail (error, error_size, "--no-local does not go with --bench: leave it out");
    if (options_has_named (config, "dryers"))
        return options_fail (error, error_size, "--dryers and --no-local exclude each other: give one");
    if (config->command.count)
        return options_fail (error, error_size, "--no-local runs no command: give '%.*s' to the dryers", OPTIONS_SHOWN,
                             config->command.words[0]);
    return 0;
}

//  -- items and results

static bool s_is_same (const char *a, const char *b)
{
    return a && b && strcmp (a, b) == 0;
}

static int s_check_items (const config_t *config, char *error, size_t error_size)
{
    const input_config_t *input = &config->input;
    if (input->task_bytes && !input->pipe && !input->pack && input->task_items < 2)
        return options_fail (error, error_size, "-s says how many items fit a command: give -X, or -n N, too");
    if (input->task_bytes && input->task_bytes <= input->command_bytes)
        return options_fail (error, error_size, "-s %zu has no room for an item: COMMAND alone takes %zu bytes",
                             input->task_bytes, input->command_bytes);
    return 0;
}

//  Taken for text they would do harm: `mv {} {=s/a/b/=}` moves all items to one name.
static int s_check_strings (const config_t *config, char *error, size_t error_size)
{
    foreign_string_t found = {.text = NULL};
    if (config->command.replace)
        return 0;
    for (size_t i = 0; i < config->command.count && !found.text; i++)
        options_find_foreign (config->command.words[i], &found);
    if (!found.text && config->tagstring)
        options_find_foreign (config->tagstring, &found);
    if (!found.text)
        return 0;
    return options_fail (error, error_size, "'%.*s' %s", found.size < OPTIONS_SHOWN ? (int)found.size : OPTIONS_SHOWN,
                         found.text, found.advice);
}

static int s_check_filter (const config_t *config, char *error, size_t error_size)
{
    if (!config->command.is_filter)
        return 0;
    if (!config->command.count)
        return options_fail (error, error_size, "--filter needs COMMAND, which gets the items as lines: give one");
    if (config->filter_lines && config->filter_end)
        return options_fail (error, error_size, "--lines and --end-line exclude each other: give one");
    return 0;
}

//  -X, -s and -r look at each item, and a block is made of what is read.
static int s_check_blocks (const config_t *config, char *error, size_t error_size)
{
    const input_config_t *input = &config->input;
    if (!input->pipe)
        return 0;
    char letter = input->pack || config->command.context ? 'X' : input->task_bytes ? 's' : input->skip_blank ? 'r' : 0;
    if (letter)
        return options_fail (error, error_size, "-%c is about items, and --pipe gives blocks as they are: leave it out",
                             letter);
    if (input->source_count > 1)
        return options_fail (error, error_size, "--pipe reads one input: give one file, or use cat (1)");
    if (input->source_count && input->sources->kind == INPUT_LIST)
        return options_fail (error, error_size, "--pipe reads a file or stdin, and ::: gives items: leave out --pipe");
    if (input->task_items && input->pipe_bytes)
        return options_fail (error, error_size, "-n and --block each say what a block is: give one");
    if (input->task_items && input->has_record_end && !input->record_end.size && !input->record_start.size)
        return options_fail (error, error_size, "-n counts records, and by --recend '' there are none: use --block");
    bool is_ended = options_has_named (config, "null") || options_has_named (config, "delimiter");
    if (is_ended && (input->has_record_end || input->record_start.size))
        return options_fail (error, error_size, "-0 and -d say how a record ends: leave them out, or --rec%s",
                             input->has_record_end ? "end" : "start");
    return 0;
}

static int s_check_output (const config_t *config, char *error, size_t error_size)
{
    if (config->tagstring && config->printer.mode == PRINTER_RAW)
        return options_fail (error, error_size, "-u prints bytes as they come and has no tags: use --line-buffer");
    if (config->printer.json && config->printer.mode != PRINTER_GROUP)
        return options_fail (error, error_size,
                             "--json gives a task when it is done: leave out -u and --line-buffer, or --json");
    if (config->tagstring && strlen (config->tagstring) >= ENDPOINT_BYTES)
        return options_fail (error, error_size, "--tagstring is too long: give at most %d bytes", ENDPOINT_BYTES - 1);
    return 0;
}

//  What holds one run.
static int s_check_stay (const config_t *config, char *error, size_t error_size)
{
    if (!config->stay)
        return 0;
    if (config->results)
        return options_fail (error, error_size,
                             "a directory of --results holds one run: leave out --stay, or --results");
    if (config->joblog || config->printer.out_path)
        return options_fail (error, error_size,
                             "a file of --joblog or -o holds one run: leave out --stay, or the file");
    if (config->journal)
        return options_fail (error, error_size, "a journal holds one run: leave out --stay, or --journal");
    return 0;
}

//  The journal, or a file that stands beside it.
static bool s_is_of_journal (const char *journal, const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-early", "-items"};
    size_t size = journal && path ? strlen (journal) : 0;
    if (!journal || !path || strncmp (journal, path, size) != 0)
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strcmp (path + size, ends[i]) == 0)
            return true;
    return false;
}

static int s_check_files (const config_t *config, char *error, size_t error_size)
{
    const char *out = config->printer.out_path, *joblog = config->joblog, *journal = config->journal;
    if ((config->resume || config->resume_failed) && !journal && !joblog)
        return options_fail (error, error_size,
                             "--resume needs to know what was done: give the --journal or --joblog of that run");
    if (config->runner.dry_run && journal)
        return options_fail (error, error_size,
                             "a journal keeps what was done, and --dry-run does nothing: leave out one of --journal "
                             "and --dry-run");
    if (s_is_same (journal, "") || s_is_of_journal (journal, joblog) || s_is_of_journal (journal, out))
        return options_fail (error, error_size, "--journal needs a file of its own: give one that is nothing else");
    if (s_is_same (joblog, out))
        return options_fail (error, error_size, "--joblog and -o name the same file: give two");
    if (s_is_same (joblog, "") || s_is_same (out, ""))
        return options_fail (error, error_size, "the name of the file for --joblog or -o is empty: give one");
    return 0;
}

//  -- what is not a run

#define LOOKS (1u << ACTION_JOIN | 1u << ACTION_STATUS | 1u << ACTION_TOP)

//  Which options go with which actions; all others go with a run only.
static const struct {
    const option_t *rows;
    unsigned actions; // bits
} s_actions[] = {
    {options_rows_actions, LOOKS | 1u << ACTION_KEYGEN},
    {options_rows_quiet, ~0u},
    {options_rows_security, 1u << ACTION_RUN | LOOKS | 1u << ACTION_BENCH},
    {options_rows_wait, 1u << ACTION_RUN | LOOKS},
    {options_rows_deadline, 1u << ACTION_RUN | 1u << ACTION_JOIN | 1u << ACTION_TOP},
    {options_rows_run, 1u << ACTION_JOIN},
    {options_rows_json, 1u << ACTION_RUN | 1u << ACTION_STATUS | 1u << ACTION_BENCH},
    {options_rows_bench, 1u << ACTION_BENCH},
    {options_rows_local, 1u << ACTION_RUN | 1u << ACTION_BENCH},
    {options_rows_at, 1u << ACTION_RUN | 1u << ACTION_BENCH},
};

static unsigned s_actions_of (const option_t *row)
{
    for (size_t i = 0; i < sizeof s_actions / sizeof *s_actions; i++)
        if (options_is_of (s_actions[i].rows, row))
            return s_actions[i].actions;
    return 1u << ACTION_RUN;
}

static const char *const s_names[] = {[ACTION_JOIN] = "--join",
                                      [ACTION_STATUS] = "--status",
                                      [ACTION_TOP] = "--top",
                                      [ACTION_KEYGEN] = "--keygen",
                                      [ACTION_BENCH] = "--bench"};

//  What an option belongs to that does not go with a run.
static const char *s_belongs_to (const option_t *row)
{
    unsigned action = ACTION_JOIN;
    while (!(s_actions_of (row) & 1u << action))
        action++;
    return s_names[action];
}

static int s_check_action (const config_t *config, char *error, size_t error_size)
{
    char text[OPTIONS_SHOWN];
    for (size_t i = 0; i < config->given.rows_size; i++) {
        const option_t *row = config->given.rows[i];
        if (s_actions_of (row) & 1u << config->action)
            continue;
        if (config->action == ACTION_RUN)
            return options_fail (error, error_size, "%s belongs to %s", s_show (row, text), s_belongs_to (row));
        return options_fail (error, error_size, "%s does not go with %s: leave it out", s_show (row, text),
                             s_names[config->action]);
    }
    if (config->action != ACTION_RUN && config->command.count + config->input.source_count)
        return options_fail (error, error_size, "%s starts nothing: leave out what stands behind it",
                             s_names[config->action]);
    return 0;
}

int options_check (const config_t *config, char *error, size_t error_size)
{
    static int (*const checks[]) (const config_t *, char *, size_t) = {
        s_check_action, s_check_place,  s_check_chain, s_check_rules,   s_check_security,
        s_check_dryers, s_check_local,  s_check_items, s_check_strings, s_check_filter,
        s_check_blocks, s_check_output, s_check_stay,  s_check_files,
    };
    size_t count = config->action == ACTION_KEYGEN ? 1 : sizeof checks / sizeof *checks;
    for (size_t i = 0; i < count; i++)
        if (checks[i](config, error, error_size) == -1)
            return -1;
    return 0;
}
