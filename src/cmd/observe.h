/*  observe: what `dishes` asks of a pipeline from outside: its end (--join), or how far it is (--status).
 */
#ifndef DISHES_CMD_OBSERVE_H
#define DISHES_CMD_OBSERVE_H

#include <stdio.h>

#include "cmd/stage.h"
#include "role/observer_role.h"

stage_fn observe_join, observe_status;

//  The exit status of --join: 0 all succeeded, 1 some failed, 124 a deadline, 125 lost or nobody there.
int observe_join_status (const observer_result_t *result);

//  --status as lines for people, `name value...`, and as one line of JSON. Names of others are cleaned: control
//  characters become '?' or an escape, and what is not UTF-8 becomes '?'.
void observe_show (const observer_result_t *result, FILE *out);
void observe_show_json (const observer_result_t *result, FILE *out);

#endif
