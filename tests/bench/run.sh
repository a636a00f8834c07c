#!/usr/bin/env bash
# run.sh [--quick] [PART...]: what dishes costs, against xargs, GNU parallel and limits of our own. A Markdown table on
# stdout. Parts are the functions that stand last in this file; without one it is all of them.
#
# The programs take turns, round by round, and what counts is the median of the rounds' ratios: a machine that is slow
# for a moment is slow for all. Without DISHES and DISHES_MEASURE in the environment it builds the release tree, and the
# small programs beside this file in the dev tree. --quick proves that everything works; its figures mean nothing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

rounds=7 jobs=2000 parallel_jobs=200 starts=41 few=100000 many=10000000 output=1000000000 trips=2000 kills=21
if [ "${1:-}" = --quick ]; then
    rounds=1 jobs=50 parallel_jobs=4 starts=3 few=1000 many=20000 output=3000000 trips=20 kills=1
    shift
fi

if [ -z "${DISHES:-}" ] || [ -z "${DISHES_MEASURE:-}" ]; then
    bash "$root/.ci/need" gcc libc6-dev cmake ninja-build pkg-config libzmq3-dev libsqlite3-dev libcmocka-dev python3 parallel >&2
    cd "$root"
    { cmake --preset release && cmake --build --preset release; } >&2
    { cmake --preset dev && cmake --build --preset dev --target measure spawn_floor startup_floor round_trip put_counted; } >&2
    DISHES=$root/build/release/dishes
    DISHES_MEASURE=$root/build/dev/tests/bench/measure
fi
floors=$(dirname "$DISHES_MEASURE")
scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/dishes-bench-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

# take NAME COMMAND...: runs the command, its output thrown away, and adds "seconds KiB" to the file NAME.
take ()
{
    local name=$1
    shift
    "$DISHES_MEASURE" -o report "$@" >/dev/null
    awk '{ print $1, $4 }' report >>"$name"
}

# median: of the numbers on stdin
median ()
{
    sort -g | awk '{ value[NR] = $1 } END { print NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2 }'
}

# seconds NAME: the median of what take wrote
seconds ()
{
    awk '{ print $1 }' "$1" | median
}

# rate NAME JOBS: jobs a second
rate ()
{
    awk -v s="$(seconds "$1")" -v n="$2" 'BEGIN { printf "%.0f", n / s }'
}

# peak NAME: the largest memory, in MB
peak ()
{
    awk '$2 > most { most = $2 } END { printf "%.1f", most * 1024 / 1e6 }' "$1"
}

# faster NAME JOBS PEER PEER_JOBS: the median, over the rounds, of the jobs a second of NAME over those of PEER
faster ()
{
    paste -d' ' "$1" "$3" | awk -v n="$2" -v m="$4" '{ printf "%.3f\n", (n / $1) / (m / $3) }' | median
}

# row WHAT FIGURE COMPARED
row ()
{
    printf '| %s | %s | %s |\n' "$@"
}

one_command_an_item ()
{
    for _ in $(seq "$rounds"); do
        take dishes "$DISHES" -j2 /bin/true <items
        take xargs xargs -n1 -P2 /bin/true <items
        take floor "$floors/spawn_floor" 2 "$jobs" /bin/true
        take parallel parallel -j2 /bin/true <parallel_items
    done
    row "\`dishes -j2 /bin/true\`, jobs a second" "$(rate dishes "$jobs")" ""
    row "\`xargs -n1 -P2 /bin/true\`" "$(rate xargs "$jobs")" "dishes / xargs = $(faster dishes "$jobs" xargs "$jobs")"
    row "\`parallel -j2 /bin/true\`" "$(rate parallel "$parallel_jobs")" \
        "dishes / parallel = $(faster dishes "$jobs" parallel "$parallel_jobs")"
    row "limit: posix_spawn, waitpid, output captured" "$(rate floor "$jobs")" \
        "dishes / limit = $(faster dishes "$jobs" floor "$jobs")"
}

starting_up ()
{
    echo 1 >one
    for _ in $(seq "$starts"); do
        take one_dishes "$DISHES" /bin/true <one
        take one_floor "$floors/startup_floor"
        take one_xargs xargs /bin/true <one
    done
    local ratio
    ratio=$(paste -d' ' one_dishes one_floor one_xargs | awk '{ printf "%.3f\n", $1 / ($3 + $5) }' | median)
    row "one item, start to end: dishes" "$(awk -v s="$(seconds one_dishes)" 'BEGIN { printf "%.1f ms", s * 1000 }')" ""
    row "limit: libzmq alone + xargs" \
        "$(awk -v a="$(seconds one_floor)" -v b="$(seconds one_xargs)" 'BEGIN { printf "%.1f + %.1f ms", a * 1000, b * 1000 }')" \
        "dishes / limit = $ratio"
}

memory_and_items ()
{
    seq -f '%015.0f' "$many" >many_items
    take few_memory "$DISHES" -j2 -n 10000 /bin/true <few_items
    take many_memory "$DISHES" -j2 -n 10000 /bin/true <many_items
    row "largest resident memory, $few items of 16 bytes" "$(peak few_memory) MB" ""
    row "largest resident memory, $many items" "$(peak many_memory) MB" "$(awk -v n="$many" -v s="$(seconds many_memory)" \
        'BEGIN { printf "%.1f M items a second, -n 10000", n / s / 1e6 }')"
}

