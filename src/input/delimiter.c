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

int input_delimiter (const char *text, uint8_t *delimiter)
{
    static const char names[] = "abfnrtv\\", bytes[] = "\a\b\f\n\r\t\v\\";
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
        *delimiter = (uint8_t)bytes[name - names];
        return 0;
    }
    return text[1] == 'x' ? parse_byte (text + 2, 16, delimiter) : parse_byte (text + 1, 8, delimiter);
}
