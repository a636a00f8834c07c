#!/usr/bin/env bash
# What is made from the tables of options: manual.sh DIR, where the build put it. Each page has every option and gives
# no warning; bash's completions know what follows.
set -euo pipefail
made=$1
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

# completes WANTED WORD...: what bash offers for the last word.
completes ()
{
    local wanted=$1 found
    shift
    found=$(
        # shellcheck source=/dev/null
        . "$made/bash/$1"
        # shellcheck disable=SC2034 # the completion reads them
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        COMPREPLY=()
        "_$1"
        echo "${COMPREPLY[*]}"
    )
    [ "$found" = "$wanted" ] || wrong "$*: '$found', and not '$wanted'"
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
mkdir here
: >here.log
completes "--deadline --dead-after" sink --dea
completes "--deadline" washer --dea
completes "" dryer --dea
completes "--deadline --dead-after" dishes -j 4 --dea
completes "--key --keygen" dishes --at ipc://k --key
completes "here here.log" dishes --joblog h
completes "here" dishes --keygen h
completes "block" washer --when-full bl
completes "" dishes -j h
completes "here here.log" dryer --at ipc://k -j 4 cat h
completes "" dishes cat --dea
completes "here here.log" washer h
exit $bad
