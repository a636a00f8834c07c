/*  manual: what the tables of options say, as text for the manual, for bash and for zsh. Used by the build only.
 *
 *      manual page PROGRAM < TEMPLATE     the template (scdoc), its line @OPTIONS@ replaced
 *      manual bash|zsh PROGRAM            a completion
 *      manual list PROGRAM                every name of every option, one a line: for the tests
 */
#include <stdio.h>
#include <string.h>

#include "cmd/options_tables.h"

typedef void row_fn (const option_t *row);

static void each_row (program_t program, row_fn *show)
{
    for (const option_group_t *group = options_set (program)->groups; group->rows; group++)
        for (const option_t *row = group->rows; row->names || row->letters; row++)
            show (row);
}

//  What an option is called: "-a" by its letters, "--arg-file" by its first long name. A form takes the dashes and
//  text.
static void each_name_of (const option_t *row, const char *between, const char *letter_form, const char *name_form)
{
    const char *before = "";
    for (const char *letter = row->letters; letter && *letter; letter++, before = between) {
        char text[] = {'-', *letter, 0};
        fputs (before, stdout);
        printf (letter_form, (int)strlen (text), text);
    }
    if (row->names) {
        char text[64];
        snprintf (text, sizeof text, "--%.*s", (int)strcspn (row->names, "|"), row->names);
        fputs (before, stdout);
        printf (name_form, (int)strlen (text), text);
    }
}

static void each_name (const option_t *row, const char *between, const char *form)
{
    each_name_of (row, between, form, form);
}

static bool is_optional (const option_t *row)
{
    return row->argument && row->argument[0] == '[';
}

//  ---- the manual

//  With a backslash before each byte that scdoc takes for more than itself.
static void put_plain (const char *text)
{
    for (; *text; text++) {
        if (strchr ("\\*_#`~", *text))
            putchar ('\\');
        putchar (*text);
    }
}

static void show_page_row (const option_t *row)
{
    each_name (row, ", ", "*%.*s*");
    if (is_optional (row)) {
        printf ("[=_%.*s_]", (int)strcspn (row->argument + 1, "]"), row->argument + 1);
    } else if (row->argument) {
        fputs (" _", stdout);
        put_plain (row->argument);
        putchar ('_');
    }
    fputs ("\n\t", stdout);
    put_plain (row->help);
    fputs ("\n\n", stdout);
}

static void show_options (program_t program)
{
    for (const option_group_t *group = options_set (program)->groups; group->rows; group++) {
        if (group->title)
            printf ("## %s\n\n", group->title);
        for (const option_t *row = group->rows; row->names || row->letters; row++)
            show_page_row (row);
    }
}

static void show_page (program_t program)
{
    char line[4096];
    while (fgets (line, sizeof line, stdin)) {
        if (strcmp (line, "@OPTIONS@\n") == 0)
            show_options (program);
        else
            fputs (line, stdout);
    }
}

//  ---- completions

//  What a value is, by what it is called; NULL: nothing that could be guessed.
static const struct {
    const char *argument, *bash, *zsh;
} kinds[] = {
    {"FILE", "-f", "_files"},
    {"DIR", "-d", "_files -/"},
    {"WHAT", "-W 'block stack drop'", "(block stack drop)"},
};

static size_t kind_of (const option_t *row)
{
    size_t i = 0;
    while (i < sizeof kinds / sizeof *kinds && (!row->argument || strcmp (kinds[i].argument, row->argument) != 0))
        i++;
    return i;
}

static void show_bash_name (const option_t *row)
{
    putchar (' ');
    each_name (row, " ", "%.*s");
}

static void show_bash_value (const option_t *row)
{
    if (row->argument && !is_optional (row))
        show_bash_name (row);
}

static void show_bash_case (const option_t *row)
{
    size_t kind = kind_of (row);
    if (kind == sizeof kinds / sizeof *kinds)
        return;
    fputs ("    ", stdout);
    each_name (row, " | ", "%.*s");
    printf (") mapfile -t COMPREPLY < <(compgen %s -- \"$word\") ;;\n", kinds[kind].bash);
}

//  bash cuts what is typed at = and : too; what has no blank between belongs together. COMPREPLY is for the last part.
static const char bash_words[] = "    local line=$COMP_LINE words=() part name word at=1\n"
                                 "    for part in \"${COMP_WORDS[@]:0:COMP_CWORD+1}\"; do\n"
                                 "        if ((${#words[@]})) && [[ $line != [[:blank:]]* ]]; then\n"
                                 "            words[-1]+=$part\n"
                                 "        else\n"
                                 "            words+=(\"$part\")\n"
                                 "        fi\n"
                                 "        line=${line#*\"$part\"}\n"
                                 "    done\n"
                                 "    word=${words[-1]} name=${words[-2]}\n"
                                 "    while ((at < ${#words[@]} - 1)) && [[ ${words[at]} == -?* ]]; do\n"
                                 "        [[ $valued == *\" ${words[at]} \"* ]] && ((at++))\n"
                                 "        ((at++))\n"
                                 "    done\n"
                                 "    COMPREPLY=()\n";

