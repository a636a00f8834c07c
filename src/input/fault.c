#include "input/fault.h"
#include "base/line.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int fault_set (fault_t *self, int number, const char *format, ...)
{
    if (!self->number) {
        va_list list;
        va_start (list, format);
        vsnprintf (self->text, sizeof self->text, format, list);
        va_end (list);
        line_clean (self->text); // a file's name may hold anything
        self->number = number;
    }
    errno = self->number;
    return -1;
}
