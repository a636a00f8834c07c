#!/usr/bin/env python3
"""bench.py [--quick] [--out FILE] [--plot FILE] [--readme FILE] [PART...]: what dishes costs, against its peers and
against limits. run.sh builds what it takes, and calls it.

The programs take turns, round by round, each round beginning with another one. A figure is the median of the rounds, a
comparison the median of the rounds' ratios: a machine that is slow for a moment is slow for all. A goal is what was
asked for; whether this run reached it stands beside it. A part is a module of parts/, listed there; it knows what to
run, and no more. When the time is over ($BENCH_MOST_S) the part that runs is cut off and the others are not begun; the
table says so, and so does the exit status.
"""

import argparse
import datetime
import os
import pathlib
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import parts
import plot
from figures import README_HEAD, Section, Series

HERE = pathlib.Path(__file__).resolve().parent
MOST_S = int(os.environ.get("BENCH_MOST_S", "840"))
PATIENCE_S = 120    # for one program
LOAD = os.getloadavg()[0]   # what else the machine did


class Taken:
    """What a program took: seconds, and the largest memory of any process in it, in MB."""

    def __init__(self, report):
        numbers = report.read_text().split()
        self.seconds, self.mb = float(numbers[0]), int(numbers[3]) * 1024 / 1e6


class Bench:
    def __init__(self, is_quick, scratch):
        self.is_quick, self.scratch, self.here = is_quick, scratch, HERE
        self.dishes = os.environ["DISHES"]
        self.measure = os.environ["DISHES_MEASURE"]
        self.rounds = self.size(5, 1)
        self.sections = []

    def size(self, usual, quick):
        return quick if self.is_quick else usual

    def stage(self, name):
        """washer, dryer or sink: they stand beside dishes."""
        return os.path.join(os.path.dirname(self.dishes), name)

    def own(self, name):
        """A program of tests/bench: they stand beside measure."""
        return os.path.join(os.path.dirname(self.measure), name)

    def section(self, title, is_plotted=True, is_in_readme=False):
        self.sections.append(Section(title, is_plotted, is_in_readme))
        return self.sections[-1]

    # what to run it on

    def lines(self, name, count, form="{}\n"):
        """The path of a file of so many numbers, as `form` writes them."""
        path = self.scratch / name
        with open(path, "w", encoding="ascii", buffering=1 << 20) as file:
            for first in range(1, count + 1, 100000):
                file.write("".join(map(form.format, range(first, min(first + 100000, count + 1)))))
        return path

    def address(self, transport):
        if transport == "ipc":
            return f"ipc://{self.scratch}/{transport}"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return f"tcp://127.0.0.1:{probe.getsockname()[1]}"

    # running

    def turns(self, rounds=None, **players):
        """Each player a function that runs something once and returns a number. {name: Series}."""
        taken = {name: Series() for name in players}
        names = list(players)
        for nth in range(rounds or self.rounds):
            for name in names[nth % len(names):] + names[:nth % len(names)]:
                taken[name].append(players[name]())
        return taken

    def _run(self, argv, stdin, stdout, env):
        argv = [str(word) for word in argv]
        with open(stdin or os.devnull, "rb") as source:
            running = subprocess.Popen(argv, stdin=source, stdout=stdout, stderr=subprocess.PIPE, cwd=self.scratch,
                                       env={**os.environ, **(env or {})}, start_new_session=True)
        try:
            out, err = running.communicate(timeout=PATIENCE_S)
        except BaseException:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            raise
        if running.returncode != 0:
            said = err.decode(errors="replace").strip().rpartition("\n")[2]
            raise RuntimeError(f"{' '.join(argv)[:300]}: ended with {running.returncode}: {said}")
        return out

    def run(self, *argv, stdin=None, env=None):
        """Runs a program, its output thrown away: what it took."""
        report = self.scratch / "report"
        self._run([self.measure, "-o", report, *argv], stdin, subprocess.DEVNULL, env)
        return Taken(report)

    def text(self, *argv):
        """What a program prints."""
        return self._run(argv, None, subprocess.PIPE, None).decode()

    def numbers(self, *argv):
        """Of a program that measures itself: the numbers of its output."""
        return [float(word) for word in self.text(*argv).split()]


def heading(rounds):
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return (f"{datetime.date.today()}: {os.cpu_count()} cores ({models[0] if models else platform.machine()}), "
            f"Linux {platform.release()}, medians of {rounds} rounds, load {LOAD:.1f} when it began")


def on_end(number, frame):
    raise TimeoutError("the time is over")


def measure_all(bench, wanted):
    """The parts in turn. The names of those that failed, or were not begun."""
    end, missed = time.monotonic() + MOST_S, []
    signal.signal(signal.SIGALRM, on_end)
    signal.alarm(max(MOST_S, 1))
    for name in wanted:
        started = time.monotonic()
        try:
            if started >= end:
                raise TimeoutError("the time is over")
            parts.load(name).measure(bench)
        except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
            missed.append(f"{name}: {error}")
        print(f"bench: {name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    signal.alarm(0)
    return missed


def table(bench, missed):
    lines = [heading(bench.rounds) + "."]
    lines += ["The figures mean nothing (`--quick`).", ""] if bench.is_quick else [""]
    for section in bench.sections:
        lines += section.lines() if section.rows else ()
    return "\n".join(lines + [f"Not measured: {line}" for line in missed]).rstrip() + "\n"


def for_users(bench):
    """What a reader of the README wants to know, as one table."""
    lines = [section.readme_line() for section in bench.sections if section.is_in_readme and section.rows]
    return "\n".join([*README_HEAD, *lines])


def put_between_marks(path, text):
    before, begin, rest = path.read_text().partition("<!-- bench -->\n")
    _, end, after = rest.partition("<!-- end of bench -->")
    if not begin or not end:
        raise SystemExit(f"bench: {path} has no lines <!-- bench --> and <!-- end of bench -->")
    path.write_text(before + begin + text + "\n" + end + after)


def show(bench, options, missed):
    text = table(bench, missed)
    if options.out:
        options.out.write_text("# Figures\n\n" + text)
    else:
        print(text, end="")
    if options.plot:
        options.plot.write_text(plot.svg(bench.sections, heading(bench.rounds)))
    if options.readme:
        put_between_marks(options.readme, f"{heading(bench.rounds)}.\n\n{for_users(bench)}\n")


def main():
    options = argparse.ArgumentParser(prog="run.sh", allow_abbrev=False,
                                      description="What dishes costs, against its peers and against limits.")
    options.add_argument("--quick", action="store_true", help="prove that it works; the figures mean nothing")
    options.add_argument("--out", type=pathlib.Path, metavar="FILE", help="the tables go there, and not to stdout")
    options.add_argument("--plot", type=pathlib.Path, metavar="FILE", help="bars, as SVG")
    options.add_argument("--readme", type=pathlib.Path, metavar="FILE",
                         help="what users want to know goes between its two marks")
    options.add_argument("parts", nargs="*", metavar="PART", help=" ".join(parts.NAMES))
    options = options.parse_args()
    unknown = sorted(set(options.parts) - set(parts.NAMES))
    if unknown:
        raise SystemExit(f"bench: no part is called {unknown[0]}: there are {' '.join(parts.NAMES)}")
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="dishes-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    os.environ.update(TMPDIR=str(scratch), HOME=str(scratch), DISHES_DIR=str(scratch / "places"))
    try:
        bench = Bench(options.quick, scratch)
        missed = measure_all(bench, options.parts or parts.NAMES)
        show(bench, options, missed)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    for line in missed:
        print(f"bench: {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
