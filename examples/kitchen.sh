#!/usr/bin/env bash
# kitchen.sh [URL]: washing dishes with three programs: a washer, two dryers, a sink that counts. The transport is $1, and
# nothing else depends on it: ipc://NAME (default: ipc://kitchen), tcp://127.0.0.1:PORT, or inproc://NAME, with which
# all is one process, and that is the program dishes.
#
# Wants dishes, washer, dryer and sink in PATH. Its exit status is that of the sink: how many dishes went wrong.
set -euo pipefail
at=${1:-ipc://kitchen}
drying='echo "Drying {} dish"'
exec 3>&1
trap 'kill $(jobs -p) 2>/dev/null || :' EXIT

# Washes, and hands over on stdout what is wet.
wash ()
{
    for dish; do
        echo "Washing $dish dish" >&3
        echo "$dish"
    done
}

case $at in
inproc:*)
    wash p1 p2 p3 p4 | dishes --at "$at" -j2 "$drying"
    exit
    ;;
esac

# In any order; further dryers may come at any time, also from elsewhere (see remote.sh).
sink --at "$at" &
join=$!
for helper in 1 2; do
    dryer --at "$at" --name "helper-$helper" -j1 "$drying" &
done
status=0
wash p1 p2 p3 p4 | washer --at "$at" --wait-dryers 2 || status=$?

# Here all is dry and counted; the sink may still have to print.
wait $join || status=$?
wait
exit $status
