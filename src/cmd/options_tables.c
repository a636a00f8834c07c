//  options_tables: rows stand in the order of --help. A table is what the same programs have.

#include "cmd/options_tables.h"

#include "cmd/options_foreign.h"
#include "cmd/options_place.h"
#include "cmd/options_values.h"

#define FIELD(field) OPTION_FIELD (config_t, field)

static const option_t s_sources[] = {
    {"arg-file", "a", "FILE", OPTION_CALL, .call = options_source,
     .help = "read items from FILE, not stdin; - is stdin"},
    {0},
};

const option_t options_rows_items[] = {
    {"null", "0", NULL, OPTION_SET, FIELD (input.delimiter), .help = "items end with NUL, not with a newline"},
    {"delimiter", "d", "C", OPTION_CALL, .call = options_delimiter,
     .help = "items end with the byte C, as in ; or \\t"},
    {"max-args|max-replace-args", "nN", "N", OPTION_COUNT, FIELD (input.task_items), 1,
     .help = "N items a command (default: 1)", .advice = "name the item where it does no harm, as in 'COMMAND; : {}'"},
    {"no-run-if-empty", "r", NULL, OPTION_FLAG, FIELD (input.skip_blank), .help = "leave out blank items"},
    {"max-item", NULL, "SIZE", OPTION_CALL, .call = options_max_item, .help = "an item over SIZE is an error (64M)"},
    {"queue", NULL, "N|SIZE", OPTION_CALL, .call = options_queue,
     .help = "read ahead at most N tasks, or SIZE as in 64M"},
    {"when-full", NULL, "WHAT", OPTION_CALL, .call = options_when_full,
     .help = "beyond that block, stack or drop (block)"},
    {"retries", NULL, "N", OPTION_COUNT, FIELD (retries), .help = "N tries in all; 0: for ever (default: 1)"},
    {0},
};

//  What -X means for COMMAND, where items come from elsewhere.
const option_t options_rows_dryer_context[] = {
    {NULL, "X", NULL, OPTION_FLAG, FIELD (command.context), .help = "x{}y once for each item (with washer -X)"},
    {0},
};

//  How items end, likewise.
const option_t options_rows_dryer_null[] = {
    {"null", "0", NULL, OPTION_SET, FIELD (input.delimiter), .help = "of --filter: its lines end with NUL"},
    {0},
};

//  Of who reads, and of who runs; both must know.
const option_t options_rows_pipe[] = {
    {"pipe|spreadstdin", NULL, NULL, OPTION_CALL, .call = options_pipe,
     .help = "blocks of whole records to the stdin of COMMAND, not items"},
    {0},
};

const option_t options_rows_blocks[] = {
    {"block|block-size|blocksize", NULL, "SIZE", OPTION_CALL, .call = options_block,
     .help = "a block is at most SIZE, or one record (1M)"},
    {"recend", NULL, "S", OPTION_CALL, .call = options_recend, .help = "a record ends with S (\\n, or as -0, -d say)"},
    {"recstart", NULL, "S", OPTION_CALL, .call = options_recstart, .help = "a record begins with S"},
    {"header", NULL, "N|:", OPTION_CALL, .call = options_header,
     .help = "the first N lines (:, one) stand before each block"},
    {0},
};

const option_t options_rows_commands[] = {
    {"jobs|max-procs", "jP", "N", OPTION_CALL, .call = options_jobs,
     .help = "N at a time; N%, +N, -N: of the cores; 0: all that fit; or a file that says it"},
    {NULL, "I", "S", OPTION_CALL, .call = options_replace, .help = "S is the replacement string, not {}"},
    {"shell", NULL, "[PATH]", OPTION_CALL, .call = options_shell, .help = "COMMAND is a shell line"},
    {"quote", "q", NULL, OPTION_FLAG, FIELD (given.quote), .help = "for old scripts: no shell, nothing to quote"},
    {"timeout", NULL, "DUR", OPTION_DURATION, FIELD (runner.timeout_ms),
     .help = "end a command after DUR: it has failed"},
    {"term-seq|termseq", NULL, "SEQ", OPTION_CALL, .call = options_termseq,
     .help = "how to end it: signals and waits in ms"},
    {"nice", NULL, "N", OPTION_CALL, .call = options_nice, .help = "run commands N nicer"},
    {"prefetch", NULL, "N", OPTION_COUNT, FIELD (prefetch), .help = "N tasks wait beside those that run (64)"},
    {"verbose", "tv", NULL, OPTION_FLAG, FIELD (verbose), .help = "commands to stderr as they start"},
    {0},
};

