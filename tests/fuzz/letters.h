/*  letters: messages as a peer might say them, and as it never would.
 *
 *  Each type has a layout; what is put into it comes from the feed, and is likely to make sense: lives that exist, the
 *  right run, the next number in a link. So the cores get beyond their first checks.
 */
#ifndef DISHES_TESTS_FUZZ_LETTERS_H
#define DISHES_TESTS_FUZZ_LETTERS_H

#include "core/frame.h"
#include "core/report.h"
#include "core/session.h"
#include "feed.h"

enum { RUN = 77 };

//  Lives of every role, in the order in which they may follow each other.
enum { SINK_LIFE = 1000, WASHER_LIFE = 2000, DRYER_LIFE = 3000, OBSERVER_LIFE = 4000, LIVES_A_ROLE = 3 };

static inline uint64_t any_life (feed_t *feed)
{
    static const uint64_t first[] = {SINK_LIFE, WASHER_LIFE, DRYER_LIFE, OBSERVER_LIFE};
    unsigned byte = feed_byte (feed);
    if (byte < 240)
        return first[byte % 4] + byte / 4 % LIVES_A_ROLE;
    return byte < 244 ? 0 : feed_number (feed);
}

//  The same, most often of this one role.
static inline uint64_t any_life_of (feed_t *feed, uint64_t first)
{
    unsigned byte = feed_byte (feed);
    if (byte < 240)
        return first + byte / 4 % LIVES_A_ROLE;
    return byte < 244 ? 0 : feed_number (feed);
}

//  A layout, a letter a field: b u8, h u16, w u32, q u64, l any life, v a washer's, d a dryer's, n task number, r run,
//  t text, s sequence, f the flag of DONE that says that the item follows; a digit is itself as a u8; what follows *
//  stands `count` times, and what is in brackets as often as a u32 before it says.
typedef struct {
    uint8_t type;
    const char *layout;
} layout_t;

static inline void put_any_text (feed_t *feed, writer_t *out)
{
    size_t size;
    const uint8_t *text = feed_bytes (feed, feed_rarely (feed) ? 300 : feed_below (feed, 4), &size);
    put_u16 (out, (uint16_t)(feed_rarely (feed) ? feed_number (feed) : size));
    put_bytes (out, text, size);
}

static inline void put_any_run (feed_t *feed, writer_t *out)
{
    put_u64 (out, feed_number (feed));
    put_u64 (out, feed_rarely (feed) ? feed_number (feed) : 1 + feed_below (feed, 8));
}

static inline void put_field (feed_t *feed, writer_t *out, char field)
{
    switch (field) {
    case 'b':
        put_u8 (out, feed_rarely (feed) ? feed_byte (feed) : (uint8_t)feed_below (feed, 6));
        return;
    case 'h':
        put_u16 (out, feed_below (feed, 2) ? (uint16_t)feed_number (feed) : 0);
        return;
    case 'w':
        put_u32 (out, (uint32_t)feed_number (feed));
        return;
    case 'l':
        put_u64 (out, any_life (feed));
        return;
    case 'v':
        put_u64 (out, any_life_of (feed, WASHER_LIFE));
        return;
    case 'd':
        put_u64 (out, any_life_of (feed, DRYER_LIFE));
        return;
    case 'f':
        put_u8 (out, RESULT_HAS_ITEM);
        return;
    case 'r':
        put_any_run (feed, out);
        return;
    case 't':
        put_any_text (feed, out);
        return;
    default: // q n s
        put_u64 (out, feed_number (feed));
    }
}

static inline void put_layout (feed_t *feed, writer_t *out, const char *layout, unsigned count)
{
    const char *again = NULL;
    unsigned rounds = 0;
    for (const char *at = layout; *at; at++) {
        if (*at >= '0' && *at <= '9') {
            put_u8 (out, (uint8_t)(*at - '0'));
        } else if (*at == '[') {
            rounds = feed_below (feed, 4);
            put_u32 (out, feed_rarely (feed) ? (uint32_t)feed_number (feed) : rounds);
            again = at;
            if (!rounds)
                at = strchr (at, ']');
        } else if (*at == ']') {
            at = --rounds ? again : at;
        } else if (*at == '*') {
            for (unsigned i = 0; i < count; i++)
                put_layout (feed, out, at + 1, 0);
            return;
        } else {
            put_field (feed, out, *at);
        }
    }
}

