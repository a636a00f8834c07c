//  The command lines of washer, dryer and sink, and what dishes takes beyond one process: what each leaves in the
//  config, what is refused and how.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "test_options_help.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/config.h"
#include "cmd/options_foreign.h"
#include "cmd/options_limits.h"
#include "cmd/options_tables.h"

#define COUNT_OF(table) (sizeof (table) / sizeof *(table))
#define LONG_NAME                                                                                                      \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaaaaaaaaaa"

//  A line split at blanks into argv, the program's name first; "_" is an empty word.
typedef struct {
    char text[2048];
    char *argv[64];
    int argc;
    config_t config;
    char error[512];
    int rc;
} line_t;

static program_t s_program (const char *name)
{
    for (program_t program = 0; program < PROGRAMS; program++)
        if (strcmp (program_name (program), name) == 0)
            return program;
    fail_msg ("no such program: %s", name);
    return PROGRAMS;
}

static void s_parse (line_t *self, const char *line)
{
    static char empty[] = "";
    *self = (line_t){.argc = 0};
    assert_true (strlen (line) < sizeof self->text);
    strcpy (self->text, line);
    for (char *word = strtok (self->text, " "); word; word = strtok (NULL, " "))
        self->argv[self->argc++] = strcmp (word, "_") == 0 ? empty : word;
    self->rc = options_parse (&self->config, s_program (self->argv[0]), self->argc, self->argv, self->error,
                              sizeof self->error);
}

static void s_parse_well (line_t *self, const char *line)
{
    s_parse (self, line);
    if (self->rc != 0)
        fail_msg ("%s: %s", line, self->error);
}

static void test_defaults (void **state)
{
    static const char *const lines[] = {"dishes --at ipc://k echo", "washer --at ipc://k", "dryer --at ipc://k echo",
                                        "sink --at ipc://k"};
    for (size_t i = 0; i < COUNT_OF (lines); i++) {
        line_t run;
        s_parse_well (&run, lines[i]);
        const config_t *config = &run.config;
        assert_int_equal (config->program, i);
        assert_int_equal (config->action, ACTION_RUN);
        assert_string_equal (config->at, "ipc://k");
        assert_int_equal (config->address.kind, ADDRESS_IPC);
        assert_string_equal (config->address.name, "k");
        assert_int_equal (config->wait_ms, 60000);
        assert_int_equal (config->dead_after_ms, 5000);
        assert_int_equal (config->grace_ms, 10000);
        assert_int_equal (config->crash_limit, 3);
        assert_int_equal (config->prefetch, 64);
        assert_int_equal (config->dryers, 1);
        assert_int_equal (config->lane_first, 0);
        assert_null (config->key);
        assert_null (config->advertise);
        assert_null (config->name);
        assert_false (config->is_insecure || config->stay || config->json);
        config_free (&run.config);
    }
}

//  The threads of one process wait for nobody and declare nobody dead.
static void test_one_process_has_no_losses (void **state)
{
    line_t run;
    s_parse_well (&run, "dishes echo");
    assert_true (run.config.dead_after_ms >= 24 * 3600 * 1000);
    assert_int_equal (run.config.wait_ms, 0);
    assert_int_equal (run.config.grace_ms, 0);
    assert_int_equal (run.config.crash_limit, 0);
    config_free (&run.config);
}

#define ROW(line, field, value)                                                                                        \
    {                                                                                                                  \
        line, offsetof (config_t, field), sizeof (((config_t *)0)->field), value                                       \
    }

