#include "run/termseq.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WAIT_MAX_MS = 24 * 3600 * 1000, LAST_WAIT_MS = 25 };

static int signal_by_name (const char *name)
{
    if (strncasecmp (name, "SIG", 3) == 0)
        name += 3;
    for (int i = 1; i < NSIG; i++) {
        const char *abbreviation = sigabbrev_np (i);
        if (abbreviation && strcasecmp (abbreviation, name) == 0)
            return i;
    }
    return -1;
}

//  A plain decimal number of at most `limit`; -1 for anything else.
static int32_t number (const char *text, int32_t limit)
{
    int64_t value = 0;
    if (!*text)
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        value = value * 10 + (*text - '0');
        if (value > limit)
            return -1;
    }
    return (int32_t)value;
}

static int read_signal (const char *text)
{
    int value = number (text, NSIG - 1);
    return value > 0 ? value : signal_by_name (text);
}

//  Copies the next field into `field` and steps over its comma.
static int next_field (const char **text, char field[16])
{
    size_t size = strcspn (*text, ",");
    if (size == 0 || size >= 16)
        return -1;
    memcpy (field, *text, size);
    field[size] = 0;
    *text += size + ((*text)[size] == ',' && (*text)[size + 1] ? 1 : 0);
    return 0;
}

static int read_step (const char **text, termseq_t *self)
{
    char field[16];
    if (self->count == TERMSEQ_STEPS - 1 || next_field (text, field) != 0)
        return -1;
    int signal = read_signal (field);
    int32_t wait_ms = LAST_WAIT_MS;
    if (**text && (next_field (text, field) != 0 || (wait_ms = number (field, WAIT_MAX_MS)) < 0))
        return -1;
    if (signal < 0)
        return -1;
    self->step[self->count].signal = signal;
    self->step[self->count++].wait_ms = wait_ms;
    return 0;
}

int termseq_parse (const char *text, termseq_t *self)
{
    termseq_t read = {0};
    do
        if (read_step (&text, &read) != 0) {
            errno = EINVAL;
            return -1;
        }
    while (*text);
    if (read.step[read.count - 1].signal != SIGKILL) {
        read.step[read.count].signal = SIGKILL;
        read.step[read.count++].wait_ms = LAST_WAIT_MS;
    }
    *self = read;
    return 0;
}
