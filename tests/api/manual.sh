#!/usr/bin/env bash
# The examples of the manual, section 3: manual.sh DIR, where they were built. Each prints what its page says.
set -euo pipefail
built=$1
examples=$(cd "$(dirname "$0")/../../doc/man/examples" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export DISHES_DIR=$scratch/rendezvous
bad=0

for source in "$examples"/*.c; do
    name=$(basename "$source" .c)
    "$built/manual_$name" >"$scratch/out" 2>"$scratch/err" || { echo "$name: status $?"; bad=1; }
    diff "$examples/$name.out" "$scratch/out" || { echo "$name does not print what its page says (<)"; bad=1; }
    [ ! -s "$scratch/err" ] || { echo "$name: $(cat "$scratch/err")"; bad=1; }
done
exit $bad
