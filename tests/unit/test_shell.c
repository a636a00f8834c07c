//  Values never become shell text: tried with real shells, on every place where a value may stand, with random bytes,
//  with hostile ones, and on random lines.
//  ctest: one-thread
#include "run/shell.h"
#include "run/template.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static const shape_t whole = {.format = BLOCK_PREFIXED, .columns = 1};
static const char *const shells[] = {"/bin/sh", "/bin/bash"};
enum { SHELLS = 2, TASK_MAX = 1000 };

static uint64_t seed = 88172645463325252U;

static uint32_t random_below (uint32_t limit)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32) % limit;
}

//  A task of one value. Returns its size.
static size_t make_task (uint8_t *task, const char *value, size_t size)
{
    const uint8_t head[] = {1, 0, 0, 0, (uint8_t)size, (uint8_t)(size >> 8), 0, 0};
    memcpy (task, head, sizeof head);
    memcpy (task + sizeof head, value, size);
    return sizeof head + size;
}

static template_t *compile (const char *line, const char *shell, char error[300])
{
    char *words[] = {(char *)line};
    template_opts_t opts = {.words = words, .count = 1, .force_shell = true, .shell = shell};
    *error = 0;
    return template_new (&opts, error, 300);
}

//  Runs the arguments in the directory; returns what was on stdout.
static size_t run (char **argv, const char *dir, char *text, size_t size)
{
    int fd[2];
    assert_int_equal (pipe2 (fd, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init (&actions);
    posix_spawn_file_actions_addopen (&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2 (&actions, fd[1], 1);
    posix_spawn_file_actions_addopen (&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addchdir_np (&actions, dir ? dir : "/");
    pid_t pid;
    assert_int_equal (posix_spawn (&pid, argv[0], &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy (&actions);
    close (fd[1]);
    size_t total = 0;
    ssize_t done;
    while (total < size && (done = read (fd[0], text + total, size - total)) > 0)
        total += (size_t)done;
    close (fd[0]);
    assert_int_equal (waitpid (pid, NULL, 0), pid);
    return total;
}

static void expect_exactly (const char *line, const char *shell, const char *value, size_t size)
{
    char error[300], text[4 * TASK_MAX];
    uint8_t task_bytes[TASK_MAX + 8];
    template_t *template = compile (line, shell, error);
    assert_string_equal (error, "");
    rendering_t *rendering = rendering_new ();
    template_task_t task = {
        .n = 1, .slot = 1, .shape = &whole, .data = task_bytes, .size = make_task (task_bytes, value, size)};
    char **argv = template_argv (template, rendering, &task);
    assert_non_null (argv);
    size_t got = run (argv, NULL, text, sizeof text);
    if (got && strstr (line, "echo .") && text[got - 1] == '.')
        got--;
    if (got != size || memcmp (text, value, size) != 0)
        fail_msg ("%s: %s: %zu bytes became %zu", shell, line, size, got);
    rendering_destroy (&rendering);
    template_destroy (&template);
}

//  Each prints its value and nothing else; those that catch it by $(...), which strips newlines from the end, print a
//  dot behind it.
static const char *const places[] = {
    "printf %s {}",
    "printf %s \"{}\"",
    "printf '%s' {}",
    "printf %s \"\"{}''",
    "printf %s ''\"{}\"",
    "v={}; printf %s \"$v\"",
    "v=\"{}\"; printf %s \"$v\"",
    "(printf %s {})",
    "{ printf %s {}; }",
    "if true; then printf %s {}; fi",
    "for v in {}; do printf %s \"$v\"; done",
    "case {} in *) printf %s {};; esac",
    "printf %s {} | cat",
    "true && printf %s {} || false",
    "printf %s \"`printf %s`\"{}",
    "printf '%s' {} # comment",
    "# comment's quote\nprintf %s {}",
    "printf %s \\\n{}",
    "cat <<E >/dev/null; printf %s {}\nit's \"here\nE\n",
    "cat <<-'E' >/dev/null\n\tit's $(\n\tE\nprintf %s {}",
    "printf %s {} > /dev/stdout",
    "printf %s ${x:-}{}",
    "printf %s \"$((1 + 2))\" >/dev/null; printf %s {}",
    "set -- {}; printf %s \"$1\"",
    "a=$#; printf %s {}",
    "v=$(printf %s {}; echo .); printf %s \"$v\"",
    "v=$(printf %s \"{}\"; echo .); printf %s \"$v\"",
    "v=\"$(printf %s \"{}\"; echo .)\"; printf %s \"$v\"",
    "v=`printf %s {}; echo .`; printf %s \"$v\"",
    "v=`printf %s \"{}\"; echo .`; printf %s \"$v\"",
    "v=$( (printf %s {}); echo .); printf %s \"$v\"",
};

static const char *const hostile[] = {
    "",
    " ",
    "a b",
    "*",
    "?",
    "[a-z]*",
    "~",
    "$HOME",
    "${HOME}",
    "$(id)",
    "`id`",
    "$((1+1))",
    "'",
    "\"",
    "'\"'\"'",
    "\\",
    "\\\\",
    "\\n",
    "\n",
    "\n\n",
    "a\n",
    "; id",
    "| id",
    "& id",
    "&& id",
    "> x",
    "$(touch pwned)",
    "\"; id; \"",
    "'; id; '",
    "\"$(id)\"",
    "'$(id)'",
    "-n",
    "--help",
    "#",
    " #",
    "E",
    "\nE\n",
    "!",
    "!!",
    "!id",
    "{}",
    "{1}",
    "${1}",
    "\"${1}\"",
    "}",
    "{",
    ")",
    "(",
    "esac",
    ";;",
    "\r",
    "\t",
    "My brother's 12\" *** record  (costs $$$).jpg",
    "\xff\xfe",
    "\x80",
    "\xc3\xa9",
    "%s%n",
    "$'\\x41'",
    "a[$(id)]",
    "x=1",
    "\x7f\x01\x1b[0m",
};

static void test_hostile_values_come_out_as_they_are (void **state)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        for (size_t j = i % 3; j < sizeof hostile / sizeof *hostile; j += 3)
            expect_exactly (places[i], shells[(i + j) % SHELLS], hostile[j], strlen (hostile[j]));
    }
}

//  Any byte but NUL, the odd ones more often.
static size_t random_value (char *value)
{
    static const char odd[] = "'\"\\$`(){}[];&|<>*?#~! \t\n\r-=%^";
    size_t size = random_below (60);
    for (size_t i = 0; i < size; i++)
        value[i] = random_below (2) ? odd[random_below (sizeof odd - 1)] : (char)(1 + random_below (255));
    return size;
}

static void test_random_bytes_come_out_as_they_are (void **state)
{
    char value[64];
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        for (int j = 0; j < 8; j++)
            expect_exactly (places[i], shells[j % SHELLS], value, random_value (value));
    }
}

//  What is refused, and a word of why.
static const char *const refused[][2] = {
    {"echo '{}'", "single quotes"},
    {"echo 'a'\"b\"'{}'", "single quotes"},
    {"sh -c 'echo {}'", "single quotes"},
    {"awk '{print $1, \"{}\"}'", "single quotes"},
    {"echo \"$(echo '{}')\"", "single quotes"},
    {"echo a # {}", "comment"},
    {"# {}\necho", "comment"},
    {"echo $(echo # {}\n)", "comment"},
    {"cat <<E\n{}\nE\n", "here-document"},
    {"cat <<'E'\n{}\nE\n", "here-document"},
    {"cat <<-E\n\tx\n\t{}\n\tE\n", "here-document"},
    {"cat << E; echo {}\n{}\nE\n", "here-document"},
    {"cat <<E\nx\nE \n{}\nE\n", "here-document"},
    {"cat <<{}\nx\n{}", "here-document"},
    {"cat <<E\\x\nx\nEx\necho {}", "here-document"},
    {"cat <<A <<B\nx\nA\nx\nB\necho {}", "here-document"},
    {"echo ${x:-{}}", "${...}"},
    {"echo \"${x:-{}}\"", "${...}"},
    {"echo ${x:-$(echo {})}", "${...}"},
    {"echo $(({} + 1))", "arithmetic"},
    {"echo \"$(({} + 1))\"", "arithmetic"},
    {"echo $(( $(echo {}) ))", "arithmetic"},
    {"(({} == 1)) && echo", "arithmetic"},
    {"for ((i = {}; i; i--)); do echo; done", "arithmetic"},
    {"echo $[{}]", "$["},
    {"[[ {} -eq 1 ]]", "[[ ]]"},
    {"[[ \"{}\" -eq 1 ]]", "[[ ]]"},
    {"true; [[ $(echo {}) == 1 ]]", "[[ ]]"},
    {"a[{}]=1", "subscript"},
    {"a[1 + {}]=1", "subscript"},
    {"a[\"{}\"]=1", "subscript"},
    {"a[b[1]+{}]=1", "subscript"},
    {"unset a[{}]", "subscript"},
    {"echo \\{}", "backslash"},
    {"echo \"\\{}\"", "backslash"},
    {"echo ${}", "behind a $"},
    {"echo \"${}\"", "behind a $"},
    {"echo ${1}", "behind a $"},
    {"echo \"`echo {}`\"", "backquotes"},
    {"echo `echo \\`echo {}\\``", "backquotes"},
    {"echo `echo \\\\` {}", "backquotes"},
    {"echo $\"{}\"", "$\""},
    {"echo $'a\\'b' {}", "$'...'"},
    {"echo $'{}'", "single quotes"},
    {"echo \"$(case x in x) echo \"{}\";; esac)\"", "case"},
    {"echo \"${x:-'}'}\" {}", "${...}"},
    {"cat <(echo)#'\n{}'", "#"},
    {"echo \"{}", "not closed"},
    {"echo {} 'a", "not closed"},
    {"echo {} $(echo", "not closed"},
    {"echo {} `echo", "not closed"},
    {"echo a '", "not closed"},
};

static void test_wrong_places_are_refused (void **state)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char error[300];
        template_t *template = compile (refused[i][0], NULL, error);
        if (template || !strstr (error, refused[i][1]) || strchr (error, '\n'))
            fail_msg ("%s: %s", refused[i][0], template ? "taken" : error);
        assert_int_equal (errno, EINVAL);
    }
}

static const char *const taken[] = {
    "echo \\\\{}",
    "echo \\${}",
    "echo $${}",
    "echo a#{}",
    "echo 'a'{}'b'",
    "a[0]={}",
    "[ {} = a ]",
    "echo [{}]",
    "echo $1{}",
    "echo \"#{}\"",
    "cat <<< {}",
    "diff <(sort {}) {}",
    "a=( {} )",
    "x() { :; }; x {}",
    "case x in a|b) echo {};; esac",
    "if [[ a == b ]]; then :; fi; echo {}",
    "echo $((1 << 2)) {}",
    "((x = 1)); echo {}",
    "echo {} \\",
    "echo \"a\\\"{}\"",
    "~/bin/x {}",
    "find {} -name '*.c' -exec grep x {} \\;",
    "echo {}{.}{/}{//}{/.}{#}{%}{1}",
    "! grep {}",
    "echo \"it's {}\"",
};

static void test_right_places_are_taken (void **state)
{
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        char error[300];
        template_t *template = compile (taken[i], NULL, error);
        if (!template)
            fail_msg ("%s: %s", taken[i], error);
        template_destroy (&template);
    }
}

