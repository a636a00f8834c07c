/*  json: bytes of others as strings of JSON.
 *
 *  A string of JSON is text, so what is not UTF-8 cannot be one. Where bytes must come back as they were, those that
 *  are no text go by another name, NAME_base64 and not NAME. Pure but for the FILE that is written to; any thread.
 */
#ifndef DISHES_BASE_JSON_H
#define DISHES_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  Whether bytes that come bit by bit are UTF-8. All zero: none has come yet.
typedef struct {
    bool is_bad;
    uint8_t left, least, most; // bytes of the character that are to come, and what the next one may be
} json_utf8_t;

void json_look (json_utf8_t *self, const void *data, size_t size);
bool json_is_utf8 (const json_utf8_t *self); // all that has come, and it ends with a whole character

//  How bytes stand in a string: as they are, with escapes (they are UTF-8), or in base64.
typedef enum { JSON_PLAIN, JSON_TEXT, JSON_BASE64 } json_code_t;

enum { JSON_CODE_MOST = 6 }; // a byte becomes at most so many

//  Writes as many of the bytes to `out` as `room` is sure to hold, JSON_CODE_MOST or more; `used` says how many those
//  were. In base64 three at a time, or all where they are the last. Returns the bytes written.
size_t json_encode (json_code_t code, const void *data, size_t size, bool is_last, uint8_t *out, size_t room,
                    size_t *used);

//  The bytes of the character of UTF-8 that the text begins with; 0: it is none.
size_t json_character (const char *text);

#endif
