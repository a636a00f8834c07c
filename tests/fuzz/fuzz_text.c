//  What people write: addresses, durations, sizes, counts, shares, jobs, the sequence of signals, a delimiter. Each
//  takes the whole text or nothing, and what is shown of a value is read back as the same value.
#include "base/units.h"
#include "input/input.h"
#include "net/address.h"
#include "run/termseq.h"
#include "feed.h"

#include <errno.h>
#include <math.h>

static void read_address (const char *text)
{
    address_t address, again;
    endpoint_t shown;
    char error[200] = "", small[8] = "";
    if (address_parse (text, &address, error, sizeof error) == -1) {
        HOLDS (errno == EINVAL && *error && !strchr (error, '\n'));
        HOLDS (address_parse (text, &address, small, sizeof small) == -1 && memchr (small, 0, sizeof small));
        return;
    }
    address_show (&address, shown);
    HOLDS (address_parse (shown, &again, error, sizeof error) == 0);
    HOLDS (address.kind == again.kind && address.port == again.port && strcmp (address.name, again.name) == 0);
    if (address.kind != ADDRESS_INPROC)
        return;
    endpoint_t endpoint;
    address_out (&address, endpoint);
    address_in (&address, endpoint);
    address_lane (&address, UINT64_MAX, UINT64_MAX, UINT32_MAX, endpoint);
    HOLDS (strlen (endpoint) + 1 < sizeof endpoint);
}

static void read_duration (const char *text)
{
    char shown[UNITS_TEXT];
    int64_t value_ms = -5, again_ms;
    if (units_duration (text, &value_ms) == -1) {
        HOLDS (errno == EINVAL && value_ms == -5);
        return;
    }
    HOLDS (value_ms >= 0);
    HOLDS (strlen (units_show_duration (value_ms, shown)) < UNITS_TEXT);
    HOLDS (units_duration (shown, &again_ms) == 0 || value_ms > INT64_MAX / 2);
}

static void read_size (const char *text)
{
    char shown[UNITS_TEXT];
    uint64_t value_bytes = 5, again_bytes;
    if (units_size (text, &value_bytes) == -1) {
        HOLDS (errno == EINVAL && value_bytes == 5);
        return;
    }
    HOLDS (strlen (units_show_size (value_bytes, shown)) < UNITS_TEXT);
    HOLDS (units_size (shown, &again_bytes) == 0 || value_bytes > UINT64_MAX / 2);
}

static void read_count (const char *text)
{
    uint64_t value = 5;
    bool digits = *text && strspn (text, "0123456789") == strlen (text);
    if (units_count (text, &value) == -1)
        HOLDS (value == 5 && (!digits || strlen (text) > 19));
    else
        HOLDS (digits);
}

static void read_share (const char *text)
{
    double percent = -5, per_second = -5;
    if (units_percent (text, &percent) == -1)
        HOLDS (percent == -5);
    else
        HOLDS (isfinite (percent) && percent >= 0 && strchr (text, '%'));
    if (units_rate (text, &per_second) == -1)
        HOLDS (per_second == -5);
    else
        HOLDS (isfinite (per_second) && per_second > 0 && strchr (text, '/'));
}

static void read_jobs (const char *text, uint32_t cores, uint32_t limit)
{
    uint32_t jobs = 12345;
    if (units_jobs (text, cores, limit, &jobs) == -1)
        HOLDS (jobs == 12345 && (errno == EINVAL || errno == ERANGE));
    else
        HOLDS (jobs >= 1 && jobs <= limit);
}

static void read_termseq (const char *text)
{
    termseq_t sequence;
    if (termseq_parse (text, &sequence) == -1)
        return;
    HOLDS (sequence.count >= 1 && sequence.count <= TERMSEQ_STEPS);
    for (int i = 0; i < sequence.count; i++)
        HOLDS (sequence.step[i].signal > 0 && sequence.step[i].wait_ms >= 0);
}

static void read_delimiter (const char *text)
{
    uint8_t delimiter = 0;
    mark_t mark = {.size = MARK_BYTES + 1};
    if (input_delimiter (text, &delimiter) == -1)
        HOLDS (errno == EINVAL && delimiter == 0);
    if (input_mark (text, &mark) == -1)
        HOLDS (errno == EINVAL && mark.size == MARK_BYTES + 1);
    else
        HOLDS (mark.size <= MARK_BYTES && mark.size <= strlen (text));
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    feed_t feed = feed_of (data, size);
    unsigned what = feed_below (&feed, 8);
    uint32_t cores = 1 + feed_below (&feed, 64), limit = 1 + 100 * feed_below (&feed, 64);
    char *text = feed_text (&feed, 0, 1024);
    switch (what) {
    case 0:
        read_address (text);
        break;
    case 1:
        read_duration (text);
        break;
    case 2:
        read_size (text);
        break;
    case 3:
        read_count (text);
        break;
    case 4:
        read_share (text);
        break;
    case 5:
        read_jobs (text, cores, limit);
        break;
    case 6:
        read_termseq (text);
        break;
    default:
        read_delimiter (text);
    }
    free (text);
    return 0;
}
