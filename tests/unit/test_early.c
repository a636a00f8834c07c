//  What is counted and waits for its turn (--keep-order) outlives the process: spill, printer and journal, as a sink
//  uses them, in processes that end at any moment.
//  ctest: one-thread
#include "test_journal_help.h"

#include <sys/wait.h>

#include "store/printer.h"
#include "store/spill.h"

static char early[80], out_path[80], err_path[80];

static int make_names (void **state)
{
    if (make_directory (state) == -1)
        return -1;
    snprintf (early, sizeof early, "%s-early", path);
    snprintf (out_path, sizeof out_path, "%s/out", directory);
    snprintf (err_path, sizeof err_path, "%s/err", directory);
    return 0;
}

static int clear (void **state)
{
    unlink (early);
    unlink (out_path);
    unlink (err_path);
    return fresh_file (state);
}

static int remove_names (void **state)
{
    clear (state);
    return remove_directory (state);
}

static bool is_there (const char *name)
{
    return access (name, F_OK) == 0;
}

//  ---- spills that are kept

static spill_pool_t *named_pool (void)
{
    spill_pool_t *pool = spill_pool_new (&(spill_config_t){.path = early});
    assert_non_null (pool);
    return pool;
}

static spill_t *kept (spill_pool_t *pool, int byte, size_t size)
{
    spill_t *spill = spill_new (pool);
    uint8_t *bytes = malloc (size);
    memset (bytes, byte, size);
    assert_int_equal (spill_append (spill, bytes, size), 0);
    assert_int_equal (spill_keep (spill), 0);
    assert_int_equal (spill_size (spill), size);
    free (bytes);
    return spill;
}

static void assert_bytes (const spill_t *spill, int byte, size_t size)
{
    uint8_t *bytes = malloc (size + 1);
    assert_int_equal (spill_read (spill, 0, bytes, size + 1), size);
    for (size_t i = 0; i < size; i++)
        assert_int_equal (bytes[i], byte);
    free (bytes);
}

static void test_a_kept_spill_is_found (void **state)
{
    enum { SIZES = 3 };
    static const size_t sizes[SIZES] = {10, 100000, 1500000};
    spill_place_t places[SIZES][20];
    size_t counts[SIZES];
    spill_pool_t *pool = named_pool ();
    for (int i = 0; i < SIZES; i++) {
        spill_t *spill = kept (pool, 'a' + i, sizes[i]);
        counts[i] = spill_places (spill);
        for (size_t j = 0; j < counts[i]; j++)
            places[i][j] = spill_place (spill, j);
        spill_destroy (&spill);
    }
    assert_int_equal (spill_pool_sync (pool), 0);
    spill_pool_destroy (&pool);
    struct stat is;
    assert_int_equal (stat (early, &is), 0);
    assert_int_equal (is.st_mode & 07777, 0600);

    pool = named_pool ();
    spill_t *found[SIZES];
    assert_int_equal (spill_pool_find (pool), 0);
    for (int i = 0; i < SIZES; i++) {
        found[i] = spill_new (pool);
        for (size_t j = 0; j < counts[i]; j++)
            assert_int_equal (spill_found (found[i], places[i][j]), 0);
    }
    spill_pool_found (pool);
    spill_t *more = kept (pool, 'z', 700000); // overwrites none of them
    for (int i = 0; i < SIZES; i++) {
        assert_bytes (found[i], 'a' + i, sizes[i]);
        spill_part (found[i]);
        spill_destroy (&found[i]);
    }
    spill_part (more);
    spill_destroy (&more);
    spill_pool_release (pool);
    spill_pool_destroy (&pool);
    assert_false (is_there (early));
}

//  Until it is durable that a spill is needed no more, its place is not used for another.
static void test_a_place_is_used_again_after_the_release (void **state)
{
    spill_pool_t *pool = named_pool ();
    spill_t *first = kept (pool, 'a', 200000);
    uint64_t offset = spill_place (first, 0).offset;
    spill_part (first);
    spill_destroy (&first);
    spill_t *second = kept (pool, 'b', 200000);
    assert_true (spill_place (second, 0).offset != offset);
    spill_pool_release (pool);
    spill_t *third = kept (pool, 'c', 200000);
    assert_int_equal (spill_place (third, 0).offset, offset);
    spill_destroy (&second);
    spill_destroy (&third);
    spill_pool_destroy (&pool);
    assert_true (is_there (early)); // what was never released stays
}

