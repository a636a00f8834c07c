#include "run/shell.h"

#include "run/lexer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char in_single[] = "inside single quotes, where it would be text: close them around it, as in 'a'{}'b'";
static const char in_comment[] = "in a comment: take it out, or quote the #";
static const char in_heredoc[] = "in a here-document: use printf '%s\\n' {} | COMMAND";
static const char in_brace[] = "inside ${...}: assign it before, as in v={}; echo \"${v%.c}\"";
static const char in_arith[] =
    "in arithmetic, which a shell would evaluate: use expr {} + 1, or put a blank between ( (";
static const char after_backslash[] = "behind a backslash: write \\\\{} for a backslash, or leave it out";
static const char after_dollar[] = "behind a $: write \\${} for a dollar sign; for a shell's own ${1} write $1";
static const char in_quoted_backquotes[] = "in backquotes inside quotes: write $(...) instead of them";
static const char in_locale[] = "inside $\"...\": leave out the $";
static const char unsure_backquote[] = "behind a backslash in backquotes: write $(...) instead of them";
static const char unsure_ansi[] = "behind a $'...' with a backslash, which shells read differently: use printf";
static const char unsure_heredoc[] = "behind a here-document that ends in an unusual way: use printf instead";
static const char unsure_bracket[] = "behind $[, which shells read differently: use $(( ))";
static const char unsure_arith[] = "behind a (( that shells may read differently: put a blank between ( (";
static const char unsure_brace[] = "behind quotes inside a quoted ${...}, which shells read differently";
static const char unsure_hash[] = "behind a # that follows < > or ): quote it";

static void lex_backslash (lexer_t *self)
{
    if (lexer_is_mark (self, 1)) {
        lexer_refuse (self, after_backslash);
        return;
    }
    if (lexer_within (self, F_BACKQUOTE))
        lexer_unsure (self, unsure_backquote);
    if (lexer_peek (self, 1) != '\n')
        lexer_begin_word (self);
    self->at += self->at + 1 < self->size ? 2 : 1;
}

static void lex_single (lexer_t *self)
{
    lexer_begin_word (self);
    size_t close = lexer_find (self, self->at + 1, '\'');
    if (lexer_within (self, F_BACKQUOTE) && lexer_find (self, self->at + 1, '`') < close)
        lexer_unsure (self, unsure_backquote);
    if (close == self->size && !self->unsure)
        lexer_fail (self, "the shell line has %.*s at column %zu that is not closed%s", 14, "a single quote",
                    self->at + 1, "");
    else
        lexer_skip_to (self, close < self->size ? close + 1 : close, self->unsure ? self->unsure : in_single);
}

//  $'...': a backslash before a quote closes it in some shells only.
static void lex_ansi (lexer_t *self)
{
    size_t close = lexer_find (self, self->at + 2, '\'');
    if (lexer_find (self, self->at + 2, '\\') < close)
        lexer_unsure (self, unsure_ansi);
    self->at++;
    lex_single (self);
}

static void lex_dollar_bare (lexer_t *self)
{
    if (lexer_peek (self, 1) == '\'') {
        lex_ansi (self);
    } else if (lexer_peek (self, 1) == '"') {
        lexer_push (self, F_DOUBLE, in_locale);
        self->at += 2;
    } else {
        self->at++;
    }
}

static void lex_open (lexer_t *self, kind_t kind, size_t size, const char *why)
{
    lexer_push (self, kind, why);
    self->at += size;
}

static void lex_dollar (lexer_t *self)
{
    char next = lexer_peek (self, 1);
    lexer_begin_word (self);
    if (lexer_is_mark (self, 1))
        lexer_refuse (self, after_dollar);
    else if (next == '(' && lexer_peek (self, 2) == '(')
        lex_open (self, F_ARITH, 3, in_arith);
    else if (next == '(')
        lex_open (self, F_SUBST, 2, NULL);
    else if (next == '{')
        lex_open (self, F_BRACE, 2, in_brace);
    else if (next == '[')
        lexer_unsure (self, unsure_bracket), self->at += 2;
    else if (next && strchr ("$#?!@*-", next))
        self->at += 2;
    else if (lexer_top (self)->kind == F_DOUBLE)
        self->at++;
    else
        lex_dollar_bare (self);
}

//  Backquotes end at the next backquote, whatever is open between.
static void lex_backquote (lexer_t *self)
{
    if (lexer_top (self)->kind == F_BACKQUOTE) {
        lexer_end_word (self);
        lexer_pop (self);
    } else if (lexer_within (self, F_BACKQUOTE)) {
        lexer_unsure (self, unsure_backquote);
    } else {
        lexer_begin_word (self);
        lexer_push (self, F_BACKQUOTE, lexer_within (self, F_DOUBLE) ? in_quoted_backquotes : NULL);
    }
    self->at++;
}

