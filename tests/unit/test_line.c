//  What others wrote is shown in one line, and a terminal obeys nothing of it.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/line.h"

static const struct {
    const char *text, *shown;
} cases[] = {
    {"", ""},
    {"dryer-1 of h\303\244nde", "dryer-1 of h\303\244nde"},
    {"a\nb\tc\r", "a?b?c?"},
    {"\033]0;title\007", "?]0;title?"},
    {"\177\1", "??"},
    {"\302\233m", "??m"},             // CSI, as UTF-8 spells it
    {"\302\240\302", "\302\240\302"}, // a space; and half of a character
};

static void test_shown_in_a_line (void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        strcpy (text, cases[i].text);
        assert_int_equal (line_is_clean (text), strcmp (text, cases[i].shown) == 0);
        line_clean (text);
        assert_string_equal (text, cases[i].shown);
        assert_true (line_is_clean (text));
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_shown_in_a_line),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
