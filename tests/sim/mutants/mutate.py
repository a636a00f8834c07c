"""Applies a mutant to one file of the core: mutate.py MUTANT SOURCE-DIR OUT

A mutant is a text file: what it breaks, then `file: NAME`, then hunks, each a `<<<<` line, the text to be found (just
once), a `====` line, its replacement and a `>>>>` line. Where a hunk does not fit, OUT gets the file as it is: then
the simulator finds nothing, and the mutant's test fails.
"""

import pathlib
import re
import sys


def mutate(mutant: str, directory: pathlib.Path) -> str:
    name = re.search(r"^file: (\S+)$", mutant, re.M).group(1)
    text = (directory / name).read_text()
    mutated = text
    hunks = re.findall(r"^<<<<\n(.*?)^====\n(.*?)^>>>>$", mutant, re.M | re.S)
    for old, new in ((old[:-1], new[:-1]) for old, new in hunks):
        if mutated.count(old) != 1:
            print(f"mutant of {name} no longer fits: found {mutated.count(old)} times:\n{old}", file=sys.stderr)
            return text
        mutated = mutated.replace(old, new)
    return mutated


def main() -> None:
    mutant, directory, out = map(pathlib.Path, sys.argv[1:])
    out.write_text(mutate(mutant.read_text(), directory))


main()