memory_and_output ()
{
    seq 20 >twenty
    export TMPDIR=$scratch
    take large "$DISHES" -j2 sh -c "head -c $output /dev/zero" sh <twenty
    take large_k "$DISHES" -j4 -k sh -c "head -c $output /dev/zero" sh <twenty
    row "20 tasks of $((output / 1000000)) MB of output each" "$(peak large) MB" "$(seconds large) s, -j2"
    row "the same with -k" "$(peak large_k) MB" "$(seconds large_k) s, -j4"
}

# stages NAME AT ITEMS WASHER-OPTIONS COMMAND...: takes the three programs, over an address, as one
stages ()
{
    local name=$1
    shift
    HEAD="--insecure" WORKER="--insecure"
    case $name in
        *_key) HEAD="--key $scratch/keys/head.key" WORKER="--key $scratch/keys/worker.key" ;;
        *_ipc | *_cookie) HEAD='' WORKER='' ;;
    esac
    export DISHES HEAD WORKER
    take "$name" bash "$here/stages.sh" "$@"
}

one_command_an_item_in_stages ()
{
    local wire
    for _ in $(seq "$rounds"); do
        take together "$DISHES" -j2 /bin/true <items
        stages jobs_ipc "ipc://$scratch/kitchen" items '' /bin/true
        stages jobs_cookie tcp://127.0.0.1:5597 items '' /bin/true
        stages jobs_key tcp://127.0.0.1:5598 items '' /bin/true
        stages jobs_insecure tcp://127.0.0.1:5599 items '' /bin/true
    done
    for wire in ipc cookie key insecure; do
        row "\`washer\`, \`dryer -j2 /bin/true\`, \`sink\`: jobs a second, $(named "$wire")" "$(rate "jobs_$wire" "$jobs")" \
            "stages / \`dishes -j2\` = $(faster "jobs_$wire" "$jobs" together "$jobs")"
    done
}

# named WIRE: what a wire is called in the table
named ()
{
    case $1 in
        ipc) echo ipc ;;
        cookie) echo 'tcp, cookie' ;;
        key) echo 'tcp, CURVE (--key)' ;;
        insecure) echo 'tcp, --insecure' ;;
    esac
}

# What a credential costs where bytes count: items that come in, and an output that goes back.
bytes_through_stages ()
{
    local wire address
    seq 10 >ten
    for _ in 1 2 3; do
        for wire in ipc cookie key insecure; do
            address=tcp://127.0.0.1:5597
            [ "$wire" = ipc ] && address=ipc://$scratch/kitchen
            stages "in_$wire" "$address" few_items '-n 1000' /bin/true
            stages "out_$wire" "$address" ten "" sh -c "head -c $((output / 10)) /dev/zero" sh
        done
    done
    for wire in ipc cookie key insecure; do
        row "$few items of 16 bytes to commands of 1,000, $(named "$wire")" "$(rate "in_$wire" "$few") items a second" ''
        row "outputs of $((output / 1000000)) MB back, $(named "$wire")" "$(rate "out_$wire" $((output / 1000000))) MB/s" \
            "to --insecure = $(faster "out_$wire" 1 out_insecure 1)"
    done
}

one_item_put_to_counted ()
{
    local i
    for i in $(seq "$rounds"); do
        "$floors/round_trip" "$trips" >>trips_floor
        "$floors/put_counted" "ipc://$scratch/counted" "$trips" >>trips_ipc
        "$floors/put_counted" tcp://127.0.0.1:5596 "$trips" >>trips_tcp
    done
    row 'limit: a ZeroMQ message there and back over ipc, median' "$(seconds trips_floor) us" ''
    for i in ipc tcp; do
        row "one item, put to counted over $i, median" "$(seconds "trips_$i") us" \
            "to the limit = $(paste -d' ' "trips_$i" trips_floor | awk '{ print $1 / $3 }' | median)"
    done
}

killed_to_restarted ()
{
    local wire address
    for wire in ipc tcp; do
        [ "$wire" = ipc ] && address=ipc://$scratch/killed || address=tcp://127.0.0.1:5595
        DISHES=$DISHES python3 "$here/killed_to_restart.py" "$address" "$kills" >"kills_$wire"
        row "a dryer's SIGKILL to the start of its task elsewhere, $wire, median" "$(seconds "kills_$wire") ms" \
            "$kills times"
    done
}

printf '%s, %s cores, rounds: %s\n\n' "$(date -u +%Y-%m-%d)" "$(nproc)" "$rounds"
row what figure compared
row --- --- ---
"$DISHES" --keygen "$scratch/keys" >/dev/null
seq "$jobs" >items
seq "$parallel_jobs" >parallel_items
seq -f '%015.0f' "$few" >few_items
parts=(one_command_an_item starting_up memory_and_items memory_and_output one_command_an_item_in_stages
    bytes_through_stages one_item_put_to_counted killed_to_restarted)
[ $# -eq 0 ] || parts=("$@")
for part in "${parts[@]}"; do
    "$part"
done
