/*  observe: what `dishes` asks of a pipeline from outside: its end (--join), or how far it is (--status; --top: top.h).
 */
#ifndef DISHES_CMD_OBSERVE_H
#define DISHES_CMD_OBSERVE_H

#include <stdio.h>

#include "cmd/stage.h"
#include "role/observer_role.h"

stage_fn observe_join, observe_status;

//  Asks what the action is about; `onlooker` may be NULL. 0 and `result`, whose dryers are the caller's to free; or -1,
//  and then what is wrong was said.
int observe_ask (stage_t *self, const onlooker_t *onlooker, observer_result_t *result);

//  A line about the end of a run that was waited for; silence where all succeeded.
void observe_report (const stage_t *self, const observer_result_t *result, int status);

//  The exit status of --join: 0 all succeeded, 1 some failed, 124 a deadline, 125 lost or nobody there.
int observe_join_status (const observer_result_t *result);

//  --status as lines for people, `name value...`, and as one line of JSON. Names of others are cleaned: control
//  characters become '?' or an escape, and what is not UTF-8 becomes '?'.
void observe_show (const observer_result_t *result, FILE *out);
void observe_show_json (const observer_result_t *result, FILE *out);

//  The same for a name by itself, and what an end is called.
void observe_put_text (FILE *out, const char *text);
const char *observe_end_name (end_t end);

#endif
