#!/usr/bin/env python3
"""dishes_anywhere: one test over all: threads, processes over ipc and tcp, other hosts with a key. Nothing may differ."""

import os

from book import BUILT, Book
import harness
import network

HEAD, PORT = "10.77.0.1", 5570
WHY_NOT = network.why_not()
DISHES = [f"p{i} is {'broken' if i % 25 == 0 else 'dry'}" for i in range(1, 201)]
BROKEN = 8


class Anywhere(Book):
    def tearDown(self):
        for program in self.programs:       # where a test has failed
            if not program.result:
                program.popen.kill()
        super().tearDown()

    def run_on_hosts(self):
        """The kitchen on one host, dryers on two others, which may only dial."""
        net = network.Network("head", "one", "two")
        self.addCleanup(net.close)
        self.start_program([harness.BINARY, "--keygen", "keys"]).wait()
        program = os.path.join(BUILT, "dishes_anywhere")
        dryers = [self.start_program(host.inside(program, "--part", "dryers", "--at", f"tcp://{HEAD}:{PORT}", "--key",
                                                 "keys/worker.key")) for host in (net.one, net.two)]
        kitchen = self.start_program(net.head.inside(program, "--part", "kitchen", "--at", f"tcp://*:{PORT}", "--key",
                                                     "keys/head.key")).wait()
        for dryer in dryers:
            self.assertEqual((dryer.wait().status, dryer.err), (0, b""), str(dryer.result))
        net.close()
        return kitchen

    def test_the_same_wherever_the_dryers_are(self):
        ways = [lambda at=at: self.start_example("dishes_anywhere", "--at", at).wait() for at in self.addresses()]
        for way in ways + ([] if WHY_NOT else [self.run_on_hosts]):
            result = way()
            self.check_nothing_left()
            self.assertEqual(result.out.decode().splitlines(), DISHES, str(result))
            self.assertEqual((result.status, result.err), (BROKEN, b""), str(result))
        if WHY_NOT:
            self.skipTest(f"but for hosts: no network namespaces can be made here: {WHY_NOT}")

    def test_a_key_that_is_not_there(self):
        result = self.example("dishes_anywhere", "--part", "kitchen", "--at", f"tcp://*:{self.port()}", "--key", "none",
                              status=125)
        self.check_one_line(result, "none")

    def test_an_unknown_part(self):
        self.check_one_line(self.example("dishes_anywhere", "--part", "sideboard", status=125), "'sideboard'")


if __name__ == "__main__":
    network.become_root()
    harness.main()
