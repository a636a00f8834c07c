/*  --pipe: where an input is cut into blocks of whole records. How the bytes come must make no difference; each row of
 *  the table is read in all cuts.
 */
#include "test_input_help.h"

typedef struct {
    const char *name, *bytes, *expect;
    size_t block; // 0: by count
    uint32_t n, header_lines;
    const char *end, *start; // as written; NULL: not given
    char delimiter;          // 0: newline
    size_t max_item;
} row_t;

static const row_t rows[] = {
    {"nothing", "", "", .block = 4},
    {"one line", "a\n", "(a\\x0a)", .block = 4},
    {"what fits, in one block", "a\nb\nc\n", "(a\\x0ab\\x0a)(c\\x0a)", .block = 5},
    {"exactly full", "a\nb\nc\nd\n", "(a\\x0ab\\x0a)(c\\x0ad\\x0a)", .block = 4},
    {"the last record has no end", "a\nb\nc", "(a\\x0ab\\x0a)(c)", .block = 4},
    {"no end at all", "abc", "(abc)", .block = 4},
    {"a record as long as the block", "abc\nd\n", "(abc\\x0a)(d\\x0a)", .block = 4},
    {"a longer record makes the block larger", "a\nbcdefghij\nk\nl\n", "(a\\x0a)(bcdefghij\\x0ak\\x0a)(l\\x0a)",
     .block = 3},
    {"a longer one at the end", "a\nbcdefghij", "(a\\x0a)(bcdefghij)", .block = 3},
    {"empty records", "\n\n\n\n\n", "(\\x0a\\x0a)(\\x0a\\x0a)(\\x0a)", .block = 2},
    {"-0", "a|b|c", "(a|b|)(c)", .block = 4, .delimiter = '|'},
    {"--recend of several bytes", "a--b--c-d--", "(a--b--)(c-d--)", .block = 8, .end = "--"},
    {"an end across two reads and two blocks", "aa--bb--", "(aa--)(bb--)", .block = 5, .end = "--"},
    {"an end across what was searched and what is not", "aaaa--bbbbbbbb", "(aaaa--)(bbbbbbbb)", .block = 5,
     .end = "--"},
    {"an end that overlaps itself", "a\n\n\nb\n\nc", "(a\\x0a\\x0a\\x0a)(b\\x0a\\x0ac)", .block = 5, .end = "\\n\\n"},
    {"--recstart", ">a\n>b\n>c\n", "(>a\\x0a>b\\x0a)(>c\\x0a)", .block = 8, .start = ">"},
    {"what comes before the first start", "x>a>b", "(x>a)(>b)", .block = 4, .start = ">"},
    {"a start needs its end", ">a\n>b>c\n>d\n", "(>a\\x0a)(>b>c\\x0a)(>d\\x0a)", .block = 6, .end = "\\n",
     .start = ">"},
    {"a longer start", "<r>1<r>22<r>3", "(<r>1<r>22)(<r>3)", .block = 6, .start = "<r>"},
    {"no mark: cut anywhere", "abcdefghij", "(abc)(def)(ghi)(j)", .block = 3, .end = ""},
    {"--header", "h\na\nb\nc\n", "(h\\x0aa\\x0a)(h\\x0ab\\x0a)(h\\x0ac\\x0a)", .block = 2, .header_lines = 1},
    {"--header 2", "h\ni\na\nb\n", "(h\\x0ai\\x0aa\\x0ab\\x0a)", .block = 4, .header_lines = 2},
    {"a header alone is nothing to do", "h\n", "", .block = 4, .header_lines = 1},
    {"nor is half of one", "h", "", .block = 4, .header_lines = 1},
    {"a header longer than a block", "header\na\nb\n", "(header\\x0aa\\x0a)(header\\x0ab\\x0a)", .block = 2,
     .header_lines = 1},
    {"-n", "a\nb\nc\nd\ne", "(a\\x0ab\\x0a)(c\\x0ad\\x0a)(e)", .n = 2},
    {"-n 1", "a\n\nb\n", "(a\\x0a)(\\x0a)(b\\x0a)", .n = 1},
    {"-n --recend", "a--b--c", "(a--b--)(c)", .n = 2, .end = "--"},
    {"-n --recstart", ">a>b>c>d>e", "(>a>b)(>c>d)(>e)", .n = 2, .start = ">"},
    {"-n --recend --recstart", ">a\nx\n>b\n>c", "(>a\\x0ax\\x0a)(>b\\x0a)(>c)", .n = 1, .end = "\\n", .start = ">"},
    {"-n --header", "h\na\nb\nc\n", "(h\\x0aa\\x0ab\\x0a)(h\\x0ac\\x0a)", .n = 2, .header_lines = 1},
    {"-n, a record longer than what is read at once", "a\nbcdefghijklmnopqrstuvwxyz0123456789\nc\n",
     "(a\\x0a)(bcdefghijklmnopqrstuvwxyz0123456789\\x0a)(c\\x0a)", .n = 1},
    {"as long as may be", "12345\n12345\n", "(12345\\x0a)(12345\\x0a)", .block = 2, .max_item = 6},
};

