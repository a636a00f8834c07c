//  What a command becomes, a row a sentence. The rows marked by "parallel" are what GNU parallel 20221122 does.
#include "run/template.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

//  Values are separated by '|' in these tables, so that is the delimiter; every item ends with it.
static shape_t shape_of (const char *task)
{
    shape_t shape = {.format = BLOCK_DELIMITED, .delimiter = '|', .columns = 1};
    for (; *task; task++)
        shape.items += *task == '|';
    return shape;
}

typedef struct {
    const char *words[8];
    const char *task;   // its values, each ended by |
    const char *wanted; // [argument][argument]...
    bool context;
    const char *replace;
} row_t;

static const row_t rows[] = {
    {{"ls", "{}"}, "a|", "[ls][a]", 0, 0},
    {{"ls"}, "a|", "[ls][a]", 0, 0},
    {{"ls", "-l"}, "a|b|", "[ls][-l][a][b]", 0, 0},
    {{"ls", "{}"}, "|", "[ls][]", 0, 0},
    {{"ls", "{}"}, "a b'c$(id)*|", "[ls][a b'c$(id)*]", 0, 0},
    {{"ls", "x{}y{}z"}, "a|", "[ls][xayaz]", 0, 0},
    {{"ls", "{#}"}, "a|", "[ls][42]", 0, 0},
    {{"ls", "{%}-{#}"}, "a|", "[ls][7-42]", 0, 0},
    //  several values: parallel -N
    {{"ls", "pre{}post"}, "a x|b|", "[ls][prea x][bpost]", 0, 0},
    {{"ls", "{}", "{.}"}, "a.x|b.y|", "[ls][a.x][b.y][a][b]", 0, 0},
    {{"ls", "{}-{.}"}, "a.x|b.y|", "[ls][a.x][b.y-a][b]", 0, 0},
    {{"ls", "{1}", "{2}", "{3}"}, "a|b|", "[ls][a][b]", 0, 0},
    {{"ls", "{1}-{2}"}, "c|", "[ls][c-]", 0, 0},
    {{"ls", "{}", "{1}-{2}", "x{}y", "{1//}", "{2/.}"},
     "a/b.c|d/e.f|",
     "[ls][a/b.c][d/e.f][a/b.c-d/e.f][xa/b.c][d/e.fy][a][e]",
     0,
     0},
    //  parallel -X
    {{"ls", "pre{}post", "{}", "fix", "{.}-{}"},
     "a.x|b.y|",
     "[ls][prea.xpost][preb.ypost][a.x][b.y][fix][a-a.x][b-b.y]",
     1,
     0},
    {{"ls", "pre{1}post", "{}"}, "a|b|c|", "[ls][preapost][a][b][c]", 1, 0},
    {{"ls", "{%}-{}"}, "a|b|", "[ls][7-a][7-b]", 1, 0},
    //  what is a replacement string, and what is not
    {{"ls", "{{}}", "{x}", "{0}", "{.1}", "{}}"}, "a|", "[ls][{a}][{x}][{0}][{.1}][a}]", 0, 0},
    {{"ls", "{1}{1.}{1/}{1//}{1/.}", "{01}"}, "d/e.f|", "[ls][d/e.fd/ee.fde][d/e.f]", 0, 0},
    {{"ls", "{1234567}", "{}"}, "a|", "[ls][{1234567}][a]", 0, 0},
    //  -I
    {{"ls", "@@", "{}", "{.}", "@@.x"}, "a.b|", "[ls][a.b][{}][a][a.b.x]", 0, "@@"},
    {{"ls", "{1}"}, "a|", "[ls][a]", 0, "@@"},
    {{"ls"}, "a|", "[ls][a]", 0, "@@"},
    {{"{}", "x"}, "ls|", "[ls][x]", 0, 0},
};

static template_t *compile (const row_t *row)
{
    char error[200] = "";
    template_opts_t opts = {.words = (char *const *)row->words, .replace = row->replace, .context = row->context};
    while (opts.count < 8 && row->words[opts.count])
        opts.count++;
    template_t *template = template_new (&opts, error, sizeof error);
    assert_non_null (template);
    return template;
}

