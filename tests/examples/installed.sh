#!/usr/bin/env bash
# installed.sh BUILD-TREE: examples/ is a project of its own, which needs nothing but an installed copy of the library.
set -euo pipefail
build=$1
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# quietly COMMAND...: what it says is told only where it fails.
quietly ()
{
    "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
}

cp -r "$here/../../examples" "$scratch/examples"
quietly cmake --install "$build" --prefix "$scratch/usr" --component library
quietly cmake -S "$scratch/examples" -B "$scratch/build" -DCMAKE_PREFIX_PATH="$scratch/usr"
quietly cmake --build "$scratch/build"
for program in "$scratch/examples/"*.c; do
    name=$(basename "$program" .c)
    [ "$name" != resolve ] || pkg-config --exists libcares || continue
    [[ $("$scratch/build/$name" --help) == *"--at URL"* ]] || { echo "$name was not built"; exit 1; }
done
[ "$("$scratch/build/dishes_process" --at inproc://kitchen | sort | tr '\n' ,)" = \
    "Drying p1 dish,Drying p2 dish,Drying p3 dish,Drying p4 dish,Washing p1 dish,Washing p2 dish,Washing p3 dish,Washing p4 dish," ]
