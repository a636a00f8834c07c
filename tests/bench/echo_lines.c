/*  echo_lines: a filter as simple as can be: each line of stdin goes to stdout, and is flushed. */
#include <stdio.h>
#include <stdlib.h>

int main (void)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    while ((size = getline (&line, &capacity, stdin)) > 0) {
        fwrite (line, 1, (size_t)size, stdout);
        if (fflush (stdout) != 0)
            return 1;
    }
    free (line);
    return 0;
}
