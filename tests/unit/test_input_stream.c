/*  How an input behaves as a stream: what it refuses, that it never waits, that slices stay as they were, that the
 *  memory it takes does not grow with the input; and how fast it is (printed, not judged).
 */
#include "test_input_help.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

//  What is refused before anything starts.
static void refused (const input_config_t *config, int number, const char *words)
{
    char error[512] = "";
    errno = 0;
    assert_null (input_new (config, error, sizeof error));
    if (errno != number || !strstr (error, words) || strchr (error, '\n'))
        fail_msg ("errno %d, '%s'; wanted %d, '%s'", errno, error, number, words);
}

static void refused_source (input_source_t source, int number, const char *words)
{
    static const char *const items[] = {"x"};
    input_config_t config = input_defaults ();
    input_source_t both[] = {{.kind = INPUT_LIST, .items = items, .count = 1}, source};
    config.sources = both + 1;
    config.source_count = 1;
    refused (&config, number, words);
    config.sources = both;
    config.source_count = 2;
    refused (&config, number, words);
}

static void test_unreadable_files_are_refused_first (void **state)
{
    refused_source ((input_source_t){.kind = INPUT_FILE, .path = "/no/such"}, ENOENT,
                    "cannot read items from '/no/such': No such file or directory");
    refused_source ((input_source_t){.kind = INPUT_FILE, .path = "/tmp"}, EISDIR, "'/tmp': Is a directory");
    refused_source ((input_source_t){.kind = INPUT_FILE, .path = ""}, ENOENT, "''");
    refused_source ((input_source_t){.kind = INPUT_FILE, .path = "a\n\033[2Jb"}, ENOENT, "'a??[2Jb'");
}

static void test_unreadable_stdin_is_refused_first (void **state)
{
    input_config_t config = input_defaults ();
    config.stdin_fd = open ("/", O_RDONLY | O_CLOEXEC);
    refused (&config, EISDIR, "standard input: Is a directory");
    close (config.stdin_fd);
    refused (&config, EBADF, "standard input: it is closed, or not open for reading");
    config.stdin_fd = open ("/dev/null", O_WRONLY | O_CLOEXEC);
    refused (&config, EBADF, "standard input: it is closed, or not open for reading");
    close (config.stdin_fd);
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    config.stdin_fd = ends[1];
    refused (&config, EBADF, "not open for reading");
    close (ends[0]);
    close (ends[1]);
}

static void test_senseless_configurations_are_refused (void **state)
{
    static const input_source_t twice[] = {{.kind = INPUT_STDIN}, {.kind = INPUT_FILE, .path = "-"}};
    input_config_t config = input_defaults ();
    config.sources = twice;
    config.source_count = 2;
    refused (&config, EINVAL, "standard input is named 2 times");
    config = input_defaults ();
    config.max_item_bytes = 0;
    refused (&config, EINVAL, "--max-item");
    config.max_item_bytes = INPUT_MAX_ITEM_LIMIT + 1;
    refused (&config, EINVAL, "--max-item");
}

static int count_fds (void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl (fd, F_GETFD) >= 0;
    return count;
}

static void test_nothing_stays_open_after_a_refusal (void **state)
{
    input_source_t sources[] = {{.kind = INPUT_FILE, .path = "/dev/null"}, {.kind = INPUT_FILE, .path = "/no/such"}};
    input_config_t config = input_defaults ();
    config.sources = sources;
    config.source_count = 2;
    int before = count_fds ();
    refused (&config, ENOENT, "/no/such");
    assert_int_equal (count_fds (), before);
}

//  Items that are too long: found wherever the input was cut, after all that was whole before.
typedef struct {
    const char *bytes;
    const char *before;
    const char *words;
    uint32_t n;
    bool skip_blank, two;
} long_row_t;

