"""S41 ... S47: --halt, and what a washer or a sink knows of the life before."""

import sqlite3
import struct

import wire
from players import LaneOfDryer, LaneOfWasher, Peer
from reports import HALTED, JOINED_OK, LOST, end_of, eof, hash_at, next_life, printed, report, told
from run import over
from wire import (BEAT, DONE, DRYER_UP, EOF, HALT, HOLDING, INPUT, JOINED, RECALL, RETURNED, TASKS, WASHER_DOWN,
                  WELCOME)

#   ---- S41, S42

def S41_halt_soon_is_judged_at_each_completion(case):
    sink = case.sink("--halt", "soon,fail=2")
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    report(dryer, 1, status=1)
    report(dryer, 2)
    assert dryer.acked(2)
    dryer.hear_none(HALT, 0.2)
    report(dryer, 3, status=1)
    dryer.hear(HALT)
    washer.hear(HALT)
    late = case.peer(sink, "d")
    late.hear(HALT)
    washer.letter(wire.HALTED, count=0)
    assert end_of(washer)[:2] == (HALTED, 2)


def S41_halt_now_ends_at_once(case):
    sink = case.sink("--halt", "now,success=1")
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    report(dryer, 1, status=1)
    assert dryer.acked(1)
    washer.hear_none(JOINED, 0.2)
    report(dryer, 2)
    assert end_of(washer)[0] == HALTED


def S41_halt_is_judged_when_the_total_becomes_known(case):
    sink = case.sink("--halt", "now,fail=50%")
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    report(dryer, 1, status=1)
    assert dryer.acked(1)
    washer.hear_none((JOINED, HALT), 0.3)
    eof(washer, 2)
    assert end_of(washer)[0] == HALTED


def S41_halt_is_judged_by_a_restarted_sink_at_once(case):
    sink = case.sink("--journal", case.journal())
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    report(dryer, 1, status=1)
    assert dryer.acked(1)
    sink = case.restarted("--halt", "soon,fail=1")
    case.peer(sink, "d").hear(HALT)
    washer = Peer(case, sink, "w", washer.life)
    if not washer.meet().records[4 + 1 + 4 + 8]:            # halting
        washer.hear(HALT)


def S42_what_only_the_washer_remembers_is_counted(case):
    sink = case.sink("--journal", case.journal())
    washer = case.peer(sink, "w", wire.hello_of_washer(counted=((1, 2), (4, 1)), failed=1))
    dryer = case.peer(sink, "d")
    assert case.ask_journal("SELECT sum (count) FROM counted") == [(3,)], "it is as durable as a completion"
    report(dryer, 3, "3\n")
    report(dryer, 4, "4\n")                                 # a duplicate
    eof(washer, 4)
    end, status, figures = end_of(washer)
    assert (end, status, figures["ok"], figures["failed"], figures["duplicates"]) == (JOINED_OK, 1, 3, 1, 1), figures
    assert printed(case, sink, dryer) == "3\n"


def S42_end_is_told_with_the_figures_of_the_last_commit(case):
    sink = case.sink("--journal", case.journal())
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    report(dryer, 1)
    assert dryer.acked(1)
    database = sqlite3.connect(case.journal(), timeout=5)
    database.execute("DROP TABLE counted")                  # from now on no commit succeeds
    database.commit()
    database.close()
    seq = report(dryer, 2)
    end, status, figures = end_of(washer)
    assert (end, status, figures["ok"]) == (LOST, 125, 1), figures
    assert not any(message.ack >= seq for message in dryer.log)
    assert told(washer) == [(1, 1, 0)]


#   ---- S43, S44, S46

def places_of(case, text, *words, place=0):
    """What the washer says its input hashes to: {bytes: hash}. Checks that places go up, and that EOF is the last."""
    sink = case.sink_player()
    part = case.washer(text, *words)
    washer = sink.meet("w", place=place)
    LaneOfDryer(washer, slots=1000).begin()
    washer.first(EOF)
    kinds = [message.type for message in sink.log if message.sender == washer.life and message.type in (INPUT, EOF)]
    assert kinds[-2:] == [INPUT, EOF], kinds
    found = [struct.unpack_from("<QQ", message.records, 16 * i)
             for message in washer.heard(INPUT) for i in range(message.count)]
    sink.close()
    part.close()
    case.open.remove(sink)
    case.elsewhere()
    return dict(found)


