//  What is told to the journal is there for the next sink, and for whoever asks the file.
#include "test_journal_help.h"

static void test_new_run (void **state)
{
    sink_restored_t restored;
    journal_t *journal = must_open (JOURNAL_NEW);
    assert_false (journal_restored (journal, &restored));
    assert_int_equal (journal_run (journal).run, 77);
    assert_string_equal (journal_run (journal).address, "ipc://kitchen");
    must_commit (journal);
    journal_close (&journal);
    assert_null (journal);
    journal_close (&journal);

    struct stat is;
    assert_int_equal (stat (path, &is), 0);
    assert_int_equal (is.st_mode & 07777, 0600);

    journal_config_t other = {.run = 78};
    journal = journal_open (path, JOURNAL_CONTINUE, &other, said, sizeof said);
    assert_non_null (journal);
    assert_true (journal_restored (journal, &restored));
    assert_int_equal (restored.counted.total, 0);
    assert_int_equal (restored.ending.end, END_NONE);
    assert_int_equal (journal_run (journal).run, 77);
    assert_string_equal (journal_run (journal).command, "wash {}");
    assert_true (journal_run (journal).started_us > 0);
    journal_close (&journal);
    assert_string_equal (ask ("SELECT command FROM run"), "wash {}");
}

static void test_only_what_is_committed (void **state)
{
    sink_restored_t restored;
    journal_t *journal = must_open (JOURNAL_NEW);
    complete (journal, 1, 10, TASK_OK);
    must_commit (journal);
    complete (journal, 11, 10, TASK_OK);
    journal_close (&journal);
    journal = must_open (JOURNAL_CONTINUE);
    journal_restored (journal, &restored);
    assert_int_equal (restored.counted.total, 10);
    assert_int_equal (restored.figures.ok, 10);
    assert_true (ranges_cover (journal_counted (journal), 1, 10));
    journal_close (&journal);
}

static void tell_everything (journal_t *journal)
{
    journal_washer (journal, "kitchen", 1234567890123456789, 0xfedcba9876543210);
    complete (journal, 1, 5, TASK_OK);
    complete (journal, 6, 1, TASK_FAILED);
    complete (journal, 7, 2, TASK_DROPPED);
    complete (journal, 20, 1, TASK_BROKEN);
    journal_figures (journal, &(figures_t){.ok = 99, .redelivered = 3, .duplicates = 4, .lost = 5});
    journal_cursor (journal, 1000, 6);
    journal_eof (journal, true, 20, 1234567890123456789);
    must_commit (journal);
}

static void test_everything_comes_back (void **state)
{
    sink_restored_t r;
    journal_t *journal = must_open (JOURNAL_NEW);
    tell_everything (journal);
    journal_close (&journal);

    journal = must_open (JOURNAL_CONTINUE);
    assert_true (journal_restored (journal, &r));
    assert_string_equal (r.washer_name, "kitchen");
    assert_true (r.eof);
    assert_int_equal (r.total, 20);
    assert_int_equal (r.eof_life, 1234567890123456789);
    assert_int_equal (r.counted.size, 2);
    assert_int_equal (r.counted.total, 9);
    assert_int_equal (r.figures.ok, 5);
    assert_int_equal (r.figures.failed, 1);
    assert_int_equal (r.figures.dropped, 2);
    assert_int_equal (r.figures.broken, 1);
    assert_int_equal (r.figures.redelivered, 3);
    assert_int_equal (r.figures.duplicates, 4);
    assert_int_equal (r.figures.lost, 5);
    journal_run_t run = journal_run (journal);
    assert_int_equal (run.washer_life, 1234567890123456789);
    assert_int_equal (run.input_hash, 0xfedcba9876543210);
    assert_int_equal (run.printed_bytes, 1000);
    assert_int_equal (run.printed_results, 6);
    journal_close (&journal);
}

