//  Results become letters: runs of successes one record, large outputs pieces as credit allows, and nothing is let go
//  of before the sink has committed it.
//  ctest: one-thread
#include "test_core_help.h"

#include "core/report.h"

enum { MOST = 400 };

//  Outputs by the number of their task; a byte follows from task, stream and place.
typedef struct {
    uint64_t n, out_bytes, err_bytes;
    bool freed, unreadable;
} output_t;

static uint8_t byte_at (uint64_t n, int stream, uint64_t offset)
{
    return (uint8_t)(n * 31 + (uint64_t)stream * 7 + offset * 13 + (offset >> 9));
}

static size_t read_output (void *arg, void *cookie, int stream, uint64_t offset, uint8_t *out, size_t size)
{
    const output_t *output = cookie;
    uint64_t bytes = stream == 1 ? output->out_bytes : output->err_bytes;
    assert_false (output->freed);
    if (output->unreadable || offset >= bytes)
        return 0;
    if (size > bytes - offset)
        size = (size_t)(bytes - offset);
    for (size_t i = 0; i < size; i++)
        out[i] = byte_at (output->n, stream, offset + i);
    return size;
}

static void free_output (void *arg, void *cookie)
{
    output_t *output = cookie;
    assert_false (output->freed);
    output->freed = true;
}

static const dryer_ports_t ports = {.read_output = read_output, .free_output = free_output};

//  What the sink would have seen.
typedef struct {
    uint64_t got[3][MOST]; // bytes of a stream of a task
    bool done[MOST];
    uint8_t flags[MOST];
    uint64_t bodies, letters, records, dones;
    uint64_t last_seq, done_seq[MOST];
} seen_t;

static void see_output (seen_t *seen, uint64_t n, int stream, const uint8_t *bytes, uint64_t size)
{
    assert_true (n < MOST && !seen->done[n]);
    for (uint64_t i = 0; i < size; i++)
        assert_int_equal (bytes[i], byte_at (n, stream, seen->got[stream][n] + i));
    seen->got[stream][n] += size;
}

static void see_done (seen_t *seen, const packet_t *packet)
{
    message_t message = {.records = packet->records.data, .records_size = packet->records.size};
    reader_t in = reader_of (&message);
    const uint8_t *body = packet->body.data;
    get_u64 (&in); // washer
    for (uint32_t i = 0; i < packet->header.count; i++) {
        run_t run = get_run (&in);
        get_u64 (&in); // delivery
        get_u64 (&in); // attempt, status, signal, flags
        uint8_t flags = in.at[-1];
        get_u64 (&in);
        get_u64 (&in);
        for (int stream = 1; stream <= 2; stream++) {
            uint32_t size = get_u32 (&in);
            see_output (seen, run.n, stream, body, size);
            body += size;
        }
        body += get_u32 (&in); // tag
        body += get_u32 (&in); // command
        for (uint64_t n = run.n; n < run.n + run.count; n++) {
            assert_false (seen->done[n]);
            seen->done[n] = true;
            seen->flags[n] = flags;
            seen->done_seq[n] = packet->header.seq;
        }
        seen->records++;
    }
    assert_false (in.bad);
    assert_ptr_equal (in.at, in.end);
    assert_true (body == packet->body.data + packet->body.size);
    seen->dones++;
}

static void see_piece (seen_t *seen, const packet_t *packet)
{
    message_t message = {.records = packet->records.data, .records_size = packet->records.size};
    reader_t in = reader_of (&message);
    get_u64 (&in);
    uint64_t n = get_u64 (&in);
    get_u64 (&in);
    int stream = get_u8 (&in);
    assert_int_equal (get_u8 (&in), 0);   // not streamed
    assert_int_equal (in.end - in.at, 3); // the sink puts it before each line
    assert_memory_equal (in.at, "tag", 3);
    assert_true (packet->body.size <= PIECE_BYTES);
    see_output (seen, n, stream, packet->body.data, packet->body.size);
}

static void see_all (seen_t *seen, link_t *link)
{
    for (packet_t packet = {0}; link_next (link, &packet); packet_drop (&packet), packet = (packet_t){0}) {
        seen->letters++;
        seen->bodies += packet.body.size;
        seen->last_seq = packet.header.seq;
        if (packet.header.type == MSG_DONE)
            see_done (seen, &packet);
        else
            see_piece (seen, &packet);
    }
}

static void acknowledge (reports_t *reports, link_t *link, uint64_t seq)
{
    link_heard (link, &(header_t){.got = seq, .ack = seq});
    reports_acked (reports, link->acked, &ports);
}

