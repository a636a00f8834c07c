#!/usr/bin/env python3
"""killed_to_restart.py URL ROUNDS: from the SIGKILL of a dryer to the start of its task elsewhere, in ms, a line each
round. Three dryers of one slot; the programs are those beside $DISHES.

A task tells through a FIFO that it starts, and by whom it is run. At its first start it waits; whoever runs it is
killed; at its second it ends.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
import time

PATIENCE_S = 60
COMMAND = 'mkdir "seen.$1" 2>/dev/null; seen=$?; echo "$1 $DISHES_DRYER" >starts; [ $seen != 0 ] || exec sleep 1000'


def program(name):
    return os.path.join(os.path.dirname(os.environ["DISHES"]), name)


class Kitchen:
    def __init__(self, at):
        self.at, self.dryers, self.born = at, {}, 0
        os.mkfifo("starts")
        self.starts = os.fdopen(os.open("starts", os.O_RDWR), "r", buffering=1)
        self.sink = self.part("sink", stdout=subprocess.DEVNULL)
        self.washer = self.part("washer", stdin=subprocess.PIPE)

    def part(self, name, *args, **how):
        how.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen([program(name), "--quiet", "--at", self.at, *args], stderr=subprocess.DEVNULL, **how)

    def start_dryer(self):
        self.born += 1
        name = f"d{self.born}"
        self.dryers[name] = self.part("dryer", "-j1", "--name", name, "sh", "-c", COMMAND, "sh", "{}")

    def wait_for_dryers(self):
        """All three, and nothing that is still to be noticed; nor a run before this one, while the sink is not there."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            told = subprocess.run([program("dishes"), "--status", self.at, "--json"], stdout=subprocess.PIPE, check=True)
            if {dryer["name"] for dryer in json.loads(told.stdout).get("dryer", ())} == set(self.dryers):
                return
        raise TimeoutError("the dryers have not come")

    def next_start(self):
        if not select.select([self.starts], [], [], PATIENCE_S)[0]:
            raise TimeoutError("the task has not started")
        return self.starts.readline().split()

    def round(self, number):
        while len(self.dryers) < 3:
            self.start_dryer()
        self.wait_for_dryers()
        self.washer.stdin.write(b"%d\n" % number)
        self.washer.stdin.flush()
        _, name = self.next_start()
        victim = self.dryers.pop(name)
        began = time.monotonic()
        victim.kill()
        item, _ = self.next_start()
        took = time.monotonic() - began
        victim.wait()
        assert item == str(number), item
        return took * 1000

    def end(self):
        """Well, or not: nothing is left."""
        self.washer.stdin.close()
        for part in (self.sink, self.washer, *self.dryers.values()):
            try:
                part.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                part.kill()
                part.wait()


def main():
    at, rounds = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        kitchen = Kitchen(at)
        try:
            for number in range(1, rounds + 1):
                print(f"{kitchen.round(number):.0f}", flush=True)
        finally:
            kitchen.end()
            os.chdir("/")


if __name__ == "__main__":
    main()
