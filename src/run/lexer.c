#include "run/lexer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char in_test[] = "inside [[ ]], which bash may evaluate: use [ ] or case";
static const char in_subscript[] = "in a subscript, which bash would evaluate: take it out of [ ]";
static const char unsure_case[] = "behind a case inside $(...): put the case into a script, or {} before it";
static const char unsure_deep[] = "behind too many open parentheses";

//  What the user wrote may hold a newline; the error is one line.
static void show_controls (char *text)
{
    for (; *text; text++)
        if (iscntrl ((unsigned char)*text))
            *text = '?';
}

void lexer_fail (lexer_t *self, const char *format, int width, const char *what, size_t column, const char *why)
{
    if (!self->failed && self->error_size) {
        snprintf (self->error, self->error_size, format, width, what, column, why);
        show_controls (self->error);
    }
    self->failed = true;
    self->at = self->size;
}

void lexer_refuse (lexer_t *self, const char *why)
{
    lexer_fail (self, "%.*s at column %zu of the shell line is %s", (int)self->mark->size, self->line + self->mark->at,
                self->mark->at + 1, why);
}

void lexer_unsure (lexer_t *self, const char *why)
{
    if (!self->unsure)
        self->unsure = why;
}

frame_t *lexer_top (lexer_t *self)
{
    return &self->frame[self->top];
}

void lexer_push (lexer_t *self, kind_t kind, const char *why)
{
    if (self->top == FRAMES - 1) {
        lexer_unsure (self, unsure_deep);
        return;
    }
    self->frame[++self->top] = (frame_t){.kind = kind, .refuse = why, .word = NOWHERE};
}

void lexer_pop (lexer_t *self)
{
    self->top--;
}

//  Is something of this kind open, here or further out?
bool lexer_within (const lexer_t *self, kind_t kind)
{
    for (int i = 0; i <= self->top; i++)
        if (self->frame[i].kind == kind)
            return true;
    return false;
}

char lexer_peek (const lexer_t *self, size_t ahead)
{
    return self->at + ahead < self->size ? self->line[self->at + ahead] : 0;
}

bool lexer_is_mark (const lexer_t *self, size_t ahead)
{
    return self->mark < self->last && self->mark->at == self->at + ahead;
}

//  Goes on at `end`; a mark before it is refused.
void lexer_skip_to (lexer_t *self, size_t end, const char *why)
{
    if (self->mark < self->last && self->mark->at < end)
        lexer_refuse (self, why);
    else
        self->at = end;
}

size_t lexer_find (const lexer_t *self, size_t from, char c)
{
    const char *found = from < self->size ? memchr (self->line + from, c, self->size - from) : NULL;
    return found ? (size_t)(found - self->line) : self->size;
}

bool lexer_is_name (char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

void lexer_begin_word (lexer_t *self)
{
    if (lexer_top (self)->word == NOWHERE)
        lexer_top (self)->word = (long)self->at;
}

static bool word_is (const lexer_t *self, const char *word)
{
    size_t from = (size_t)self->frame[self->top].word, size = strlen (word);
    return self->at - from == size && memcmp (self->line + from, word, size) == 0;
}

void lexer_end_word (lexer_t *self)
{
    frame_t *frame = lexer_top (self);
    if (frame->word == NOWHERE)
        return;
    if (word_is (self, "[["))
        frame->test = true;
    if (word_is (self, "]]"))
        frame->test = false;
    if (word_is (self, "case") && lexer_within (self, F_SUBST))
        lexer_unsure (self, unsure_case); // its patterns may end with a lone parenthesis
    frame->word = NOWHERE;
}

static const char *why_not_here (const lexer_t *self)
{
    if (self->unsure)
        return self->unsure;
    for (int i = self->top; i >= 0; i--) {
        if (self->frame[i].refuse)
            return self->frame[i].refuse;
        if (self->frame[i].test)
            return in_test;
        if (self->frame[i].subscript)
            return in_subscript;
    }
    return NULL;
}

void lexer_take_mark (lexer_t *self)
{
    const char *why = why_not_here (self);
    if (why) {
        lexer_refuse (self, why);
        return;
    }
    lexer_begin_word (self);
    self->mark->place = lexer_top (self)->kind == F_DOUBLE ? SHELL_DOUBLE : SHELL_BARE;
    self->at += self->mark->size;
    self->mark++;
}
