#!/usr/bin/env python3
"""Several hosts: who is told which address, firewalls between washer and dryer, a host that cannot be reached for a
while. The hosts are network namespaces (network.py)."""

# ctest: waits seconds=360 plain

import os
import signal
import subprocess
import sys

import harness
import network

HEAD, ONE, TWO = "10.77.0.1", "10.77.0.2", "10.77.0.3"
OTHER = "10.77.1.1"     # the head, by another name
PORT = 5570
WHY_NOT = network.why_not()


@harness.ways("inproc")     # that is, once
class Case(harness.Case):
    """A head and two hosts for dryers, with keys for both."""

    may_meet = True

    def setUp(self):
        super().setUp()
        if WHY_NOT:
            self.skipTest(f"no network namespaces can be made here: {WHY_NOT}")
        self.net = network.Network("head", "one", "two")
        self.addCleanup(self.net.close)
        self.head, self.one, self.two = self.net.head, self.net.one, self.net.two
        self.start_program([harness.BINARY, "--keygen", "keys"]).wait()

    def tearDown(self):
        for program in self.programs:       # where a test has failed
            if not program.result:
                program.popen.kill()
        self.net.close()
        super().tearDown()

    def start_on(self, host, name, *args, **how):
        key = "head" if name in ("sink", "washer") else "worker"
        return self.start_program(host.inside(harness.stage(name), "--key", f"keys/{key}.key", *args), **how)

    def sink(self, *args):
        return self.start_on(self.head, "sink", "--at", f"tcp://*:{PORT}", *args)

    def washer(self, *args, host=None, at=HEAD, **how):
        return self.start_on(host or self.head, "washer", "--at", f"tcp://{at}:{PORT}", *args, **how)

    def dryer(self, host, *args, at=HEAD, seconds=0.02):
        """Its results tell where it is."""
        return self.start_on(host, "dryer", "--at", f"tcp://{at}:{PORT}", "-j2", "--prefetch", "0", *args, "--", "sh",
                             "-c", f"sleep {seconds}; echo {host.name} $1", "-", "{}")

    def washer_by_hand(self, *args, **how):
        """A washer, and the end of the pipe that it reads items from."""
        read, write = os.pipe()
        program = self.washer(*args, stdin=read, **how)
        os.close(read)
        feed = os.fdopen(write, "wb", buffering=0)
        self.addCleanup(feed.close)
        return program, feed

    def done(self, sink, where=""):
        """How many tasks are done, on that host or anywhere."""
        return sink.out.count(where.encode() + b" ")

    def check_exact(self, sink, count):
        result = sink.wait()
        self.check_sanitizers(result)
        self.assertEqual(result.status, 0, str(result))
        numbers = sorted(int(line.split()[1]) for line in result.lines)
        self.assertEqual(numbers, list(range(1, count + 1)), str(result))

    def check_ends(self, *programs, status=0):
        for program in programs:
            result = program.wait()
            self.check_sanitizers(result)
            self.assertEqual(result.status, status, str(result))


def items(first, last):
    return b"".join(b"%d\n" % n for n in range(first, last + 1))


