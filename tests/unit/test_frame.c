//  Headers and records come back as they were written; what is short, foreign or random is refused and harmless.
#include "test_core_help.h"

static const header_t sample = {.type = MSG_DONE,
                                .flags = FLAG_GAP,
                                .count = 0x01020304,
                                .run = 0x1112131415161718,
                                .from = 2,
                                .to = 3,
                                .seq = 4,
                                .got = 5,
                                .ack = 6,
                                .sent = 7,
                                .credit = UINT64_MAX};

static void test_header_comes_back (void **state)
{
    uint8_t frame[HEADER_BYTES + 3];
    header_encode (&sample, frame);
    memcpy (frame + HEADER_BYTES, "xyz", 3);
    message_t message;
    assert_int_equal (message_decode (&message, frame, sizeof frame, NULL), 0);
    uint8_t again[HEADER_BYTES];
    header_encode (&message.header, again);
    assert_memory_equal (again, frame, HEADER_BYTES);
    assert_int_equal (message.records_size, 3);
    assert_memory_equal (message.records, "xyz", 3);
    assert_null (message.body);
    assert_int_equal (frame[4], 4); // little-endian
    assert_int_equal (frame[8], 0x18);
}

static void test_every_truncation_is_refused (void **state)
{
    uint8_t frame[HEADER_BYTES];
    header_encode (&sample, frame);
    for (size_t size = 0; size < HEADER_BYTES; size++) {
        uint8_t *part = malloc (size ? size : 1); // of just this size: the sanitizer sees a byte too far
        memcpy (part, frame, size);
        message_t message;
        assert_int_equal (message_decode (&message, part, size, NULL), -1);
        free (part);
    }
}

static void test_foreign_headers_are_refused (void **state)
{
    uint8_t frame[HEADER_BYTES];
    message_t message;
    header_encode (&sample, frame);
    frame[0] = 'X';
    assert_int_equal (message_decode (&message, frame, sizeof frame, NULL), -1);
    header_encode (&sample, frame);
    frame[1] = FRAME_VERSION + 1;
    assert_int_equal (message_decode (&message, frame, sizeof frame, NULL), -1);
    for (unsigned type = 0; type < 256; type++) {
        header_encode (&sample, frame);
        frame[2] = (uint8_t)type;
        bool known = strcmp (msg_name ((uint8_t)type), "?");
        assert_int_equal (message_decode (&message, frame, sizeof frame, NULL), known ? 0 : -1);
    }
    assert_string_equal (msg_name (MSG_HELLO), "HELLO");
    assert_string_equal (msg_name (0), "?");
    assert_string_equal (msg_name (255), "?");
}

//  hole 16: no topic is the beginning of another, but that of everybody
static void test_topics_are_no_prefixes (void **state)
{
    uint8_t one[TOPIC_BYTES], ten[TOPIC_BYTES], all[TOPIC_BYTES];
    topic_encode (one, 'd', 1);
    topic_encode (ten, 'd', 0x0100000000000001);
    topic_encode (all, 0, 0);
    assert_memory_not_equal (one, ten, TOPIC_BYTES);
    assert_int_equal (one[0], 'd');
    assert_int_equal (one[TOPIC_BYTES - 1], 0);
    assert_int_equal (all[0], 0);
}

static void test_numbers_and_texts_come_back (void **state)
{
    writer_t out = {0};
    put_u8 (&out, 0xfe);
    put_u16 (&out, 0xfedc);
    put_u32 (&out, 0xfedcba98);
    put_u64 (&out, 0xfedcba9876543210);
    put_run (&out, 7, 9);
    put_text (&out, "dish");
    put_text (&out, "");
    put_bytes (&out, NULL, 0);
    slice_t bytes;
    assert_int_equal (writer_take (&out, &bytes), 0);
    assert_null (out.data);
    message_t message = {.records = bytes.data, .records_size = bytes.size};
    reader_t in = reader_of (&message);
    char text[5], empty[1];
    assert_int_equal (get_u8 (&in), 0xfe);
    assert_int_equal (get_u16 (&in), 0xfedc);
    assert_int_equal (get_u32 (&in), 0xfedcba98);
    assert_true (get_u64 (&in) == 0xfedcba9876543210);
    run_t run = get_run (&in);
    assert_int_equal (run.n, 7);
    assert_int_equal (run.count, 9);
    get_text (&in, text, sizeof text);
    get_text (&in, empty, sizeof empty);
    assert_string_equal (text, "dish");
    assert_string_equal (empty, "");
    assert_false (in.bad);
    assert_ptr_equal (in.at, in.end);
    slice_drop (&bytes);
    assert_int_equal (writer_take (&out, &bytes), 0); // nothing was written: nothing is there
    assert_null (bytes.block);
}

static void test_reading_too_far_turns_bad (void **state)
{
    const uint8_t bytes[] = {1, 2, 3};
    message_t message = {.records = bytes, .records_size = sizeof bytes};
    reader_t in = reader_of (&message);
    assert_int_equal (get_u16 (&in), 0x0201);
    assert_int_equal (get_u32 (&in), 0);
    assert_true (in.bad);
    assert_int_equal (get_u8 (&in), 0); // though one byte is left
    reader_t none = reader_of (&(message_t){0});
    assert_int_equal (get_u8 (&none), 0);
    assert_true (none.bad);
}

