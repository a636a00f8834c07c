//  The option engine over a small set of its own: what each spelling stores, and the line that each mistake yields.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/options.h"

#define COUNT_OF(table) (sizeof (table) / sizeof *(table))

enum { MODE_NONE, MODE_ONE, MODE_TWO };

typedef struct {
    bool bar, tag;
    int mode, stopped;
    uint32_t jobs;
    uint64_t retries;
    size_t block_bytes;
    int64_t timeout_ms;
    const char *log, *shell;
    int shells;
} target_t;

static int s_shell (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    target_t *self = target;
    if (text && *text != '/')
        return options_fail (error, error_size, "'%s' is not an absolute path", text);
    self->shell = text;
    self->shells++;
    return 0;
}

static const option_t s_one[] = {
    {.names = "jobs|max-procs",
     .letters = "jP",
     .argument = "N",
     .kind = OPTION_COUNT,
     .number = 1,
     OPTION_FIELD (target_t, jobs),
     .help = "commands at a time"},
    {.names = "timeout", .argument = "DUR", .kind = OPTION_DURATION, OPTION_FIELD (target_t, timeout_ms)},
    {.names = "retries", .argument = "N", .kind = OPTION_COUNT, OPTION_FIELD (target_t, retries)},
    {.names = "block", .argument = "SIZE", .kind = OPTION_SIZE, OPTION_FIELD (target_t, block_bytes)},
    {.names = "shell", .argument = "[PATH]", .kind = OPTION_CALL, .call = s_shell},
    {0},
};
static const option_t s_two[] = {
    {.names = "bar", .kind = OPTION_FLAG, OPTION_FIELD (target_t, bar)},
    {.names = "tag", .letters = "t", .kind = OPTION_FLAG, OPTION_FIELD (target_t, tag)},
    {.letters = "1", .kind = OPTION_SET, .number = MODE_ONE, OPTION_FIELD (target_t, mode)},
    {.names = "two", .letters = "2", .kind = OPTION_SET, .number = MODE_TWO, OPTION_FIELD (target_t, mode)},
    {.names = "joblog", .argument = "FILE", .kind = OPTION_STRING, OPTION_FIELD (target_t, log)},
    {.names = "help", .letters = "h", .kind = OPTION_STOP, .number = 1, OPTION_FIELD (target_t, stopped)},
    {0},
};
static const option_group_t s_groups[] = {{"One", s_one}, {"Two", s_two}, {0}};
static const option_foreign_t s_foreign[] = {{"sshlogin|slf", "S", "this works on one machine"}, {0}};
static const option_set_t s_set = {.program = "toy", .groups = s_groups, .foreign = s_foreign};

//  Splits a line at blanks into argv, with the program's name first; "_" is an empty word.
typedef struct {
    char text[512];
    char *argv[32];
    int argc;
} words_t;

static char s_program[] = "toy", s_empty[] = "";

static void s_split (words_t *self, const char *line)
{
    *self = (words_t){.argv = {s_program}, .argc = 1};
    strncpy (self->text, line, sizeof self->text - 1);
    for (char *word = strtok (self->text, " "); word; word = strtok (NULL, " "))
        self->argv[self->argc++] = strcmp (word, "_") == 0 ? s_empty : word;
}

static void test_values (void **state)
{
    static const struct {
        const char *line;
        target_t want;
        int operand;
    } rows[] = {
        {"", {0}, 1},
        {"cmd -j 4", {0}, 1},
        {"-j4 ls -t", {.jobs = 4}, 2},
        {"-j 4 ls", {.jobs = 4}, 3},
        {"-P4 ls", {.jobs = 4}, 2},
        {"--jobs 4 ls", {.jobs = 4}, 3},
        {"--jobs=4 ls", {.jobs = 4}, 2},
        {"--max-procs=4", {.jobs = 4}, 2},
        {"-tj4 ls", {.jobs = 4, .tag = true}, 2},
        {"-t1h -j x", {.tag = true, .mode = MODE_ONE, .stopped = 1}, 2},
        {"--help --bogus", {.stopped = 1}, 2},
        {"-j 4 -j 5", {.jobs = 5}, 5},
        {"-1 --two", {.mode = MODE_TWO}, 3},
        {"-2 -1", {.mode = MODE_ONE}, 3},
        {"--bar -- -t", {.bar = true}, 3},
        {"-- --", {0}, 2},
        {"- -t", {0}, 1},
        {"::: -t", {0}, 1},
        {"--timeout 1.5m --retries=0 --block 64K", {.timeout_ms = 90000, .block_bytes = 65536}, 6},
        {"--retries 9223372036854775807", {.retries = INT64_MAX}, 3},
        {"--shell ls", {.shells = 1}, 2},
        {"--shell -t ls", {.shells = 1, .tag = true}, 3},
    };
    for (size_t i = 0; i < COUNT_OF (rows); i++) {
        words_t words;
        s_split (&words, rows[i].line);
        target_t target = {0};
        char error[256] = "";
        int rc = options_read (&s_set, &target, words.argc, words.argv, error, sizeof error);
        assert_string_equal (error, "");
        assert_int_equal (rc, rows[i].operand);
        assert_memory_equal (&target, &rows[i].want, sizeof target);
    }
}

