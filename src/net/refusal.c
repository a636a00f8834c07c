#include "net/refusal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int net_refuse (int number, char *error, size_t error_size, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    vsnprintf (error, error_size, format, args);
    va_end (args);
    errno = number;
    return -1;
}
