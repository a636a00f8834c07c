#!/usr/bin/env bash
# run.sh [--quick] [--out FILE] [--plot FILE] [--readme FILE] [PART...]: what dishes costs, against its peers and against
# limits of our own: Markdown tables, and bars as SVG. All of it takes less than 15 minutes on two slow cores; the parts
# and what they compare are in parts/, how they take turns in bench.py. --help tells more.
#
# Without DISHES and DISHES_MEASURE in the environment it installs what is missing and builds: dishes in the release tree,
# and the peers and limits beside this file in the dev tree. It leaves nothing else behind.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

if [ -z "${DISHES:-}" ] || [ -z "${DISHES_MEASURE:-}" ]; then
    bash "$root/.ci/need" gcc libc6-dev cmake ninja-build pkg-config libzmq3-dev libsqlite3-dev libcmocka-dev python3 parallel paexec >&2
    (
        cd "$root"
        cmake --preset release && cmake --build --preset release
        cmake --preset dev && cmake --build --preset dev --target bench_programs
    ) >&2
    export DISHES=$root/build/release/dishes DISHES_MEASURE=$root/build/dev/tests/bench/measure
fi
export PYTHONDONTWRITEBYTECODE=1 BENCH_MOST_S=$((14 * 60 - SECONDS))
exec python3 "$here/bench.py" "$@"
