/*  Memory that ends: the tests test_alloc_* are linked so that each allocation of ours comes through here (--wrap).
 *
 *  A scenario is played again and again; at its k-th round the k-th allocation fails, once alone and once with all that
 *  follow, until none is left to fail. Whoever is told so may give up, but with an error, and with nothing leaked; and
 *  who does not must have done all that was asked for.
 */
#ifndef DISHES_TESTS_ALLOC_HELP_H
#define DISHES_TESTS_ALLOC_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc (size_t size);
void *__real_calloc (size_t count, size_t size);
void *__real_realloc (void *old, size_t size);
char *__real_strdup (const char *text);
void __real_free (void *data);

void *__wrap_malloc (size_t size);
void *__wrap_calloc (size_t count, size_t size);
void *__wrap_realloc (void *old, size_t size);
char *__wrap_strdup (const char *text);
void __wrap_free (void *data);

static struct {
    bool on;
    bool lasting;  // memory does not come back
    long left;     // allocations that still succeed
    long failures; // of this round
    long held;     // what was allocated and not freed
} memory;

static bool memory_ends (void)
{
    if (!memory.on || memory.left-- > 0)
        return false;
    memory.on = memory.lasting;
    memory.left = 0;
    memory.failures++;
    errno = ENOMEM;
    return true;
}

static void *held (void *data)
{
    memory.held += data != NULL;
    return data;
}

void *__wrap_malloc (size_t size)
{
    return memory_ends () ? NULL : held (__real_malloc (size));
}

void *__wrap_calloc (size_t count, size_t size)
{
    return memory_ends () ? NULL : held (__real_calloc (count, size));
}

void *__wrap_realloc (void *old, size_t size)
{
    if (memory_ends ())
        return NULL;
    return old ? __real_realloc (old, size) : held (__real_malloc (size));
}

char *__wrap_strdup (const char *text)
{
    return memory_ends () ? NULL : held (__real_strdup (text));
}

void __wrap_free (void *data)
{
    memory.held -= data != NULL;
    __real_free (data);
}

//  Plays a part once. True where it did all that it was to do; false where it has given up with an error.
typedef bool scenario_fn (void *arg);

static bool play (scenario_fn *scenario, void *arg, long round, bool lasting)
{
    long before = memory.held;
    memory.left = round;
    memory.lasting = lasting;
    memory.failures = 0;
    memory.on = true;
    bool whole = scenario (arg);
    memory.on = false;
    if (memory.held != before)
        fail_msg ("round %ld%s: %ld allocations leaked", round, lasting ? " (lasting)" : "", memory.held - before);
    if (!whole && !memory.failures)
        fail_msg ("round %ld%s: gave up though no allocation failed", round, lasting ? " (lasting)" : "");
    return memory.failures;
}

//  Returns how many allocations were made to fail.
static long play_all (scenario_fn *scenario, void *arg)
{
    long round = 0;
    while (play (scenario, arg, round, false)) {
        play (scenario, arg, round, true);
        round++;
    }
    return round;
}

#endif