static void test_strings_are_borrowed (void **state)
{
    static const struct {
        const char *line, *log, *shell;
    } rows[] = {
        {"--joblog f", "f", NULL},
        {"--joblog=f=g", "f=g", NULL},
        {"--joblog -- x", "--", NULL},
        {"--joblog -t", "-t", NULL},
        {"--joblog= x", "", NULL},
        {"--joblog _ x", "", NULL},
        {"--shell=/bin/zsh", NULL, "/bin/zsh"},
    };
    for (size_t i = 0; i < COUNT_OF (rows); i++) {
        words_t words;
        s_split (&words, rows[i].line);
        target_t target = {0};
        char error[256] = "";
        assert_true (options_read (&s_set, &target, words.argc, words.argv, error, sizeof error) > 0);
        const char *got[] = {target.log, target.shell}, *want[] = {rows[i].log, rows[i].shell};
        for (int j = 0; j < 2; j++) {
            assert_int_equal (got[j] == NULL, want[j] == NULL);
            if (want[j])
                assert_string_equal (got[j], want[j]);
        }
    }
}

static void test_errors (void **state)
{
    static const struct {
        const char *line, *error;
    } rows[] = {
        {"--jbos 4", "unknown option --jbos; did you mean --jobs?"},
        {"--job 4", "unknown option --job; did you mean --jobs?"},
        {"--time=4", "unknown option --time; did you mean --timeout?"},
        {"--maxprocs 4", "unknown option --maxprocs; did you mean --max-procs?"},
        {"--brr", "unknown option --brr; did you mean --bar?"},
        {"--frobnicate", "unknown option --frobnicate; see toy --help"},
        {"-x", "unknown option -x; see toy --help"},
        {"-txy", "unknown option -x; see toy --help"},
        {"-bar", "unknown option -bar; did you mean --bar?"},
        {"-two", "unknown option -two; did you mean --two?"},
        {"--=4", "unknown option --; see toy --help"},
        {"--JOBS 4", "unknown option --JOBS; see toy --help"},
        {"--sshlogin host", "unknown option --sshlogin: this works on one machine"},
        {"--slf=host", "unknown option --slf: this works on one machine"},
        {"-S host", "unknown option -S: this works on one machine"},
        {"-tS host", "unknown option -S: this works on one machine"},
        {"-j", "-j needs a value: N"},
        {"-tj", "-j needs a value: N"},
        {"--joblog", "--joblog needs a value: FILE"},
        {"--bar=5", "--bar takes no value, and was given '5'"},
        {"--bar=", "--bar takes no value, and was given ''"},
        {"-jx", "-j 'x' is not a whole number: give decimal digits"},
        {"-j -4", "-j '-4' is not a whole number: give decimal digits"},
        {"-j0", "-j '0' is too small: the least is 1"},
        {"-j 2147483648", "-j '2147483648' is too large: the most is 2147483647"},
        {"--jobs=", "--jobs '' is not a whole number: give decimal digits"},
        {"--retries 9223372036854775808", "--retries '9223372036854775808' is not a whole number: give decimal digits"},
        {"--timeout 5x", "--timeout '5x' is not a duration: give seconds, or with a unit, as in 250ms 5s 1.5m 2h"},
        {"--timeout 36525d1ms", "--timeout '36525d1ms' is too large: the most is 3155760000000ms"},
        {"--timeout 9223372036854775s", "--timeout '9223372036854775s' is too large: the most is 3155760000000ms"},
        {"--block 5b", "--block '5b' is not a size: give bytes, or with a unit, as in 64k (1000) 64K (1024) 1.5M 2G"},
        {"--shell=sh", "--shell: 'sh' is not an absolute path"},
        {"-j4 --bogus-bogus cmd", "unknown option --bogus-bogus; see toy --help"},
        {"--joblog\n--x", "unknown option --joblog?--x; see toy --help"},
        {"--jobs=\033[2J", "--jobs '?[2J' is not a whole number: give decimal digits"},
    };
    for (size_t i = 0; i < COUNT_OF (rows); i++) {
        words_t words;
        s_split (&words, rows[i].line);
        target_t target = {0};
        char error[256] = "";
        errno = 0;
        assert_int_equal (options_read (&s_set, &target, words.argc, words.argv, error, sizeof error), -1);
        assert_int_equal (errno, EINVAL);
        assert_string_equal (error, rows[i].error);
    }
}

