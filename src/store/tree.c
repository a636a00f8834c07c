#include "store/tree.h"
#include "core/array.h"
#include "core/item.h"
#include "store/branch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_OUT, FILE_ERR, FILE_SEQ, FILES, GROWING_BYTES = 64 };

static const char *const names[FILES] = {"stdout", "stderr", "seq"};

//  An attempt that is not done, of which there are files.
typedef struct {
    uint64_t source, n;
    bool has[FILES];
} attempt_t;

struct tree {
    char *path;
    int root, scratch;
    char scratch_name[BRANCH_SCRATCH_BYTES];
    attempt_t *attempts;
    size_t size, capacity;
    bool is_dirty; // since the last sync
    int error;
    char text[512];
};

//  -- life

static int open_tree (tree_t *self, const char *path)
{
    self->path = strdup (path);
    if (!self->path || (self->root = branch_root (path)) == -1)
        return -1;
    branch_sweep (self->root);
    self->scratch = branch_scratch (self->root, self->scratch_name);
    return self->scratch == -1 ? -1 : 0;
}

tree_t *tree_new (const char *path)
{
    tree_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->root = self->scratch = -1;
    if (open_tree (self, path) == -1) {
        int kept = errno;
        tree_destroy (&self);
        errno = kept;
    }
    return self;
}

void tree_destroy (tree_t **self_p)
{
    tree_t *self = *self_p;
    if (!self)
        return;
    if (self->scratch >= 0) {
        branch_remove (self->root, self->scratch_name);
        close (self->scratch);
    }
    if (self->root >= 0)
        close (self->root);
    free (self->attempts);
    free (self->path);
    free (self);
    *self_p = NULL;
}

//  Makes errno the sticky error.
static int fail (tree_t *self)
{
    if (!self->error) {
        self->error = errno;
        snprintf (self->text, sizeof self->text, "cannot write below %s: %s", self->path, strerror (errno));
    }
    errno = self->error;
    return -1;
}

int tree_error (const tree_t *self)
{
    return self->error;
}

const char *tree_error_text (const tree_t *self)
{
    return self->text;
}

//  -- what grows

static void name_growing (char name[GROWING_BYTES], uint64_t source, uint64_t n, int file)
{
    snprintf (name, GROWING_BYTES, "%llx-%llu-%s", (unsigned long long)source, (unsigned long long)n, names[file]);
}

static int write_all (int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t written = write (fd, data, size);
        if (written == -1 && errno != EINTR)
            return -1;
        data += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

//  Adds bytes to what is there of a file, which is made where nothing is. Some file systems tell only at its closing
//  that they could not keep them.
static int append (const tree_t *self, const char *name, const void *data, size_t size)
{
    int fd = openat (self->scratch, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd == -1)
        return -1;
    int rc = write_all (fd, data, size), kept = errno;
    if (close (fd) == -1 && rc == 0 && errno != EINTR)
        return -1;
    errno = kept;
    return rc;
}

static attempt_t *find (const tree_t *self, uint64_t source, uint64_t n)
{
    for (size_t i = 0; i < self->size; i++)
        if (self->attempts[i].n == n && self->attempts[i].source == source)
            return &self->attempts[i];
    return NULL;
}

static attempt_t *add (tree_t *self, uint64_t source, uint64_t n)
{
    if (array_reserve (&self->attempts, &self->capacity, self->size + 1, sizeof *self->attempts) == -1)
        return NULL;
    self->attempts[self->size] = (attempt_t){.source = source, .n = n};
    return &self->attempts[self->size++];
}

int tree_piece (tree_t *self, uint64_t source, uint64_t n, int stream, const void *data, size_t size)
{
    char name[GROWING_BYTES];
    int file = stream == 2 ? FILE_ERR : FILE_OUT;
    if (self->error)
        return fail (self);
    attempt_t *attempt = find (self, source, n);
    if (!attempt && !(attempt = add (self, source, n)))
        return fail (self);
    attempt->has[file] = true;
    name_growing (name, source, n, file);
    return append (self, name, data, size) == -1 ? fail (self) : 0;
}

static void forget (tree_t *self, attempt_t *attempt)
{
    char name[GROWING_BYTES];
    for (int file = 0; file < FILES; file++) {
        name_growing (name, attempt->source, attempt->n, file);
        if (attempt->has[file])
            unlinkat (self->scratch, name, 0);
    }
    *attempt = self->attempts[--self->size];
}

void tree_drop (tree_t *self, uint64_t source, uint64_t n)
{
    for (size_t i = self->size; i-- > 0;)
        if (self->attempts[i].source == source && (!n || self->attempts[i].n == n))
            forget (self, &self->attempts[i]);
}

//  -- what is done

static int place_of (const tree_t *self, const tree_task_t *task)
{
    value_cursor_t values;
    if (!task->item || !item_open (&values, task->item, task->item_size))
        return branch_number (self->root, task->n);
    return branch_task (self->root, &values);
}

//  The last bytes of a file, and its name.
static int finish (tree_t *self, const tree_task_t *task, int place, int file, const void *data, size_t size)
{
    char name[GROWING_BYTES];
    name_growing (name, task->source, task->n, file);
    if (append (self, name, data, size) == -1 || renameat (self->scratch, name, place, names[file]) == -1)
        return -1;
    return 0;
}

static int finish_all (tree_t *self, const tree_task_t *task, int place)
{
    char seq[24];
    int digits = snprintf (seq, sizeof seq, "%llu", (unsigned long long)task->n);
    if (finish (self, task, place, FILE_OUT, task->out, task->out_size) == -1 ||
        finish (self, task, place, FILE_ERR, task->err, task->err_size) == -1)
        return -1;
    return finish (self, task, place, FILE_SEQ, seq, (size_t)digits);
}

int tree_done (tree_t *self, const tree_task_t *task)
{
    if (self->error)
        return fail (self);
    int place = place_of (self, task);
    int rc = place == -1 ? -1 : finish_all (self, task, place), kept = errno;
    if (place != -1)
        close (place);
    errno = kept;
    if (rc == -1)
        return fail (self);
    attempt_t *attempt = find (self, task->source, task->n);
    if (attempt)
        *attempt = self->attempts[--self->size];
    self->is_dirty = true;
    return 0;
}

//  One call for all: a sync for each of the files and directories of a thousand tasks would take as many seconds.
int tree_sync (tree_t *self)
{
    if (self->error)
        return fail (self);
    if (self->is_dirty && syncfs (self->root) == -1)
        return fail (self);
    self->is_dirty = false;
    return 0;
}
