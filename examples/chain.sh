#!/usr/bin/env bash
# chain.sh [URL URL URL]: wash, dry, put away: three pipelines in a row, each with as many hands as it needs. What is
# counted in one becomes an item of the next (sink --into), so each dish moves on as soon as it is ready, and when the
# last one has counted its dishes all of them are put away. The defaults are ipc://wash, ipc://dry and ipc://away.
#
# The same as a pipe of the shell is sink --at "$wash" | washer --at "$dry": there a sink that is lost looks to the next
# pipeline like one that is done.
#
# Wants washer, dryer and sink in PATH.
set -euo pipefail
wash=${1:-ipc://wash}
dry=${2:-ipc://dry}
away=${3:-ipc://away}
trap 'kill $(jobs -p) 2>/dev/null || :' EXIT

# stdout is the dish, for the next stage; what there is to say goes to stderr.
dryer --at "$wash" -j1 'echo "Washing {} dish" >&2; echo {}' &
for _ in 1 2; do
    dryer --at "$dry" -j2 'echo "Drying {} dish" >&2; echo {}' &
done
dryer --at "$away" -j1 'echo "Putting away {} dish"' &

# There are few dishes: who is late would find none, and wait for others.
sink --at "$wash" --into "$dry" --wait-dryers 2 2>&1 &
sink --at "$dry" --into "$away" 2>&1 &
washer --at "$wash" p1 p2 p3 p4 &
status=0
sink --at "$away" || status=$?

# The failures of all three are in that status; one that could not go on says why.
wait
exit $status