class Addresses(Case):
    """What is told to whom."""

    def give_other_name(self):
        self.head.ip("address", "add", f"{OTHER}/24", "dev", "eth0")
        for host in (self.one, self.two):
            host.ip("route", "add", "10.77.1.0/24", "dev", "eth0")

    def test_two_nodes_and_a_head(self):
        join = self.start_on(self.two, "dishes", "--join", f"tcp://{HEAD}:{PORT}")
        one, two = self.dryer(self.one), self.dryer(self.two)
        washer = self.washer(stdin=items(1, 60))
        sink = self.sink()
        self.check_exact(sink, 60)
        self.check_ends(one, two, washer, join)
        self.assertGreater(self.done(sink, "one"), 0)
        self.assertGreater(self.done(sink, "two"), 0)
        self.assertEqual(washer.err + one.err + two.err + join.err, b"")

    def test_lanes_are_at_the_host_that_the_dryer_dialled(self):
        self.give_other_name()
        sink = self.sink()
        one, two = self.dryer(self.one), self.dryer(self.two, at=OTHER)
        washer, feed = self.washer_by_hand(at="*")
        feed.write(items(1, 8))
        self.wait_for(lambda: self.done(sink) == 8, "eight tasks")
        self.assertEqual({address for address, _ in self.one.dialled()}, {HEAD})
        self.assertEqual({address for address, _ in self.two.dialled()}, {OTHER})
        feed.close()
        self.check_exact(sink, 8)
        self.check_ends(one, two, washer)

    def test_a_washer_elsewhere_tells_where_it_is(self):
        sink, one = self.sink(), self.dryer(self.one)
        washer, feed = self.washer_by_hand(host=self.two)
        feed.write(items(1, 3))
        self.wait_for(lambda: self.done(sink) == 3, "three tasks")
        self.assertEqual({address for address, _ in self.one.dialled()}, {HEAD, TWO})
        feed.close()
        self.check_exact(sink, 3)
        self.check_ends(one, washer)

    def test_what_is_advertised_is_dialled(self):
        self.give_other_name()
        sink, one = self.sink("--advertise", OTHER), self.dryer(self.one)
        washer, feed = self.washer_by_hand("--advertise", OTHER)
        feed.write(items(1, 3))
        self.wait_for(lambda: self.done(sink) == 3, "three tasks")
        dialled = self.one.dialled()
        self.assertEqual([port for address, port in dialled if address == HEAD], [PORT])
        self.assertEqual(len([port for address, port in dialled if address == OTHER]), 2)   # `in`, and the lane
        feed.close()
        self.check_exact(sink, 3)
        self.check_ends(one, washer)

    def test_ports_of_lanes_and_one_that_is_taken(self):
        taken = self.start_program(self.head.inside(sys.executable, "-c", "import socket, signal\n"
                                                    "s = socket.create_server (('', 6002)); print (1, flush=True)\n"
                                                    "signal.pause ()"))
        self.wait_for(lambda: taken.out, "the port to be taken")
        sink = self.sink("--lane-ports", "6001-6004")
        one, two = self.dryer(self.one), self.dryer(self.two)
        washer, feed = self.washer_by_hand("--lane-ports", "6001-6004")
        feed.write(items(1, 12))
        self.wait_for(lambda: self.done(sink, "one") and self.done(sink, "two"), "tasks on both hosts")
        ports = {port for host in (self.one, self.two) for _, port in host.dialled()}
        self.assertEqual(ports, {PORT, 6001, 6003, 6004})
        feed.close()
        self.wait_for(lambda: self.done(sink) == 12, "all tasks")
        taken.popen.kill()
        self.check_exact(sink, 12)
        self.check_ends(one, two, washer)

    def test_no_port_is_left(self):
        sink, one, two = self.sink(), self.dryer(self.one), self.dryer(self.two)
        washer = self.washer("--lane-ports", "6001-6001", stdin=items(1, 9))
        self.check_ends(washer, status=125)
        self.check_one_line(washer.result, "no port of --lane-ports 6001-6001 is free")
        for program in (sink, one, two):
            program.signal(signal.SIGTERM)
            program.wait()

    def test_a_worker_may_not_play_the_head(self):
        for name in ("sink", "washer"):
            refused = self.start_program(self.one.inside(harness.stage(name), "--at", f"tcp://*:{PORT}", "--key",
                                                         "keys/worker.key"))
            self.check_ends(refused, status=125)
            self.check_one_line(refused.result, "head's key")


