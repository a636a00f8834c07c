//  A tree of results has what is done, whole, and nothing else.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/item.h"
#include "store/branch.h"
#include "store/tree.h"

static const shape_t plain = {.format = BLOCK_DELIMITED, .delimiter = '\n', .columns = 1, .items = 1};
static char base[] = "/tmp/test_tree-XXXXXX";

//  Each test has a directory of its own.
static char dir[64];

static int begin (void **state)
{
    static int number;
    snprintf (dir, sizeof dir, "%s/%d", base, number++);
    return 0;
}

static char *below (const char *name)
{
    static char path[512];
    snprintf (path, sizeof path, "%s/%s", dir, name);
    return path;
}

static bool is_there (const char *name)
{
    return access (below (name), F_OK) == 0;
}

static void assert_file (const char *name, const char *text)
{
    char bytes[1000];
    FILE *file = fopen (below (name), "r");
    if (!file)
        fail_msg ("%s is not there", name);
    bytes[fread (bytes, 1, sizeof bytes - 1, file)] = '\0';
    fclose (file);
    assert_string_equal (bytes, text);
}

//  How many entries the directory has whose names begin so; removes none.
static int count (const char *pattern)
{
    char command[200];
    snprintf (command, sizeof command, "ls -Ad %s/%s 2>/dev/null | wc -l", dir, pattern);
    FILE *pipe = popen (command, "r");
    int found = -1;
    assert_int_equal (fscanf (pipe, "%d", &found), 1);
    pclose (pipe);
    return found;
}

static int done (tree_t *tree, uint64_t source, uint64_t n, const shape_t *shape, const char *item, const char *out)
{
    writer_t values = {0};
    item_put (&values, shape, (const uint8_t *)item, strlen (item));
    tree_task_t task = {.source = source, .n = n, .item = values.data, .item_size = values.size};
    task.out = out;
    task.out_size = strlen (out);
    int rc = tree_done (tree, &task), kept = errno;
    writer_free (&values);
    errno = kept;
    return rc;
}

static void test_a_task_has_three_files (void **state)
{
    tree_t *tree = tree_new (dir);
    assert_int_equal (done (tree, 1, 12, &plain, "a\n", "out\n"), 0);
    tree_destroy (&tree);
    assert_null (tree);
    tree_destroy (&tree);
    assert_file ("1/a/stdout", "out\n");
    assert_file ("1/a/stderr", "");
    assert_file ("1/a/seq", "12");
    assert_int_equal (count (".dishes-*"), 0);
}

static void test_names (void **state)
{
    static const struct {
        const char *value, *name;
        size_t size;
    } rows[] = {{"a", "a", 1},
                {"", ".", 0},
                {"x/y", "x\\_y", 3},
                {"\\", "\\\\", 1},
                {"a\tb", "a\\tb", 3},
                {"a\0b", "a\\0b", 3},
                {"..", "..", 2},
                {"\xff\n", "\xff\n", 2},
                {"..//..", "..\\_\\_..", 6}};
    char name[BRANCH_NAME_BYTES];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        branch_name (name, (const uint8_t *)rows[i].value, rows[i].size);
        assert_string_equal (name, rows[i].name);
    }
}

static void test_a_long_name_is_cut_at_255_bytes (void **state)
{
    char name[BRANCH_NAME_BYTES];
    uint8_t value[400];
    memset (value, 'a', sizeof value);
    branch_name (name, value, 255);
    assert_int_equal (strlen (name), 255);
    branch_name (name, value, 256);
    assert_int_equal (strlen (name), 255);
    memset (value, '/', sizeof value); // a pair may be cut in two, as it is there
    branch_name (name, value, sizeof value);
    assert_int_equal (strlen (name), 255);
    assert_int_equal (name[254], '\\');
}

static void test_several_values (void **state)
{
    tree_t *tree = tree_new (dir);
    shape_t two = plain;
    two.items = 2;
    assert_int_equal (done (tree, 1, 1, &two, "a\nb\n", ""), 0);
    two.columns = 2;
    two.items = 1;
    assert_int_equal (done (tree, 1, 2, &two, "c\nd\ne\nf\n", ""), 0);
    tree_destroy (&tree);
    assert_file ("1/a/1/b/seq", "1");
    assert_file ("1/c/2/d/1/e/2/f/seq", "2");
}

