#!/usr/bin/env python3
"""Whether each file of src that allocates was seen without memory: by what the tests test_alloc_* have left behind.

    alloc_sites.py SITES_DIR BINARY...     SITES_DIR/NAME has the places (offsets) that failed in the program NAME

With -v it lists the single places that were not tried, by line.
"""

import collections
import os
import re
import subprocess
import sys

#  What no test plays: it measures for seconds.
UNTRIED = {"cmd/bench.c"}

CALL = re.compile(r"^\s*([0-9a-f]+):\s+(?:callq?|bl)\s.*<__wrap_(?:%s)>" %
                  "malloc|calloc|realloc|strdup|strndup|asprintf|realpath|__getdelim|open_memstream")
NEXT = re.compile(r"^\s*([0-9a-f]+):")


def calls(binary):
    """The addresses behind each call of an allocation: where it returns to."""
    found, waits = set(), False
    lines = subprocess.run(["objdump", "-d", "--no-show-raw-insn", binary], check=True, capture_output=True, text=True)
    for line in lines.stdout.splitlines():
        if waits and (match := NEXT.match(line)):
            found.add(int(match.group(1), 16))
            waits = False
        waits = waits or bool(CALL.match(line))
    return found


def places(binary, addresses):
    """Of each address the outermost file of src and its line: what is inlined stands for who asked."""
    asked = "".join(f"{address - 1:#x}\n" for address in addresses)
    told = subprocess.run(["addr2line", "-a", "-i", "-e", binary], input=asked, check=True, capture_output=True, text=True)
    found, address = {}, None
    for line in told.stdout.splitlines():
        if line.startswith("0x"):
            address = int(line, 16) + 1
        elif match := re.search(r"/src/([a-z]+/[a-z_]+\.c):(\d+)", line):
            found[address] = match.groups()
    return found


def main(verbose, sites_dir, *binaries):
    tried, all_places = collections.defaultdict(set), collections.defaultdict(set)
    for binary in binaries:
        named = places(binary, calls(binary))
        for file, line in named.values():
            all_places[file].add(int(line))
        with open(os.path.join(sites_dir, os.path.basename(binary)), encoding="ascii") as file:
            for address in map(lambda text: int(text, 16), file.read().split()):
                if address in named:
                    tried[named[address][0]].add(int(named[address][1]))
    count = sum(map(len, all_places.values()))
    print(f"{sum(map(len, tried.values()))} of {count} places in {len(all_places)} files")
    if verbose:
        for file in sorted(all_places):
            if missed := sorted(all_places[file] - tried[file]):
                print(f"src/{file}: lines {missed}")
    missed = sorted(file for file in all_places if not tried[file] and file not in UNTRIED)
    for file in missed:
        print(f"src/{file} allocates, and no test_alloc_* has seen it without memory")
    return 1 if missed or not count else 0


if __name__ == "__main__":
    arguments = sys.argv[1:]
    verbose_ = arguments[:1] == ["-v"]
    sys.exit(main(verbose_, *arguments[verbose_:]))