static void test_replacement_string_inside_an_operator (void **state)
{
    char error[300];
    char *words[] = {(char *)"cat <<<(x"};
    template_opts_t opts = {.words = words, .count = 1, .replace = "<("};
    assert_null (template_new (&opts, error, sizeof error));
    assert_int_equal (errno, EINVAL);
}

//  Random lines, mostly such as a shell understands: C is a command, W a word. Whatever is taken may do anything but
//  run the value.
static const char *const commands[] = {
    "echo W",
    "echo W",
    "v=W; echo \"$v\"",
    "(C)",
    "{ C; }",
    "C; C",
    "C | cat",
    "case W in *) C;; esac",
    "if C; then C; fi",
    "cat <<E\nW\nE\nC",
    "cat <<-'E'\n\tW\n\tE\nC",
    "C # W\nC",
    "((x = W)); C",
    "[[ W -eq 1 ]]; C",
    "a[W]=1; C",
    "for w in W; do C; done",
    "f() { C; }; f W",
    "C \\\nW",
    "cat <<< W",
    "printf %s W",
    "v=W C",
    "test W = W && C",
    "r=(W W); C",
    "((W)) || C",
    "! C",
    "cat < W; C",
    "echo W <<E W\nW\nE\nC",
};

static const char *const words[] = {
    "{}",      "{}",          "{}",     "a",       "\"W\"",      "'W'",     "$(C)",   "`C`",      "\"$(C)\"", "\"`C`\"",
    "${x:-W}", "\"${x:-W}\"", "${x#W}", "$((W))",  "$((1 + W))", "\\W",     "$W",     "WW",       "$'W'",     "$\"W\"",
    "W#W",     "<(C)",        "$[W]",   "\"W W\"", "a[W]",       "\"a'W\"", "'a\"'W", "$( (C) )", "$((C) )",
};

