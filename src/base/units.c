//  units: a number is read as whole and fraction by hand, because strtod () follows the locale and takes "inf", "0x1p3"
//  and blanks. The whole part is exact in 64 bits; only the fraction goes through a double.

#include "base/units.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    uint64_t whole;
    double fraction;  // [0, 1)
    bool is_fraction; // there was a point
} number_t;

typedef struct {
    const char *name;
    uint64_t factor;
} unit_t;

//  Longer names first: the first that fits is taken.
static const unit_t s_time_units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0}};

#define KIBI(power) (UINT64_C (1) << (10 * (power)))
#define KILO        UINT64_C (1000)
static const unit_t s_size_units[] = {
    {"ki", KIBI (1)},
    {"mi", KIBI (2)},
    {"gi", KIBI (3)},
    {"ti", KIBI (4)},
    {"pi", KIBI (5)},
    {"Ki", KIBI (1)},
    {"Mi", KIBI (2)},
    {"Gi", KIBI (3)},
    {"Ti", KIBI (4)},
    {"Pi", KIBI (5)},
    {"K", KIBI (1)},
    {"M", KIBI (2)},
    {"G", KIBI (3)},
    {"T", KIBI (4)},
    {"P", KIBI (5)},
    {"k", KILO},
    {"m", KILO *KILO},
    {"g", KILO *KILO *KILO},
    {"t", KILO *KILO *KILO *KILO},
    {"p", KILO *KILO *KILO *KILO *KILO},
    {NULL, 0},
};
static const unit_t s_rate_units[] = {{"/s", 1}, {"/m", 60}, {"/h", 3600}, {NULL, 0}};

static int s_invalid (void)
{
    errno = EINVAL;
    return -1;
}

static bool s_is_digit (char c)
{
    return c >= '0' && c <= '9';
}

