#include "role/quota.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_MS = 500, WRITING_MS = 100 };

void quota_init (quota_t *self, const quota_config_t *config, uint32_t slots, const talk_t *talk)
{
    *self = (quota_t){.config = *config, .slots = slots, .talk = talk, .look_ms = config->file ? 0 : INT64_MAX};
}

//  ---- the file

static void trim (char *text)
{
    size_t size = strcspn (text, "\n"), blanks = strspn (text, " \t");
    while (size > blanks && strchr (" \t\r", text[size - 1]))
        size--;
    memmove (text, text + blanks, size - blanks);
    text[size - blanks] = 0;
}

static int explain (const char *file, const char *why, char *error, size_t error_size)
{
    snprintf (error, error_size, "-j %.200s: %s", file, why);
    return -1;
}

int quota_read_file (const char *file, char text[QUOTA_TEXT_BYTES], char *error, size_t error_size)
{
    int fd = open (file, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a FIFO must not hold us up
    if (fd == -1)
        return explain (file, strerror (errno), error, error_size);
    ssize_t size = read (fd, text, QUOTA_TEXT_BYTES - 1);
    int kept = errno;
    close (fd);
    if (size == -1)
        return explain (file, strerror (kept), error, error_size);
    text[size] = 0;
    trim (text);
    return 0;
}

//  True where the file has another time stamp than when it was read last, or is not there.
static bool is_stamped_anew (quota_t *self)
{
    struct stat status = {0};
    if (stat (self->config.file, &status) == -1)
        status.st_mtim = (struct timespec){0};
    bool is_new = status.st_mtim.tv_sec != self->changed.tv_sec || status.st_mtim.tv_nsec != self->changed.tv_nsec;
    self->changed = status.st_mtim;
    return is_new;
}

static uint32_t refuse (quota_t *self, const char *why)
{
    talk_say (self->talk, TALK_ERROR, "%s; -j stays %u", why, self->slots);
    return self->slots;
}

//  How many slots the file stands for; as many as there are where it says nothing new, or nothing good.
static uint32_t read_slots (quota_t *self, bool is_new)
{
    char text[QUOTA_TEXT_BYTES] = "", why[300], line[400];
    int rc = quota_read_file (self->config.file, text, why, sizeof why);
    bool is_same = !is_new && strcmp (text, self->text) == 0, was_empty = self->is_empty;
    self->is_empty = rc == 0 && !*text && !was_empty && !is_same;
    if (self->is_empty || (is_same && !was_empty))
        return self->slots;
    snprintf (self->text, sizeof self->text, "%s", text);
    if (rc == -1)
        return refuse (self, why);
    uint32_t slots;
    if (self->config.parse (text, &slots, why, sizeof why) == 0)
        return slots;
    snprintf (line, sizeof line, "-j %.60s: %s", self->config.file, why);
    return refuse (self, line);
}

static uint32_t look_at_file (quota_t *self, bool must_read, int64_t now_ms)
{
    bool is_due = now_ms >= self->look_ms;
    if (!self->config.file || (!is_due && !must_read))
        return self->slots;
    bool is_new = is_stamped_anew (self);
    uint32_t slots = is_new || must_read || self->is_empty ? read_slots (self, is_new) : self->slots;
    self->look_ms = now_ms + (self->is_empty ? WRITING_MS : LOOK_MS);
    return slots;
}

//  ---- signals

static uint32_t look_at_balance (quota_t *self)
{
    int balance = self->config.balance ? atomic_load (self->config.balance) : 0, more = balance - self->balance;
    self->balance = balance;
    int64_t slots = (int64_t)self->slots + more;
    if (slots < 1)
        talk_say (self->talk, TALK_NOTICE, "-j stays 1: that is the least");
    if (slots > self->config.most)
        talk_say (self->talk, TALK_NOTICE, "-j stays %u: the limit on open files has no room for more",
                  self->config.most);
    return slots < 1 ? 1 : slots > self->config.most ? self->config.most : (uint32_t)slots;
}

bool quota_look (quota_t *self, bool must_read, int64_t now_ms)
{
    uint32_t before = self->slots;
    self->slots = look_at_file (self, must_read, now_ms);
    self->slots = look_at_balance (self);
    if (self->slots != before)
        talk_say (self->talk, TALK_NOTICE, "-j is %u now", self->slots);
    return self->slots != before;
}

atomic_int *quota_balance_new (void)
{
    void *memory = mmap (NULL, sizeof (atomic_int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void quota_balance_destroy (atomic_int **self_p)
{
    if (*self_p)
        munmap (*self_p, sizeof (atomic_int));
    *self_p = NULL;
}
