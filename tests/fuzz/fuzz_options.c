//  Any command line. It is refused with one line, or makes sense; and what comes behind the options stays as it is.
#include "cmd/config.h"
#include "feed.h"

#include <errno.h>

enum { WORDS = 24 };

//  Words that a command line is likely to have, in front of what the feed has.
static const char *const usual[] = {
    "",      "-j",          "-n",        "-X",       "--at=",      "--timeout",  "--halt",    "-I",    "--shell",
    ":::",   "::::",        ":::+",      "--",       "-a",         "--tag",      "-k",        "-0",    "-d",
    "-s",    "--queue=",    "--retries", "--joblog", "--results=", "--total",    "--nice",    "-o",    "--delay",
    "--",    "--tagstring", "--json",    "--rate",   "--term-seq", "--max-item", "--journal", "echo",  "{}",
    "--dry", "--help",      "--version", "-rkt",     "--load",     "--deadline", "--pipe",    "::::+", "-",
};

static char *any_word (feed_t *feed)
{
    const char *begin = usual[feed_below (feed, sizeof usual / sizeof *usual)];
    char *rest = feed_text (feed, '\n', 200);
    char *word = malloc (strlen (begin) + strlen (rest) + 1);
    strcpy (word, begin);
    strcat (word, rest);
    free (rest);
    return word;
}

static void check (const config_t *config, char **argv, int argc)
{
    if (config->action != ACTION_RUN)
        return;
    HOLDS (config->jobs >= 1 || config->program == PROGRAM_WASHER || config->program == PROGRAM_SINK);
    HOLDS (config->jobs <= CONFIG_JOBS_MAX && config->at && config->deadline_ms >= 0);
    HOLDS (config->command.count < (size_t)argc && config->input.source_count <= (size_t)argc);
    for (size_t i = 0; i < config->command.count; i++) {
        int at = 1;
        while (at < argc && argv[at] != config->command.words[i])
            at++;
        HOLDS (at < argc);
    }
    for (size_t i = 0; i < config->input.source_count; i++)
        for (size_t k = 0; k < config->input.sources[i].count; k++)
            HOLDS (config->input.sources[i].items[k]);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    feed_t feed = feed_of (data, size);
    char program[] = "dishes", *argv[WORDS + 1] = {program};
    int argc = 1;
    program_t of = (program_t)feed_below (&feed, PROGRAMS);
    while (argc < WORDS && feed_left (&feed))
        argv[argc++] = any_word (&feed);
    config_t config;
    char error[300] = "";
    errno = 0;
    if (options_parse (&config, of, argc, argv, error, sizeof error) == 0) {
        check (&config, argv, argc);
    } else {
        HOLDS (errno == EINVAL && *error);
        for (const char *at = error; *at; at++)
            HOLDS ((unsigned char)*at >= ' ');
    }
    config_free (&config);
    config_free (&config);
    for (int i = 1; i < argc; i++)
        free (argv[i]);
    return 0;
}
