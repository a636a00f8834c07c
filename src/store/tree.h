/*  tree: the results of each task in files of its own, below one directory (--results), as GNU parallel lays them out.
 *
 *  A task has the directory DIR/1/VALUE; where an item has several values, or a task several items, one below the
 *  other: DIR/1/VALUE/2/VALUE. There are its `stdout`, `stderr` and `seq`, the task's number without a newline. In a
 *  value \ TAB NUL and / become \\ \t \0 and \_, and it is cut at 255 bytes, the longest name there is. So an empty
 *  value, and "." and "..", name a directory above, but never one above DIR; tasks with the same values have the same
 *  files, and the last one keeps them. A task whose values are not known is DIR/0/N.
 *
 *  What is not whole is in files of the same file system, in DIR/.dishes-XXXXXX, and gets its name in one step when the
 *  task is done: a reader never sees half a file, memory is not needed, and of an attempt that does not count nothing
 *  stays. That directory goes with the tree; of one that a killed process left the next tree in DIR gets rid.
 *
 *  An error is sticky: every later call fails with the same errno. Calls block on the disk. One thread.
 */
#ifndef DISHES_STORE_TREE_H
#define DISHES_STORE_TREE_H

#include <stddef.h>
#include <stdint.h>

typedef struct tree tree_t;

typedef struct {
    uint64_t source;     // the dryer's life: at any time a source has at most one attempt of a number
    uint64_t n;          // the task's number
    const uint8_t *item; // what it was given, as core/item.h has it; NULL: not known
    size_t item_size;
    const void *out, *err; // what is behind its pieces
    size_t out_size, err_size;
} tree_task_t;

//  Makes the directory, and those above it, where they are missing. NULL and errno; `path` is copied.
tree_t *tree_new (const char *path);
void tree_destroy (tree_t **self_p);

//  A part of the output of an attempt, for stream 1 or 2. 0, or -1 and the sticky errno.
int tree_piece (tree_t *self, uint64_t source, uint64_t n, int stream, const void *data, size_t size);

//  The attempt does not count; n = 0: none of this source. Throws its pieces away.
void tree_drop (tree_t *self, uint64_t source, uint64_t n);

//  The attempt counts and is whole: the pieces of this source and number, then the bytes in `task`. When this returns 0
//  the three files have their names. -1 and the sticky errno.
int tree_done (tree_t *self, const tree_task_t *task);

//  Makes all that is done durable, directories included. 0, or -1 and the sticky errno.
int tree_sync (tree_t *self);

//  The sticky error: 0, or an errno; and in words, "cannot write below DIR: ...", "" without one. Borrowed.
int tree_error (const tree_t *self);
const char *tree_error_text (const tree_t *self);

#endif
