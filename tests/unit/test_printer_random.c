//  The printer against a simple model: random pieces, completions, drops and losses of several sources, in each mode,
//  to files and to a slow reader; byte for byte the same output.
//  ctest: one-thread
#include "test_printer_help.h"

#include <errno.h>
#include <fcntl.h>

enum { TASKS = 60, SOURCES = 4, SEEDS = 12, PIECE_MAX = 60000 };

typedef struct {
    char *bytes;
    size_t size, capacity;
} string_t;

static void string_add (string_t *self, const char *bytes, size_t size)
{
    if (self->size + size > self->capacity) {
        self->capacity = (self->size + size) * 2;
        self->bytes = realloc (self->bytes, self->capacity);
        assert_non_null (self->bytes);
    }
    if (size)
        memcpy (self->bytes + self->size, bytes, size);
    self->size += size;
}

static void string_cut_front (string_t *self, size_t size)
{
    if (size)
        memmove (self->bytes, self->bytes + size, self->size - size);
    self->size -= size;
}

//  One attempt in the model: what is not printed yet, how much of it may be, and whether a line is begun.
typedef struct {
    bool open;
    string_t held[2];
    size_t ready[2];
    bool inside[2];
} attempt_t;

typedef enum { WAITING, DONE } fate_t;

typedef struct {
    printer_config_t config;
    bool merged, slow;
    unsigned seed;
    uint64_t next;
    fate_t fate[TASKS + 1];
    attempt_t attempts[SOURCES][TASKS + 1];
    attempt_t whole[TASKS + 1];
    string_t want[2], got; // got: of the slow reader
    printer_t *printer;
    int out_fd, err_fd, reader_fd;
} world_t;

static unsigned below (world_t *world, unsigned limit)
{
    return (unsigned)rand_r (&world->seed) % limit;
}

static void print (world_t *world, attempt_t *attempt, int stream, size_t size)
{
    string_t *held = &attempt->held[stream];
    string_add (&world->want[world->merged ? 0 : stream], held->bytes, size);
    string_cut_front (held, size);
    attempt->ready[stream] -= size < attempt->ready[stream] ? size : attempt->ready[stream];
}

static void add_byte (world_t *world, attempt_t *attempt, uint64_t n, int stream, char byte)
{
    char tag[32];
    if (world->config.tag && world->config.mode != PRINTER_RAW && !attempt->inside[stream])
        string_add (&attempt->held[stream], tag, (size_t)snprintf (tag, sizeof tag, "<%u>\t", (unsigned)n));
    string_add (&attempt->held[stream], &byte, 1);
    attempt->inside[stream] = byte != '\n' && byte != '\r';
}

//  Adds the bytes of a piece and finds out what of it may be printed before the end.
static void add_bytes (world_t *world, attempt_t *attempt, uint64_t n, int stream, const char *bytes, size_t size)
{
    size_t newline = 0, whole = 0;
    for (size_t i = 0; i < size; i++) {
        newline = bytes[i] == '\n' ? i + 1 : newline;
        whole = bytes[i] == '\r' ? i + 1 : whole;
    }
    whole = newline ? newline : whole;
    whole = world->config.mode == PRINTER_RAW ? size : whole;
    for (size_t i = 0; i < size; i++) {
        add_byte (world, attempt, n, stream, bytes[i]);
        if (i + 1 == whole && world->config.mode != PRINTER_GROUP)
            attempt->ready[stream] = attempt->held[stream].size;
    }
    attempt->open = true;
}

static void forget (attempt_t *attempt)
{
    free (attempt->held[0].bytes);
    free (attempt->held[1].bytes);
    *attempt = (attempt_t){0};
}

static void stream_ready (world_t *world, uint64_t n)
{
    if (world->config.mode == PRINTER_GROUP || n > TASKS || (world->config.keep_order && n != world->next))
        return;
    for (int source = 0; source < SOURCES; source++)
        for (int stream = 0; stream < 2; stream++)
            print (world, &world->attempts[source][n], stream, world->attempts[source][n].ready[stream]);
}