static void test_deeper_than_any_path (void **state)
{
    enum { VALUES = 300 };
    char *item = calloc (VALUES, 100);
    for (int i = 0; i < VALUES; i++)
        sprintf (item + strlen (item), "%080d\n", i);
    tree_t *tree = tree_new (dir);
    assert_int_equal (done (tree, 1, 1, &plain, item, "deep"), 0);
    tree_destroy (&tree);
    free (item);
    char command[200];
    snprintf (command, sizeof command, "[ \"$(find %s -name stdout | wc -l)\" = 1 ]", dir);
    assert_int_equal (system (command), 0);
}

static void test_what_is_above_is_never_written (void **state)
{
    tree_t *tree = tree_new (below ("tree"));
    shape_t two = plain;
    two.columns = 2;
    assert_int_equal (done (tree, 1, 1, &plain, "..\n", "up"), 0);
    assert_int_equal (done (tree, 1, 2, &two, "..\n..\n", "up again"), 0);
    tree_destroy (&tree);
    assert_int_equal (count ("*"), 1);
    assert_file ("tree/stdout", "up again");
}

static void test_a_task_whose_values_are_not_known (void **state)
{
    tree_t *tree = tree_new (dir);
    assert_int_equal (tree_done (tree, &(tree_task_t){.n = 7, .err = "why\n", .err_size = 4}), 0);
    assert_int_equal (tree_done (tree, &(tree_task_t){.n = 8, .item = (const uint8_t *)"torn", .item_size = 4}), 0);
    tree_destroy (&tree);
    assert_file ("0/7/stderr", "why\n");
    assert_file ("0/8/seq", "8");
}

static void test_pieces_come_before_what_is_last (void **state)
{
    tree_t *tree = tree_new (dir);
    assert_int_equal (tree_piece (tree, 1, 5, 1, "a", 1), 0);
    assert_int_equal (tree_piece (tree, 2, 5, 1, "X", 1), 0); // another attempt of it
    assert_int_equal (tree_piece (tree, 1, 5, 2, "e", 1), 0);
    assert_int_equal (tree_piece (tree, 1, 5, 1, "b", 1), 0);
    assert_false (is_there ("1"));
    assert_int_equal (done (tree, 1, 5, &plain, "i\n", "c"), 0);
    tree_drop (tree, 2, 5);
    tree_destroy (&tree);
    assert_file ("1/i/stdout", "abc");
    assert_file ("1/i/stderr", "e");
}

static void test_what_is_dropped_is_gone (void **state)
{
    tree_t *tree = tree_new (dir);
    for (uint64_t n = 1; n <= 3; n++)
        assert_int_equal (tree_piece (tree, 1, n, 1, "old", 3), 0);
    assert_int_equal (tree_piece (tree, 2, 4, 2, "kept", 4), 0);
    assert_int_equal (count (".dishes-*/*"), 4);
    tree_drop (tree, 1, 2);
    tree_drop (tree, 9, 9);
    assert_int_equal (count (".dishes-*/*"), 3);
    tree_drop (tree, 1, 0);
    assert_int_equal (count (".dishes-*/*"), 1);
    assert_int_equal (done (tree, 1, 1, &plain, "i\n", "new"), 0);
    tree_destroy (&tree);
    assert_file ("1/i/stdout", "new");
    assert_int_equal (count (".dishes-*"), 0);
}

static void test_the_last_of_the_same_name_stays (void **state)
{
    tree_t *tree = tree_new (dir);
    assert_int_equal (done (tree, 1, 1, &plain, "i\n", "a long output"), 0);
    assert_int_equal (done (tree, 1, 2, &plain, "i\n", "short"), 0);
    assert_int_equal (tree_sync (tree), 0);
    tree_destroy (&tree);
    assert_file ("1/i/stdout", "short");
    assert_file ("1/i/seq", "2");
}

