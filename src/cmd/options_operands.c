#include "cmd/options_operands.h"

#include <string.h>

#include "base/options.h"
#include "cmd/options_values.h"

typedef struct {
    const char *word;
    int kind;
    bool linked;
} separator_t;

//  The row of a separator; NULL: the word is something else.
static const separator_t *s_separator (const char *word)
{
    static const separator_t rows[] = {{":::", INPUT_LIST, false},
                                       {":::+", INPUT_LIST, true},
                                       {"::::", INPUT_FILE, false},
                                       {"::::+", INPUT_FILE, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp (rows[i].word, word) == 0)
            return &rows[i];
    return NULL;
}

//  How many words come before the next separator.
static size_t s_span (char **words)
{
    size_t count = 0;
    while (words[count] && !s_separator (words[count]))
        count++;
    return count;
}

static void s_add_list (config_t *config, bool linked, char **words, size_t count)
{
    input_source_t source = {.kind = INPUT_LIST, .linked = linked, .items = (const char *const *)words, .count = count};
    options_add_source (config, source);
}

//  The words behind one separator: a list is one source, of files each is one.
static int s_add_sources (config_t *config, const separator_t *separator, char **words, size_t count, char *error,
                          size_t error_size)
{
    if (separator->linked && config->input.source_count == 0)
        return options_fail (error, error_size, "%s has no source before it to go in step with: use %.*s",
                             separator->word, (int)strlen (separator->word) - 1, separator->word);
    if (separator->kind == INPUT_LIST) {
        s_add_list (config, separator->linked, words, count);
        return 0;
    }
    if (count == 0)
        return options_fail (error, error_size, "%s needs a file: give one, or - for standard input", separator->word);
    for (size_t i = 0; i < count; i++)
        options_add_source (config,
                            (input_source_t){.kind = INPUT_FILE, .linked = separator->linked, .path = words[i]});
    return 0;
}

static int s_read_sources (config_t *config, char **words, char *error, size_t error_size)
{
    while (*words) {
        const separator_t *separator = s_separator (*words++);
        size_t count = s_span (words);
        if (s_add_sources (config, separator, words, count, error, error_size) == -1)
            return -1;
        words += count;
    }
    return 0;
}

static void s_take_command (config_t *config, char **words, size_t count)
{
    config->command.words = words;
    config->command.count = count;
}

//  COMMAND [ARG...] [::: ITEM...]
static int s_read_all (config_t *config, char **words, char *error, size_t error_size)
{
    size_t count = s_span (words);
    s_take_command (config, words, count);
    return s_read_sources (config, words + count, error, error_size);
}

//  [ITEM...] [::: ITEM...]: as if ::: stood before the first.
static int s_read_items (config_t *config, char **words, char *error, size_t error_size)
{
    size_t count = s_span (words);
    if (count)
        s_add_list (config, false, words, count);
    return s_read_sources (config, words + count, error, error_size);
}

//  COMMAND [ARG...]
static int s_read_command (config_t *config, char **words, char *error, size_t error_size)
{
    size_t count = s_span (words);
    s_take_command (config, words, count);
    if (words[count])
        return options_fail (error, error_size,
                             "%s gives items, and a dryer gets them from the washer: give them there", words[count]);
    return 0;
}

static int s_read_nothing (config_t *config, char **words, char *error, size_t error_size)
{
    if (*words)
        return options_fail (error, error_size,
                             "no operands are taken here, and '%.*s' was given: commands belong to "
                             "dryer, items to washer",
                             OPTIONS_SHOWN, *words);
    return 0;
}

int options_operands (config_t *config, char **words, char *error, size_t error_size)
{
    static int (*const readers[PROGRAMS]) (config_t *, char **, char *, size_t) = {
        [PROGRAM_DISHES] = s_read_all,
        [PROGRAM_WASHER] = s_read_items,
        [PROGRAM_DRYER] = s_read_command,
        [PROGRAM_SINK] = s_read_nothing,
    };
    return readers[config->program](config, words, error, error_size);
}