SMALL = {2**n for n in range(10)}


def S43_washer_says_what_its_input_hashes_to(case):
    text = "".join(f"{n:06d}\n" for n in range(1, 20001))   # 140,000 bytes
    places = places_of(case, text)
    assert set(places) == {*SMALL, *range(1024, 65537, 1024), 131072, 140000}, sorted(places)
    assert places_of(case, text) == places, "another life says the same"
    shorter = places_of(case, text[:70000])
    assert set(shorter) == {*SMALL, *range(1024, 65537, 1024), 70000}
    assert all(shorter[place] == places[place] for place in range(1024, 65537, 1024)), "where it is the same"
    other = places_of(case, text[:3000] + "x" + text[3001:10003])
    assert [place for place in sorted(other) if other[place] == places.get(place)] == [*sorted(SMALL), 1024, 2048]
    assert set(other) == {*SMALL, *range(1024, 10003, 1024), 10003}


def S43_pieces_in_which_the_input_comes_do_not_matter(case):
    text = "".join(f"{n:06d}\n" for n in range(1, 501))
    sink = case.sink_player()
    case.washer("", keeps_open=True)
    washer = sink.meet("w")
    LaneOfDryer(washer, slots=1000).begin()
    for at in range(0, len(text), 333):                     # in the middle of items
        case.feed(text[at:at + 333])
        sink.spend(0.02)
    case.feed_end()
    washer.first(EOF)
    found = [struct.unpack_from("<QQ", message.records, 16 * i)
             for message in washer.heard(INPUT) for i in range(message.count)]
    case.elsewhere()
    assert dict(found) == places_of(case, text)


def S43_washer_says_the_place_that_welcome_names(case):
    text = "".join(f"{n:06d}\n" for n in range(1, 501))
    assert set(places_of(case, text, place=2100)) == {*SMALL, 1024, 2048, 2100, 3072, 3500}


def S43_input_is_hashed_as_its_tasks_lie(case):
    text = "".join(f"{n:06d}\n" for n in range(1, 501))
    one, two = places_of(case, text), places_of(case, text, "-n", "2")
    assert one[3072] != two[3072], "other tasks, another hash"


def S43_input_is_said_with_the_tasks_before_it(case):
    sink = case.sink_player()
    part = case.washer("".join(f"{n:06d}\n" for n in range(1, 301)), keeps_open=True)  # 2,100 bytes
    washer = sink.meet("w")
    dryer = LaneOfDryer(washer, slots=200).begin()
    dryer.tasks()
    said = washer.first(INPUT)
    assert said.at < dryer.log[0].at + 0.3
    assert [struct.unpack_from("<Q", said.records, 16 * i)[0] for i in range(said.count)] == [*sorted(SMALL), 1024, 2048]
    assert part.status() is None


def refused_for_its_input(case, sink, washer):
    end, status, _ = end_of(washer)
    assert (end, status) == (LOST, 125)
    assert sink.ends(meanwhile=washer) == 125
    assert "the input is not that of the run that goes on" in sink.said(), sink.said()


def S44_other_hash_at_a_place_ends_the_run(case):
    sink = case.sink("--washer-grace", "20", "--dead-after", "1")
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    report(dryer, 1)
    assert dryer.acked(1)
    assert washer.acked(washer.letter(INPUT, hash_at((1024, 5), (2048, 6)), count=2))
    washer = next_life(case, sink, washer, dryer)
    assert washer.acked(washer.letter(INPUT, hash_at((1024, 5)), count=1))
    washer.letter(INPUT, hash_at((2048, 7)), count=1)
    refused_for_its_input(case, sink, washer)


