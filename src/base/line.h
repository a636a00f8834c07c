/*  line: text that is shown in a line of its own, whoever wrote it. */
#ifndef DISHES_BASE_LINE_H
#define DISHES_BASE_LINE_H

#include <stdbool.h>

//  Whether a control character begins here: of ASCII, or of those that UTF-8 spells with two bytes (U+0080 to U+009F).
bool line_is_control (const char *text);

bool line_is_clean (const char *text); // nothing of that is in it
void line_clean (char *text);          // each byte of those becomes '?'

#endif
