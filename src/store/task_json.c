#include "store/task_json.h"
#include "core/done.h"
#include "core/item.h"
#include "store/json_file.h"

#include <inttypes.h>

//  By hand, for printf would ask the locale for the point.
static void put_seconds (FILE *out, const char *name, uint64_t value, uint64_t a_second, int digits)
{
    fprintf (out, ",\"%s\":%" PRIu64 ".%0*" PRIu64, name, value / a_second, digits, value % a_second);
}

static void put_null (FILE *out, const char *name)
{
    fprintf (out, ",\"%s\":null", name);
}

static void put_number (FILE *out, const char *name, bool is_there, unsigned value)
{
    if (is_there)
        fprintf (out, ",\"%s\":%u", name, value);
    else
        put_null (out, name);
}

static void put_name (FILE *out, const char *name, const char *text)
{
    if (!text) {
        put_null (out, name);
        return;
    }
    fputc (',', out);
    json_put_text (out, name, text);
}

static void put_data (FILE *out, const char *name, const uint8_t *data, size_t size)
{
    if (!data) {
        put_null (out, name);
        return;
    }
    fputc (',', out);
    json_put_bytes (out, name, data, size);
}

static bool all_text (value_cursor_t cursor)
{
    const uint8_t *value;
    size_t size;
    bool is_text = true;
    while (is_text && value_next (&cursor, &value, &size)) {
        json_utf8_t seen = {0};
        json_look (&seen, value, size);
        is_text = json_is_utf8 (&seen);
    }
    return is_text;
}

//  One that is no text makes all of them base64, so that an array has one kind.
static void put_values (FILE *out, const uint8_t *data, size_t size)
{
    value_cursor_t cursor;
    const uint8_t *value;
    if (!data || !item_open (&cursor, data, size)) {
        put_null (out, "values");
        return;
    }
    json_code_t code = all_text (cursor) ? JSON_TEXT : JSON_BASE64;
    fprintf (out, ",\"values%s\":", code == JSON_TEXT ? "" : "_base64");
    char before = '[';
    for (size_t value_size; value_next (&cursor, &value, &value_size); before = ',') {
        fputc (before, out);
        json_put_coded (out, code, value, value_size);
    }
    fputs (before == '[' ? "[]" : "]", out);
}

static void put_times (FILE *out, const completion_t *what)
{
    if (what->start_us <= 0) {
        put_null (out, "start");
        put_null (out, "runtime");
        return;
    }
    put_seconds (out, "start", ((uint64_t)what->start_us + 500) / 1000, 1000, 3);
    put_seconds (out, "runtime", what->runtime_us, 1000000, 6);
}

void task_json (FILE *out, const completion_t *what, uint64_t n, bool has_tag)
{
    bool has_run = what->outcome == TASK_OK || what->outcome == TASK_FAILED;
    fprintf (out, "{\"seq\":%" PRIu64, n);
    put_name (out, "outcome", outcome_name (what->outcome));
    put_number (out, "exit_status", has_run && !what->signal, what->status);
    put_number (out, "signal", what->signal, what->signal);
    put_name (out, "note", outcome_note (what->outcome, what->flags));
    put_number (out, "attempt", what->attempt, (unsigned)what->attempt);
    put_times (out, what);
    put_name (out, "host", what->host);
    put_name (out, "dryer", what->name);
    put_data (out, "command", what->command_size ? what->command : NULL, what->command_size);
    put_values (out, what->values, what->values_size);
    if (has_tag)
        put_data (out, "tag", what->tag, what->tag_size);
}
