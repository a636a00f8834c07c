/*  What the tests of the options share: what was given, as text. */
#ifndef DISHES_TESTS_OPTIONS_HELP_H
#define DISHES_TESTS_OPTIONS_HELP_H

#include <stdio.h>
#include <string.h>

#include "cmd/config.h"

//  Sources as text: L(a,b) a list, F(x) a file, + in front: linked.
static inline void s_show_sources (const config_t *config, char *text)
{
    *text = 0;
    for (size_t i = 0; i < config->input.source_count; i++) {
        const input_source_t *source = &config->input.sources[i];
        text += sprintf (text, "%s%s(", source->linked ? "+" : "", source->kind == INPUT_LIST ? "L" : "F");
        if (source->kind == INPUT_FILE)
            text += sprintf (text, "%s", source->path);
        for (size_t j = 0; source->kind == INPUT_LIST && j < source->count; j++)
            text += sprintf (text, "%s%s", j ? "," : "", source->items[j]);
        text += sprintf (text, ")");
    }
}

#endif