static result_t result_of (const output_t *output)
{
    result_t result = {.n = output->n, .count = 1, .out_bytes = output->out_bytes, .err_bytes = output->err_bytes};
    if (output->out_bytes + output->err_bytes) {
        result.tag = "tag";
        result.tag_size = 3;
    }
    return result;
}

static void add (reports_t *reports, link_t *link, output_t *output)
{
    running_t job = {.washer = 1, .seq = 1, .attempt = 1};
    result_t result = result_of (output);
    result.cookie = output->out_bytes + output->err_bytes ? output : NULL;
    reports_add (reports, link, 0, &job, &result, &ports);
}

static uint8_t *stream_of (const output_t *output, int stream)
{
    uint64_t size = stream == 1 ? output->out_bytes : output->err_bytes;
    uint8_t *bytes = malloc (size + 1);
    assert_non_null (bytes);
    for (uint64_t at = 0; at < size; at++)
        bytes[at] = byte_at (output->n, stream, at);
    return bytes;
}

//  The output itself, which is not there any longer afterwards.
static void add_lent (reports_t *reports, link_t *link, uint64_t credit, output_t *output)
{
    running_t job = {.washer = 1, .seq = 1, .attempt = 1};
    result_t result = result_of (output);
    uint8_t *out = stream_of (output, 1), *err = stream_of (output, 2);
    result.out = output->out_bytes ? out : NULL;
    result.err = output->err_bytes ? err : NULL;
    reports_add (reports, link, credit, &job, &result, &ports);
    free (out);
    free (err);
    output->freed = true;
}

static void test_a_million_successes_are_one_record (void **state)
{
    reports_t reports = {0};
    link_t link = {0};
    running_t job = {.washer = 1, .seq = 1, .attempt = 1};
    for (uint64_t n = 1; n <= 1000000; n++)
        reports_add (&reports, &link, 0, &job, &(result_t){.n = n, .count = 1}, &ports);
    reports_pump (&reports, &link, 0, &ports); // without credit
    packet_t packet = {0};
    assert_true (link_next (&link, &packet));
    assert_int_equal (packet.header.count, 1);
    assert_true (packet.records.size < 100);
    packet_drop (&packet);
    assert_false (link_next (&link, &packet));
    reports_free (&reports, &ports);
    link_free (&link);
}

//  What differs from its neighbour is a record of its own.
static void test_records_join_only_what_is_alike (void **state)
{
    static const struct {
        uint64_t washer, seq, n;
        uint32_t attempt;
        uint16_t status;
        uint8_t signal, flags;
        bool joins; // the one before it: washer 1, seq 1, attempt 1, n 5
    } next[] = {
        {1, 1, 6, 1, 0, 0, 0, true},  {1, 1, 7, 1, 0, 0, 0, false}, {1, 1, 5, 1, 0, 0, 0, false},
        {2, 1, 6, 1, 0, 0, 0, false}, {1, 2, 6, 1, 0, 0, 0, false}, {1, 1, 6, 2, 0, 0, 0, false},
        {1, 1, 6, 1, 1, 0, 0, false}, {1, 1, 6, 1, 0, 9, 0, false}, {1, 1, 6, 1, 0, 0, 1, false},
    };
    for (size_t i = 0; i < sizeof next / sizeof *next; i++) {
        reports_t reports = {0};
        link_t link = {0};
        running_t job = {.washer = 1, .seq = 1, .attempt = 1};
        reports_add (&reports, &link, 0, &job, &(result_t){.n = 5, .count = 1}, &ports);
        job = (running_t){.washer = next[i].washer, .seq = next[i].seq, .attempt = next[i].attempt};
        result_t result = {.n = next[i].n, .count = 1, .status = next[i].status};
        result.signal = next[i].signal;
        result.flags = next[i].flags;
        reports_add (&reports, &link, 0, &job, &result, &ports);
        reports_pump (&reports, &link, 0, &ports);
        uint32_t records = 0;
        for (packet_t packet = {0}; link_next (&link, &packet); packet_drop (&packet))
            records += packet.header.count;
        assert_int_equal (records, next[i].joins ? 1 : 2);
        reports_free (&reports, &ports);
        link_free (&link);
    }
}

