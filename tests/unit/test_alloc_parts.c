//  Memory ends where items are read, commands are made, outputs are kept and printed, keys are read: each says so, and
//  leaks nothing.
#include "test_alloc_help.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/frame.h"
#include "input/input.h"
#include "net/keys.h"
#include "net/packet.h"
#include "run/template.h"
#include "store/joblog.h"
#include "store/printer.h"
#include "store/spill.h"

static int memory_file (const char *text)
{
    int fd = memfd_create ("alloc", MFD_CLOEXEC);
    assert_true (fd >= 0);
    assert_int_equal (write (fd, text, strlen (text)), strlen (text));
    assert_int_equal (lseek (fd, 0, SEEK_SET), 0);
    return fd;
}

//  ---- input

enum { LINES = 100 };

static bool read_input (void *arg)
{
    input_config_t *config = arg;
    char error[300];
    uint64_t items = 0;
    int rc = 0;
    assert_int_equal (lseek (config->stdin_fd, 0, SEEK_SET), 0);
    input_t *input = input_new (config, error, sizeof error);
    if (!input) {
        assert_int_equal (errno, ENOMEM);
        return false;
    }
    for (batch_t batch; (rc = input_read (input, &batch)) != -1 && !(rc == 0 && input_eof (input));)
        if (rc == 1) {
            items += batch.items;
            slice_drop (&batch.bytes);
        }
    if (rc == -1) {
        assert_int_equal (errno, ENOMEM);
        assert_true (*input_error (input));
    } else {
        assert_int_equal (items, config->source_count > 1 ? 3 * LINES : LINES);
    }
    input_destroy (&input);
    return rc == 0;
}

static void test_an_input_says_that_memory_ended (void **state)
{
    static const char *const list[] = {"a", "b", "c"};
    const input_source_t product[] = {{.kind = INPUT_STDIN}, {.kind = INPUT_LIST, .items = list, .count = 3}};
    input_config_t config = input_defaults ();
    char text[2 * LINES + 1] = "";
    for (int i = 0; i < LINES; i++)
        memcpy (text + 2 * i, "x\n", 3);
    config.stdin_fd = memory_file (text);
    config.block_bytes = 32;
    assert_true (play_all (read_input, &config) > 3);
    config.pack = true;
    config.task_items = 7;
    assert_true (play_all (read_input, &config) > 5);
    config.pack = false;
    config.task_items = 0;
    config.sources = product;
    config.source_count = 2;
    assert_true (play_all (read_input, &config) > 5);
    close (config.stdin_fd);
}

//  ---- commands

typedef struct {
    template_opts_t opts;
    const char *text; // of a text instead of a command
} command_t;

static bool render (const template_t *template, rendering_t *rendering)
{
    static const shape_t shape = {BLOCK_DELIMITED, '\n', 1, 2};
    static const char value[] = "one/two.c\nthree four\n";
    template_task_t task = {
        .n = 1, .slot = 1, .shape = &shape, .data = (const uint8_t *)value, .size = sizeof value - 1};
    size_t size;
    bool good = template_argv (template, rendering, &task);
    good = template_command (template, rendering, &task, &size) && good;
    good = template_line (template, rendering, &task, &size) && good;
    if (!good)
        assert_int_equal (errno, ENOMEM);
    return good;
}

static bool make_command (void *arg)
{
    const command_t *command = arg;
    char error[300] = "";
    template_t *template = command->text ? template_text_new (command->text, NULL, error, sizeof error)
                                         : template_new (&command->opts, error, sizeof error);
    if (!template) {
        assert_int_equal (errno, ENOMEM);
        assert_true (*error);
        return false;
    }
    rendering_t *rendering = rendering_new ();
    bool good = rendering && render (template, rendering);
    rendering_destroy (&rendering);
    template_destroy (&template);
    return good;
}