static const long_row_t long_rows[] = {
    {.bytes = "123456\n",
     .before = "",
     .words = "item 1 of standard input is longer than 5 (5 bytes): raise --max-item"},
    {.bytes = "123456", .before = "", .words = "item 1 of"},
    {.bytes = "1\n2\n123456789012345678901234567890\n3\n", .before = "(1)(2)", .words = "item 3 of"},
    {.bytes = "123\n45\n1\n23456\n", .n = 2, .before = "(123,45)", .words = "items 3 to 4 of"},
    {.bytes = "123456\n", .n = 3, .before = "", .words = "items 1 to"},
    {.bytes = "12\n3456", .n = 3, .before = "", .words = "items 1 to"},
    {.bytes = "1\n123456\n3\n", .before = "(1)", .skip_blank = true, .words = "item 2 of"},
    {.bytes = "1\n12345\n3\n", .before = "(1,1)", .two = true, .words = "the values of task 2 are longer than 5"},
};

static void feed_long (const long_row_t *row, size_t cut, size_t block)
{
    static const char *const one[] = {"1"};
    input_source_t sources[] = {{.kind = INPUT_STDIN}, {.kind = INPUT_LIST, .items = one, .count = 1}};
    input_config_t config = input_defaults ();
    config.sources = sources;
    config.source_count = row->two ? 2 : 1;
    config.task_items = row->n;
    config.skip_blank = row->skip_blank;
    config.max_item_bytes = 5;
    config.block_bytes = block;
    int ends[2], rc = 0;
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    config.stdin_fd = ends[0];
    input_t *input = open_input (&config);
    seen_t seen = {.size = 0};
    for (size_t at = 0, size = strlen (row->bytes); at < size && rc == 0; at += cut) {
        assert_true (write (ends[1], row->bytes + at, size - at < cut ? size - at : cut) > 0);
        rc = drain (input, &seen);
    }
    close (ends[1]);
    assert_int_equal (rc ? rc : drain (input, &seen), -1);
    batch_t batch;
    assert_int_equal (input_read (input, &batch), -1);
    assert_int_equal (errno, EMSGSIZE);
    if (strcmp (seen.text, row->before) != 0 || !strstr (input_error (input), row->words))
        fail_msg ("'%s', cuts of %zu, blocks of %zu: %s, %s", row->bytes, cut, block, seen.text, input_error (input));
    assert_false (input_eof (input));
    input_destroy (&input);
    close (ends[0]);
}

static void test_item_too_long_is_an_error_wherever_it_is_cut (void **state)
{
    for (size_t i = 0; i < sizeof long_rows / sizeof *long_rows; i++)
        for (size_t cut = 1; cut < 40; cut++)
            for (size_t block = 1; block < 200; block = block * 2 + 1)
                feed_long (long_rows + i, cut, block);
}

static void test_failed_read_is_an_error_that_stays (void **state)
{
    input_source_t source = {.kind = INPUT_FILE, .path = "/proc/self/mem"};
    input_config_t config = input_defaults ();
    config.sources = &source;
    config.source_count = 1;
    input_t *input = open_input (&config);
    for (int i = 0; i < 2; i++) {
        batch_t batch;
        assert_int_equal (input_read (input, &batch), -1);
        assert_int_equal (errno, EIO);
        assert_string_equal (input_error (input), "reading /proc/self/mem: Input/output error");
    }
    input_destroy (&input);
}

//  A writer with a thread of its own.
typedef struct {
    int fd;
    const char *bytes; // written again and again
    size_t size;
    uint64_t times;
    pthread_t thread;
} writer_t;

static void *write_all (void *arg)
{
    writer_t *self = arg;
    for (uint64_t i = 0; i < self->times; i++)
        for (size_t at = 0; at < self->size;) {
            ssize_t done = write (self->fd, self->bytes + at, self->size - at);
            if (done < 0) {
                i = self->times;
                break;
            }
            at += (size_t)done;
        }
    close (self->fd);
    return NULL;
}

//  Starts it; returns the end to read from.
static int writer_start (writer_t *self, const char *bytes, size_t size, uint64_t times)
{
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    *self = (writer_t){.fd = ends[1], .bytes = bytes, .size = size, .times = times};
    assert_int_equal (pthread_create (&self->thread, NULL, write_all, self), 0);
    return ends[0];
}

