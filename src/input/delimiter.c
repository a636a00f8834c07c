#include "input/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

//  Digits to the end of the text, at least one, that make a byte.
static int parse_byte (const char *digits, int base, uint8_t *byte)
{
    const char *allowed = base == 16 ? "0123456789abcdefABCDEF" : "01234567";
    size_t size = strspn (digits, allowed);
    unsigned long value = size && size <= 8 && !digits[size] ? strtoul (digits, NULL, base) : 256;
    if (value > 255) {
        errno = EINVAL;
        return -1;
    }
    *byte = (uint8_t)value;
    return 0;
}

static const char names[] = "abfnrtv\\", meant[] = "\a\b\f\n\r\t\v\\";

int input_delimiter (const char *text, uint8_t *delimiter)
{
    size_t size = strlen (text);
    if (size == 1) {
        *delimiter = (uint8_t)text[0];
        return 0;
    }
    if (size < 2 || text[0] != '\\') {
        errno = EINVAL;
        return -1;
    }
    const char *name = strchr (names, text[1]);
    if (size == 2 && name) {
        *delimiter = (uint8_t)meant[name - names];
        return 0;
    }
    return text[1] == 'x' ? parse_byte (text + 2, 16, delimiter) : parse_byte (text + 1, 8, delimiter);
}

//  One byte of a mark, as it stands or behind a backslash: what it takes of the text; 0: it means nothing.
static size_t parse_mark_byte (const char *text, uint8_t *byte)
{
    *byte = (uint8_t)*text;
    if (*text++ != '\\')
        return 1;
    const char *name = *text ? strchr (names, *text) : NULL;
    if (name) {
        *byte = (uint8_t)meant[name - names];
        return 2;
    }
    char digits[4] = "";
    bool is_hex = *text == 'x';
    size_t size = strspn (text + is_hex, is_hex ? "0123456789abcdefABCDEF" : "01234567"), most = is_hex ? 2 : 3;
    memcpy (digits, text + is_hex, size < most ? size : most);
    return parse_byte (digits, is_hex ? 16 : 8, byte) == 0 ? 1 + is_hex + strlen (digits) : 0;
}

int input_mark (const char *text, mark_t *mark)
{
    mark_t made = {.size = 0};
    while (*text) {
        size_t size = made.size < MARK_BYTES ? parse_mark_byte (text, &made.bytes[made.size++]) : 0;
        if (!size) {
            errno = EINVAL;
            return -1;
        }
        text += size;
    }
    *mark = made;
    return 0;
}
