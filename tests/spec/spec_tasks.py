"""S19 ... S28, S39, S40: tasks, lanes, losses."""

import struct

import wire
from players import LaneOfDryer, LaneOfWasher
from run import over
from wire import (ALONE, BROKEN, CLOSED, COUNTED, DONE, DRYER_UP, FAILED, GONE, LANEGOT, LAST, RECALL, RETURNED, SKIP,
                  TASKS)


def counted(washer, *numbers):
    for n in numbers:
        washer.letter(COUNTED, struct.pack("<QQB", n, 1, 0))


def failed(dryer, n, seq, attempt=1):
    dryer.relay(FAILED, struct.pack("<QQQIHBB", dryer.remote.life, n, seq, attempt, 1, 0, 0))


def gives_back(dryer, *runs, seq, recall=0):
    dryer.relay(RETURNED, wire.returned(seq, *runs, washer=dryer.remote.life, recall=recall), count=len(runs))


def all_tasks(dryer, count, within_s=8):
    """The next TASKS up to so many tasks, each (n, item), all of one delivery or of several."""
    found = []
    while len(found) < count:
        tasks = dryer.tasks(within_s)
        found += [(tasks.n + i, item) for i, item in enumerate(tasks.items)]
    return found


def lines(count):
    return "".join(f"item {n}\n" for n in range(1, count + 1))


#   ---- S19, S20, S21

def S19_numbers_follow_the_input(case):
    sink = case.sink_player()
    case.washer(lines(30))
    dryer = LaneOfDryer(sink.meet("w"), slots=40).begin()
    assert all_tasks(dryer, 30) == [(n, f"item {n}") for n in range(1, 31)]


def S19_only_the_delivery_in_the_ledger_is_given_back(case):
    sink = case.sink_player()
    case.washer(lines(1))
    washer = sink.meet("w")
    dryer = LaneOfDryer(washer).begin()
    seq = dryer.tasks().seq
    gives_back(dryer, (1, 1), seq=seq + 1)
    dryer.relay(RETURNED, wire.returned(seq, (1, 1), washer=washer.life - 1))
    failed(dryer, 1, seq + 1)
    dryer.hear_none(TASKS, 0.3)
    gives_back(dryer, (1, 1), seq=seq)
    again = dryer.tasks()
    assert (again.n, again.items, again.attempt) == (1, ["item 1"], 1) and again.seq > seq
    gives_back(dryer, (1, 1), seq=seq)                      # that delivery is over
    dryer.hear_none(TASKS, 0.3)


def S20_task_is_sent_while_it_is_neither_out_nor_counted(case):
    sink = case.sink_player()
    case.washer(lines(4))
    washer = sink.meet("w")
    first = LaneOfDryer(washer, slots=4).begin()
    assert len(all_tasks(first, 4)) == 4
    second = LaneOfDryer(washer, slots=9).begin()
    counted(washer, 2, 3)
    first.hear_none(TASKS, 0.2)
    second.hear_none(TASKS, 0.2)                            # they are out
    first.down(blame=False)
    assert all_tasks(second, 2) == [(1, "item 1"), (4, "item 4")]
    counted(washer, 1)
    second.down(blame=False)
    third = LaneOfDryer(washer, slots=9).begin()
    assert all_tasks(third, 1) == [(4, "item 4")]
    third.hear_none(TASKS, 0.2)


def S20_what_its_dryer_does_not_hold_for_a_new_sink_is_not_out(case):
    sink = case.sink_player()
    case.washer(lines(3))
    dryer = LaneOfDryer(sink.meet("w"), slots=3).begin()
    places = {}
    while len(places) < 3:
        message = dryer.hear(TASKS)
        tasks = wire.read_tasks(message)
        places.update((tasks.n + i, message.seq) for i in range(len(tasks.items)))
    sink.reborn()
    dryer.remote = washer = sink.meet("w")                  # what the dryer said of 1 and 3 is lost
    held = wire.Inventory(washer.life, dryer.got, ((washer.life, places[2], 2, 1),))
    washer.letter(DRYER_UP, struct.pack("<Q", dryer.life) + wire.text("host") + struct.pack("<IIII", 3, 0, 1, 1) +
                  wire.inventory(held))
    dryer.order()                                           # for the lane that it has
    dryer.lanegot(dryer.got)
    assert all_tasks(dryer, 2) == [(1, "item 1"), (3, "item 3")]


