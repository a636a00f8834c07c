/*  branch: directories of a results tree (tree.h): where a task's files go, and where they are while they grow. */
#ifndef DISHES_STORE_BRANCH_H
#define DISHES_STORE_BRANCH_H

#include "core/block.h"

enum { BRANCH_NAME_BYTES = 256, BRANCH_SCRATCH_BYTES = 16 };

//  A value as the name of a directory; ends with NUL. Where that is empty it is "." here.
void branch_name (char name[BRANCH_NAME_BYTES], const uint8_t *value, size_t size);

//  Opens the directory at `path`, made with all those above it where missing. -1 and errno.
int branch_root (const char *path);

//  Opens the directory of a task below `root`, made where missing; `values` is walked to its end. -1 and errno.
int branch_task (int root, value_cursor_t *values);
int branch_number (int root, uint64_t n); // of a task whose values are not known

//  Makes a directory below `root` for what is not whole yet, and fills in its name. While it is open nobody else takes
//  it for left over. -1 and errno.
int branch_scratch (int root, char name[BRANCH_SCRATCH_BYTES]);
void branch_remove (int root, const char *name); // and all files in it

//  Removes what killed processes left below `root`.
void branch_sweep (int root);

#endif