static void test_texts_travel_with_their_record (void **state)
{
    reports_t reports = {0};
    link_t link = {0};
    output_t output = {.n = 4, .out_bytes = 10};
    running_t job = {.washer = 1, .seq = 1, .attempt = 1};
    char tag[] = "tag", command[] = "echo hi";
    result_t result = {.n = 4, .count = 1, .out_bytes = 10, .cookie = &output};
    result.tag = tag;
    result.tag_size = 3;
    result.command = command;
    result.command_size = 7;
    reports_add (&reports, &link, 0, &job, &result, &ports);
    memset (tag, '?', 3); // copies were taken
    memset (command, '?', 7);
    reports_pump (&reports, &link, 1000, &ports);
    packet_t packet = {0};
    assert_true (link_next (&link, &packet));
    assert_int_equal (packet.body.size, 20);
    assert_memory_equal (packet.body.data + 10, "tagecho hi", 10);
    packet_drop (&packet);
    assert_true (output.freed);
    reports_free (&reports, &ports);
    link_free (&link);
}

//  An output that is lent is in the batch at once where the credit covers it, and else a copy waits.
static void test_lent_outputs_go_at_once_or_wait_as_copies (void **state)
{
    enum { LONG_BYTES = INLINE_BYTES + 5 };
    static const uint64_t credits[] = {1000, 0};
    for (size_t i = 0; i < 2; i++) {
        reports_t reports = {0};
        link_t link = {0};
        seen_t *seen = calloc (1, sizeof *seen);
        output_t outputs[] = {{.n = 7, .out_bytes = 10, .err_bytes = 1}, {.n = 8, .out_bytes = LONG_BYTES}};
        for (size_t k = 0; k < 2; k++) // the second is too long for a batch
            add_lent (&reports, &link, credits[i], &outputs[k]);
        assert_int_equal (reports_waiting (&reports), credits[i] ? 1 : 2);
        reports_pump (&reports, &link, credits[i], &ports);
        see_all (seen, &link);
        assert_int_equal (seen->done[7], credits[i] != 0);
        reports_pump (&reports, &link, UINT64_MAX, &ports);
        see_all (seen, &link);
        assert_true (seen->done[7] && seen->done[8]);
        assert_int_equal (seen->got[1][7], 10);
        assert_int_equal (seen->got[2][7], 1);
        assert_int_equal (seen->got[1][8], LONG_BYTES);
        reports_free (&reports, &ports);
        link_free (&link);
        free (seen);
    }
}

//  hole 14: an output far larger than the credit goes as credit comes; DONE after its last piece; kept until acked
static void test_an_output_larger_than_the_credit (void **state)
{
    enum { SIZE = 3000000, WINDOW = 100000 };
    reports_t reports = {0};
    link_t link = {0};
    seen_t seen = {0};
    output_t output = {.n = 3, .out_bytes = SIZE, .err_bytes = 70000};
    add (&reports, &link, &output);
    uint64_t credit = 0;
    reports_pump (&reports, &link, credit, &ports);
    see_all (&seen, &link);
    assert_int_equal (seen.letters, 0);
    while (!seen.done[3]) {
        assert_true (credit < SIZE + 70000 + 2 * WINDOW);
        credit = seen.bodies + WINDOW;
        reports_pump (&reports, &link, credit, &ports);
        see_all (&seen, &link);
        assert_true (seen.bodies < credit + PIECE_BYTES); // one message beyond it at most
        assert_false (output.freed);
    }
    assert_int_equal (seen.got[1][3], SIZE);
    assert_int_equal (seen.got[2][3], 70000);
    assert_int_equal (reports_waiting (&reports), 0);
    assert_false (reports_idle (&reports));
    acknowledge (&reports, &link, seen.last_seq - 1);
    assert_false (output.freed);
    acknowledge (&reports, &link, seen.last_seq);
    assert_true (output.freed);
    assert_true (reports_idle (&reports));
    reports_free (&reports, &ports);
    link_free (&link);
}

static void test_results_without_output_pass_by (void **state)
{
    reports_t reports = {0};
    link_t link = {0};
    seen_t seen = {0};
    output_t large = {.n = 1, .out_bytes = 1 << 20}, none = {.n = 2};
    add (&reports, &link, &large);
    add (&reports, &link, &none);
    reports_pump (&reports, &link, 0, &ports);
    see_all (&seen, &link);
    assert_true (seen.done[2] && !seen.done[1]);
    reports_free (&reports, &ports);
    assert_true (large.freed);
    link_free (&link);
}