static void take_turns (world_t *world)
{
    while (world->next <= TASKS && world->fate[world->next] == DONE) {
        attempt_t *whole = &world->whole[world->next++];
        print (world, whole, 0, whole->held[0].size);
        print (world, whole, 1, whole->held[1].size);
        forget (whole);
    }
    stream_ready (world, world->next);
}

static size_t random_bytes (world_t *world, char bytes[PIECE_MAX])
{
    static const char letters[] = "abcdefghij\n\nkl\rm";
    size_t size = below (world, 4) ? below (world, 40) : below (world, below (world, 4) ? 6000 : PIECE_MAX);
    unsigned alphabet = below (world, 5) ? 16 : 10;
    for (size_t i = 0; i < size; i++)
        bytes[i] = letters[below (world, alphabet)];
    return size;
}

static printer_task_t task_in (const world_t *world, int source, uint64_t n, char tag[32])
{
    int size = snprintf (tag, 32, "<%u>", (unsigned)n);
    return (printer_task_t){.source = (uint64_t)source, .n = n, .tag = tag, .tag_size = (size_t)size};
}

static void do_piece (world_t *world, int source, uint64_t n)
{
    char bytes[PIECE_MAX], tag[32];
    size_t size = random_bytes (world, bytes);
    int stream = (int)below (world, 2);
    attempt_t *attempt = &world->attempts[source][n];
    printer_task_t task = task_in (world, source, n, tag);
    assert_int_equal (printer_piece (world->printer, &task, stream, bytes, size), 0);
    add_bytes (world, attempt, n, stream, bytes, size);
    if (world->config.mode != PRINTER_GROUP && (!world->config.keep_order || n == world->next))
        print (world, attempt, stream, attempt->ready[stream]);
}

static void do_drop (world_t *world, int source, uint64_t n)
{
    printer_drop (world->printer, (uint64_t)source, n);
    forget (&world->attempts[source][n]);
}

static void do_done (world_t *world, int source, uint64_t n)
{
    char out[PIECE_MAX], err[PIECE_MAX], tag[32];
    size_t out_size = below (world, 3) ? random_bytes (world, out) : 0;
    size_t err_size = below (world, 3) ? 0 : random_bytes (world, err);
    printer_task_t task = task_in (world, source, n, tag);
    assert_int_equal (printer_done (world->printer, &task, out, out_size, err, err_size), 0);
    attempt_t *attempt = &world->attempts[source][n];
    add_bytes (world, attempt, n, 0, out, out_size);
    add_bytes (world, attempt, n, 1, err, err_size);
    world->fate[n] = DONE;
    world->whole[n] = *attempt;
    *attempt = (attempt_t){0};
    for (int other = 0; other < SOURCES; other++)
        do_drop (world, other, n);
    if (world->config.keep_order) {
        take_turns (world);
        return;
    }
    print (world, &world->whole[n], 0, world->whole[n].held[0].size);
    print (world, &world->whole[n], 1, world->whole[n].held[1].size);
    forget (&world->whole[n]);
}

static void do_empty_run (world_t *world, uint64_t n)
{
    uint64_t count = 0;
    for (; n + count <= TASKS && count < 5 && world->fate[n + count] == WAITING; count++) {
        for (int source = 0; source < SOURCES; source++)
            do_drop (world, source, n + count);
        world->fate[n + count] = DONE;
    }
    assert_int_equal (printer_empty_run (world->printer, n, count), 0);
    if (world->config.keep_order)
        take_turns (world);
}

static void do_lose (world_t *world, int source)
{
    printer_drop_source (world->printer, (uint64_t)source);
    for (uint64_t n = 1; n <= TASKS; n++)
        forget (&world->attempts[source][n]);
}

static void read_some (world_t *world)
{
    char bytes[5000];
    ssize_t got = read (world->reader_fd, bytes, 1 + below (world, sizeof bytes));
    if (got > 0)
        string_add (&world->got, bytes, (size_t)got);
}

//  In the streaming modes one source at a time has a number, as in a pipeline; else its printed lines have no order.
static bool may_have (const world_t *world, int source, uint64_t n)
{
    for (int other = 0; other < SOURCES && world->config.mode != PRINTER_GROUP; other++)
        if (other != source && world->attempts[other][n].open)
            return false;
    return world->fate[n] == WAITING;
}

