//  The command line of `dishes`: what each option leaves in the config, and the one line that each mistake yields.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "test_options_help.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/units.h"
#include "cmd/config.h"
#include "cmd/options_foreign.h"
#include "cmd/options_limits.h"

#define COUNT_OF(table) (sizeof (table) / sizeof *(table))

static char s_program[] = "dishes", s_empty[] = "";

//  A line split at blanks into argv, with the program's name first; "_" is an empty word.
typedef struct {
    char text[2048];
    char *argv[128];
    int argc;
    config_t config;
    char error[512];
    int rc;
} line_t;

static void s_parse (line_t *self, const char *line)
{
    *self = (line_t){.argv = {s_program}, .argc = 1};
    assert_true (strlen (line) < sizeof self->text);
    strcpy (self->text, line);
    for (char *word = strtok (self->text, " "); word; word = strtok (NULL, " "))
        self->argv[self->argc++] = strcmp (word, "_") == 0 ? s_empty : word;
    self->rc = options_parse (&self->config, PROGRAM_DISHES, self->argc, self->argv, self->error, sizeof self->error);
}

static void s_parse_well (line_t *self, const char *line)
{
    s_parse (self, line);
    assert_string_equal (self->error, "");
    assert_int_equal (self->rc, 0);
}

static void test_defaults (void **state)
{
    line_t run;
    s_parse_well (&run, "");
    const config_t *config = &run.config;
    assert_int_equal (config->action, ACTION_RUN);
    assert_string_equal (config->at, "inproc://dishes");
    assert_int_equal (config->jobs, limits_cores ());
    assert_int_equal (config->runner.slots, limits_cores ());
    assert_int_equal (config->retries, 1);
    assert_int_equal (config->command.count, 0);
    assert_int_equal (config->input.source_count, 0);
    assert_int_equal (config->input.delimiter, '\n');
    assert_int_equal (config->input.task_items, 0);
    assert_int_equal (config->input.max_item_bytes, 64 << 20);
    assert_int_equal (config->printer.mode, PRINTER_GROUP);
    assert_int_equal (config->printer.out_fd, 1);
    assert_int_equal (config->printer.err_fd, 2);
    assert_int_equal (config->halt.when, HALT_NEVER);
    assert_int_equal (config->deadline_ms, 0);
    assert_int_equal (config->runner.timeout_ms, 0);
    assert_null (config->tagstring);
    assert_null (config->joblog);
    assert_false (config->is_progress || config->verbose || config->quiet || config->runner.dry_run);
    config_free (&run.config);
    config_free (&run.config);
}

