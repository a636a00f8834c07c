//  A file that is read while somebody else writes it: never beyond what the writer has said, and to an end only with
//  him.
#include "test_input_help.h"

#include <pthread.h>

typedef struct {
    char path[64];
    int fd;
    follow_t *follow;
    input_t *input;
    seen_t seen;
} table_t;

static void lay (table_t *self)
{
    *self = (table_t){.path = "/tmp/dishes-follow-XXXXXX"};
    self->fd = mkstemp (self->path);
    assert_true (self->fd >= 0);
    self->follow = follow_new ();
    assert_non_null (self->follow);
    input_source_t source = {.kind = INPUT_FOLLOW, .path = self->path, .follow = self->follow};
    input_config_t config = input_defaults ();
    config.sources = &source;
    config.source_count = 1;
    self->input = open_input (&config);
}

static void clear (table_t *self)
{
    input_destroy (&self->input);
    follow_destroy (&self->follow);
    follow_destroy (&self->follow);
    close (self->fd);
    unlink (self->path);
}

static void append (table_t *self, const char *text)
{
    assert_int_equal (write (self->fd, text, strlen (text)), strlen (text));
}

static bool rings (const table_t *self)
{
    struct pollfd ask = {.fd = input_fd (self->input), .events = POLLIN};
    return poll (&ask, 1, 0) == 1;
}

static void test_no_byte_is_read_before_it_counts (void **state)
{
    table_t table;
    lay (&table);
    append (&table, "a\nb\nc\n");
    assert_int_equal (drain (table.input, &table.seen), 0);
    assert_string_equal (table.seen.text, "");
    assert_false (rings (&table));
    follow_grown (table.follow, 4);
    assert_true (rings (&table));
    assert_int_equal (drain (table.input, &table.seen), 0);
    assert_string_equal (table.seen.text, "(a)(b)");
    assert_false (input_eof (table.input));
    follow_grown (table.follow, 3); // never fewer
    assert_false (rings (&table));
    follow_grown (table.follow, 6);
    assert_int_equal (drain (table.input, &table.seen), 0);
    assert_string_equal (table.seen.text, "(a)(b)(c)");
    assert_false (input_eof (table.input));
    follow_end (table.follow);
    assert_true (rings (&table));
    assert_int_equal (drain (table.input, &table.seen), 0);
    assert_true (input_eof (table.input));
    clear (&table);
}

static void test_what_is_behind_the_end_is_not_read (void **state)
{
    table_t table;
    lay (&table);
    append (&table, "a\nb\nc\n");
    follow_grown (table.follow, 2);
    follow_end (table.follow);
    assert_int_equal (drain_to_end (table.input, &table.seen), 0);
    assert_string_equal (table.seen.text, "(a)");
    clear (&table);
}

static void test_a_file_that_is_cut_off_is_an_error (void **state)
{
    table_t table;
    lay (&table);
    append (&table, "a\n");
    follow_grown (table.follow, 9);
    assert_int_equal (drain (table.input, &table.seen), -1);
    assert_string_equal (table.seen.text, "(a)");
    assert_non_null (strstr (input_error (table.input), table.path));
    clear (&table);
}

static void test_what_has_no_end_is_refused (void **state)
{
    follow_t *follow = follow_new ();
    static const char *const paths[] = {"/dev/null", "/tmp", "/nothing/there"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        input_source_t source = {.kind = INPUT_FOLLOW, .path = paths[i], .follow = follow};
        input_config_t config = input_defaults ();
        char error[200];
        config.sources = &source;
        config.source_count = 1;
        assert_null (input_new (&config, error, sizeof error));
        assert_non_null (strstr (error, paths[i]));
    }
    follow_destroy (&follow);
}

enum { LINES = 20000 };

static void *write_lines (void *arg)
{
    table_t *self = arg;
    uint64_t bytes = 0;
    for (int i = 0; i < LINES; i++) {
        char line[16];
        int size = snprintf (line, sizeof line, "%d\n", i);
        if (write (self->fd, line, (size_t)size) != size)
            return self;
        follow_grown (self->follow, bytes += (uint64_t)size);
    }
    follow_end (self->follow);
    return NULL;
}

//  Of two threads: nothing is missed, and nobody sleeps for ever.
static void test_a_writer_of_its_own (void **state)
{
    table_t table;
    pthread_t writer;
    lay (&table);
    assert_int_equal (pthread_create (&writer, NULL, write_lines, &table), 0);
    uint64_t tasks = 0;
    while (!input_eof (table.input)) {
        batch_t batch;
        int rc = input_read (table.input, &batch);
        assert_true (rc >= 0);
        struct pollfd ask = {.fd = input_fd (table.input), .events = POLLIN};
        if (rc == 1) {
            tasks += batch.tasks;
            slice_drop (&batch.bytes);
        } else if (!input_eof (table.input)) {
            assert_int_equal (poll (&ask, 1, 10000), 1);
        }
    }
    void *failed;
    pthread_join (writer, &failed);
    assert_null (failed);
    assert_int_equal (tasks, LINES);
    clear (&table);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_no_byte_is_read_before_it_counts),
        cmocka_unit_test (test_what_is_behind_the_end_is_not_read),
        cmocka_unit_test (test_a_file_that_is_cut_off_is_an_error),
        cmocka_unit_test (test_what_has_no_end_is_refused),
        cmocka_unit_test (test_a_writer_of_its_own),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
