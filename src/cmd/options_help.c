//  options_help: the text of --help: what is here in words, and the tables.

#include "cmd/config.h"
#include "cmd/options_tables.h"

#define ADDRESSES "URL: ipc://NAME or ipc:///DIR among the processes of one user, tcp://HOST:PORT among machines"
#define DURATIONS "DUR: 5 5s 250ms 1.5m 2h."
#define SIZES     "SIZE: 64k (1000) 64K (1024) 1.5M."
#define STRINGS                                                                                                        \
    "In COMMAND: {} the item, {.} without extension, {/} its file name, {//} its directory, {/.} name without\n"       \
    "extension, {#} the task's number, {%} its slot, {1} {2} the values of several sources or of -n.\n"
#define SOURCES "Sources: ::: ITEM..., :::: FILE... make a product; :::+ and ::::+ go in step with the source before.\n"
#define COUNTS  "Exit status: 0 all succeeded, 1-100 so many failed, 101 more, 124 deadline, 125 an error of "

static const struct {
    const char *head, *tail;
} s_texts[PROGRAMS] = {
    [PROGRAM_DISHES] =
        {"Usage: dishes [OPTION...] COMMAND [ARG...] [::: ITEM...]\n"
         "       dishes --join URL | --status URL | --top URL | --keygen DIR\n"
         "Runs COMMAND once for each item, some at a time. Items are the lines of stdin, of files (-a, ::::), or\n"
         "given behind :::; they take the place of {}, or go last.\n",
         STRINGS SOURCES DURATIONS
         " " SIZES "\n" ADDRESSES ".\n"
         "Without one (or inproc://NAME) all is one process, and nothing else can take part.\n" COUNTS
         "dishes itself,\n"
         "126 or 127 COMMAND cannot be run or is not found. --join, --top: 0 all succeeded, 1 some failed, "
         "124, 125.\n"},
    [PROGRAM_WASHER] =
        {"Usage: washer --at URL [OPTION...] [ITEM... | ::: ITEM...]\n"
         "Gives items to the dryers of a pipeline, and ends when all are done and counted. Items are the lines of\n"
         "stdin, of files (-a, ::::), or given.\n",
         SOURCES
         "COMMAND is not known here, it stands at the dryers: -s and -X count the bytes of the items alone.\n" ADDRESSES
         ".\n" DURATIONS " " SIZES "\n" COUNTS "ours.\n"},
    [PROGRAM_DRYER] =
        {"Usage: dryer --at URL [OPTION...] [--] COMMAND [ARG...]\n"
         "Runs COMMAND once for each item of a pipeline, some at a time, until the pipeline ends; without COMMAND\n"
         "each item is a shell line. TERM or HUP: finishes what runs, gives the rest back, and leaves. USR1, USR2: "
         "one\n"
         "at a time more, one less.\n",
         STRINGS ADDRESSES
         ".\n" DURATIONS "\n"
         "Exit status: 0 the pipeline has ended, 125 an error of ours, or the pipeline was lost, 126 or "
         "127\n"
         "COMMAND cannot be run or is not found.\n"},
    [PROGRAM_SINK] =
        {"Usage: sink --at URL [OPTION...]\n"
         "Counts what the dryers of a pipeline have done, prints the results, and ends when all is counted.\n"
         "With --into it is also the washer of the pipeline there, and each line of the results an item.\n",
         ADDRESSES ".\n" DURATIONS "\n" COUNTS "ours,\n"
                   "or the pipeline was lost.\n"},
};

void options_help (program_t program, FILE *out)
{
    fputs (s_texts[program].head, out);
    for (const option_group_t *group = options_set (program)->groups; group->rows; group++) {
        if (group->title)
            fprintf (out, "\n%s\n", group->title);
        for (const option_t *row = group->rows; row->names || row->letters; row++) {
            char usage[64];
            fprintf (out, "  %-24s %s\n", options_usage (row, usage, sizeof usage), row->help);
        }
    }
    fprintf (out, "\n%s", s_texts[program].tail);
}