static void test_bad_texts_are_refused (void **state)
{
    static const struct {
        const char *bytes;
        size_t size, room;
    } texts[] = {{"\4\0dish", 6, 4}, {"\4\0dis", 5, 16}, {"\4\0d\0sh", 6, 16}, {"\4", 1, 16}, {"\1\0x", 3, 1}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        message_t message = {.records = (const uint8_t *)texts[i].bytes, .records_size = texts[i].size};
        reader_t in = reader_of (&message);
        char out[16] = "before";
        get_text (&in, out, texts[i].room);
        assert_true (in.bad);
        assert_string_equal (out, "");
    }
}

static void test_names_are_for_one_line (void **state)
{
    static const char *const bad[] = {"a\nb", "\tb", "\033[2J", "\302\233m"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        writer_t out = {0};
        put_text (&out, "dryer \303\244");
        put_text (&out, bad[i]);
        message_t message = {.records = out.data, .records_size = out.size};
        reader_t in = reader_of (&message);
        char text[16];
        get_name (&in, text, sizeof text);
        assert_string_equal (text, "dryer \303\244");
        assert_false (in.bad);
        get_name (&in, text, sizeof text);
        assert_true (in.bad);
        assert_string_equal (text, "");
        writer_free (&out);
    }
}

static void test_bad_runs_are_refused (void **state)
{
    static const struct {
        uint64_t n, count;
        bool good;
    } runs[] = {{1, 1, true},
                {0, 1, false},
                {1, 0, false},
                {INT64_MAX - 1, 1, true},
                {INT64_MAX, 1, false},
                {1, INT64_MAX, false},
                {2, UINT64_MAX, false},
                {UINT64_MAX, 1, false},
                {1, INT64_MAX - 1, true}};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        writer_t out = {0};
        put_run (&out, runs[i].n, runs[i].count);
        message_t message = {.records = out.data, .records_size = out.size};
        reader_t in = reader_of (&message);
        get_run (&in);
        assert_int_equal (in.bad, !runs[i].good);
        writer_free (&out);
    }
}

static void test_a_long_text_is_cut (void **state)
{
    char *text = malloc (70001);
    memset (text, 'x', 70000);
    text[70000] = '\0';
    writer_t out = {0};
    put_text (&out, text);
    assert_int_equal (out.size, 2 + UINT16_MAX);
    writer_free (&out);
    free (text);
}

static void test_random_frames_do_no_harm (void **state)
{
    uint64_t seed = 3;
    for (int round = 0; round < 20000; round++) {
        size_t size = below (&seed, 2 * HEADER_BYTES);
        uint8_t *frame = malloc (size ? size : 1);
        for (size_t i = 0; i < size; i++)
            frame[i] = (uint8_t)chance (&seed);
        if (size > 2 && below (&seed, 2))
            frame[0] = 'D', frame[1] = FRAME_VERSION, frame[2] = (uint8_t)below (&seed, 70);
        message_t message;
        if (message_decode (&message, frame, size, NULL) == 0) {
            reader_t in = reader_of (&message);
            char text[8];
            while (!in.bad && in.at < in.end) {
                get_text (&in, text, sizeof text);
                get_run (&in);
                get_u8 (&in);
            }
        }
        free (frame);
    }
}

static void test_outbox_keeps_the_order (void **state)
{
    outbox_t box = {0};
    uint64_t seed = 4, in = 0, out = 0;
    for (int round = 0; round < 20000; round++) {
        if (below (&seed, 2)) {
            packet_t packet = {.header.seq = ++in, .records = slice_text ("x")};
            outbox_push (&box, &packet);
            continue;
        }
        packet_t packet;
        bool any = outbox_pop (&box, &packet);
        assert_int_equal (any, out < in);
        if (!any)
            continue;
        assert_int_equal (packet.header.seq, ++out);
        packet_drop (&packet);
    }
    assert_false (box.failed);
    outbox_free (&box); // what is left is freed with it
}

//  Each is moved but now and then: with all of them moved at each push this would take a minute.
static void test_a_full_outbox_stays_as_large_as_it_is (void **state)
{
    enum { HELD = 1023, ROUNDS = 1000000 };
    outbox_t box = {0};
    packet_t packet = {0};
    for (int i = 0; i < HELD; i++)
        outbox_push (&box, &packet);
    for (int i = 0; i < ROUNDS; i++) {
        outbox_push (&box, &packet);
        assert_true (outbox_pop (&box, &packet));
    }
    assert_int_equal (box.size, HELD);
    assert_true (box.capacity <= 4 * (HELD + 1));
    outbox_free (&box);
}

static void test_room_for_nothing_is_no_failure (void **state)
{
    writer_t out = {0};
    assert_non_null (put_room (&out, 0));
    assert_false (out.failed);
    assert_int_equal (out.size, 0);
    writer_free (&out);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_header_comes_back),
        cmocka_unit_test (test_every_truncation_is_refused),
        cmocka_unit_test (test_foreign_headers_are_refused),
        cmocka_unit_test (test_topics_are_no_prefixes),
        cmocka_unit_test (test_numbers_and_texts_come_back),
        cmocka_unit_test (test_reading_too_far_turns_bad),
        cmocka_unit_test (test_bad_texts_are_refused),
        cmocka_unit_test (test_names_are_for_one_line),
        cmocka_unit_test (test_bad_runs_are_refused),
        cmocka_unit_test (test_a_long_text_is_cut),
        cmocka_unit_test (test_random_frames_do_no_harm),
        cmocka_unit_test (test_outbox_keeps_the_order),
        cmocka_unit_test (test_a_full_outbox_stays_as_large_as_it_is),
        cmocka_unit_test (test_room_for_nothing_is_no_failure),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
