/*  json_file: members of an object of JSON, written to a FILE, with neither what is before them nor behind.
 *
 *  Where bytes must come back as they were, those that are no text go by another name, NAME_base64 and not NAME.
 */
#ifndef DISHES_STORE_JSON_FILE_H
#define DISHES_STORE_JSON_FILE_H

#include <stdio.h>

#include "base/json.h"

//  "name":"text" where the bytes are UTF-8, else "name_base64":"...".
void json_put_bytes (FILE *out, const char *name, const void *data, size_t size);

//  Bytes as a string without a name, in that code.
void json_put_coded (FILE *out, json_code_t code, const void *data, size_t size);

//  "name":"text", where a byte that is not of UTF-8 becomes ?.
void json_put_text (FILE *out, const char *name, const char *text);

#endif
