#!/usr/bin/env python3
"""What a user or an operator does to a run, by mistake as a rule: the wrong input, a name that is taken, files taken
away under it, a helper killed. Nothing of it is to end in a success that is none, or in a wait without an end."""

# ctest: waits plain

import os
import signal

import harness
from stages import StageCase


class WrongInput(StageCase):
    def has_open(self, program, name):
        links = f"/proc/{program.pid}/fd"
        return any(os.path.realpath(os.path.join(links, fd)) == os.path.realpath(self.path(name)) for fd in os.listdir(links))

    def test_what_is_left_of_a_fifo_is_not_the_input_of_the_washer_before(self):
        os.mkfifo(self.path("fifo"))
        fifo = os.open(self.path("fifo"), os.O_RDWR)
        sink, dryer = self.sink("-o", "out"), self.dryer("echo")
        first = self.washer("--name", "w", "-a", "fifo")
        os.write(fifo, b"1\n2\n3\n")
        self.wait_for(lambda: "out" in self.files() and len(self.read("out").split()) == 3, "three to be done")
        first.signal(signal.SIGKILL)
        self.ends(first, -signal.SIGKILL)
        os.write(fifo, b"4\n5\n6\n")
        second = self.washer("--name", "w", "-a", "fifo")
        self.wait_for(lambda: self.has_open(second, "fifo"), "that it reads")
        os.close(fifo)
        for part in (second, sink):
            self.assertIn(b"the input is not that of the run", self.ends(part, 125).err)
        self.ends(dryer, 125)


if __name__ == "__main__":
    harness.main()