class Trouble(Case):
    """What stands between the hosts."""

    #   The kind of firewall: nothing is told (packets are lost), or the dryer is told at once.
    def shut_out(self, kind):
        if kind == "silent":
            self.head.ip("rule", "add", "to", ONE, "ipproto", "tcp", "sport", "6001-6064", "blackhole")
        else:
            self.one.ip("rule", "add", "to", HEAD, "ipproto", "tcp", "dport", "6001-6064", "unreachable")

    def let_in(self, kind):
        if kind == "silent":
            self.head.ip("rule", "delete", "to", ONE, "ipproto", "tcp", "sport", "6001-6064", "blackhole")
        else:
            self.one.ip("rule", "delete", "to", HEAD, "ipproto", "tcp", "dport", "6001-6064", "unreachable")

    def check_firewall(self, kind, *dead_after):
        self.shut_out(kind)
        sink, one = self.sink(*dead_after), self.dryer(self.one)
        washer, feed = self.washer_by_hand("--lane-ports", "6001-6064")
        feed.write(items(1, 4))
        self.wait_for(lambda: b"--lane-ports" in one.err, "a word about the firewall")
        line = one.err.splitlines()[0].decode()
        self.assertRegex(line, rf"^dryer: the washer's lane at tcp://{HEAD}:60\d\d cannot be reached: is a firewall")
        two = self.dryer(self.two)
        self.wait_for(lambda: self.done(sink, "two") == 4, "the tasks to be done on the other host")
        self.let_in(kind)
        number = 4

        def takes_part():
            nonlocal number
            number += 2
            feed.write(items(number - 1, number))
            self.wait_for(lambda: self.done(sink) == number, f"{number} tasks")
            return self.done(sink, "one")
        self.wait_for(takes_part, "the host to take part when the firewall is open")
        feed.close()
        self.check_exact(sink, number)
        self.check_ends(one, two, washer)
        self.assertEqual(washer.err.count(b"\n"), 1, washer.err)
        self.assertIn(b"the lane to the dryer on ", washer.err)
        self.assertLessEqual(one.err.count(b"\n"), 2, one.err)    # and that the washer has given the lane up

    def test_a_firewall_that_says_nothing(self):
        self.check_firewall("silent")

    def test_a_firewall_that_says_no(self):
        self.check_firewall("loud", "--dead-after", "2s")

    def check_cut(self, *args):
        """A host goes away for longer than --dead-after, with tasks aboard; then it is there again."""
        sink = self.sink("--dead-after", "1s")
        one, two = self.dryer(self.one, *args, seconds=0.1), self.dryer(self.two, seconds=0.1)
        washer, feed = self.washer_by_hand()
        feed.write(items(1, 20))
        self.wait_for(lambda: self.done(sink, "one"), "a task on the first host")
        self.net.cut(self.one)
        self.wait_for(lambda: b" is lost; " in sink.err, "the loss to be seen")
        self.wait_for(lambda: self.done(sink) == 20, "the tasks to be done on the other host")
        self.wait_for(lambda: b"lost" in one.err, "the host to see that it is alone")
        self.net.mend(self.one)
        return sink, one, two, washer, feed

    def test_a_host_that_is_cut_off(self):
        sink, one, two, washer, feed = self.check_cut()
        self.check_ends(one, status=125)
        self.check_one_line(one.result, "lost")
        feed.write(items(21, 24))
        feed.close()
        self.check_exact(sink, 24)
        self.check_ends(two, washer)

    def test_a_host_that_is_cut_off_and_comes_back(self):
        sink, one, two, washer, feed = self.check_cut("--stay")
        number = 20

        def takes_part():
            nonlocal number
            number += 2
            feed.write(items(number - 1, number))
            self.wait_for(lambda: self.done(sink) == number, f"{number} tasks")
            return b"one %d\n" % number in sink.out or b"one %d\n" % (number - 1) in sink.out
        self.wait_for(takes_part, "the host to take part again")
        feed.close()
        self.check_exact(sink, number)
        self.check_ends(two, washer)
        one.signal(signal.SIGTERM)
        one.wait()

    def test_the_host_of_the_washer_is_cut_off(self):
        sink = self.sink("--dead-after", "1s", "--washer-grace", "500ms")
        one = self.dryer(self.one)
        washer, feed = self.washer_by_hand(host=self.two)
        feed.write(items(1, 4))
        self.wait_for(lambda: self.done(sink) == 4, "four tasks")
        self.net.cut(self.two)
        self.check_ends(sink, one, washer, status=125)


class Ends(harness.Case):
    def test_nothing_is_left_of_a_test_that_is_killed(self):
        if WHY_NOT:
            self.skipTest(f"no network namespaces can be made here: {WHY_NOT}")
        code = ("import network, subprocess\n"
                "net = network.Network ('head', 'one')\n"
                "in_it = subprocess.Popen (net.head.inside ('sleep', 'infinity'))\n"
                "print (in_it.pid, *(host.holder.pid for host in net.hosts), flush=True)\n"
                "in_it.wait ()\n")
        path = os.path.dirname(os.path.realpath(__file__))
        test = self.start_program([sys.executable, "-c", code], env={"PYTHONPATH": path})
        self.wait_for(lambda: test.out.endswith(b"\n"), "the hosts")
        pids = [int(word) for word in test.out.split()]
        self.assertEqual(len(pids), 4)
        self.assertTrue(all(harness.alive(pid) for pid in pids))
        test.popen.kill()
        self.wait_for(lambda: not any(harness.alive(pid) for pid in pids), "the end of all that it has started")
        test.wait()


if __name__ == "__main__":
    network.become_root()
    harness.main()
