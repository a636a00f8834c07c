/*  quota: how many tasks a dryer does at a time, which may change while it runs: by signals that add one or take one
 *  away, and by a file that holds what -j takes.
 *
 *  A file that says something new counts from then on, whatever signals came before. One that is bad, or gone, is told
 *  of once, and the number stays.
 */
#ifndef DISHES_ROLE_QUOTA_H
#define DISHES_ROLE_QUOTA_H

#include "role/talk.h"

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

//  What a text such as "4" or "50%" stands for. 0; or -1 and one line without newline.
typedef int quota_parse_fn (const char *text, uint32_t *slots, char *error, size_t error_size);

typedef struct {
    uint32_t most;         // slots, never more
    const char *file;      // of -j FILE, or NULL
    quota_parse_fn *parse; // with a file
    atomic_int *balance;   // how many slots signals have added so far, less those that they took: whoever takes the
                           // signals moves it; of quota_balance_new. NULL: there are none
} quota_config_t;

enum { QUOTA_TEXT_BYTES = 64 };

typedef struct {
    quota_config_t config;
    const talk_t *talk;
    uint32_t slots; // now, 1...
    int balance;    // that `slots` knows of
    char text[QUOTA_TEXT_BYTES];
    struct timespec changed; // the file, when it was read last
    int64_t look_ms;         // when to look at the file again; INT64_MAX: never
    bool is_empty;           // it was, and whoever writes it may be about to: no complaint yet
} quota_t;

//  Borrows `talk`. What is in the file now, and signals that came before, count with the first quota_look.
void quota_init (quota_t *self, const quota_config_t *config, uint32_t slots, const talk_t *talk);

//  Looks whether signals or the file have moved it; true where `slots` is another number now. The file is read when it
//  is time for that and its time stamp is a new one, or where `must_read`. What changed is said.
bool quota_look (quota_t *self, bool must_read, int64_t now_ms);

//  The file's first line, without the blanks at its ends. 0; or -1 and one line.
int quota_read_file (const char *file, char text[QUOTA_TEXT_BYTES], char *error, size_t error_size);

//  What signals move, in memory that is shared with processes that are forked from now on. NULL and errno.
atomic_int *quota_balance_new (void);
void quota_balance_destroy (atomic_int **self_p);

#endif
