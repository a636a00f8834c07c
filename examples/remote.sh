#!/usr/bin/env bash
# remote.sh: a head that has the dishes, and workers on other machines that dry them.
#
#   dishes --keygen keys                                     # once; worker.key goes to the workers, head.key stays
#   remote.sh head HOST:PORT --key keys/head.key < LIST      # on the head; HOST is its own name or address
#   remote.sh worker HOST:PORT --key keys/worker.key         # on each worker, at any time, before or after the head
#
# Workers only connect: they need no open port. Further options are given to sink and washer, or to dryer: --wait to all
# of them, -j N to a worker. A worker that comes when all is done waits for the next list, for as long as --wait says. With
# no arguments both run here, over the loopback, with keys for that one time (and at port 5571, or $PORT).
#
# Wants dishes, washer, dryer and sink in PATH.
set -euo pipefail

usage ()
{
    echo "Usage: remote.sh [head HOST:PORT|worker HOST:PORT [OPTION...]]" >&2
    exit 125
}

# The results come out here, in the order of the list.
head_node ()
{
    at=tcp://$1
    shift
    sink --at "$at" -k "$@" &
    join=$!
    washer --at "$at" --wait-dryers "${dryers:-0}" "$@" || status=$?
    wait "$join" || status=$?
}

worker_node ()
{
    at=tcp://$1
    shift
    # shellcheck disable=SC2016 # it is the worker whose name is wanted
    exec dryer --at "$at" "$@" 'echo "Drying {} dish on $(uname -n)"'
}

demonstrate ()
{
    at=127.0.0.1:${PORT:-5571}
    keys=$(mktemp -d)
    trap 'kill $(jobs -p) 2>/dev/null || :; rm -r "$keys"' EXIT
    dishes --keygen "$keys" >/dev/null
    for _ in 1 2; do
        "$0" worker "$at" --key "$keys/worker.key" -j1 &
    done
    printf '%s\n' p1 p2 p3 p4 | dryers=2 "$0" head "$at" --key "$keys/head.key" || status=$?
    wait
}

status=0
case ${1:-} in
"") demonstrate ;;
head | worker)
    [ $# -ge 2 ] || usage
    trap 'kill $(jobs -p) 2>/dev/null || :' EXIT
    if [ "$1" = head ]; then
        head_node "${@:2}"
    else
        worker_node "${@:2}"
    fi
    ;;
*) usage ;;
esac
exit $status
