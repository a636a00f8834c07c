#!/usr/bin/env bash
# symbols.sh DIRECTORY: no two of the layers' libraries there define the same name, for a linker takes whichever it meets first.
set -euo pipefail
found=$(find "$1" -maxdepth 2 -name 'libdishes_*.a' | sort)
[ "$(wc -l <<<"$found")" -ge 8 ] || { echo "symbols: the libraries of the layers are not in $1"; exit 1; }
twice=$(while read -r library; do
    nm -g --defined-only "$library" | awk -v library="${library##*/}" '$2 ~ /[TDBR]/ { print $3, library }' | sort -u
done <<<"$found" | awk '{ count[$1]++; where[$1] = where[$1] " " $2 }
    END { for (name in count) if (count[name] > 1 && name !~ /^_/) print name ":" where[name] }' | sort)
[ -z "$twice" ] || { echo "symbols: defined more than once"; echo "$twice"; exit 1; }
echo "symbols: $(wc -l <<<"$found") libraries, no name twice"