static const char *const noise[] = {"'", "\"", "`",  "\\", "$",   "(",     ")", "{",  "}", "[",
                                    "]", "#",  "\n", " ",  "<<E", "\nE\n", ";", "{}", "<", "="};

enum { LINE_MAX_BYTES = 600 };

#define PICK(table) table[random_below (sizeof table / sizeof *table)]

static void expand (char *line, const char *rule, int depth)
{
    for (; *rule && strlen (line) < LINE_MAX_BYTES - 100; rule++)
        if (*rule == 'C')
            expand (line, depth ? PICK (commands) : "echo {}", depth - 1);
        else if (*rule == 'W')
            expand (line, depth ? PICK (words) : random_below (2) ? "{}" : "a", depth - 1);
        else
            strncat (line, rule, 1);
}

static void random_line (char *line)
{
    *line = 0;
    expand (line, "C", 1 + (int)random_below (4));
    for (uint32_t i = random_below (3); i < 2; i++) { // at times a piece too many
        char rest[LINE_MAX_BYTES];
        char *at = line + random_below ((uint32_t)strlen (line) + 1);
        strcpy (rest, at);
        strcpy (at, i ? PICK (noise) : "");
        strcat (at, rest);
    }
}

//  A redirection is one only where it is parsed: a line that runs its own expansions may run words.
static const char *const attacks[] = {
    "$(>pwned)",    "`>pwned`",    "; >pwned;",  "\n>pwned\n", "'; >pwned; '",  "\"; >pwned; \"",
    "a[$(>pwned)]", "x[`>pwned`]", ")>pwned;(",  "}; >pwned",  "\nE\n>pwned\n", "'\n>pwned\n'",
    "\\'; >pwned",  "& >pwned &",  "| >pwned |", "))>pwned",   "]]; >pwned",    "\"`>pwned`\"",
};

