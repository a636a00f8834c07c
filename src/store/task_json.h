/*  task_json: what a line of --json says of a task, but for its outputs, which the printer adds.
 *
 *  What there is none of is null. Bytes stand as base/json.h has them. Pure but for the FILE; any thread.
 */
#ifndef DISHES_STORE_TASK_JSON_H
#define DISHES_STORE_TASK_JSON_H

#include <stdio.h>

#include "core/sink.h"

//  Writes an object without its last brace: of task n, which is one of those that the completion is of. `has_tag`: its
//  tag, too.
void task_json (FILE *out, const completion_t *what, uint64_t n, bool has_tag);

#endif
