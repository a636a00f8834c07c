#!/usr/bin/env bash
# What no file may say: a path of one machine, work left for later, and in tests a wait of a guessed length (a test
# waits for a condition; what a test runs may sleep). The patterns are written so that they do not match themselves.
set -euo pipefail
. "$(dirname "$0")/files.sh"
cd "$root"
bad=0

# refuse REASON PATTERN FILE...
refuse ()
{
    local reason=$1 pattern=$2
    shift 2
    [ $# -gt 0 ] || return 0
    if grep -nHIE -e "$pattern" -- "$@"; then
        echo "words: $reason" >&2
        bad=1
    fi
}

mapfile -t files < <(lint_files)
tests=()
for file in "${files[@]}"; do
    [[ $file != tests/* ]] || tests+=("$file")
done

refuse "a path of one machine" '(^|[^A-Za-z0-9_.}])/(work|farm|root|home)/' "${files[@]}"
refuse "work left for later" '(^|[^A-Za-z0-9_])(T[O]DO|F[I]XME|X[X]X)([^A-Za-z0-9_]|$)' "${files[@]}"
for file in "${tests[@]}"; do
    case $file in
    *.c | *.h) refuse "a test waits for a condition, not for a time" '(^|[^A-Za-z0-9_"])u?sleep *\( *[0-9]' "$file" ;;
    *.py) refuse "a test waits for a condition, not for a time" 'time\.sleep *\( *[0-9.]' "$file" ;;
    *.sh) refuse "a test waits for a condition, not for a time" '(^|[;&|]|do |then ) *sleep +[0-9.]' "$file" ;;
    esac
done
exit $bad