const option_t options_rows_filter[] = {
    {"filter", NULL, NULL, OPTION_FLAG, FIELD (command.is_filter),
     .help = "one COMMAND a slot: items are lines of its stdin, its lines results"},
    {"lines", NULL, "N", OPTION_COUNT, FIELD (filter_lines), 1, .help = "of --filter: a result has N lines (1)"},
    {"end-line", NULL, "S", OPTION_STRING, FIELD (filter_end), .help = "of --filter: a result ends with the line S"},
    {0},
};

//  What says how a command is started for each task.
const option_t options_rows_starts[] = {
    {"delay", NULL, "DUR", OPTION_DURATION, FIELD (runner.delay_ms), .help = "DUR between two starts"},
    {"rate", NULL, "N/s", OPTION_CALL, .call = options_rate, .help = "at most N starts a second; N/m, N/h"},
    {"load", NULL, "N", OPTION_CALL, .call = options_load,
     .help = "start only where fewer than N processes run, N as of -j"},
    {"memfree", NULL, "SIZE", OPTION_SIZE, FIELD (brake.memfree_bytes), 1,
     .help = "start only where SIZE of memory is free; below half, one less"},
    {"dry-run|dryrun", NULL, NULL, OPTION_FLAG, FIELD (runner.dry_run),
     .help = "show what would run, and write no file"},
    {0},
};

const option_t options_rows_context[] = {
    {NULL, "X", NULL, OPTION_FLAG, FIELD (input.pack), .help = "as many items a command as fit"},
    {"max-chars", "s", "SIZE", OPTION_SIZE, FIELD (input.task_bytes), 1,
     .help = "of -X and -n: a command takes at most SIZE (128K), or one item"},
    {0},
};

//  Of dishes it is also about what it tells of other pipelines.
const option_t options_rows_json[] = {
    {"json", NULL, NULL, OPTION_FLAG, FIELD (json), .help = "a line of JSON a task; also --status, --bench as JSON"},
    {0},
};

static const option_t s_json[] = {
    {"json", NULL, NULL, OPTION_FLAG, FIELD (json), .help = "a line of JSON a task, with its output in it"},
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
    {"tag", NULL, NULL, OPTION_FLAG, FIELD (given.tag), .help = "begin each line with the item and a tab"},
    {"tagstring|tag-string", NULL, "S", OPTION_STRING, FIELD (tagstring), .help = "begin each line with S and a tab"},
    {"output", "o", "FILE", OPTION_STRING, FIELD (printer.out_path), .help = "stdout of the commands to FILE"},
    {"results|result|res", NULL, "DIR", OPTION_CALL, .call = options_results,
     .help = "what each task wrote to DIR/1/ITEM/stdout and stderr, too"},
    {"joblog", NULL, "FILE", OPTION_STRING, FIELD (joblog), .help = "a line a task: times, exit status, command"},
    {"bar", NULL, NULL, OPTION_FLAG, FIELD (given.bar), .help = "a bar on stderr"},
    {"eta", NULL, NULL, OPTION_FLAG, FIELD (given.eta), .help = "the time left on stderr"},
    {"progress", NULL, NULL, OPTION_FLAG, FIELD (given.progress), .help = "counts on stderr"},
    {"total|total-jobs", NULL, "N", OPTION_COUNT, FIELD (total), 1, .help = "there will be N tasks"},
    {0},
};

static const option_t s_durable[] = {
    {"journal", NULL, "FILE", OPTION_STRING, FIELD (journal), .help = "keep there what was counted, safe from a crash"},
    {"resume", NULL, NULL, OPTION_FLAG, FIELD (resume), .help = "go on where the run of --journal or --joblog stopped"},
    {"resume-failed|resumefailed", NULL, NULL, OPTION_FLAG, FIELD (resume_failed),
     .help = "the same, and try again what has failed"},
    {0},
};

static const option_t s_halt[] = {
    {"halt", NULL, "COND", OPTION_CALL, .call = options_halt, .help = "end early: now|soon,fail|success|done=N|N%"},
    {0},
};

const option_t options_rows_deadline[] = {
    {"deadline", NULL, "DUR", OPTION_DURATION, FIELD (deadline_ms), .help = "end the run after DUR: exit 124"},
    {0},
};

const option_t options_rows_wait[] = {
    {"wait", NULL, "DUR", OPTION_DURATION, FIELD (wait_ms), .help = "seek a missing part for DUR; 0: for ever (60s)"},
    {0},
};

const option_t options_rows_wait_dryers[] = {
    {"wait-dryers", NULL, "N", OPTION_COUNT, FIELD (wait_dryers), .help = "begin when N dryers are there"},
    {0},
};

