//  The printer's lines of JSON: each task is one, whole, whatever it wrote and wherever that had to wait.
#include "test_printer_help.h"

#include <errno.h>

static int out_fd, err_fd;

static int setup (void **state)
{
    out_fd = memory_file ();
    err_fd = memory_file ();
    return 0;
}

static int teardown (void **state)
{
    close (out_fd);
    close (err_fd);
    return 0;
}

static printer_t *printer (bool keep_order, const char *keep_path)
{
    printer_t *self = printer_new (&(printer_config_t){.json = true,
                                                       .tag = true, // is in the line, and not before it
                                                       .keep_order = keep_order,
                                                       .keep_path = keep_path,
                                                       .out_fd = out_fd,
                                                       .err_fd = err_fd});
    assert_non_null (self);
    return self;
}

static void line (printer_t *self, uint64_t source, uint64_t n, const char *out, const char *err)
{
    char text[32];
    printer_task_t task = {.source = source, .n = n, .line = text};
    task.line_size = (size_t)snprintf (text, sizeof text, "{\"seq\":%u", (unsigned)n);
    assert_int_equal (printer_done (self, &task, out, strlen (out), err, strlen (err)), 0);
}

static void finish (printer_t *self, const char *out)
{
    assert_int_equal (printer_flush (self, 0), 0);
    assert_int_equal (printer_backlog_bytes (self), 0);
    assert_int_equal (printer_consumed_bytes (self), printer_accepted_bytes (self));
    assert_file (out_fd, out);
    assert_file (err_fd, "");
    printer_destroy (&self);
}

static void test_a_task_is_a_line (void **state)
{
    printer_t *self = printer (false, NULL);
    line (self, 1, 1, "a \"b\"\n", "\\\t");
    line (self, 1, 2, "", "");
    line (self, 1, 3, "\xc3\xa4", "\xc3");
    finish (self, "{\"seq\":1,\"stdout\":\"a \\\"b\\\"\\n\",\"stderr\":\"\\\\\\t\"}\n"
                  "{\"seq\":2,\"stdout\":\"\",\"stderr\":\"\"}\n"
                  "{\"seq\":3,\"stdout\":\"\xc3\xa4\",\"stderr_base64\":\"ww==\"}\n");
}

//  Pieces of tasks come in between each other, and a character may lie in two of them.
static void test_pieces_become_one_string (void **state)
{
    printer_t *self = printer (false, NULL);
    piece (self, 1, 1, PRINTER_OUT, "a\xc3");
    piece (self, 2, 2, PRINTER_ERR, "b\xff");
    piece (self, 1, 1, PRINTER_ERR, "e\n");
    piece (self, 3, 3, PRINTER_OUT, "lost");
    piece (self, 1, 1, PRINTER_OUT, "\xa4\n");
    printer_drop_source (self, 3);
    line (self, 2, 2, "o", "c");
    line (self, 4, 3, "", "");
    line (self, 1, 1, "end", "");
    piece (self, 1, 4, PRINTER_OUT, "text");
    line (self, 1, 4, "\xff", "");
    finish (self, "{\"seq\":2,\"stdout\":\"o\",\"stderr_base64\":\"Yv9j\"}\n"
                  "{\"seq\":3,\"stdout\":\"\",\"stderr\":\"\"}\n"
                  "{\"seq\":1,\"stdout\":\"a\xc3\xa4\\nend\",\"stderr\":\"e\\n\"}\n"
                  "{\"seq\":4,\"stdout_base64\":\"dGV4dP8=\",\"stderr\":\"\"}\n");
}

static void test_lines_keep_the_order (void **state)
{
    printer_t *self = printer (true, NULL);
    line (self, 1, 3, "three\n", "");
    line (self, 1, 5, "", "");
    piece (self, 2, 2, PRINTER_OUT, "two");
    assert_int_equal (printer_empty_run (self, 4, 1), 0);
    line (self, 2, 2, "\xfe", "");
    line (self, 1, 1, "one", "err");
    finish (self, "{\"seq\":1,\"stdout\":\"one\",\"stderr\":\"err\"}\n"
                  "{\"seq\":2,\"stdout_base64\":\"dHdv/g==\",\"stderr\":\"\"}\n"
                  "{\"seq\":3,\"stdout\":\"three\\n\",\"stderr\":\"\"}\n"
                  "{\"seq\":5,\"stdout\":\"\",\"stderr\":\"\"}\n");
}

static void test_a_line_aside_waits_for_nobody (void **state)
{
    printer_t *self = printer (true, NULL);
    const printer_task_t task = {.n = 2, .line = "{\"seq\":2", .line_size = 8};
    line (self, 1, 3, "three", "");
    assert_int_equal (printer_aside (self, &task), 0);
    assert_int_equal (printer_empty_run (self, 2, 1), 0);
    line (self, 1, 1, "one", "");
    finish (self, "{\"seq\":2,\"stdout\":\"\",\"stderr\":\"\"}\n"
                  "{\"seq\":1,\"stdout\":\"one\",\"stderr\":\"\"}\n"
                  "{\"seq\":3,\"stdout\":\"three\",\"stderr\":\"\"}\n");
}

static void test_a_line_ends_as_items_do (void **state)
{
    printer_t *self = printer_new (
        &(printer_config_t){.json = true, .is_ended = true, .end = '\0', .out_fd = out_fd, .err_fd = err_fd});
    line (self, 1, 1, "a\n", "");
    assert_int_equal (printer_flush (self, 0), 0);
    size_t size;
    char *text = file_text (out_fd, &size);
    assert_string_equal (text, "{\"seq\":1,\"stdout\":\"a\\n\",\"stderr\":\"\"}");
    assert_int_equal (size, strlen (text) + 1);
    free (text);
    printer_destroy (&self);
}

