#!/usr/bin/env bash
# All C stands as .clang-format says.
set -euo pipefail
. "$(dirname "$0")/files.sh"

mapfile -t files < <(lint_c_files)
[ ${#files[@]} -gt 0 ] || exit 0
cd "$root"
clang-format --dry-run -Werror --fallback-style=none "${files[@]}"