//  Options that leave one number in one field: the config is compared as a whole number at that place.
static void test_numbers (void **state)
{
#define ROW(line, field, value)                                                                                        \
    {                                                                                                                  \
        line, offsetof (config_t, field), sizeof (((config_t *)0)->field), value                                       \
    }
    static const struct {
        const char *line;
        size_t offset, width;
        int64_t value;
    } rows[] = {
        ROW ("-0", input.delimiter, 0),
        ROW ("--null", input.delimiter, 0),
        ROW ("-d ;", input.delimiter, ';'),
        ROW ("-d\\t", input.delimiter, '\t'),
        ROW ("-d \\0", input.delimiter, 0),
        ROW ("-0 -d ,", input.delimiter, ','),
        ROW ("-n 3", input.task_items, 3),
        ROW ("--max-args=3", input.task_items, 3),
        ROW ("-N3", input.task_items, 3),
        ROW ("--max-replace-args 3", input.task_items, 3),
        ROW ("-X", input.pack, true),
        ROW ("-X", command.context, true),
        ROW ("-X -s 4K", input.task_bytes, 4096),
        ROW ("-n 2 -s 4K", input.task_bytes, 4096),
        ROW ("-r", input.skip_blank, true),
        ROW ("--pipe", input.pipe, true),
        ROW ("--spreadstdin", command.pipe, true),
        ROW ("--pipe", runner.pipe, true),
        ROW ("--pipe -j 3", prefetch, 3),
        ROW ("--pipe -j 3 --prefetch 5", prefetch, 5),
        ROW ("--pipe --block 10M", input.pipe_bytes, 10 << 20),
        ROW ("--pipe --blocksize 1k", input.pipe_bytes, 1000),
        ROW ("--pipe --header :", input.header_lines, 1),
        ROW ("--pipe --header 3", input.header_lines, 3),
        ROW ("--pipe --recend \\r\\n", input.record_end.size, 2),
        ROW ("--pipe --recend=", input.has_record_end, true),
        ROW ("--pipe --recstart >", input.record_start.size, 1),
        ROW ("--max-item 1M", input.max_item_bytes, 1 << 20),
        ROW ("--queue 100", queue_tasks, 100),
        ROW ("--queue 100", queue_bytes, 0),
        ROW ("--queue 64M", queue_bytes, 64 << 20),
        ROW ("--queue 64M", queue_tasks, 0),
        ROW ("--queue 5 --queue 1k", queue_tasks, 0),
        ROW ("--when-full drop", when_full, WHEN_FULL_DROP),
        ROW ("--when-full stack", when_full, WHEN_FULL_STACK),
        ROW ("--when-full drop --when-full block", when_full, WHEN_FULL_BLOCK),
        ROW ("-j 7", jobs, 7),
        ROW ("-P7", runner.slots, 7),
        ROW ("--jobs=1", jobs, 1),
        ROW ("-j -100000", jobs, 1),
        ROW ("--shell", command.force_shell, true),
        ROW ("--shell=/bin/bash", command.force_shell, true),
        ROW ("--timeout 1.5", runner.timeout_ms, 1500),
        ROW ("--timeout=250ms", runner.timeout_ms, 250),
        ROW ("--term-seq INT,100", runner.termseq.step[0].signal, SIGINT),
        ROW ("--retries 0", retries, 0),
        ROW ("--retries 5", retries, 5),
        ROW ("--delay 0.1", runner.delay_ms, 100),
        ROW ("--nice 10", runner.nice, 10),
        ROW ("--memfree 1.5G", brake.memfree_bytes, 3221225472 / 2),
        ROW ("--nice -5", runner.nice, -5),
        ROW ("--dry-run", runner.dry_run, true),
        ROW ("--filter cat", command.is_filter, true),
        ROW ("--filter cat", crash_limit, 3),
        ROW ("--filter --crash-limit 7 cat", crash_limit, 7),
        ROW ("--filter --lines 4 cat", filter_lines, 4),
        ROW ("cat", prefetch, 64),
        ROW ("--filter cat", prefetch, 16384),
        ROW ("--filter --prefetch 5 cat", prefetch, 5),
        ROW ("-q", given.quote, true),
        ROW ("-k", printer.keep_order, true),
        ROW ("--line-buffer", printer.mode, PRINTER_LINES),
        ROW ("--json", printer.json, true),
        ROW ("--json", runner.want_text, true),
        ROW ("--lb", runner.output, RUNNER_LINES),
        ROW ("-u", printer.mode, PRINTER_RAW),
        ROW ("-ku", runner.output, RUNNER_BYTES),
        ROW ("-u --group", printer.mode, PRINTER_GROUP),
        ROW ("--tag", printer.tag, true),
        ROW ("--tagstring {/}", printer.tag, true),
        ROW ("--tagstring _", printer.tag, false),
        ROW ("--joblog x", runner.want_text, true),
        ROW ("--bar", is_progress, true),
        ROW ("--bar --eta --progress", progress_style, PROGRESS_BAR),
        ROW ("--progress --eta", progress_style, PROGRESS_ETA),
        ROW ("--progress", progress_style, PROGRESS_COUNTS),
        ROW ("--total 1000", total, 1000),
        ROW ("-t", verbose, true),
        ROW ("-v", verbose, true),
        ROW ("--quiet", quiet, true),
        ROW ("--deadline 2h", deadline_ms, 7200000),
        ROW ("--help", action, ACTION_HELP),
        ROW ("-h --bogus", action, ACTION_HELP),
        ROW ("--version", action, ACTION_VERSION),
    };
    for (size_t i = 0; i < COUNT_OF (rows); i++) {
        line_t run;
        s_parse_well (&run, rows[i].line);
        int64_t value = 0;
        memcpy (&value, (char *)&run.config + rows[i].offset, rows[i].width);
        if (rows[i].width == sizeof (int32_t))
            value = (int32_t)value;
        if (value != rows[i].value)
            fail_msg ("%s: %lld, not %lld", rows[i].line, (long long)value, (long long)rows[i].value);
        config_free (&run.config);
    }
}