static template_task_t task_of (const char *data, const shape_t *shape)
{
    return (template_task_t){.n = 42, .slot = 7, .shape = shape, .data = (const uint8_t *)data, .size = strlen (data)};
}

static void join (char **argv, char *text)
{
    *text = 0;
    for (; *argv; argv++)
        sprintf (text + strlen (text), "[%s]", *argv);
}

static void test_arguments (void **state)
{
    rendering_t *rendering = rendering_new (); // one for all: nothing may be left of the row before
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        template_t *template = compile (&rows[i]);
        shape_t shape = shape_of (rows[i].task);
        template_task_t task = task_of (rows[i].task, &shape);
        char **argv = template_argv (template, rendering, &task), text[1000];
        assert_non_null (argv);
        join (argv, text);
        assert_string_equal (text, rows[i].wanted);
        template_destroy (&template);
        template_destroy (&template);
    }
    rendering_destroy (&rendering);
    rendering_destroy (&rendering);
}

//  value, {.} {/} {//} {/.}, all parallel's.
static const char *const parts[][5] = {
    {"a.b/c", "a.b/c", "c", "a.b", "c"},
    {"/x.y/", "/x.y/", "", "/", ""},
    {"/", "/", "", "/", ""},
    {".hidden", "", ".hidden", ".", ""},
    {"a/.hid", "a/", ".hid", "a", ""},
    {"a.b.c", "a.b", "a.b.c", ".", "a.b"},
    {"x.", "x", "x.", ".", "x"},
    {"foo", "foo", "foo", ".", "foo"},
    {"d/e/f.tar.gz", "d/e/f.tar", "f.tar.gz", "d/e", "f.tar"},
    {"", "", "", ".", ""},
    {"//x", "//x", "x", "/", "x"},
};

static void test_parts_of_a_value (void **state)
{
    const row_t row = {.words = {"{.}", "{/}", "{//}", "{/.}"}};
    template_t *template = compile (&row);
    rendering_t *rendering = rendering_new ();
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char data[100];
        sprintf (data, "%s|", parts[i][0]);
        shape_t shape = shape_of ("|");
        template_task_t task = task_of (data, &shape);
        char **argv = template_argv (template, rendering, &task);
        for (int j = 0; j < 4; j++)
            assert_string_equal (argv[j], parts[i][j + 1]);
    }
    rendering_destroy (&rendering);
    template_destroy (&template);
}

//  The quoting is parallel's; what is behind can be pasted.
static const struct {
    const char *words[4], *task, *wanted;
} texts[] = {
    {{"echo", "{}"}, "a b|", "echo 'a b'"},
    {{"echo", "{}"}, "it's|", "echo 'it'\"'\"'s'"},
    {{"echo", "{}"}, "'|", "echo \"'\""},
    {{"echo", "{}"}, "''|", "echo \"'\"''\"'\""},
    {{"echo", "{}"}, "a'|", "echo 'a'\"'\""},
    {{"echo", "{}"}, "|", "echo ''"},
    {{"echo", "{}"}, "-_.+/aZ9|", "echo -_.+/aZ9"},
    {{"echo", "{}"}, "a,b|", "echo 'a,b'"},
    {{"echo", "{}"}, "n\nl|", "echo 'n\nl'"},
    {{"echo", "{}"}, "\xc3\xa9|", "echo '\xc3\xa9'"},
    {{"echo", "pre{}post"}, "a x|b|", "echo pre'a x' bpost"},
    {{"echo", "x{}y"}, "|", "echo x''y"},
    {{"echo", "two words", "{}"}, "a|b|", "echo 'two words' a b"},
    {{"a=b", "--size={}:x", ""}, "1 k|", "'a=b' --size='1 k':x ''"},
    {{"echo", "$x{}"}, "1|", "echo '$x'1"},
    {{"echo {} \"<{}>\" $(ls {/})"}, "a/$x|", "echo 'a/$x' \"<a/\\$x>\" $(ls '$x')"},
    {{"echo {}; date"}, "a|b c|", "echo a 'b c'; date"},
};

