/*  What items and tasks an input makes: delimiters, -n, -X, -s, -r, products and links. How the bytes come, and in
 *  what cuts, must make no difference; each row of the first table is read in all of them.
 */
#include "test_input_help.h"

typedef struct {
    const char *name;
    const char *bytes;
    size_t size;
    const char *expect;
    char delimiter; // 0: newline, '0': zero, else itself
    uint32_t n;
    size_t s, command, max_item;
    bool pack, skip_blank;
} row_t;

#define LINES(called, text, want)                                                                                      \
    {                                                                                                                  \
        .name = called, .bytes = text, .size = sizeof (text) - 1, .expect = want                                       \
    }
#define ROW(called, text, want, ...)                                                                                   \
    {                                                                                                                  \
        .name = called, .bytes = text, .size = sizeof (text) - 1, .expect = want, __VA_ARGS__                          \
    }

static const row_t rows[] = {
    LINES ("empty input", "", ""),
    LINES ("one line", "a\n", "(a)"),
    LINES ("no newline at the end", "a\nb", "(a)(b)"),
    LINES ("an empty line is an item", "\n\na\n\n", "()()(a)()"),
    LINES ("CRLF stays", "a\r\n\r\nb\r", "(a\\x0d)(\\x0d)(b\\x0d)"),
    LINES ("NUL in a line", "a\0b\n\0\n", "(a\\x00b)(\\x00)"),
    LINES ("invalid UTF-8", "\xff\xfe\n\xc3(\n", "(\\xff\\xfe)(\\xc3()"),
    ROW ("zero as delimiter", "a\nb\0\0c", "(a\\x0ab)()(c)", .delimiter = '0'),
    ROW ("a newline after the last delimiter", "a,b\n", "(a)(b\\x0a)", .delimiter = ','),
    ROW ("two a task", "1\n2\n3\n4\n5\n", "(1,2)(3,4)(5)", .n = 2),
    ROW ("two a task, torn", "1\n2\n3", "(1,2)(3)", .n = 2),
    ROW ("more a task than there are", "1\n2\n3", "(1,2,3)", .n = 1000),
    ROW ("three a task, empty ones", "\n\n\n\n", "(,,)()", .n = 3),
    LINES ("items longer than a block", "abcdefghijklmnopqrstuvwxyz0123456789\nx\nabcdefghijklmnopqrstuvwxyz\n",
           "(abcdefghijklmnopqrstuvwxyz0123456789)(x)(abcdefghijklmnopqrstuvwxyz)"),
    ROW ("items as long as may be", "12345\n1234\n12345", "(12345)(1234)(12345)", .max_item = 5),
    ROW ("tasks as long as may be", "123\n45\n\n12345\n12345", "(123,45)(,12345)(12345)", .n = 2, .max_item = 5),
    ROW ("-r", "a\n\n \t\r\v\f\n b \n\n", "(a)( b )", .skip_blank = true),
    ROW ("-r, nothing but blanks", "\n\n  \n", "", .skip_blank = true),
    ROW ("-r, blanks at the end", "a\n  ", "(a)", .skip_blank = true),
    ROW ("-r -n", "a\n\nb\n\nc\n", "(a,b)(c)", .n = 2, .skip_blank = true),
    ROW ("-X", "1\n2\n3\n", "(1,2,3)", .pack = true),
    ROW ("-X of nothing", "", "", .pack = true),
    ROW ("-X -n", "1\n2\n3\n", "(1,2)(3)", .n = 2, .pack = true),
    ROW ("-X -s as parallel and xargs count it", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n",
         "(1,2,3,4,5,6,7)(8,9,10,11,12)", .s = 20, .command = 5, .pack = true),
    ROW ("-X -s, too long goes alone", "1\n2\n123456789\n3\n", "(1,2)(123456789)(3)", .s = 5, .pack = true),
    ROW ("-X -s, no room at all", "1\n2\n", "(1)(2)", .s = 5, .command = 50, .pack = true),
    ROW ("-n -s", "1\n2\n3\n444\n5\n", "(1,2)(3)(444)(5)", .n = 3, .s = 4),
    ROW ("-s alone: one item a task fits or not", "1\n22222\n", "(1)(22222)", .s = 4),
    ROW ("-X, never over --max-item", "12\n34\n56\n", "(12)(34)(56)", .pack = true, .max_item = 3),
};

