#include "run/template_parts.h"

#include "run/shell.h"
#include "run/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    size_t at, size; // in `bytes`
} span_t;

struct rendering {
    const template_t *template;
    const template_task_t *task;
    value_t *values;
    size_t count, capacity;
    text_t bytes; // the arguments, each ended by NUL
    span_t *args;
    size_t arg_count, arg_capacity;
    char **argv;
    size_t argv_capacity;
    size_t *bases; // of each reference: its first "$N"
    size_t base_capacity;
    text_t text;
    char reason[160];
    bool quote;  // the arguments become text for a shell
    bool failed; // out of memory
};

//  The values

rendering_t *rendering_new (void)
{
    return calloc (1, sizeof (rendering_t));
}

void rendering_destroy (rendering_t **self_p)
{
    rendering_t *self = *self_p;
    if (!self)
        return;
    free (self->values);
    free (self->args);
    free (self->argv);
    free (self->bases);
    text_free (&self->bytes);
    text_free (&self->text);
    free (self);
    *self_p = NULL;
}

//  Room for one more element of `size` bytes.
static bool grow (rendering_t *self, void **items, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity)
        return true;
    size_t wanted = *capacity ? *capacity * 2 : 16;
    while (wanted <= count)
        wanted *= 2;
    void *grown = realloc (*items, wanted * size);
    if (!grown) {
        self->failed = true;
        return false;
    }
    *items = grown;
    *capacity = wanted;
    return true;
}

static void begin (rendering_t *self, const template_t *template, const template_task_t *task)
{
    self->template = template;
    self->task = task;
    self->failed = self->quote = false;
    self->count = self->arg_count = 0;
    self->reason[0] = 0;
    text_clear (&self->bytes);
    text_clear (&self->text);
    const uint8_t *data;
    size_t size;
    if (template->pipe || task->shape->format == BLOCK_WHOLE)
        return; // a block is no argument, and no part of a tag
    value_cursor_t cursor = value_cursor (task->shape, task->data, task->size);
    while (value_next (&cursor, &data, &size))
        if (grow (self, (void **)&self->values, &self->capacity, self->count, sizeof *self->values))
            self->values[self->count++] = (value_t){.data = (const char *)data, .size = size};
}

static bool out_of_memory (const rendering_t *self)
{
    return self->failed || self->bytes.failed || self->text.failed;
}

//  How many values a piece stands for.
static size_t piece_values (const rendering_t *self, const piece_t *piece)
{
    if (piece->kind == PIECE_ALL)
        return self->count;
    return piece->kind == PIECE_NTH && piece->index > self->count ? 0 : 1;
}

//  Value i of those that a piece stands for; digits go into `digits`.
static value_t piece_value (const rendering_t *self, const piece_t *piece, size_t i, char digits[24])
{
    if (piece->kind == PIECE_ALL)
        return value_part (self->values[i], piece->part);
    if (piece->kind == PIECE_NTH)
        return value_part (self->values[piece->index - 1], piece->part);
    unsigned long long number = piece->kind == PIECE_SEQ ? self->task->n : self->task->slot;
    int size = snprintf (digits, 24, "%llu", number);
    return (value_t){.data = digits, .size = (size_t)size};
}

//  Arguments

static void open_arg (rendering_t *self)
{
    if (grow (self, (void **)&self->args, &self->arg_capacity, self->arg_count, sizeof *self->args))
        self->args[self->arg_count] = (span_t){.at = self->bytes.size};
}

static void close_arg (rendering_t *self)
{
    if (self->failed)
        return;
    span_t *arg = &self->args[self->arg_count++];
    arg->size = self->bytes.size - arg->at;
    text_add (&self->bytes, "", 1);
}

static void add_arg (rendering_t *self, const void *data, size_t size)
{
    open_arg (self);
    text_add (&self->bytes, data, size);
    close_arg (self);
}