def S44_input_that_ends_early_ends_the_run(case):
    sink = case.sink("--washer-grace", "20", "--dead-after", "1")
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    report(dryer, 1)
    assert dryer.acked(1)
    assert washer.acked(washer.letter(INPUT, hash_at((1024, 5), (2048, 6)), count=2))
    washer = next_life(case, sink, washer, dryer)
    washer.letter(INPUT, hash_at((1024, 5)), count=1)
    eof(washer, 9)
    refused_for_its_input(case, sink, washer)


def S44_input_that_goes_on_is_the_same(case):
    sink = case.sink("--washer-grace", "20")
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    report(dryer, 1)
    assert washer.acked(washer.letter(INPUT, hash_at((1024, 5), (2000, 6)), count=2))
    washer = next_life(case, sink, washer, dryer)
    washer.letter(INPUT, hash_at((1024, 5), (2000, 6), (2048, 7), (2100, 8)), count=4)
    eof(washer, 1)
    assert end_of(washer)[0] == JOINED_OK


def S44_places_are_durable_before_they_are_acked(case):
    sink = case.sink("--journal", case.journal())
    washer = case.peer(sink, "w")
    lock = case.locked_journal()
    seq = washer.letter(INPUT, hash_at((1024, 5), (2048, 6)), count=2)
    assert not washer.acked(seq, 0.4)
    lock.close()
    assert washer.acked(seq)
    sink = case.restarted("--dead-after", "1")
    again = Peer(case, sink, "w")
    welcome = again.meet()
    place = struct.unpack_from("<Q", welcome.records, 4 + 1 + 4 + 8 + 1 + 8)[0]
    assert place == 2048, "WELCOME names the furthest place"
    again.letter(INPUT, hash_at((2048, 7)), count=1)
    refused_for_its_input(case, sink, again)


#   ---- S45

def holding(message):
    washer, drop = struct.unpack_from("<QB", message.records)
    return washer, drop, wire.read_inventory(message.records, 9)


def busy_dryer(case, *items):
    """Of one slot: it runs the first of these, and the rest waits there."""
    sink, part = case.sink_player(), case.dryer(1, 8)
    dryer = sink.meet("d")
    lane = LaneOfWasher(dryer)
    seq = lane.tasks(1, *items)
    part.runs(1, meanwhile=sink)
    return sink, part, dryer, lane, seq


def S45_dryer_keeps_what_it_holds_for_a_lost_washer(case):
    sink, part, dryer, lane, seq = busy_dryer(case, "a", "b", "c")
    dryer.letter(WASHER_DOWN, struct.pack("<QB", lane.washer, 0))
    assert holding(dryer.hear(HOLDING)) == (lane.washer, 0, wire.Inventory(
        lane.washer, 1, ((lane.washer, seq, 1, 1), (lane.washer, seq, 2, 2))))
    part.finish(1)
    part.runs(2, meanwhile=sink)                            # it starts what it has
    try:
        lane.socket.send(wire.frame(TASKS, run=sink.run, sender=lane.washer, to=dryer.life, seq=2) +
                         wire.tasks(9, "x")[0], wire.tasks(9, "x")[1])
    except OSError:
        pass                                                # the lane is closed
    part.finish(2)
    part.runs(3, meanwhile=sink)
    part.finish(3)
    sink.spend(0.2)
    assert part.started() == (3, 0) and not dryer.heard(RETURNED)


def S45_dryer_forgets_what_it_is_told_to_drop(case):
    sink, part, dryer, lane, seq = busy_dryer(case, "a", "b", "c")
    dryer.letter(WASHER_DOWN, struct.pack("<QB", lane.washer + 1, 1))
    assert holding(dryer.hear(HOLDING)) == (lane.washer + 1, 1, wire.Inventory(
        lane.washer, 1, ((lane.washer, seq, 1, 1),)))
    part.finish(1)
    dryer.hear(DONE)
    sink.spend(0.2)
    assert part.started() == (1, 0) and not dryer.heard(RETURNED)


def S45_after_halt_what_waits_is_kept_for_a_recall(case):
    sink, part, dryer, lane, seq = busy_dryer(case, "a", "b")
    dryer.letter(HALT)
    sink.spend(0.2)
    part.finish(1)
    dryer.hear(DONE)
    sink.spend(0.2)
    assert part.started() == (1, 0) and not dryer.heard(RETURNED)
    recall = lane.say(RECALL, struct.pack("<I", 9))
    assert wire.read_returned(dryer.hear(RETURNED)) == (recall, [(2, 1, seq)])


