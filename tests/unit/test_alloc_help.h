/*  Memory that ends: the tests test_alloc_* are linked so that each allocation of ours comes through here (--wrap).
 *
 *  A scenario is played again and again; at its k-th round the k-th allocation fails, once alone and once with all that
 *  follow, until none is left to fail. Whoever is told so may give up, but with an error, and with nothing leaked; and
 *  who does not must have done all that was asked for. Whole programs, whose threads allocate in no order, are played
 *  by the places in the code instead (test_alloc_programs.c).
 *
 *  Which places have failed is left in the file that DISHES_ALLOC_SITES names: alloc_sites.py tells which were missed.
 */
#ifndef DISHES_TESTS_ALLOC_HELP_H
#define DISHES_TESTS_ALLOC_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__real_malloc (size_t size);
void *__real_calloc (size_t count, size_t size);
void *__real_realloc (void *old, size_t size);
char *__real_strdup (const char *text);
char *__real_strndup (const char *text, size_t size);
char *__real_realpath (const char *path, char *into);
ssize_t __real___getdelim (char **line, size_t *capacity, int end, FILE *file);
FILE *__real_open_memstream (char **data, size_t *size);
void __real_free (void *data);

void *__wrap_malloc (size_t size);
void *__wrap_calloc (size_t count, size_t size);
void *__wrap_realloc (void *old, size_t size);
char *__wrap_strdup (const char *text);
char *__wrap_strndup (const char *text, size_t size);
int __wrap_asprintf (char **out, const char *format, ...);
char *__wrap_realpath (const char *path, char *into);
ssize_t __wrap___getdelim (char **line, size_t *capacity, int end, FILE *file);
FILE *__wrap_open_memstream (char **data, size_t *size);
void __wrap_free (void *data);

enum { SITES_MOST = 1000 };

//  A place in the code that allocates.
typedef struct {
    const void *at;
    long hits;       // in this round
    bool has_failed; // in any
} alloc_site_t;

//  Shared with the processes that are forked off.
static struct {
    atomic_flag busy;
    bool on;
    bool lasting;     // memory does not come back
    long left;        // allocations that still succeed, of all or …
    const void *only; // … of this site; NULL: of all
    long failures;    // of this round
    alloc_site_t sites[SITES_MOST];
    size_t size;
} * memory;

static atomic_long memory_held; // what this process has allocated and not freed

extern const char __executable_start[];

static __attribute__ ((destructor)) void tell_sites (void)
{
    const char *path = getenv ("DISHES_ALLOC_SITES");
    FILE *file = path && memory ? fopen (path, "w") : NULL;
    for (size_t i = 0; file && i < memory->size; i++)
        if (memory->sites[i].has_failed)
            fprintf (file, "%zx\n", (size_t)((const char *)memory->sites[i].at - __executable_start));
    if (file)
        fclose (file);
}

static __attribute__ ((constructor)) void share_memory (void)
{
    void *shared = mmap (NULL, sizeof *memory, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memory = shared == MAP_FAILED ? NULL : shared;
}

static alloc_site_t *site_of (const void *at)
{
    for (size_t i = 0; i < memory->size; i++)
        if (memory->sites[i].at == at)
            return &memory->sites[i];
    if (memory->size == SITES_MOST)
        abort ();
    memory->sites[memory->size].at = at;
    return &memory->sites[memory->size++];
}

static bool fails_now (alloc_site_t *site)
{
    site->hits++;
    if (memory->failures && !memory->lasting)
        return false;
    if (!memory->failures && ((memory->only && memory->only != site->at) || memory->left-- > 0))
        return false;
    memory->failures++;
    site->has_failed = true;
    return true;
}

static bool memory_ends (const void *at)
{
    if (!memory || !memory->on)
        return false;
    while (atomic_flag_test_and_set (&memory->busy))
        ;
    bool ends = fails_now (site_of (at));
    atomic_flag_clear (&memory->busy);
    if (ends)
        errno = ENOMEM;
    return ends;
}

static void *held (void *data)
{
    memory_held += data != NULL;
    return data;
}

#define MEMORY_ENDS memory_ends (__builtin_return_address (0))

void *__wrap_malloc (size_t size)
{
    return MEMORY_ENDS ? NULL : held (__real_malloc (size));
}

void *__wrap_calloc (size_t count, size_t size)
{
    return MEMORY_ENDS ? NULL : held (__real_calloc (count, size));
}

void *__wrap_realloc (void *old, size_t size)
{
    if (MEMORY_ENDS)
        return NULL;
    return old ? __real_realloc (old, size) : held (__real_malloc (size));
}

char *__wrap_strdup (const char *text)
{
    return MEMORY_ENDS ? NULL : held (__real_strdup (text));
}

char *__wrap_strndup (const char *text, size_t size)
{
    return MEMORY_ENDS ? NULL : held (__real_strndup (text, size));
}

int __wrap_asprintf (char **out, const char *format, ...)
{
    va_list args;
    if (MEMORY_ENDS)
        return -1;
    va_start (args, format);
    int size = vasprintf (out, format, args);
    va_end (args);
    if (size >= 0)
        held (*out);
    return size;
}

char *__wrap_realpath (const char *path, char *into)
{
    return MEMORY_ENDS ? NULL : held (__real_realpath (path, into)); // nobody gives the room for it
}

//  What the headers make of getline.
ssize_t __wrap___getdelim (char **line, size_t *capacity, int end, FILE *file)
{
    if (MEMORY_ENDS)
        return -1;
    bool is_first = !*line;
    ssize_t size = __real___getdelim (line, capacity, end, file);
    if (is_first)
        held (*line);
    return size;
}

//  What it fills is not counted as held: it has no room yet.
FILE *__wrap_open_memstream (char **data, size_t *size)
{
    return MEMORY_ENDS ? NULL : __real_open_memstream (data, size);
}

void __wrap_free (void *data)
{
    memory_held -= data != NULL;
    __real_free (data);
}

static __attribute__ ((unused)) void begin_round (const void *only, long left, bool lasting)
{
    for (size_t i = 0; i < memory->size; i++)
        memory->sites[i].hits = 0;
    memory->only = only;
    memory->left = left;
    memory->lasting = lasting;
    memory->failures = 0;
    memory->on = true;
}

//  Plays a part once. True where it did all that it was to do; false where it has given up with an error.
typedef bool scenario_fn (void *arg);

static bool play (scenario_fn *scenario, void *arg, long round, bool lasting)
{
    long before = memory_held;
    begin_round (NULL, round, lasting);
    bool whole = scenario (arg);
    memory->on = false;
    if (memory_held != before)
        fail_msg ("round %ld%s: %ld allocations leaked", round, lasting ? " (lasting)" : "", memory_held - before);
    if (!whole && !memory->failures)
        fail_msg ("round %ld%s: gave up though no allocation failed", round, lasting ? " (lasting)" : "");
    return memory->failures;
}

//  Returns how many allocations were made to fail.
static __attribute__ ((unused)) long play_all (scenario_fn *scenario, void *arg)
{
    long round = 0;
    while (play (scenario, arg, round, false)) {
        play (scenario, arg, round, true);
        round++;
    }
    return round;
}

#endif