static void add_value (rendering_t *self, const piece_t *piece, size_t i)
{
    char digits[24];
    value_t value = piece_value (self, piece, i, digits);
    if (self->quote)
        text_add_quoted (&self->bytes, value.data, value.size);
    else
        text_add (&self->bytes, value.data, value.size);
}

static void add_literal (rendering_t *self, const char *data, size_t size)
{
    if (self->quote)
        text_add_literal (&self->bytes, data, size, self->arg_count == 0);
    else
        text_add (&self->bytes, data, size);
}

//  The values that a piece stands for, each but the first in an argument of its own.
static void add_values (rendering_t *self, const piece_t *piece)
{
    for (size_t i = 0, count = piece_values (self, piece); i < count; i++) {
        if (i) {
            close_arg (self);
            open_arg (self);
        }
        add_value (self, piece, i);
    }
}

//  One argument, where `which` is the value of {}; SIZE_MAX for all.
static void add_word_arg (rendering_t *self, const word_t *word, size_t which)
{
    open_arg (self);
    if (word->count == 0)
        add_literal (self, "", 0);
    for (size_t i = 0; i < word->count; i++) {
        const piece_t *piece = &word->pieces[i];
        if (piece->kind == PIECE_TEXT)
            add_literal (self, word->text + piece->at, piece->size);
        else if (piece->kind == PIECE_ALL && which != SIZE_MAX)
            add_value (self, piece, which);
        else
            add_values (self, piece);
    }
    close_arg (self);
}

static void add_word_args (rendering_t *self, const word_t *word)
{
    bool alone = word->count == 1 && word->pieces->kind != PIECE_TEXT;
    if (alone && piece_values (self, word->pieces) == 0)
        return;
    if (!word->all || !self->template->context)
        add_word_arg (self, word, SIZE_MAX);
    else
        for (size_t i = 0; i < self->count; i++)
            add_word_arg (self, word, i);
}

//  A shell line

//  The arguments behind `sh -c LINE dishes`; finds where each reference begins among them.
static void number_references (rendering_t *self)
{
    size_t next = 1, count = self->template->reference_count;
    if (!grow (self, (void **)&self->bases, &self->base_capacity, count, sizeof *self->bases))
        return;
    for (size_t i = 0; i < count; i++) {
        self->bases[i] = next;
        next += piece_values (self, self->template->references[i]);
    }
}

//  ${1}, or "${1}"; several are joined by blanks.
static void add_parameters (rendering_t *self, const piece_t *piece)
{
    const char *open = piece->place == SHELL_BARE ? "\"${" : "${", *close = piece->place == SHELL_BARE ? "}\"" : "}";
    for (size_t i = 0, count = piece_values (self, piece); i < count; i++) {
        text_add (&self->bytes, " ", i ? 1 : 0);
        text_add_string (&self->bytes, open);
        text_add_number (&self->bytes, self->bases[piece->reference] + i);
        text_add_string (&self->bytes, close);
    }
}

static void add_line (rendering_t *self)
{
    const word_t *line = self->template->words;
    open_arg (self);
    for (size_t i = 0; i < line->count && !self->failed; i++)
        if (line->pieces[i].kind == PIECE_TEXT)
            text_add (&self->bytes, line->text + line->pieces[i].at, line->pieces[i].size);
        else
            add_parameters (self, &line->pieces[i]);
    close_arg (self);
}

static void add_references (rendering_t *self)
{
    char digits[24];
    for (size_t i = 0; i < self->template->reference_count; i++) {
        const piece_t *piece = self->template->references[i];
        for (size_t j = 0, count = piece_values (self, piece); j < count; j++) {
            value_t value = piece_value (self, piece, j, digits);
            add_arg (self, value.data, value.size);
        }
    }
}

//  The values, joined by blanks.
static void join_values (rendering_t *self, text_t *text)
{
    for (size_t i = 0; i < self->count; i++) {
        text_add (text, " ", i ? 1 : 0);
        text_add (text, self->values[i].data, self->values[i].size);
    }
}

