//  top_show: the figures of a run as lines, and lines on a screen.

#include "cmd/top.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/units.h"

static void s_show_state (const top_view_t *view, FILE *out)
{
    char up[UNITS_TEXT];
    observe_put_text (out, view->at);
    fprintf (out, "  run %" PRIu64 "  ", view->run);
    if (view->status)
        fprintf (out, "%s, for %s%s\n", sink_state_name (view->status->state),
                 units_show_duration ((int64_t)view->status->up_ms, up),
                 view->status->durable ? ", with a journal" : "");
    else
        fprintf (out, "over, %s, exit status %u\n", observe_end_name (view->ending->end),
                 (unsigned)view->ending->status);
}

static void s_show_figures (const figures_t *figures, FILE *out)
{
    fprintf (out,
             "%" PRIu64 " ok, %" PRIu64 " failed, %" PRIu64 " given up, %" PRIu64 " dropped; %" PRIu64
             " sent again, %" PRIu64 " dryers lost\n",
             figures->ok, figures->failed, figures->broken, figures->dropped, figures->redelivered, figures->lost);
}

static void s_show_parts (const sink_status_t *status, FILE *out)
{
    char size[UNITS_TEXT];
    fprintf (out, "%" PRIu64 " dryers, %" PRIu64 " slots; %" PRIu64 " look on; %s bytes wait to be printed\n",
             status->dryers, status->slots, status->observers, units_show_size (status->backlog, size));
    fputs ("washer ", out);
    observe_put_text (out, *status->washer ? status->washer : "none yet");
    fputs (*status->washer && !status->washer_alive ? ", lost\n" : "\n", out);
}

static void s_show_dryers (const top_view_t *view, FILE *out)
{
    fputs ("\nSLOTS AHEAD  DRYER on HOST\n", out);
    for (size_t i = 0; i < view->dryers_size; i++) {
        const dryer_row_t *row = &view->dryers[i];
        fprintf (out, "%5u %5u  ", (unsigned)row->slots, (unsigned)row->prefetch);
        observe_put_text (out, row->name);
        fputs (" on ", out);
        observe_put_text (out, row->host);
        fputs (row->leaving ? ", leaving\n" : "\n", out);
    }
    if (view->status->dryers > view->dryers_size)
        fprintf (out, "and %" PRIu64 " more\n", view->status->dryers - view->dryers_size);
}

void top_show (const top_view_t *view, FILE *out)
{
    s_show_state (view, out);
    if (*view->progress)
        fprintf (out, "%s\n", view->progress);
    s_show_figures (view->status ? &view->status->figures : &view->ending->figures, out);
    if (!view->status)
        return;
    s_show_parts (view->status, out);
    if (view->dryers_size)
        s_show_dryers (view, out);
}

//  Writes a line, of fewer characters: with one in the last column the rest of the line would begin there.
static void s_paint_line (const char *line, size_t size, unsigned columns, FILE *out)
{
    size_t at = 0;
    for (unsigned i = 1; i < columns && at < size; i++) {
        size_t character = json_character (line + at);
        at += character ? character : 1;
    }
    fwrite (line, 1, at < size ? at : size, out);
    fputs ("\033[K", out);
}

//  From the upper left corner; what stood below is taken away. The last line has no end, or the screen would move.
void top_paint (const char *block, unsigned columns, unsigned rows, FILE *out)
{
    fputs ("\033[H", out);
    for (unsigned i = 0; i < rows && *block; i++) {
        size_t size = strcspn (block, "\n");
        if (i)
            fputs ("\r\n", out);
        s_paint_line (block, size, columns, out);
        block += size + (block[size] == '\n');
    }
    fputs ("\033[J", out);
}
