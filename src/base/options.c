//  options: finding a row, guessing what was meant, storing a value, reading words; each part knows only those above.

#include "base/options.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/line.h"
#include "base/units.h"

enum { NAME_MAX_BYTES = 32 };

//  A place in argv, and where errors go.
typedef struct {
    const option_set_t *set;
    void *target;
    int argc, at; // `at` is the next word
    char **argv;
    char *error;
    size_t error_size;
} reader_t;

int options_fail (char *error, size_t error_size, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (error, error_size, format, arguments);
    va_end (arguments);
    if (error_size)
        line_clean (error);
    errno = EINVAL;
    return -1;
}

int options_refuse (char *error, size_t error_size, const char *text, const char *why)
{
    return options_fail (error, error_size, "'%.*s' %s", OPTIONS_SHOWN, text, why);
}

//  -- finding a row

//  The next name of "one|two|three", and `*names` behind it; NULL at the end.
static const char *s_next_name (const char **names, size_t *size)
{
    const char *name = *names;
    if (!name || !*name)
        return NULL;
    *size = strcspn (name, "|");
    *names = name + *size + (name[*size] == '|');
    return name;
}

static bool s_has_name (const char *names, const char *name, size_t size)
{
    const char *other;
    size_t other_size;
    while ((other = s_next_name (&names, &other_size)))
        if (other_size == size && memcmp (other, name, size) == 0)
            return true;
    return false;
}

static bool s_has_letter (const char *letters, char letter)
{
    return letters && letter && strchr (letters, letter);
}

//  The row of a long name, or (name NULL) of a letter.
static const option_t *s_find (const option_set_t *set, const char *name, size_t size, char letter)
{
    for (const option_group_t *group = set->groups; group->rows; group++)
        for (const option_t *row = group->rows; row->names || row->letters; row++)
            if (name ? s_has_name (row->names, name, size) : s_has_letter (row->letters, letter))
                return row;
    return NULL;
}

static const char *s_advice (const option_set_t *set, const char *name, size_t size, char letter)
{
    for (const option_foreign_t *row = set->foreign; row && (row->names || row->letters); row++)
        if (name ? s_has_name (row->names, name, size) : s_has_letter (row->letters, letter))
            return row->advice;
    return NULL;
}

//  Which of the programs beside this one has such an option; NULL: none.
static const char *s_owner (const option_set_t *set, const char *name, size_t size, char letter)
{
    for (const option_set_t *const *other = set->others; other && *other; other++)
        if (s_find (*other, name, size, letter))
            return (*other)->program;
    return NULL;
}

//  -- what was meant

static size_t s_least (size_t a, size_t b)
{
    return a < b ? a : b;
}

