/*  units: numbers as people write them, and back.
 *
 *  One grammar for every option and every program: a duration is seconds unless it says otherwise, a size is
 *  GNU parallel's (k = 1000, K = 1024). Nothing here depends on the locale.
 *
 *  Every units_X (text, ...) takes the whole text or nothing: 0 and the value, or -1 and EINVAL for what is empty,
 *  negative, followed by garbage or too large, and then the target keeps what it held. All are pure and may be
 *  called from any thread.
 */
#ifndef DISHES_BASE_UNITS_H
#define DISHES_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

//  What to say after "... is not a duration": the grammars in a few words.
#define UNITS_DURATION_FORMS "seconds, or with a unit, as in 250ms 5s 1.5m 2h"
#define UNITS_SIZE_FORMS     "bytes, or with a unit, as in 64k (1000) 64K (1024) 1.5M 2G"
#define UNITS_JOBS_FORMS     "N, N%, +N or -N of the cores, or 0 for as many as the limits allow"

//  A whole number in decimal digits, without a sign.
int units_count (const char *text, uint64_t *value);

//  The longest duration that an option takes, in ms: 100 years, which may be added to any clock, of ms or ns.
#define UNITS_DURATION_MOST (INT64_C (36525) * 24 * 3600 * 1000)

//  A duration in ms: a bare number is seconds, else parts with a unit of ms, s, m, h, d: "250ms", "1.5m", "1m30s".
//  What is more than nothing and less than a millisecond is 1 ms, for 0 often means "no limit".
int units_duration (const char *text, int64_t *value_ms);

//  A size in bytes: digits, or a number (with a fraction, if need be) and k K m M g G t T p P; Ki is K, ki as well.
int units_size (const char *text, uint64_t *value_bytes);

//  "N%", as N; N may have a fraction and be over 100.
int units_percent (const char *text, double *percent);

//  "N/s", N > 0, as events a second; "N/m" and "N/h" are taken too.
int units_rate (const char *text, double *per_second);

//  How many commands at a time: N, N% +N -N of `cores`, or 0 for `limit`. Parallel's rounding: up, and at least 1.
//  More than `limit` is ERANGE: no value is cut down silently.
int units_jobs (const char *text, uint32_t cores, uint32_t limit, uint32_t *jobs);

//  For messages and bars, at most UNITS_TEXT bytes with the zero: "250ms", "1.5s", "59s", "2m05s", "3h02m", "4d11h".
//  Returns `text`. Less than 0 is shown as 0.
enum { UNITS_TEXT = 24 };
char *units_show_duration (int64_t value_ms, char text[UNITS_TEXT]);

//  The same for a size, in powers of 1024 as units_size reads them: "512", "1.5K", "64K", "2.0G". Rounded to nearest.
char *units_show_size (uint64_t value_bytes, char text[UNITS_TEXT]);

#endif