static input_config_t config_of (const row_t *row, size_t block_bytes)
{
    input_config_t config = input_defaults ();
    config.delimiter = !row->delimiter ? '\n' : row->delimiter == '0' ? '\0' : (uint8_t)row->delimiter;
    config.task_items = row->n;
    config.task_bytes = row->s;
    config.command_bytes = row->command;
    config.pack = row->pack;
    config.skip_blank = row->skip_blank;
    config.block_bytes = block_bytes;
    if (row->max_item)
        config.max_item_bytes = row->max_item;
    return config;
}

static void check (const row_t *row, input_t *input, const seen_t *seen, const char *how, size_t cut, size_t block)
{
    if (strcmp (seen->text, row->expect) != 0)
        fail_msg ("%s, %s, cuts of %zu, blocks of %zu:\n got %s\nwant %s", row->name, how, cut, block, seen->text,
                  row->expect);
    assert_true (input_eof (input));
    assert_string_equal (input_error (input), "");
    assert_int_equal (input_fd (input), -1);
}

//  Writes `cut` bytes, reads all that can be had, writes on: nothing may ever wait.
static void feed_pieces (const row_t *row, const int ends[2], const char *how, size_t cut, size_t block)
{
    input_config_t config = config_of (row, block);
    config.stdin_fd = ends[0];
    input_t *input = open_input (&config);
    seen_t seen = {.size = 0};
    for (size_t at = 0; at < row->size; at += cut) {
        size_t size = row->size - at < cut ? row->size - at : cut;
        assert_int_equal (write (ends[1], row->bytes + at, size), size);
        assert_int_equal (drain (input, &seen), 0);
        assert_true (input_fd (input) >= 0);
        assert_false (input_eof (input));
    }
    close (ends[1]);
    assert_int_equal (drain_to_end (input, &seen), 0);
    check (row, input, &seen, how, cut, block);
    input_destroy (&input);
    input_destroy (&input);
    close (ends[0]);
}

static void feed_pipe (const row_t *row, size_t cut, size_t block)
{
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    feed_pieces (row, ends, "pipe", cut, block);
}

static void feed_socket (const row_t *row, size_t cut, size_t block)
{
    int ends[2];
    assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    feed_pieces (row, ends, "socket", cut, block);
}

static void feed_file (const row_t *row, size_t cut, size_t block)
{
    char path[] = "/tmp/dishes-test-input-XXXXXX";
    int fd = mkstemp (path);
    assert_true (fd >= 0);
    assert_int_equal (write (fd, row->bytes, row->size), row->size);
    close (fd);
    input_config_t config = config_of (row, block);
    input_source_t source = {.kind = INPUT_FILE, .path = path};
    config.sources = &source;
    config.source_count = 1;
    input_t *input = open_input (&config);
    seen_t seen = {.size = 0};
    assert_int_equal (drain (input, &seen), 0);
    check (row, input, &seen, "file", cut, block);
    input_destroy (&input);
    unlink (path);
}

static void test_input_is_the_same_however_it_is_cut (void **state)
{
    static const size_t cuts[] = {1, 2, 3, 5, 1000}, blocks[] = {1, 2, 7, 16, 64, 65536};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++)
            for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++) {
                feed_pipe (rows + i, cuts[c], blocks[b]);
                feed_socket (rows + i, cuts[c], blocks[b]);
                feed_file (rows + i, cuts[c], blocks[b]);
            }
}

static void test_shape_keeps_the_bytes_where_it_can (void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        input_config_t config = config_of (rows + i, 64);
        config.stdin_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
        input_t *input = open_input (&config);
        bool packed = rows[i].pack || rows[i].skip_blank || (rows[i].s && rows[i].n > 1);
        assert_int_equal (input_shape (input)->format, packed ? BLOCK_PREFIXED : BLOCK_DELIMITED);
        assert_int_equal (input_shape (input)->columns, 1);
        if (!packed)
            assert_int_equal (input_shape (input)->items, rows[i].n ? rows[i].n : 1);
        input_destroy (&input);
        close (config.stdin_fd);
    }
}

//  Sources written as on the command line: "::: a b :::+ 1 2"; "" stands for an empty item.
typedef struct {
    const char *sources;
    const char *expect;
    uint32_t n;
    bool pack, skip_blank;
} product_row_t;

