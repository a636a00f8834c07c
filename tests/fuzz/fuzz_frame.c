//  Whatever comes off the wire: the decoder, every reader of records, the shapes of items. Nothing is read behind the
//  end, and what was taken to pieces is put together again as it was.
#include "core/frame.h"
#include "core/session.h"
#include "feed.h"

static void decode (const uint8_t *data, size_t size)
{
    message_t message;
    uint8_t header[HEADER_BYTES];
    if (message_decode (&message, data, size, NULL) == -1)
        return;
    HOLDS (message.records_size == size - HEADER_BYTES);
    header_encode (&message.header, header);
    HOLDS (memcmp (header, data, HEADER_BYTES) == 0);
    session_t session;
    session_init (&session, ROLE_DRYER, message.header.to, 0, 0);
    session.run = message.header.run;
    session.sink = message.header.from;
    for (int turn = 0; turn < 3; turn++) {
        session_heard (&session, &message, turn);
        HOLDS (session.link.ack <= session.link.got);
        HOLDS (strlen (session.reason) < REASON_BYTES);
    }
    session_free (&session);
}

//  Reads as the feed says. A reader that ran over its end stays bad and yields zeros.
static void read_records (feed_t *feed, const uint8_t *data, size_t size)
{
    message_t message = {.records = data, .records_size = size};
    reader_t in = reader_of (&message);
    char text[40];
    for (int i = 0; i < 64; i++) {
        bool bad = in.bad;
        uint64_t got = 0;
        size_t length = 1 + feed_below (feed, sizeof text);
        switch (feed_below (feed, 8)) {
        case 0:
            got = get_u8 (&in);
            break;
        case 1:
            got = get_u16 (&in);
            break;
        case 2:
            got = get_u32 (&in);
            break;
        case 3:
            got = get_u64 (&in);
            break;
        case 4:
            memset (text, 'x', sizeof text);
            get_text (&in, text, length);
            HOLDS (memchr (text, 0, length));
            break;
        case 5:
            HOLDS (run_valid (1, 1));
            run_t run = get_run (&in);
            HOLDS (in.bad || run_valid (run.n, run.count));
            break;
        default: {
            ending_t ending = get_ending (&in);
            HOLDS (ending.end <= END_LOST && memchr (ending.why, 0, sizeof ending.why));
            HOLDS (ending.end == END_LOST || !*ending.why);
        }
        }
        HOLDS (in.at <= in.end && (!bad || (in.bad && !got)));
    }
}

//  The tasks that are counted are those that are walked over, and together they are all the bytes.
static void walk (const shape_t *shape, const uint8_t *data, size_t size)
{
    uint64_t tasks = shape_count (shape, data, size);
    size_t at = 0, taken = 0;
    if (tasks == UINT64_MAX) {
        HOLDS (size && shape_skip (shape, data, size, size + 1) == SIZE_MAX);
        return;
    }
    for (uint64_t i = 0; i < tasks; i++) {
        size_t task = shape_skip (shape, data + at, size - at, 1);
        HOLDS (task && task <= size - at);
        value_cursor_t cursor = value_cursor (shape, data + at, task);
        const uint8_t *value;
        for (size_t length; value_next (&cursor, &value, &length); taken += length)
            HOLDS (value >= data + at && value + length <= data + at + task);
        at += task;
    }
    HOLDS (at == size && taken <= size);
    HOLDS (shape_skip (shape, data, size, tasks) == size);
    HOLDS (shape_skip (shape, data, size, tasks + 1) == SIZE_MAX);
}

//  A set of numbers against one that is a row of bits.
static void keep_ranges (feed_t *feed)
{
    enum { NUMBERS = 64 };
    ranges_t ranges = {0};
    uint64_t bits = 0;
    for (int i = 0; i < 32; i++) {
        unsigned n = 1 + feed_below (feed, NUMBERS - 8), count = 1 + feed_below (feed, 8);
        uint64_t mask = ((1ull << count) - 1) << (n - 1);
        bool add = feed_below (feed, 2);
        HOLDS ((add ? ranges_add (&ranges, n, count) : ranges_remove (&ranges, n, count)) == 0);
        bits = add ? bits | mask : bits & ~mask;
        HOLDS (ranges.total == (uint64_t)__builtin_popcountll (bits));
        HOLDS (ranges_cover (&ranges, n, count) == add);
        run_t gap = ranges_missing (&ranges, 1, NUMBERS);
        HOLDS (bits == UINT64_MAX || gap.n == 1 + (unsigned)__builtin_ctzll (~bits));
    }
    ranges_free (&ranges);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    feed_t feed = feed_of (data, size);
    unsigned what = feed_below (&feed, 4);
    size_t choices = what == 1 ? 64 : what == 2 ? 4 : 0, rest;
    const uint8_t *taken = feed_bytes (&feed, choices, &choices);
    feed_t choice = feed_of (taken, choices);
    const uint8_t *bytes = feed_bytes (&feed, SIZE_MAX, &rest);
    uint8_t *exact = malloc (rest); // so that a byte too many is seen
    if (rest)
        memcpy (exact, bytes, rest);
    if (what == 0)
        decode (exact, rest);
    if (what == 1)
        read_records (&choice, exact, rest);
    if (what == 2) {
        shape_t shape = {.format = feed_byte (&choice) & 1,
                         .delimiter = feed_byte (&choice),
                         .columns = 1,
                         .items = 1 + feed_below (&choice, 4)};
        walk (&shape, exact, rest);
    }
    feed_t all = feed_of (exact, rest);
    if (what == 3)
        keep_ranges (&all);
    free (exact);
    return 0;
}