static input_config_t config_of (const row_t *row, size_t read_bytes)
{
    input_config_t config = input_defaults ();
    config.pipe = true;
    config.pipe_bytes = row->block;
    config.task_items = row->n;
    config.header_lines = row->header_lines;
    config.delimiter = row->delimiter ? (uint8_t)row->delimiter : '\n';
    config.has_record_end = row->end;
    config.block_bytes = read_bytes;
    config.max_item_bytes = row->max_item ? row->max_item : config.max_item_bytes;
    if (row->end)
        assert_int_equal (input_mark (row->end, &config.record_end), 0);
    if (row->start)
        assert_int_equal (input_mark (row->start, &config.record_start), 0);
    return config;
}

//  In writes of `cut` bytes.
static void read_row (const row_t *row, size_t cut, size_t read_bytes, seen_t *seen)
{
    int fd[2];
    assert_int_equal (pipe (fd), 0);
    input_config_t config = config_of (row, read_bytes);
    config.stdin_fd = fd[0];
    input_t *input = open_input (&config);
    assert_int_equal (input_shape (input)->format, BLOCK_WHOLE);
    for (size_t at = 0, size = strlen (row->bytes); at < size; at += cut) {
        size_t part = cut < size - at ? cut : size - at;
        assert_int_equal (write (fd[1], row->bytes + at, part), (ssize_t)part);
        assert_int_equal (drain (input, seen), 0);
    }
    close (fd[1]);
    assert_int_equal (drain_to_end (input, seen), 0);
    input_destroy (&input);
    close (fd[0]);
}

static void test_cuts (void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t cut = 1; cut < strlen (rows[i].bytes) + 2; cut++)
            for (size_t read_bytes = 1; read_bytes < 40; read_bytes += 6) {
                seen_t seen = {0};
                read_row (&rows[i], cut, read_bytes, &seen);
                if (strcmp (seen.text, rows[i].expect) != 0)
                    fail_msg ("%s, cuts of %zu, reads of %zu:\n got %s\nwant %s", rows[i].name, cut, read_bytes,
                              seen.text, rows[i].expect);
            }
}

static void test_a_slow_writer_has_its_records_done (void **state)
{
    int fd[2];
    assert_int_equal (pipe (fd), 0);
    input_config_t config = input_defaults ();
    config.pipe = true;
    config.task_items = 2;
    config.stdin_fd = fd[0];
    input_t *input = open_input (&config);
    seen_t seen = {0};
    assert_int_equal (write (fd[1], "a\nb\nc\n", 6), 6);
    assert_int_equal (drain (input, &seen), 0);
    assert_string_equal (seen.text, "(a\\x0ab\\x0a)"); // the end is not there yet
    close (fd[1]);
    assert_int_equal (drain_to_end (input, &seen), 0);
    input_destroy (&input);
    close (fd[0]);
}