static const product_row_t products[] = {
    {.sources = "::: a b c", .expect = "(a)(b)(c)"},
    {.sources = "::: a b c", .expect = "(a,b)(c)", .n = 2},
    {.sources = "::: a b c", .expect = "(a,b,c)", .pack = true},
    {.sources = ":::", .expect = ""},
    {.sources = "::: ''", .expect = "()"},
    {.sources = "::: a '' b", .expect = "(a)(b)", .skip_blank = true},
    {.sources = "::: a b ::: 1 2", .expect = "(a,1)(a,2)(b,1)(b,2)"},
    {.sources = "::: a b ::: 1 2 ::: x y", .expect = "(a,1,x)(a,1,y)(a,2,x)(a,2,y)(b,1,x)(b,1,y)(b,2,x)(b,2,y)"},
    {.sources = "::: a b c ::: 1 2", .expect = "(a,1,a,2)(b,1,b,2)(c,1,c,2)", .n = 2},
    {.sources = "::: a b c ::: 1 2", .expect = "(a,1,a,2,b,1,b,2)(c,1,c,2)", .n = 4},
    {.sources = "::: a b :::", .expect = ""},
    {.sources = "::: ::: a b", .expect = ""},
    {.sources = "::: a b :::+ 1 2", .expect = "(a,1)(b,2)"},
    {.sources = "::: a b c :::+ 1 2", .expect = "(a,1)(b,2)"},
    {.sources = "::: a b :::+ 1 2 3", .expect = "(a,1)(b,2)"},
    {.sources = "::: a b c :::+", .expect = ""},
    {.sources = "::: a b :::+ 1 2 3 ::: x y", .expect = "(a,1,x)(a,1,y)(b,2,x)(b,2,y)"},
    {.sources = "::: p q ::: a b :::+ 1 2 3", .expect = "(p,a,1)(p,b,2)(q,a,1)(q,b,2)"},
    {.sources = "::: a b :::+ 1 2 :::+ x y ::: p :::+ q", .expect = "(a,1,x,p,q)(b,2,y,p,q)"},
    {.sources = "::: a '' b ::: '' x", .expect = "(a,x)(b,x)", .skip_blank = true},
    {.sources = "::: x '' y :::+ a b c", .expect = "(x,a)(y,b)", .skip_blank = true},
    {.sources = "::: a ::: '' x", .expect = "(a,)(a,x)"},
};

typedef struct {
    char text[256];
    const char *items[64];
    input_source_t sources[16];
    size_t count;
} words_t;

static void split (words_t *self, const char *line)
{
    size_t used = 0;
    *self = (words_t){.count = 0};
    snprintf (self->text, sizeof self->text, "%s", line);
    for (char *word = strtok (self->text, " "); word; word = strtok (NULL, " ")) {
        if (strncmp (word, ":::", 3) == 0)
            self->sources[self->count++] =
                (input_source_t){.kind = INPUT_LIST, .linked = word[3] == '+', .items = self->items + used};
        else {
            self->items[used++] = strcmp (word, "''") == 0 ? "" : word;
            self->sources[self->count - 1].count++;
        }
    }
}

static void check_product (const product_row_t *row, const words_t *words, size_t block_bytes, const char *how)
{
    input_config_t config = input_defaults ();
    config.sources = words->sources;
    config.source_count = words->count;
    config.block_bytes = block_bytes;
    config.task_items = row->n;
    config.pack = row->pack;
    config.skip_blank = row->skip_blank;
    input_t *input = open_input (&config);
    seen_t seen = {.size = 0};
    assert_int_equal (drain (input, &seen), 0);
    if (strcmp (seen.text, row->expect) != 0)
        fail_msg ("%s as %s in blocks of %zu:\n got %s\nwant %s", row->sources, how, block_bytes, seen.text,
                  row->expect);
    assert_true (input_eof (input));
    assert_int_equal (input_shape (input)->columns, words->count);
    input_destroy (&input);
}

static void test_products_and_links_of_lists (void **state)
{
    static const size_t blocks[] = {1, 9, 32, 65536};
    for (size_t i = 0; i < sizeof products / sizeof *products; i++)
        for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++) {
            words_t words;
            split (&words, products[i].sources);
            check_product (products + i, &words, blocks[b], "lists");
        }
}

static void list_to_file (input_source_t *source, char *path)
{
    strcpy (path, "/tmp/dishes-test-input-XXXXXX");
    int fd = mkstemp (path);
    assert_true (fd >= 0);
    for (size_t i = 0; i < source->count; i++)
        dprintf (fd, "%s\n", source->items[i]);
    close (fd);
    *source = (input_source_t){.kind = INPUT_FILE, .linked = source->linked, .path = path};
}

static void test_products_and_links_of_files (void **state)
{
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        words_t words;
        char paths[16][32];
        split (&words, products[i].sources);
        for (size_t s = 0; s < words.count; s++)
            list_to_file (words.sources + s, paths[s]);
        check_product (products + i, &words, 64, "files");
        for (size_t s = 0; s < words.count; s++)
            unlink (paths[s]);
    }
}

