//  observe_show: one table of facts, shown in two ways.

#include "cmd/observe.h"

#include <inttypes.h>

#include "base/line.h"
#include "base/units.h"
#include "store/json_file.h"

//  ---- text that others have chosen

//  Each character, what must not stand in a line becoming ?.
void observe_put_text (FILE *out, const char *text)
{
    while (*text) {
        size_t size = json_character (text);
        if (size == 0 || line_is_control (text))
            fputc ('?', out);
        else
            fwrite (text, 1, size, out);
        text += size ? size : 1;
    }
}

//  ---- facts

const char *observe_end_name (end_t end)
{
    static const char *const names[] = {[END_NONE] = "",
                                        [END_JOINED] = "joined",
                                        [END_HALTED] = "halted",
                                        [END_DEADLINE] = "deadline",
                                        [END_INTERRUPTED] = "interrupted",
                                        [END_LOST] = "lost"};
    return (size_t)end < sizeof names / sizeof *names ? names[end] : "";
}

static const figures_t *s_figures (const observer_result_t *result)
{
    return result->has_status ? &result->status.figures : &result->ending.figures;
}

static bool s_has_total (const observer_result_t *result)
{
    return result->has_status ? result->status.eof : true;
}

typedef struct {
    const char *name;
    uint64_t value;
} number_t;

enum { NUMBERS = 16 };

//  Every count, by the name it has in JSON. Returns how many there are.
static size_t s_numbers (const observer_result_t *result, number_t out[NUMBERS])
{
    const figures_t *figures = s_figures (result);
    const sink_status_t *status = &result->status;
    const number_t numbers[] = {
        {"ok", figures->ok},
        {"failed", figures->failed},
        {"broken", figures->broken},
        {"dropped", figures->dropped},
        {"redelivered", figures->redelivered},
        {"duplicates", figures->duplicates},
        {"dryers_lost", figures->lost},
        {"slots", status->slots},
        {"observers", status->observers},
        {"backlog_bytes", status->backlog},
        {"refused", status->refused},
        {"bad", status->bad},
        {"strangers", status->strangers},
    };
    size_t count = result->has_status ? sizeof numbers / sizeof *numbers : 7; // what a run that is over leaves
    for (size_t i = 0; i < count; i++)
        out[i] = numbers[i];
    return count;
}

//  ---- for people

static void s_show_dryer (const dryer_row_t *row, FILE *out)
{
    fputs ("dryer ", out);
    observe_put_text (out, row->name);
    fputs (" on ", out);
    observe_put_text (out, row->host);
    fprintf (out, ", %u slots%s\n", (unsigned)row->slots, row->leaving ? ", leaving" : "");
}

static void s_show_alive (const observer_result_t *result, FILE *out)
{
    const sink_status_t *status = &result->status;
    char up[UNITS_TEXT];
    fprintf (out, "state %s, for %s\nwasher ", sink_state_name (status->state),
             units_show_duration ((int64_t)status->up_ms, up));
    observe_put_text (out, *status->washer ? status->washer : "none yet");
    fprintf (out, "%s\n", *status->washer && !status->washer_alive ? ", lost" : "");
}

static void s_show_end (const ending_t *ending, FILE *out)
{
    fprintf (out, "state over, %s, exit status %u\n", observe_end_name (ending->end), (unsigned)ending->status);
    if (!*ending->why)
        return;
    fputs ("why ", out);
    observe_put_text (out, ending->why);
    fputc ('\n', out);
}

void observe_show (const observer_result_t *result, FILE *out)
{
    const figures_t *figures = s_figures (result);
    number_t numbers[NUMBERS];
    size_t count = s_numbers (result, numbers);
    fprintf (out, "run %" PRIu64 "\n", result->run);
    if (result->has_status)
        s_show_alive (result, out);
    else
        s_show_end (&result->ending, out);
    if (s_has_total (result))
        fprintf (out, "total %" PRIu64 "\n", figures->total);
    else
        fputs ("total not known yet\n", out);
    for (size_t i = 0; i < count; i++)
        if (i < 4 || numbers[i].value)
            fprintf (out, "%s %" PRIu64 "\n", numbers[i].name, numbers[i].value);
    for (size_t i = 0; i < result->dryers_size; i++)
        s_show_dryer (&result->dryers[i], out);
}

//  ---- for programs

static void s_put_bool (FILE *out, const char *name, bool value)
{
    fprintf (out, ",\"%s\":%s", name, value ? "true" : "false");
}

static void s_put_dryer (const dryer_row_t *row, FILE *out)
{
    fprintf (out, "{\"life\":\"%" PRIu64 "\",", row->life);
    json_put_text (out, "name", row->name);
    fputc (',', out);
    json_put_text (out, "host", row->host);
    fprintf (out, ",\"slots\":%u,\"prefetch\":%u", (unsigned)row->slots, (unsigned)row->prefetch);
    s_put_bool (out, "leaving", row->leaving);
    fputc ('}', out);
}

//  What only a sink that lives can tell.
static void s_put_alive (const observer_result_t *result, FILE *out)
{
    const sink_status_t *status = &result->status;
    fprintf (out, ",\"up_ms\":%" PRIu64, status->up_ms);
    s_put_bool (out, "durable", status->durable);
    s_put_bool (out, "restarted", status->restarted);
    fputc (',', out);
    json_put_text (out, "washer", status->washer);
    s_put_bool (out, "washer_alive", status->washer_alive);
    fprintf (out, ",\"dryers\":%" PRIu64 ",\"dryer\":[", status->dryers);
    for (size_t i = 0; i < result->dryers_size; i++) {
        fputs (i ? "," : "", out);
        s_put_dryer (&result->dryers[i], out);
    }
    fputc (']', out);
}

static void s_put_end (const ending_t *ending, FILE *out)
{
    fputc (',', out);
    json_put_text (out, "end", observe_end_name (ending->end));
    fprintf (out, ",\"exit_status\":%u", (unsigned)ending->status);
    if (!*ending->why)
        return;
    fputc (',', out);
    json_put_text (out, "why", ending->why);
}

//  Numbers of 64 bits that name something are strings: not every reader of JSON keeps all their digits.
void observe_show_json (const observer_result_t *result, FILE *out)
{
    number_t numbers[NUMBERS];
    size_t count = s_numbers (result, numbers);
    fprintf (out, "{\"run\":\"%" PRIu64 "\",", result->run);
    json_put_text (out, "state", result->has_status ? sink_state_name (result->status.state) : "over");
    s_put_bool (out, "total_known", s_has_total (result));
    fprintf (out, ",\"total\":%" PRIu64, s_figures (result)->total);
    for (size_t i = 0; i < count; i++)
        fprintf (out, ",\"%s\":%" PRIu64, numbers[i].name, numbers[i].value);
    if (result->has_status)
        s_put_alive (result, out);
    else
        s_put_end (&result->ending, out);
    fputs ("}\n", out);
}
