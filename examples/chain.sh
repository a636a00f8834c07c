#!/usr/bin/env bash
# chain.sh [URL URL]: wash, dry, put away: two pipelines in a row. What the sink of the first one prints is what the
# washer of the second one reads (sink | washer), so each dish moves on as soon as it is dry, and each stage has as many
# hands as it needs. The defaults are ipc://wet and ipc://dry.
#
# Wants washer, dryer and sink in PATH.
set -euo pipefail
wet=${1:-ipc://wet}
dry=${2:-ipc://dry}
exec 3>&1
trap 'kill $(jobs -p) 2>/dev/null || :' EXIT

wash ()
{
    for dish; do
        echo "Washing $dish dish" >&3
        echo "$dish"
    done
}

# stdout is the dish, for the next stage; what there is to say goes to stderr.
dryer --at "$wet" -j2 'echo "Drying {} dish" >&2; echo {}' &
dryer --at "$dry" -j1 'echo "Putting away {} dish"' &

wash p1 p2 p3 p4 | washer --at "$wet" &
first=$!
sink --at "$wet" 2>&3 | washer --at "$dry" &
second=$!
status=0
sink --at "$dry" || status=$?

# A washer's exit status is that of its pipeline: nothing was lost in the first one if both are 0.
for stage in $first $second; do
    wait "$stage" || status=$?
done
wait
exit $status
