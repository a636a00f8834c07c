#include "run/template_parts.h"

#include "run/shell.h"
#include "run/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int find_pieces (word_t *word, const char *replace)
{
    if (pieces_find (word->text, strlen (word->text), replace, &word->pieces, &word->count) != 0)
        return -1;
    for (size_t i = 0; i < word->count; i++)
        word->all = word->all || word->pieces[i].kind == PIECE_ALL;
    return 0;
}

static int add_word (template_t *self, const char *text, const char *replace)
{
    word_t *words = realloc (self->words, (self->count + 1) * sizeof *words);
    if (!words)
        return -1;
    self->words = words;
    self->words[self->count] = (word_t){.text = strdup (text)};
    if (!words[self->count++].text)
        return -1;
    return find_pieces (&words[self->count - 1], replace);
}

static bool has_replacement (const template_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        for (size_t j = 0; j < self->words[i].count; j++)
            if (self->words[i].pieces[j].kind != PIECE_TEXT)
                return true;
    return false;
}

//  One single word that only a shell understands, replacement strings taken out.
static bool looks_like_shell (const template_t *self)
{
    const word_t *word = self->words;
    for (size_t i = 0; self->count == 1 && i < word->count; i++)
        if (word->pieces[i].kind == PIECE_TEXT && shell_wanted (word->text + word->pieces[i].at, word->pieces[i].size))
            return true;
    return false;
}

static void drop_words (template_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free (self->words[i].text);
        free (self->words[i].pieces);
    }
    self->count = 0;
}

//  All words become one, joined by blanks; the values go last where they are not named.
static int join_words (template_t *self, const char *replace, bool is_fed)
{
    text_t line = {0};
    for (size_t i = 0; i < self->count; i++) {
        text_add (&line, " ", i ? 1 : 0);
        text_add_string (&line, self->words[i].text);
    }
    if (!is_fed && !has_replacement (self)) {
        text_add (&line, " ", 1);
        text_add_string (&line, replace ? replace : "{}");
    }
    text_add (&line, "", 1);
    drop_words (self);
    int rc = line.failed ? -1 : add_word (self, line.data, replace);
    text_free (&line);
    return rc;
}

static int find_places (word_t *word, char *error, size_t error_size)
{
    shell_mark_t *marks = calloc (word->count + 1, sizeof *marks);
    size_t count = 0;
    if (!marks)
        return -1;
    for (size_t i = 0; i < word->count; i++)
        if (word->pieces[i].kind != PIECE_TEXT)
            marks[count++] = (shell_mark_t){.at = word->pieces[i].at, .size = word->pieces[i].size};
    int rc = shell_check (word->text, strlen (word->text), marks, count, error, error_size);
    for (size_t i = 0, j = 0; i < word->count; i++)
        if (word->pieces[i].kind != PIECE_TEXT)
            word->pieces[i].place = (int)marks[j++].place;
    int kept = errno;
    free (marks);
    errno = kept;
    return rc;
}

static bool same_piece (const piece_t *one, const piece_t *two)
{
    return one->kind == two->kind && one->part == two->part && one->index == two->index;
}

static int find_references (template_t *self)
{
    word_t *line = self->words;
    self->references = calloc (line->count + 1, sizeof *self->references);
    if (!self->references)
        return -1;
    for (size_t i = 0; i < line->count; i++) {
        piece_t *piece = &line->pieces[i];
        size_t at = 0;
        while (at < self->reference_count && !same_piece (self->references[at], piece))
            at++;
        piece->reference = (uint32_t)at;
        if (at == self->reference_count && piece->kind != PIECE_TEXT)
            self->references[self->reference_count++] = piece;
    }
    return 0;
}

//  Shells that do not know "${1}", or know it as something else.
static bool is_other_shell (const char *path)
{
    static const char *const others[] = {"csh", "tcsh", "fish", "rc", "es", "nu", "elvish", "xonsh", "pwsh"};
    const char *slash = strrchr (path, '/'), *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp (name, others[i]) == 0)
            return true;
    return false;
}

static int compile_line (template_t *self, const template_opts_t *opts, char *error, size_t error_size)
{
    self->mode = MODE_LINE;
    if (is_other_shell (self->shell)) {
        snprintf (error, error_size, "%s is not a POSIX shell, values cannot be given to it safely: use sh or bash",
                  self->shell);
        errno = EINVAL;
        return -1;
    }
    if (join_words (self, opts->replace, opts->is_filter || opts->pipe) != 0 ||
        find_places (self->words, error, error_size) != 0)
        return -1;
    return find_references (self);
}