static void test_a_command_says_that_memory_ended (void **state)
{
    static char gzip[] = "gzip", level[] = "-9", whole[] = "{}", stem[] = "{.}.gz", base[] = "{/}-{#}";
    static char text[] = "echo {} | tr a \"{/.}\" > {#}.$$";
    char *words[] = {gzip, level, whole, stem, base}, *line[] = {text};
    command_t commands[] = {
        {.opts = {.words = words, .count = 5}},
        {.opts = {.words = words, .count = 2, .context = true}},
        {.opts = {.words = line, .count = 1, .shell = "/bin/sh"}},
        {.opts = {.shell = "/bin/sh"}},
        {.text = "tag {} {#}"},
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        assert_true (play_all (make_command, &commands[i]) > 4);
}

//  ---- outputs

static bool print_tasks (void *arg)
{
    printer_config_t *config = arg;
    char bytes[3000];
    memset (bytes, 'b', sizeof bytes);
    bytes[sizeof bytes - 1] = '\n';
    assert_int_equal (ftruncate (config->out_fd, 0), 0);
    assert_int_equal (lseek (config->out_fd, 0, SEEK_SET), 0);
    printer_t *printer = printer_new (config);
    if (!printer) {
        assert_int_equal (errno, ENOMEM);
        return false;
    }
    bool good = true;
    for (uint64_t n = 12; n; n--) {
        printer_task_t task = {.source = n % 3 + 1, .n = n, .tag = "tag", .tag_size = 3};
        good = good && printer_piece (printer, &task, PRINTER_OUT, bytes, sizeof bytes) == 0;
        if (n == 5)
            printer_drop (printer, task.source, n);
        good = good && printer_done (printer, &task, bytes, sizeof bytes, "error\n", 6) == 0;
    }
    good = good && printer_empty_run (printer, 13, 5) == 0 && printer_flush (printer, 1000) == 0;
    if (!good)
        assert_int_equal (errno, ENOMEM);
    printer_drop_source (printer, 2);
    printer_destroy (&printer);
    struct stat is;
    assert_int_equal (fstat (config->out_fd, &is), 0);
    if (good)
        assert_true (is.st_size >= 23 * (off_t)sizeof bytes);
    return good;
}

static void test_a_printer_says_that_memory_ended (void **state)
{
    printer_config_t config = {.out_fd = memory_file (""), .err_fd = memory_file ("")};
    for (int bits = 0; bits < 16; bits++) {
        config.mode = bits & 1 ? PRINTER_LINES : PRINTER_GROUP;
        config.keep_order = bits & 2;
        config.tag = bits & 4;
        config.memory_bytes = config.task_bytes = bits & 8 ? 4096 : 0;
        assert_true (play_all (print_tasks, &config) > 5);
    }
    close (config.out_fd);
    close (config.err_fd);
}

static bool spill_bytes (void *arg)
{
    spill_pool_t *pool = spill_pool_new (&(spill_config_t){.memory_bytes = 5000, .each_bytes = 3000});
    spill_t *one = pool ? spill_new (pool) : NULL, *two = pool ? spill_new (pool) : NULL;
    bool good = one && two;
    for (int i = 0; good && i < 10; i++) {
        uint64_t before = spill_size (two);
        good = spill_append (one, arg, 100) == 0 && spill_append (two, arg, 1000) == 0;
        if (!good)
            assert_true (errno == ENOMEM && spill_size (two) == before);
    }
    spill_destroy (&one);
    spill_destroy (&two);
    spill_pool_destroy (&pool);
    return good;
}

static void test_a_spill_says_that_memory_ended (void **state)
{
    char bytes[1000] = "";
    assert_true (play_all (spill_bytes, bytes) > 4);
}

static bool log_jobs (void *arg)
{
    joblog_t *log = joblog_new ("/dev/null", false);
    char command[5000];
    memset (command, 'c', sizeof command);
    bool good = log;
    for (uint64_t n = 1; good && n < 50; n++) {
        joblog_record_t record = {.seq = n, .command = command, .command_size = sizeof command};
        good = joblog_add (log, &record) == 0 && (n % 10 || joblog_write (log) == 0);
    }
    if (!good)
        assert_int_equal (errno, ENOMEM);
    joblog_destroy (&log);
    return good;
}

static void test_a_joblog_says_that_memory_ended (void **state)
{
    assert_true (play_all (log_jobs, NULL) > 1);
}

//  ---- net

static bool flatten (void *arg)
{
    writer_t records = {0};
    packet_t packet = {.wire = TO_PEER, .role = ROLE_DRYER};
    uint8_t *frame = NULL;
    for (uint64_t n = 1; n < 100; n++)
        put_run (&records, n, 1);
    bool good = writer_take (&records, &packet.records) == 0;
    good = good && packet_flatten (&packet, &frame) == TOPIC_BYTES + HEADER_BYTES + packet.records.size;
    free (frame);
    packet_drop (&packet);
    return good;
}

static void test_a_message_says_that_memory_ended (void **state)
{
    assert_true (play_all (flatten, NULL) > 3);
}

static bool load_key (void *arg)
{
    keys_t *keys = arg;
    char error[300] = "";
    int rc = keys_load (keys, "/dev/fd/3333", error, sizeof error);
    if (rc == -1)
        assert_int_equal (errno, ENOMEM);
    keys_wipe (keys);
    return rc == 0;
}

static void test_a_key_file_says_that_memory_ended (void **state)
{
    static const char text[] = "metadata\n    role = \"head\"\n"
                               "curve\n    public-key = \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"\n"
                               "    secret-key = \"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs\"\n";
    keys_t *keys = calloc (1, sizeof *keys);
    int fd = memory_file (text);
    assert_int_equal (fchmod (fd, 0600), 0);
    assert_int_equal (dup3 (fd, 3333, O_CLOEXEC) == 3333, 1);
    assert_int_equal (play_all (load_key, keys), 1);
    close (fd);
    close (3333);
    free (keys);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_an_input_says_that_memory_ended),
        cmocka_unit_test (test_a_command_says_that_memory_ended),
        cmocka_unit_test (test_a_printer_says_that_memory_ended),
        cmocka_unit_test (test_a_spill_says_that_memory_ended),
        cmocka_unit_test (test_a_joblog_says_that_memory_ended),
        cmocka_unit_test (test_a_message_says_that_memory_ended),
        cmocka_unit_test (test_a_key_file_says_that_memory_ended),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
