#include "base/json.h"

#include <string.h>

//  ---- UTF-8

//  What may follow the first byte of a character: of some, not all that a continuation is elsewhere (no character has
//  two forms, none is a surrogate, none is above U+10FFFF).
static void begin (json_utf8_t *self, uint8_t byte)
{
    self->least = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    self->most = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    self->left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    self->is_bad = byte < 0xc2 || byte > 0xf4;
}

static void step (json_utf8_t *self, uint8_t byte)
{
    if (!self->left) {
        if (byte >= 0x80)
            begin (self, byte);
        return;
    }
    self->is_bad = byte < self->least || byte > self->most;
    self->least = 0x80;
    self->most = 0xbf;
    self->left--;
}

static bool is_ascii (const uint8_t *data)
{
    uint64_t word;
    memcpy (&word, data, sizeof word);
    return !(word & UINT64_C (0x8080808080808080));
}

void json_look (json_utf8_t *self, const void *data, size_t size)
{
    const uint8_t *at = data, *end = at + size;
    while (at < end && !self->is_bad) {
        if (!self->left && (size_t)(end - at) >= sizeof (uint64_t) && is_ascii (at))
            at += sizeof (uint64_t);
        else
            step (self, *at++);
    }
}

bool json_is_utf8 (const json_utf8_t *self)
{
    return !self->is_bad && !self->left;
}

size_t json_character (const char *text)
{
    json_utf8_t seen = {0};
    for (size_t size = 1; size <= 4; size++) {
        json_look (&seen, text + size - 1, 1);
        if (json_is_utf8 (&seen))
            return size;
        if (seen.is_bad)
            return 0;
    }
    return 0;
}

//  ---- codes

static size_t put_escape (uint8_t byte, uint8_t *out)
{
    static const char hex[] = "0123456789abcdef", letters[] = "btn\0fr"; // of 8 to 13
    size_t size = 2;
    out[0] = '\\';
    if (byte == '"' || byte == '\\') {
        out[1] = byte;
    } else if (byte >= '\b' && byte <= '\r' && letters[byte - '\b']) {
        out[1] = (uint8_t)letters[byte - '\b'];
    } else {
        memcpy (out + 1, "u00", 3);
        out[4] = (uint8_t)hex[byte >> 4];
        out[5] = (uint8_t)hex[byte & 15];
        size = JSON_CODE_MOST;
    }
    return size;
}

static bool is_plain (uint8_t byte)
{
    return byte >= ' ' && byte != '"' && byte != '\\' && byte != 0x7f;
}

static size_t encode_text (const uint8_t *data, size_t size, uint8_t *out, size_t room, size_t *used)
{
    size_t at = 0, from = 0;
    for (; from < size && room - at >= JSON_CODE_MOST; from++) {
        if (is_plain (data[from]))
            out[at++] = data[from];
        else
            at += put_escape (data[from], out + at);
    }
    *used = from;
    return at;
}

static void encode_three (const uint8_t *data, size_t size, uint8_t *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; i++)
        bits = bits << 8 | (i < size ? data[i] : 0);
    for (size_t i = 0; i < 4; i++)
        out[i] = i <= size ? (uint8_t)digits[bits >> (18 - 6 * i) & 63] : '=';
}

static size_t encode_base64 (const uint8_t *data, size_t size, bool is_last, uint8_t *out, size_t room, size_t *used)
{
    size_t at = 0, from = 0;
    for (; from < size && room - at >= 4 && (size - from >= 3 || is_last); at += 4) {
        size_t three = size - from < 3 ? size - from : 3;
        encode_three (data + from, three, out + at);
        from += three;
    }
    *used = from;
    return at;
}

size_t json_encode (json_code_t code, const void *data, size_t size, bool is_last, uint8_t *out, size_t room,
                    size_t *used)
{
    if (code == JSON_TEXT)
        return encode_text (data, size, out, room, used);
    if (code == JSON_BASE64)
        return encode_base64 (data, size, is_last, out, room, used);
    *used = size < room ? size : room;
    if (*used)
        memcpy (out, data, *used);
    return *used;
}