static void test_text_of_a_command (void **state)
{
    rendering_t *rendering = rendering_new ();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        row_t row = {.task = texts[i].task};
        memcpy (row.words, texts[i].words, sizeof texts[i].words);
        template_t *template = compile (&row);
        shape_t shape = shape_of (row.task);
        template_task_t task = task_of (row.task, &shape);
        size_t size;
        const char *text = template_command (template, rendering, &task, &size);
        assert_string_equal (text, texts[i].wanted);
        assert_int_equal (size, strlen (text));
        template_destroy (&template);
    }
    rendering_destroy (&rendering);
}

static void test_tags (void **state)
{
    const char *const tags[][2] = {{"{}", "a b.c"}, {"{#}:{%}:{1}", "42:7:a"}, {"x  y", "x  y"},
                                   {"", ""},        {"{.}!", "a b!"},          {"{3}", ""}};
    rendering_t *rendering = rendering_new ();
    shape_t shape = shape_of ("||");
    template_task_t task = task_of ("a|b.c|", &shape);
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        char error[100];
        size_t size;
        template_t *template = template_text_new (tags[i][0], NULL, error, sizeof error);
        const char *text = template_line (template, rendering, &task, &size);
        assert_string_equal (text, tags[i][1]);
        assert_int_equal (size, strlen (text));
        template_destroy (&template);
    }
    rendering_destroy (&rendering);
}

//  Which COMMAND is a shell line, and what runs then.
static const struct {
    const char *words[4], *task, *wanted;
    bool force, shell;
} lines[] = {
    {{"echo {}"}, "a|", "[/bin/sh][-c][echo \"${1}\"][dishes][a]", 0, 1},
    {{"echo \"{}\""}, "$(id)|", "[/bin/sh][-c][echo \"${1}\"][dishes][$(id)]", 0, 1},
    {{"echo {} {/} {}"}, "a/b|", "[/bin/sh][-c][echo \"${1}\" \"${2}\" \"${1}\"][dishes][a/b][b]", 0, 1},
    {{"echo {#} \"{%}\""}, "a|", "[/bin/sh][-c][echo \"${1}\" \"${2}\"][dishes][42][7]", 0, 1},
    {{"echo x{}y \"{}\" {2.}"},
     "a|b.c|",
     "[/bin/sh][-c][echo x\"${1}\" \"${2}\"y \"${1} ${2}\" \"${3}\"][dishes][a][b.c][b]",
     0,
     1},
    {{"echo {2}. \"{2}\""}, "a|", "[/bin/sh][-c][echo . \"\"][dishes]", 0, 1},
    {{"echo a;"}, "x|", "[/bin/sh][-c][echo a; \"${1}\"][dishes][x]", 0, 1},
    {{"echo", "a", "b"}, "x|", "[/bin/sh][-c][echo a b \"${1}\"][dishes][x]", 1, 1},
    {{"date"}, "x|", "[date][x]", 0, 0},
    {{"{}"}, "x|", "[x]", 0, 0},
    {{"{}.sh"}, "x|", "[x.sh]", 0, 0},
    {{"a*"}, "x|", "[/bin/sh][-c][a* \"${1}\"][dishes][x]", 0, 1},
    {{"a b", "c"}, "x|", "[a b][c][x]", 0, 0},
    {{NULL}, "echo $HOME|", "[/bin/sh][-c][echo $HOME]", 0, 1},
    {{NULL}, "echo a|b|", "[/bin/sh][-c][echo a b]", 0, 1},
};

