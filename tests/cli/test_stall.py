#!/usr/bin/env python3
"""A thread that is held up for long is not a dead one: its process lives."""

# ctest: waits seconds=120 ways=ipc,tcp plain-ways

import os
import subprocess
import threading

import harness


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


if __name__ == "__main__":
    harness.main()