static void test_ending (void **state)
{
    sink_restored_t r;
    journal_t *journal = must_open (JOURNAL_NEW);
    tell_everything (journal);
    ending_t ending = {.end = END_HALTED, .status = 7, .figures = {.total = 20, .redelivered = 8}};
    journal_ended (journal, &ending);
    must_commit (journal);
    assert_string_equal (ask ("SELECT how || status FROM ending"), "halted7");
    journal_close (&journal);
    journal = must_open (JOURNAL_CONTINUE);
    journal_restored (journal, &r);
    assert_int_equal (r.ending.end, END_HALTED);
    assert_int_equal (r.ending.status, 7);
    assert_int_equal (r.ending.figures.total, 20);
    assert_int_equal (r.ending.figures.ok, 5);
    assert_int_equal (r.ending.figures.redelivered, 8);
    journal_close (&journal);
}

//  All kinds of an end can be written and read.
static void test_ends (void **state)
{
    for (int end = END_JOINED; end <= END_LOST; end++) {
        sink_restored_t r;
        journal_t *journal = must_open (JOURNAL_CONTINUE);
        journal_ended (journal, &(ending_t){.end = (end_t)end, .status = (uint8_t)end});
        must_commit (journal);
        journal_close (&journal);
        journal = must_open (JOURNAL_CONTINUE);
        journal_restored (journal, &r);
        assert_int_equal (r.ending.end, end);
        journal_close (&journal);
    }
}

static void test_resume (void **state)
{
    sink_restored_t r;
    journal_t *journal = must_open (JOURNAL_NEW);
    tell_everything (journal);
    journal_ended (journal, &(ending_t){.end = END_INTERRUPTED, .status = 130});
    must_commit (journal);
    journal_close (&journal);
    for (int turn = 0; turn < 2; turn++) { // the second time it is read from the file
        journal = must_open (turn ? JOURNAL_CONTINUE : JOURNAL_RESUME);
        assert_true (journal_restored (journal, &r));
        assert_int_equal (r.ending.end, END_NONE);
        assert_false (r.eof);
        assert_int_equal (r.total, 20); // where the life that said so comes back
        assert_int_equal (r.eof_life, 1234567890123456789);
        assert_int_equal (r.counted.total, 9);
        assert_int_equal (r.figures.failed, 1);
        run_t left = ranges_missing (journal_counted (journal), 1, 30);
        assert_int_equal (left.n, 9);
        assert_int_equal (left.count, 11);
        journal_close (&journal);
    }
    assert_string_equal (ask ("SELECT count (*) FROM ending"), "0");
}

static void test_resume_failed (void **state)
{
    sink_restored_t r;
    journal_t *journal = must_open (JOURNAL_NEW);
    tell_everything (journal);
    complete (journal, 9, 1, TASK_OK);
    must_commit (journal);
    journal_close (&journal);
    for (int turn = 0; turn < 2; turn++) {
        journal = must_open (turn ? JOURNAL_CONTINUE : JOURNAL_RESUME_FAILED);
        assert_true (journal_restored (journal, &r));
        assert_int_equal (r.counted.total, 6);
        assert_int_equal (r.counted.size, 2);
        assert_true (ranges_cover (&r.counted, 1, 5));
        assert_true (ranges_has (&r.counted, 9));
        assert_int_equal (r.figures.ok, 6);
        assert_int_equal (r.figures.failed + r.figures.broken + r.figures.dropped, 0);
        assert_int_equal (r.figures.lost, 5);
        journal_close (&journal);
    }
    journal = must_open (JOURNAL_CONTINUE);
    complete (journal, 6, 1, TASK_OK); // it went well this time
    must_commit (journal);
    journal_close (&journal);
    assert_string_equal (ask ("SELECT count (*) FROM failed"), "0");
    assert_string_equal (ask ("SELECT group_concat (n || '+' || count) FROM counted"), "1+6,9+1");
}

static void test_resume_begins_where_there_is_nothing (void **state)
{
    sink_restored_t r;
    journal_t *journal = must_open (JOURNAL_RESUME_FAILED);
    assert_false (journal_restored (journal, &r));
    journal_close (&journal);
}

