#include "role/supply.h"

static int read_input (void *arg, batch_t *out)
{
    return input_read (arg, out);
}

static bool eof_of_input (const void *arg)
{
    return input_eof (arg);
}

static int fd_of_input (const void *arg)
{
    return input_fd (arg);
}

static const char *error_of_input (const void *arg)
{
    return input_error (arg);
}

supply_t supply_of_input (input_t *input)
{
    return (supply_t){.arg = input,
                      .shape = *input_shape (input),
                      .is_terminal = input_is_terminal (input),
                      .read = read_input,
                      .eof = eof_of_input,
                      .fd = fd_of_input,
                      .error = error_of_input};
}