const option_t options_rows_losses[] = {
    {"dead-after", NULL, "DUR", OPTION_DURATION, FIELD (dead_after_ms), 100,
     .help = "a part that is silent for DUR is lost (5s)"},
    {"washer-grace", NULL, "DUR", OPTION_DURATION, FIELD (grace_ms),
     .help = "await a lost washer's return for DUR (10s)"},
    {0},
};

const option_t options_rows_crashes[] = {
    {"crash-limit", NULL, "N", OPTION_COUNT, FIELD (crash_limit),
     .help = "give up a task that took N dryers, or filters, along (3; 0: never)"},
    {0},
};

static const option_t s_stay[] = {
    {"stay", NULL, NULL, OPTION_FLAG, FIELD (stay), .help = "at the end go on with the next pipeline"},
    {0},
};

static const option_t s_idle[] = {
    {"idle-timeout", NULL, "DUR", OPTION_DURATION, FIELD (idle_ms), 1, .help = "leave after DUR with nothing to do"},
    {0},
};

const option_t options_rows_at[] = {
    {"at", NULL, "URL", OPTION_CALL, .call = options_at, .help = "where the parts meet (or DISHES_AT), see below"},
    {0},
};

static const option_t s_into[] = {
    {"into", NULL, "URL", OPTION_CALL, .call = options_into,
     .help = "each line of a result is an item of the pipeline there"},
    {0},
};

const option_t options_rows_next[] = {
    {"into-key", NULL, "FILE", OPTION_CALL, .call = options_into_key,
     .help = "the key there (default, over tcp: as here)"},
    {0},
};

const option_t options_rows_security[] = {
    {"key", NULL, "FILE", OPTION_CALL, .call = options_key, .help = "only who has a key may take part (or DISHES_KEY)"},
    {"insecure", NULL, NULL, OPTION_FLAG, FIELD (is_insecure), .help = "everybody who can reach the port may"},
    {0},
};

const option_t options_rows_ports[] = {
    {"lane-ports", NULL, "A-B", OPTION_CALL, .call = options_lane_ports, .help = "listen at ports A to B only"},
    {"advertise", NULL, "HOST", OPTION_CALL, .call = options_advertise, .help = "say that we are reached at HOST"},
    {0},
};

const option_t options_rows_name[] = {
    {"name", NULL, "S", OPTION_CALL, .call = options_name, .help = "what it is called (default: host-pid)"},
    {0},
};

const option_t options_rows_local[] = {
    {"dryers", NULL, "N", OPTION_COUNT, FIELD (dryers), 1, .help = "N local dryers, of -j commands each (1)"},
    {"no-local", NULL, NULL, OPTION_FLAG, FIELD (given.no_local), .help = "no local dryers: others come and join"},
    {0},
};

const option_t options_rows_actions[] = {
    {"join", NULL, "URL", OPTION_CALL, .call = options_action, .number = ACTION_JOIN,
     .help = "wait until a pipeline has done all of its tasks"},
    {"status", NULL, "URL", OPTION_CALL, .call = options_action, .number = ACTION_STATUS,
     .help = "say how far a pipeline is"},
    {"top", NULL, "URL", OPTION_CALL, .call = options_action, .number = ACTION_TOP,
     .help = "show how a pipeline goes on, each second; q: leave"},
    {"keygen", NULL, "DIR", OPTION_CALL, .call = options_action, .number = ACTION_KEYGEN,
     .help = "make head.key and worker.key in DIR, for --key"},
    {0},
};

const option_t options_rows_run[] = {
    {"run", NULL, "ID", OPTION_CALL, .call = options_run, .help = "with --join: of this run only"},
    {0},
};

const option_t options_rows_bench[] = {
    {"bench", NULL, NULL, OPTION_SET, FIELD (action), ACTION_BENCH,
     .help = "measure: tiny tasks, done by nothing, over --at URL"},
    {"items", NULL, "N", OPTION_COUNT, FIELD (bench_items), 1,
     .help = "with --bench: N items (50 million, up to 1 GB)"},
    {"size", NULL, "SIZE", OPTION_SIZE, FIELD (bench_size), 1, .help = "with --bench: of SIZE bytes each (16)"},
    {0},
};

const option_t options_rows_quiet[] = {
    {"quiet", NULL, NULL, OPTION_FLAG, FIELD (quiet), .help = "say less"},
    {0},
};

static const option_t s_general[] = {
    {"help", "h", NULL, OPTION_STOP, FIELD (action), ACTION_HELP, .help = "this text"},
    {"version", "V", NULL, OPTION_STOP, FIELD (action), ACTION_VERSION, .help = "the version"},
    {0},
};

//  -- who has what

