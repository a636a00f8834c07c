#!/usr/bin/env python3
"""resolve: many look-ups at a time from one thread, before a name server that is late, wrong, or says nothing."""

# ctest: waits sanitized

import os
import time
import unittest

from book import BUILT, Book
import harness
from name_server import DELAY_S, NameServer, address_of

MANY = 1200
PATIENCE = ("--deadline", harness.DEADLINE_S)


@unittest.skipUnless(os.path.exists(os.path.join(BUILT, "resolve")), "c-ares was not found: resolve was not built")
class Resolve(Book):
    def serve(self, hold=0):
        server = NameServer(hold)
        self.addCleanup(server.close)
        return server

    def resolve(self, server, *args, status=0, stdin=None):
        """Result, {host: addresses}, {host: what is wrong}"""
        result = self.start_example("resolve", "--server", server.at, *args, stdin=stdin).wait()
        self.check_sanitizers(result)
        self.check_nothing_left()
        self.assertEqual(result.status, status, str(result))
        said = [dict(line.split(" ", 1) for line in text.decode().splitlines()) for text in (result.out, result.err)]
        self.assertEqual(len(said[0]) + len(said[1]), len(result.lines) + len(result.err.splitlines()), "told twice")
        return result, *said

    def test_thousands_in_flight_from_one_thread(self):
        """Nobody gets an answer before MANY are waited for at the same time."""
        hosts = [f"host{i}.test" for i in range(MANY)]
        for at in self.addresses("inproc", "ipc"):
            server = self.serve(hold=MANY)
            _, found, _ = self.resolve(server, "--at", at, *PATIENCE, stdin="\n".join(hosts).encode())
            self.assertEqual(server.most, MANY)
            self.assertEqual(found, {host: address_of(host) for host in hosts})

    def test_each_comes_when_it_is_there(self):
        """The first is printed while another is still waited for."""
        server = self.serve()
        program = self.start_example("resolve", "--server", server.at, *PATIENCE, "silent.test", "host7.test")
        self.wait_for(lambda: program.out == b"host7.test 10.0.0.7\n", "the address of the one")
        self.assertFalse(program.ended())
        program.signal(harness.signal.SIGKILL)
        program.wait()

    def test_what_is_missing_at_the_deadline_is_told(self):
        for at in self.addresses():
            server = self.serve()
            hosts = [f"silent{i}.test" for i in range(3)] + [f"host{i}.test" for i in range(5)]
            began = time.monotonic()
            _, found, missing = self.resolve(server, "--at", at, "--deadline", 1.5, *hosts, status=124)
            self.assertGreaterEqual(time.monotonic() - began, 1.5)
            self.assertEqual(missing, {f"silent{i}.test": "no answer within 1.5 s" for i in range(3)})
            self.assertEqual(found, {f"host{i}.test": f"10.0.0.{i}" for i in range(5)})

    def test_wrong_answers(self):
        """Whoever knows no such host fails, and counts; what is no answer to the question is not taken for one."""
        server = self.serve()
        hosts = ["unknown1.test", "broken2.test", "cut3.test", "forged4.test", "twice5.test", "host6.test"]
        _, found, failed = self.resolve(server, *PATIENCE, *hosts, status=3)
        self.assertEqual(found, {"forged4.test": "10.0.0.4", "twice5.test": "10.0.0.5", "host6.test": "10.0.0.6"})
        self.assertEqual(sorted(failed), ["broken2.test", "cut3.test", "unknown1.test"])
        self.assertIn("not found", failed["unknown1.test"])

    def test_no_answer_but_noise(self):
        server = self.serve()
        result, found, bad = self.resolve(server, "--deadline", 2, "noise1.test", "short2.test", "host3.test",
                                          status=124)
        self.assertEqual(found, {"host3.test": "10.0.0.3"}, str(result))
        self.assertEqual(sorted(bad), ["noise1.test", "short2.test"])

    def test_an_answer_takes_as_long_as_one_and_not_as_long_as_all(self):
        """The measure of all in one thread: were they asked one by one, it would be 100 delays."""
        server = self.serve(hold=100)
        hosts = [f"host{i}.test" for i in range(100)]
        result, found, _ = self.resolve(server, *PATIENCE, *hosts)
        self.assertEqual(len(found), 100)
        self.assertGreaterEqual(result.seconds, DELAY_S)

    def test_names_that_are_none(self):
        server = self.serve()
        _, found, bad = self.resolve(server, *PATIENCE, "a..b", "x" * 64 + ".test", "y" * 300, "host1.test", status=3)
        self.assertEqual(found, {"host1.test": "10.0.0.1"})
        self.assertEqual(len(bad), 3)
        self.assertEqual(server.asked, {"host1.test"})

    def test_no_hosts(self):
        self.resolve(self.serve(), *PATIENCE)

    def test_a_server_that_is_none(self):
        result = self.example("resolve", "--server", "nowhere", "a.test", status=125)
        self.check_one_line(result, "nowhere")


if __name__ == "__main__":
    harness.main()
