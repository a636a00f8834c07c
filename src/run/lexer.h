/*  lexer: how far a line of shell has been read, and what is open there. The grammar is in shell.c.
 */
#ifndef DISHES_RUN_LEXER_H
#define DISHES_RUN_LEXER_H

#include "run/shell.h"

enum { FRAMES = 100, NOWHERE = -1 };

typedef enum { F_BARE, F_PAREN, F_SUBST, F_BACKQUOTE, F_DOUBLE, F_BRACE, F_ARITH } kind_t;

//  What is open at some point of the line.
typedef struct {
    kind_t kind;
    const char *refuse; // why no replacement string may stand in it, or NULL
    long word;          // where the unquoted word that is being read began, or NOWHERE
    bool test;          // between [[ and ]]
    int subscript;      // brackets open in NAME[...
    int depth;          // F_ARITH: parentheses open in it
} frame_t;

typedef struct {
    const char *line;
    size_t size, at;
    shell_mark_t *mark, *last; // the next one, and behind the last
    frame_t frame[FRAMES];
    int top;
    const char *unsure; // from here on shells disagree, for this reason
    bool heredoc;       // one begins behind the next newline
    bool heredoc_tabs;  // its lines may begin with tabs (<<-)
    int heredoc_top;
    char heredoc_end[64];
    char *error;
    size_t error_size;
    bool failed;
} lexer_t;

//  The first failure ends the reading: "WHAT at COLUMN ..." as the format has it, and at last `why`.
void lexer_fail (lexer_t *self, const char *format, int width, const char *what, size_t column, const char *why);
void lexer_refuse (lexer_t *self, const char *why); // the next mark may not stand where it does
void lexer_unsure (lexer_t *self, const char *why); // no mark behind this point may stand anywhere

frame_t *lexer_top (lexer_t *self);
void lexer_push (lexer_t *self, kind_t kind, const char *why);
void lexer_pop (lexer_t *self);
bool lexer_within (const lexer_t *self, kind_t kind); // is such a thing open, here or further out?

char lexer_peek (const lexer_t *self, size_t ahead); // 0 behind the end
bool lexer_is_mark (const lexer_t *self, size_t ahead);
size_t lexer_find (const lexer_t *self, size_t from, char c);    // the size of the line when there is none
void lexer_skip_to (lexer_t *self, size_t end, const char *why); // goes on there; a mark before it is refused

bool lexer_is_name (char c);
void lexer_begin_word (lexer_t *self);
void lexer_end_word (lexer_t *self);
void lexer_take_mark (lexer_t *self); // finds its place, or refuses it

#endif