static const option_group_t s_dishes[] = {
    {"Items", s_sources},
    {NULL, options_rows_items},
    {NULL, options_rows_context},
    {NULL, options_rows_pipe},
    {NULL, options_rows_blocks},
    {"Commands", options_rows_commands},
    {NULL, options_rows_starts},
    {NULL, options_rows_filter},
    {"Output", s_output},
    {NULL, options_rows_json},
    {NULL, s_durable},
    {"Ending", s_halt},
    {NULL, options_rows_deadline},
    {"Over ipc and tcp", options_rows_local},
    {NULL, options_rows_wait},
    {NULL, options_rows_wait_dryers},
    {NULL, options_rows_losses},
    {NULL, options_rows_crashes},
    {NULL, options_rows_security},
    {NULL, options_rows_ports},
    {"Other pipelines", options_rows_actions},
    {NULL, options_rows_run},
    {"Measuring", options_rows_bench},
    {"General", options_rows_at},
    {NULL, options_rows_quiet},
    {NULL, s_general},
    {0},
};

static const option_group_t s_washer[] = {
    {"Items", s_sources},          {NULL, options_rows_items},  {NULL, options_rows_context},
    {NULL, options_rows_pipe},     {NULL, options_rows_blocks}, {"Meeting", options_rows_at},
    {NULL, options_rows_name},     {NULL, options_rows_wait},   {NULL, options_rows_wait_dryers},
    {NULL, options_rows_security}, {NULL, options_rows_ports},  {"General", options_rows_deadline},
    {NULL, options_rows_quiet},    {NULL, s_general},           {0},
};

static const option_group_t s_dryer[] = {
    {"Commands", options_rows_commands},
    {NULL, options_rows_starts},
    {NULL, options_rows_dryer_context},
    {NULL, options_rows_pipe},
    {NULL, options_rows_filter},
    {NULL, options_rows_dryer_null},
    {NULL, options_rows_crashes},
    {"Meeting", options_rows_at},
    {NULL, options_rows_name},
    {NULL, options_rows_wait},
    {NULL, s_idle},
    {NULL, s_stay},
    {NULL, options_rows_security},
    {"General", options_rows_quiet},
    {NULL, s_general},
    {0},
};

static const option_group_t s_sink[] = {
    {"Output", s_output},
    {NULL, s_json},
    {NULL, s_durable},
    {"Ending", s_halt},
    {NULL, options_rows_deadline},
    {NULL, s_stay},
    {"Meeting", options_rows_at},
    {NULL, options_rows_wait},
    {NULL, options_rows_losses},
    {NULL, options_rows_crashes},
    {NULL, options_rows_security},
    {NULL, options_rows_ports},
    {"Into the next pipeline", s_into},
    {NULL, options_rows_next},
    {NULL, options_rows_name},
    {NULL, options_rows_wait_dryers},
    {NULL, options_rows_items},
    {NULL, options_rows_context},
    {"General", options_rows_quiet},
    {NULL, s_general},
    {0},
};

static void s_see (void *target, const option_t *row)
{
    config_t *config = target;
    for (size_t i = 0; i < config->given.rows_size; i++)
        if (config->given.rows[i] == row)
            return;
    if (config->given.rows_size < CONFIG_ROWS)
        config->given.rows[config->given.rows_size++] = row;
}

static const option_set_t s_sets[PROGRAMS];

#define DISHES (&s_sets[PROGRAM_DISHES])
#define WASHER (&s_sets[PROGRAM_WASHER])
#define DRYER  (&s_sets[PROGRAM_DRYER])
#define SINK   (&s_sets[PROGRAM_SINK])

static const option_set_t *const s_others[PROGRAMS][PROGRAMS] = {
    [PROGRAM_DISHES] = {WASHER, DRYER, SINK},
    [PROGRAM_WASHER] = {DRYER, SINK, DISHES},
    [PROGRAM_DRYER] = {WASHER, SINK, DISHES},
    [PROGRAM_SINK] = {DRYER, WASHER, DISHES},
};

static const option_set_t s_sets[PROGRAMS] = {
    [PROGRAM_DISHES] = {"dishes", s_dishes, options_foreign, s_others[PROGRAM_DISHES], s_see},
    [PROGRAM_WASHER] = {"washer", s_washer, options_foreign, s_others[PROGRAM_WASHER], s_see},
    [PROGRAM_DRYER] = {"dryer", s_dryer, options_foreign, s_others[PROGRAM_DRYER], s_see},
    [PROGRAM_SINK] = {"sink", s_sink, options_foreign, s_others[PROGRAM_SINK], s_see},
};

const option_set_t *options_set (program_t program)
{
    return &s_sets[program];
}

const char *program_name (program_t program)
{
    return s_sets[program].program;
}

bool options_is_of (const option_t *table, const option_t *row)
{
    for (; table->names || table->letters; table++)
        if (table == row)
            return true;
    return false;
}
