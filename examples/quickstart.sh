#!/usr/bin/env bash
# quickstart.sh [DIRECTORY...]: installs what is missing, builds dishes, and lets it work on real files.
#
# It computes a checksum for each file under /usr/share/doc and /usr/include (or under the directories given), one command
# a file, as many at a time as there are cores, and shows that the result is that of xargs. Then the same with -X: as many
# names in one command as fit, as xargs does by itself, since starting sha256sum costs more than most of these files do; -s
# makes those commands small enough for all cores to have some, and for the bar to move.
#
# Wants Debian 12 (or what is like it), and root or sudo where a package is missing. Asks nothing.
# ctest: serial seconds=300
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || set -- /usr/share/doc /usr/include

echo "== 1. build"
bash "$here/.ci/need" gcc libc6-dev cmake ninja-build pkg-config libzmq3-dev libsqlite3-dev
(cd "$here" && cmake --preset release >/dev/null && cmake --build --preset release)
dishes=$here/build/release/dishes

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cores=$(nproc)

# Runs what follows, and says how long it took.
timed ()
{
    local start=$EPOCHREALTIME
    "$@"
    awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f seconds\n", b - a }'
}

one_by_one ()
{
    "$dishes" -0 --bar sha256sum <names >one_by_one
}

many_at_once ()
{
    "$dishes" -0 --bar -X -s 16K sha256sum <names >many_at_once
}

with_xargs ()
{
    xargs -0 sha256sum <names >with_xargs
}

with_xargs_P ()
{
    xargs -0 -P "$cores" -s 16384 sha256sum <names >mixed
}

find "$@" -type f -print0 >"$scratch/names"
cd "$scratch"
xargs -0 cat <names | wc -c | awk '{ printf "\n== 2. checksums of %.0f MB of files, which are in memory by now\n", $1 / 1e6 }'

echo
echo "find $* -type f -print0 | dishes -0 --bar sha256sum        # one command a file"
timed one_by_one

echo
echo "the same by dishes -0 --bar -X -s 16K sha256sum, many files a command"
timed many_at_once

echo
echo "the same by xargs -0 sha256sum, one command at a time"
timed with_xargs

echo
echo "the same by xargs -0 -P $cores -s 16384 sha256sum, whose commands write in between each other's lines"
timed with_xargs_P

echo
echo "== 3. the same result?"
for result in one_by_one many_at_once with_xargs; do
    sort "$result" >"sorted_$result"
done
if cmp sorted_one_by_one sorted_with_xargs && cmp sorted_many_at_once sorted_with_xargs; then
    echo "yes: $(wc -l <one_by_one) checksums, each once, the same as those of xargs"
else
    echo "no, see above" >&2
    exit 1
fi
