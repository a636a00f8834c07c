#!/usr/bin/python3
"""`kitchen.py ARGS...` is `dishes ARGS...` as three programs: sink, dryer and washer.

Each option goes to those that have it in their --help, the command to the dryer, the sources to the washer. They meet
at an address that nobody else has, over $KITCHEN (ipc or tcp), and start in one of the six orders, by process id.

The exit status is the sink's; where a part could not begin (125 and more) and the others wait for it, they are ended,
and it is that part's. Where the washer's is another, or the dryer's is not 0 though the pipeline ended well,
that is said on stderr and the status is 98, which no test wants.
"""

import itertools
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time

SOURCES = (":::", "::::", ":::+", "::::+")
FIRST_TO_HEAR = ("sink", "dryer", "washer")     # of an option that several have, unless all need it
FOR_ALL = ("--quiet", "-X", "--pipe")
OF_FILTERS = ("-0", "--null", "--crash-limit")  # at a dryer; beside --filter they are for all
DISAGREE, FAILED = 98, 125
#  For the others to end, when one has failed: more than --dead-after, unless none of them was met.
PATIENCE_S = float(os.environ.get("KITCHEN_PATIENCE", 8))


def give_up(why):
    print(f"kitchen: {why}", file=sys.stderr)
    sys.exit(FAILED)


def program(name):
    return os.path.join(os.environ["KITCHEN_BIN"], name)


def options_of(name):
    """{"--jobs": has a value, "-j": the same ...}, from its --help."""
    text = subprocess.run([program(name), "--help"], stdout=subprocess.PIPE, check=True).stdout.decode()
    found = {}
    own = text.split("\nInto the next pipeline\n")     # what a sink has for the items of another one is not for this one
    for line in (own[0] + "".join(rest.partition("\n\n")[2] for rest in own[1:])).splitlines():
        row = re.match(r"  (-\S.*?)(?:  |$)", line)
        if not row:
            continue
        names = [word.strip(",") for word in row[1].split() if word.startswith("-")]
        has_value = not row[1].split()[-1].startswith("-") or row[1].endswith("]")
        for option in names:
            found[option.split("[")[0]] = has_value and "[" not in row[1]
    return found


def options():
    """Of each part. Who runs many command lines may ask once and leave the answer in the environment."""
    known = os.environ.get("KITCHEN_OPTIONS")
    return json.loads(known) if known else {name: options_of(name) for name in FIRST_TO_HEAR}


class Split:
    """What is for whom."""

    def __init__(self, words):
        self.options = options()
        self.args = {name: [] for name in FIRST_TO_HEAR}
        self.is_filter = "--filter" in words
        rest = self.take_options(list(words))
        first = next((i for i, word in enumerate(rest) if word in SOURCES), len(rest))
        self.args["dryer"] += ["--", *rest[:first]]
        self.args["washer"] += rest[first:]

    def give(self, option, words):
        hear = [name for name in FIRST_TO_HEAR if option in self.options[name]
                and (name != "dryer" or option not in OF_FILTERS or self.is_filter)]
        if not hear:
            give_up(f"no part has {option}")
        for name in hear if option in FOR_ALL + OF_FILTERS else hear[:1]:
            self.args[name] += words
        return self.options[hear[0]][option]

    def take_options(self, words):
        while words and words[0].startswith("-") and words[0] != "-":
            word = words.pop(0)
            if word == "--":
                break
            if word.startswith("--"):
                self.take_long(word, words)
            else:
                self.take_short(word, words)
        return words

    def take_long(self, word, words):
        option = word.split("=")[0]
        given = [word]
        needs = any(self.options[name].get(option) for name in FIRST_TO_HEAR)
        if needs and "=" not in word:
            given.append(words.pop(0) if words else give_up(f"{word} needs a value"))
        self.give(option, given)

    def take_short(self, word, words):
        for at in range(1, len(word)):
            option = "-" + word[at]
            if any(self.options[name].get(option) for name in FIRST_TO_HEAR):
                self.give(option, [option, word[at + 1:] or words.pop(0)])
                return
            self.give(option, [option])


def free_port():
    """Below those that the kernel gives away by itself, and seldom the one of another test that runs beside this one."""
    for port in random.SystemRandom().sample(range(18000, 32000), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    return give_up("no port is free")


def start(split, at):
    parts = {}
    orders = list(itertools.permutations(FIRST_TO_HEAR))
    for name in orders[os.getpid() % len(orders)]:
        stdin = None if name == "washer" else subprocess.DEVNULL
        parts[name] = subprocess.Popen([program(name), "--at", at, *split.args[name]], stdin=stdin)
    return parts


def wait_for(parts):
    """{name: status}, without those that had to be ended because another had failed before it could tell them."""
    status, end = {}, None
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while len(status) < len(parts):
        for name, part in parts.items():
            if name not in status and part.poll() is not None:
                status[name] = part.returncode
                if part.returncode >= FAILED and not end:
                    end = time.monotonic() + PATIENCE_S
        if end and time.monotonic() > end:
            break
        signal.sigtimedwait({signal.SIGCHLD}, 0.05)
    for part in parts.values():
        if part.poll() is None:
            part.terminate()
            part.wait()
    return status


def verdict(status):
    if len(status) < len(FIRST_TO_HEAR):
        return max(status.values())
    if status["sink"] < FAILED and (status["washer"] != status["sink"] or status["dryer"]):
        print(f"kitchen: they do not agree: {status}", file=sys.stderr)
        return DISAGREE
    return status["sink"]


def main():
    at = f"ipc://kitchen-{os.getpid()}" if os.environ["KITCHEN"] == "ipc" else f"tcp://127.0.0.1:{free_port()}"
    parts = start(Split(sys.argv[1:]), at)
    status = verdict(wait_for(parts))
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


if __name__ == "__main__":
    main()
