#!/usr/bin/env bash
# caught.sh MUTANT SIM [OPTION...]: passes where the simulator over the mutated core finds a violated invariant, in a schedule that
# holds over the core as it is.
# ctest: seconds=120
set -euo pipefail
status=0
mutant=$1 sim=$2
shift 2
said=$("$mutant" "$@" --seeds 1-120000 --quiet 2>&1) || status=$?
printf '%s\n' "$said"
if [ "$status" -ne 1 ] || ! [[ $said =~ seed\ ([0-9]+)\ VIOLATES ]]; then
    echo "the mutant lives (or its text no longer fits the core, see the build's output)" >&2
    exit 1
fi
exec "$sim" "$@" --seed "${BASH_REMATCH[1]}" --quiet