static void step (world_t *world)
{
    uint64_t low = 1, n;
    while (low < TASKS && world->fate[low] == DONE)
        low++;
    n = low + below (world, 12);
    int source = (int)below (world, SOURCES);
    if (n > TASKS || !may_have (world, source, n))
        return;
    unsigned what = below (world, 100);
    if (what < 60)
        do_piece (world, source, n);
    else if (what < 82)
        do_done (world, source, n);
    else if (what < 88)
        do_empty_run (world, n);
    else if (what < 94)
        do_drop (world, source, n);
    else if (what < 95)
        do_lose (world, source);
    else
        assert_int_equal (printer_write (world->printer), 0);
    assert_true (printer_consumed_bytes (world->printer) <= printer_accepted_bytes (world->printer));
    if (world->slow && below (world, 3) == 0)
        read_some (world);
}

static void open_world (world_t *world)
{
    world->next = 1;
    world->out_fd = memory_file ();
    world->err_fd = world->merged ? world->out_fd : memory_file ();
    if (world->slow) {
        int ends[2];
        close (world->out_fd);
        assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
        fcntl (ends[0], F_SETFL, O_NONBLOCK);
        fcntl (ends[1], F_SETPIPE_SZ, 4096);
        world->reader_fd = ends[0];
        world->out_fd = ends[1];
        if (world->merged)
            world->err_fd = world->out_fd;
    }
    world->config.out_fd = world->out_fd;
    world->config.err_fd = world->err_fd;
    world->config.memory_bytes = 20000;
    world->config.task_bytes = 4000;
    world->printer = printer_new (&world->config);
    assert_non_null (world->printer);
}

static void compare (const string_t *want, const char *got, size_t size)
{
    assert_int_equal (size, want->size);
    if (size)
        assert_memory_equal (got, want->bytes, size);
}

static void close_world (world_t *world)
{
    size_t size;
    while (world->slow && printer_flush (world->printer, 0) == -1) {
        assert_int_equal (errno, ETIMEDOUT);
        read_some (world);
    }
    assert_int_equal (printer_flush (world->printer, 0), 0);
    assert_int_equal (printer_backlog_bytes (world->printer), 0);
    assert_int_equal (printer_consumed_bytes (world->printer), printer_accepted_bytes (world->printer));
    printer_destroy (&world->printer);
    close (world->slow ? world->out_fd : -1);
    for (size_t before = SIZE_MAX; world->slow && before != world->got.size;) {
        before = world->got.size;
        read_some (world);
    }
    char *text = world->slow ? NULL : file_text (world->out_fd, &size);
    compare (&world->want[0], text ? text : world->got.bytes, text ? size : world->got.size);
    free (text);
    if (!world->merged) {
        text = file_text (world->err_fd, &size);
        compare (&world->want[1], text, size);
        free (text);
        close (world->err_fd);
    }
    close (world->slow ? world->reader_fd : world->out_fd);
    free (world->want[0].bytes);
    free (world->want[1].bytes);
    free (world->got.bytes);
}

static void run (printer_mode_t mode, unsigned variant, unsigned seed)
{
    static world_t world;
    world = (world_t){.config = {.mode = mode, .keep_order = variant & 1, .tag = variant & 2},
                      .merged = variant & 4,
                      .slow = variant & 8,
                      .seed = seed};
    open_world (&world);
    for (int i = 0; i < 900; i++)
        step (&world);
    for (uint64_t n = 1; n <= TASKS; n++) {
        int source = 0;
        while (world.fate[n] == WAITING && !may_have (&world, source, n))
            source++;
        if (world.fate[n] == WAITING)
            do_done (&world, source, n);
    }
    close_world (&world);
}

static void run_all (printer_mode_t mode)
{
    for (unsigned seed = 1; seed <= SEEDS; seed++)
        for (unsigned variant = 0; variant < 16; variant++)
            run (mode, variant, seed * 16 + variant);
}

static void test_group (void **state)
{
    run_all (PRINTER_GROUP);
}

static void test_lines (void **state)
{
    run_all (PRINTER_LINES);
}

static void test_raw (void **state)
{
    run_all (PRINTER_RAW);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_group),
        cmocka_unit_test (test_lines),
        cmocka_unit_test (test_raw),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
