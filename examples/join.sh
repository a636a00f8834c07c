#!/usr/bin/env bash
# join.sh URL [OPTION...]: waits, from any shell and any machine that reaches URL, until all dishes there are dry, and says
# how it went. It may come before the pipeline, in the middle or, over ipc, after its end. OPTION: --deadline 10m,
# --wait 0, --key FILE. Exit status: 0 all is well, 1 something broke, 124 the deadline has passed, 125 the pipeline was
# lost, or there is none.
#
# Wants dishes in PATH.
set -euo pipefail
if [ $# -lt 1 ]; then
    echo "Usage: join.sh URL [OPTION...]" >&2
    exit 125
fi
at=$1
shift
status=0
dishes --join "$at" "$@" || status=$?
case $status in
0) echo "All dishes are dry" ;;
1) echo "Some dishes are broken" ;;
124) echo "The dishes are not dry yet" ;;
*) echo "Nobody knows about the dishes" ;;
esac
exit $status
