#!/usr/bin/env bash
# No shell script gives shellcheck anything to say: *.sh, and whatever begins with a shell's #! line.
set -euo pipefail
. "$(dirname "$0")/files.sh"
cd "$root"

scripts=()
while IFS= read -r file; do
    if [[ $file == *.sh ]] || head -c 64 "$file" | tr -d '\0' | head -n 1 | grep -qE '^#!.*[/ ](ba|da)?sh( |$)'; then
        scripts+=("$file")
    fi
done < <(lint_files)
[ ${#scripts[@]} -eq 0 ] || shellcheck --external-sources --source-path=SCRIPTDIR "${scripts[@]}"
