#include "store/json_file.h"
#include "base/line.h"

void json_put_coded (FILE *out, json_code_t code, const void *data, size_t size)
{
    uint8_t bytes[4096];
    const uint8_t *at = data;
    fputc ('"', out);
    for (size_t used; size; at += used, size -= used)
        fwrite (bytes, 1, json_encode (code, at, size, true, bytes, sizeof bytes, &used), out);
    fputc ('"', out);
}

void json_put_bytes (FILE *out, const char *name, const void *data, size_t size)
{
    json_utf8_t seen = {0};
    json_look (&seen, data, size);
    bool is_text = json_is_utf8 (&seen);
    fprintf (out, is_text ? "\"%s\":" : "\"%s_base64\":", name);
    json_put_coded (out, is_text ? JSON_TEXT : JSON_BASE64, data, size);
}

void json_put_text (FILE *out, const char *name, const char *text)
{
    fprintf (out, "\"%s\":\"", name);
    while (*text) {
        uint8_t bytes[JSON_CODE_MOST];
        size_t size = json_character (text), used = 1;
        if (size > 1 && line_is_control (text))
            fprintf (out, "\\u%04x", (unsigned)(unsigned char)text[1]);
        else if (size > 1)
            fwrite (text, 1, size, out);
        else
            fwrite (bytes, 1, json_encode (JSON_TEXT, size ? text : "?", 1, true, bytes, sizeof bytes, &used), out);
        text += size ? size : 1;
    }
    fputc ('"', out);
}