static void test_long_words_do_not_hurt (void **state)
{
    static char word[10000];
    memset (word, 'j', sizeof word - 1);
    memcpy (word, "--", 2);
    char *argv[] = {s_program, word, NULL};
    char error[120];
    target_t target = {0};
    assert_int_equal (options_read (&s_set, &target, 2, argv, error, sizeof error), -1);
    assert_non_null (strstr (error, "see toy --help"));
    assert_int_equal (options_read (&s_set, &target, 2, argv, error, 4), -1);
    assert_string_equal (error, "unk");
    memcpy (word, "-j", 2);
    assert_int_equal (options_read (&s_set, &target, 2, argv, error, sizeof error), -1);
    assert_non_null (strstr (error, "decimal digits"));
}

static void test_usage (void **state)
{
    static const char *one[] = {"-j, -P, --jobs N", "--timeout DUR", "--retries N", "--block SIZE", "--shell[=PATH]"};
    static const char *two[] = {"--bar", "-t, --tag", "-1", "-2, --two", "--joblog FILE", "-h, --help"};
    char text[64];
    for (size_t i = 0; i < COUNT_OF (one); i++)
        assert_string_equal (options_usage (&s_one[i], text, sizeof text), one[i]);
    for (size_t i = 0; i < COUNT_OF (two); i++)
        assert_string_equal (options_usage (&s_two[i], text, sizeof text), two[i]);
    assert_string_equal (options_usage (&s_one[0], text, 8), "-j, -P,");
}

//  A program's sister: what it has, and the first does not, is refused with its name.
static const option_t s_else[] = {
    {.names = "patience",
     .letters = "p",
     .argument = "DUR",
     .kind = OPTION_DURATION,
     .number = 100,
     OPTION_FIELD (target_t, timeout_ms)},
    {.names = "bars", .kind = OPTION_FLAG, OPTION_FIELD (target_t, bar)},
    {0},
};
static const option_group_t s_other_groups[] = {{"Else", s_else}, {0}};
static const option_set_t s_other = {.program = "game", .groups = s_other_groups};
static const option_set_t *const s_others[] = {&s_other, NULL};

static void test_options_of_others (void **state)
{
    static const struct {
        const char *line, *error;
    } rows[] = {
        {"--patience 5", "unknown option --patience: game has it, toy has not"},
        {"-p5", "unknown option -p: game has it, toy has not"},
        {"--bars", "unknown option --bars: game has it, toy has not"},
        {"--patienc 5", "unknown option --patienc; see toy --help"},
    };
    option_set_t set = s_set;
    set.others = s_others;
    for (size_t i = 0; i < COUNT_OF (rows); i++) {
        target_t target = {0};
        words_t words;
        char error[256] = "";
        s_split (&words, rows[i].line);
        assert_int_equal (options_read (&set, &target, words.argc, words.argv, error, sizeof error), -1);
        assert_string_equal (error, rows[i].error);
    }
    target_t target = {0};
    char error[256] = "", program[] = "game", option[] = "-p", value[] = "99ms",
         *argv[] = {program, option, value, NULL};
    assert_int_equal (options_read (&s_other, &target, 3, argv, error, sizeof error), -1);
    assert_string_equal (error, "-p '99ms' is too small: the least is 100ms");
}

static char s_seen_letters[16];

static void s_see (void *target, const option_t *row)
{
    strncat (s_seen_letters, row->letters ? row->letters : "?", sizeof s_seen_letters - strlen (s_seen_letters) - 1);
}

static void test_options_are_seen (void **state)
{
    option_set_t set = s_set;
    set.seen = s_see;
    target_t target = {0};
    words_t words;
    char error[256] = "";
    s_split (&words, "-t12 --two --bar -jx");
    assert_int_equal (options_read (&set, &target, words.argc, words.argv, error, sizeof error), -1);
    assert_string_equal (s_seen_letters, "t122?");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_values),          cmocka_unit_test (test_strings_are_borrowed),
        cmocka_unit_test (test_errors),          cmocka_unit_test (test_long_words_do_not_hurt),
        cmocka_unit_test (test_usage),           cmocka_unit_test (test_options_of_others),
        cmocka_unit_test (test_options_are_seen)};
    return cmocka_run_group_tests (tests, NULL, NULL);
}
