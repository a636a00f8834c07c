//  Shared by the printer's tests: files in memory to print to, and short ways to say things.
#ifndef TEST_PRINTER_HELP_H
#define TEST_PRINTER_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/printer.h"

static inline int memory_file (void)
{
    int fd = memfd_create ("printed", MFD_CLOEXEC);
    assert_true (fd >= 0);
    return fd;
}

//  The bytes of a file, with a zero behind them; the caller frees them.
static inline char *file_text (int fd, size_t *size)
{
    struct stat status;
    assert_int_equal (fstat (fd, &status), 0);
    char *text = malloc ((size_t)status.st_size + 1);
    assert_non_null (text);
    assert_int_equal (pread (fd, text, (size_t)status.st_size, 0), status.st_size);
    text[status.st_size] = '\0';
    *size = (size_t)status.st_size;
    return text;
}

static inline void assert_file (int fd, const char *want)
{
    size_t size;
    char *text = file_text (fd, &size);
    assert_string_equal (text, want);
    assert_int_equal (size, strlen (want));
    free (text);
}

static inline printer_task_t task_of (uint64_t source, uint64_t n, const char *tag)
{
    return (printer_task_t){.source = source, .n = n, .tag = tag, .tag_size = tag ? strlen (tag) : 0};
}

static inline void piece (printer_t *self, uint64_t source, uint64_t n, int stream, const char *text)
{
    char tag[32];
    snprintf (tag, sizeof tag, "T%u", (unsigned)n);
    printer_task_t task = task_of (source, n, tag);
    assert_int_equal (printer_piece (self, &task, stream, text, strlen (text)), 0);
}

static inline void done (printer_t *self, uint64_t source, uint64_t n, const char *out, const char *err)
{
    char tag[32];
    snprintf (tag, sizeof tag, "T%u", (unsigned)n);
    printer_task_t task = task_of (source, n, tag);
    assert_int_equal (printer_done (self, &task, out, strlen (out), err, strlen (err)), 0);
}

#endif
