//  What a line of --json says of a task.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/dryer.h"
#include "core/item.h"
#include "core/report.h"
#include "store/task_json.h"

static void s_check (const completion_t *what, uint64_t n, bool has_tag, const char *wanted)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream (&text, &size);
    assert_non_null (out);
    task_json (out, what, n, has_tag);
    fclose (out);
    assert_string_equal (text, wanted);
    free (text);
}

static writer_t s_values (const char *task, uint16_t columns)
{
    writer_t out = {0};
    shape_t shape = {.format = BLOCK_DELIMITED, .delimiter = '\n', .columns = columns, .items = 2};
    item_put (&out, &shape, (const uint8_t *)task, strlen (task));
    assert_false (out.failed);
    return out;
}

static void test_a_task_that_has_run (void **state)
{
    writer_t values = s_values ("a b\n\"c\"\n", 1);
    completion_t what = {.n = 7,
                         .count = 1,
                         .attempt = 2,
                         .start_us = 1764349016123499,
                         .runtime_us = 61000042,
                         .name = "d\n1",
                         .host = "node\xff",
                         .command = (const uint8_t *)"echo \xff",
                         .command_size = 6,
                         .tag = (const uint8_t *)"",
                         .values = values.data,
                         .values_size = values.size};
    s_check (&what, 7, true,
             "{\"seq\":7,\"outcome\":\"ok\",\"exit_status\":0,\"signal\":null,\"note\":null,\"attempt\":2,"
             "\"start\":1764349016.123,\"runtime\":61.000042,\"host\":\"node?\",\"dryer\":\"d\\n1\","
             "\"command_base64\":\"ZWNobyD/\",\"values\":[\"a b\",\"\\\"c\\\"\"],\"tag\":\"\"");
    writer_free (&values);
}

static void test_how_it_failed (void **state)
{
    writer_t values = s_values ("\xff\nb\n", 2);
    completion_t what = {.outcome = TASK_FAILED,
                         .status = 143,
                         .signal = 15,
                         .flags = RESULT_TIMED_OUT,
                         .attempt = 1,
                         .start_us = 1500,
                         .runtime_us = 1,
                         .name = "d",
                         .host = "h",
                         .values = values.data,
                         .values_size = values.size};
    s_check (&what, 18446744073709551615u, false,
             "{\"seq\":18446744073709551615,\"outcome\":\"failed\",\"exit_status\":null,\"signal\":15,"
             "\"note\":\"timed out\",\"attempt\":1,\"start\":0.002,\"runtime\":0.000001,\"host\":\"h\",\"dryer\":\"d\","
             "\"command\":null,\"values_base64\":[\"/w==\",\"Yg==\"]");
    writer_free (&values);
    what = (completion_t){.outcome = TASK_FAILED, .status = 127, .flags = RESULT_NOT_STARTED, .attempt = 1};
    s_check (&what, 1, false,
             "{\"seq\":1,\"outcome\":\"failed\",\"exit_status\":127,\"signal\":null,\"note\":\"not started\","
             "\"attempt\":1,\"start\":null,\"runtime\":null,\"host\":null,\"dryer\":null,\"command\":null,"
             "\"values\":null");
}

static void test_what_no_dryer_has_done (void **state)
{
    writer_t values = s_values ("x\n", 1);
    completion_t what = {.outcome = TASK_BROKEN, .attempt = 3, .values = values.data, .values_size = values.size};
    s_check (&what, 2, true,
             "{\"seq\":2,\"outcome\":\"broken\",\"exit_status\":null,\"signal\":null,\"note\":\"its dryers died\","
             "\"attempt\":3,\"start\":null,\"runtime\":null,\"host\":null,\"dryer\":null,\"command\":null,"
             "\"values\":[\"x\"],\"tag\":null");
    writer_free (&values);
    what = (completion_t){.outcome = TASK_DROPPED};
    s_check (&what, 3, false,
             "{\"seq\":3,\"outcome\":\"dropped\",\"exit_status\":null,\"signal\":null,\"note\":null,"
             "\"attempt\":null,\"start\":null,\"runtime\":null,\"host\":null,\"dryer\":null,\"command\":null,"
             "\"values\":null");
}

int main (void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test (test_a_task_that_has_run),
                                       cmocka_unit_test (test_how_it_failed),
                                       cmocka_unit_test (test_what_no_dryer_has_done)};
    return cmocka_run_group_tests (tests, NULL, NULL);
}
