/*  settings: the options of an object as it keeps them: checked, complete, with strings of its own. */
#ifndef DISHES_API_SETTINGS_H
#define DISHES_API_SETTINGS_H

#include "core/session.h"
#include "dishes.h"
#include "role/talk.h"

typedef struct {
    dishes_opts_t opts; // 0 where the default is meant; its strings are the ones below
    char name[NAME_BYTES];
    char host[NAME_BYTES];
    char *key, *advertise;
} settings_t;

//  `opts` may be NULL. 0; or -1 with the fault set. settings_free in either case.
int settings_read (settings_t *self, const dishes_opts_t *opts);
void settings_free (settings_t *self);

//  The value of an option where 0 means `usual` and -1 none (0 to a role).
int64_t settings_or (int given, int64_t usual);

#endif