def S21_window_is_slots_times_grain_and_prefetch(case):
    sink = case.sink_player()
    case.washer(lines(30))
    washer = sink.meet("w")
    dryer = LaneOfDryer(washer, slots=2, grain=3, prefetch=4).begin()
    assert [n for n, _ in all_tasks(dryer, 10)] == list(range(1, 11))
    dryer.hear_none(TASKS, 0.3)
    counted(washer, 1, 2, 3, 4, 5, 6)
    assert [n for n, _ in all_tasks(dryer, 6)] == list(range(11, 17))
    dryer.hear_none(TASKS, 0.2)
    dryer.slots(1, 0)                                       # the window is 3 and 10 are out
    counted(washer, *range(7, 14))
    dryer.hear_none(TASKS, 0.2)
    counted(washer, 14)
    assert [n for n, _ in all_tasks(dryer, 1)] == [17]


def S21_what_waits_is_filled_up_when_a_quarter_is_gone(case):
    sink = case.sink_player()
    case.washer(lines(60))
    washer = sink.meet("w")
    dryer = LaneOfDryer(washer, slots=2, prefetch=40).begin()
    assert len(all_tasks(dryer, 42)) == 42
    counted(washer, *range(1, 10))
    dryer.hear_none(TASKS, 0.3)
    counted(washer, 10)
    assert [n for n, _ in all_tasks(dryer, 10)] == list(range(43, 53))


#   ---- S22, S23

def after_a_break(dryer):
    """The lane's next generation, up to the answer to it: nothing is sent before."""
    dryer.order().connect()
    assert dryer.generation == 2
    dryer.lanegot(0, generation=1)
    dryer.hear_none((TASKS, SKIP), 0.3)


@over("ipc", "tcp")
def S22_broken_lane_goes_on_from_what_came(case):
    sink = case.sink_player()
    case.washer(lines(3), keeps_open=True)
    washer = sink.meet("w")
    dryer = LaneOfDryer(washer, slots=9).begin()
    assert len(all_tasks(dryer, 3)) == 3
    first = dryer.got
    case.feed("item 4\n")
    assert dryer.tasks().n == 4
    case.feed("item 5\n")
    assert dryer.tasks().n == 5
    counted(washer, 4)
    sink.spend(0.2)
    dryer.socket.close()
    dryer.socket = None
    after_a_break(dryer)
    dryer.lanegot(first)
    assert dryer.hear((TASKS, SKIP)).type == SKIP           # what was there is counted
    tasks = dryer.tasks()
    assert (tasks.n, tasks.seq) == (5, first + 2)


@over("ipc", "tcp")
def S22_second_peer_ends_the_generation(case):
    sink = case.sink_player()
    case.washer(lines(2), keeps_open=True)
    washer = sink.meet("w")
    dryer = LaneOfDryer(washer, slots=9).begin()
    assert len(all_tasks(dryer, 2)) == 2
    other = case.socket(wire.PULL)
    other.connect(case.dialled(dryer.endpoint))
    after_a_break(dryer)
    other.close()
    dryer.lanegot(dryer.got)
    case.feed("item 3\n")
    assert dryer.tasks().n == 3


def S22_next_generation_waits_for_lanegot_and_goes_on(case):
    """Between threads no connection breaks: there the next generation comes of a lane that was given up."""
    sink = case.sink_player()
    case.washer(lines(1), keeps_open=True)
    washer = sink.meet("w", dead_after_ms=600)
    dryer = LaneOfDryer(washer, slots=9).order()            # and never comes
    assert dryer.order().endpoint == ""
    dryer.lanegot(0)
    dryer.order().connect()
    assert dryer.generation == 3
    dryer.lanegot(0, generation=2)
    dryer.hear_none((TASKS, SKIP), 0.2)
    dryer.lanegot(0)
    kinds = [dryer.hear((TASKS, SKIP)) for _ in range(3)]
    assert [message.seq for message in kinds] == [1, 2, 3], "it goes on from got + 1"
    assert [message.type for message in kinds] == [SKIP, SKIP, TASKS]
    other = dryer.got
    case.feed("item 2\n")
    assert dryer.tasks().seq == other + 1


