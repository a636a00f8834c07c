#!/usr/bin/env bash
# One row of the table `searches`: is what the model promises true in every state, and is a broken model found out?
#
#   tests/model/check.sh NAME          the search of that name must end, whole, and find nothing
#   tests/model/check.sh NAME-broken   each of its bugs, built in by -DBUG_…, must be found, in the way the table says
#
# A search that reaches a limit (depth, memory, time) or that sees fewer states than it should is a failure: it has shown
# nothing. What was found is printed, with the end of the way there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
name=${1%-broken}
depth=500000 memory_mb=900 seconds=100
optimise=-O1 # a bug is found soon: there it is the compiler that takes the time

for tool in spin gcc; do
    command -v "$tool" >/dev/null && continue
    echo "check: there is no $tool here"
    [ -n "${CI:-}" ] && exit 1 || exit 77
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# search KIND MODEL [SWITCH...]: runs pan in this folder; its report is in `report`. KIND: safety, or live
search ()
{
    local kind=$1 model=$2 build=(-DSAFETY -DNOCLAIM) run=()
    shift 2
    if [ "$kind" = live ]; then
        build=(-DNFAIR=4)
        run=(-a -f)
    fi
    rm -f pan* ./*.trail
    cp "$here/$model" .
    spin -a "$@" "$model" >spin.out 2>&1 || { cat spin.out; exit 1; }
    gcc "$optimise" -w -DMEMLIM="$memory_mb" "${build[@]}" -o pan pan.c
    rc=0
    timeout "$seconds" ./pan -b -w20 -m"$depth" "${run[@]}" >report 2>&1 || rc=$?
}

# fail WORD...: prints what was found, and ends
fail ()
{
    echo "check: $*"
    grep -v '^$' report | head -n 40
    if compgen -G '*.trail' >/dev/null; then
        spin -t -p "${switches[@]}" "$model" 2>&1 | grep -v '<merge' | tail -n 60
    fi
    exit 1
}

# Whether pan went through all states; a limit that was reached stands in its report.
whole ()
{
    [ "$rc" = 0 ] && grep -q '^State-vector .* errors: ' report && grep -q '^Full statespace search' report &&
        ! grep -qiE 'max search depth too small|not completed|out of memory|MEMLIM|not enough memory|truncated' report
}

states () { sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' report; }

read -r _ _ model kind least switches <<<"$(grep -E "^search +$name " "$here/searches")" || { echo "no search $name"; exit 1; }
read -ra switches <<<"$switches"

if [ "$1" = "$name" ]; then
    search "$kind" "$model" "${switches[@]}"
    whole || fail "$name: the search did not end by itself"
    grep -q 'errors: 0$' report || fail "$name: found an error"
    [ "$(states)" -ge "$least" ] || fail "$name: $(states) states only, of at least $least"
    echo "$name $kind: $(states) states, $(sed -n 's/^pan: elapsed time \(.*\) seconds/\1/p' report) s"
    exit 0
fi

# broken NAME BUG FOUND: FOUND is assertion, end (a state in which nothing can go on), or cycle (it never ends)
optimise=-O0
declare -A says=([assertion]='assertion violated' [end]='invalid end state' [cycle]='acceptance cycle')
bugs=0
while read -r _ _ bug found more; do
    read -ra more <<<"$more"
    search "$([ "$found" = cycle ] && echo live || echo safety)" "$model" "${switches[@]}" "-D$bug" "${more[@]}"
    grep -qE "^pan:1: ${says[$found]}" report || fail "$name: $bug is not found as: ${says[$found]}"
    echo "$name $bug: $(sed -n 's/^pan:1: //p' report | head -n 1)"
    bugs=$((bugs + 1))
done < <(grep -E "^broken +$name " "$here/searches")
[ "$bugs" -gt 0 ] || { echo "check: no bug of $name is in the table"; exit 1; }
