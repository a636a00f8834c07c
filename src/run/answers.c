#include "run/answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void answers_init (answers_t *self, const answer_shape_t *shape)
{
    *self = (answers_t){.shape = *shape};
}

void answers_free (answers_t *self)
{
    free (self->data);
    *self = (answers_t){.shape = self->shape};
}

void answers_clear (answers_t *self)
{
    self->size = self->at = self->line = self->seen = 0;
    self->lines = 0;
}

//  What was handed out makes room.
static void close_up (answers_t *self)
{
    if (!self->at)
        return;
    memmove (self->data, self->data + self->at, self->size - self->at);
    self->size -= self->at;
    self->line -= self->at;
    self->seen -= self->at;
    self->at = 0;
}

uint8_t *answers_room (answers_t *self, size_t least, size_t *room)
{
    close_up (self);
    size_t capacity = self->capacity;
    while (capacity - self->size < least)
        capacity = capacity ? capacity * 2 : least;
    if (capacity > self->capacity) {
        uint8_t *grown = realloc (self->data, capacity);
        if (!grown) {
            errno = ENOMEM;
            return NULL;
        }
        self->data = grown;
        self->capacity = capacity;
    }
    *room = self->capacity - self->size;
    return self->data + self->size;
}

void answers_add (answers_t *self, size_t size)
{
    self->size += size;
}

//  Whether a line is the last of its answer.
static bool is_last (answers_t *self, const uint8_t *line, size_t size)
{
    const char *end = self->shape.end;
    if (end)
        return strlen (end) == size && memcmp (end, line, size) == 0;
    return ++self->lines >= self->shape.lines;
}

bool answers_next (answers_t *self, const uint8_t **data, size_t *size)
{
    while (self->seen < self->size) {
        uint8_t *from = self->data + self->seen, *line = self->data + self->line;
        const uint8_t *delimiter = memchr (from, self->shape.delimiter, self->size - self->seen);
        if (!delimiter) {
            self->seen = self->size;
            return false;
        }
        self->seen = self->line = (size_t)(delimiter + 1 - self->data);
        if (!is_last (self, line, (size_t)(delimiter - line)))
            continue;
        const uint8_t *end = self->shape.end ? line : delimiter + 1;
        *data = self->data + self->at;
        *size = (size_t)(end - *data);
        self->at = self->seen;
        self->lines = 0;
        return true;
    }
    return false;
}

size_t answers_rest (const answers_t *self, const uint8_t **data)
{
    *data = self->data + self->at;
    return self->size - self->at;
}