//  How many letters to add, drop, change or swap with their neighbour to make one from the other.
static size_t s_distance (const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t cost[NAME_MAX_BYTES + 1][NAME_MAX_BYTES + 1];
    for (size_t i = 0; i <= a_size; i++)
        cost[i][0] = i;
    for (size_t j = 0; j <= b_size; j++)
        cost[0][j] = j;
    for (size_t i = 1; i <= a_size; i++)
        for (size_t j = 1; j <= b_size; j++) {
            size_t changed = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            cost[i][j] = s_least (changed, 1 + s_least (cost[i - 1][j], cost[i][j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                cost[i][j] = s_least (cost[i][j], cost[i - 2][j - 2] + 1);
        }
    return cost[a_size][b_size];
}

//  As s_distance, for names: the beginning of a name of three letters or more is as close as a wrong letter.
static size_t s_name_distance (const char *name, size_t size, const char *other, size_t other_size)
{
    if (size > NAME_MAX_BYTES || other_size > NAME_MAX_BYTES)
        return SIZE_MAX;
    if (size >= 3 && size < other_size && memcmp (name, other, size) == 0)
        return 1;
    return s_distance (name, size, other, other_size);
}

const char *options_nearest (const option_set_t *set, const char *name, size_t *size)
{
    size_t name_size = strcspn (name, "=");
    const char *best = NULL;
    size_t best_distance = 1 + (name_size < 3 ? 0 : name_size < 6 ? 1 : name_size < 9 ? 2 : 3);
    for (const option_group_t *group = set->groups; group->rows; group++)
        for (const option_t *row = group->rows; row->names || row->letters; row++) {
            const char *names = row->names, *other;
            size_t other_size;
            while ((other = s_next_name (&names, &other_size))) {
                size_t distance = s_name_distance (name, name_size, other, other_size);
                if (distance < best_distance) {
                    best_distance = distance;
                    best = other;
                    *size = other_size;
                }
            }
        }
    return best;
}

//  `shown` is the option as it was written, with its dashes: the long `name`, or `letter` out of the bundle `name`.
static int s_unknown (reader_t *self, const char *shown, const char *name, size_t size, char letter)
{
    size_t near_size = size;
    bool is_undashed = letter && s_find (self->set, name, size, 0); // "-bar"
    const char *advice = is_undashed ? NULL : s_advice (self->set, letter ? NULL : name, size, letter);
    const char *owner = is_undashed ? NULL : s_owner (self->set, letter ? NULL : name, size, letter);
    const char *near = is_undashed ? name : options_nearest (self->set, name, &near_size);
    if (advice)
        return options_fail (self->error, self->error_size, "unknown option %s: %s", shown, advice);
    if (owner)
        return options_fail (self->error, self->error_size, "unknown option %s: %s has it, %s has not", shown, owner,
                             self->set->program);
    if (near)
        return options_fail (self->error, self->error_size, "unknown option %s%.*s; did you mean --%.*s?",
                             letter ? "-" : "--", (int)s_least (size, OPTIONS_SHOWN), name, (int)near_size, near);
    return options_fail (self->error, self->error_size, "unknown option %s; see %s --help", shown, self->set->program);
}

//  -- storing a value

static bool s_is_optional (const option_t *row)
{
    return row->argument && row->argument[0] == '[';
}

static void s_store (const option_t *row, void *target, int64_t value)
{
    char *field = (char *)target + row->offset;
    uint8_t byte = (uint8_t)value;
    int32_t narrow = (int32_t)value;
    assert (row->width == sizeof byte || row->width == sizeof narrow || row->width == sizeof value);
    if (row->width == sizeof byte)
        memcpy (field, &byte, sizeof byte);
    else if (row->width == sizeof narrow)
        memcpy (field, &narrow, sizeof narrow);
    else
        memcpy (field, &value, sizeof value);
}

static int s_read_count (const char *text, int64_t *value)
{
    uint64_t count;
    if (units_count (text, &count) == -1 || count > INT64_MAX)
        return -1;
    *value = (int64_t)count;
    return 0;
}

static int s_read_size (const char *text, int64_t *value)
{
    uint64_t bytes;
    if (units_size (text, &bytes) == -1 || bytes > INT64_MAX)
        return -1;
    *value = (int64_t)bytes;
    return 0;
}

static const struct {
    int (*read) (const char *text, int64_t *value);
    const char *noun, *forms, *unit;
    int64_t most; // where its field holds more
} s_numbers[] = {
    [OPTION_COUNT] = {s_read_count, "a whole number", "decimal digits", "", INT64_MAX},
    [OPTION_SIZE] = {s_read_size, "a size", UNITS_SIZE_FORMS, "", INT64_MAX},
    [OPTION_DURATION] = {units_duration, "a duration", UNITS_DURATION_FORMS, "ms", UNITS_DURATION_MOST},
};

//  `shown` is the option as the user named it, with its dashes.
static int s_store_number (reader_t *self, const option_t *row, const char *shown, const char *text)
{
    int64_t value, most = row->width == sizeof (int32_t) ? INT32_MAX : s_numbers[row->kind].most;
    if (s_numbers[row->kind].read (text, &value) == -1)
        return options_fail (self->error, self->error_size, "%s '%.*s' is not %s: give %s", shown, OPTIONS_SHOWN, text,
                             s_numbers[row->kind].noun, s_numbers[row->kind].forms);
    if (value < row->number)
        return options_fail (self->error, self->error_size, "%s '%.*s' is too small: the least is %lld%s%s%s", shown,
                             OPTIONS_SHOWN, text, (long long)row->number, s_numbers[row->kind].unit,
                             row->advice ? "; " : "", row->advice ? row->advice : "");
    if (value > most)
        return options_fail (self->error, self->error_size, "%s '%.*s' is too large: the most is %lld%s", shown,
                             OPTIONS_SHOWN, text, (long long)most, s_numbers[row->kind].unit);
    s_store (row, self->target, value);
    return 0;
}

static int s_call (reader_t *self, const option_t *row, const char *shown, const char *text)
{
    char reason[256] = "";
    if (row->call (row, self->target, text, reason, sizeof reason) == 0)
        return 0;
    return options_fail (self->error, self->error_size, "%s: %s", shown, reason);
}

//  Stores the value of an option, or NULL. Returns 0, 1 for "read no further", or -1.
static int s_take (reader_t *self, const option_t *row, const char *shown, const char *text)
{
    switch (row->kind) {
    case OPTION_FLAG:
        assert (row->width == sizeof (bool));
        *((bool *)((char *)self->target + row->offset)) = true;
        return 0;
    case OPTION_SET:
    case OPTION_STOP:
        s_store (row, self->target, row->number);
        return row->kind == OPTION_STOP;
    case OPTION_STRING:
        assert (row->width == sizeof text);
        memcpy ((char *)self->target + row->offset, &text, sizeof text);
        return 0;
    case OPTION_CALL:
        return s_call (self, row, shown, text);
    default:
        return s_store_number (self, row, shown, text);
    }
}

static int s_apply (reader_t *self, const option_t *row, const char *shown, const char *text)
{
    int rc = s_take (self, row, shown, text);
    if (rc != -1 && self->set->seen)
        self->set->seen (self->target, row);
    return rc;
}

//  -- reading words

//  The value of `row`: the text attached to the option, else the next word, which is taken whatever it looks like.
static int s_value (reader_t *self, const option_t *row, const char *shown, const char *attached, const char **text)
{
    *text = attached;
    if (attached || !row->argument || s_is_optional (row))
        return 0;
    if (self->at == self->argc)
        return options_fail (self->error, self->error_size, "%s needs a value: %s", shown, row->argument);
    *text = self->argv[self->at++];
    return 0;
}

static int s_read_long (reader_t *self, const char *word)
{
    const char *name = word + 2;
    size_t size = strcspn (name, "=");
    const char *attached = name[size] == '=' ? name + size + 1 : NULL;
    char shown[NAME_MAX_BYTES + 3];
    snprintf (shown, sizeof shown, "--%.*s", (int)s_least (size, NAME_MAX_BYTES), name);
    const option_t *row = s_find (self->set, name, size, 0);
    if (!row)
        return s_unknown (self, shown, name, size, 0);
    if (attached && !row->argument)
        return options_fail (self->error, self->error_size, "%s takes no value, and was given '%.*s'", shown,
                             OPTIONS_SHOWN, attached);
    const char *text;
    if (s_value (self, row, shown, attached, &text) == -1)
        return -1;
    return s_apply (self, row, shown, text);
}

static int s_read_letters (reader_t *self, const char *word)
{
    for (const char *at = word + 1; *at; at++) {
        char shown[3] = {'-', *at, 0};
        const option_t *row = s_find (self->set, NULL, 0, *at);
        if (!row)
            return s_unknown (self, shown, word + 1, strlen (word + 1), *at);
        bool takes_rest = row->argument && !s_is_optional (row);
        const char *text;
        if (s_value (self, row, shown, takes_rest && at[1] ? at + 1 : NULL, &text) == -1)
            return -1;
        int rc = s_apply (self, row, shown, text);
        if (rc != 0 || takes_rest)
            return rc;
    }
    return 0;
}

int options_read (const option_set_t *set, void *target, int argc, char **argv, char *error, size_t error_size)
{
    reader_t reader = {
        .set = set, .target = target, .argc = argc, .at = 1, .argv = argv, .error = error, .error_size = error_size};
    while (reader.at < argc) {
        const char *word = argv[reader.at];
        if (word[0] != '-' || !word[1])
            break;
        reader.at++;
        if (strcmp (word, "--") == 0)
            break;
        int rc = word[1] == '-' ? s_read_long (&reader, word) : s_read_letters (&reader, word);
        if (rc == -1)
            return -1;
        if (rc == 1)
            break;
    }
    return reader.at;
}

//  -- showing

//  Appends to a text that may already be full.
static void s_append (char *text, size_t size, const char *format, ...)
{
    size_t used = strlen (text);
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (text + used, size - used, format, arguments);
    va_end (arguments);
}

char *options_usage (const option_t *row, char *text, size_t size)
{
    assert (size > 0);
    *text = 0;
    for (const char *letter = row->letters; letter && *letter; letter++)
        s_append (text, size, "%s-%c", *text ? ", " : "", *letter);
    if (row->names)
        s_append (text, size, "%s--%.*s", *text ? ", " : "", (int)strcspn (row->names, "|"), row->names);
    if (s_is_optional (row))
        s_append (text, size, "[=%s", row->argument + 1);
    else if (row->argument)
        s_append (text, size, " %s", row->argument);
    return text;
}
