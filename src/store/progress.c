#include "store/progress.h"
#include "base/units.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TERMINAL_INTERVAL_MS = 100,
    LINES_INTERVAL_MS = 1000,      // the first one elsewhere; it doubles …
    LINES_INTERVAL_MAX_MS = 60000, // … up to this
    SMOOTH_MS = 10000,             // the rate is that of about the last ten seconds
    BAR_MIN = 10,
    BAR_MAX = 50,
    TEXT_BYTES = 512,
};

struct progress {
    progress_config_t config;
    bool drawn;          // the line stands on the terminal
    int64_t interval_ms; // now; grows where there is no terminal
    int64_t due_ms;
    int64_t sample_ms;     // the last time that the rate was looked at
    uint64_t sample_count; // finished then
    double rate;           // tasks a second
    char text[TEXT_BYTES]; // the last drawing
};

//  Text that is put together piece by piece, cut where it is full.
typedef struct {
    char *bytes;
    size_t size;
} text_t;

__attribute__ ((format (printf, 2, 3))) static void say (text_t *self, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    int rc = vsnprintf (self->bytes + self->size, TEXT_BYTES - self->size, format, args);
    va_end (args);
    self->size = rc > 0 ? self->size + (size_t)rc : self->size;
    if (self->size >= TEXT_BYTES)
        self->size = TEXT_BYTES - 1;
}

progress_t *progress_new (const progress_config_t *config)
{
    progress_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->config = *config;
    self->interval_ms = config->interval_ms;
    if (self->interval_ms <= 0)
        self->interval_ms = config->terminal ? TERMINAL_INTERVAL_MS : LINES_INTERVAL_MS;
    self->due_ms = config->start_ms + self->interval_ms;
    self->sample_ms = config->start_ms;
    progress_resize (self, config->width);
    return self;
}

void progress_destroy (progress_t **self_p)
{
    free (*self_p);
    *self_p = NULL;
}

void progress_resize (progress_t *self, int width)
{
    self->config.width = width > 0 ? width : 80;
    if (self->config.width > TEXT_BYTES - 1)
        self->config.width = TEXT_BYTES - 1;
}

//  At the beginning the average of all, later mostly that of the last seconds: calm, and honest after a change of pace.
static void sample (progress_t *self, uint64_t finished, int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - self->config.start_ms, step_ms = now_ms - self->sample_ms;
    if (step_ms <= 0)
        return;
    if (elapsed_ms <= SMOOTH_MS)
        self->rate = (double)finished * 1000 / (double)elapsed_ms;
    else {
        uint64_t more = finished > self->sample_count ? finished - self->sample_count : 0;
        double share = (double)step_ms / (double)(step_ms + SMOOTH_MS);
        self->rate += share * ((double)more * 1000 / (double)step_ms - self->rate);
    }
    self->sample_ms = now_ms;
    self->sample_count = finished;
}

static void say_rate (text_t *text, double rate)
{
    const char *unit = "s";
    if (rate <= 0)
        return;
    if (rate < 1) {
        rate *= 60;
        unit = "min";
    }
    uint64_t tenths = (uint64_t)(rate * 10 + 0.5);
    if (tenths >= 100)
        say (text, "  %" PRIu64 "/%s", (tenths + 5) / 10, unit);
    else
        say (text, "  %" PRIu64 ".%" PRIu64 "/%s", tenths / 10, tenths % 10, unit);
}

static void say_time (const progress_t *self, text_t *text, const progress_counts_t *counts, int64_t now_ms)
{
    char duration[UNITS_TEXT];
    int64_t elapsed_ms = (now_ms - self->config.start_ms) / 1000 * 1000;
    bool left = self->config.style != PROGRESS_COUNTS && counts->total_known && counts->finished < counts->total;
    if (!left)
        say (text, "  %s", units_show_duration (elapsed_ms, duration));
    else if (counts->finished && elapsed_ms >= 1000 && self->rate > 0) {
        double left_s = (double)(counts->total - counts->finished) / self->rate;
        if (left_s < 1e9)
            say (text, "  %s left", units_show_duration ((int64_t)(left_s + 0.999) * 1000, duration));
    }
}

static unsigned percent (const progress_counts_t *counts)
{
    if (counts->finished >= counts->total)
        return 100;
    return (unsigned)((double)counts->finished * 100 / (double)counts->total);
}