typedef struct {
    uint64_t tasks, items, bytes;
} total_t;

//  Reads to the end, waiting as a loop would: 0, or -1.
static int read_all (input_t *input, total_t *total)
{
    while (!input_eof (input)) {
        batch_t batch;
        int rc = input_read (input, &batch);
        if (rc < 0)
            return -1;
        if (rc == 1) {
            total->tasks += batch.tasks;
            total->items += batch.items;
            total->bytes += batch.bytes.size;
            slice_drop (&batch.bytes);
        } else if (input_fd (input) >= 0) {
            struct pollfd wait = {.fd = input_fd (input), .events = POLLIN};
            assert_true (poll (&wait, 1, 10000) > 0);
        }
    }
    return 0;
}

//  200 items, then one of 100 MB: the items come, then the error, without the rest being read.
static void test_line_of_100_mb (void **state)
{
    static char bytes[100 << 20];
    memset (bytes, 'x', sizeof bytes);
    for (size_t i = 1; i < 400; i += 2)
        bytes[i] = '\n';
    writer_t writer;
    input_config_t config = input_defaults ();
    config.stdin_fd = writer_start (&writer, bytes, sizeof bytes, 1);
    input_t *input = open_input (&config);
    total_t total = {0};
    assert_int_equal (read_all (input, &total), -1);
    assert_int_equal (errno, EMSGSIZE);
    assert_int_equal (total.items, 200);
    assert_string_equal (input_error (input), "item 201 of standard input is longer than 64M (67108864 bytes): "
                                              "raise --max-item");
    input_destroy (&input);
    close (config.stdin_fd);
    pthread_join (writer.thread, NULL);
}

static void test_item_of_60_mb_is_whole (void **state)
{
    static char piece[1 << 20];
    memset (piece, 'x', sizeof piece);
    for (int packed = 0; packed < 2; packed++) {
        writer_t writer;
        input_config_t config = input_defaults ();
        config.stdin_fd = writer_start (&writer, piece, sizeof piece, 60);
        config.skip_blank = packed;
        input_t *input = open_input (&config);
        total_t total = {0};
        assert_int_equal (read_all (input, &total), 0);
        assert_int_equal (total.tasks, 1);
        assert_int_equal (total.bytes, (60 << 20) + (packed ? 8 : 1));
        input_destroy (&input);
        close (config.stdin_fd);
        pthread_join (writer.thread, NULL);
    }
}

static void test_flags_of_stdin_stay_as_they_are (void **state)
{
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    input_config_t config = input_defaults ();
    config.stdin_fd = ends[0];
    input_t *input = open_input (&config);
    batch_t batch;
    assert_int_equal (input_read (input, &batch), 0);
    assert_false (fcntl (ends[0], F_GETFL) & O_NONBLOCK);
    assert_false (input_is_terminal (input));
    input_destroy (&input);
    assert_false (fcntl (ends[0], F_GETFL) & O_NONBLOCK);
    close (ends[0]);
    close (ends[1]);
}

//  Another process reads from the same pipe: a descriptor that was ready may not be any more.
static void test_another_reader_takes_the_bytes (void **state)
{
    int ends[2];
    char byte;
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    input_config_t config = input_defaults ();
    config.stdin_fd = ends[0];
    input_t *input = open_input (&config);
    assert_int_equal (write (ends[1], "a\n", 2), 2);
    struct pollfd ready = {.fd = ends[0], .events = POLLIN};
    assert_int_equal (poll (&ready, 1, 0), 1);
    assert_int_equal (read (ends[0], &byte, 1) + read (ends[0], &byte, 1), 2);
    batch_t batch;
    assert_int_equal (input_read (input, &batch), 0);
    assert_true (input_fd (input) >= 0);
    input_destroy (&input);
    close (ends[0]);
    close (ends[1]);
}

static void fifo_path (char path[64])
{
    strcpy (path, "/tmp/dishes-test-fifo-XXXXXX");
    assert_non_null (mkdtemp (path));
    strcat (path, "/fifo");
    assert_int_equal (mkfifo (path, 0600), 0);
}

