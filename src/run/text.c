#include "run/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 256 };

static bool reserve (text_t *self, size_t size)
{
    if (size <= self->capacity - self->size)
        return true;
    size_t capacity = self->capacity ? self->capacity : FIRST_BYTES;
    while (capacity < self->size + size)
        capacity *= 2;
    char *data = realloc (self->data, capacity);
    if (!data) {
        self->failed = true;
        return false;
    }
    self->data = data;
    self->capacity = capacity;
    return true;
}

void text_add (text_t *self, const void *data, size_t size)
{
    if (size && reserve (self, size)) {
        memcpy (self->data + self->size, data, size);
        self->size += size;
    }
}

void text_add_string (text_t *self, const char *string)
{
    text_add (self, string, strlen (string));
}

void text_add_number (text_t *self, unsigned long long number)
{
    char digits[24];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    text_add (self, digits + at, sizeof digits - at);
}

void text_clear (text_t *self)
{
    self->size = 0;
    self->failed = false;
}

void text_free (text_t *self)
{
    free (self->data);
    *self = (text_t){0};
}

static bool is_plain (unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr ("-_.+/", c));
}

//  The stretches between single quotes in single quotes, the quotes themselves in double ones.
static void add_single_quoted (text_t *self, const char *at, const char *end)
{
    while (at < end) {
        const char *quote = memchr (at, '\'', (size_t)(end - at));
        const char *stop = quote ? quote : end;
        if (stop > at) {
            text_add (self, "'", 1);
            text_add (self, at, (size_t)(stop - at));
            text_add (self, "'", 1);
        }
        if (quote)
            text_add_string (self, "\"'\"");
        at = quote ? quote + 1 : end;
        if (quote && at < end && *at == '\'')
            text_add_string (self, "''"); // as parallel writes two in a row
    }
}

static void add_quoted (text_t *self, const char *data, size_t size, const char *also)
{
    const char *odd = data, *end = data + size;
    while (odd < end && (is_plain ((unsigned char)*odd) || (*odd && strchr (also, *odd))))
        odd++;
    if (size == 0)
        text_add (self, "''", 2);
    else if (odd == end)
        text_add (self, data, size);
    else
        add_single_quoted (self, data, end);
}

void text_add_quoted (text_t *self, const void *data, size_t size)
{
    add_quoted (self, data, size, "");
}

void text_add_literal (text_t *self, const void *data, size_t size, bool first)
{
    add_quoted (self, data, size, first ? ",:@%" : "=,:@%");
}

void text_add_escaped (text_t *self, const void *data, size_t size)
{
    const char *at = data, *end = at + size;
    for (; at < end; at++) {
        if (*at && strchr ("\\\"$`", *at))
            text_add (self, "\\", 1);
        text_add (self, at, 1);
    }
}
