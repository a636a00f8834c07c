#!/usr/bin/env python3
"""Connections that are reset, cut, delayed and stalled, between a dryer, the washer and the sink, over tcp."""

# ctest: waits seconds=240 each=OneOfSeveral,EachSecond

import random
import socket

import fault
from fault import Clock, amount, harness, kitchen, numbers, pause
from relay import Relay

LANES = 24


def free_range():
    """Of 2 + LANES ports: for `out`, `in` and lanes."""
    while True:
        first = kitchen.free_port()
        try:
            probes = [socket.create_server((host, port)) for host in ("127.0.0.1", "127.0.0.2", "127.0.0.3")
                      for port in range(first, first + LANES + 2)]
        except OSError:
            continue
        for probe in probes:
            probe.close()
        return first


@harness.ways("inproc")     # that is, once
class Case(fault.FaultCase):
    transport = "tcp"

    def setUp(self):
        self.first = free_range()
        super().setUp()
        self.relays = []

    def tearDown(self):
        for relay in self.relays:
            relay.close()
        super().tearDown()

    def address(self, host="127.0.0.1"):
        return f"tcp://{host}:{self.first}"

    @property
    def lanes(self):
        return range(self.first + 2, self.first + 2 + LANES)

    def relay(self, host):
        """Lanes are where the washer dials."""
        relay = Relay(host, [self.first, self.first + 1])
        self.relays.append(relay)
        if host == "127.0.0.2":
            relay.lanes = Relay(host, self.lanes, to=self.washer_host)
            self.relays.append(relay.lanes)
        return relay

    def begin(self, count, washer_host="127.0.0.1", does="sleep 0.01"):
        """One dryer, behind the relay, beside one that is not, where lanes are on the host that it dials."""
        self.washer_host = washer_host
        self.give(numbers(count))
        self.start_sink("--lane-ports", f"{self.first + 1}-{self.first + 1}")
        self.wait_for(lambda: self.listens(self.first), "the sink")
        self.to_dryer = self.relay("127.0.0.2")
        self.to_washer = self.relay("127.0.0.3") if washer_host == "127.0.0.3" else None
        self.start_washer("--lane-ports", f"{self.lanes[0]}-{self.lanes[-1]}", at=self.address(washer_host))
        self.start_dryer(at=self.address("127.0.0.2"), does=f'echo "$1" >>ran; {does}', name="far")
        near = self.address("127.0.0.1" if washer_host == "127.0.0.1" else "127.0.0.2")
        self.start_dryer(at=near, does=f'echo "$1" >>ran; {does}', name="near")
        self.wait_all_work()

    @staticmethod
    def listens(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def check_ran_once(self):
        ran = self.read("ran").decode().split()
        self.assertEqual(len(ran), len(set(ran)), "ran twice")


class OneOfSeveral(Case):
    """One connection is reset while others live: nobody is declared dead, and nothing runs twice."""

    def check_resets(self, which, of=lambda self: self.to_dryer, washer_host="127.0.0.1", slow=lambda self: 0):
        self.begin(amount(600, 6000), washer_host, does="sleep 0.02")
        clock, resets = Clock(0.5), 0
        while self.done() < len(self.items) * 0.8:
            clock.wait()
            resets += (which(self) if callable(which) else of(self).reset(self.first + which)) or 0
        self.assertGreater(resets, 2)
        lost = slow(self)
        self.check_end(dryers_lost=lambda n: n <= lost, redelivered=lambda n: n == 0 or lost)
        if not lost:
            self.check_ran_once()

    def test_out(self):
        self.check_resets(0)

    def test_in(self):
        """Its one connection there. Only where the machine is so busy that it is not soon back may it be thought dead."""
        self.check_resets(1, slow=lambda self: self.to_dryer.slow)

    def test_lane(self):
        self.check_resets(lambda self: self.to_dryer.lanes.reset())

    def test_out_of_the_washer(self):
        self.check_resets(0, lambda self: self.to_washer, "127.0.0.3")

    def test_in_of_the_washer(self):
        self.check_resets(1, lambda self: self.to_washer, "127.0.0.3", slow=lambda self: self.to_washer.slow)


class EachSecond(Case):
    def harm(self, relays, clock, done):
        """One kind after the other, each second; how often all was cut for long."""
        cuts = 0
        while self.done() < done:
            for kind in ("reset", "delay", "stall", "cut"):
                clock.wait()
                for relay in relays:
                    relay.delay_s = 0.03 if kind == "delay" else 0
                if kind == "reset":
                    random.choice(relays).reset()
                elif kind == "stall":
                    for relay in relays:
                        relay.stall(0.6)
                elif kind == "cut":
                    cuts += 1
                    for relay in relays:
                        relay.cut(0.7)
        for relay in relays:
            relay.delay_s = 0
        pause(1)
        self.wait_figures(dryers=2)     # who is away when all ends finds nobody
        return cuts

    def test_a_dryer_behind_a_bad_network(self):
        """Cut for longer than is borne, it is lost, and begins anew."""
        self.begin(amount(700, 12000))
        cuts = self.harm([self.to_dryer, self.to_dryer.lanes], Clock(1), amount(500, 11000))
        self.assertGreaterEqual(cuts, 1)
        most = 2 * cuts + self.to_dryer.slow
        self.check_end(dryers_lost=lambda n: cuts <= n <= most, redelivered=lambda n: True)

    def test_everybody_behind_a_bad_network(self):
        """The washer too: a new life of it takes up the run."""
        self.begin(amount(700, 12000), "127.0.0.3")
        self.harm([self.to_dryer, self.to_dryer.lanes, self.to_washer], Clock(1), amount(500, 11000))
        self.check_end(redelivered=lambda n: True)


if __name__ == "__main__":
    fault.main()