def S23_dryer_tells_a_gap_and_answers_orders(case):
    sink, part = case.sink_player(), case.dryer(9)
    dryer = sink.meet("d")
    lane = LaneOfWasher(dryer)
    lane.tasks(1, "a", seq=1)
    lane.tasks(3, "c", seq=3)
    assert struct.unpack("<QIQ", dryer.hear(LANEGOT).records) == (lane.washer, 1, 1)
    lane.tasks(4, "d", seq=4)
    sink.hear_none(LANEGOT, 0.2)
    lane.order()
    assert struct.unpack("<QIQ", dryer.hear(LANEGOT).records) == (lane.washer, 1, 1)
    for seq, n in ((2, 2), (3, 3), (4, 4)):
        lane.tasks(n, "x", seq=seq)
    part.runs(1, 2, 3, 4, meanwhile=sink)
    lane.next()
    assert struct.unpack("<QIQ", dryer.hear(LANEGOT).records) == (lane.washer, 2, 4)


#   ---- S39, S40

def S39_lane_that_cannot_be_made_is_given_up(case):
    sink = case.sink_player()
    part = case.washer(lines(3))
    washer = sink.meet("w", dead_after_ms=600)
    dryer = LaneOfDryer(washer, slots=9).order()
    began = sink.log[-1].at
    ordered = dryer.generation
    assert dryer.order().endpoint == "" and dryer.generation == ordered + 1
    assert 0.5 < sink.log[-1].at - began < 1.2, sink.log[-1].at - began
    other = LaneOfDryer(washer, slots=9).begin()            # what was never on the wire goes there
    assert [n for n, _ in all_tasks(other, 3)] == [1, 2, 3]
    assert not washer.heard(CLOSED) and part.status() is None


@over("ipc", "tcp")
def S39_what_runs_there_goes_on(case):
    """A lane on which tasks went, and then no more: they stay where they are."""
    sink = case.sink_player()
    case.washer(lines(1), keeps_open=True)
    washer = sink.meet("w", dead_after_ms=600)
    dryer = LaneOfDryer(washer, slots=2).begin()
    assert dryer.tasks().n == 1
    dryer.socket.close()
    dryer.socket = None
    case.feed("item 2\n")
    generations = []
    while not generations or dryer.endpoint:
        generations.append(dryer.order().generation)        # breaks, and cannot be made again
    dryer.lanegot(1)                                        # if 2 was on its way, this says that it did not arrive
    other = LaneOfDryer(washer, slots=9).begin()
    assert [n for n, _ in all_tasks(other, 1)] == [2]
    other.hear_none(TASKS, 0.3)
    assert not washer.heard(CLOSED)


def S40_dryer_gives_back_what_a_shut_lane_brought(case):
    sink, part = case.sink_player(), case.dryer(1, 8)
    dryer = sink.meet("d")
    lane = LaneOfWasher(dryer)
    seq = lane.tasks(1, "a", "b", "c")
    part.runs(1, meanwhile=sink)
    lane.generation += 1
    lane.order("")
    assert wire.read_returned(dryer.hear(RETURNED)) == (0, [(2, 2, seq)])
    assert struct.unpack("<QIQ", dryer.hear(LANEGOT).records) == (lane.washer, 2, 1)
    try:
        lane.socket.send(wire.frame(TASKS, run=sink.run, sender=lane.washer, to=dryer.life, seq=2) +
                         wire.tasks(9, "x")[0], wire.tasks(9, "x")[1])
    except OSError:
        pass                                                # nobody is there any more
    part.finish(1)
    assert wire.read_done(dryer.hear(DONE))[0][0] == 1
    sink.spend(0.2)
    assert part.started() == (1, 0)
    lane.next()
    assert struct.unpack("<QIQ", dryer.hear(LANEGOT).records) == (lane.washer, 3, 1)
    lane.tasks(4, "d", seq=2)
    part.runs(4, meanwhile=sink)


