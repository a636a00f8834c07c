# Sourced by the lints: which files there are. A lint takes the root of a tree as its argument, by default this one.
# shellcheck shell=bash
root=$(cd "${1:-$(dirname "$0")/../..}" && pwd)

# Prints the files of the tree, one a line and relative to it: what git tracks or would, else all there is.
lint_files ()
{
    if [ "$(git -C "$root" rev-parse --show-toplevel 2>/dev/null)" = "$root" ]; then
        git -C "$root" ls-files --cached --others --exclude-standard | while IFS= read -r file; do
            [ ! -f "$root/$file" ] || printf '%s\n' "$file"
        done
    else
        (cd "$root" && find . -path ./.git -prune -o -path ./build -prune -o -type f ! -name '*.pyc' -print | sed 's|^\./||')
    fi
}

# The C sources among them.
lint_c_files ()
{
    lint_files | grep -E '\.[ch]$' || true
}
