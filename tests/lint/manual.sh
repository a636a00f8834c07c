#!/usr/bin/env bash
# What is made from the tables of options, and from the library's header: manual.sh DIR, where the build put it. Each page
# has every option, or tells of its calls and has its example, and gives no warning; each call of the header has a page;
# bash and zsh, typed into, complete what follows.
set -euo pipefail
made=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
bad=0

# wrong TEXT
wrong ()
{
    echo "manual: $1" >&2
    bad=1
}

# Every name of every option stands in the page as a reader sees it.
check_page ()
{
    local program=$1 text said
    said=$(MANWIDTH=200 man -l --warnings "$made/$program.1" 2>&1 >/dev/null)
    [ -z "$said" ] || wrong "$program.1: $said"
    text=$(MANWIDTH=200 man -l "$made/$program.1" 2>/dev/null | col -b)
    while IFS= read -r name; do
        grep -qE -e "(^|[ ,])$name([ ,=[]|$)" <<<"$text" || wrong "$program.1 has no $name"
    done < <("$made/manual" list "$program")
    for section in NAME SYNOPSIS DESCRIPTION OPTIONS "EXIT STATUS" ENVIRONMENT FILES EXAMPLES; do
        grep -qx "$section" <<<"$text" || wrong "$program.1 has no section $section"
    done
}

# read_page NAME: as a reader of section 3 sees it, without what is before and behind its lines.
read_page ()
{
    { MANPATH=$made MANWIDTH=200 man 3 "$1" 2>/dev/null || true; } | col -bx | sed 's/^ *//; s/ *$//'
}

# Whatever an example has stands in its page: what is compiled and run is what is printed.
check_call_page ()
{
    local name=$1 said text section example
    said=$(MANWIDTH=200 man -l --warnings "$made/man3/$name.3" 2>&1 >/dev/null)
    [ -z "$said" ] || wrong "$name.3: $said"
    text=$(read_page "$name")
    for section in NAME SYNOPSIS DESCRIPTION EXAMPLE "SEE ALSO"; do
        grep -qx "$section" <<<"$text" || wrong "$name.3 has no section $section"
    done
    example=$(sed -n 's/^@EXAMPLE \(.*\)@$/\1/p' "$root/doc/man/$name.3.scd.in")
    while IFS= read -r line; do
        grep -qxF -e "$line" <<<"$text" || wrong "$name.3 lacks a line of its example: $line"
    done < <(sed 's/^ *//' "$root/doc/man/examples/$example.c" "$root/doc/man/examples/$example.out" | grep .)
}

# missing HEADER: those of its calls that no page tells of.
missing ()
{
    local call text
    while IFS= read -r call; do
        text=$(read_page "$call")
        grep -qE "^([a-z_]+, )*$call(, [a-z_]+)*$" <<<"$text" || echo "$call"
    done < <(awk -v mode=list -f "$root/doc/man/calls.awk" "$1")
}

for program in dishes washer dryer sink; do
    if [ ! -e "$made/$program.1" ]; then
        echo "no page of $program: scdoc is missing"
    elif ! command -v man col >/dev/null; then
        echo "man is missing: the page of $program was not read"
    else
        check_page "$program"
    fi
    shellcheck --shell=bash "$made/bash/$program" || bad=1
    ! command -v zsh >/dev/null || zsh -n "$made/zsh/_$program" || bad=1
done

cd "$(mktemp -d)"
trap 'rm -r "$PWD"' EXIT
if [ ! -e "$made/man3/dishes.3" ] || ! command -v man col >/dev/null; then
    echo "scdoc or man is missing: the pages of the library were not read"
else
    for page in "$root"/doc/man/*.3.scd.in; do
        check_call_page "$(basename "$page" .3.scd.in)"
    done
    { cat "$root/include/dishes.h"; echo "DISHES_API int dishes_dance (void);"; } >header
    lacks=$(missing header)
    rm header
    [ "$lacks" = dishes_dance ] || wrong "no page tells of '$lacks', and that of dishes_dance is not missed"
fi
mkdir here
: >here.log

if command -v zsh >/dev/null; then
    timeout 60 zsh -f "$root/tests/lint/completes.zsh" "$made" zsh <<'END' || wrong "zsh completes something else"
sink --dead- => sink --dead-after=
sink -k --tagstr => sink -k --tagstring=
washer --when-full bl => washer --when-full block
dishes --keygen her => dishes --keygen here/
dishes --joblog=here. => dishes --joblog=here.log
dryer --at=ipc://k -j4 cat here. => dryer --at=ipc://k -j4 cat here.log
dryer --at ipc://k -j 4 mkfif => dryer --at ipc://k -j 4 mkfifo
dishes --pipe --header : --recend x --block 1M --jobl => dishes --pipe --header : --recend x --block 1M --joblog=
dishes cat --dea => dishes cat --dea
washer --queue 5 here. => washer --queue 5 here.log
END
    timeout 60 zsh -f "$root/tests/lint/completes.zsh" "$made" bash <<'END' || wrong "bash completes something else"
sink --dea => sink --dead-after --deadline
washer --dea => washer --deadline
dryer --dea => dryer --dea
dishes -j 4 --dea => dishes -j 4 --dead-after --deadline
dishes --joblog h => dishes --joblog here here.log
dishes --joblog=h => dishes --joblog=here here.log
dishes --keygen h => dishes --keygen here
washer --when-full bl => washer --when-full block
washer --when-full= => washer --when-full=block drop stack
washer --when-full=st => washer --when-full=stack
dishes --at ipc://k --key => dishes --at ipc://k --key --keygen
dishes --at=ipc://k --key => dishes --at=ipc://k --key --keygen
dishes --at tcp://127.0.0.1:5570 -j 4 mkfif => dishes --at tcp://127.0.0.1:5570 -j 4 mkfifo
dryer --at ipc://k -j4 mkfif => dryer --at ipc://k -j4 mkfifo
dryer --at=ipc://k --key=here. => dryer --at=ipc://k --key=here.log
dryer --at ipc://k -j 4 cat here. => dryer --at ipc://k -j 4 cat here.log
dishes -d ' ' --tot => dishes -d ' ' --total
dishes -j h => dishes -j h
dishes --dead-after=5 --bar -k --jo => dishes --dead-after=5 --bar -k --joblog --jobs --join --journal
dishes cat --dea => dishes cat --dea
dishes -j4 -- mkfif => dishes -j4 -- mkfifo
dishes gzip ::: here. => dishes gzip ::: here.log
washer here. => washer here.log
END
else
    echo "zsh is missing: no completions were tried"
fi
exit $bad