def S40_washer_takes_back_what_did_not_come_and_tries_again(case):
    sink = case.sink_player()
    case.washer(lines(2))
    washer = sink.meet("w", dead_after_ms=600)
    dryer = LaneOfDryer(washer, slots=9).order()
    assert dryer.order().endpoint == ""
    shut = sink.log[-1].at
    dryer.lanegot(0)
    dryer.order()
    assert dryer.endpoint and 0.5 < sink.log[-1].at - shut < 1.2
    dryer.lanegot(0)
    sink.spend(0.2)
    other = LaneOfDryer(washer, slots=1).begin()
    assert other.tasks().n == 1                             # the doubted lane is dealt nothing
    dryer.connect()
    first = dryer.hear((TASKS, SKIP))
    assert first.type == SKIP, "a SKIP goes first"
    assert dryer.tasks().n == 2                             # it has gone through


#   ---- S24, S25

def S24_dryer_answers_each_recall(case):
    sink, part = case.sink_player(), case.dryer(1, 8)
    dryer = sink.meet("d")
    lane = LaneOfWasher(dryer)
    seq = lane.tasks(1, "a", "b", "c", "d")
    part.runs(1, meanwhile=sink)
    recall = lane.say(RECALL, struct.pack("<I", 2))
    assert wire.read_returned(dryer.hear(RETURNED)) == (recall, [(3, 2, seq)])
    recall = lane.say(RECALL, struct.pack("<I", 9))
    assert wire.read_returned(dryer.hear(RETURNED)) == (recall, [(2, 1, seq)])
    recall = lane.say(RECALL, struct.pack("<I", 9))
    assert wire.read_returned(dryer.hear(RETURNED)) == (recall, [])
    assert part.running() == [1]


def S24_only_returned_gives_a_task_back(case):
    sink = case.sink_player()
    case.washer(lines(3))
    washer = sink.meet("w")
    busy = LaneOfDryer(washer, slots=1, prefetch=2).begin()
    assert len(all_tasks(busy, 3)) == 3
    seq = busy.got
    idle = LaneOfDryer(washer).begin()
    recall = busy.hear(RECALL)
    idle.hear_none(TASKS, 0.3)
    gives_back(busy, (3, 1), seq=seq, recall=recall.seq)
    assert all_tasks(idle, 1) == [(3, "item 3")]
    idle.hear_none(TASKS, 0.2)


def S25_nothing_goes_out_again_because_it_takes_long(case):
    sink = case.sink_player()
    case.washer(lines(2))
    washer = sink.meet("w", dead_after_ms=400)
    dryers = [LaneOfDryer(washer, slots=1).begin() for _ in range(2)]
    first = [dryer.tasks() for dryer in dryers]
    assert sorted(tasks.n for tasks in first) == [1, 2]
    third = LaneOfDryer(washer, slots=5).begin()
    third.hear_none(TASKS, 2.0)                             # five times dead-after
    for dryer in dryers:
        dryer.hear_none(TASKS, 0.1)


#   ---- S26

def S26_suspect_goes_out_alone(case):
    sink = case.sink_player()
    case.washer(lines(5))
    washer = sink.meet("w")
    dryer = LaneOfDryer(washer, slots=2, prefetch=3, unsure=2).begin()
    assert len(all_tasks(dryer, 5)) == 5
    dryer.down()
    dryer = LaneOfDryer(washer, slots=2, prefetch=3, unsure=2).begin()
    aboard, alone = set(), []
    while len(alone) < 2 or aboard:
        tasks = dryer.tasks()
        numbers = set(range(tasks.n, tasks.n + tasks.count))
        if tasks.flags & ALONE:
            assert tasks.count == 1 and not aboard, f"{aboard} is there with the suspect {tasks.n}"
            alone.append(tasks.n)
            dryer.hear_none(TASKS, 0.2)
        else:
            assert not numbers & {1, 2}, "a suspect goes with others"
        aboard |= numbers
        if tasks.flags & ALONE or len(aboard) == 3:
            counted(washer, *sorted(aboard))
            aboard = set()
    assert sorted(alone) == [1, 2]