static void test_what_a_killed_process_left_is_swept (void **state)
{
    tree_t *living = tree_new (dir);
    assert_int_equal (tree_piece (living, 1, 1, 1, "x", 1), 0);
    pid_t pid = fork ();
    if (!pid) {
        tree_t *tree = tree_new (dir);
        tree_piece (tree, 1, 1, 1, "x", 1);
        _exit (0);
    }
    assert_int_equal (waitpid (pid, NULL, 0), pid);
    assert_int_equal (count (".dishes-*"), 2);
    tree_t *tree = tree_new (dir);
    assert_int_equal (count (".dishes-*"), 2); // its own, and that of the one that lives
    tree_destroy (&tree);
    assert_int_equal (done (living, 1, 1, &plain, "i\n", "y"), 0);
    tree_destroy (&living);
    assert_file ("1/i/stdout", "xy");
    assert_int_equal (count (".dishes-*"), 0);
}

static void test_a_directory_that_cannot_be (void **state)
{
    assert_null (tree_new ("/proc/none/here"));
    assert_int_equal (errno, ENOENT);
    assert_null (tree_new ("/dev/null"));
    assert_int_equal (errno, ENOTDIR);
}

//  A limit on the size of files stands for a full disk.
static void test_an_error_is_sticky_and_said (void **state)
{
    struct rlimit old, low = {.rlim_cur = 10};
    tree_t *tree = tree_new (dir);
    assert_int_equal (tree_error (tree), 0);
    assert_string_equal (tree_error_text (tree), "");
    signal (SIGXFSZ, SIG_IGN);
    getrlimit (RLIMIT_FSIZE, &old);
    low.rlim_max = old.rlim_max;
    setrlimit (RLIMIT_FSIZE, &low);
    int rc = done (tree, 1, 1, &plain, "i\n", "more than ten bytes");
    setrlimit (RLIMIT_FSIZE, &old);
    assert_int_equal (rc, -1);
    assert_int_equal (tree_error (tree), EFBIG);
    assert_non_null (strstr (tree_error_text (tree), "cannot write below "));
    assert_int_equal (done (tree, 1, 2, &plain, "j\n", ""), -1);
    assert_int_equal (tree_piece (tree, 1, 2, 1, "x", 1), -1);
    assert_int_equal (tree_sync (tree), -1);
    assert_int_equal (errno, EFBIG);
    tree_destroy (&tree);
    assert_false (is_there ("1/i/stdout"));
    assert_int_equal (count (".dishes-*"), 0);
}

static void test_a_name_that_is_taken (void **state)
{
    tree_t *tree = tree_new (dir);
    assert_int_equal (done (tree, 1, 1, &plain, "\n", ""), 0); // its files are 1/stdout …
    assert_int_equal (done (tree, 1, 2, &plain, "stdout\n", ""), -1);
    assert_int_equal (tree_error (tree), ENOTDIR);
    tree_destroy (&tree);
}

static int begin_all (void **state)
{
    return mkdtemp (base) ? 0 : -1;
}

static int end_all (void **state)
{
    char command[100];
    snprintf (command, sizeof command, "rm -rf %s", base);
    return system (command);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup (test_a_task_has_three_files, begin),
        cmocka_unit_test_setup (test_names, begin),
        cmocka_unit_test_setup (test_a_long_name_is_cut_at_255_bytes, begin),
        cmocka_unit_test_setup (test_several_values, begin),
        cmocka_unit_test_setup (test_deeper_than_any_path, begin),
        cmocka_unit_test_setup (test_what_is_above_is_never_written, begin),
        cmocka_unit_test_setup (test_a_task_whose_values_are_not_known, begin),
        cmocka_unit_test_setup (test_pieces_come_before_what_is_last, begin),
        cmocka_unit_test_setup (test_what_is_dropped_is_gone, begin),
        cmocka_unit_test_setup (test_the_last_of_the_same_name_stays, begin),
        cmocka_unit_test_setup (test_what_a_killed_process_left_is_swept, begin),
        cmocka_unit_test_setup (test_a_directory_that_cannot_be, begin),
        cmocka_unit_test_setup (test_an_error_is_sticky_and_said, begin),
        cmocka_unit_test_setup (test_a_name_that_is_taken, begin),
    };
    return cmocka_run_group_tests (tests, begin_all, end_all);
}