static void test_argument_is_one_item_whatever_it_holds (void **state)
{
    static const char *const items[] = {"a\nb", "", "c,d \x01\xff", "e"};
    input_source_t source = {.kind = INPUT_LIST, .items = items, .count = 4};
    for (uint32_t n = 1; n <= 2; n++) {
        input_config_t config = input_defaults ();
        config.sources = &source;
        config.source_count = 1;
        config.task_items = n;
        config.delimiter = ',';
        config.block_bytes = 4;
        input_t *input = open_input (&config);
        seen_t seen = {.size = 0};
        assert_int_equal (drain (input, &seen), 0);
        assert_string_equal (seen.text, n == 1 ? "(a\\x0ab)()(c,d \\x01\\xff)(e)" : "(a\\x0ab,)(c,d \\x01\\xff,e)");
        assert_int_equal (seen.items, 4);
        input_destroy (&input);
    }
}

static void test_product_of_a_stream_and_a_list (void **state)
{
    static const char *const items[] = {"1", "2"};
    input_source_t sources[] = {{.kind = INPUT_STDIN}, {.kind = INPUT_LIST, .items = items, .count = 2}};
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    input_config_t config = input_defaults ();
    config.sources = sources;
    config.source_count = 2;
    config.stdin_fd = ends[0];
    input_t *input = open_input (&config);
    seen_t seen = {.size = 0};
    assert_int_equal (drain (input, &seen), 0);
    assert_int_equal (write (ends[1], "a\nb", 3), 3);
    assert_int_equal (drain (input, &seen), 0);
    assert_string_equal (seen.text, "(a,1)(a,2)"); // at once, before the stream ends
    assert_true (input_fd (input) >= 0);
    close (ends[1]);
    assert_int_equal (drain (input, &seen), 0);
    assert_string_equal (seen.text, "(a,1)(a,2)(b,1)(b,2)");
    input_destroy (&input);
    close (ends[0]);
}

static void test_kept_source_may_come_slowly_too (void **state)
{
    static const char *const items[] = {"1", "2"};
    input_source_t sources[] = {{.kind = INPUT_LIST, .items = items, .count = 2}, {.kind = INPUT_FILE, .path = "-"}};
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    input_config_t config = input_defaults ();
    config.sources = sources;
    config.source_count = 2;
    config.stdin_fd = ends[0];
    input_t *input = open_input (&config);
    seen_t seen = {.size = 0};
    for (const char *at = "a\nb\n"; *at; at++) {
        assert_int_equal (drain (input, &seen), 0);
        assert_true (input_fd (input) >= 0);
        assert_int_equal (write (ends[1], at, 1), 1);
    }
    assert_int_equal (seen.tasks, 0);
    close (ends[1]);
    assert_int_equal (drain (input, &seen), 0);
    assert_string_equal (seen.text, "(1,a)(1,b)(2,a)(2,b)");
    input_destroy (&input);
    close (ends[0]);
}

static void test_delimiters_as_people_write_them (void **state)
{
    static const struct {
        const char *text;
        int byte; // -1: not valid
    } cases[] = {
        {",", ','},     {"\\n", '\n'},   {"\\t", '\t'},  {"\\0", 0},      {"\\r", '\r'},  {"\\\\", '\\'},
        {"\\x41", 'A'}, {"\\xff", 0xff}, {"\\101", 'A'}, {"\\0101", 'A'}, {"\\x100", -1}, {"\\400", -1},
        {"\\", '\\'},   {"", -1},        {"ab", -1},     {"\\x", -1},     {"\\q", -1},    {"\\x4g", -1},
        {"\\8", -1},    {"\xff", 0xff},  {"\n", '\n'},   {"\\nn", -1},    {"\\000", 0},   {"\\x00000000000041", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t byte = 0x55;
        int rc = input_delimiter (cases[i].text, &byte);
        if (rc != (cases[i].byte < 0 ? -1 : 0) || byte != (cases[i].byte < 0 ? 0x55 : cases[i].byte))
            fail_msg ("'%s': %d, byte %d", cases[i].text, rc, byte);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_input_is_the_same_however_it_is_cut),
        cmocka_unit_test (test_shape_keeps_the_bytes_where_it_can),
        cmocka_unit_test (test_products_and_links_of_lists),
        cmocka_unit_test (test_products_and_links_of_files),
        cmocka_unit_test (test_argument_is_one_item_whatever_it_holds),
        cmocka_unit_test (test_product_of_a_stream_and_a_list),
        cmocka_unit_test (test_kept_source_may_come_slowly_too),
        cmocka_unit_test (test_delimiters_as_people_write_them),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