static void test_numbers (void **state)
{
    static const struct {
        const char *line;
        size_t offset, width;
        int64_t value;
    } rows[] = {
        ROW ("sink --at tcp://127.0.0.1:5570", address.port, 5570),
        ROW ("sink --at ipc://k --json", printer.json, true),
        ROW ("sink --at tcp://127.0.0.1:*", address.port, 0),
        ROW ("sink --at tcp://127.0.0.1:*", address.kind, ADDRESS_TCP),
        ROW ("sink --at ipc:///tmp/x", address.kind, ADDRESS_IPC),
        ROW ("sink --at ipc://k --dead-after 100ms", dead_after_ms, 100),
        ROW ("dishes --at ipc://k --dead-after 2m echo", dead_after_ms, 120000),
        ROW ("sink --at ipc://k --wait 0", wait_ms, 0),
        ROW ("washer --at ipc://k --wait 1.5", wait_ms, 1500),
        ROW ("dryer --at ipc://k --wait 1h echo", wait_ms, 3600000),
        ROW ("sink --at ipc://k --stay", wait_ms, 0),
        ROW ("sink --at ipc://k --stay --wait 5", wait_ms, 5000),
        ROW ("dryer --at ipc://k --stay echo", stay, true),
        ROW ("dryer --at ipc://k --idle-timeout 90 echo", idle_ms, 90000),
        ROW ("dryer --at ipc://k echo", idle_ms, 0),
        ROW ("sink --at ipc://k --washer-grace 0", grace_ms, 0),
        ROW ("sink --at ipc://k --crash-limit 0", crash_limit, 0),
        ROW ("dryer --at ipc://k --filter --crash-limit 4 cat", crash_limit, 4),
        ROW ("dryer --at ipc://k --filter -0 cat", input.delimiter, 0),
        ROW ("washer --at ipc://k --wait-dryers 3", wait_dryers, 3),
        ROW ("dishes --at ipc://k --wait-dryers 3 echo", wait_dryers, 3),
        ROW ("dishes --at ipc://k --crash-limit 7 echo", crash_limit, 7),
        ROW ("sink --at tcp://h:1 --lane-ports 5600-5699", lane_first, 5600),
        ROW ("washer --at tcp://h:1 --lane-ports 5600-5699", lane_last, 5699),
        ROW ("dishes --at tcp://h:1 --lane-ports 1-65535 true", lane_last, 65535),
        ROW ("dryer --at tcp://h:1 --insecure true", is_insecure, true),
        ROW ("dryer --at ipc://k --insecure true", is_insecure, true),
        ROW ("dryer --at ipc://k --prefetch 0 true", prefetch, 0),
        ROW ("dishes --prefetch 7 true", prefetch, 7),
        ROW ("dishes --at ipc://k --dryers 4 true", dryers, 4),
        ROW ("dishes --at ipc://k --no-local", dryers, 0),
        ROW ("washer --at ipc://k --deadline 5", deadline_ms, 5000),
        ROW ("sink --at ipc://k --deadline 5", deadline_ms, 5000),
        ROW ("washer --at ipc://k --retries 3", retries, 3),
        ROW ("washer --at ipc://k -X", input.pack, true),
        ROW ("washer --at ipc://k -X -s 4K a b", input.command_bytes, 0),
        ROW ("dryer --at ipc://k -X echo x{}", command.context, true),
        ROW ("dryer --at ipc://k -j3 echo", runner.slots, 3),
        ROW ("sink --at ipc://k -ku", printer.mode, PRINTER_RAW),
        ROW ("sink --at ipc://k --tag", printer.tag, true),
        ROW ("sink --at ipc://k --halt soon,fail=1", halt.when, HALT_SOON),
        ROW ("sink --at ipc://k --into tcp://h:9", into_address.port, 9),
        ROW ("sink --at ipc://k --into tcp://h:9 --lane-ports 5600-5699", lane_first, 5600),
        ROW ("sink --at ipc://k --into ipc://n -n 3", input.task_items, 3),
        ROW ("sink --at ipc://k --into ipc://n -0", input.delimiter, 0),
        ROW ("sink --at ipc://k --into ipc://n --retries 4", retries, 4),
        ROW ("sink --at ipc://k --into ipc://n --wait-dryers 4", wait_dryers, 4),
        ROW ("sink -h", action, ACTION_HELP),
        ROW ("washer --version", action, ACTION_VERSION),
        ROW ("dishes --join ipc://k", action, ACTION_JOIN),
        ROW ("dishes --join ipc://k", wait_ms, 60000),
        ROW ("dishes --join ipc://k --run 12345678901234567", run, 12345678901234567),
        ROW ("dishes --join tcp://h:1 --deadline 3 --wait 2 --insecure", deadline_ms, 3000),
        ROW ("dishes --quiet --status ipc://k", action, ACTION_STATUS),
        ROW ("dishes --status ipc://k", wait_ms, 5000),
        ROW ("dishes --top ipc://k", action, ACTION_TOP),
        ROW ("dishes --top tcp://h:1 --key k --wait 2", wait_ms, 2000),
        ROW ("dishes --top ipc://k --deadline 3", deadline_ms, 3000),
        ROW ("dishes --status ipc://k --wait 1 --json", wait_ms, 1000),
        ROW ("dishes --status ipc://k --json", json, true),
        ROW ("dishes --status ipc://k --json", printer.json, false),
        ROW ("dishes --keygen keys", action, ACTION_KEYGEN),
    };
    for (size_t i = 0; i < COUNT_OF (rows); i++) {
        line_t run;
        s_parse_well (&run, rows[i].line);
        int64_t value = 0;
        memcpy (&value, (char *)&run.config + rows[i].offset, rows[i].width);
        if (value != rows[i].value)
            fail_msg ("%s: %lld, not %lld", rows[i].line, (long long)value, (long long)rows[i].value);
        config_free (&run.config);
    }
}