static void add_shell_args (rendering_t *self)
{
    const template_t *template = self->template;
    add_arg (self, template->shell, strlen (template->shell));
    add_arg (self, "-c", 2);
    if (template->mode == MODE_ITEM) {
        open_arg (self);
        join_values (self, &self->bytes);
        close_arg (self);
        return;
    }
    number_references (self);
    add_line (self);
    add_arg (self, "dishes", 6);
    add_references (self);
}

static void add_args (rendering_t *self)
{
    if (self->template->mode != MODE_WORDS)
        add_shell_args (self);
    else
        for (size_t i = 0; i < self->template->count; i++)
            add_word_args (self, &self->template->words[i]);
}

//  What others see

static bool can_be_args (rendering_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (memchr (self->values[i].data, 0, self->values[i].size)) {
            snprintf (self->reason, sizeof self->reason,
                      "the item holds a NUL byte, which no argument can hold: use --pipe");
            return false;
        }
    for (size_t i = 0; i < self->arg_count; i++)
        if (self->args[i].size > TEMPLATE_VALUE_MAX) {
            snprintf (self->reason, sizeof self->reason, "an argument of %zu bytes is over the limit of %d: use --pipe",
                      self->args[i].size, TEMPLATE_VALUE_MAX);
            return false;
        }
    return true;
}

char **template_argv (const template_t *self, rendering_t *into, const template_task_t *task)
{
    begin (into, self, task);
    add_args (into);
    if (out_of_memory (into) ||
        !grow (into, (void **)&into->argv, &into->argv_capacity, into->arg_count, sizeof *into->argv)) {
        errno = ENOMEM;
        return NULL;
    }
    if (!can_be_args (into)) {
        errno = EINVAL;
        return NULL;
    }
    for (size_t i = 0; i < into->arg_count; i++)
        into->argv[i] = into->bytes.data + into->args[i].at;
    into->argv[into->arg_count] = NULL;
    return into->argv;
}

const char *template_reason (const rendering_t *into)
{
    return into->reason;
}

//  The line as it was written, the values quoted for where they stand.
static void add_line_text (rendering_t *self)
{
    char digits[24];
    const word_t *line = self->template->words;
    for (size_t i = 0; i < line->count; i++) {
        const piece_t *piece = &line->pieces[i];
        if (piece->kind == PIECE_TEXT)
            text_add (&self->text, line->text + piece->at, piece->size);
        for (size_t j = 0, count = piece->kind == PIECE_TEXT ? 0 : piece_values (self, piece); j < count; j++) {
            value_t value = piece_value (self, piece, j, digits);
            text_add (&self->text, " ", j ? 1 : 0);
            if (piece->place == SHELL_BARE)
                text_add_quoted (&self->text, value.data, value.size);
            else
                text_add_escaped (&self->text, value.data, value.size);
        }
    }
}

static void join_args (rendering_t *self)
{
    add_args (self);
    for (size_t i = 0; i < self->arg_count && self->bytes.data; i++) {
        text_add (&self->text, " ", i ? 1 : 0);
        text_add (&self->text, self->bytes.data + self->args[i].at, self->args[i].size);
    }
}

static const char *finish_text (rendering_t *self, size_t *size)
{
    text_add (&self->text, "", 1);
    if (out_of_memory (self)) {
        errno = ENOMEM;
        return NULL;
    }
    *size = self->text.size - 1;
    return self->text.data;
}

const char *template_command (const template_t *self, rendering_t *into, const template_task_t *task, size_t *size)
{
    begin (into, self, task);
    into->quote = true;
    if (self->mode == MODE_LINE)
        add_line_text (into);
    else if (self->mode == MODE_ITEM)
        join_values (into, &into->text);
    else
        join_args (into);
    return finish_text (into, size);
}

const char *template_line (const template_t *self, rendering_t *into, const template_task_t *task, size_t *size)
{
    begin (into, self, task);
    join_args (into);
    return finish_text (into, size);
}