static void test_shell_lines (void **state)
{
    rendering_t *rendering = rendering_new ();
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char error[200] = "", text[1000];
        template_opts_t opts = {.words = (char *const *)lines[i].words, .force_shell = lines[i].force};
        while (lines[i].words[opts.count])
            opts.count++;
        template_t *template = template_new (&opts, error, sizeof error);
        assert_string_equal (error, "");
        assert_int_equal (template_is_shell (template), lines[i].shell);
        shape_t shape = shape_of (lines[i].task);
        template_task_t task = task_of (lines[i].task, &shape);
        join (template_argv (template, rendering, &task), text);
        assert_string_equal (text, lines[i].wanted);
        template_destroy (&template);
    }
    rendering_destroy (&rendering);
}

static void expect_reason (const char *word, const char *data, size_t size, const char *reason)
{
    char error[200];
    char *words[] = {(char *)word};
    template_opts_t opts = {.words = words, .count = 1};
    template_t *template = template_new (&opts, error, sizeof error);
    rendering_t *rendering = rendering_new ();
    shape_t shape = {.delimiter = '\n', .columns = 1, .items = 1};
    template_task_t task = {.n = 1, .slot = 1, .shape = &shape, .data = (const uint8_t *)data, .size = size};
    char **argv = template_argv (template, rendering, &task);
    if (reason) {
        assert_null (argv);
        assert_int_equal (errno, EINVAL);
        assert_non_null (strstr (template_reason (rendering), reason));
        assert_non_null (strstr (template_reason (rendering), "use --pipe"));
        size_t text_size;
        assert_non_null (template_command (template, rendering, &task, &text_size)); // it can be shown all the same
    } else {
        assert_non_null (argv);
    }
    rendering_destroy (&rendering);
    template_destroy (&template);
}

static void test_what_no_argument_can_hold (void **state)
{
    char *big = malloc (TEMPLATE_VALUE_MAX + 2);
    memset (big, 'x', TEMPLATE_VALUE_MAX + 1);
    big[TEMPLATE_VALUE_MAX] = '\n';
    expect_reason ("{}", "a\0b\n", 4, "NUL");
    expect_reason ("{1}", "a\0b\n", 4, "NUL");
    expect_reason ("{}", big, TEMPLATE_VALUE_MAX + 1, NULL);
    expect_reason ("x{}", big, TEMPLATE_VALUE_MAX + 1, "131072 bytes is over the limit of 131071");
    big[TEMPLATE_VALUE_MAX] = 'x';
    big[TEMPLATE_VALUE_MAX + 1] = '\n';
    expect_reason ("{}", big, TEMPLATE_VALUE_MAX + 2, "131072 bytes");
    expect_reason ("echo {}", big, TEMPLATE_VALUE_MAX + 2, "131072 bytes");
    free (big);
}

static void test_several_columns (void **state)
{
    //  two values, "a" and "b c"
    const uint8_t data[] = {2, 0, 0, 0, 1, 0, 0, 0, 'a', 3, 0, 0, 0, 'b', ' ', 'c'};
    const shape_t shape = {.format = BLOCK_PREFIXED, .columns = 2};
    const row_t row = {.words = {"cp", "{1}", "{2}", "{}"}};
    template_t *template = compile (&row);
    rendering_t *rendering = rendering_new ();
    template_task_t task = {.n = 1, .slot = 1, .shape = &shape, .data = data, .size = sizeof data};
    char text[100];
    join (template_argv (template, rendering, &task), text);
    assert_string_equal (text, "[cp][a][b c][a][b c]");
    rendering_destroy (&rendering);
    template_destroy (&template);
}

static void test_program (void **state)
{
    const row_t fixed = {.words = {"ls", "{}"}}, open = {.words = {"x{}", "y"}}, shell = {.words = {"ls | wc"}};
    template_t *template = compile (&fixed);
    assert_string_equal (template_program (template), "ls");
    template_destroy (&template);
    template = compile (&open);
    assert_null (template_program (template));
    template_destroy (&template);
    setenv ("PARALLEL_SHELL", "/bin/dash", 1);
    template = compile (&shell);
    assert_string_equal (template_program (template), "/bin/dash");
    template_destroy (&template);
    setenv ("DISHES_SHELL", "/bin/bash", 1);
    template = compile (&shell);
    assert_string_equal (template_program (template), "/bin/bash");
    template_destroy (&template);
    unsetenv ("DISHES_SHELL");
    unsetenv ("PARALLEL_SHELL");
}