#define TEXT(line, field, value)                                                                                       \
    {                                                                                                                  \
        line, offsetof (config_t, field), value                                                                        \
    }

static void test_strings (void **state)
{
    static const struct {
        const char *line;
        size_t offset;
        const char *value;
    } rows[] = {
        TEXT ("washer --at ipc://k --name w1", name, "w1"),
        TEXT ("dryer --at ipc://k --name d1 true", name, "d1"),
        TEXT ("sink --at tcp://h:1 --key k/head.key", key, "k/head.key"),
        TEXT ("dryer --at ipc://k --key k/worker.key true", key, "k/worker.key"),
        TEXT ("sink --at ipc://k --into tcp://h:1 --into-key k/head.key", into_key, "k/head.key"),
        TEXT ("sink --at ipc://k --into tcp://h:1", into, "tcp://h:1"),
        TEXT ("sink --at ipc://k --into tcp://h:1 --name w", name, "w"),
        TEXT ("washer --at tcp://h:1 --advertise head.example", advertise, "head.example"),
        TEXT ("sink --at ipc://k --tag", tagstring, ""),
        TEXT ("sink --at ipc://k --tag --tagstring {/}", tagstring, "{/}"),
        TEXT ("dishes --at ipc://k --tag -I @ echo @", tagstring, "@"),
        TEXT ("dishes --join ipc://k", at, "ipc://k"),
        TEXT ("dishes --status tcp://h:1 --key w.key", key, "w.key"),
        TEXT ("dishes --keygen keys", keygen, "keys"),
    };
    for (size_t i = 0; i < COUNT_OF (rows); i++) {
        line_t run;
        s_parse_well (&run, rows[i].line);
        const char *value;
        memcpy (&value, (char *)&run.config + rows[i].offset, sizeof value);
        assert_non_null (value);
        assert_string_equal (value, rows[i].value);
        config_free (&run.config);
    }
}

static void test_operands (void **state)
{
    static const struct {
        const char *line, *command, *sources;
    } rows[] = {
        {"washer --at ipc://k", "", ""},
        {"washer --at ipc://k a b", "", "L(a,b)"},
        {"washer --at ipc://k ::: a b", "", "L(a,b)"},
        {"washer --at ipc://k -- -a b", "", "L(-a,b)"},
        {"washer --at ipc://k a b ::: 1 2", "", "L(a,b)L(1,2)"},
        {"washer --at ipc://k a b :::+ 1 2", "", "L(a,b)+L(1,2)"},
        {"washer --at ipc://k :::: f - ", "", "F(f)F(-)"},
        {"washer --at ipc://k -a f", "", "F(f)"},
        {"washer --at ipc://k -a f x", "", "F(f)L(x)"},
        {"dryer --at ipc://k", "", ""},
        {"dryer --at ipc://k gzip -9 {}", "gzip -9 {}", ""},
        {"dryer --at ipc://k -- -odd -j", "-odd -j", ""},
        {"sink --at ipc://k", "", ""},
        {"dishes --at ipc://k -k echo ::: a", "echo", "L(a)"},
        {"dishes --at ipc://k --no-local ::: a", "", "L(a)"},
    };
    for (size_t i = 0; i < COUNT_OF (rows); i++) {
        line_t run;
        s_parse_well (&run, rows[i].line);
        char command[256] = "", sources[256];
        for (size_t j = 0; j < run.config.command.count; j++)
            sprintf (command + strlen (command), "%s%s", j ? " " : "", run.config.command.words[j]);
        s_show_sources (&run.config, sources);
        assert_string_equal (command, rows[i].command);
        assert_string_equal (sources, rows[i].sources);
        config_free (&run.config);
    }
}

