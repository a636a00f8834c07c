#!/usr/bin/env python3
"""The host of a dryer is cut off from the others for longer than is borne, and comes back. (Hosts are network
namespaces: as root, or where a user may make them.)"""

# ctest: waits seconds=120

import fault
from fault import amount, harness, numbers, pause
import network

PORT = 5570
WHY_NOT = network.why_not()


@harness.ways("inproc")     # that is, once
class Partition(fault.FaultCase):
    transport = "tcp"
    dead_after = "1s"

    def setUp(self):
        super().setUp()
        if WHY_NOT:
            self.skipTest(f"no network namespaces can be made here: {WHY_NOT}")
        self.net = network.Network("head", "one", "two")
        self.at = f"tcp://10.77.0.1:{PORT}"
        self.host = self.net.head

    def tearDown(self):
        for program in self.programs:       # where a test has failed
            if not program.result:
                program.popen.kill()
        if not WHY_NOT:
            self.net.close()
        super().tearDown()

    def part(self, name, *args, **how):
        """On the host of the moment."""
        return self.start_program(self.host.inside(harness.stage(name), "--insecure", "--at", self.at, *args), **how)

    def observe(self, *args, **how):
        return self.start_program(self.net.head.inside(harness.BINARY, "--insecure", *args), **how)

    def start_on(self, host, **how):
        self.host = host
        try:
            return self.start_dryer("--stay", "--prefetch", "8", does="sleep 0.02", **how)
        finally:
            self.host = self.net.head

    def test_cut_off_and_back(self):
        rounds = amount(2, 20)
        self.give(numbers(400 * rounds))
        self.start_sink()
        self.start_washer()
        one = self.start_on(self.net.one)
        self.start_on(self.net.two)
        self.wait_all_work()
        for round_ in range(rounds):
            self.net.cut(self.net.one)
            self.wait_figures(dryers_lost=round_ + 1)
            pause(0.5)
            self.net.mend(self.net.one)
            self.wait_works_again(one, 10)
        dryers, self.dryers = self.dryers, []       # they stay
        self.check_end(dryers_lost=rounds, redelivered=lambda n: 1 <= n <= 12 * rounds)
        for dryer in dryers:
            dryer.signal(15)
            dryer.wait()


if __name__ == "__main__":
    network.become_root()
    fault.main()