static void test_strings (void **state)
{
#define TEXT(line, field, value)                                                                                       \
    {                                                                                                                  \
        line, offsetof (config_t, field), value                                                                        \
    }
    static const struct {
        const char *line;
        size_t offset;
        const char *value;
    } rows[] = {
        TEXT ("--at inproc://kitchen", at, "inproc://kitchen"),
        TEXT ("-I @@ echo @@", command.replace, "@@"),
        TEXT ("--shell=/bin/bash", command.shell, "/bin/bash"),
        TEXT ("--shell=/bin/bash --shell", command.shell, NULL),
        TEXT ("--tag", tagstring, "{}"),
        TEXT ("--tag -I @", tagstring, "@"),
        TEXT ("--tag --tagstring {/.}", tagstring, "{/.}"),
        TEXT ("-o out --joblog log", printer.out_path, "out"),
        TEXT ("-o out --joblog log", joblog, "log"),
        TEXT ("--filter --end-line . cat", filter_end, "."),
        TEXT ("--results a/b{c} echo", results, "a/b{c}"),
        TEXT ("--res out/ echo", results, "out/"),
    };
    for (size_t i = 0; i < COUNT_OF (rows); i++) {
        line_t run;
        s_parse_well (&run, rows[i].line);
        const char *value;
        memcpy (&value, (char *)&run.config + rows[i].offset, sizeof value);
        assert_int_equal (value == NULL, rows[i].value == NULL);
        if (value)
            assert_string_equal (value, rows[i].value);
        config_free (&run.config);
    }
}

static void test_halt (void **state)
{
    static const struct {
        const char *text;
        halt_t halt;
    } rows[] = {
        {"never", {HALT_NEVER, HALT_FAIL, 0, 0}},
        {"0", {HALT_NEVER, HALT_FAIL, 0, 0}},
        {"1", {HALT_SOON, HALT_FAIL, 1, 0}},
        {"2", {HALT_NOW, HALT_FAIL, 1, 0}},
        {"-1", {HALT_SOON, HALT_SUCCESS, 1, 0}},
        {"-2", {HALT_NOW, HALT_SUCCESS, 1, 0}},
        {"5%", {HALT_SOON, HALT_FAIL, 0, 5}},
        {"now,fail=1", {HALT_NOW, HALT_FAIL, 1, 0}},
        {"soon,success=3", {HALT_SOON, HALT_SUCCESS, 3, 0}},
        {"now,done=100%", {HALT_NOW, HALT_DONE, 0, 100}},
    };
    for (size_t i = 0; i < COUNT_OF (rows); i++) {
        char line[64];
        snprintf (line, sizeof line, "--halt %s", rows[i].text);
        line_t run;
        s_parse_well (&run, line);
        assert_int_equal (run.config.halt.when, rows[i].halt.when);
        assert_int_equal (run.config.halt.what, rows[i].halt.what);
        assert_int_equal (run.config.halt.count, rows[i].halt.count);
        assert_int_equal (run.config.halt.percent, rows[i].halt.percent);
        config_free (&run.config);
    }
    static const char *const bad[] = {"now",
                                      "now,fail",
                                      "now,fail=",
                                      "now,fail=0",
                                      "now,fail=0%",
                                      "now,fail=101%",
                                      "now,fail=1.5%",
                                      "never,fail=1",
                                      "soon,broken=1",
                                      "later,fail=1",
                                      "3",
                                      "0%",
                                      "now,fail=1,",
                                      "now=fail,1",
                                      "_"};
    for (size_t i = 0; i < COUNT_OF (bad); i++) {
        char line[64];
        snprintf (line, sizeof line, "--halt %s", bad[i]);
        line_t run;
        s_parse (&run, line);
        assert_int_equal (run.rc, -1);
        assert_non_null (strstr (run.error, "is not a condition: give now or soon, then fail, success or done"));
        config_free (&run.config);
    }
}

