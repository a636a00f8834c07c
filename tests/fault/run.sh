#!/usr/bin/env bash
# run.sh [--long]: the faults on real processes, one test after the other; --long asks for ten times as much of each.
# The programs are those beside $DISHES, else of the dev tree, which it builds.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

if [ "${1:-}" = --long ]; then
    export DISHES_LONG=1
fi
if [ -z "${DISHES:-}" ]; then
    cd "$root"
    { cmake --preset dev && cmake --build --preset dev --target dishes sink washer dryer; } >&2
    export DISHES=$root/build/dev/dishes
fi
export PYTHONDONTWRITEBYTECODE=1
status=0
for test in "$here"/test_*.py; do
    printf '== %s\n' "$(basename "$test")"
    SECONDS=0
    python3 "$test" || status=1
    printf '== %s s\n' "$SECONDS"
done
exit "$status"