#define CHAINED     " is about the items of the next pipeline: give --into URL"
#define WIRED       " needs parts that are processes: give --at ipc://NAME or tcp://HOST:PORT"
#define OF_FILTERS  " is about filters: give --filter, or leave it out"
#define ONE_FOR_ALL " is about a command for each task, and --filter has one for all: leave it out"
#define NOWHERE     "where is the pipeline? give --at URL or set DISHES_AT, as in ipc://kitchen"
#define ALONE       " joins the threads of one process only: run them all by dishes, or give ipc://NAME or tcp://HOST:PORT"
#define NO_RANGE    " is no range of ports: give the first and the last, as in 5600-5699"

static void test_errors (void **state)
{
    static const struct {
        const char *line, *error;
    } rows[] = {
        {"washer a", NOWHERE},
        {"dryer echo", NOWHERE},
        {"sink", NOWHERE},
        {"washer --at inproc://k", "'inproc://k'" ALONE},
        {"dryer --at inproc://k echo", "'inproc://k'" ALONE},
        {"sink --at inproc://k", "'inproc://k'" ALONE},
        {"dishes --join inproc://k", "'inproc://k'" ALONE},
        {"dishes --status inproc://k", "'inproc://k'" ALONE},

        {"dishes --crash-limit 3 echo", "--crash-limit" WIRED},
        {"dryer --at ipc://k --crash-limit 3 echo", "--crash-limit" OF_FILTERS},
        {"dryer --at ipc://k -0 echo", "--null" OF_FILTERS},
        {"dryer --at ipc://k --end-line x echo", "--end-line" OF_FILTERS},
        {"dryer --at ipc://k --filter -X cat", "-X" ONE_FOR_ALL},
        {"dryer --at ipc://k --filter", "--filter needs COMMAND, which gets the items as lines: give one"},
        {"dishes --filter -s 1k cat", "--max-chars" ONE_FOR_ALL},
        {"dishes --at ipc://k --no-local --filter", "--filter is about local commands, and --no-local runs none: give "
                                                    "it to the dryers"},
        {"dishes --wait-dryers 3 echo", "--wait-dryers" WIRED},
        {"dishes --dead-after 5 echo", "--dead-after" WIRED},
        {"dishes --wait 5 echo", "--wait" WIRED},
        {"dishes --washer-grace 5 echo", "--washer-grace" WIRED},
        {"dishes --dryers 2 echo", "--dryers" WIRED},
        {"dishes --no-local echo", "--no-local" WIRED},
        {"dishes --key f echo", "--key" WIRED},
        {"dishes --insecure echo", "--insecure" WIRED},
        {"dishes --lane-ports 1-2 echo", "--lane-ports" WIRED},
        {"dishes --advertise h --at inproc://k echo", "--advertise" WIRED},
        {"sink --at ipc://k --lane-ports 1-2", "--lane-ports is about ports: give --at tcp://HOST:PORT"},
        {"washer --at ipc://k --advertise h", "--advertise is about ports: give --at tcp://HOST:PORT"},
        {"sink --at tcp://h:1 --key f --insecure", "--key and --insecure exclude each other: give one"},

        {"washer --at ipc://k --wait-dryers 16385", "--wait-dryers 16385 are too many: a sink has room for 16384"},
        {"dishes --at ipc://k --dryers 16385 echo", "--dryers 16385 are too many: a sink has room for 16384"},
        {"dishes --at ipc://k --no-local gzip", "--no-local runs no command: give 'gzip' to the dryers"},
        {"dishes --at ipc://k --no-local -j2",
         "--jobs is about local commands, and --no-local runs none: give it to the dryers"},
        {"dishes --at ipc://k --no-local --dryers 2", "--dryers and --no-local exclude each other: give one"},

        {"dryer --at ipc://k echo ::: a", "::: gives items, and a dryer gets them from the washer: give them there"},
        {"dryer --at ipc://k echo :::: f", ":::: gives items, and a dryer gets them from the washer: give them there"},
        {"sink --at ipc://k cat", "no operands are taken here, and 'cat' was given: commands belong to dryer, items to "
                                  "washer"},
        {"washer --at ipc://k :::+ a", ":::+ has no source before it to go in step with: use :::"},

        {"washer -j2", "unknown option -j: dryer has it, washer has not"},
        {"washer --halt 1", "unknown option --halt: sink has it, washer has not"},
        {"washer --dryers 2", "unknown option --dryers: dishes has it, washer has not"},
        {"dryer --keep-order", "unknown option --keep-order: sink has it, dryer has not"},
        {"dryer --lane-ports 1-2", "unknown option --lane-ports: washer has it, dryer has not"},
        {"sink --timeout 3", "unknown option --timeout: dryer has it, sink has not"},
        {"sink --at ipc://k --when-full drop", "--when-full" CHAINED},
        {"sink --at ipc://k -n2", "--max-args" CHAINED},
        {"sink --at ipc://k --name x", "--name" CHAINED},
        {"sink --at ipc://k --wait-dryers 2", "--wait-dryers" CHAINED},
        {"sink --at ipc://k --into-key f", "--into-key" CHAINED},
        {"sink --at ipc://k --into ipc://k", "--into is another pipeline than --at: give a second address"},
        {"sink --at ipc://k --into inproc://n", "'inproc://n'" ALONE},
        {"sink --at ipc://k --into ipc://n --stay", "one run goes --into one other: leave out --stay, or --into"},
        {"sink --at ipc://k --into ipc://n -u",
         "--into gives on what is counted: leave out -u and --line-buffer, which show output before"},
        {"sink --at ipc://k --into ipc://n --line-buffer",
         "--into gives on what is counted: leave out -u and --line-buffer, which show output before"},
        {"sink --at ipc://k --into ipc://n --lane-ports 1-2", "--lane-ports is about ports: give --at tcp://HOST:PORT"},
        {"sink --at ipc://k --into ipc://n -a f", "unknown option -a: washer has it, sink has not"},
        {"dishes --name x", "unknown option --name: washer has it, dishes has not"},
        {"dishes --stay", "unknown option --stay: dryer has it, dishes has not"},
        {"sink --frobnicate", "unknown option --frobnicate; see sink --help"},
        {"washer --at ipc://k --block 1M", "--block is about blocks for the stdin of commands: give --pipe"},
        {"washer --at ipc://k --pipe a", "--pipe reads a file or stdin, and ::: gives items: leave out --pipe"},
        {"dryer --at ipc://k --pipe -X wc", "-X is about items, and --pipe gives blocks as they are: leave it out"},
        {"sink --at ipc://k --pipe", "unknown option --pipe: dryer has it, sink has not"},

        {"sink --at ipc://k --dead-after 50d", "--dead-after '50d' is too large: the most is 2147483647ms"},
        {"sink --at ipc://k --dead-after 99ms", "--dead-after '99ms' is too small: the least is 100ms"},
        {"sink --at tcp://h:1 --lane-ports 9", "--lane-ports: '9'" NO_RANGE},
        {"sink --at tcp://h:1 --lane-ports 9-", "--lane-ports: '9-'" NO_RANGE},
        {"sink --at tcp://h:1 --lane-ports 9-8", "--lane-ports: '9-8'" NO_RANGE},
        {"sink --at tcp://h:1 --lane-ports 0-8", "--lane-ports: '0-8'" NO_RANGE},
        {"sink --at tcp://h:1 --lane-ports 1-65536", "--lane-ports: '1-65536'" NO_RANGE},
        {"sink --at tcp://h:1 --lane-ports 1-2-3", "--lane-ports: '1-2-3'" NO_RANGE},
        {"sink --at tcp://h:1 --lane-ports 000001-2", "--lane-ports: '000001-2'" NO_RANGE},
        {"sink --at tcp://h:1 --advertise h:9/", "--advertise: 'h:9/' is not a host: give a name or an address, "
                                                 "without a port"},
        {"sink --at tcp://h:1 --advertise _", "--advertise: '' is not a host: give a name or an address, without a "
                                              "port"},
        {"washer --at ipc://k --name _", "--name: '' is not a name: give 1 to 127 bytes without control characters"},
        {"washer --at ipc://k --name " LONG_NAME,
         "--name: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' is not a name: give 1 to 127 bytes "
         "without control characters"},
        {"sink --at ipc://k --key _", "--key: the name of the file is empty: give a key file (dishes --keygen DIR)"},
        {"sink --at ipc://k --stay --results d",
         "a directory of --results holds one run: leave out --stay, or --results"},
        {"sink --at ipc://k --stay -o f", "a file of --joblog or -o holds one run: leave out --stay, or the file"},
        {"dryer --at ipc://k --prefetch x", "--prefetch 'x' is not a whole number: give decimal digits"},

        {"dishes --join nowhere",
         "--join: 'nowhere' is not an address: no such transport; an address is " ADDRESS_KINDS},
        {"dishes --join ipc://k --status ipc://k",
         "--status: one thing at a time: give one of --join, --status, --top, --keygen and --bench"},
        {"dishes --join ipc://k -j2", "--jobs does not go with --join: leave it out"},
        {"dishes --join ipc://k --at ipc://k", "--at does not go with --join: leave it out"},
        {"dishes --status ipc://k --deadline 2", "--deadline does not go with --status: leave it out"},
        {"dishes --top ipc://k --json", "--json does not go with --top: leave it out"},
        {"dishes --top ipc://k --run 5", "--run does not go with --top: leave it out"},
        {"dishes --top ipc://k echo", "--top starts nothing: leave out what stands behind it"},
        {"dishes --top ipc://k --join ipc://k",
         "--join: one thing at a time: give one of --join, --status, --top, --keygen and --bench"},
        {"dishes --join ipc://k --json", "--json does not go with --join: leave it out"},
        {"dishes --join ipc://k echo", "--join starts nothing: leave out what stands behind it"},
        {"dishes --keygen d ::: a", "--keygen starts nothing: leave out what stands behind it"},
        {"dishes --keygen d --key f", "--key does not go with --keygen: leave it out"},
        {"dishes --keygen _", "--keygen: the name of the directory is empty: give one"},
        {"dishes --run 5 echo", "--run belongs to --join"},
        {"dishes --json -u echo", "--json gives a task when it is done: leave out -u and --line-buffer, or --json"},
        {"sink --at ipc://k --json --line-buffer",
         "--json gives a task when it is done: leave out -u and --line-buffer, or --json"},
        {"washer --at ipc://k --json", "unknown option --json: sink has it, washer has not"},
        {"dishes --items 5 echo", "--items belongs to --bench"},
        {"dishes --bench --items 0", "--items '0' is too small: the least is 1"},
        {"dishes --bench --size 0", "--size '0' is too small: the least is 1"},
        {"dishes --bench echo", "--bench starts nothing: leave out what stands behind it"},
        {"dishes --bench -j2", "--jobs does not go with --bench: leave it out"},
        {"dishes --bench --no-local", "--no-local does not go with --bench: leave it out"},
        {"dishes --bench --key f", "--key needs parts that are processes: give --at ipc://NAME or tcp://HOST:PORT"},
        {"dishes --bench --status ipc://k",
         "--status: one thing at a time: give one of --join, --status, --top, --keygen and --bench"},
        {"dishes --status ipc://k --bench", "--status does not go with --bench: leave it out"},
        {"dishes --join ipc://k --run 0", "--run: '0' is not the number of a run: give what dishes --status says"},
        {"dishes --join ipc://k --run x", "--run: 'x' is not the number of a run: give what dishes --status says"},
    };
    for (size_t i = 0; i < COUNT_OF (rows); i++) {
        line_t run;
        s_parse (&run, rows[i].line);
        assert_string_equal (run.error, rows[i].error);
        assert_int_equal (run.rc, -1);
        assert_int_equal (errno, EINVAL);
        config_free (&run.config);
    }
}

