#include "role/talk.h"
#include "base/line.h"

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
    line_clean (text);
    self->line (self->arg, level, text);
}

void talk_loss (const talk_t *self, const char *reason, const ending_t *ending, bool is_beside_sink)
{
    if (*reason)
        talk_say (self, TALK_ERROR, "%s", reason);
    else if (!is_beside_sink)
        talk_say (self, TALK_ERROR, "the sink gave up%s%s", *ending->why ? ": " : "", ending->why);
}

void talk_trace (const talk_t *self, const char *role, const char *from, const char *event, const char *to)
{
    if (self->is_tracing)
        talk_say (self, TALK_TRACE, "%s: %s -%s-> %s", role, from, event, to);
}