//  The first piece of one of these kinds (bits), as it is written. False where there is none.
static bool find_kind (const template_t *self, unsigned kinds, value_t *found)
{
    for (size_t i = 0; i < self->count; i++)
        for (size_t j = 0; j < self->words[i].count; j++) {
            const piece_t *piece = &self->words[i].pieces[j];
            if (!(kinds & 1u << piece->kind))
                continue;
            *found = (value_t){.data = self->words[i].text + piece->at, .size = piece->size};
            return true;
        }
    return false;
}

//  What runs before there is a value cannot name it.
static int check_filter (const template_t *self, char *error, size_t error_size)
{
    value_t found;
    if (!find_kind (self, 1u << PIECE_ALL | 1u << PIECE_NTH | 1u << PIECE_SEQ, &found))
        return 0;
    snprintf (error, error_size,
              "'%.*s' has no value in a command of --filter, which gets its items as lines: leave it out, or "
              "use -I for another replacement string",
              (int)found.size, found.data);
    errno = EINVAL;
    return -1;
}

//  --pipe: what stands in the command must not be the items, and without a command there is nothing to read them.
static int check_pipe (const template_t *self, char *error, size_t error_size)
{
    value_t found;
    bool is_named = find_kind (self, 1u << PIECE_ALL | 1u << PIECE_NTH, &found);
    if (self->count && !is_named)
        return 0;
    if (is_named)
        snprintf (error, error_size, "with --pipe the items are the stdin of COMMAND: leave out '%.*s'",
                  (int)found.size, found.data);
    else
        snprintf (error, error_size, "--pipe needs COMMAND, which reads the items on its stdin: give one");
    errno = EINVAL;
    return -1;
}

static int compile (template_t *self, const template_opts_t *opts, char *error, size_t error_size)
{
    self->context = opts->context;
    self->pipe = opts->pipe;
    self->shell = strdup (shell_path (opts->shell));
    if (!self->shell)
        return -1;
    for (size_t i = 0; i < opts->count; i++)
        if (add_word (self, opts->words[i], opts->replace) != 0)
            return -1;
    if (opts->is_filter && check_filter (self, error, error_size) != 0)
        return -1;
    if (self->pipe && check_pipe (self, error, error_size) != 0)
        return -1;
    if (!opts->count)
        self->mode = MODE_ITEM;
    else if (opts->force_shell || looks_like_shell (self))
        return compile_line (self, opts, error, error_size);
    else if (!opts->is_filter && !opts->pipe && !has_replacement (self))
        return add_word (self, opts->replace ? opts->replace : "{}", opts->replace);
    return 0;
}

static bool good_replace (const char *replace, char *error, size_t error_size)
{
    if (!replace || *replace)
        return true;
    snprintf (error, error_size, "the replacement string of -I is empty");
    errno = EINVAL;
    return false;
}

//  The one way out of a constructor that failed.
static template_t *give_up (template_t *self, char *error, size_t error_size)
{
    int kept = errno;
    if (kept == ENOMEM)
        snprintf (error, error_size, "out of memory");
    template_destroy (&self);
    errno = kept;
    return NULL;
}

template_t *template_new (const template_opts_t *opts, char *error, size_t error_size)
{
    if (!good_replace (opts->replace, error, error_size))
        return NULL;
    template_t *self = calloc (1, sizeof *self);
    if (!self || compile (self, opts, error, error_size) != 0)
        return give_up (self, error, error_size);
    return self;
}

template_t *template_text_new (const char *text, const char *replace, char *error, size_t error_size)
{
    if (!good_replace (replace, error, error_size))
        return NULL;
    template_t *self = calloc (1, sizeof *self);
    if (!self || add_word (self, text, replace) != 0)
        return give_up (self, error, error_size);
    return self;
}

template_t *template_tag_new (const char *tagstring, const char *replace, char *error, size_t error_size)
{
    const char *item = replace ? replace : "{}";
    return template_text_new (*tagstring ? tagstring : item, replace, error, error_size);
}

void template_destroy (template_t **self_p)
{
    template_t *self = *self_p;
    if (!self)
        return;
    drop_words (self);
    free (self->words);
    free (self->references);
    free (self->shell);
    free (self);
    *self_p = NULL;
}

const char *template_program (const template_t *self)
{
    if (self->mode != MODE_WORDS)
        return self->shell;
    const word_t *word = self->words;
    return word->count == 0 || (word->count == 1 && word->pieces->kind == PIECE_TEXT) ? word->text : NULL;
}

bool template_is_shell (const template_t *self)
{
    return self->mode != MODE_WORDS;
}
