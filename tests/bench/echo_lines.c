/*  echo_lines [END]: a filter as simple as can be: each line of stdin goes to stdout, with the line END behind it where
 *  that is given, and is flushed.
 */
#include <stdio.h>
#include <stdlib.h>

int main (int argc, char **argv)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    while ((size = getline (&line, &capacity, stdin)) > 0) {
        fwrite (line, 1, (size_t)size, stdout);
        if (argc > 1)
            printf ("%s\n", argv[1]);
        if (fflush (stdout) != 0)
            return 1;
    }
    free (line);
    return 0;
}