static void test_too_long (void **state)
{
    static const struct {
        row_t row;
        const char *error;
    } cases[] = {
        {{"a record", "a\n1234567\n", "", .block = 2, .max_item = 6},
         "the record at byte 3 of standard input would be longer than 6 (6 bytes): raise --max-item"},
        {{"records", "a\n1234\n5678\n", "", .n = 3, .max_item = 6},
         "the records of a task, from byte 1 of standard input would be longer than 6 (6 bytes): raise "
         "--max-item"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd[2];
        assert_int_equal (pipe (fd), 0);
        input_config_t config = config_of (&cases[i].row, 4);
        config.stdin_fd = fd[0];
        input_t *input = open_input (&config);
        seen_t seen = {0};
        size_t size = strlen (cases[i].row.bytes);
        assert_int_equal (write (fd[1], cases[i].row.bytes, size), (ssize_t)size);
        close (fd[1]);
        assert_int_equal (drain_to_end (input, &seen), -1);
        assert_int_equal (errno, EMSGSIZE);
        assert_string_equal (input_error (input), cases[i].error);
        input_destroy (&input);
        close (fd[0]);
    }
}

static void test_a_header_has_a_limit (void **state)
{
    FILE *file = tmpfile ();
    for (int i = 0; i < 40000; i++)
        fputs ("a line of a header that does not end\n", file);
    rewind (file);
    input_config_t config = input_defaults ();
    config.pipe = true;
    config.header_lines = 1 << 30;
    config.stdin_fd = fileno (file);
    input_t *input = open_input (&config);
    seen_t seen = {0};
    assert_int_equal (drain_to_end (input, &seen), -1);
    assert_string_equal (input_error (input), "the header of standard input is longer than 1 MiB: give fewer lines");
    input_destroy (&input);
    fclose (file);
}

//  Blocks of the usual size, of lines of any length: whole, in order, full as far as they can be, and but for the torn
//  records where the reader has put them.
static void test_large_blocks (void **state)
{
    enum { BLOCK = 1 << 20, SIZE = 5 * BLOCK + 12345 };
    FILE *file = tmpfile ();
    unsigned seed = 7;
    for (size_t at = 0, left; at < SIZE; at += left) {
        left = 1 + (size_t)rand_r (&seed) % 300;
        left = left < SIZE - at ? left : SIZE - at;
        fprintf (file, "%*c", (int)left, '\n');
    }
    rewind (file);
    input_config_t config = input_defaults ();
    config.pipe = true;
    config.stdin_fd = fileno (file);
    input_t *input = open_input (&config);
    size_t size = 0;
    batch_t batch;
    for (int rc; (rc = input_read (input, &batch)) || !input_eof (input);) {
        if (rc == 0)
            continue;
        assert_int_equal (batch.tasks, 1);
        assert_true (batch.bytes.size <= BLOCK && batch.bytes.data[batch.bytes.size - 1] == '\n');
        size += batch.bytes.size;
        assert_true (batch.bytes.size > BLOCK - 300 || size == SIZE);
        slice_drop (&batch.bytes);
    }
    assert_int_equal (size, SIZE);
    input_destroy (&input);
    fclose (file);
}

static void test_marks (void **state)
{
    static const struct {
        const char *text, *bytes;
        size_t size; // SIZE_MAX: refused
    } marks[] = {
        {"", "", 0},           {"abc", "abc", 3},      {"\\n", "\n", 1},        {"\\n\\n", "\n\n", 2},
        {"a\\tb", "a\tb", 3},  {"\\\\n", "\\n", 2},    {"\\0", "\0", 1},        {"\\0a", "\0a", 2},
        {"\\x41B", "AB", 2},   {"\\x4142", "A42", 3},  {"\\1012", "A2", 2},     {"\\", "", SIZE_MAX},
        {"\\q", "", SIZE_MAX}, {"a\\x", "", SIZE_MAX}, {"\\777", "", SIZE_MAX}, {"\\r\\n", "\r\n", 2},
    };
    mark_t mark;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        int rc = input_mark (marks[i].text, &mark);
        assert_int_equal (rc, marks[i].size == SIZE_MAX ? -1 : 0);
        if (rc == 0) {
            assert_int_equal (mark.size, marks[i].size);
            assert_memory_equal (mark.bytes, marks[i].bytes, mark.size);
        }
    }
    char longest[MARK_BYTES + 2];
    memset (longest, 'a', sizeof longest);
    longest[MARK_BYTES + 1] = 0;
    assert_int_equal (input_mark (longest, &mark), -1);
    longest[MARK_BYTES] = 0;
    assert_int_equal (input_mark (longest, &mark), 0);
    assert_int_equal (mark.size, MARK_BYTES);
}

static void test_what_is_no_stream_is_refused (void **state)
{
    static const char *const items[] = {"a"};
    const input_source_t list = {.kind = INPUT_LIST, .items = items, .count = 1};
    const input_source_t files[] = {{.kind = INPUT_FILE, .path = "/dev/null"},
                                    {.kind = INPUT_FILE, .path = "/dev/null"}};
    input_config_t configs[3] = {input_defaults (), input_defaults (), input_defaults ()};
    configs[0].sources = &list;
    configs[1].sources = files;
    configs[0].source_count = 1;
    configs[1].source_count = 2;
    configs[2].pack = true;
    for (size_t i = 0; i < 3; i++) {
        char error[200] = "";
        configs[i].pipe = true;
        assert_null (input_new (&configs[i], error, sizeof error));
        assert_int_equal (errno, EINVAL);
        assert_non_null (strstr (error, "blocks"));
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_cuts),
        cmocka_unit_test (test_a_slow_writer_has_its_records_done),
        cmocka_unit_test (test_too_long),
        cmocka_unit_test (test_a_header_has_a_limit),
        cmocka_unit_test (test_large_blocks),
        cmocka_unit_test (test_marks),
        cmocka_unit_test (test_what_is_no_stream_is_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