//  What the items are the results of comes with the EOF, and is what the last one says.
static void test_what_was_before (void **state)
{
    static const before_t befores[] = {{END_JOINED, 3}, {END_HALTED, 200}, {END_DEADLINE, 124}, {END_NONE, 0}};
    sink_restored_t r;
    journal_t *journal = must_open (JOURNAL_NEW);
    for (size_t i = 0; i < sizeof befores / sizeof *befores; i++) {
        journal_washer (journal, "a", 10 + i, 0);
        journal_before (journal, befores[i]);
        journal_before (journal, befores[i]);
        journal_eof (journal, true, 7, 10 + i);
        must_commit (journal);
        journal_close (&journal);
        journal = must_open (JOURNAL_CONTINUE);
        assert_true (journal_restored (journal, &r));
        assert_int_equal (r.before.end, befores[i].end);
        assert_int_equal (r.before.status, befores[i].status);
    }
    journal_before (journal, befores[0]); // and of nothing else
    must_commit (journal);
    journal_close (&journal);
    journal = must_open (JOURNAL_CONTINUE);
    assert_true (journal_restored (journal, &r));
    assert_int_equal (r.before.end, befores[0].end);
    journal_close (&journal);
}

static void test_washers (void **state)
{
    sink_restored_t r;
    journal_t *journal = must_open (JOURNAL_NEW);
    journal_washer (journal, "a", 10, 1);
    must_commit (journal);
    journal_washer (journal, "a", 20, 0); // the same input, not known at once
    must_commit (journal);
    journal_eof (journal, true, 7, 20);
    journal_eof (journal, false, 0, 30); // another life came
    must_commit (journal);
    journal_close (&journal);
    journal = must_open (JOURNAL_CONTINUE);
    journal_restored (journal, &r);
    assert_int_equal (journal_run (journal).washer_life, 20);
    assert_int_equal (journal_run (journal).input_hash, 1);
    assert_false (r.eof);
    assert_int_equal (r.total, 0);
    assert_int_equal (r.eof_life, 30);
    journal_close (&journal);
}

//  A washer of another name takes the run over: it is the one that is remembered.
static void test_washer_renamed (void **state)
{
    sink_restored_t r;
    journal_t *journal = must_open (JOURNAL_NEW);
    journal_washer (journal, "z", 10, 1);
    must_commit (journal);
    journal_washer (journal, "a", 11, 1);
    must_commit (journal);
    journal_close (&journal);
    journal = must_open (JOURNAL_CONTINUE);
    journal_restored (journal, &r);
    assert_string_equal (r.washer_name, "a");
    journal_close (&journal);
}

//  The record of some was lost, the washer knows them.
static void test_known (void **state)
{
    sink_restored_t r;
    run_t runs[] = {{1, 10}, {20, 5}};
    ranges_t known = {runs, 2, 2, 15};
    journal_t *journal = must_open (JOURNAL_NEW);
    complete (journal, 3, 2, TASK_OK);
    complete (journal, 21, 1, TASK_FAILED);
    journal_known (journal, &known, 3); // two that failed are not ours
    must_commit (journal);
    journal_known (journal, &known, 3);
    must_commit (journal);
    journal_close (&journal);
    journal = must_open (JOURNAL_CONTINUE);
    journal_restored (journal, &r);
    assert_int_equal (r.counted.total, 15);
    assert_int_equal (r.figures.failed, 3);
    assert_int_equal (r.figures.ok, 12);
    journal_close (&journal);
    journal = must_open (JOURNAL_RESUME_FAILED); // which these were, nobody knows
    journal_restored (journal, &r);
    assert_int_equal (r.counted.total, 14);
    assert_int_equal (r.figures.failed, 2);
    journal_close (&journal);
}

//  ---- rows

static completion_t one (uint64_t n, outcome_t outcome, uint64_t runtime_us, const char *command)
{
    return (completion_t){.n = n,
                          .count = 1,
                          .outcome = outcome,
                          .dryer = 5,
                          .attempt = 2,
                          .start_us = 1700000000000000,
                          .runtime_us = runtime_us,
                          .command = (const uint8_t *)command,
                          .command_size = strlen (command)};
}

//  --halt fail=1 ends with the status of the task that failed first, also where the sink was started again meanwhile.
static void test_what_failed_first_comes_back (void **state)
{
    sink_restored_t r;
    completion_t late = one (1, TASK_FAILED, 900, ""), first = one (2, TASK_FAILED, 100, "");
    late.status = 7;
    first.signal = 9;
    journal_t *journal = must_open (JOURNAL_NEW);
    journal_completed (journal, &first);
    journal_completed (journal, &late);
    must_commit (journal);
    journal_close (&journal);
    journal = must_open (JOURNAL_CONTINUE);
    journal_restored (journal, &r);
    assert_int_equal (r.failure, 128 + 9);
    journal_close (&journal);
}