static void lex_close (lexer_t *self)
{
    lexer_end_word (self);
    kind_t kind = lexer_top (self)->kind;
    if (kind == F_PAREN || kind == F_SUBST)
        lexer_pop (self);
    if (kind == F_PAREN)
        lexer_top (self)->word = NOWHERE;
    self->at++;
}

static void lex_paren (lexer_t *self)
{
    lexer_end_word (self);
    lexer_push (self, F_PAREN, lexer_peek (self, 1) == '(' ? in_arith : NULL);
    self->at++;
}

static void lex_comment (lexer_t *self)
{
    char before = self->at ? self->line[self->at - 1] : 0;
    if (before && strchr ("<>)", before))
        lexer_unsure (self, unsure_hash);
    size_t end = lexer_find (self, self->at, '\n');
    if (lexer_within (self, F_BACKQUOTE) && lexer_find (self, self->at, '`') < end)
        end = lexer_find (self, self->at, '`');
    lexer_skip_to (self, end, self->unsure ? self->unsure : in_comment);
}

//  The word behind << or <<-: a plain name, or one in quotes; anything else is left to the shell.
static bool read_heredoc_end (lexer_t *self)
{
    char quote = lexer_peek (self, 0) == '\'' || lexer_peek (self, 0) == '"' ? lexer_peek (self, 0) : 0;
    self->at += quote ? 1 : 0;
    size_t size = 0;
    while (lexer_is_name (lexer_peek (self, size)))
        size++;
    if (size == 0 || size >= sizeof self->heredoc_end || lexer_is_mark (self, size))
        return false;
    memcpy (self->heredoc_end, self->line + self->at, size);
    self->heredoc_end[size] = 0;
    self->at += size;
    if (quote && lexer_peek (self, 0) != quote)
        return false;
    self->at += quote ? 1 : 0;
    return !lexer_peek (self, 0) || strchr (" \t\n;&|<>()", lexer_peek (self, 0));
}

static void lex_heredoc (lexer_t *self)
{
    self->at += 2;
    self->heredoc_tabs = lexer_peek (self, 0) == '-';
    self->at += self->heredoc_tabs ? 1 : 0;
    while (lexer_peek (self, 0) == ' ' || lexer_peek (self, 0) == '\t')
        self->at++;
    bool usual =
        !self->heredoc && !lexer_within (self, F_BACKQUOTE) && !lexer_top (self)->refuse && read_heredoc_end (self);
    if (!usual)
        lexer_unsure (self, unsure_heredoc);
    self->heredoc = usual;
    self->heredoc_top = self->top;
}

static void lex_less (lexer_t *self)
{
    lexer_end_word (self);
    if (lexer_peek (self, 1) == '<' && lexer_peek (self, 2) == '<')
        self->at += 3;
    else if (lexer_peek (self, 1) == '<')
        lex_heredoc (self);
    else
        self->at++;
}

//  Skips the lines up to the one that ends the here-document.
static void skip_heredoc (lexer_t *self)
{
    size_t line = self->at, size = strlen (self->heredoc_end);
    self->heredoc = false;
    while (line < self->size) {
        size_t end = lexer_find (self, line, '\n'), from = line;
        while (self->heredoc_tabs && from < end && self->line[from] == '\t')
            from++;
        line = end < self->size ? end + 1 : end;
        if (end - from == size && memcmp (self->line + from, self->heredoc_end, size) == 0)
            break;
    }
    lexer_skip_to (self, line, in_heredoc);
}

static void lex_newline (lexer_t *self)
{
    lexer_end_word (self);
    self->at++;
    if (self->heredoc && self->heredoc_top != self->top)
        lexer_unsure (self, unsure_heredoc);
    if (self->heredoc)
        skip_heredoc (self);
}

static void lex_separator (lexer_t *self)
{
    lexer_end_word (self);
    self->at++;
}

static void lex_quote (lexer_t *self)
{
    lexer_begin_word (self);
    lex_open (self, F_DOUBLE, 1, NULL);
}

static void lex_hash (lexer_t *self)
{
    if (lexer_top (self)->word == NOWHERE)
        lex_comment (self);
    else
        self->at++;
}

//  NAME[ begins a subscript, which may hold blanks and lasts until its bracket closes.
static void lex_bracket (lexer_t *self)
{
    frame_t *frame = lexer_top (self);
    if (frame->subscript || (frame->word != NOWHERE && lexer_is_name (self->line[self->at - 1])))
        frame->subscript++;
    lexer_begin_word (self);
    self->at++;
}

static void lex_close_bracket (lexer_t *self)
{
    if (lexer_top (self)->subscript)
        lexer_top (self)->subscript--;
    lexer_begin_word (self);
    self->at++;
}

