//  For the tests of net: a directory of their own in place of the user's, and waiting for a condition.
#ifndef DISHES_TEST_NET_HELP_H
#define DISHES_TEST_NET_HELP_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char help_dir[64];

static inline int help_setup (void **state)
{
    strcpy (help_dir, "/tmp/dishes-test-XXXXXX");
    return mkdtemp (help_dir) ? setenv ("DISHES_DIR", help_dir, 1) : -1;
}

static inline void help_remove (const char *path)
{
    DIR *dir = opendir (path);
    for (struct dirent *entry; dir && (entry = readdir (dir));) {
        char below[512];
        if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
            continue;
        snprintf (below, sizeof below, "%.200s/%s", path, entry->d_name);
        if (unlink (below) == -1)
            help_remove (below);
    }
    if (dir)
        closedir (dir);
    rmdir (path);
}

static inline int help_teardown (void **state)
{
    help_remove (help_dir);
    return unsetenv ("DISHES_DIR");
}

static inline int64_t help_now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

//  Waits until `condition` holds, at most 5 s, and fails the test if it does not.
#define WAIT_UNTIL(condition)                                                                                          \
    do {                                                                                                               \
        int64_t help_end_ms = help_now_ms () + 5000;                                                                   \
        bool help_holds;                                                                                               \
        while (!(help_holds = (condition)) && help_now_ms () < help_end_ms)                                            \
            poll (NULL, 0, 2);                                                                                         \
        assert_true (help_holds);                                                                                      \
    } while (0)

//  Watches for a while that `condition` holds all the time.
#define ALL_THE_TIME(condition, time_ms)                                                                               \
    for (int64_t help_until_ms = help_now_ms () + (time_ms); help_now_ms () < help_until_ms; poll (NULL, 0, 2))        \
    assert_true (condition)

static inline bool help_exists (const char *file)
{
    char path[512];
    struct stat is;
    snprintf (path, sizeof path, "%s/%s", help_dir, file);
    return lstat (path, &is) == 0;
}

#endif
