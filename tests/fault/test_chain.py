#!/usr/bin/env python3
"""Two pipelines in a row, of which every part is killed: dryers of both, the process in the middle, the last sink."""

# ctest: waits seconds=240 each=Ipc,Tcp

import collections

import fault
from fault import amount, numbers


class ChainKilled:
    """What the last sink has in its file is what the first washer has put, each once."""

    does = '[ "$1" != gate ] || until [ -s go ]; do sleep 0.02; done; '

    def setUp(self):
        super().setUp()
        self.next = self.address()
        self.dead = collections.Counter()

    def start_middle(self):
        self.the_middle = self.sink("--journal", "j1", "--dead-after", "2s", "--into", self.next)

    def start_last(self):
        self.the_last = self.sink("--journal", "j2", "--dead-after", "2s", "-o", "out", at=self.next)

    def start_hands(self, stage):
        """A dryer of either pipeline. The first ones give an item without an end, or two lines."""
        self.born += 1
        does = ('printf "%s" "$1"', 'echo "$1 a$DISHES_SLOT"')[stage - 1]
        hands = self.dryer("-j2", "--name", f"{stage}-{self.born}", "sh", "-c", self.does + does, "sh", "{}",
                           at=(self.at, self.next)[stage - 1])
        hands.stage = stage
        self.dryers.append(hands)

    def kill_hands(self, stage):
        hands = next(dryer for dryer in self.dryers if dryer.stage == stage)
        self.kill(hands)
        self.start_hands(stage)

    def kill_middle(self):
        self.kill(self.the_middle)
        self.start_middle()

    def kill_last(self):
        self.kill(self.the_last)
        self.start_last()

    def test_all_of_them(self):
        count = amount(600, 6000)
        self.give(numbers(count))
        self.start_middle()
        self.start_last()
        for stage in (1, 2, 1, 2):
            self.start_hands(stage)
        self.start_washer()
        breaks = [self.kill_middle, lambda: self.kill_hands(2), self.kill_last, lambda: self.kill_hands(1),
                  self.kill_middle, self.kill_last] * amount(1, 3)
        for i, break_it in enumerate(breaks):
            self.wait_done((i + 1) * count // (len(breaks) + 2))
            break_it()
        self.wait_all_but_gate()
        self.assertEqual(self.figures(self.next)["total"], 0, "an end that is none yet")
        self.go()
        for part in (self.the_washer, self.the_middle, self.the_last, *self.dryers):
            self.end(part)
        self.check_exact()


fault.over_each_wire(ChainKilled)

if __name__ == "__main__":
    fault.main()
