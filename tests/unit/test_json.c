//  Bytes as strings of JSON: what is UTF-8, however it is cut, and what becomes of each byte.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "store/json_file.h"

#define COUNT_OF(table) (sizeof (table) / sizeof *(table))

//  Encodes one code point as its length would have it, also where that is too long a form.
static size_t put_code (uint32_t code, size_t size, uint8_t out[4])
{
    static const uint8_t heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size; i-- > 1; code >>= 6)
        out[i] = (uint8_t)(0x80 | (code & 0x3f));
    out[0] = (uint8_t)(heads[size] | code);
    return size;
}

static bool is_utf8 (const void *data, size_t size)
{
    json_utf8_t seen = {0};
    json_look (&seen, data, size);
    return json_is_utf8 (&seen);
}

//  Every code point, in its own form and in each that is too long.
static void test_each_character_has_one_form (void **state)
{
    for (uint32_t code = 0; code < 0x200000; code++) {
        size_t least = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        for (size_t size = least; size <= 4; size++) {
            uint8_t bytes[5] = {0};
            bool is_character = size == least && code < 0x110000 && (code < 0xd800 || code >= 0xe000);
            put_code (code, size, bytes);
            if (is_utf8 (bytes, size) != is_character)
                fail_msg ("U+%04X in %zu bytes", code, size);
        }
    }
}

static void test_text_may_come_in_any_pieces (void **state)
{
    static const struct {
        const char *text;
        bool is_text;
    } rows[] = {
        {"", true},
        {"plain", true},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 and a long tail of ASCII", true},
        {"a long head of ASCII, then \xff", false},
        {"cut \xe2\x82", false},
        {"\x80", false},
        {"\xc3(", false},
        {"\xed\xa0\x80", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"bad \xff and good again", false},
    };
    for (size_t i = 0; i < COUNT_OF (rows); i++) {
        size_t size = strlen (rows[i].text);
        for (size_t cut = 0; cut <= size; cut++) {
            json_utf8_t seen = {0};
            json_look (&seen, rows[i].text, cut);
            json_look (&seen, rows[i].text + cut, size - cut);
            assert_int_equal (json_is_utf8 (&seen), rows[i].is_text);
        }
    }
}

static void s_check_bytes (const void *data, size_t size, const char *wanted)
{
    char *text = NULL;
    size_t text_size;
    FILE *out = open_memstream (&text, &text_size);
    assert_non_null (out);
    json_put_bytes (out, "x", data, size);
    fclose (out);
    assert_string_equal (text, wanted);
    free (text);
}

static void test_bytes_are_text_or_base64 (void **state)
{
    s_check_bytes ("", 0, "\"x\":\"\"");
    s_check_bytes ("a\"b\\c/\n\t\r\b\f\v\x7f\0\x1f", 15,
                   "\"x\":\"a\\\"b\\\\c/\\n\\t\\r\\b\\f\\u000b\\u007f\\u0000\\u001f\"");
    s_check_bytes ("\xc3\xa4", 2, "\"x\":\"\xc3\xa4\"");
    s_check_bytes ("\xff", 1, "\"x_base64\":\"/w==\"");
    s_check_bytes ("\xff\xfe", 2, "\"x_base64\":\"//4=\"");
    s_check_bytes ("\xfb\xef\xbe", 3, "\"x_base64\":\"++++\"");
    s_check_bytes ("any\xffthing", 9, "\"x_base64\":\"YW55/3RoaW5n\"");
}

//  With any room, and however the bytes are handed over, the same comes out.
static void test_codes_go_on_where_they_stopped (void **state)
{
    static const json_code_t codes[] = {JSON_PLAIN, JSON_TEXT, JSON_BASE64};
    const char text[] = "\x01\x02 some \"text\"\n with \\ and \xc3\xa4";
    size_t all = sizeof text - 1;
    for (size_t c = 0; c < COUNT_OF (codes); c++) {
        uint8_t whole[512], parts[512];
        size_t used, wanted = json_encode (codes[c], text, all, true, whole, sizeof whole, &used);
        assert_int_equal (used, all);
        for (size_t room = JSON_CODE_MOST; room < 40; room++)
            for (size_t take = 3; take < all; take++) {
                size_t at = 0, made = 0;
                while (at < all) {
                    size_t size = all - at < take ? all - at : take;
                    made += json_encode (codes[c], text + at, size, at + size == all, parts + made, room, &used);
                    assert_true (used > 0);
                    at += used;
                }
                assert_int_equal (made, wanted);
                assert_memory_equal (parts, whole, wanted);
            }
    }
}

static void test_names_are_cleaned (void **state)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream (&text, &size);
    assert_non_null (out);
    json_put_text (out, "host", "a\n\xff\"\xc3\xa4\xe2\x82");
    fclose (out);
    assert_string_equal (text, "\"host\":\"a\\n?\\\"\xc3\xa4??\"");
    free (text);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_each_character_has_one_form), cmocka_unit_test (test_text_may_come_in_any_pieces),
        cmocka_unit_test (test_bytes_are_text_or_base64), cmocka_unit_test (test_codes_go_on_where_they_stopped),
        cmocka_unit_test (test_names_are_cleaned)};
    return cmocka_run_group_tests (tests, NULL, NULL);
}
