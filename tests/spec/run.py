#!/usr/bin/python3
"""Runs the tests of the specification over one kind of wire: run.py PARTS inproc|ipc|tcp [NAME...].

    run.py --numbers doc/protocol.md    fails where a numbered sentence there has no test, on one of the wires
    run.py --list                       which tests there are, by number, and on which wires

A test is a function S<number>_<what> (case) in a file spec_*.py beside this one; it belongs to the sentence of that
number, and runs over each kind of wire unless @over names those that it is for. Tests wait much and compute little, so
many run at a time, each at an address of its own. What a test is about is said by a real role on a real wire: none of
them looks into the sources. Where no connection can break (inproc) nothing is tested of broken ones, and the sentence
has another test there.
"""

import concurrent.futures
import faulthandler
import importlib
import os
import re
import shutil
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.realpath(__file__))
WIRES = ("inproc", "ipc", "tcp")
AT_A_TIME = 12
HANGS_S = 100


def over(*kinds):
    """Of a test: it is for these kinds of wire only."""
    def mark(test):
        test.wires = kinds
        return test
    return mark


def all_tests():
    sys.path.insert(0, HERE)
    modules = sorted(name[:-3] for name in os.listdir(HERE) if re.fullmatch(r"spec_.*\.py", name))
    for module in map(importlib.import_module, modules):
        for name, test in vars(module).items():
            if re.match(r"S\d+_", name):
                yield name, test


def wires_of(test):
    return getattr(test, "wires", WIRES)


def check_numbers(page):
    """The numbers that the page has, each with a test on each kind of wire; and no test of a number that it has not."""
    with open(page, encoding="utf-8") as file:
        wanted = {int(number) for number in re.findall(r"^\* \*\*S(\d+)\*\*", file.read(), re.MULTILINE)}
    found = {(int(re.match(r"S(\d+)", name)[1]), kind) for name, test in all_tests() for kind in wires_of(test)}
    missing = [f"S{number} has no test over {kind}" for number in sorted(wanted) for kind in WIRES
               if (number, kind) not in found]
    unknown = [f"S{number} is tested, and is not in {page}" for number in sorted({n for n, _ in found} - wanted)]
    print("\n".join(missing + unknown) or f"{len(wanted)} sentences, each with a test over {', '.join(WIRES)}")
    return 1 if missing or unknown or not wanted else 0


def list_tests():
    for name, test in sorted(all_tests(), key=lambda pair: int(re.match(r"S(\d+)", pair[0])[1])):
        number, what = name.split("_", 1)
        print(f"{number:4} {what.replace('_', ' ')} ({', '.join(wires_of(test))})")
    return 0


def run_one(library, kind, base, name, test):
    import kitchen  # it is beside this file, as all_tests says
    began, case = time.monotonic(), kitchen.Case(library, kind, base)
    try:
        test(case)
        why = None
    except Exception:  # a test that fails, in whatever way, is told like any other
        why = traceback.format_exc(limit=-4)
        said = [f"{part.kind}: {part.said()}" for part in case.open if isinstance(part, kitchen.Part)]
        why += "".join(said)
    finally:
        case.close()
    return name, why, time.monotonic() - began


def run_all(parts, kind, names):
    import wire
    library = wire.Library(parts)
    tests = [(name, test) for name, test in all_tests()
             if kind in wires_of(test) and (not names or any(name.startswith(each) for each in names))]
    base = tempfile.mkdtemp(prefix="spec")
    os.environ["DISHES_DIR"] = base
    failed = 0
    faulthandler.enable()
    faulthandler.dump_traceback_later(HANGS_S, exit=True)   # says where, before a limit of the caller's does
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        runs = [pool.submit(run_one, library, kind, base, name, test) for name, test in tests]
        for run in concurrent.futures.as_completed(runs):
            name, why, seconds = run.result()
            print(f"{'FAILED' if why else 'ok    '} {kind} {name} {seconds:.1f} s", flush=True)
            if why:
                print(why, flush=True)
                failed += 1
    shutil.rmtree(base, ignore_errors=True)
    print(f"{len(tests)} tests over {kind}, {failed} failed")
    return 1 if failed or not tests else 0


if __name__ == "__main__":
    if sys.argv[1] == "--numbers":
        sys.exit(check_numbers(sys.argv[2]))
    if sys.argv[1] == "--list":
        sys.exit(list_tests())
    sys.exit(run_all(sys.argv[1], sys.argv[2], sys.argv[3:]))