static void test_rows (void **state)
{
    journal_t *journal = must_open (JOURNAL_NEW);
    completion_t what = one (1, TASK_OK, 999999, "fast");
    journal_completed (journal, &what);
    what = one (2, TASK_OK, 1000000, "slow");
    journal_completed (journal, &what);
    what = one (3, TASK_FAILED, 10, "false");
    what.status = 1;
    what.flags = RESULT_TIMED_OUT;
    journal_completed (journal, &what);
    what = one (4, TASK_FAILED, 20, "kill");
    what.signal = 9;
    journal_completed (journal, &what);
    journal_dryer (journal, 5, "left", "sink.example");
    must_commit (journal);
    assert_string_equal (ask ("SELECT count (*) FROM task"), "3");
    assert_string_equal (ask ("SELECT n || ' ' || seconds || ' ' || host || ' ' || command FROM slow"),
                         "2 1.0 sink.example slow");
    assert_string_equal (
        ask ("SELECT group_concat (n || ' ' || outcome || ' ' || status || ' ' || signal || ' ' || "
             "ifnull (note, '-') || ' ' || attempts || ' ' || started || ' ' || host || ' ' || command)"
             " FROM failed"),
        "3 failed 1 0 timed out 2 2023-11-14 22:13:20 sink.example false,"
        "4 failed 0 9 - 2 2023-11-14 22:13:20 sink.example kill");
    journal_close (&journal);
}

static void test_broken_item (void **state)
{
    char *bytes = malloc (9);
    memcpy (bytes, "a\nb\0cd'e\n", 9);
    slice_t item = {.data = (uint8_t *)bytes, .size = 9};
    journal_t *journal = must_open (JOURNAL_NEW);
    completion_t what = {.n = 8, .count = 1, .outcome = TASK_BROKEN, .attempt = 3, .item = &item};
    journal_completed (journal, &what);
    free (bytes); // it was copied
    what = (completion_t){.n = 9, .count = 1, .outcome = TASK_BROKEN, .attempt = 3, .item = &(slice_t){0}};
    journal_completed (journal, &what);
    must_commit (journal);
    assert_string_equal (ask ("SELECT hex (item) FROM failed WHERE n = 8"), "610A620063642765"
                                                                            "0A");
    assert_string_equal (ask ("SELECT outcome || ' ' || attempts || ' ' || note FROM failed WHERE n = 8"),
                         "broken 3 its dryers died");
    assert_string_equal (ask ("SELECT typeof (item) || length (item) FROM failed WHERE n = 9"), "blob0");
    assert_string_equal (ask ("SELECT count (*) FROM failed WHERE started IS NULL AND host IS NULL"), "2");
    journal_close (&journal);
}

//  Bytes that are no text are kept as they are, and a long command is cut.
static void test_commands (void **state)
{
    static char text[10000];
    memset (text, 'x', sizeof text - 1);
    journal_t *journal = must_open (JOURNAL_NEW);
    completion_t what = one (1, TASK_FAILED, 0, text);
    journal_completed (journal, &what);
    what = one (2, TASK_FAILED, 0, "a\xff\xfe");
    journal_completed (journal, &what);
    must_commit (journal);
    assert_string_equal (ask ("SELECT length (command) FROM task WHERE n = 1"), "4096");
    assert_string_equal (ask ("SELECT hex (command) FROM task WHERE n = 2"), "61FFFE");
    journal_close (&journal);
}

//  ---- the hash of the input