static void test_environment (void **state)
{
    static const struct {
        const char *at, *key, *line, *is_at, *is_key, *error;
    } rows[] = {
        {"ipc://env", "", "washer", "ipc://env", NULL, ""},
        {"ipc://env", "", "sink --at ipc://mine", "ipc://mine", NULL, ""},
        {"ipc://env", "env.key", "dryer echo", "ipc://env", "env.key", ""},
        {"ipc://env", "env.key", "dryer --key my.key echo", "ipc://env", "my.key", ""},
        {"tcp://h:1", "env.key", "sink --insecure", "tcp://h:1", NULL, ""},
        {"", "env.key", "dishes echo", "inproc://dishes", NULL, ""},
        {"", "env.key", "dishes --join tcp://h:1", "tcp://h:1", "env.key", ""},
        {"inproc://env", "", "sink", NULL, NULL, "'inproc://env'" ALONE},
        {"env", "", "sink", NULL, NULL,
         "DISHES_AT: 'env' is not an address: no such transport; an address is " ADDRESS_KINDS},
        {"", "", "sink", NULL, NULL, NOWHERE},
    };
    for (size_t i = 0; i < COUNT_OF (rows); i++) {
        setenv ("DISHES_AT", rows[i].at, 1);
        setenv ("DISHES_KEY", rows[i].key, 1);
        line_t run;
        s_parse (&run, rows[i].line);
        assert_string_equal (run.error, rows[i].error);
        if (rows[i].is_at) {
            assert_string_equal (run.config.at, rows[i].is_at);
            assert_string_equal (run.config.key ? run.config.key : "", rows[i].is_key ? rows[i].is_key : "");
        }
        config_free (&run.config);
    }
    unsetenv ("DISHES_AT");
    unsetenv ("DISHES_KEY");
}

