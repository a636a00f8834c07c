#!/usr/bin/env bash
# The library as it is installed: what it exports, and that programs out of the tree find it by pkg-config and by
# find_package, in C and with the header in C++.
#
#   package.sh BUILD-TREE
set -euo pipefail
build=$1
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail ()
{
    printf 'package: %s\n' "$*" >&2
    exit 1
}

expect='p1
p2
p3
3 ok, dishes 0.1.0'

# quietly COMMAND...: what it says is told only where it fails.
quietly ()
{
    "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log"; fail "$1 failed"; }
}

quietly cmake --install "$build" --prefix "$scratch/usr" --component library
library=$(find "$scratch/usr" -name 'libdishes.so')
[ -n "$library" ] || fail "no library was installed"
lib=$(dirname "$library")
export LD_LIBRARY_PATH=$lib

nm -D --defined-only "$library" | awk '{ print $3 }' | sed 's/@.*//' | sort >"$scratch/exported"
sed -n 's/^DISHES_API .*[ *]\(dishes_[a-z_]*\) (.*/\1/p' "$scratch/usr/include/dishes.h" | sort >"$scratch/declared"
[ -s "$scratch/declared" ] || fail "no function was found in dishes.h"
diff "$scratch/declared" "$scratch/exported" || fail "what is declared (<) is not what is exported (>)"
nm -D --undefined-only "$library" | awk '{ print $2 }' | sed 's/@.*//' >"$scratch/wanted"
! grep -xE '(__cxa_)?at_?exit|on_exit|exit|printf|puts|putchar|perror|v?syslog' "$scratch/wanted" ||
    fail "the library would do that to a program that is not its own"
[ "$(find "$scratch/usr/include" -type f | wc -l)" = 1 ] || fail "more than one header was installed"

export PKG_CONFIG_PATH=$lib/pkgconfig
# shellcheck disable=SC2046 # these are words
"${CC:-cc}" -std=c11 -Wall -Wextra -Werror "$here/hello.c" -o "$scratch/hello" $(pkg-config --cflags --libs dishes)
[ "$("$scratch/hello")" = "$expect" ] || fail "the program built with pkg-config says something else"
[ "$(pkg-config --modversion dishes)" = 0.1.0 ] || fail "pkg-config knows another version"

mkdir "$scratch/project"
cp "$here/hello.c" "$scratch/project/"
cat >"$scratch/project/CMakeLists.txt" <<'END'
cmake_minimum_required (VERSION 3.25)
project (hello LANGUAGES C)
find_package (dishes 0.1 REQUIRED)
add_executable (hello hello.c)
target_link_libraries (hello PRIVATE dishes::dishes)
END
quietly cmake -S "$scratch/project" -B "$scratch/project/build" -DCMAKE_PREFIX_PATH="$scratch/usr"
quietly cmake --build "$scratch/project/build"
[ "$("$scratch/project/build/hello")" = "$expect" ] || fail "the program built with find_package says something else"

if command -v c++ >/dev/null; then
    echo '#include <dishes.h>' | c++ -x c++ -Wall -Wextra -Werror -fsyntax-only -I"$scratch/usr/include" - ||
        fail "the header is no C++"
fi

if command -v valgrind >/dev/null; then
    valgrind -q --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all --error-exitcode=9 \
        --track-fds=yes "$scratch/hello" >"$scratch/out" 2>"$scratch/leaks" || { cat "$scratch/leaks"; exit 1; }
    [ "$(cat "$scratch/out")" = "$expect" ] || fail "the program says something else under valgrind"
else
    echo "package: no valgrind here, so no leak was looked for"
fi
