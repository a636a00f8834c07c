#include "run/piece.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_DIGITS = 6 };

static const struct {
    const char *inner; // between the braces, or behind the number
    piece_part_t part;
} parts[] = {{"", PART_WHOLE}, {".", PART_STEM}, {"/", PART_BASE}, {"//", PART_DIR}, {"/.", PART_BASE_STEM}};

static bool match_part (const char *inner, size_t size, piece_part_t *part)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strlen (parts[i].inner) == size && memcmp (parts[i].inner, inner, size) == 0) {
            *part = parts[i].part;
            return true;
        }
    return false;
}

static bool match_number (const char *inner, size_t size, piece_t *piece)
{
    size_t digits = 0;
    piece->index = 0;
    for (; digits < size && inner[digits] >= '0' && inner[digits] <= '9'; digits++) {
        if (digits == INDEX_DIGITS)
            return false;
        piece->index = piece->index * 10 + (uint32_t)(inner[digits] - '0');
    }
    piece->kind = PIECE_NTH;
    return digits && piece->index && match_part (inner + digits, size - digits, &piece->part);
}

//  What stands between { and }.
static bool match_inner (const char *inner, size_t size, bool braces, piece_t *piece)
{
    if (size == 1 && (*inner == '#' || *inner == '%')) {
        piece->kind = *inner == '#' ? PIECE_SEQ : PIECE_SLOT;
        return true;
    }
    piece->kind = PIECE_ALL;
    if (match_part (inner, size, &piece->part))
        return size > 0 || braces;
    return match_number (inner, size, piece);
}

//  Is there a replacement string at `at`? Sets the piece, its size too.
static bool match (const char *at, const char *end, const char *replace, piece_t *piece)
{
    size_t left = (size_t)(end - at), size = replace ? strlen (replace) : 0;
    *piece = (piece_t){.kind = PIECE_ALL};
    if (size && size <= left && memcmp (at, replace, size) == 0) {
        piece->size = size;
        return true;
    }
    if (*at != '{')
        return false;
    const char *close = memchr (at, '}', left < 16 ? left : 16);
    if (!close || !match_inner (at + 1, (size_t)(close - at - 1), !size, piece))
        return false;
    piece->size = (size_t)(close - at + 1);
    return true;
}

typedef struct {
    piece_t *items;
    size_t count, capacity;
} list_t;

static int add (list_t *list, piece_t piece)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 4;
        piece_t *items = realloc (list->items, capacity * sizeof *items);
        if (!items)
            return -1;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = piece;
    return 0;
}

static int add_text (list_t *list, size_t from, size_t to)
{
    return from == to ? 0 : add (list, (piece_t){.kind = PIECE_TEXT, .at = from, .size = to - from});
}

int pieces_find (const char *text, size_t size, const char *replace, piece_t **pieces, size_t *count)
{
    list_t list = {0};
    size_t from = 0, at = 0;
    while (at < size) {
        piece_t piece;
        if (!match (text + at, text + size, replace, &piece)) {
            at++;
            continue;
        }
        piece.at = at;
        if (add_text (&list, from, at) != 0 || add (&list, piece) != 0)
            goto error;
        from = at += piece.size;
    }
    if (add_text (&list, from, size) != 0)
        goto error;
    *pieces = list.items;
    *count = list.count;
    return 0;
error:
    free (list.items);
    return -1;
}

static value_t base_of (value_t value)
{
    const char *slash = value.size ? memrchr (value.data, '/', value.size) : NULL;
    if (!slash)
        return value;
    size_t skip = (size_t)(slash + 1 - value.data);
    return (value_t){.data = slash + 1, .size = value.size - skip};
}

static value_t stem_of (value_t value)
{
    value_t base = base_of (value);
    const char *dot = base.size ? memrchr (base.data, '.', base.size) : NULL;
    return dot ? (value_t){.data = value.data, .size = (size_t)(dot - value.data)} : value;
}

static size_t strip_slashes (const char *data, size_t size)
{
    while (size > 1 && data[size - 1] == '/')
        size--;
    return size;
}

//  As dirname(1).
static value_t dir_of (value_t value)
{
    size_t size = strip_slashes (value.data, value.size);
    const char *slash = size ? memrchr (value.data, '/', size) : NULL;
    if (!slash)
        return (value_t){.data = ".", .size = 1};
    return (value_t){.data = value.data, .size = strip_slashes (value.data, (size_t)(slash + 1 - value.data))};
}

value_t value_part (value_t value, piece_part_t part)
{
    switch (part) {
    case PART_WHOLE:
        break;
    case PART_STEM:
        return stem_of (value);
    case PART_BASE:
        return base_of (value);
    case PART_DIR:
        return dir_of (value);
    case PART_BASE_STEM:
        return stem_of (base_of (value));
    }
    return value;
}
