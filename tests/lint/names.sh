#!/usr/bin/env bash
# No two layers may define the same name: the linker would take either, whatever its arguments. names.sh LIBRARY...
set -euo pipefail
twice=$(nm -g --defined-only "$@" | awk '$2 ~ /^[A-Z]$/ { print $3 }' | sort | uniq -d)
[ -z "$twice" ] || { printf 'names: defined in more than one layer: %s\n' "$twice"; exit 1; }
