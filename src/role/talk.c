#include "role/talk.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_BYTES = 1024 };

void talk_say (const talk_t *self, talk_level_t level, const char *format, ...)
{
    if (!self->line)
        return;
    char text[LINE_BYTES];
    va_list args;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 127)
            *at = '?';
    self->line (self->arg, level, text);
}

void talk_trace (const talk_t *self, const char *role, const char *from, const char *event, const char *to)
{
    if (self->is_tracing)
        talk_say (self, TALK_TRACE, "%s: %s -%s-> %s", role, from, event, to);
}