def S45_new_sink_judges_anew(case):
    sink, part = case.sink_player(), case.dryer(1, 8)
    dryer = sink.meet("d")
    lane = LaneOfWasher(dryer)
    lane.tasks(1, "a", "b")
    part.runs(1, meanwhile=sink)
    dryer.letter(HALT)
    dryer.letter(WASHER_DOWN, struct.pack("<QB", lane.washer, 0))
    dryer.hear(HOLDING)
    sink.reborn()
    lane.dryer = dryer = sink.meet("d")
    part.finish(1)
    part.runs(2, meanwhile=sink)                            # the HALT is void
    lane.next()                                             # the washer lives, and orders the lane again
    lane.tasks(3, "c", seq=2)
    part.finish(2)
    part.runs(3, meanwhile=sink)


def S46_washer_deals_nothing_before_the_dryers_are_presented(case):
    sink = case.sink_player()
    case.washer("a\nb\nc\n")
    washer = sink.meet("w", sent=2)                         # two letters tell of the dryers that live
    first = LaneOfDryer(washer, slots=3).begin()
    first.hear_none(TASKS, 0.4)
    held = wire.Inventory(0, 0, ((washer.life - 1, 1, 1, 2),))
    LaneOfDryer(washer, slots=3, held=held)                 # what this one runs is not dealt again
    tasks = first.tasks()
    assert (tasks.n, tasks.items) == (3, ["c"])
    first.hear_none(TASKS, 0.2)


def S46_sink_says_up_to_where_the_dryers_are_presented(case):
    sink = case.sink()
    for _ in range(3):
        case.peer(sink, "d")
    washer = Peer(case, sink, "w")
    welcome = washer.meet()
    washer.spend(0.3)
    presented = [message.seq for message in washer.log if message.type == DRYER_UP]
    assert presented == [1, 2, 3] and welcome.sent == 3, (presented, welcome.sent)


#   ---- S47

def strangers_of(message):
    return struct.unpack("<Q", message.records)[0] if message.records else 0


def S47_sink_adds_up_what_washers_tell(case):
    sink = case.sink("--washer-grace", "20")
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    for count, sum_of_all in ((5, 5), (5, 5), (3, 5), (6, 6)):
        washer.say(BEAT, struct.pack("<Q", count))
        washer.spend(0.05)
        assert case.status(sink)["guard"] == sum_of_all
    washer.beat()
    washer = next_life(case, sink, washer, dryer)
    washer.say(BEAT, struct.pack("<Q", 2))
    washer.spend(0.05)
    assert case.status(sink)["guard"] == 8


def S47_washer_that_refused_none_says_nothing_of_it(case):
    sink = case.sink_player()
    case.washer("a\n")
    washer = sink.meet("w", dead_after_ms=400)
    LaneOfDryer(washer).begin().tasks()
    sink.spend(0.5)
    beats = washer.heard(BEAT)
    assert len(beats) >= 3 and not any(message.records for message in beats)


@over("ipc", "tcp")
def S47_washer_tells_of_strangers_and_again_to_a_new_sink(case):
    sink = case.sink_player()
    case.washer("a\n", keeps_open=True)
    washer = sink.meet("w", dead_after_ms=1200)
    dryer = LaneOfDryer(washer).begin()
    dryer.tasks()
    other = case.socket(wire.PULL)                          # a second peer
    other.connect(case.dialled(dryer.endpoint))
    told_of = sink.find(BEAT, sender=washer.life, records=struct.pack("<Q", 1))
    assert told_of, [message.records for message in washer.heard(BEAT)]
    other.close()
    sink.spend(1.0)
    assert max(strangers_of(message) for message in washer.heard(BEAT)) == 1
    assert len(washer.heard(BEAT)) < 40
    sink.reborn()
    washer = sink.meet("w", dead_after_ms=1200)
    sink.hear(BEAT, sender=washer.life, records=struct.pack("<Q", 1))
