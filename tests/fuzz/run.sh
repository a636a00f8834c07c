#!/usr/bin/env bash
# Runs the fuzz targets for longer than their tests do, as many at a time as there are cores.
#
#   tests/fuzz/run.sh [SECONDS [TARGET...]]      60 s each, and all of them, unless said otherwise
#   tests/fuzz/run.sh --merge [TARGET...]        what was found since, as far as it adds anything, into tests/fuzz/corpus
#
# What a target falls over is left in build/fuzz/tests/fuzz/crashes/TARGET-*; the same program with that file as its
# argument plays it again. What it learns stays in build/fuzz/tests/fuzz/found/TARGET, and the next run goes on from
# there. DISHES_FUZZ_TREE names another build tree than build/fuzz.
set -euo pipefail
cd "$(dirname "$0")/../.."

merge=
seconds=60
if [ "${1-}" = --merge ]; then
    merge=1
    shift
elif [ $# -gt 0 ]; then
    seconds=$1
    shift
fi
tree=${DISHES_FUZZ_TREE:-build/fuzz}
if [ -z "${DISHES_FUZZ_TREE-}" ]; then
    cmake --preset fuzz >/dev/null
    cmake --build --preset fuzz
fi
programs=$tree/tests/fuzz
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(ls tests/fuzz/corpus)

export ASAN_OPTIONS=exitcode=99:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1:exitcode=99

merge_one() { # at most forty files of at most 400 bytes: each test reads them all; what has a name stays
    mkdir -p "$programs/merged/$1"
    rm -f "$programs/merged/$1"/*
    "$programs/fuzz_$1" -set_cover_merge=1 -max_len=400 "$programs/merged/$1" "tests/fuzz/corpus/$1" "$programs/found/$1" \
        >"$programs/$1.log" 2>&1
    find "tests/fuzz/corpus/$1" -type f -regextype egrep -regex '.*/[0-9a-f]{40}' -delete
    find "$programs/merged/$1" -type f | sort -R --random-source=<(yes) | head -40 | xargs cp -t "tests/fuzz/corpus/$1"
}

run_one() {
    mkdir -p "$programs/found/$1" "$programs/crashes"
    if "$programs/fuzz_$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=128 \
        -max_len=4096 -artifact_prefix="$programs/crashes/$1-" "$programs/found/$1" "tests/fuzz/corpus/$1" \
        >"$programs/$1.log" 2>&1; then
        echo "$1: $(tail -1 "$programs/$1.log")"
    else
        echo "$1: FELL, see $programs/$1.log"
        return 1
    fi
}

export -f merge_one run_one
export programs seconds
what=run_one
[ -z "$merge" ] || what=merge_one
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c "$what {}"
