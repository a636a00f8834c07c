//  --join and --status: the exit status of an end, and what is shown of a run, whatever names its parts have.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cmd/observe.h"

#define COUNT_OF(table) (sizeof (table) / sizeof *(table))

static void test_join_status (void **state)
{
    static const struct {
        observer_result_t result;
        int status;
    } rows[] = {
        {{.ending = {.end = END_JOINED}}, 0},
        {{.ending = {.end = END_JOINED, .status = 7}}, 1},
        {{.ending = {.end = END_JOINED, .status = 101}}, 1},
        {{.ending = {.end = END_HALTED, .status = 0}}, 0},
        {{.ending = {.end = END_HALTED, .status = 1}}, 1},
        {{.ending = {.end = END_DEADLINE, .status = 124}}, 124},
        {{.is_late = true}, 124},
        {{.ending = {.end = END_INTERRUPTED, .status = 125}}, 125},
        {{.ending = {.end = END_LOST, .status = 125}}, 125},
        {{.ending = {.end = END_NONE}}, 125},
    };
    for (size_t i = 0; i < COUNT_OF (rows); i++)
        assert_int_equal (observe_join_status (&rows[i].result), rows[i].status);
}

static void s_check_shown (void (*show) (const observer_result_t *, FILE *), const observer_result_t *result,
                           const char *wanted)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream (&text, &size);
    assert_non_null (out);
    show (result, out);
    fclose (out);
    assert_string_equal (text, wanted);
    free (text);
}

static void test_a_run_that_goes_on (void **state)
{
    dryer_row_t dryers[] = {
        {.life = 18446744073709551615u, .name = "d\"1\\", .host = "h\n\033[2J", .slots = 4, .prefetch = 64},
        {.life = 2, .name = "\xc3\xa4\xff\xed\xa0\x80", .host = "b", .slots = 2, .prefetch = 8, .leaving = true}};
    observer_result_t result = {.run = 42,
                                .has_status = true,
                                .status = {.state = SINK_OPEN,
                                           .eof = false,
                                           .washer_alive = true,
                                           .washer = "w\t1",
                                           .up_ms = 61000,
                                           .figures = {.ok = 3, .failed = 1, .redelivered = 2},
                                           .dryers = 2,
                                           .slots = 6,
                                           .observers = 1},
                                .dryers = dryers,
                                .dryers_size = 2};
    s_check_shown (observe_show, &result,
                   "run 42\nstate open, for 1m01s\nwasher w?1\ntotal not known yet\nok 3\nfailed 1\nbroken 0\n"
                   "dropped 0\nredelivered 2\nslots 6\nobservers 1\ndryer d\"1\\ on h??[2J, 4 slots\n"
                   "dryer \xc3\xa4???? on b, 2 slots, leaving\n");
    s_check_shown (observe_show_json, &result,
                   "{\"run\":\"42\",\"state\":\"open\",\"total_known\":false,\"total\":0,\"ok\":3,\"failed\":1,"
                   "\"broken\":0,\"dropped\":0,\"redelivered\":2,\"duplicates\":0,\"dryers_lost\":0,\"slots\":6,"
                   "\"observers\":1,\"backlog_bytes\":0,\"refused\":0,\"bad\":0,\"strangers\":0,\"up_ms\":61000,"
                   "\"durable\":false,\"restarted\":false,\"washer\":\"w\\t1\",\"washer_alive\":true,\"dryers\":2,"
                   "\"dryer\":[{\"life\":\"18446744073709551615\",\"name\":\"d\\\"1\\\\\",\"host\":"
                   "\"h\\n\\u001b[2J\",\"slots\":4,\"prefetch\":64,\"leaving\":false},{\"life\":\"2\",\"name\":"
                   "\"\xc3\xa4????\",\"host\":\"b\",\"slots\":2,\"prefetch\":8,\"leaving\":true}]}\n");
}

static void test_a_run_that_is_over (void **state)
{
    observer_result_t result = {
        .run = 42, .ending = {.end = END_JOINED, .status = 1, .figures = {.total = 4, .ok = 3, .failed = 1}}};
    s_check_shown (observe_show, &result,
                   "run 42\nstate over, joined, exit status 1\ntotal 4\nok 3\nfailed 1\nbroken 0\ndropped 0\n");
    s_check_shown (observe_show_json, &result,
                   "{\"run\":\"42\",\"state\":\"over\",\"total_known\":true,\"total\":4,\"ok\":3,\"failed\":1,"
                   "\"broken\":0,\"dropped\":0,\"redelivered\":0,\"duplicates\":0,\"dryers_lost\":0,\"end\":\"joined\","
                   "\"exit_status\":1}\n");
}

static void test_a_run_that_was_lost (void **state)
{
    observer_result_t result = {
        .run = 42, .ending = {.end = END_LOST, .status = 125, .why = "cannot write to \"a\n\x7f\xc2\x9b\"\xc3\xa4"}};
    s_check_shown (observe_show, &result,
                   "run 42\nstate over, lost, exit status 125\nwhy cannot write to \"a???\"\xc3\xa4\ntotal 0\nok 0\n"
                   "failed 0\nbroken 0\ndropped 0\n");
    s_check_shown (observe_show_json, &result,
                   "{\"run\":\"42\",\"state\":\"over\",\"total_known\":true,\"total\":0,\"ok\":0,\"failed\":0,"
                   "\"broken\":0,\"dropped\":0,\"redelivered\":0,\"duplicates\":0,\"dryers_lost\":0,\"end\":\"lost\","
                   "\"exit_status\":125,\"why\":\"cannot write to \\\"a\\n\\u007f\\u009b\\\"\xc3\xa4\"}\n");
}

static void test_a_washer_that_is_lost_or_not_there (void **state)
{
    observer_result_t result = {.run = 1, .has_status = true, .status = {.state = SINK_ORPHAN, .washer = "w"}};
    s_check_shown (observe_show, &result,
                   "run 1\nstate orphan, for 0s\nwasher w, lost\ntotal not known yet\nok 0\nfailed 0\nbroken 0\n"
                   "dropped 0\n");
    result.status = (sink_status_t){.state = SINK_WAITING};
    s_check_shown (observe_show, &result,
                   "run 1\nstate waiting, for 0s\nwasher none yet\ntotal not known yet\nok 0\nfailed 0\nbroken 0\n"
                   "dropped 0\n");
}

int main (void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test (test_join_status), cmocka_unit_test (test_a_run_that_goes_on),
                                       cmocka_unit_test (test_a_run_that_is_over),
                                       cmocka_unit_test (test_a_run_that_was_lost),
                                       cmocka_unit_test (test_a_washer_that_is_lost_or_not_there)};
    return cmocka_run_group_tests (tests, NULL, NULL);
}