//  What base64 stands for. Returns the size.
static size_t decode (const char *text, size_t size, uint8_t *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t made = 0;
    uint32_t bits = 0;
    assert_int_equal (size % 4, 0);
    for (size_t i = 0; i < size; i++) {
        const char *digit = text[i] == '=' ? digits : strchr (digits, text[i]);
        assert_non_null (digit);
        bits = bits << 6 | (uint32_t)(digit - digits);
        for (int j = 2; i % 4 == 3 && j >= 0; j--)
            out[made++] = (uint8_t)(bits >> 8 * j);
    }
    return made - (text[size - 1] == '=') - (text[size - 2] == '=');
}

//  Far beyond what is kept in memory and what a buffer holds, in pieces of all sizes, beside another one.
static void test_large_outputs_are_whole (void **state)
{
    enum { BYTES = 3 << 20, MOST = 70000 };
    uint8_t *sent = malloc (BYTES), *back = malloc (BYTES + 3);
    unsigned seed = 7;
    for (size_t i = 0; i < BYTES; i++)
        sent[i] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
    for (int keep = 0; keep < 2; keep++) {
        printer_t *self = printer_new (&(printer_config_t){.json = true,
                                                           .keep_order = keep,
                                                           .memory_bytes = 200000,
                                                           .task_bytes = 100000,
                                                           .out_fd = out_fd,
                                                           .err_fd = err_fd});
        printer_task_t task = {.source = 1, .n = 2};
        for (size_t at = 0, size; at < BYTES; at += size) {
            size = 1 + at * 31 % MOST;
            size = size < BYTES - at ? size : BYTES - at;
            assert_int_equal (printer_piece (self, &task, PRINTER_OUT, sent + at, size), 0);
            piece (self, 2, 1, PRINTER_ERR, "\n");
        }
        line (self, 1, 2, "", "");
        line (self, 2, 1, "x", "");
        assert_int_equal (printer_flush (self, 0), 0);
        size_t size;
        char *text = file_text (out_fd, &size), *from = strstr (text, "_base64\":\""), *to;
        assert_non_null (from);
        from += strlen ("_base64\":\"");
        assert_non_null (to = strchr (from, '"'));
        assert_int_equal (decode (from, (size_t)(to - from), back), BYTES);
        assert_memory_equal (back, sent, BYTES);
        assert_int_equal (strncmp (to, "\",\"stderr\":\"\"}\n", 15), 0);
        free (text);
        printer_destroy (&self);
        teardown (state);
        setup (state);
    }
    free (sent);
    free (back);
}

//  ---- what waits for its turn is found by the next process

typedef struct {
    printer_place_t places[64];
    size_t count;
} told_t;

static int take (void *arg, const printer_place_t *place)
{
    told_t *told = arg;
    told->places[told->count++] = *place;
    return 0;
}

//  A later life finds them, also one that does not make JSON, and one that does where the first did not.
static void test_what_waits_is_found_again (void **state)
{
    char path[] = "/tmp/printer-json-XXXXXX";
    int fd = mkstemp (path);
    for (int lives = 0; lives < 4; lives++) {
        bool first = lives & 1, then = lives & 2;
        told_t told = {.count = 0};
        unlink (path);
        printer_config_t config = {
            .json = first, .keep_order = true, .keep_path = path, .out_fd = out_fd, .err_fd = err_fd};
        printer_t *self = printer_new (&config);
        piece (self, 1, 2, PRINTER_OUT, "two\n");
        line (self, 1, 2, "", "\xff");
        line (self, 1, 3, "three\n", "");
        assert_int_equal (printer_keep (self, take, &told), 0);
        printer_destroy (&self);
        config.json = then;
        self = printer_new (&config);
        assert_int_equal (printer_find (self), 0);
        for (size_t i = 0; i < told.count; i++)
            assert_int_equal (printer_find_place (self, &told.places[i]), 0);
        assert_int_equal (printer_found (self), 0);
        line (self, 1, 1, "one\n", "");
        assert_int_equal (printer_flush (self, 0), 0);
        assert_file (err_fd, then ? "" : "\xff");
        assert_file (out_fd, !then   ? "one\ntwo\nthree\n"
                             : first ? "{\"seq\":1,\"stdout\":\"one\\n\",\"stderr\":\"\"}\n"
                                       "{\"seq\":2,\"stdout\":\"two\\n\",\"stderr_base64\":\"/w==\"}\n"
                                       "{\"seq\":3,\"stdout\":\"three\\n\",\"stderr\":\"\"}\n"
                                     : "{\"seq\":1,\"stdout\":\"one\\n\",\"stderr\":\"\"}\n"
                                       "{\"seq\":2,\"stdout_base64\":\"dHdvCg==\",\"stderr_base64\":\"/w==\"}\n"
                                       "{\"seq\":3,\"stdout_base64\":\"dGhyZWUK\",\"stderr_base64\":\"\"}\n");
        printer_destroy (&self);
        teardown (state);
        setup (state);
    }
    close (fd);
    unlink (path);
}

int main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST (test_a_task_is_a_line),          TEST (test_pieces_become_one_string),
        TEST (test_lines_keep_the_order),      TEST (test_a_line_aside_waits_for_nobody),
        TEST (test_a_line_ends_as_items_do),   TEST (test_large_outputs_are_whole),
        TEST (test_what_waits_is_found_again),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
