/*  refusal: why something cannot be, as an errno and as one line for people. */
#ifndef DISHES_NET_REFUSAL_H
#define DISHES_NET_REFUSAL_H

#include <stddef.h>

//  Writes the line, sets errno to `number`, and returns -1.
int net_refuse (int number, char *error, size_t error_size, const char *format, ...)
    __attribute__ ((format (printf, 4, 5)));

#endif