static const struct {
    char c;
    void (*lex) (lexer_t *self);
} bare_table[] = {
    {'\\', lex_backslash}, {'\'', lex_single},    {'"', lex_quote},         {'`', lex_backquote}, {'$', lex_dollar},
    {'(', lex_paren},      {')', lex_close},      {'#', lex_hash},          {'<', lex_less},      {'\n', lex_newline},
    {' ', lex_separator},  {'\t', lex_separator}, {';', lex_separator},     {'&', lex_separator}, {'|', lex_separator},
    {'>', lex_separator},  {'[', lex_bracket},    {']', lex_close_bracket},
};

static void lex_bare (lexer_t *self)
{
    for (size_t i = 0; i < sizeof bare_table / sizeof *bare_table; i++)
        if (self->line[self->at] == bare_table[i].c) {
            bare_table[i].lex (self);
            return;
        }
    lexer_begin_word (self);
    self->at++;
}

static void lex_double (lexer_t *self)
{
    char c = self->line[self->at];
    if (c == '\\')
        lex_backslash (self);
    else if (c == '$')
        lex_dollar (self);
    else if (c == '`')
        lex_backquote (self);
    else {
        if (c == '"')
            lexer_pop (self);
        self->at++;
    }
}

//  Inside ${...}. Quotes in one that is itself quoted mean different things to different shells.
static void lex_brace (lexer_t *self)
{
    char c = self->line[self->at];
    bool quote = c == '\'' || c == '"';
    if (quote && lexer_within (self, F_DOUBLE))
        lexer_unsure (self, unsure_brace);
    if (quote && self->unsure)
        self->at++;
    else if (c == '\'')
        lex_single (self);
    else if (c == '"')
        lex_quote (self);
    else if (c == '}') {
        lexer_pop (self);
        self->at++;
    } else
        lex_double (self);
}

static void close_arith (lexer_t *self)
{
    frame_t *frame = lexer_top (self);
    bool end = frame->depth == 0;
    if (end && lexer_peek (self, 1) != ')')
        lexer_unsure (self, unsure_arith); // it was $( (...) ... )
    self->at += end ? 2 : 1;
    if (end)
        lexer_pop (self);
    else
        frame->depth--;
}

//  Inside $((...)), which may turn out to be $( (...) ).
static void lex_arith (lexer_t *self)
{
    char c = self->line[self->at];
    if (c == '\'' || c == '\n' || c == '"' || c == '#')
        lexer_unsure (self, unsure_arith);
    if (c == ')')
        close_arith (self);
    else if (c == '(') {
        lexer_top (self)->depth++;
        self->at++;
    } else if (c == '"' || c == '\'')
        self->at++;
    else
        lex_double (self);
}

static void (*const lex_table[]) (lexer_t *self) = {
    [F_BARE] = lex_bare,     [F_PAREN] = lex_bare,  [F_SUBST] = lex_bare,  [F_BACKQUOTE] = lex_bare,
    [F_DOUBLE] = lex_double, [F_BRACE] = lex_brace, [F_ARITH] = lex_arith,
};

static const char *const open_names[] = {
    [F_BARE] = "nothing",          [F_PAREN] = "a parenthesis", [F_SUBST] = "a $(", [F_BACKQUOTE] = "a backquote",
    [F_DOUBLE] = "a double quote", [F_BRACE] = "a ${",          [F_ARITH] = "a $(("};

int shell_check (const char *line, size_t size, shell_mark_t *marks, size_t count, char *error, size_t error_size)
{
    lexer_t *self = calloc (1, sizeof *self);
    if (!self) {
        snprintf (error, error_size, "out of memory");
        return -1;
    }
    *self = (lexer_t){.line = line,
                      .size = size,
                      .mark = marks,
                      .last = marks + count,
                      .frame = {{.word = NOWHERE}},
                      .error = error,
                      .error_size = error_size};
    while (self->at < size && !self->failed)
        if (lexer_is_mark (self, 0))
            lexer_take_mark (self);
        else
            lex_table[lexer_top (self)->kind](self);
    if (self->top && !self->unsure && !self->failed) {
        const char *name = open_names[lexer_top (self)->kind];
        lexer_fail (self, "the shell line has %.*s that is not closed (seen at column %zu)%s", (int)strlen (name), name,
                    size, "");
    }
    if (self->mark < self->last)
        lexer_refuse (self, "in a place that this cannot judge"); // inside an operator: -I '<'
    int rc = self->failed ? -1 : 0;
    free (self);
    errno = rc ? EINVAL : errno;
    return rc;
}

bool shell_wanted (const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] && strchr (" \t\n|&;<>()$\"'*?[#~`\\", text[i]))
            return true;
    return false;
}

const char *shell_path (const char *path)
{
    const char *names[] = {"DISHES_SHELL", "PARALLEL_SHELL"};
    for (size_t i = 0; i < 2 && !(path && *path); i++)
        path = getenv (names[i]);
    return path && *path ? path : "/bin/sh";
}