static void say_counts (const progress_t *self, text_t *text, const progress_counts_t *counts)
{
    bool plain = self->config.style == PROGRESS_COUNTS;
    if (plain)
        say (text, "%" PRIu64 " running  ", counts->running);
    if (counts->total_known && !plain)
        say (text, "%3u%%  ", percent (counts));
    say (text, "%" PRIu64, counts->finished);
    if (counts->total_known || counts->total > counts->finished)
        say (text, "/%" PRIu64 "%s", counts->total, counts->total_known ? "" : "+");
    if (!counts->total_known || plain)
        say (text, " done");
    if (counts->failed)
        say (text, "  %" PRIu64 " failed", counts->failed);
}

//  The bar takes what the text leaves of the line; the last column stays free, or some terminals wrap.
static void say_bar (text_t *line, const progress_counts_t *counts, int width, size_t text_size)
{
    int room = width - 1 - (int)text_size - 3;
    if (room > BAR_MAX)
        room = BAR_MAX;
    if (!counts->total_known || room < BAR_MIN)
        return;
    bool full = counts->finished >= counts->total;
    int filled = full ? room : (int)((double)counts->finished * room / (double)counts->total);
    char bar[BAR_MAX + 1];
    memset (bar, ' ', (size_t)room);
    memset (bar, '=', (size_t)filled);
    if (filled && !full)
        bar[filled - 1] = '>';
    bar[room] = '\0';
    say (line, "[%s] ", bar);
}

static void render (const progress_t *self, const progress_counts_t *counts, int64_t now_ms, char line[TEXT_BYTES])
{
    char bytes[TEXT_BYTES] = "";
    text_t text = {.bytes = bytes}, all = {.bytes = line};
    line[0] = '\0';
    say_counts (self, &text, counts);
    say_rate (&text, self->rate);
    say_time (self, &text, counts, now_ms);
    if (self->config.style == PROGRESS_BAR)
        say_bar (&all, counts, self->config.width, text.size);
    say (&all, "%s", bytes);
    if (self->config.terminal && all.size >= (size_t)self->config.width)
        line[self->config.width - 1] = '\0';
}

//  The bytes that show the text.
static size_t draw (progress_t *self, char out[PROGRESS_LINE_BYTES])
{
    const char *format = self->config.terminal ? "\r%s\033[K" : "%s\n";
    self->drawn = self->config.terminal;
    return (size_t)snprintf (out, PROGRESS_LINE_BYTES, format, self->text);
}

static void schedule (progress_t *self, int64_t now_ms)
{
    if (!self->config.terminal && self->config.interval_ms <= 0 && self->interval_ms < LINES_INTERVAL_MAX_MS)
        self->interval_ms *= 2;
    if (self->interval_ms > LINES_INTERVAL_MAX_MS && self->config.interval_ms <= 0)
        self->interval_ms = LINES_INTERVAL_MAX_MS;
    self->due_ms = now_ms + self->interval_ms;
}

size_t progress_update (progress_t *self, const progress_counts_t *counts, int64_t now_ms,
                        char out[PROGRESS_LINE_BYTES])
{
    char line[TEXT_BYTES];
    if (now_ms < self->due_ms)
        return 0;
    sample (self, counts->finished, now_ms);
    schedule (self, now_ms);
    render (self, counts, now_ms, line);
    bool same = strcmp (line, self->text) == 0;
    if (same && (self->drawn || !self->config.terminal))
        return 0;
    memcpy (self->text, line, sizeof line);
    return draw (self, out);
}

void progress_line (progress_t *self, const progress_counts_t *counts, int64_t now_ms, char out[PROGRESS_LINE_BYTES])
{
    sample (self, counts->finished, now_ms);
    render (self, counts, now_ms, self->text);
    snprintf (out, PROGRESS_LINE_BYTES, "%s", self->text);
}

int64_t progress_due_ms (const progress_t *self, int64_t now_ms)
{
    return self->due_ms > now_ms ? self->due_ms : now_ms;
}

size_t progress_clear (progress_t *self, char out[PROGRESS_LINE_BYTES])
{
    if (!self->drawn)
        return 0;
    self->drawn = false;
    return (size_t)snprintf (out, PROGRESS_LINE_BYTES, "\r\033[K");
}

size_t progress_end (progress_t *self, const progress_counts_t *counts, int64_t now_ms, char out[PROGRESS_LINE_BYTES])
{
    char line[TEXT_BYTES];
    sample (self, counts->finished, now_ms);
    if (now_ms > self->config.start_ms) // the figure to remember is that of the whole run
        self->rate = (double)counts->finished * 1000 / (double)(now_ms - self->config.start_ms);
    render (self, counts, now_ms, line);
    bool same = strcmp (line, self->text) == 0;
    memcpy (self->text, line, sizeof line);
    if (!self->config.terminal)
        return same ? 0 : draw (self, out);
    size_t size = draw (self, out);
    self->drawn = false;
    out[size] = '\n';
    return size + 1;
}