static void test_blocks (void **state)
{
    uint64_t hash = 0;
    journal_t *journal = must_open (JOURNAL_NEW);
    journal_block (journal, 4096, 0xffffffffffffffff);
    must_commit (journal);
    journal_block (journal, 8192, 2);
    journal_block (journal, 9000, 3); // the input ended here, this time
    journal_block (journal, 4096, 7); // known already: passed over
    must_commit (journal);
    journal_close (&journal);
    journal = must_open (JOURNAL_CONTINUE);
    assert_true (journal_block_known (journal, 4096, &hash));
    assert_int_equal (hash, 0xffffffffffffffff);
    assert_true (journal_block_known (journal, 9000, &hash));
    assert_int_equal (hash, 3);
    assert_false (journal_block_known (journal, 1, &hash));
    assert_false (journal_block_known (journal, 8191, &hash));
    assert_false (journal_block_known (journal, 12288, &hash));
    journal_block (journal, 12288, 4); // and went on the next
    must_commit (journal);
    assert_true (journal_block_known (journal, 12288, &hash));
    assert_false (journal_block_known (journal, 9000, &hash));
    assert_string_equal (ask ("SELECT group_concat (n || '+' || count) FROM block"), "1+4096,4097+4096,8193+4096");
    journal_close (&journal);
}

//  Ten million and more: few rows, evenly, and each of them is found again when the input is read again.
static void test_blocks_are_thinned_out (void **state)
{
    enum { STEP = 4096, STEPS = 10000 };
    size_t found = 0;
    journal_t *journal = must_open (JOURNAL_NEW);
    for (uint64_t i = 1; i <= STEPS; i++) {
        journal_block (journal, i * STEP, i * 31);
        if (i % 700 == 0)
            must_commit (journal);
    }
    must_commit (journal);
    journal_close (&journal);
    journal = must_open (JOURNAL_CONTINUE);
    for (uint64_t i = 1; i <= STEPS; i++) {
        uint64_t hash;
        if (!journal_block_known (journal, i * STEP, &hash))
            continue;
        assert_int_equal (hash, i * 31);
        found++;
    }
    assert_in_range (found, 500, 1024);
    assert_int_equal (atoi (ask ("SELECT count (*) FROM block")), found);
    assert_string_equal (ask ("SELECT count (DISTINCT count) <= 2 FROM block"), "1");
    journal_close (&journal);
}

//  ---- ranges

//  In any order, with commits between: the rows are just the runs.
static void test_random_order (void **state)
{
    enum { TASKS = 20000, WINDOW = 64 };
    uint64_t window[WINDOW], next = 1;
    size_t held = 0;
    unsigned seed = 1;
    char want[40];
    journal_t *journal = must_open (JOURNAL_NEW);
    while (held || next <= TASKS) {
        while (held < WINDOW && next <= TASKS)
            window[held++] = next++;
        size_t at = (size_t)rand_r (&seed) % held;
        complete (journal, window[at], 1, rand_r (&seed) % 50 ? TASK_OK : TASK_FAILED);
        window[at] = window[--held];
        if (rand_r (&seed) % 100 == 0) {
            must_commit (journal);
            const ranges_t *counted = journal_counted (journal);
            assert_true (counted->size <= WINDOW + 1);
            snprintf (want, sizeof want, "%zu %llu", counted->size, (unsigned long long)counted->total);
            assert_string_equal (ask ("SELECT count (*) || ' ' || sum (count) FROM counted"), want);
        }
    }
    must_commit (journal);
    assert_string_equal (ask ("SELECT group_concat (n || '+' || count) FROM counted"), "1+20000");
    assert_string_equal (ask ("SELECT ok + failed FROM figures"), "20000");
    assert_string_equal (ask ("SELECT (SELECT failed FROM figures) - (SELECT count (*) FROM failed)"), "0");
    journal_close (&journal);
}

#define TEST(name) cmocka_unit_test_setup (name, fresh_file)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_new_run),
        TEST (test_only_what_is_committed),
        TEST (test_everything_comes_back),
        TEST (test_ending),
        TEST (test_ends),
        TEST (test_resume),
        TEST (test_resume_failed),
        TEST (test_resume_begins_where_there_is_nothing),
        TEST (test_what_was_before),
        TEST (test_washers),
        TEST (test_washer_renamed),
        TEST (test_known),
        TEST (test_what_failed_first_comes_back),
        TEST (test_rows),
        TEST (test_broken_item),
        TEST (test_commands),
        TEST (test_blocks),
        TEST (test_blocks_are_thinned_out),
        TEST (test_random_order),
    };
    return cmocka_run_group_tests (tests, make_directory, remove_directory);
}
