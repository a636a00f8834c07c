//  Each advice stands behind "unknown option --X: ".

#include "cmd/options_foreign.h"

#include <string.h>

#define MACHINES      "start a dryer on each machine, as in ssh HOST dryer --at tcp://HEAD:PORT --key FILE COMMAND"
#define TRANSFER      "copy files in the command itself, or share a file system"
#define ROUND_ROBIN   "--pipe starts a command for each block; give a larger --block for fewer of them"
#define FIXED_STRINGS "the strings {.} {/} {//} {/.} {#} {%} are fixed; -I changes {}"
#define NOTHING_ASKED "nothing to silence; leave it out"
#define COLUMNS       "an item is one value; give one source a column, linked by :::+ or ::::+, and use {1} {2}"
#define TOO_LONG      "a command that is too long always fails with the reason; leave it out"
#define STDERR_PLAIN  "output is never coloured; leave it out"
#define CORES_COUNTED                                                                                                  \
    "the cores are those that this process may run on, as nproc (1) counts; give -j N for another number"
#define SHOWS_LIMITS "getconf ARG_MAX and ulimit -a show the limits"
#define SEMAPHORE    "use flock (1), or one dishes for all of the commands"
#define DATABASE     "--journal FILE is a database (SQLite) that tells what was done"
#define HOLD_BACK    "what holds back is -j, --delay, --rate, --load, --memfree and --nice"
#define CONFIG_FILES "no file of options is read; use a shell alias"
#define TMUX         "use -u or --line-buffer to watch the output as it comes"
#define OUTPUT_FILES "use --results DIR, or write files in the command itself, as in --shell 'cmd {} > {}.out'"