static void test_command_and_sources (void **state)
{
    static const struct {
        const char *line, *command, *sources;
    } rows[] = {
        {"echo", "echo", ""},
        {"-j4 ls -l {}", "ls -l {}", ""},
        {"-- -weird -name", "-weird -name", ""},
        {"ls -- -j4 --bogus", "ls -- -j4 --bogus", ""},
        {"echo ::: a b c", "echo", "L(a,b,c)"},
        {"echo :::", "echo", "L()"},
        {"echo ::: -j4 --help", "echo", "L(-j4,--help)"},
        {"::: a b", "", "L(a,b)"},
        {"-- ::: a", "", "L(a)"},
        {"echo ::: a b ::: 1 2", "echo", "L(a,b)L(1,2)"},
        {"echo ::: a b :::+ 1 2", "echo", "L(a,b)+L(1,2)"},
        {"echo :::: f g ::: x", "echo", "F(f)F(g)L(x)"},
        {"echo ::: x ::::+ f g", "echo", "L(x)+F(f)+F(g)"},
        {"-a f echo", "echo", "F(f)"},
        {"-a f -a - echo {1} {2}", "echo {1} {2}", "F(f)F(-)"},
        {"-a f echo :::+ 1 2", "echo", "F(f)+L(1,2)"},
        {"-kaf echo", "echo", "F(f)"},
        {"echo ::: _ a", "echo", "L(,a)"},
        {"echo a:::b :::: x", "echo a:::b", "F(x)"},
        {"echo :::::", "echo :::::", ""},
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

static void test_command_bytes (void **state)
{
    line_t run;
    s_parse_well (&run, "-X echo -n {}");
    assert_int_equal (run.config.input.command_bytes, 5 + 3 + 3);
    config_free (&run.config);
}

//  What is no number is the name of a file, which is not read here.
static void test_jobs_of_a_file (void **state)
{
    static const struct {
        const char *line, *file;
    } rows[] = {{"-j x", "x"},  {"-j ./4", "./4"},     {"--jobs=+x", "+x"}, {"-P 4x", "4x"},
                {"-j 4", NULL}, {"-j 1000000%", NULL}, {"-j f -j 4", NULL}, {"-j 4 -j f", "f"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        line_t run;
        s_parse (&run, rows[i].line);
        assert_int_equal (!run.config.jobs_file, !rows[i].file);
        if (rows[i].file)
            assert_string_equal (run.config.jobs_file, rows[i].file);
        config_free (&run.config);
    }
}

static void test_what_holds_back (void **state)
{
    line_t run;
    s_parse_well (&run, "--rate 90/m --load 3");
    assert_true (run.config.brake.rate == 1.5 && run.config.brake.load == 3);
    config_free (&run.config);
    s_parse_well (&run, "--load 0");
    assert_true (run.config.brake.load > 0 && run.config.brake.load < 1);
    config_free (&run.config);
    s_parse_well (&run, "--load 200%");
    assert_true (run.config.brake.load == 2 * limits_cores ());
    config_free (&run.config);
}

static void test_errors (void **state)
{
    static const struct {
        const char *line, *error;
    } rows[] = {
        {"--at kitchen", "--at: 'kitchen' is not an address: no such transport; an address is " ADDRESS_KINDS},
        {"--at inproc://", "--at: 'inproc://' is not an address: it has no name; an address is " ADDRESS_KINDS},
        {"--at tcp://here", "--at: 'tcp://here' is not an address: it has no port; an address is " ADDRESS_KINDS},
        {"-j _", "-j: the value is empty: give N, N%, +N or -N of the cores, or 0 for as many as the limits allow"},
        {"--idle-timeout 5", "unknown option --idle-timeout: dryer has it, dishes has not"},
        {"--rate 5", "--rate: '5' is not a rate: give N/s, N/m or N/h, as in 10/s"},
        {"--rate 0/s", "--rate: '0/s' is not a rate: give N/s, N/m or N/h, as in 10/s"},
        {"--load high", "--load: 'high' is not a load: give N, N%, +N or -N of the cores"},
        {"--memfree 0", "--memfree '0' is too small: the least is 1"},
        {"--noswap", "unknown option --noswap: what holds back is -j, --delay, --rate, --load, --memfree and --nice"},
        {"-n 0 echo",
         "-n '0' is too small: the least is 1; name the item where it does no harm, as in 'COMMAND; : {}'"},
        {"-d ab", "-d: 'ab' is not one byte: give a character, or \\n \\t \\0 \\NNN \\xHH"},
        {"-d _", "-d: the delimiter is empty: give one character, or use -0 for NUL"},
        {"-a _", "-a: the name of the file is empty: give a file, or - for standard input"},
        {"-I _", "-I: the replacement string is empty: give one, as in -I @@"},
        {"--shell=", "--shell: the path is empty: give one, as in --shell=/bin/bash, or none"},
        {"--timeout 200%", "--timeout '200%' is not a duration: give seconds, or with a unit, as in 250ms 5s 1.5m 2h"},
        {"--nice 20", "--nice: '20' is not a niceness: give a number from -20 to 19"},
        {"--nice -21", "--nice: '-21' is not a niceness: give a number from -20 to 19"},
        {"--nice x", "--nice: 'x' is not a niceness: give a number from -20 to 19"},
        {"--max-item 3G", "--max-item: '3G' is not possible: give a size from 1 to 2G"},
        {"--max-item 0", "--max-item: '0' is not possible: give a size from 1 to 2G"},
        {"--queue 0", "--queue: '0' leaves no room: give at least 1"},
        {"--queue x", "--queue: 'x' is not a bound: give a number of tasks, or a size as in 64M"},
        {"--when-full explode", "--when-full: 'explode' is none of the three: give block, stack or drop"},
        {"--term-seq FOO,1", "--term-seq: 'FOO,1' is not a sequence: give signals and waits in ms, as in "
                             "TERM,200,KILL,25"},
        {"--retries 5000000000", "--retries '5000000000' is too large: the most is 2147483647"},
        {"-u --tag echo", "-u prints bytes as they come and has no tags: use --line-buffer"},
        {"-s 4K echo", "-s says how many items fit a command: give -X, or -n N, too"},
        {"-n 1 -s 4K echo", "-s says how many items fit a command: give -X, or -n N, too"},
        {"-X -s 8 echo {} ::: a", "-s 8 has no room for an item: COMMAND alone takes 8 bytes"},
        {"--joblog f -o f echo", "--joblog and -o name the same file: give two"},
        {"--joblog= echo", "the name of the file for --joblog or -o is empty: give one"},
        {"echo :::+ a", ":::+ has no source before it to go in step with: use :::"},
        {"echo ::::+ a", "::::+ has no source before it to go in step with: use ::::"},
        {"echo ::::", ":::: needs a file: give one, or - for standard input"},
        {"--keep-oder", "unknown option --keep-oder; did you mean --keep-order?"},
        {"--job 4", "unknown option --job; did you mean --jobs?"},
        {"-bar", "unknown option -bar; did you mean --bar?"},
        {"--frobnicate", "unknown option --frobnicate; see dishes --help"},
        {"--results _ echo", "--results: the name of the directory is empty: give one"},
        {"--results a{/.} echo", "--results: 'a{/.}' holds a replacement string: give a directory, the items become "
                                 "names below it"},
        {"--results -.json echo", "--results: '-.json' would be a table, and there is none here: give a directory, or "
                                  "--json -o FILE"},
        {"--resume echo", "--resume needs to know what was done: give the --journal or --joblog of that run"},
        {"--journal f -o f-wal echo", "--journal needs a file of its own: give one that is nothing else"},
        {"--journal f --joblog f-early echo", "--journal needs a file of its own: give one that is nothing else"},
        {"--journal f -o f echo", "--journal needs a file of its own: give one that is nothing else"},
        {"-S host", "unknown option -S: start a dryer on each machine, as in ssh HOST dryer --at tcp://HEAD:PORT --key "
                    "FILE COMMAND"},
        {"--block 1M wc", "--block is about blocks for the stdin of commands: give --pipe"},
        {"--header : wc", "--header is about blocks for the stdin of commands: give --pipe"},
        {"--pipe --block 0 wc", "--block: '0' is not possible: give a size from 1 to 2G"},
        {"--pipe --block x wc", "--block: 'x' is not a size: give " UNITS_SIZE_FORMS},
        {"--pipe --header 0 wc", "--header: '0' is not a number of lines: give one, or : for the first line"},
        {"--pipe --recstart _ wc", "--recstart: the start of a record is empty: give a text, or leave it out"},
        {"--pipe --recend \\q wc", "--recend: '\\q' is no mark of records: give at most 128 bytes, with \\n \\t \\0 "
                                   "\\NNN \\xHH and \\\\ for a backslash"},
        {"--pipe --filter wc", "--pipe is about a command for each task, and --filter has one for all: leave it out"},
        {"--pipe -X wc", "-X is about items, and --pipe gives blocks as they are: leave it out"},
        {"--pipe -s 9 wc", "-s is about items, and --pipe gives blocks as they are: leave it out"},
        {"--pipe -r wc", "-r is about items, and --pipe gives blocks as they are: leave it out"},
        {"--pipe -n 5 --block 1M wc", "-n and --block each say what a block is: give one"},
        {"--pipe -n 5 --recend= wc", "-n counts records, and by --recend '' there are none: use --block"},
        {"--pipe -0 --recend x wc", "-0 and -d say how a record ends: leave them out, or --recend"},
        {"--pipe -d, --recstart x wc", "-0 and -d say how a record ends: leave them out, or --recstart"},
        {"--pipe wc ::: a", "--pipe reads a file or stdin, and ::: gives items: leave out --pipe"},
        {"--pipe -a f -a g wc", "--pipe reads one input: give one file, or use cat (1)"},
        {"--pipe --regexp wc", "unknown option --regexp: records are found by plain texts: give --recstart or --recend "
                               "such a text"},
        {"-km", "unknown option -m: use -X, or -n N"},
        {"mv {} {=s/a/b/=}", "'{=s/a/b/=}' would be a perl expression, and there are none here: use the shell's, as in "
                             "'f={}; mv \"$f\" \"${f%.c}.h\"', or give -I S where it is text"},
        {"--tag --tagstring x{=3_uc=} echo", "'{=3_uc=}' would be a perl expression, and there are none here: use the "
                                             "shell's, as in 'f={}; mv \"$f\" \"${f%.c}.h\"', or give -I S where "
                                             "it is text"},
        {"cp a{-1}", "'{-1}' would count from the last value, which nothing does here: give its number, as in {2}, or "
                     "-I S where it is text"},
        {"cp {-2/.}", "'{-2/.}' would count from the last value, which nothing does here: give its number, as in {2}, "
                      "or -I S where it is text"},
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

static void test_what_only_looks_like_a_replacement_string_is_text (void **state)
{
    static const char *const lines[] = {"echo {= =} {=", "echo {-} {-x} {-1", "-I @ echo {-1} {=x=} @",
                                        "echo a=} {x-1}"};
    for (size_t i = 0; i < COUNT_OF (lines); i++) {
        line_t run;
        s_parse_well (&run, lines[i]);
        config_free (&run.config);
    }
}

//  What stands in the table of what we lack is refused with its advice, so no row of ours hides it.
static void test_foreign (void **state)
{
    for (const option_foreign_t *row = options_foreign; row->names || row->letters; row++) {
        char names[256];
        snprintf (names, sizeof names, "%s", row->names);
        char *rest = names;
        for (char *name = strsep (&rest, "|"); name; name = strsep (&rest, "|")) {
            char line[128];
            snprintf (line, sizeof line, "--%s", name);
            line_t run;
            s_parse (&run, line);
            if (run.rc != -1 || !strstr (run.error, row->advice))
                fail_msg ("%s: %s", line, run.error);
            config_free (&run.config);
        }
        for (const char *letter = row->letters; letter && *letter; letter++) {
            char line[] = {'-', *letter, 0};
            line_t run;
            s_parse (&run, line);
            if (run.rc != -1 || !strstr (run.error, row->advice))
                fail_msg ("%s: %s", line, run.error);
            config_free (&run.config);
        }
    }
}

static void test_environment (void **state)
{
    static const struct {
        const char *value, *line, *at, *error;
    } rows[] = {
        {"inproc://sink", "echo", "inproc://sink", ""},
        {"", "echo", "inproc://dishes", ""},
        {"ipc://sink", "--at inproc://mine echo", "inproc://mine", ""},
        {"ipc://sink", "echo", "ipc://sink", ""},
        {"sink", "echo", NULL, "DISHES_AT: 'sink' is not an address: no such transport; an address is " ADDRESS_KINDS},
    };
    for (size_t i = 0; i < COUNT_OF (rows); i++) {
        setenv ("DISHES_AT", rows[i].value, 1);
        line_t run;
        s_parse (&run, rows[i].line);
        unsetenv ("DISHES_AT");
        assert_string_equal (run.error, rows[i].error);
        if (rows[i].at)
            assert_string_equal (run.config.at, rows[i].at);
        config_free (&run.config);
    }
}

static void test_limits (void **state)
{
    struct rlimit before, less;
    assert_int_equal (getrlimit (RLIMIT_NOFILE, &before), 0);
    assert_true (limits_all_jobs () >= 1 && limits_all_jobs () <= limits_jobs ());
    line_t run;
    s_parse_well (&run, "-j0");
    assert_int_equal (run.config.jobs, limits_all_jobs ());
    config_free (&run.config);
    if (fork () == 0) {
        less = (struct rlimit){100, 100};
        int bad = setrlimit (RLIMIT_NOFILE, &less) == -1 || limits_jobs () != 6;
        s_parse (&run, "-j6");
        bad |= run.rc != 0 || run.config.jobs != 6;
        s_parse (&run, "-j7");
        bad |= strcmp (run.error, "-j: '7' is too many: the limit on open files has room for 6 jobs; raise it (ulimit "
                                  "-Hn)") != 0;
        less = (struct rlimit){20, 20};
        bad |= setrlimit (RLIMIT_NOFILE, &less) == -1;
        s_parse (&run, "echo");
        bad |= strcmp (run.error, "the limit on open files is too low for one job: raise it to 70 (ulimit -Hn)") != 0;
        _exit (bad);
    }
    int status;
    assert_true (wait (&status) > 0);
    assert_int_equal (status, 0);
}

static void test_help (void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream (&text, &size);
    assert_non_null (out);
    options_help (PROGRAM_DISHES, out);
    fclose (out);
    static const char *const lines[] = {"Usage: dishes [OPTION...] COMMAND",
                                        "\n  -j, -P, --jobs N ",
                                        "\n  -0, --null",
                                        "\n  --shell[=PATH]",
                                        "\n  -X ",
                                        "124 deadline"};
    for (size_t i = 0; i < COUNT_OF (lines); i++)
        assert_non_null (strstr (text, lines[i]));
    for (char *line = strtok (text, "\n"); line; line = strtok (NULL, "\n"))
        if (strlen (line) > 110)
            fail_msg ("too wide: %s", line);
    free (text);
}

int main (void)
{
    unsetenv ("DISHES_AT");
    const struct CMUnitTest tests[] = {cmocka_unit_test (test_defaults),
                                       cmocka_unit_test (test_numbers),
                                       cmocka_unit_test (test_strings),
                                       cmocka_unit_test (test_halt),
                                       cmocka_unit_test (test_command_and_sources),
                                       cmocka_unit_test (test_command_bytes),
                                       cmocka_unit_test (test_jobs_of_a_file),
                                       cmocka_unit_test (test_what_holds_back),
                                       cmocka_unit_test (test_errors),
                                       cmocka_unit_test (test_what_only_looks_like_a_replacement_string_is_text),
                                       cmocka_unit_test (test_foreign),
                                       cmocka_unit_test (test_environment),
                                       cmocka_unit_test (test_limits),
                                       cmocka_unit_test (test_help)};
    return cmocka_run_group_tests (tests, NULL, NULL);
}
