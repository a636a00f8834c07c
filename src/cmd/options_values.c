//  options_values: each function reads one text and touches only the fields of its option, and those only when the
//  whole text is right.

#include "cmd/options_values.h"

#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "cmd/options_limits.h"

#define HALT_FORMS "give now or soon, then fail, success or done, and how many, as in soon,fail=1 or now,fail=10%"

//  Which of `words` (ends with NULL) the first `size` bytes of `text` are; -1: none.
static int s_keyword (const char *text, size_t size, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (strlen (words[i]) == size && memcmp (words[i], text, size) == 0)
            return i;
    return -1;
}

int options_delimiter (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    if (!*text)
        return options_fail (error, error_size, "the delimiter is empty: give one character, or use -0 for NUL");
    if (input_delimiter (text, &config->input.delimiter) == -1)
        return options_refuse (error, error_size, text,
                               "is not one byte: give a character, or \\n \\t \\0 \\NNN \\xHH");
    return 0;
}

//  Of an item, or of a block of them.
static int s_item_size (const char *text, size_t *size, char *error, size_t error_size)
{
    uint64_t bytes;
    if (units_size (text, &bytes) == -1)
        return options_refuse (error, error_size, text, "is not a size: give " UNITS_SIZE_FORMS);
    if (bytes < 1 || bytes > INPUT_MAX_ITEM_LIMIT)
        return options_refuse (error, error_size, text, "is not possible: give a size from 1 to 2G");
    *size = (size_t)bytes;
    return 0;
}

int options_block (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    return s_item_size (text, &config->input.pipe_bytes, error, error_size);
}

int options_header (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    uint64_t lines = 1;
    if (strcmp (text, ":") != 0 && (units_count (text, &lines) == -1 || lines < 1 || lines > UINT32_MAX))
        return options_refuse (error, error_size, text, "is not a number of lines: give one, or : for the first line");
    config->input.header_lines = (uint32_t)lines;
    return 0;
}

static int s_mark (const char *text, mark_t *mark, char *error, size_t error_size)
{
    if (input_mark (text, mark) == 0)
        return 0;
    return options_fail (error, error_size,
                         "'%.*s' is no mark of records: give at most %d bytes, with \\n \\t \\0 \\NNN \\xHH and "
                         "\\\\ for a backslash",
                         OPTIONS_SHOWN, text, MARK_BYTES);
}

int options_recend (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    config->input.has_record_end = true;
    return s_mark (text, &config->input.record_end, error, error_size);
}

int options_recstart (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    if (!*text)
        return options_fail (error, error_size, "the start of a record is empty: give a text, or leave it out");
    return s_mark (text, &config->input.record_start, error, error_size);
}

int options_pipe (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    config->input.pipe = config->command.pipe = config->runner.pipe = true;
    return 0;
}

//  The "N" or "N%" of a condition.
static int s_halt_amount (const char *text, halt_t *halt)
{
    uint64_t count;
    double percent;
    if (units_count (text, &count) == 0 && count > 0) {
        halt->count = count;
        return 0;
    }
    if (units_percent (text, &percent) == 0 && percent >= 1 && percent <= 100 && percent == (uint32_t)percent) {
        halt->percent = (uint32_t)percent;
        return 0;
    }
    return -1;
}

static int s_halt_condition (const char *text, halt_t *halt)
{
    static const char *const whens[] = {"soon", "now", NULL};
    static const char *const whats[] = {"fail", "success", "done", NULL};
    size_t when_size = strcspn (text, ",");
    const char *what = text + when_size + (text[when_size] == ',');
    size_t what_size = strcspn (what, "=");
    int when_index = s_keyword (text, when_size, whens), what_index = s_keyword (what, what_size, whats);
    if (when_index == -1 || what_index == -1 || what[what_size] != '=')
        return -1;
    halt->when = when_index == 0 ? HALT_SOON : HALT_NOW;
    halt->what = (halt_what_t[]){HALT_FAIL, HALT_SUCCESS, HALT_DONE}[what_index];
    return s_halt_amount (what + what_size + 1, halt);
}

int options_halt (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    static const char *const names[] = {"never", "0", "1", "2", "-1", "-2", NULL};
    static const halt_t halts[] = {
        {.when = HALT_NEVER},
        {.when = HALT_NEVER},
        {.when = HALT_SOON, .what = HALT_FAIL, .count = 1},
        {.when = HALT_NOW, .what = HALT_FAIL, .count = 1},
        {.when = HALT_SOON, .what = HALT_SUCCESS, .count = 1},
        {.when = HALT_NOW, .what = HALT_SUCCESS, .count = 1},
    };
    config_t *config = target;
    halt_t halt = {.when = HALT_SOON, .what = HALT_FAIL};
    int index = s_keyword (text, strlen (text), names);
    if (index >= 0)
        halt = halts[index];
    else if (!(strchr (text, '%') && s_halt_amount (text, &halt) == 0) && s_halt_condition (text, &halt) == -1)
        return options_refuse (error, error_size, text, "is not a condition: " HALT_FORMS);
    config->halt = halt;
    return 0;
}

