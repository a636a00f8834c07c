#include "run/brake.h"

#include <stdio.h>
#include <string.h>

enum { LOAD_LOOK_MS = 100, MEMORY_LOOK_MS = 10, SHORT_LOOK_MS = 100, MADE_UP_MS = 100, MOST = 1 << 20 };

void brake_init (brake_t *self, const brake_config_t *config)
{
    *self = (brake_t){.config = *config, .stat = "/proc/stat", .meminfo = "/proc/meminfo", .looked_ms = INT64_MIN / 2};
}

//  The number behind a name that begins a line; false where it is not there.
static bool find (const char *path, const char *name, uint64_t *value)
{
    char line[256];
    bool is_found = false;
    size_t size = strlen (name);
    FILE *file = fopen (path, "re");
    while (file && !is_found && fgets (line, sizeof line, file)) {
        unsigned long long number;
        is_found = strncmp (line, name, size) == 0 && sscanf (line + size, "%llu", &number) == 1;
        *value = is_found ? number : *value;
    }
    if (file)
        fclose (file);
    return is_found;
}

//  The least whole number that is not below; 0 for what is negative.
static uint32_t whole_above (double value)
{
    if (value <= 0)
        return 0;
    uint32_t whole = value < MOST ? (uint32_t)value : MOST;
    return whole + (value > whole);
}

//  Each start counts as one more until the next look. Who looks runs too, and is none of them.
static uint32_t load_room (const brake_t *self)
{
    uint64_t running, blocked = 0;
    if (!self->config.load || !find (self->stat, "procs_running", &running))
        return UINT32_MAX;
    find (self->stat, "procs_blocked", &blocked);
    return whole_above (self->config.load - (double)(running + blocked - (running > 0)));
}

static uint32_t memory_room (brake_t *self)
{
    uint64_t available_kb;
    self->is_short = false;
    if (!self->config.memfree_bytes || !find (self->meminfo, "MemAvailable:", &available_kb))
        return UINT32_MAX;
    self->is_short = available_kb * 1024 < self->config.memfree_bytes / 2;
    return available_kb * 1024 >= self->config.memfree_bytes;
}

static bool looks (const brake_t *self)
{
    return self->config.load || self->config.memfree_bytes;
}

static int64_t next_look_ms (const brake_t *self)
{
    return self->looked_ms + (self->config.memfree_bytes ? MEMORY_LOOK_MS : LOAD_LOOK_MS);
}

static void look (brake_t *self, int64_t now_ms)
{
    if (!looks (self) || now_ms < next_look_ms (self))
        return;
    self->looked_ms = now_ms;
    uint32_t by_load = load_room (self), by_memory = memory_room (self);
    self->room = by_load < by_memory ? by_load : by_memory;
}

bool brake_lets (brake_t *self, int64_t now_ms)
{
    look (self, now_ms);
    return !(looks (self) && !self->room) && !(self->config.rate && (double)now_ms < self->next_ms);
}

void brake_started (brake_t *self, int64_t now_ms)
{
    if (self->room && self->room != UINT32_MAX)
        self->room--;
    if (!self->config.rate)
        return;
    double from_ms = self->has_started ? (double)now_ms - MADE_UP_MS : (double)now_ms;
    self->has_started = true;
    self->next_ms = (self->next_ms > from_ms ? self->next_ms : from_ms) + 1000 / self->config.rate;
}

bool brake_is_short (brake_t *self, int64_t now_ms)
{
    look (self, now_ms);
    return self->is_short;
}

//  A rate that is low enough has no next start that a clock shows.
static int64_t next_start_ms (const brake_t *self)
{
    return self->next_ms < (double)INT64_MAX / 2 ? (int64_t)self->next_ms + 1 : INT64_MAX;
}

int64_t brake_due_ms (const brake_t *self, bool is_held_back)
{
    int64_t due_ms = INT64_MAX;
    if (is_held_back && self->config.rate)
        due_ms = next_start_ms (self);
    if (is_held_back && looks (self) && !self->room)
        due_ms = next_look_ms (self);
    if (self->config.memfree_bytes && due_ms > self->looked_ms + SHORT_LOOK_MS)
        due_ms = self->looked_ms + SHORT_LOOK_MS;
    return due_ms;
}
