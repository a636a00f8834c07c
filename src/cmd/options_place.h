/*  options_place: the values of options about where parts meet and who may, as options_values.h.
 */
#ifndef DISHES_CMD_OPTIONS_PLACE_H
#define DISHES_CMD_OPTIONS_PLACE_H

#include "base/options.h"
#include "cmd/config.h"

option_call_fn options_at;         // an address
option_call_fn options_action;     // --join, --status, --keygen: row->number is the action
option_call_fn options_into;       // an address, of the next pipeline
option_call_fn options_key;        // a path
option_call_fn options_into_key;   // a path
option_call_fn options_lane_ports; // A-B
option_call_fn options_advertise;  // a host
option_call_fn options_name;       // of a washer or dryer
option_call_fn options_run;        // the number of a run

#endif