//  Where in the line we are: behind the first operand, at it or at an option, or at the value of one.
static const char bash_places[] = "    if ((at < ${#words[@]} - 1)); then # behind the first operand\n"
                                  "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
                                  "        return\n"
                                  "    elif [[ $word == --*=* ]] && ((at == ${#words[@]} - 1)); then\n"
                                  "        name=${word%%%%=*} word=${word#*=}\n"
                                  "    elif ((at == ${#words[@]} - 1)); then\n"
                                  "        case $word in\n"
                                  "        -*) mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\") ;;\n"
                                  "        *) mapfile -t COMPREPLY < <(compgen %s -- \"$word\") ;;\n"
                                  "        esac\n"
                                  "        return\n"
                                  "    fi\n";

//  Options end at the first operand, which is a command where the program runs one.
static void show_bash (program_t program)
{
    const char *name = program_name (program);
    bool runs = program == PROGRAM_DISHES || program == PROGRAM_DRYER;
    printf ("# bash completion of %s, made from its table of options\n_%s ()\n{\n    local options=\"", name, name);
    each_row (program, show_bash_name);
    fputs (" \" valued=\"", stdout);
    each_row (program, show_bash_value);
    printf (" \"\n%s", bash_words);
    printf (bash_places, runs ? "-c" : "-f");
    fputs ("    case $name in # the value of an option\n", stdout);
    each_row (program, show_bash_case);
    printf ("    esac\n}\ncomplete -o filenames -F _%s %s\n", name, name);
}

//  With how a value may follow: "-j+", in the same word or the next; "--jobs=", behind that or in the next word.
static void put_zsh_names (const option_t *row)
{
    if (!row->argument)
        each_name (row, ",", "%.*s");
    else if (is_optional (row))
        each_name (row, ",", "%.*s=-");
    else
        each_name_of (row, ",", "%.*s+", "%.*s=");
}

//  Within single quotes, with a backslash before what ends it.
static void put_zsh_text (const char *text, const char *ends)
{
    for (; *text; text++) {
        fputs (*text == '\'' ? "'\\'" : strchr (ends, *text) ? "\\" : "", stdout);
        putchar (*text);
    }
}

static void show_zsh_row (const option_t *row)
{
    size_t kind = kind_of (row);
    bool is_single = !row->names ? strlen (row->letters) == 1 : !row->letters;
    fputs (" \\\n    '", stdout);
    if (is_single) {
        put_zsh_names (row);
    } else {
        putchar ('(');
        each_name (row, " ", "%.*s");
        fputs (")'{", stdout);
        put_zsh_names (row);
        fputs ("}'", stdout);
    }
    putchar ('[');
    put_zsh_text (row->help, "[]\\");
    putchar (']');
    if (row->argument) {
        fputs (is_optional (row) ? "::" : ":", stdout);
        put_zsh_text (is_optional (row) ? "PATH" : row->argument, ":\\");
        printf (":%s", kind < sizeof kinds / sizeof *kinds ? kinds[kind].zsh : " ");
    }
    putchar ('\'');
}

static void show_zsh (program_t program)
{
    bool runs = program == PROGRAM_DISHES || program == PROGRAM_DRYER;
    printf ("#compdef %s\n# made from the table of options of %s\n_arguments -s -S -A '-*'", program_name (program),
            program_name (program));
    each_row (program, show_zsh_row);
    puts (runs ? " \\\n    '*:: :_normal'" : program == PROGRAM_WASHER ? " \\\n    '*:item:_files'" : "");
}

//  ---- for the tests

static void list_row (const option_t *row)
{
    each_name (row, "\n", "%.*s");
    putchar ('\n');
}

static void show_list (program_t program)
{
    each_row (program, list_row);
}

int main (int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*show) (program_t program);
    } forms[] = {{"page", show_page}, {"bash", show_bash}, {"zsh", show_zsh}, {"list", show_list}};
    program_t program = 0;
    size_t form = 0;
    while (argc == 3 && form < sizeof forms / sizeof *forms && strcmp (argv[1], forms[form].name) != 0)
        form++;
    while (argc == 3 && program < PROGRAMS && strcmp (argv[2], program_name (program)) != 0)
        program++;
    if (argc != 3 || form == sizeof forms / sizeof *forms || program == PROGRAMS) {
        fputs ("usage: manual page|bash|zsh|list PROGRAM\n", stderr);
        return 2;
    }
    forms[form].show (program);
    return fflush (stdout) == 0 && !ferror (stdout) ? 0 : 1;
}
