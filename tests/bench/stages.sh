#!/usr/bin/env bash
# stages.sh AT ITEMS WASHER-OPTIONS COMMAND [ARG...]: sink, one dryer -j2 and washer, each a program, over one address.
# They are the ones beside $DISHES; $HEAD has further options of sink and washer, $WORKER those of the dryer.
set -euo pipefail
at=$1 items=$2
read -ra washer <<<"${HEAD:-} $3"
read -ra head <<<"${HEAD:-}"
read -ra worker <<<"${WORKER:-}"
shift 3
bin=$(dirname "$DISHES")
"$bin/sink" --at "$at" "${head[@]}" &
sink=$!
"$bin/dryer" --at "$at" -j2 "${worker[@]}" "$@" &
dryer=$!
"$bin/washer" --at "$at" "${washer[@]}" <"$items"
wait "$sink"
wait "$dryer"
