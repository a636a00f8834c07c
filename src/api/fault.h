/*  fault: why the last call of this thread failed, as dishes_error () tells it. */
#ifndef DISHES_API_FAULT_H
#define DISHES_API_FAULT_H

//  Keeps the line, and sets errno. Returns -1.
int fault_keep (int error, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

//  The same, with what the system says of the errno behind `what`.
int fault_errno (int error, const char *what);

#endif
