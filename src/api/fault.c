#include "api/fault.h"
#include "base/line.h"
#include "dishes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FAULT_BYTES = 512 };

static _Thread_local char text[FAULT_BYTES];

int fault_keep (int error, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    line_clean (text);
    errno = error;
    return -1;
}

int fault_errno (int error, const char *what)
{
    char said[128];
    return fault_keep (error, "%s: %s", what, strerror_r (error, said, sizeof said));
}

const char *dishes_error (void)
{
    return text;
}

const char *dishes_version (void)
{
    return DISHES_VERSION;
}