def S26_slots_say_another_unsure(case):
    sink = case.sink_player()
    case.washer(lines(5))
    washer = sink.meet("w")
    dryer = LaneOfDryer(washer, slots=1, prefetch=4, unsure=1).begin()
    assert len(all_tasks(dryer, 5)) == 5
    dryer.slots(1, 4, unsure=3)
    dryer.down()
    dryer = LaneOfDryer(washer, slots=5, unsure=1).begin()
    alone = []
    while len(alone) < 3:
        tasks = dryer.tasks()
        if tasks.flags & ALONE:
            alone.append(tasks.n)
        counted(washer, *range(tasks.n, tasks.n + tasks.count))
    assert alone == [1, 2, 3], alone


def S26_bye_makes_no_suspects(case):
    sink = case.sink_player()
    case.washer(lines(3))
    washer = sink.meet("w")
    dryer = LaneOfDryer(washer, slots=3, unsure=3).begin()
    assert len(all_tasks(dryer, 3)) == 3
    dryer.down(blame=False)
    again = LaneOfDryer(washer, slots=3, unsure=3).begin().tasks()
    assert (again.n, again.count) == (1, 3) and not again.flags & ALONE


def S26_strikes_break_a_task(case):
    sink = case.sink_player()
    case.washer(lines(2))
    washer = sink.meet("w", crash_limit=2)
    dryer = LaneOfDryer(washer, slots=1).begin()
    assert dryer.tasks().n == 1
    for _ in range(2):
        dryer.down()
        sink.hear_none(BROKEN, 0.1)
        dryer = LaneOfDryer(washer, slots=1).begin()
        while not (tasks := dryer.tasks()).flags & ALONE:
            counted(washer, tasks.n)
        assert tasks.n == 1
    dryer.down()
    broken = washer.hear(BROKEN)
    assert struct.unpack("<QIBBHI", broken.records) == (1, 2, 0, 10, 1, 1) and broken.body == b"item 1\n"


def S26_broken_is_said_by_the_next_life_too(case):
    """What was decided and not acked is not forgotten with a life that the sink has closed."""
    sink = case.sink_player()
    case.washer(lines(1))
    washer = sink.meet("w", crash_limit=1)
    washer.told = 0
    for _ in range(2):
        dryer = LaneOfDryer(washer, slots=1).begin()
        dryer.tasks()
        dryer.down()
    washer.hear(BROKEN)
    washer.say(GONE)
    again = sink.meet("w", crash_limit=1)
    assert struct.unpack("<QIBBHI", again.hear(BROKEN).records)[0] == 1


#   ---- S27, S28

def S27_failure_that_is_not_the_last_goes_out_elsewhere(case):
    sink = case.sink_player()
    case.washer(lines(1), "--retries", "2")
    washer = sink.meet("w")
    first = LaneOfDryer(washer, slots=3).begin()
    tasks = first.tasks()
    assert (tasks.attempt, tasks.flags & LAST) == (1, 0)
    second = LaneOfDryer(washer, slots=1).begin()
    sink.spend(0.1)
    failed(first, 1, tasks.seq)
    again = second.tasks()
    assert (again.n, again.attempt, again.flags & LAST) == (1, 2, LAST)
    first.hear_none(TASKS, 0.2)


def S27_dryer_says_failed_and_at_the_last_attempt_done(case):
    sink, part = case.sink_player(), case.dryer(2)
    dryer = sink.meet("d")
    lane = LaneOfWasher(dryer)
    seq = lane.tasks(1, "a")
    lane.tasks(2, "b", last=True)
    part.finish(1, 7)
    said = dryer.hear(FAILED)
    assert struct.unpack("<QQQIHBB", said.records) == (lane.washer, 1, seq, 1, 7, 0, 0)
    part.finish(2, 7)
    assert [(n, status) for n, _, _, status, _, _ in wire.read_done(dryer.hear(DONE))] == [(2, 7)]
    assert len(dryer.heard(FAILED)) == 1


def S28_order_window(case):
    sink = case.sink_player()
    case.washer(lines(9))
    washer = sink.meet("w", window=3)
    dryer = LaneOfDryer(washer, slots=9).begin()
    assert [n for n, _ in all_tasks(dryer, 3)] == [1, 2, 3]
    counted(washer, 2, 3)
    dryer.hear_none(TASKS, 0.3)
    counted(washer, 1)
    assert [n for n, _ in all_tasks(dryer, 3)] == [4, 5, 6]
    dryer.hear_none(TASKS, 0.2)
