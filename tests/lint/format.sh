#!/usr/bin/env bash
# All C stands as .clang-format says, and block comments go on as they began: where a line of one was too long,
# clang-format breaks it, and indents the rest by one blank.
set -euo pipefail
. "$(dirname "$0")/files.sh"

mapfile -t files < <(lint_c_files)
[ ${#files[@]} -gt 0 ] || exit 0
cd "$root"
clang-format --dry-run -Werror --fallback-style=none "${files[@]}"
if grep -nE '^ \* [^ ]' -- "${files[@]}"; then
    echo 'a block comment goes on with " *  "'
    exit 1
fi