static void s_each_row (void (*look) (program_t, const option_t *))
{
    for (program_t program = 0; program < PROGRAMS; program++)
        for (const option_group_t *group = options_set (program)->groups; group->rows; group++)
            for (const option_t *row = group->rows; row->names || row->letters; row++)
                look (program, row);
}

//  Either a program has an option of the four, or it says who has.
static void s_look_at_others (program_t program, const option_t *row)
{
    for (program_t other = 0; other < PROGRAMS; other++) {
        char line[128], advice[64];
        if (row->names)
            snprintf (line, sizeof line, "%s --%.*s=1", program_name (other), (int)strcspn (row->names, "|"),
                      row->names);
        else
            snprintf (line, sizeof line, "%s -%c", program_name (other), row->letters[0]);
        line_t run;
        s_parse (&run, line);
        snprintf (advice, sizeof advice, " has it, %s has not", program_name (other));
        if (strstr (run.error, "unknown option") && !strstr (run.error, advice))
            fail_msg ("%s: %s", line, run.error);
        config_free (&run.config);
    }
}

static void test_each_option_is_known_to_all (void **state)
{
    s_each_row (s_look_at_others);
}

//  What we lack hides nothing that one of us has.
static void s_look_at_foreign (program_t program, const option_t *row)
{
    for (const option_foreign_t *foreign = options_foreign; foreign->names || foreign->letters; foreign++) {
        for (const char *letter = row->letters; letter && *letter; letter++)
            assert_false (foreign->letters && strchr (foreign->letters, *letter));
        char names[256];
        snprintf (names, sizeof names, "|%s|", foreign->names ? foreign->names : "");
        char name[64];
        snprintf (name, sizeof name, "|%.*s|", (int)(row->names ? strcspn (row->names, "|") : 0),
                  row->names ? row->names : "");
        if (row->names && strstr (names, name))
            fail_msg ("%s is ours and foreign", name);
    }
}

