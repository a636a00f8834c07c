#include "run/envp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SEQ, ATTEMPT, SLOT, PARALLEL_SEQ, PARALLEL_SLOT, NUMBERS, PIPELINE = NUMBERS, DRYER, OURS, ENTRY_BYTES = 48 };

static const char *const names[] = {
    [SEQ] = "DISHES_SEQ",
    [ATTEMPT] = "DISHES_ATTEMPT",
    [SLOT] = "DISHES_SLOT",
    [PARALLEL_SEQ] = "PARALLEL_SEQ",
    [PARALLEL_SLOT] = "PARALLEL_JOBSLOT",
    [PIPELINE] = "DISHES_PIPELINE",
    [DRYER] = "DISHES_DRYER",
    [OURS] = "DISHES_AT",
    [OURS + 1] = "DISHES_KEY",
};

struct envp {
    char **entries;
    char *pipeline, *dryer;
    char number[NUMBERS][ENTRY_BYTES];
};

static bool is_inherited (const char *entry)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size = strlen (names[i]);
        if (strncmp (entry, names[i], size) == 0 && entry[size] == '=')
            return false;
    }
    return true;
}

static int set (char **entry, const char *name, const char *value)
{
    return !value || asprintf (entry, "%s=%s", name, value) >= 0 ? 0 : -1;
}

envp_t *envp_new (const char *pipeline, const char *dryer)
{
    size_t count = 0, at = 0;
    while (environ && environ[count])
        count++;
    envp_t *self = calloc (1, sizeof *self);
    if (!self || !(self->entries = calloc (count + OURS + 1, sizeof *self->entries)) ||
        set (&self->pipeline, names[PIPELINE], pipeline) != 0 || set (&self->dryer, names[DRYER], dryer) != 0) {
        envp_destroy (&self);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        if (is_inherited (environ[i]))
            self->entries[at++] = environ[i];
    for (size_t i = 0; i < NUMBERS; i++)
        self->entries[at++] = self->number[i];
    if (pipeline)
        self->entries[at++] = self->pipeline;
    if (dryer)
        self->entries[at++] = self->dryer;
    return self;
}

void envp_destroy (envp_t **self_p)
{
    envp_t *self = *self_p;
    if (!self)
        return;
    free (self->entries);
    free (self->pipeline);
    free (self->dryer);
    free (self);
    *self_p = NULL;
}

char *const *envp_for (envp_t *self, uint64_t n, uint32_t attempt, uint32_t slot)
{
    const unsigned long long numbers[NUMBERS] = {n, attempt, slot, n, slot};
    for (size_t i = 0; i < NUMBERS; i++)
        snprintf (self->number[i], ENTRY_BYTES, "%s=%llu", names[i], numbers[i]);
    return self->entries;
}