static void attack (const template_t *template, const char *line, const char *dir)
{
    char text[1000], path[100];
    uint8_t bytes[TASK_MAX];
    const char *value = attacks[random_below (sizeof attacks / sizeof *attacks)];
    rendering_t *rendering = rendering_new ();
    template_task_t task = {
        .n = 1, .slot = 1, .shape = &whole, .data = bytes, .size = make_task (bytes, value, strlen (value))};
    run (template_argv (template, rendering, &task), dir, text, sizeof text);
    rendering_destroy (&rendering);
    snprintf (path, sizeof path, "%s/pwned", dir);
    if (access (path, F_OK) == 0) {
        unlink (path);
        fail_msg ("%s ran the value %s in the line: %s", template_program (template), value, line);
    }
}

static void test_no_random_line_runs_its_value (void **state)
{
    const char *more = getenv ("DISHES_TEST_LINES");
    int wanted = more ? atoi (more) : 300, accepted = 0;
    char dir[] = "/tmp/test-shell-XXXXXX", line[LINE_MAX_BYTES], error[300];
    assert_non_null (mkdtemp (dir));
    if (more)
        seed ^= (uint64_t)getpid () << 20;
    while (accepted < wanted) {
        random_line (line);
        if (!strstr (line, "{}"))
            continue;
        template_t *template = compile (line, shells[random_below (SHELLS)], error);
        accepted += template != NULL;
        if (template)
            attack (template, line, dir);
        template_destroy (&template);
    }
    char *remove[] = {(char *)"/bin/rm", (char *)"-r", dir, NULL};
    run (remove, NULL, error, sizeof error);
}

//  Found by fuzz/template: -I may hold a newline, and the reason shows it.
static void test_a_reason_is_one_line (void **state)
{
    char word[] = "echo '\nX\n'", error[300] = "";
    char *command[] = {word};
    template_opts_t opts = {.words = command, .count = 1, .force_shell = true, .shell = "/bin/sh", .replace = "\nX\n"};
    assert_null (template_new (&opts, error, sizeof error));
    assert_non_null (strstr (error, "?X?"));
    assert_null (strchr (error, '\n'));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_wrong_places_are_refused),
        cmocka_unit_test (test_right_places_are_taken),
        cmocka_unit_test (test_replacement_string_inside_an_operator),
        cmocka_unit_test (test_hostile_values_come_out_as_they_are),
        cmocka_unit_test (test_random_bytes_come_out_as_they_are),
        cmocka_unit_test (test_no_random_line_runs_its_value),
        cmocka_unit_test (test_a_reason_is_one_line),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