//  What was said so far between a peer and the core under test.
typedef struct {
    uint64_t life;
    uint64_t said;  // the highest sequence that the peer has used
    uint64_t heard; // the highest that the core has used to it
} voice_t;

static inline uint64_t next_seq (feed_t *feed, voice_t *voice)
{
    switch (feed_below (feed, 16)) {
    case 0:
        return 0;
    case 1:
        return voice->said;
    case 2:
        return voice->said + 2;
    case 3:
        return feed_number (feed);
    default:
        return ++voice->said;
    }
}

//  The header of a letter as it should be.
static inline header_t next_header (voice_t *voice, uint64_t to, uint8_t type, uint32_t count)
{
    voice->said++;
    return (header_t){.type = type,
                      .count = count,
                      .run = RUN,
                      .from = voice->life,
                      .to = to,
                      .seq = voice->said,
                      .sent = voice->said,
                      .got = voice->heard,
                      .ack = voice->heard};
}

static inline header_t any_header (feed_t *feed, voice_t *voice, uint64_t to)
{
    unsigned oddity = feed_below (feed, 16);
    return (header_t){.flags = oddity == 1,
                      .run = oddity == 2 ? feed_number (feed) : RUN,
                      .from = oddity == 3 ? any_life (feed) : voice->life,
                      .to = oddity == 4 ? any_life (feed) : to,
                      .got = oddity == 5 ? feed_number (feed) : voice->heard,
                      .ack = oddity == 6 ? feed_number (feed) : voice->heard,
                      .sent = oddity == 7 ? feed_number (feed) : voice->said,
                      .credit = oddity > 8 ? 0 : feed_number (feed)};
}

//  A message as it lies in memory when it was received: nothing behind the last byte may be read.
typedef struct {
    message_t message;
    uint8_t *frame;
    slice_t body;
} received_t;

static inline slice_t any_body (feed_t *feed)
{
    size_t size;
    const uint8_t *bytes = feed_bytes (feed, feed_rarely (feed) ? 300 : feed_below (feed, 24), &size);
    block_t *block = block_new (size);
    if (size)
        memcpy (block_data (block), bytes, size);
    slice_t slice = slice_of (block, 0, size);
    block_unref (block);
    return slice;
}

//  False where it cannot even be decoded; it is to be dropped all the same.
static inline bool any_message (feed_t *feed, voice_t *voice, uint64_t to, const layout_t *layouts, size_t size,
                                received_t *out)
{
    const layout_t *what = &layouts[feed_below (feed, (unsigned)size)];
    header_t header = any_header (feed, voice, to);
    bool letter = (what->type >= MSG_DONE && what->type <= MSG_DIED) ||
                  (what->type >= MSG_DRYER_UP && what->type <= MSG_HALT) || what->type >= MSG_TASKS;
    unsigned count = strchr (what->layout, '*') ? feed_below (feed, 5) : 1;
    writer_t records = {0};
    header.type = feed_rarely (feed) ? feed_byte (feed) : what->type;
    header.count = feed_rarely (feed) ? (uint32_t)feed_number (feed) : count;
    header.seq = letter ? next_seq (feed, voice) : 0;
    put_layout (feed, &records, what->layout, count);
    if (feed_rarely (feed) && records.size)
        records.size -= 1 + (size_t)feed_byte (feed) % records.size;
    out->body = feed_below (feed, 3) ? any_body (feed) : (slice_t){0};
    out->frame = malloc (HEADER_BYTES + records.size);
    header_encode (&header, out->frame);
    if (records.size)
        memcpy (out->frame + HEADER_BYTES, records.data, records.size);
    size_t frame_size = HEADER_BYTES + records.size;
    writer_free (&records);
    return message_decode (&out->message, out->frame, frame_size, out->body.block ? &out->body : NULL) == 0;
}

static inline void received_drop (received_t *self)
{
    slice_drop (&self->body);
    free (self->frame);
}

#endif
