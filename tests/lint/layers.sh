#!/usr/bin/env bash
# The arrows of the house point one way: {cmd, api} -> role -> {net, run, input, store} -> core -> base. Reads the #include
# lines and fails on one that points up or sideways; and keeps base and core pure: no socket, clock, file, thread or
# random number, so of the system they may see only the headers of the list below, and of those not everything.
set -euo pipefail
. "$(dirname "$0")/files.sh"
cd "$root"

mapfile -t files < <(lint_c_files | grep -E '^(src|include|examples)/' || true)
[ ${#files[@]} -gt 0 ] || exit 0

awk '
BEGIN {
    below["base"] = "base"
    below["core"] = "base core"
    below["net"] = "base core net"
    below["run"] = "base core run"
    below["input"] = "base core input"
    below["store"] = "base core store"
    below["role"] = "base core net run input store role"
    below["api"] = below["role"] " api"
    below["cmd"] = below["role"] " cmd"
    below["include"] = ""
    below["examples"] = ""
    pure_headers = "assert ctype endian errno inttypes limits stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib string"
    impure = "FILE|f?printf|v?f?printf|fopen|fdopen|puts|fputs|putchar|fwrite|perror|stdin|stdout|stderr"
    impure = impure "|exit|_exit|abort|atexit|getenv|setenv|system|rand|srand|random|time|clock|clock_gettime"
}

function fail(why) {
    printf "%s:%d: %s\n", FILENAME, FNR, why
    bad = 1
}

function has(list, word) {
    return index(" " list " ", " " word " ") > 0
}

# What the #include of `name`, written with `open`, may do in a file of `layer`.
function check_include(open, name,    target, header) {
    if (open == "<") {
        header = name
        sub(/\.h$/, "", header)
        if ((layer == "base" || layer == "core") && !has(pure_headers, header))
            fail(layer " is pure and may not include <" name ">")
        if (name ~ /^czmq/ && layer != "cmd" && layer != "examples")
            fail("czmq installs signal handlers: <" name "> only in cmd")
        return
    }
    if (name == "dishes.h" || name == "include/dishes.h" || (layer == "examples" && name !~ /\//)) # beside it
        return
    target = name
    if (!sub(/\/.*/, "", target))
        fail("\"" name "\" does not name its layer")
    else if (!has(below[layer], target))
        fail(layer " may not include " name ": the arrow points up or sideways")
}

FNR == 1 {
    split(FILENAME, part, "/")
    layer = part[1] == "src" && part[3] != "" ? part[2] : part[1]
    in_comment = 0
    if (!(layer in below))
        fail("no such layer: " layer)
}

/^[ \t]*#[ \t]*include/ {
    name = $0
    sub(/^[^"<]*/, "", name)
    open = substr(name, 1, 1)
    name = substr(name, 2)
    sub(/[">].*/, "", name)
    check_include(open, name)
    next
}

layer == "base" || layer == "core" {
    line = $0
    gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
    if (in_comment) {
        if (!sub(/^.*\*\//, "", line)) next
        in_comment = 0
    }
    gsub(/\/\*([^*]|\*[^\/])*\*\//, " ", line)
    sub(/\/\/.*/, "", line)
    if (sub(/\/\*.*/, "", line))
        in_comment = 1
    if (match(line, "(^|[^A-Za-z0-9_.>])(" impure ")[ \t]*\\(") || match(line, /(^|[^A-Za-z0-9_])(FILE|stdin|stdout|stderr)([^A-Za-z0-9_]|$)/))
        fail(layer " is pure: " substr(line, RSTART, RLENGTH))
}

END { exit bad }
' "${files[@]}"
