/*  output_file: opens a file that results go to, and waits for nobody. */
#ifndef DISHES_STORE_OUTPUT_FILE_H
#define DISHES_STORE_OUTPUT_FILE_H

#include <sys/types.h>

//  As open, with O_CLOEXEC. A descriptor, or -1 and errno: EAGAIN, it is a FIFO that nobody reads yet.
int output_file_open (const char *path, int flags, mode_t mode);

#endif