static void test_a_place_that_is_not_there (void **state)
{
    spill_pool_t *pool = named_pool ();
    spill_t *spill = kept (pool, 'a', 100000);
    spill_place_t place = spill_place (spill, 0);
    spill_destroy (&spill);
    spill_pool_destroy (&pool);

    pool = named_pool ();
    assert_int_equal (spill_pool_find (pool), 0);
    spill = spill_new (pool);
    const spill_place_t bad[] = {{place.offset, 100001},    {place.offset, 0}, {1 << 20, 1},
                                 {UINT64_MAX, 2},           {5, UINT64_MAX},   {place.offset, (uint64_t)1 << 63},
                                 {place.offset + 1, 100000}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal (spill_found (spill, bad[i]), -1);
        assert_int_equal (errno, ENODATA);
    }
    spill_destroy (&spill);
    spill_pool_destroy (&pool);
    assert_true (is_there (early)); // nothing is removed that was not understood
}

static void test_a_file_of_somebody_else (void **state)
{
    assert_int_equal (symlink ("/dev/null", early), 0);
    spill_pool_t *pool = named_pool ();
    assert_int_equal (spill_pool_find (pool), -1);
    assert_int_equal (errno, ELOOP);
    spill_pool_destroy (&pool);
    assert_null (try_open (JOURNAL_NEW));
    assert_non_null (strstr (said, "-early is not yours, or not a file"));
    unlink (early);

    int fd = open (early, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close (fd);
    assert_null (try_open (JOURNAL_NEW));
    assert_int_equal (errno, EEXIST);
    assert_non_null (strstr (said, "has the outputs of another run"));
    assert_false (is_there (path));
}

//  ---- rows of the journal

typedef struct {
    journal_early_t places[20];
    size_t size;
} places_t;

static int take (void *arg, const journal_early_t *place)
{
    places_t *self = arg;
    self->places[self->size++] = *place;
    return 0;
}

static void assert_early (journal_t *journal, const char *want)
{
    places_t found = {.size = 0};
    char text[400] = "";
    assert_int_equal (journal_early_found (journal, take, &found), 0);
    for (size_t i = 0; i < found.size; i++)
        snprintf (text + strlen (text), sizeof text - strlen (text), "%llu.%u:%llu ",
                  (unsigned long long)found.places[i].n, found.places[i].stream,
                  (unsigned long long)found.places[i].offset);
    assert_string_equal (text, want);
}

static void tell_early (journal_t *journal)
{
    static const journal_early_t places[] = {{9, 1, 500, 10}, {9, 1, 100, 10}, {9, 2, 0, 1},
                                             {4, 1, 800, 3},  {5, 2, 850, 3},  {6, 1, 900, 3}};
    complete (journal, 3, 2, TASK_OK);
    complete (journal, 5, 2, TASK_FAILED);
    complete (journal, 9, 1, TASK_OK);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        journal_early (journal, &places[i]);
    must_commit (journal);
}

static journal_t *again (journal_t **journal_p, journal_mode_t mode)
{
    journal_close (journal_p);
    return must_open (mode);
}

static void test_places_come_back_until_they_are_out (void **state)
{
    journal_t *journal = must_open (JOURNAL_NEW);
    assert_string_equal (journal_early_path (journal), early);
    tell_early (journal);
    journal = again (&journal, JOURNAL_CONTINUE);
    assert_int_equal (journal_run (journal).early, 4);
    assert_early (journal, "4.1:800 5.2:850 6.1:900 9.1:500 9.1:100 9.2:0 ");
    journal_early_out (journal, 6);
    must_commit (journal);
    journal = again (&journal, JOURNAL_RESUME);
    assert_early (journal, "6.1:900 9.1:500 9.1:100 9.2:0 ");
    journal_early_out (journal, UINT64_MAX);
    must_commit (journal);
    journal = again (&journal, JOURNAL_CONTINUE);
    assert_early (journal, "");
    assert_int_equal (journal_run (journal).early, 0);
    journal_close (&journal);
}

static void test_what_failed_waits_no_more (void **state)
{
    journal_t *journal = must_open (JOURNAL_NEW);
    tell_early (journal);
    journal = again (&journal, JOURNAL_RESUME_FAILED);
    assert_int_equal (journal_run (journal).early, 2);
    assert_early (journal, "4.1:800 9.1:500 9.1:100 9.2:0 ");
    journal_close (&journal);
}

//  At an end all that waits is printed, the file is cut back by who goes on.
static void test_stderr_is_out_at_an_end (void **state)
{
    journal_t *journal = must_open (JOURNAL_NEW);
    tell_early (journal);
    journal_ended (journal, &(ending_t){.end = END_INTERRUPTED, .status = 130});
    must_commit (journal);
    journal = again (&journal, JOURNAL_CONTINUE);
    assert_early (journal, "4.1:800 6.1:900 9.1:500 9.1:100 ");
    journal = again (&journal, JOURNAL_RESUME);
    assert_early (journal, "4.1:800 6.1:900 9.1:500 9.1:100 ");
    assert_string_equal (ask ("SELECT count (*) FROM early WHERE stream = 2"), "0");
    journal_close (&journal);
}

static void test_a_place_of_no_task (void **state)
{
    journal_t *journal = must_open (JOURNAL_NEW);
    tell_early (journal);
    journal_close (&journal);
    ask ("UPDATE early SET n = 100 WHERE n = 4");
    journal = must_open (JOURNAL_CONTINUE);
    places_t found = {.size = 0};
    assert_int_equal (journal_early_found (journal, take, &found), -1);
    assert_int_equal (errno, EBADMSG);
    assert_non_null (strstr (journal_error (journal), "is of no counted task"));
    journal_close (&journal);
}

//  Version 1 had no such table: it gets one, and is of this version then.
static void test_an_earlier_version_is_taken_over (void **state)
{
    journal_t *journal = must_open (JOURNAL_NEW);
    complete (journal, 1, 5, TASK_OK);
    must_commit (journal);
    journal_close (&journal);
    ask ("DROP TABLE early");
    ask ("DROP TABLE upstream");
    ask ("PRAGMA user_version = 1");
    assert_null (try_open (JOURNAL_NEW)); // and is not touched where it is not gone on with
    assert_string_equal (ask ("PRAGMA user_version"), "1");
    journal = must_open (JOURNAL_CONTINUE);
    assert_int_equal (journal_counted (journal)->total, 5);
    complete (journal, 9, 1, TASK_OK);
    journal_early (journal, &(journal_early_t){9, 1, 0, 10});
    must_commit (journal);
    journal = again (&journal, JOURNAL_CONTINUE);
    assert_string_equal (ask ("PRAGMA user_version"), "2");
    assert_early (journal, "9.1:0 ");
    journal_close (&journal);
}

//  ---- whole lives

enum { TASKS = 120, WINDOW = 40 };

typedef struct {
    journal_t *journal;
    printer_t *printer;
    int err_fd;
    unsigned seed;
    bool keep_order;
} life_t;

//  What a task writes is known from its number: sizes from nothing to more than a segment.
static size_t size_of (uint64_t n)
{
    static const size_t sizes[] = {0, 10, 30, 5000, 70000, 300000, 20};
    return sizes[n * 31 % (sizeof sizes / sizeof *sizes)];
}

static char byte_of (uint64_t n)
{
    return (char)('a' + n * 7 % 26);
}

static int tell_place (void *arg, const printer_place_t *place)
{
    const life_t *self = arg;
    journal_early (self->journal,
                   &(journal_early_t){place->n, (unsigned)place->stream + 1, place->offset, place->size});
    return 0;
}

static int find_place (void *arg, const journal_early_t *place)
{
    const life_t *self = arg;
    printer_place_t found = {place->n, (int)place->stream - 1, place->offset, place->size};
    return printer_find_place (self->printer, &found);
}

static void commit (life_t *self)
{
    uint64_t bytes;
    uint64_t next = self->keep_order ? printer_next (self->printer) : INT64_MAX;
    assert_int_equal (printer_sync (self->printer, &bytes), 0);
    assert_int_equal (printer_keep (self->printer, tell_place, self), 0);
    journal_cursor (self->journal, bytes, next - 1);
    journal_early_out (self->journal, next);
    if (rand_r (&self->seed) % 40 == 0)
        _exit (0);
    must_commit (self->journal);
    printer_kept (self->printer);
}

//  Those that are counted and were not found are out, or wrote nothing.
static void pass_over (life_t *self)
{
    const ranges_t *counted = journal_counted (self->journal);
    uint64_t waits[TASKS + 1] = {0};
    sqlite3 *db;
    sqlite3_stmt *row;
    assert_int_equal (sqlite3_open_v2 (path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal (sqlite3_prepare_v2 (db, "SELECT n FROM early", -1, &row, NULL), SQLITE_OK);
    while (sqlite3_step (row) == SQLITE_ROW)
        waits[sqlite3_column_int64 (row, 0)] = 1;
    sqlite3_finalize (row);
    sqlite3_close (db);
    for (uint64_t n = 1; n <= TASKS; n++)
        if (ranges_has (counted, n) && !waits[n])
            assert_int_equal (printer_empty_run (self->printer, n, 1), 0);
}

static void begin (life_t *self)
{
    sink_restored_t restored;
    self->journal = must_open (JOURNAL_CONTINUE);
    self->err_fd = open (err_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    printer_config_t config = {.keep_order = self->keep_order,
                               .out_path = out_path,
                               .err_fd = self->err_fd,
                               .holds = true,
                               .keep_path = early,
                               .memory_bytes = 100000,
                               .task_bytes = 50000};
    config.is_resumed = journal_restored (self->journal, &restored);
    config.out_bytes = journal_run (self->journal).printed_bytes;
    self->printer = printer_new (&config);
    assert_non_null (self->printer);
    if (!config.is_resumed)
        return;
    assert_int_equal (printer_find (self->printer), 0);
    assert_int_equal (journal_early_found (self->journal, find_place, self), 0);
    assert_int_equal (printer_found (self->printer), 0);
    if (self->keep_order)
        pass_over (self);
}

static void do_task (life_t *self, uint64_t n)
{
    printer_task_t task = {.source = 1, .n = n};
    size_t size = size_of (n), before = size / 2;
    char *bytes = malloc (size + 1), line[30];
    memset (bytes, byte_of (n), size);
    snprintf (line, sizeof line, "%llu\n", (unsigned long long)n);
    assert_int_equal (printer_piece (self->printer, &task, PRINTER_OUT, bytes, before), 0);
    assert_int_equal (printer_done (self->printer, &task, bytes, size - before, line, n % 3 ? 0 : strlen (line)), 0);
    journal_completed (self->journal, &(completion_t){.n = n, .count = 1});
    free (bytes);
}

//  The first few that are missing, in any order, until all are counted or the process ends.
static void live (unsigned seed, bool keep_order)
{
    life_t self = {.seed = seed, .keep_order = keep_order};
    begin (&self);
    for (;;) {
        const ranges_t *counted = journal_counted (self.journal);
        uint64_t low = ranges_missing (counted, 1, INT64_MAX - 1).n;
        if (low > TASKS)
            break;
        uint64_t n = low + (uint64_t)rand_r (&self.seed) % WINDOW;
        if (rand_r (&self.seed) % 50 == 0)
            _exit (0);
        if (n <= TASKS && !ranges_has (counted, n))
            do_task (&self, n);
        if (rand_r (&self.seed) % 4)
            continue;
        commit (&self);
        assert_int_equal (printer_write (self.printer), 0);
    }
    commit (&self);
    assert_int_equal (printer_flush (self.printer, -1), 0);
    printer_destroy (&self.printer);
    journal_close (&self.journal);
    _exit (1);
}

static void check_out (void)
{
    FILE *file = fopen (out_path, "r");
    assert_non_null (file);
    for (uint64_t n = 1; n <= TASKS; n++)
        for (size_t i = 0; i < size_of (n); i++) {
            int byte = getc (file);
            if (byte != byte_of (n))
                fail_msg ("byte %zu of task %llu is %d", i, (unsigned long long)n, byte);
        }
    assert_int_equal (getc (file), EOF);
    fclose (file);
}

//  Never twice, never out of order; what was on its way when the process ended may be missing.
static void check_errors (void)
{
    FILE *file = fopen (err_path, "r");
    unsigned long long n, last = 0, lines = 0;
    assert_non_null (file);
    for (; fscanf (file, "%llu", &n) == 1; last = n, lines++)
        assert_true (n > last && n % 3 == 0 && n <= TASKS);
    assert_true (lines > TASKS / 3 / 2);
    fclose (file);
}

static void test_lives_that_end_at_any_moment (void **state)
{
    enum { RUNS = 6 };
    unsigned lives = 0;
    for (unsigned run = 1; run <= RUNS; run++) {
        int status = 0;
        clear (state);
        while (!status) {
            pid_t pid = fork ();
            if (!pid)
                live (++lives * 7919 + run, true);
            lives++;
            assert_int_equal (waitpid (pid, &status, 0), pid);
            if (status && (!WIFEXITED (status) || WEXITSTATUS (status) != 1))
                fail_msg ("run %u: a life ended with status %x", run, (unsigned)status);
        }
        check_out ();
        check_errors ();
        assert_string_equal (ask ("SELECT count (*) FROM early"), "0");
        assert_false (is_there (early));
    }
    assert_true (lives > 3 * RUNS);
}

//  Who goes on without an order has what waited at once.
static void test_going_on_without_order (void **state)
{
    life_t self = {.seed = 1, .keep_order = true};
    begin (&self);
    for (uint64_t n = 9; n > 1; n--)
        do_task (&self, n);
    commit (&self);
    printer_destroy (&self.printer);
    journal_close (&self.journal);
    assert_true (is_there (early));
    self.keep_order = false;
    begin (&self);
    commit (&self);
    struct stat is;
    size_t all = 0;
    for (uint64_t n = 2; n <= 9; n++)
        all += size_of (n);
    assert_int_equal (stat (out_path, &is), 0);
    assert_int_equal (is.st_size, all);
    printer_destroy (&self.printer);
    journal_close (&self.journal);
    assert_false (is_there (early));
}

//  What is to go to a pipe is not there before somebody says so, however much it is.
static void test_what_holds_waits_for_the_word (void **state)
{
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC | O_NONBLOCK), 0);
    printer_t *printer = printer_new (&(printer_config_t){.out_fd = ends[1], .err_fd = 2, .holds = true});
    printer_task_t task = {.source = 1, .n = 1};
    char *bytes = calloc (1, 1000000);
    assert_int_equal (printer_done (printer, &task, bytes, 1000000, NULL, 0), 0);
    assert_int_equal (read (ends[0], bytes, 1), -1);
    assert_int_equal (printer_write (printer), 0);
    assert_int_equal (read (ends[0], bytes, 1), 1);
    printer_destroy (&printer);
    close (ends[0]);
    close (ends[1]);
    free (bytes);
}

#define TEST(name) cmocka_unit_test_setup (name, clear)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_a_kept_spill_is_found),
        TEST (test_a_place_is_used_again_after_the_release),
        TEST (test_a_place_that_is_not_there),
        TEST (test_a_file_of_somebody_else),
        TEST (test_places_come_back_until_they_are_out),
        TEST (test_what_failed_waits_no_more),
        TEST (test_stderr_is_out_at_an_end),
        TEST (test_a_place_of_no_task),
        TEST (test_an_earlier_version_is_taken_over),
        TEST (test_lives_that_end_at_any_moment),
        TEST (test_going_on_without_order),
        TEST (test_what_holds_waits_for_the_word),
    };
    return cmocka_run_group_tests (tests, make_names, remove_names);
}
