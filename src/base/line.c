#include "base/line.h"

bool line_is_control (const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    return *at < ' ' || *at == 0x7f || (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0);
}

bool line_is_clean (const char *text)
{
    while (*text && !line_is_control (text))
        text++;
    return !*text;
}

void line_clean (char *text)
{
    for (; *text; text++) {
        bool is_wide = (unsigned char)*text == 0xc2;
        if (!line_is_control (text))
            continue;
        *text = '?';
        if (is_wide)
            *++text = '?';
    }
}
