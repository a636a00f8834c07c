//  Replacement strings in any command, over any values. In a shell line the line itself does not depend on the values:
//  they come to the shell as arguments, and only so.
#include "run/template.h"
#include "feed.h"

#include <errno.h>

enum { VALUES = 4, END = 1 }; // a byte that ends a word: a line of shell may hold a newline

typedef struct {
    uint8_t bytes[4096];
    size_t size;
    size_t longest;
} task_t;

static void store_u32 (uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void add_value (task_t *self, const uint8_t *data, size_t size)
{
    store_u32 (self->bytes + self->size, (uint32_t)size);
    if (size)
        memcpy (self->bytes + self->size + 4, data, size);
    self->size += 4 + size;
    self->longest = size > self->longest ? size : self->longest;
}

static task_t any_task (feed_t *feed, unsigned count)
{
    task_t self = {.size = 4};
    store_u32 (self.bytes, count);
    for (unsigned i = 0; i < count; i++) {
        size_t size;
        const uint8_t *value = feed_bytes (feed, feed_below (feed, 64), &size);
        add_value (&self, value, size);
    }
    return self;
}

//  As many values, and others.
static task_t plain_task (unsigned count)
{
    task_t self = {.size = 4};
    store_u32 (self.bytes, count);
    for (unsigned i = 0; i < count; i++)
        add_value (&self, (const uint8_t *)"value", 5);
    return self;
}

static template_task_t task_of (const task_t *task, const shape_t *shape)
{
    return (template_task_t){.n = 7, .slot = 3, .shape = shape, .data = task->bytes, .size = task->size};
}

static char *line_of (const template_t *self, rendering_t *into, const template_task_t *task)
{
    char **argv = template_argv (self, into, task);
    if (!argv) {
        HOLDS (errno == EINVAL && *template_reason (into));
        return NULL;
    }
    HOLDS (argv[0] && argv[1] && strcmp (argv[1], "-c") == 0 && argv[2] && argv[3]);
    HOLDS (strcmp (argv[3], "dishes") == 0);
    return strdup (argv[2]);
}

static void check_line (const template_t *self, rendering_t *into, const task_t *any, const task_t *plain,
                        const shape_t *shape)
{
    template_task_t task = task_of (any, shape), other = task_of (plain, shape);
    char *one = line_of (self, into, &task), *two = line_of (self, into, &other);
    HOLDS (two); // nothing is wrong with these values
    HOLDS (!one || strcmp (one, two) == 0);
    free (one);
    free (two);
}

static void check_words (const template_t *self, rendering_t *into, const task_t *any, const shape_t *shape)
{
    template_task_t task = task_of (any, shape);
    size_t size;
    char **argv = template_argv (self, into, &task);
    HOLDS (argv || (errno == EINVAL && *template_reason (into)));
    for (size_t i = 0; argv && argv[i]; i++)
        HOLDS (strlen (argv[i]) <= TEMPLATE_VALUE_MAX);
    const char *text = template_command (self, into, &task, &size);
    HOLDS (text && !text[size]);
    text = template_line (self, into, &task, &size);
    HOLDS (text && !text[size]);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    feed_t feed = feed_of (data, size);
    uint8_t bits = feed_byte (&feed);
    unsigned count = 1 + feed_below (&feed, VALUES);
    char *words[3], *replace = bits & 1 ? feed_text (&feed, END, 8) : NULL, error[300] = "";
    template_opts_t opts = {.words = words,
                            .count = (bits >> 1) % 4,
                            .replace = replace,
                            .shell = "/bin/sh",
                            .force_shell = bits & 8,
                            .context = bits & 16};
    for (size_t i = 0; i < opts.count; i++)
        words[i] = feed_text (&feed, END, 500);
    task_t any = any_task (&feed, count), plain = plain_task (count);
    shape_t shape = {.format = BLOCK_PREFIXED, .columns = 1, .items = 1};
    rendering_t *rendering = rendering_new ();
    template_t *template = bits & 32 && opts.count ? template_text_new (words[0], replace, error, sizeof error)
                                                   : template_new (&opts, error, sizeof error);
    if (!template)
        HOLDS (errno == EINVAL && *error && !strchr (error, '\n'));
    else
        check_words (template, rendering, &any, &shape);
    if (template && template_is_shell (template) && opts.count)
        check_line (template, rendering, &any, &plain, &shape);
    template_destroy (&template);
    rendering_destroy (&rendering);
    for (size_t i = 0; i < opts.count; i++)
        free (words[i]);
    free (replace);
    return 0;
}