static void fifo_remove (char path[64])
{
    unlink (path);
    *strrchr (path, '/') = '\0';
    rmdir (path);
}

static void test_fifo_waits_for_its_writer (void **state)
{
    char path[64];
    fifo_path (path);
    input_source_t source = {.kind = INPUT_FILE, .path = path};
    input_config_t config = input_defaults ();
    config.sources = &source;
    config.source_count = 1;
    input_t *input = open_input (&config);
    seen_t seen = {.size = 0};
    assert_int_equal (drain (input, &seen), 0);
    assert_false (input_eof (input)); // nobody has opened it yet: that is not the end
    int fd = open (path, O_WRONLY | O_CLOEXEC);
    assert_int_equal (write (fd, "a\nb", 3), 3);
    assert_int_equal (drain (input, &seen), 0);
    assert_string_equal (seen.text, "(a)");
    close (fd);
    assert_int_equal (drain (input, &seen), 0);
    assert_string_equal (seen.text, "(a)(b)");
    assert_true (input_eof (input));
    input_destroy (&input);
    fifo_remove (path);
}

static void test_fifo_as_stdin_ends_although_its_writer_has_gone (void **state)
{
    char path[64];
    fifo_path (path);
    int both = open (path, O_RDWR | O_CLOEXEC), fd = open (path, O_RDONLY | O_CLOEXEC);
    assert_int_equal (write (both, "a\n", 2), 2);
    close (both);
    input_config_t config = input_defaults ();
    config.stdin_fd = fd;
    input_t *input = open_input (&config);
    total_t total = {0};
    assert_int_equal (read_all (input, &total), 0);
    assert_int_equal (total.items, 1);
    input_destroy (&input);
    close (fd);
    fifo_remove (path);
}

