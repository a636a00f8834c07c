"""For tests that kill, stop and cut off real processes: what every one of them has to end with.

All results go to one file (-o), each line "ITEM DRYER", so that it tells who has done something. The last item is
"gate": its command waits for the file "go", so that the figures can be asked for, over each wire, when nothing else is
left to do. The short form is for every day; DISHES_LONG=1 (run.sh --long) asks for ten times as much.

"ctest: each=A,B" in a test's source makes a test of ctest of those that have A in their name, and one of those with B.
"""

import collections
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "cli"))

import harness
import kitchen  # noqa: F401
from stages import StageCase, pause  # noqa: F401

LONG = os.environ.get("DISHES_LONG") == "1"
DEADLINE_S = 600 if LONG else 100       # how long any one program may take
GATE = "gate"

#  Writes its item and its dryer's name; $0 is run before. What it may not do is to outlive a lost dryer unseen.
COMMAND = '[ "$1" != gate ] || until [ -s go ]; do sleep 0.02; done; eval "$0"; echo "$1 $DISHES_DRYER"'


def amount(short, long):
    return long if LONG else short


def numbers(count, first=1):
    return [str(n) for n in range(first, first + count)]


class FaultCase(StageCase):
    """One washer, whose input is a file (so that it can be started again), and one sink; dryers are called a1, a2 …"""

    dead_after = "5s"
    sink_options = ()
    washer_options = ()

    def setUp(self):
        super().setUp()
        self.began = time.monotonic()
        self.dryers = []        # that live
        self.born = 0
        self.kills = 0

    # Starting.

    def give(self, items, gate=True):
        self.items = [*items, GATE] if gate else list(items)
        self.write("items", "".join(item + "\n" for item in self.items))

    def start_sink(self, *args, **how):
        self.the_sink = self.sink("-o", "out", "--dead-after", self.dead_after, *self.sink_options, *args, **how)
        return self.the_sink

    def start_washer(self, *args, **how):
        self.the_washer = self.washer("-a", "items", "--name", "W", *self.washer_options, *args, **how)
        return self.the_washer

    def start_dryer(self, *args, does=":", name="a", **how):
        """Of two slots; `does` is a shell line that each of its commands runs first."""
        self.born += 1
        dryer = self.dryer("-j2", "--name", f"{name}{self.born}", *args, "sh", "-c", COMMAND, does, "{}", **how)
        dryer.name = f"{name}{self.born}"
        self.dryers.append(dryer)
        return dryer

    # Breaking.

    def kill(self, program):
        program.signal(9)
        self.kills += 1
        self.assertEqual(program.wait().status, -9, str(program.result))
        if program in self.dryers:
            self.dryers.remove(program)

    # Looking.

    def output(self):
        return self.read("out") if os.path.exists(self.path("out")) else b""

    def done(self):
        return self.output().count(b"\n")

    def done_by(self, dryer):
        return self.output().count(f" {dryer.name}\n".encode())

    def wait_all_work(self):
        """Until each dryer has done something."""
        self.wait_for(lambda: all(map(self.done_by, self.dryers)), f"all {len(self.dryers)} to work")

    def wait_works_again(self, dryer, count=6):
        before = self.done_by(dryer)
        self.wait_for(lambda: self.done_by(dryer) >= before + count, f"{dryer.name} to work again")

    def wait_done(self, count, what="tasks done"):
        self.wait_for(lambda: self.done() >= count, f"{count} {what}", DEADLINE_S)

    def figures(self, at=None):
        return self.status_json(at)

    def wait_figures(self, at=None, **wanted):
        """Until the status says so."""
        shown = {}

        def hold():
            shown.update(self.figures(at))
            return all(shown[name] == value for name, value in wanted.items())
        self.wait_for(hold, f"the figures {wanted}, last seen {shown}", harness.DEADLINE_S)
        return shown

    # Ending.

    def wait_all_but_gate(self):
        self.wait_done(len(self.items) - 1)

    def end(self, program, status=0):
        result = program.wait(DEADLINE_S)
        self.check_sanitizers(result)
        self.assertEqual(result.status, status, str(result))
        return result

    def check_end(self, status=0, missing=(), at=None, **figures):
        """Opens the gate. Every part ends with that status, each result is there once, and nothing else is. `figures`:
        of the status, before the end and, over ipc, after it: a number, or a function that says whether it will do."""
        self.wait_done(len(self.items) - 1 - len(missing))
        figures.setdefault("duplicates", 0)
        shown = self.figures(at)
        self.check_figures(shown, figures)
        self.go()
        self.end(self.the_sink, status)
        self.end(self.the_washer, status)
        for dryer in self.dryers:
            self.end(dryer)
        self.check_exact(missing)
        self.tell(shown)
        if self.transport == "ipc":
            last = self.figures()
            self.check_figures(last, figures)
            self.assertEqual((last["end"], last["exit_status"]), ("joined", status), last)
            self.assertEqual((last["ok"], last["total"]), (len(self.items) - len(missing), len(self.items)), last)

    def tell(self, shown):
        """What of it goes into doc/faults.md: one line, beside the test's own."""
        told = {"items": len(self.items), "kills": self.kills, "lost": shown["dryers_lost"],
                "redelivered": shown["redelivered"], "duplicates": shown["duplicates"],
                "s": round(time.monotonic() - self.began)}
        print("figures:", *(f"{name} {value}" for name, value in told.items()), file=sys.stderr, end=" ... ", flush=True)

    def check_figures(self, shown, wanted):
        for name, value in wanted.items():
            holds = value(shown[name]) if callable(value) else shown[name] == value
            said = "\n".join(program.err.decode(errors="replace") for program in self.programs)
            self.assertTrue(holds, f"{name} is {shown[name]}: {shown}\n{said}")

    def check_exact(self, missing=()):
        got = collections.Counter(line.split()[0] for line in self.output().decode().splitlines())
        due = collections.Counter(item for item in self.items if item not in missing)
        self.assertEqual(got - due, collections.Counter(), "more than once, or never asked for")
        self.assertEqual(due - got, collections.Counter(), "missing")


def over_each_wire(*mixins):
    """Makes of each mixin a test class over ipc and one over tcp, in the module of the first."""
    module = sys.modules[mixins[0].__module__]
    for mixin in mixins:
        for wire in ("ipc", "tcp"):
            name = mixin.__name__ + wire.capitalize()
            made = type(name, (mixin, FaultCase), {"transport": wire, "__module__": mixin.__module__})
            setattr(module, name, harness.ways("inproc")(made))     # that is, once


class Clock:
    """Beats each so many seconds, without drifting, whatever is done in between."""

    def __init__(self, seconds):
        self.seconds, self.next = seconds, time.monotonic() + seconds

    def wait(self):
        pause(max(0, self.next - time.monotonic()))
        self.next = max(self.next + self.seconds, time.monotonic())


def main():
    check_each()
    harness.main()


def check_each():
    """No test may be in none of the parts that ctest runs."""
    main_module = sys.modules["__main__"]
    with open(main_module.__file__, encoding="utf-8") as file:
        each = re.search(r"^# ctest: .*each=([\w,]+)", file.read(), re.MULTILINE)
    words = each.group(1).split(",") if each else [""]
    cases = [name for name, case in vars(main_module).items()
             if isinstance(case, type) and unittest.defaultTestLoader.getTestCaseNames(case)
             and issubclass(case, unittest.TestCase)]
    lost = [name for name in cases if sum(word in name for word in words) != 1]
    if lost:
        raise ValueError(f"each={','.join(words)}: not in just one of them: {' '.join(lost)}")