static void test_what_cannot_be_read_is_said (void **state)
{
    static const uint64_t sizes[] = {100, 1 << 20};
    for (size_t i = 0; i < 2; i++) {
        reports_t reports = {0};
        link_t link = {0};
        seen_t seen = {0};
        output_t output = {.n = 1, .out_bytes = sizes[i], .unreadable = true};
        add (&reports, &link, &output);
        reports_pump (&reports, &link, UINT64_MAX, &ports);
        see_all (&seen, &link);
        assert_true (seen.done[1]);
        assert_true (seen.flags[1] & RESULT_OUTPUT_LOST);
        assert_int_equal (seen.got[1][1], 0);
        reports_free (&reports, &ports);
        assert_true (output.freed);
        link_free (&link);
    }
}

//  Another life of the sink, at any moment: what the old one had committed does not go again, all else does, whole.
static void test_another_sink_gets_the_rest_whole (void **state)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        uint64_t chances = seed, credit = 0;
        output_t outputs[40] = {{0}};
        bool committed[40] = {0};
        reports_t reports = {0};
        link_t link = {0};
        seen_t *seen = calloc (1, sizeof *seen);
        size_t added = 0, sinks = 0;
        for (unsigned turns = 0;; turns++) {
            assert_true (turns < 10000);
            if (added < 40 && below (&chances, 2)) {
                static const uint64_t sizes[] = {0, 1, 5000, INLINE_BYTES, INLINE_BYTES + 1, 200000};
                outputs[added].n = added + 1;
                outputs[added].out_bytes = sizes[below (&chances, 6)];
                outputs[added].err_bytes = sizes[below (&chances, 6)];
                if (below (&chances, 2))
                    add_lent (&reports, &link, 0, &outputs[added++]);
                else
                    add (&reports, &link, &outputs[added++]);
            }
            credit = seen->bodies + below (&chances, 150000);
            reports_pump (&reports, &link, credit, &ports);
            see_all (seen, &link);
            if (below (&chances, 4) == 0 && sinks < 6) {
                sinks++;
                uint64_t ack = below (&chances, seen->last_seq + 1);
                acknowledge (&reports, &link, ack);
                for (size_t i = 0; i < added; i++)
                    committed[i] = committed[i] || (seen->done[i + 1] && seen->done_seq[i + 1] <= ack);
                link_restart (&link);
                reports_restart (&reports, &link);
                memset (seen, 0, sizeof *seen);
            }
            bool all = added == 40;
            for (size_t i = 0; i < added; i++)
                all = all && (seen->done[i + 1] || committed[i]);
            if (all)
                break;
        }
        for (size_t i = 0; i < 40; i++) {
            assert_int_equal (seen->done[i + 1], !committed[i]);
            assert_int_equal (seen->got[1][i + 1], committed[i] ? 0 : outputs[i].out_bytes);
            assert_int_equal (seen->got[2][i + 1], committed[i] ? 0 : outputs[i].err_bytes);
        }
        acknowledge (&reports, &link, seen->last_seq);
        assert_true (reports_idle (&reports));
        for (size_t i = 0; i < 40; i++)
            assert_true (outputs[i].freed || !(outputs[i].out_bytes + outputs[i].err_bytes));
        reports_free (&reports, &ports);
        link_free (&link);
        free (seen);
    }
}

static void test_streams_take_what_credit_there_is (void **state)
{
    reports_t reports = {0};
    link_t link = {0};
    running_t job = {.washer = 1, .seq = 1, .n = 9};
    char bytes[PIECE_BYTES + 100] = {0};
    assert_int_equal (reports_stream (&reports, &link, 0, &job, 1, "t", 1, bytes, 100), 0);
    assert_int_equal (reports_stream (&reports, &link, 60, &job, 1, "t", 1, bytes, 100), 60);
    assert_int_equal (reports_stream (&reports, &link, 60, &job, 1, "t", 1, bytes, 40), 0);
    assert_int_equal (reports_stream (&reports, &link, UINT64_MAX, &job, 2, "t", 1, bytes, sizeof bytes), PIECE_BYTES);
    assert_int_equal (link_sent (&link), 2);
    link_restart (&link); // a new sink has no use for pieces
    assert_int_equal (link_sent (&link), 0);
    reports_free (&reports, &ports);
    link_free (&link);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_a_million_successes_are_one_record),
        cmocka_unit_test (test_records_join_only_what_is_alike),
        cmocka_unit_test (test_texts_travel_with_their_record),
        cmocka_unit_test (test_lent_outputs_go_at_once_or_wait_as_copies),
        cmocka_unit_test (test_an_output_larger_than_the_credit),
        cmocka_unit_test (test_results_without_output_pass_by),
        cmocka_unit_test (test_what_cannot_be_read_is_said),
        cmocka_unit_test (test_another_sink_gets_the_rest_whole),
        cmocka_unit_test (test_streams_take_what_credit_there_is),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