//  Reads digits at *text_p and moves it behind them; false where there is none, or too many.
static bool s_read_whole (const char **text_p, uint64_t *whole)
{
    const char *text = *text_p;
    uint64_t sum = 0;
    for (; s_is_digit (*text); text++) {
        uint64_t digit = (uint64_t)(*text - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    bool any = text > *text_p;
    *text_p = text;
    *whole = sum;
    return any;
}

//  Reads "12", "12.5" or ".5" at *text_p and moves it behind.
static bool s_read_number (const char **text_p, number_t *number)
{
    *number = (number_t){0};
    if (**text_p != '.' && !s_read_whole (text_p, &number->whole))
        return false;
    if (**text_p != '.')
        return true;
    const char *text = *text_p + 1;
    double place = 0.1;
    for (; s_is_digit (*text); text++, place /= 10)
        number->fraction += place * (*text - '0');
    if (text == *text_p + 1)
        return false;
    number->is_fraction = true;
    *text_p = text;
    return true;
}

static const unit_t *s_read_unit (const char **text_p, const unit_t *units)
{
    for (const unit_t *unit = units; unit->name; unit++) {
        size_t size = strlen (unit->name);
        if (strncmp (*text_p, unit->name, size) == 0) {
            *text_p += size;
            return unit;
        }
    }
    return NULL;
}

//  Adds number * factor to *sum, rounded to the nearest; false when that is more than `limit`.
static bool s_add (uint64_t *sum, number_t number, uint64_t factor, uint64_t limit)
{
    if (number.whole > limit / factor)
        return false;
    uint64_t value = number.whole * factor;
    uint64_t part = (uint64_t)(number.fraction * (double)factor + 0.5);
    if (part > limit - value || value + part > limit - *sum)
        return false;
    *sum += value + part;
    return true;
}

int units_count (const char *text, uint64_t *value)
{
    uint64_t whole;
    if (!s_read_whole (&text, &whole) || *text)
        return s_invalid ();
    *value = whole;
    return 0;
}

int units_duration (const char *text, int64_t *value_ms)
{
    uint64_t sum_ms = 0;
    bool is_more = false;
    const char *start = text;
    do {
        number_t number;
        if (!s_read_number (&text, &number))
            return s_invalid ();
        bool is_bare = !*text && strspn (start, "0123456789.") == (size_t)(text - start);
        const unit_t *unit = s_read_unit (&text, s_time_units);
        if (!unit && !is_bare)
            return s_invalid ();
        if (!s_add (&sum_ms, number, unit ? unit->factor : 1000, INT64_MAX))
            return s_invalid ();
        is_more |= number.whole > 0 || number.fraction > 0;
    } while (*text);
    *value_ms = sum_ms == 0 && is_more ? 1 : (int64_t)sum_ms;
    return 0;
}

int units_size (const char *text, uint64_t *value_bytes)
{
    number_t number;
    if (!s_read_number (&text, &number))
        return s_invalid ();
    const unit_t *unit = s_read_unit (&text, s_size_units);
    uint64_t sum = 0;
    if (*text || (number.is_fraction && !unit) || !s_add (&sum, number, unit ? unit->factor : 1, UINT64_MAX))
        return s_invalid ();
    *value_bytes = sum;
    return 0;
}

int units_percent (const char *text, double *percent)
{
    number_t number;
    if (!s_read_number (&text, &number) || strcmp (text, "%") != 0)
        return s_invalid ();
    *percent = (double)number.whole + number.fraction;
    return 0;
}

int units_rate (const char *text, double *per_second)
{
    number_t number;
    if (!s_read_number (&text, &number))
        return s_invalid ();
    const unit_t *unit = s_read_unit (&text, s_rate_units);
    double value = (double)number.whole + number.fraction;
    if (!unit || *text || value <= 0)
        return s_invalid ();
    *per_second = value / (double)unit->factor;
    return 0;
}

//  The number that a -j text asks for, before it is held against any limit; it may be under 1.
static bool s_jobs_wanted (const char *text, uint32_t cores, double *wanted)
{
    double percent;
    if (units_percent (text, &percent) == 0) {
        *wanted = cores * percent / 100;
        return true;
    }
    uint64_t count;
    char sign = *text == '+' || *text == '-' ? *text++ : 0;
    if (units_count (text, &count) == -1)
        return false;
    double change = sign == '-' ? -(double)count : (double)count;
    *wanted = sign ? cores + change : change;
    return true;
}

int units_jobs (const char *text, uint32_t cores, uint32_t limit, uint32_t *jobs)
{
    double wanted;
    if (!s_jobs_wanted (text, cores, &wanted))
        return s_invalid ();
    if (wanted > limit) {
        errno = ERANGE;
        return -1;
    }
    bool is_all = wanted == 0 && s_is_digit (*text) && !strchr (text, '%');
    uint32_t whole = wanted < 1 ? 0 : (uint32_t)wanted;
    if (wanted > whole)
        whole++;
    *jobs = is_all ? limit : whole < 1 ? 1 : whole;
    return 0;
}

char *units_show_duration (int64_t value_ms, char text[UNITS_TEXT])
{
    static const struct {
        long long unit_s, part_s;
        const char *format;
    } pairs[] = {{86400, 3600, "%lldd%02lldh"}, {3600, 60, "%lldh%02lldm"}, {60, 1, "%lldm%02llds"}};
    long long value_s = value_ms / 1000;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (value_s >= pairs[i].unit_s) {
            snprintf (text, UNITS_TEXT, pairs[i].format, value_s / pairs[i].unit_s,
                      value_s % pairs[i].unit_s / pairs[i].part_s);
            return text;
        }
    }
    int tenths = (int)(value_ms % 1000 / 100);
    if (value_ms <= 0)
        snprintf (text, UNITS_TEXT, "0s");
    else if (value_ms < 1000)
        snprintf (text, UNITS_TEXT, "%dms", (int)value_ms);
    else if (value_s < 10 && tenths > 0)
        snprintf (text, UNITS_TEXT, "%lld.%ds", value_s, tenths);
    else
        snprintf (text, UNITS_TEXT, "%llds", value_s);
    return text;
}

char *units_show_size (uint64_t value_bytes, char text[UNITS_TEXT])
{
    static const char units[] = "KMGTP";
    if (value_bytes < 1024) {
        snprintf (text, UNITS_TEXT, "%u", (unsigned)value_bytes);
        return text;
    }
    double value = (double)value_bytes / 1024;
    size_t unit = 0;
    while (value >= 1023.5 && units[unit + 1]) {
        value /= 1024;
        unit++;
    }
    snprintf (text, UNITS_TEXT, value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
    return text;
}
