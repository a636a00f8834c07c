/*  fault: why an input cannot go on, as an errno and as one line for people.
 */
#ifndef DISHES_INPUT_FAULT_H
#define DISHES_INPUT_FAULT_H

typedef struct {
    int number; // errno; 0: all is well
    char text[512];
} fault_t;

//  Keeps the first fault, sets errno to it and returns -1.
int fault_set (fault_t *self, int number, const char *format, ...) __attribute__ ((format (printf, 3, 4)));

#endif
