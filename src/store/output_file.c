#include "store/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

int output_file_open (const char *path, int flags, mode_t mode)
{
    struct stat is;
    bool is_fifo = stat (path, &is) == 0 && S_ISFIFO (is.st_mode);
    int fd = open (path, flags | O_CLOEXEC | (is_fifo ? O_NONBLOCK : 0), mode);
    if (fd == -1 && is_fifo && errno == ENXIO)
        errno = EAGAIN;
    if (fd != -1 && is_fifo)
        fcntl (fd, F_SETFL, flags); // only the opening was not to wait
    return fd;
}