static void test_wrong_templates (void **state)
{
    char error[200] = "";
    char *words[] = {(char *)"ls"}, *quoted[] = {(char *)"echo '{}'"};
    template_opts_t empty = {.words = words, .count = 1, .replace = ""}, single = {.words = quoted, .count = 1};
    assert_null (template_new (&empty, error, sizeof error));
    assert_int_equal (errno, EINVAL);
    assert_non_null (strstr (error, "-I"));
    assert_null (template_new (&single, error, sizeof error));
    assert_int_equal (errno, EINVAL);
    assert_non_null (strstr (error, "{} at column 7 of the shell line is inside single quotes"));
    assert_non_null (strstr (error, "'a'{}'b'"));
    template_opts_t fish = {.words = words, .count = 1, .force_shell = true, .shell = "/usr/bin/fish"};
    assert_null (template_new (&fish, error, sizeof error));
    assert_int_equal (errno, EINVAL);
    assert_non_null (strstr (error, "/usr/bin/fish is not a POSIX shell"));
}

//  --pipe: no word stands for the items, and none is added.
static void test_pipe (void **state)
{
    static const struct {
        const char *words[3];
        const char *wanted; // arguments; or what is wrong
        const char *replace;
    } cases[] = {
        {{"wc"}, "[wc]", NULL},
        {{"wc", "-l"}, "[wc][-l]", NULL},
        {{"tee", "{#}-{%}"}, "[tee][42-7]", NULL},
        {{"cat > out.{#}"}, "[/bin/sh][-c][cat > out.\"${1}\"][dishes][42]", NULL},
        {{"wc", "{}"}, "with --pipe the items are the stdin of COMMAND: leave out '{}'", NULL},
        {{"wc", "a{/.}"}, "with --pipe the items are the stdin of COMMAND: leave out '{/.}'", NULL},
        {{"wc", "{2}"}, "with --pipe the items are the stdin of COMMAND: leave out '{2}'", NULL},
        {{"wc < {}"}, "with --pipe the items are the stdin of COMMAND: leave out '{}'", NULL},
        {{"wc", "@"}, "with --pipe the items are the stdin of COMMAND: leave out '@'", "@"},
        {{NULL}, "--pipe needs COMMAND, which reads the items on its stdin: give one", NULL},
    };
    const shape_t whole = {BLOCK_WHOLE, 0, 1, 1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        template_opts_t opts = {.words = (char *const *)cases[i].words, .pipe = true, .replace = cases[i].replace};
        while (opts.count < 3 && cases[i].words[opts.count])
            opts.count++;
        char text[200] = "";
        template_t *template = template_new (&opts, text, sizeof text);
        rendering_t *into = rendering_new ();
        template_task_t task = {.n = 42, .slot = 7, .shape = &whole, .data = (const uint8_t *)"a\0b", .size = 3};
        char **argv = template ? template_argv (template, into, &task) : NULL;
        for (size_t at = 0; argv && *argv; argv++)
            at += (size_t)snprintf (text + at, sizeof text - at, "[%s]", *argv);
        assert_string_equal (text, cases[i].wanted);
        rendering_destroy (&into);
        template_destroy (&template);
    }
}

int main (void)
{
    unsetenv ("DISHES_SHELL");
    unsetenv ("PARALLEL_SHELL");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_arguments),         cmocka_unit_test (test_parts_of_a_value),
        cmocka_unit_test (test_text_of_a_command), cmocka_unit_test (test_tags),
        cmocka_unit_test (test_shell_lines),       cmocka_unit_test (test_what_no_argument_can_hold),
        cmocka_unit_test (test_several_columns),   cmocka_unit_test (test_program),
        cmocka_unit_test (test_wrong_templates),   cmocka_unit_test (test_pipe),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