int options_jobs_read (const char *text, uint32_t *jobs, char *error, size_t error_size)
{
    uint64_t count;
    uint32_t limit = limits_jobs ();
    if (units_count (text, &count) == 0 && count == 0)
        limit = limits_all_jobs ();
    int rc = units_jobs (text, limits_cores (), limit, jobs);
    if (rc == -1 && errno == EINVAL)
        return options_refuse (error, error_size, text, "is not a number of jobs: give " UNITS_JOBS_FORMS);
    if (rc == -1)
        return options_fail (error, error_size,
                             "'%.*s' is too many: the limit on open files has room for %u jobs; raise it (ulimit -Hn)",
                             OPTIONS_SHOWN, text, limit);
    return 0;
}

//  What is no number is a file; whether there is one is seen when it is read.
int options_jobs (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    uint32_t any;
    bool is_number = units_jobs (text, 1, UINT32_MAX, &any) == 0 || errno == ERANGE;
    if (!*text)
        return options_fail (error, error_size, "%s", "the value is empty: give " UNITS_JOBS_FORMS);
    config->jobs_file = is_number ? NULL : text;
    return is_number ? options_jobs_read (text, &config->jobs, error, error_size) : 0;
}

//  0 is what GNU parallel takes it for: only where nothing runs.
int options_load (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    uint64_t count;
    uint32_t load;
    if (units_jobs (text, limits_cores (), UINT32_MAX, &load) == -1)
        return options_refuse (error, error_size, text, "is not a load: give N, N%, +N or -N of the cores");
    config->brake.load = units_count (text, &count) == 0 && count == 0 ? 0.01 : load;
    return 0;
}

int options_rate (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    if (units_rate (text, &config->brake.rate) == -1)
        return options_refuse (error, error_size, text, "is not a rate: give N/s, N/m or N/h, as in 10/s");
    return 0;
}

int options_max_item (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    return s_item_size (text, &config->input.max_item_bytes, error, error_size);
}

int options_nice (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    uint64_t count;
    bool is_less = *text == '-';
    const char *digits = text + (*text == '-' || *text == '+');
    if (units_count (digits, &count) == -1 || count > (is_less ? 20 : 19))
        return options_refuse (error, error_size, text, "is not a niceness: give a number from -20 to 19");
    config->runner.nice = is_less ? -(int)count : (int)count;
    return 0;
}

int options_queue (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    uint64_t tasks = 0, bytes = 0;
    if (units_count (text, &tasks) == -1 && units_size (text, &bytes) == -1)
        return options_refuse (error, error_size, text, "is not a bound: give a number of tasks, or a size as in 64M");
    if (tasks == 0 && bytes == 0)
        return options_refuse (error, error_size, text, "leaves no room: give at least 1");
    config->queue_tasks = tasks;
    config->queue_bytes = bytes;
    return 0;
}

int options_replace (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    if (!*text)
        return options_fail (error, error_size, "the replacement string is empty: give one, as in -I @@");
    config->command.replace = text;
    return 0;
}

//  A replacement string, of those that GNU parallel has: {}, {.}, {2}, {#} and so on, or {= expression =}.
static bool s_has_replacement (const char *text)
{
    while ((text = strchr (text, '{'))) {
        size_t size = strspn (++text, "0123456789+-./#%:?!^,");
        if (text[size] == '}' || *text == '=')
            return true;
    }
    return false;
}

static bool s_is_table (const char *text)
{
    static const char *const ends[] = {".csv", ".tsv", ".json"};
    size_t size = strlen (text);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (size >= strlen (ends[i]) && strcmp (text + size - strlen (ends[i]), ends[i]) == 0)
            return true;
    return false;
}

int options_results (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    if (!*text)
        return options_fail (error, error_size, "the name of the directory is empty: give one");
    if (s_is_table (text))
        return options_refuse (error, error_size, text,
                               "would be a table, and there is none here: give a directory, or --json -o FILE");
    if (s_has_replacement (text))
        return options_refuse (error, error_size, text,
                               "holds a replacement string: give a directory, the items become names below it");
    config->results = text;
    return 0;
}

int options_shell (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    if (text && !*text)
        return options_fail (error, error_size, "the path is empty: give one, as in --shell=/bin/bash, or none");
    config->command.force_shell = true;
    config->command.shell = text;
    return 0;
}

void options_add_source (config_t *config, input_source_t source)
{
    config->given.sources[config->input.source_count++] = source;
}

int options_source (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    if (!*text)
        return options_fail (error, error_size, "the name of the file is empty: give a file, or - for standard input");
    options_add_source (target, (input_source_t){.kind = INPUT_FILE, .path = text});
    return 0;
}

int options_termseq (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    config_t *config = target;
    if (termseq_parse (text, &config->runner.termseq) == -1)
        return options_refuse (error, error_size, text,
                               "is not a sequence: give signals and waits in ms, as in TERM,200,KILL,25");
    return 0;
}

int options_when_full (const option_t *row, void *target, const char *text, char *error, size_t error_size)
{
    static const char *const names[] = {"block", "stack", "drop", NULL};
    config_t *config = target;
    int index = s_keyword (text, strlen (text), names);
    if (index == -1)
        return options_refuse (error, error_size, text, "is none of the three: give block, stack or drop");
    config->when_full = (when_full_t)index;
    return 0;
}
