/*  journal_file: the file of a journal, opened so that it is the right one, and ours alone.
 *
 *  The descriptor is held for two things only: it proves which file the path meant, and it carries the lock that keeps
 *  a second sink away. SQLite opens the path for itself. Closing any descriptor of a file drops all POSIX locks that
 *  the process has on it, SQLite's too; so it is closed last, and a file that this process has open is not opened
 *  again. Any thread; calls block on the disk.
 */
#ifndef DISHES_STORE_JOURNAL_FILE_H
#define DISHES_STORE_JOURNAL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define JOURNAL_EARLY "-early" // ends the name of the file beside it that has the outputs that wait for their turn

typedef struct {
    int fd;     // -1: not open
    char *path; // absolute, its directory without links
    dev_t device;
    ino_t inode;
    bool is_made; // it was not there before
    struct {
        dev_t device;
        ino_t inode; // 0: not looked at yet
    } beside[2];     // the log, and what is shared of it
} journal_file_t;

//  0, or -1, errno and what is wrong in `error`, without the path before it. Waits a little for the lock: a child of a
//  sink that was just killed has it until it has become another program.
int journal_file_open (journal_file_t *self, const char *path, bool make, char *error, size_t error_size);

//  Whether the path still means this file. 0, or -1 as above.
int journal_file_check (const journal_file_t *self, char *error, size_t error_size);

//  The same, and those that SQLite has beside it are those of the first call, which is to come after its first commit.
int journal_file_check_all (journal_file_t *self, char *error, size_t error_size);

//  May be called twice. With `remove`, a file that was made by journal_file_open goes away.
void journal_file_close (journal_file_t *self, bool remove);

//  The name of a file system that a journal is refused on, by the f_type of statfs(2); NULL: it will do.
const char *journal_file_refused (unsigned long type);

#endif
