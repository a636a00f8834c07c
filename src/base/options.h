/*  options: a command line as tables.
 *
 *  A program's options are groups of rows, plain data that is walked three times: to read argv, to print --help, to
 *  write the manual. Groups are the unit that programs share.
 *
 *  The rules: options end at the first operand or at "--"; a long option is "--name VALUE" or "--name=VALUE", a
 *  letter "-x VALUE" or "-xVALUE", letters without a value may be bundled ("-kt"), there are no abbreviations, of a
 *  repeated option the last one holds. An unknown option is an error that says what was probably meant, or, for an
 *  option that users know from elsewhere, what to do instead.
 *
 *  Nothing here prints, allocates or keeps state; errors are one line in the caller's buffer.
 */
#ifndef DISHES_BASE_OPTIONS_H
#define DISHES_BASE_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    OPTION_FLAG,     // bool, becomes true; no value
    OPTION_SET,      // an integer or enum of 1, 4 or 8 bytes, becomes the row's `number`; no value
    OPTION_STOP,     // as OPTION_SET, and what follows is not read (--help)
    OPTION_STRING,   // const char *, borrowed from argv
    OPTION_COUNT,    // an integer of 4 or 8 bytes
    OPTION_SIZE,     // as OPTION_COUNT, in bytes
    OPTION_DURATION, // as OPTION_COUNT, in ms, at most UNITS_DURATION_MOST
    OPTION_CALL,     // whatever the row's function makes of it
} option_kind_t;

typedef struct option option_t;

//  Reads `text` (NULL when the option has no value, or an optional one was left out) into `target`, the struct that
//  was given to options_read. Returns 0, or -1 and the reason through options_fail ().
typedef int option_call_fn (const option_t *row, void *target, const char *text, char *error, size_t error_size);

//  One option. Fields that do not matter for its kind are zero.
struct option {
    const char *names;    // long names, "jobs|max-procs": the first is shown, the others are taken too; or NULL
    const char *letters;  // short names, "jP"; or NULL
    const char *argument; // what the value is called in help; "[X]" when it may be left out (then only --name=X
                          // gives one); NULL where there is none
    option_kind_t kind;
    size_t offset, width; // where it goes in the target, in bytes: OPTION_FIELD
    int64_t number;       // OPTION_SET, OPTION_STOP: the value; OPTION_COUNT, _SIZE, _DURATION: the least allowed
    option_call_fn *call;
    const char *help;   // one line
    const char *advice; // what to do instead of less than the least allowed; or NULL
};

#define OPTION_FIELD(type, field) .offset = offsetof (type, field), .width = sizeof (((type *)0)->field)

typedef struct {
    const char *title;    // NULL: as the group before
    const option_t *rows; // ends with a row of neither names nor letters
} option_group_t;

//  An option that others have and we do not.
typedef struct {
    const char *names, *letters; // as in option_t
    const char *advice;          // what to do instead
} option_foreign_t;

//  Called for each option that was read into `target`.
typedef void option_seen_fn (void *target, const option_t *row);

typedef struct option_set option_set_t;

struct option_set {
    const char *program;               // for "see PROGRAM --help"
    const option_group_t *groups;      // ends with a group without rows
    const option_foreign_t *foreign;   // ends with a row of neither names nor letters; or NULL
    const option_set_t *const *others; // programs beside this one, whose options are refused by naming them; ends with
                                       // NULL; or NULL
    option_seen_fn *seen;              // or NULL
};

//  Reads the options of argv[1...] into `target`. Returns the index in argv of the first operand (argc when there is
//  none), or -1, EINVAL and one line in `error`; then `target` may hold a part. argv must outlive the target.
int options_read (const option_set_t *set, void *target, int argc, char **argv, char *error, size_t error_size);

//  Writes one line into `error`: control characters become '?', so that no value can forge a second one.
//  Returns -1 with EINVAL.
int options_fail (char *error, size_t error_size, const char *format, ...) __attribute__ ((format (printf, 3, 4)));

//  The same for a value: "'text' why", at most OPTIONS_SHOWN bytes of the text.
enum { OPTIONS_SHOWN = 60 };
int options_refuse (char *error, size_t error_size, const char *text, const char *why);

//  The left column of help: "-j, -P, --jobs N". Returns `text`.
char *options_usage (const option_t *row, char *text, size_t size);

//  The name among all long ones of the set that is closest to `name`, without dashes, with its length; NULL when none
//  is close.
const char *options_nearest (const option_set_t *set, const char *name, size_t *size);

#endif
