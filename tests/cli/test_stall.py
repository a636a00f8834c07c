#!/usr/bin/env python3
"""A thread that is held up for long is not a dead one: its process lives."""

# ctest: waits seconds=120 ways=ipc,tcp plain-ways

import fcntl
import os
import struct
import subprocess
import termios
import threading

import harness
from stages import StageCase, pause

PIPE_BYTES = 65536 - 4096       # a line that does not fit any more holds up who writes it


def waiting_bytes(fd):
    return struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0]


class Stall(harness.Case):
    def test_a_stderr_that_nobody_reads_for_long_loses_nothing(self):
        """It holds up the thread that tells of each command (-t), for longer than silence is borne between processes."""
        ours, theirs = os.pipe()
        items = [f"{i:0500d}" for i in range(400)]
        program = self.start("-k", "-j2", "-t", "echo", stdin="\n".join(items).encode(), stderr=theirs)
        os.close(theirs)
        subprocess.run(["sleep", "6.5"], check=True)
        said = bytearray()

        def read():
            while chunk := os.read(ours, 1 << 16):
                said.extend(chunk)

        reader = threading.Thread(target=read)
        reader.start()
        result = program.wait()
        reader.join()
        os.close(ours)
        self.assertEqual(result.status, 0, bytes(said[-500:]))
        self.assertEqual(result.out.decode().split(), items)
        self.assertEqual(len(said.splitlines()), len(items))


class StageStall:
    """The same of a dryer in a process of its own, where silence is borne for less than a second."""

    def test_a_dryer_that_is_held_up_is_not_lost(self):
        ours, theirs = os.pipe()
        sink = self.sink("--dead-after", "500ms")
        dryer = self.dryer("-t", "-j1", "true", stderr=theirs)
        os.close(theirs)
        washer = self.washer(stdin=b"".join(b"%02000d\n" % n for n in range(60)))
        self.wait_for(lambda: waiting_bytes(ours) >= PIPE_BYTES, "the pipe to be full")
        pause(1.5)      # three times what is borne
        with os.fdopen(ours, "rb") as pipe:
            said = pipe.read()
        self.all_end(0, sink, washer, dryer)
        self.assertEqual(len(said.splitlines()), 60)
        self.assertEqual(sink.result.err, b"")


for transport in ("ipc", "tcp"):
    name = f"StageStall{transport.title()}"
    globals()[name] = type(name, (StageStall, StageCase), {"transport": transport})


if __name__ == "__main__":
    harness.main()