static void test_nothing_of_ours_is_foreign (void **state)
{
    s_each_row (s_look_at_foreign);
}

static size_t s_rows;

static void s_count (program_t program, const option_t *row)
{
    if (program == PROGRAM_DISHES)
        s_rows++;
    assert_non_null (row->help);
}

static void test_config_has_room_for_all_rows (void **state)
{
    s_each_row (s_count);
    assert_true (s_rows > 50 && s_rows < CONFIG_ROWS);
}

static void test_help (void **state)
{
    for (program_t program = 0; program < PROGRAMS; program++) {
        char *text = NULL, usage[32];
        size_t size = 0;
        FILE *out = open_memstream (&text, &size);
        assert_non_null (out);
        options_help (program, out);
        fclose (out);
        snprintf (usage, sizeof usage, "Usage: %s ", program_name (program));
        assert_int_equal (strncmp (text, usage, strlen (usage)), 0);
        assert_non_null (strstr (text, "\n  --at URL "));
        assert_non_null (strstr (text, "Exit status: 0 "));
        for (char *line = strtok (text, "\n"); line; line = strtok (NULL, "\n"))
            if (strlen (line) > 110)
                fail_msg ("too wide: %s", line);
        free (text);
    }
}

int main (void)
{
    unsetenv ("DISHES_AT");
    unsetenv ("DISHES_KEY");
    const struct CMUnitTest tests[] = {cmocka_unit_test (test_defaults),
                                       cmocka_unit_test (test_one_process_has_no_losses),
                                       cmocka_unit_test (test_numbers),
                                       cmocka_unit_test (test_strings),
                                       cmocka_unit_test (test_operands),
                                       cmocka_unit_test (test_errors),
                                       cmocka_unit_test (test_environment),
                                       cmocka_unit_test (test_each_option_is_known_to_all),
                                       cmocka_unit_test (test_nothing_of_ours_is_foreign),
                                       cmocka_unit_test (test_config_has_room_for_all_rows),
                                       cmocka_unit_test (test_help)};
    return cmocka_run_group_tests (tests, NULL, NULL);
}