const option_foreign_t options_foreign[] = {
    //  other machines
    {"sshlogin|sshloginfile|slf|ssh|controlmaster|onall|nonall|sshdelay|ssh-delay", "SM", MACHINES},
    {"filter-hosts|filterhosts|filter-host|hostgroups|hostgroup|hostgrp|hgrp", NULL, MACHINES},
    {"transfer|transferfile|transfer-file|transferfiles|transfer-files|tf|return|trc", NULL, TRANSFER},
    {"cleanup|basefile|bf|rsync-opts|rsyncopts", NULL, TRANSFER},
    {"env|recordenv|record-env|session", NULL, "commands have the environment of their dryer"},
    {"workdir|work-dir|wd", NULL, "commands run in the current directory of their dryer; cd there first"},

    //  items
    {"xargs", "m", "use -X, or -n N"},
    {"max-lines|maxlines", "Ll", "a line is an item; use -n N"},
    {"colsep|col-sep|csv|skip-first-line|skipfirstline", "C", COLUMNS},
    {"link|xapply|linkinputsource|xapplyinputsource", NULL, "link sources with :::+ or ::::+"},
    {"arg-sep|argsep|arg-file-sep|argfilesep", NULL, "the separators are ::: and ::::, and :::+ and ::::+ to link"},
    {"eof", "eE", "cut the input before, as in sed '/^END$/,$d'"},
    {"trim", NULL, "items stay as they are; trim them before, as in sed 's/^ *//; s/ *$//'"},
    {"shuf", NULL, "shuffle the input before, with shuf (1)"},
    {"exit", "x", TOO_LONG},
    {"interactive", "p", "see what would run with --dry-run"},
    {"limit|noswap|memsuspend", NULL, HOLD_BACK},

    //  the command
    {"replace", "i", "use -I S"},
    {"extensionreplace|er|basenamereplace|bnr|dirnamereplace|dnr|basenameextensionreplace|bner", "U", FIXED_STRINGS},
    {"seqreplace|slotreplace|parens|rpl|plus", NULL, FIXED_STRINGS},
    {"process-slot-var|processslotvar", NULL, "each command has DISHES_SLOT and PARALLEL_JOBSLOT; {%} is the same"},
    {"shellquote|shell-quote|shell_quote", NULL, "nothing needs quotes here: values never become shell text"},
    {"template|tmpl|embed|shebang|hashbang", NULL, "write a script that runs dishes"},
    {"tty|open-tty", NULL, "stdin of a command is /dev/null; a command may open /dev/tty itself"},
    {"fg|bg|semaphore|semaphorename|semaphore-name|id|semaphoretimeout|semaphore-timeout|st", NULL, SEMAPHORE},
    {"use-cores-instead-of-threads|use-sockets-instead-of-threads|use-cpus-instead-of-cores", NULL, CORES_COUNTED},
    {"number-of-cpus|number-of-cores|number-of-threads|number-of-sockets", NULL, "use nproc (1)"},
    {"max-line-length-allowed|show-limits|showlimits", NULL, SHOWS_LIMITS},

    //  output
    {"no-keep-order|nokeeporder|nok|no-k", NULL, "there is nothing to take back; leave -k out"},
    {"latest-line|latestline|ll", NULL, "use --bar, or --line-buffer to see the lines"},
    {"files|output-as-files|outputasfiles", NULL, OUTPUT_FILES},
    {"ctag|ctagstring|ctag-string", NULL, "use --tag or --tagstring; " STDERR_PLAIN},
    {"color|colour|color-failed|colour-failed|colorfailed|colourfailed|cf", NULL, STDERR_PLAIN},
    {"tmux|tmuxpane|tmux-pane", NULL, TMUX},
    {"compress|compress-program|decompress-program|use-compress-program", NULL,
     "output is kept as it is, in files beyond 1 MiB; TMPDIR says where"},
    {"tmpdir|tempdir", NULL, "set TMPDIR"},
    {"silent", NULL, "commands are shown only with -t; leave it out"},
    {"will-cite|willcite|citation|bibtex|nn|nonotice|no-notice", NULL, NOTHING_ASKED},

    //  the run
    {"halt-on-error|haltonerror", NULL, "use --halt"},
    {"retry-failed|retryfailed", NULL, "use --resume-failed, with the command and the items as they were"},
    {"profile|plain|gnu|tollef", "J", CONFIG_FILES},
    {"sqlmaster|sql-master|sqlworker|sql-worker|sqlandworker|sql-and-worker|sql", NULL, DATABASE},
    {"min-version|minversion", NULL, "see --version"},
    {"debug", "D", "-t shows each command as it starts"},

    //  what belongs to --pipe
    {"pipe-part|pipepart", NULL, "use --pipe -a FILE: any input will do, and it is read once"},
    {"regexp|regex", NULL, "records are found by plain texts: give --recstart or --recend such a text"},
    {"remove-rec-sep|removerecsep|rrs", NULL, "what ends a record stays in it; take it out in the command"},
    {"round-robin|roundrobin|round", NULL, ROUND_ROBIN},
    {"cat|fifo", NULL, "use --pipe and a shell line that writes its stdin to a file, as in 'cat > {#}; ...'"},
    {"tee", NULL, "each block goes to one command; use tee (1)"},
    {"shard|bin|group-by|groupby", NULL, "a block holds the records as they come; sort (1) the input before"},
    {"block-timeout|blocktimeout|bt", NULL, "a block goes when it is full; use -n N to have records go as they come"},
    {0},
};

#define EXPRESSION                                                                                                     \
    "would be a perl expression, and there are none here: use the shell's, as in 'f={}; mv \"$f\" \"${f%.c}.h\"', or " \
    "give -I S where it is text"
#define FROM_LAST                                                                                                      \
    "would count from the last value, which nothing does here: give its number, as in {2}, or -I S where it is text"

//  Behind the brace: as far as the string goes; 0: there is none.
static size_t s_expression (const char *inner)
{
    const char *end = *inner == '=' ? strstr (inner + 1, "=}") : NULL;
    return end ? (size_t)(end + 2 - inner) : 0;
}

static size_t s_from_last (const char *inner)
{
    if (*inner != '-')
        return 0;
    size_t digits = strspn (inner + 1, "0123456789"), size = 1 + digits + strspn (inner + 1 + digits, "./");
    return digits && inner[size] == '}' ? size + 1 : 0;
}

bool options_find_foreign (const char *text, foreign_string_t *found)
{
    while ((text = strchr (text, '{'))) {
        size_t expression = s_expression (text + 1), size = expression ? expression : s_from_last (text + 1);
        if (size) {
            *found = (foreign_string_t){.text = text, .size = size + 1, .advice = expression ? EXPRESSION : FROM_LAST};
            return true;
        }
        text++;
    }
    return false;
}