static void test_terminal (void **state)
{
    int master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true (master >= 0);
    assert_int_equal (grantpt (master) | unlockpt (master), 0);
    input_config_t config = input_defaults ();
    config.stdin_fd = open (ptsname (master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true (config.stdin_fd >= 0);
    input_t *input = open_input (&config);
    seen_t seen = {.size = 0};
    assert_true (input_is_terminal (input));
    assert_int_equal (drain (input, &seen), 0);
    assert_int_equal (write (master, "half", 4), 4);
    assert_int_equal (drain (input, &seen), 0);
    assert_string_equal (seen.text, "");
    assert_int_equal (write (master, " a line\n\004", 9), 9);
    total_t total = {0};
    assert_int_equal (read_all (input, &total), 0);
    assert_int_equal (total.items, 1);
    assert_int_equal (total.bytes, sizeof "half a line");
    input_destroy (&input);
    close (config.stdin_fd);
    close (master);
}

static void test_dev_null_is_empty (void **state)
{
    input_config_t config = input_defaults ();
    config.stdin_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
    input_t *input = open_input (&config);
    total_t total = {0};
    assert_int_equal (read_all (input, &total), 0);
    assert_int_equal (total.tasks, 0);
    input_destroy (&input);
    close (config.stdin_fd);
}

//  A slow writer's lines share blocks, and a slice shows the same bytes for ever.
static void test_slices_of_a_slow_writer (void **state)
{
    enum { LINES = 20000 };
    static slice_t slices[LINES];
    int ends[2], blocks = 0;
    char line[32];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    input_config_t config = input_defaults ();
    config.stdin_fd = ends[0];
    input_t *input = open_input (&config);
    for (int i = 0; i < LINES; i++) {
        int size = snprintf (line, sizeof line, "line %d\nhalf", i) - (i % 2 ? 0 : 4);
        assert_int_equal (write (ends[1], line, (size_t)size), size);
        batch_t batch;
        assert_int_equal (input_read (input, &batch), 1);
        slices[i] = batch.bytes;
        blocks += i == 0 || slices[i].block != slices[i - 1].block;
    }
    for (int i = 0; i < LINES; i++) {
        int size = snprintf (line, sizeof line, "%sline %d\n", i && i % 2 == 0 ? "half" : "", i);
        assert_int_equal (slices[i].size, size);
        assert_memory_equal (slices[i].data, line, size);
        slice_drop (slices + i);
    }
    assert_true (blocks <= 6); // of 64 KiB, for 256 KB
    input_destroy (&input);
    close (ends[0]);
    close (ends[1]);
}

//  Nothing but blank lines, without an end: each call comes back.
static void test_endless_blanks_do_not_hold_the_loop (void **state)
{
    input_source_t source = {.kind = INPUT_FILE, .path = "/dev/zero"};
    input_config_t config = input_defaults ();
    config.sources = &source;
    config.source_count = 1;
    config.delimiter = '\0';
    config.skip_blank = true;
    input_t *input = open_input (&config);
    for (int i = 0; i < 100; i++) {
        batch_t batch;
        assert_int_equal (input_read (input, &batch), 0);
        assert_false (input_eof (input));
        assert_int_equal (input_fd (input), -1);
    }
    input_destroy (&input);
}

//  Random bytes in random cuts against the plainest way to split them.
static void random_case (unsigned seed)
{
    static char bytes[20000];
    size_t size = 0, count = (size_t)rand_r (&seed) % sizeof bytes;
    uint64_t items = 0, sum = 0;
    int rarity = 1 + rand_r (&seed) % 300;
    for (; size < count; size++)
        bytes[size] = rand_r (&seed) % rarity ? (char)rand_r (&seed) : '\n';
    for (size_t i = 0, from = 0; i <= size; i++)
        if ((i == size && i > from) || (i < size && bytes[i] == '\n')) {
            sum = sum * 1000003 + (i - from) * ++items;
            from = i + 1;
        }
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    input_config_t config = input_defaults ();
    config.stdin_fd = ends[0];
    config.task_items = (uint32_t)(rand_r (&seed) % 4);
    config.block_bytes = 1u << rand_r (&seed) % 13;
    config.pack = rand_r (&seed) % 2;
    config.task_bytes = rand_r (&seed) % 2 ? (size_t)(rand_r (&seed) % 2000) : 0;
    input_t *input = open_input (&config);
    uint64_t got_items = 0, got_sum = 0;
    for (size_t at = 0; !input_eof (input);) {
        size_t cut = 1 + (size_t)rand_r (&seed) % 3000;
        cut = cut < size - at ? cut : size - at;
        if (cut)
            assert_int_equal (write (ends[1], bytes + at, cut), cut);
        at += cut;
        if (at == size && ends[1] >= 0) {
            close (ends[1]);
            ends[1] = -1;
        }
        batch_t batch;
        for (int rc; (rc = input_read (input, &batch)) == 1 || (input_fd (input) < 0 && !input_eof (input));) {
            assert_true (rc >= 0);
            if (rc == 0)
                continue;
            const shape_t *shape = input_shape (input);
            const uint8_t *task = batch.bytes.data, *end = task + batch.bytes.size;
            while (task < end) {
                size_t length = shape_skip (shape, task, (size_t)(end - task), 1);
                value_cursor_t cursor = value_cursor (shape, task, length);
                const uint8_t *value;
                for (size_t bytes_of; value_next (&cursor, &value, &bytes_of);)
                    got_sum = got_sum * 1000003 + bytes_of * ++got_items;
                task += length;
            }
            slice_drop (&batch.bytes);
        }
    }
    if (got_items != items || got_sum != sum)
        fail_msg ("case %u: %llu items, not %llu", seed, (unsigned long long)got_items, (unsigned long long)items);
    input_destroy (&input);
    close (ends[0]);
}

static void test_random_bytes_in_random_cuts (void **state)
{
    const char *variant = getenv ("DISHES_VARIANT"); // a sanitizer makes each take ten times as long
    unsigned seeds = variant && strcmp (variant, "dev") != 0 ? 100 : 500;
    for (unsigned seed = 1; seed <= seeds; seed++)
        random_case (seed);
}

static double now_s (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static long peak_kib (void)
{
    struct rusage usage;
    getrusage (RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static char lines[64 << 10];

static void fill_lines (void)
{
    for (size_t i = 0; i < sizeof lines; i += 16)
        memcpy (lines + i, "fifteen bytes--\n", 16);
}

static void read_lines (uint64_t times, bool skip_blank, const char *what)
{
    writer_t writer;
    input_config_t config = input_defaults ();
    config.stdin_fd = writer_start (&writer, lines, sizeof lines, times);
    config.skip_blank = skip_blank;
    input_t *input = open_input (&config);
    total_t total = {0};
    double start = now_s ();
    assert_int_equal (read_all (input, &total), 0);
    if (what)
        print_message ("%s: %.0f million lines of 16 bytes a second\n", what,
                       (double)total.items / 1e6 / (now_s () - start));
    assert_int_equal (total.items, times * (sizeof lines / 16));
    input_destroy (&input);
    close (config.stdin_fd);
    pthread_join (writer.thread, NULL);
}

static void test_memory_does_not_grow_with_the_input (void **state)
{
    fill_lines ();
    for (int packed = 0; packed < 2; packed++) {
        read_lines (25, packed, NULL); // 10^5 lines
        long before = peak_kib ();
        read_lines (2450, packed, packed ? "pipe, -r" : "pipe"); // 10^7
        long after = peak_kib ();
        print_message ("peak %ld KiB, then %ld KiB\n", before, after);
#ifndef __SANITIZE_ADDRESS__
        assert_true (after - before < 2048);
#endif
    }
}

static void test_speed_of_a_file (void **state)
{
    char path[] = "/tmp/dishes-test-input-XXXXXX";
    int fd = mkstemp (path);
    fill_lines ();
    for (int i = 0; i < 1000; i++)
        assert_int_equal (write (fd, lines, sizeof lines), sizeof lines);
    close (fd);
    input_source_t source = {.kind = INPUT_FILE, .path = path};
    input_config_t config = input_defaults ();
    config.sources = &source;
    config.source_count = 1;
    for (uint32_t n = 1; n <= 10; n += 9) {
        config.task_items = n;
        input_t *input = open_input (&config);
        total_t total = {0};
        double start = now_s ();
        assert_int_equal (read_all (input, &total), 0);
        print_message ("file, -n %u: %.0f million lines of 16 bytes a second\n", n,
                       (double)total.items / 1e6 / (now_s () - start));
        assert_int_equal (total.items, 1000 * sizeof lines / 16);
        input_destroy (&input);
    }
    unlink (path);
}

int main (void)
{
    signal (SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_memory_does_not_grow_with_the_input), // before the tests that need much of it
        cmocka_unit_test (test_unreadable_files_are_refused_first),
        cmocka_unit_test (test_unreadable_stdin_is_refused_first),
        cmocka_unit_test (test_senseless_configurations_are_refused),
        cmocka_unit_test (test_nothing_stays_open_after_a_refusal),
        cmocka_unit_test (test_item_too_long_is_an_error_wherever_it_is_cut),
        cmocka_unit_test (test_failed_read_is_an_error_that_stays),
        cmocka_unit_test (test_line_of_100_mb),
        cmocka_unit_test (test_item_of_60_mb_is_whole),
        cmocka_unit_test (test_flags_of_stdin_stay_as_they_are),
        cmocka_unit_test (test_another_reader_takes_the_bytes),
        cmocka_unit_test (test_fifo_waits_for_its_writer),
        cmocka_unit_test (test_fifo_as_stdin_ends_although_its_writer_has_gone),
        cmocka_unit_test (test_terminal),
        cmocka_unit_test (test_dev_null_is_empty),
        cmocka_unit_test (test_slices_of_a_slow_writer),
        cmocka_unit_test (test_endless_blanks_do_not_hold_the_loop),
        cmocka_unit_test (test_random_bytes_in_random_cuts),
        cmocka_unit_test (test_speed_of_a_file),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
