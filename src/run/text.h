/*  text: bytes that grow at the end. Running out of memory is remembered, so that it is asked about once.
 */
#ifndef DISHES_RUN_TEXT_H
#define DISHES_RUN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

//  {0} is empty. text_free gives the memory back; text_clear keeps it.
typedef struct {
    char *data;
    size_t size, capacity; // bytes
    bool failed;           // something did not fit into memory since the last clear
} text_t;

void text_add (text_t *self, const void *data, size_t size);
void text_add_string (text_t *self, const char *string);
void text_add_number (text_t *self, unsigned long long number);
void text_clear (text_t *self);
void text_free (text_t *self);

//  Quoted for a POSIX shell as GNU parallel does: bare when it is not empty and consists of letters, digits and
//  - _ . + /, else in single quotes, a single quote as '"'"', no empty quotes at either end.
void text_add_quoted (text_t *self, const void *data, size_t size);

//  The same for a part of the command itself, left as it is where a shell would not touch it: = , : @ % are bare too,
//  but = not in the first word, where it would be an assignment. Nothing at all is ''.
void text_add_literal (text_t *self, const void *data, size_t size, bool first);

//  Quoted for a place within double quotes.
void text_add_escaped (text_t *self, const void *data, size_t size);

#endif
