"""S29 ... S36, S41 ... S44, S46, S47: counting, the end, and what lasts."""

import sqlite3
import struct
import time

import wire
from players import LaneOfDryer, LaneOfWasher, Peer, wait_until
from run import over
from wire import (BEAT, BYE, COUNTED, DIED, DONE, DRYER_DOWN, DRYER_UP, EOF, FAILED, GONE, HALT, HELLO, INPUT, JOINED,
                  LANEGOT, OUT, RETURNED, STOP, TASKS, WASHER_DOWN)

JOINED_OK, HALTED, LOST = 1, 2, 5       # how a run ends


def eof(washer, total):
    return washer.letter(EOF, struct.pack("<Q", total))


def report(dryer, n, out="", status=0):
    return dryer.letter(DONE, wire.done(n, status=status, out_bytes=len(out)), out.encode())


def piece(dryer, n, out):
    return dryer.letter(OUT, struct.pack("<QQQBB", 1, n, 1, 1, 0), out.encode())


def end_of(peer):
    """How the run ended, as it is told to this peer; which then leaves."""
    found = wire.read_ending(peer.hear((JOINED, STOP)))
    peer.say(BYE)
    return found


def printed(case, sink, *peers):
    """All that the sink has printed when it has left."""
    for peer in peers:
        peer.say(BYE)
    sink.ends(meanwhile=peers[0])
    return case.printed()


def told(washer):
    """All records of COUNTED that came so far."""
    return [record for message in washer.log if message.type == COUNTED for record in wire.read_counted(message)]


def died(case, sink, life):
    case.peer(sink, "o").letter(DIED, struct.pack("<Q", life))


def next_life(case, sink, washer, dryer):
    """The washer is lost and comes back; the dryer holds nothing."""
    died(case, sink, washer.life)
    dryer.hear(WASHER_DOWN)
    dryer.letter(wire.HOLDING, struct.pack("<QB", washer.life, 0) + wire.inventory(wire.NOTHING))
    return case.peer(sink, "w")


def hash_at(*places):
    return b"".join(struct.pack("<QQ", *place) for place in places)


#   ---- S29, S30

def S29_first_completion_counts_and_later_ones_do_not(case):
    sink = case.sink()
    washer = case.peer(sink, "w")
    first, second = case.peer(sink, "d"), case.peer(sink, "d")
    assert first.acked(report(first, 1, "first\n"))
    assert second.acked(report(second, 1, "second\n", status=3))
    assert first.acked(report(first, 1, "third\n"))
    eof(washer, 1)
    end, status, figures = end_of(washer)
    assert (end, status, figures["ok"], figures["failed"], figures["duplicates"]) == (JOINED_OK, 0, 1, 0, 2), figures
    assert printed(case, sink, first, second) == "first\n"
    assert told(washer) == [(1, 1, 0)]


def S30_commit_goes_before_ack_and_counted_and_print(case):
    sink = case.sink("--journal", case.journal())
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    lock = case.locked_journal()
    seq = report(dryer, 1, "out\n")
    washer.hear_none(COUNTED, 0.5)
    assert not dryer.acked(seq, 0.1) and case.printed() == ""
    lock.close()
    assert wire.read_counted(washer.hear(COUNTED)) == [(1, 1, 0)]
    assert case.ask_journal("SELECT n, count FROM counted") == [(1, 1)]
    assert dryer.acked(seq)
    output = ""

    def out():
        nonlocal output
        output += case.printed()
        return output
    wait_until(out, lambda: "nothing was printed", meanwhile=washer)
    assert output == "out\n"


def S30_welcome_tells_only_what_is_durable(case):
    sink = case.sink("--journal", case.journal())
    dryer, washer = case.peer(sink, "d"), Peer(case, sink, "w")
    lock = case.locked_journal()
    report(dryer, 1)
    dryer.spend(0.2)
    washer.hello()
    washer.hear_none(wire.WELCOME, 0.3)
    lock.close()
    assert washer.meet().records.endswith(wire.runs((1, 1)))
    assert case.ask_journal("SELECT n, count FROM counted") == [(1, 1)]


def S30_completion_beyond_the_total_is_dropped(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    eof(washer, 2)
    washer.spend(0.1)
    for n in (3, 1, 7, 2):
        report(dryer, n, f"{n}\n")
    end, status, figures = end_of(washer)
    assert (end, status, figures["ok"], figures["total"]) == (JOINED_OK, 0, 2, 2)
    assert printed(case, sink, dryer) == "1\n2\n"


#   ---- S31, S32

def S31_outputs_wait_for_credit_and_nothing_else_does(case):
    sink, part = case.sink_player(), case.dryer(4)
    dryer = sink.knock()
    dryer.credit = 100
    dryer.welcome()
    lane = LaneOfWasher(dryer)
    lane.tasks(1, *"abcdefgh")
    for n in (1, 2):                                        # 80 of 100 bytes, and 80 more while any is left
        part.finish(n, 0, 80)
        assert wire.read_done(dryer.hear(DONE))[0][::5] == (n, 80)
    part.finish(3, 0, 80)
    sink.hear_none((DONE, OUT), 0.4)
    part.finish(4)                                          # without output
    assert wire.read_done(dryer.hear(DONE))[0][0] == 4
    lane.order()
    dryer.hear(LANEGOT)
    dryer.credit = 161
    assert wire.read_done(dryer.hear(DONE))[0][::5] == (3, 80)


def S31_slot_is_free_when_its_output_is_on_its_way(case):
    sink, part = case.sink_player(), case.dryer(1)
    dryer = sink.knock()
    dryer.credit = 1
    dryer.welcome()
    LaneOfWasher(dryer).tasks(1, *"abcdefghijkl")
    part.finish(1, 0, 200000)
    dryer.hear(OUT)
    for n in range(2, 13):
        sink.spend(0.05)
        if part.running():
            part.finish(n, 0, 10)
    waiting = part.started()[0]
    assert waiting < 12, "outputs wait without an end"
    dryer.credit = 1 << 30
    wait_until(lambda: part.started()[0] > waiting, lambda: "nothing goes on", meanwhile=sink)


def S31_large_outputs_travel_in_pieces_one_task_after_another(case):
    sink, part = case.sink_player(), case.dryer(3)
    dryer = sink.meet("d")
    LaneOfWasher(dryer).tasks(1, "a", "b", "c")
    for n, size in ((1, 65536), (2, 65537), (3, 140000)):
        part.runs(*range(n, 4), meanwhile=sink)
        part.finish(n, 0, size)
    seen, open_task, sizes = [], 0, {}
    while len(seen) < 3:
        message = dryer.hear((OUT, DONE))
        if message.type == OUT:
            n = struct.unpack_from("<Q", message.records, 8)[0]
            assert open_task in (0, n), "pieces of two tasks are mixed"
            assert len(message.body) <= 65536
            open_task, sizes[n] = n, sizes.get(n, 0) + len(message.body)
            continue
        for n, _, _, _, flags, out in wire.read_done(message):
            assert open_task in (0, n)
            assert (flags, out) == ((0, 65536) if n == 1 else (128, 0))
            open_task = 0
            seen.append(n)
    assert sorted(seen) == [1, 2, 3] and sizes == {2: 65537, 3: 140000}


def S31_credit_begins_anew_with_a_new_sink(case):
    sink, part = case.sink_player(), case.dryer(2)
    dryer = sink.knock()
    dryer.credit = 50
    dryer.welcome()
    LaneOfWasher(dryer).tasks(1, "a", "b")
    part.finish(1, 0, 80)
    dryer.hear(DONE)
    sink.spend(0.3)                                         # acked: it does not go again
    sink.reborn()
    dryer = sink.knock()
    dryer.credit = 50
    dryer.welcome()
    part.finish(2, 0, 80)
    assert wire.read_done(dryer.hear(DONE))[0][::5] == (2, 80)


def S31_sink_grants_credit(case):
    sink = case.sink()
    dryer = case.peer(sink, "d")
    dryer.spend(0.3)
    granted = max(message.credit for message in dryer.log)
    assert granted > 0
    out = "x" * 65535 + "\n"
    for n in range(1, granted // 65536 + 1):
        report(dryer, n, out)
        dryer.pump(0)
    wait_until(lambda: max(message.credit for message in dryer.log) == granted or case.printed(), lambda: "")

    def more():
        case.printed()
        return max(message.credit for message in dryer.log) > granted
    wait_until(more, lambda: f"no more than {granted} is granted", meanwhile=dryer)


def S32_pieces_count_only_with_their_done(case):
    sink = case.sink()
    washer = case.peer(sink, "w")
    first, second = case.peer(sink, "d"), case.peer(sink, "d")
    assert first.acked(piece(first, 1, "torn "))
    died(case, sink, first.life)
    washer.hear(DRYER_DOWN)
    piece(second, 1, "a whole ")
    piece(second, 1, "output\n")
    eof(washer, 1)
    washer.hear_none((JOINED, COUNTED), 0.3)
    assert case.printed() == ""
    second.letter(DONE, wire.done(1, flags=128), b"")
    assert end_of(washer)[2]["ok"] == 1
    assert printed(case, sink, second) == "a whole output\n"


#   ---- S33

def S33_dryer_down_is_the_last_word(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    report(dryer, 1)
    dryer.letter(FAILED, struct.pack("<QQQIHBB", washer.life, 2, 1, 1, 1, 0, 0))
    dryer.letter(RETURNED, wire.returned(1, (3, 1), washer=washer.life))
    report(dryer, 4)
    dryer.say(BYE)
    dryer.hear(GONE)
    kinds = [message.type for message in washer.spend(0.5)]
    kinds = [message.type for message in washer.log if message.seq]
    assert kinds[0] == DRYER_UP and kinds[-1] == DRYER_DOWN and kinds.count(DRYER_DOWN) == 1, kinds
    assert {FAILED, RETURNED, COUNTED} <= set(kinds[1:-1]), kinds
    assert sum(count for _, count, _ in told(washer)) == 2
    report(dryer, 5)
    dryer.letter(RETURNED, wire.returned(1, (6, 1), washer=washer.life))
    assert not [message for message in washer.spend(0.3) if message.seq]


def S33_dryer_down_is_said_of_who_was_not_presented(case):
    sink = case.sink()
    dryer = case.peer(sink, "d")
    died(case, sink, dryer.life)
    dryer.hello()
    dryer.hear(GONE)
    washer = case.peer(sink, "w", wire.hello_of_washer(lanes=(dryer.life,)))
    assert struct.unpack("<QB", washer.hear(DRYER_DOWN).records)[0] == dryer.life
    assert washer.count(DRYER_UP) == 0


#   ---- S34, S35, S36

def S34_eof_belongs_to_the_life_that_said_it(case):
    sink = case.sink("--washer-grace", "20")
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    assert washer.acked(eof(washer, 2))
    again = next_life(case, sink, washer, dryer)
    report(dryer, 1)
    report(dryer, 2)
    assert dryer.acked(2)
    again.hear_none(JOINED, 0.4)
    eof(again, 2)
    assert end_of(again)[0] == JOINED_OK


def S34_eof_is_durable_before_it_is_acked(case):
    sink = case.sink("--journal", case.journal())
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    lock = case.locked_journal()
    seq = eof(washer, 2)
    assert not washer.acked(seq, 0.4)
    lock.close()
    assert washer.acked(seq)
    report(dryer, 1)
    assert dryer.acked(1)
    sink = case.restarted()
    washer = Peer(case, sink, "w", washer.life)
    dryer = case.peer(sink, "d")
    assert washer.meet(wire.hello_of_washer()).records.endswith(wire.runs((1, 1)))
    report(dryer, 2)
    assert end_of(washer)[2]["total"] == 2, "the EOF of this life holds"


def S34_total_below_what_is_counted_is_refused(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    for n in (1, 2, 3):
        report(dryer, n)
    assert dryer.acked(3)
    eof(washer, 2)
    assert end_of(washer)[:2] == (LOST, 125)
    dryer.say(BYE)
    sink.ends()
    assert "not the same input" in sink.said()


def S35_joined_when_just_the_total_is_counted(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    report(dryer, 1)
    report(dryer, 3, status=1)
    washer.hear_none(JOINED, 0.3)
    eof(washer, 3)
    washer.hear_none(JOINED, 0.3)
    dryer.hear_none(STOP, 0)
    report(dryer, 2)
    assert end_of(washer)[:2] == (JOINED_OK, 1)
    assert end_of(dryer)[:2] == (JOINED_OK, 1)
    assert sink.ends(meanwhile=washer) == 1


def S35_end_is_repeated_until_bye(case):
    sink = case.sink("--dead-after", "1.5")
    washer, dryer, observer = (case.peer(sink, role) for role in "wdo")
    eof(washer, 0)
    began = washer.hear(JOINED).at
    for peer, kind in ((washer, JOINED), (dryer, STOP), (observer, JOINED)):
        at = [peer.hear(kind).at for _ in range(5)]
        assert at[-1] - at[0] < 4 * 0.1 + 0.25, at
    washer.say(BYE)
    dryer.say(BYE)
    washer.hear(GONE)
    dryer.hear(GONE)
    dryer.forget()
    dryer.beats = washer.beats = False
    dryer.hear_none(STOP, 0.3)
    assert sink.status() is None
    assert sink.ends(meanwhile=observer) == 0               # though this one stays
    assert 1.4 < time.monotonic() - began < 2.2, time.monotonic() - began


def S35_decision_is_durable(case):
    sink = case.sink("--journal", case.journal(), "--dead-after", "1")
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    report(dryer, 1, status=4)
    eof(washer, 1)
    before = wire.read_ending(washer.hear(JOINED))
    assert case.ask_journal("SELECT count (*) FROM ending") == [(1,)]
    again = case.restarted("--dead-after", "1")
    began = time.monotonic()
    late = Peer(case, again, "w", washer.life)
    late.hello()
    assert wire.read_ending(late.hear(JOINED))[:2] == before[:2] == (JOINED_OK, 1)
    late.say(BYE)
    late.hear(GONE)
    late.spend(0.2)
    assert again.status() is None, "it waits for who was not told"
    assert again.ends() == 1 and time.monotonic() - began < 2.0


def S36_washer_leaves_when_all_is_counted_and_its_eof_acked(case):
    sink, part = case.sink_player(), case.washer("a\nb\n")
    washer = sink.meet("w")
    dryer = LaneOfDryer(washer, slots=5).begin()
    dryer.tasks()
    washer.told = 0
    said = washer.first(EOF)
    washer.letter(COUNTED, struct.pack("<QQB", 1, 2, 1))
    sink.hear_none(BYE, 0.3)                                # the EOF is not acked
    washer.told = None
    washer.hear(BYE)
    washer.say(GONE)
    assert part.ends(meanwhile=sink) == 2


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


def S43_washer_says_what_its_input_hashes_to(case):
    text = "".join(f"{n:06d}\n" for n in range(1, 20001))   # 140,000 bytes
    places = places_of(case, text)
    assert set(places) == {*range(1024, 65537, 1024), 131072, 140000}, sorted(places)
    assert places_of(case, text) == places, "another life says the same"
    shorter = places_of(case, text[:70000])
    assert set(shorter) == {*range(1024, 65537, 1024), 70000}
    assert all(shorter[place] == places[place] for place in range(1024, 65537, 1024)), "where it is the same"
    other = places_of(case, text[:3000] + "x" + text[3001:10003])
    assert [place for place in sorted(other) if other[place] == places.get(place)] == [1024, 2048]
    assert set(other) == {*range(1024, 10003, 1024), 10003}


def S43_washer_says_the_place_that_welcome_names(case):
    text = "".join(f"{n:06d}\n" for n in range(1, 501))
    assert set(places_of(case, text, place=2100)) == {1024, 2048, 2100, 3072, 3500}


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
    assert [struct.unpack_from("<Q", said.records, 16 * i)[0] for i in range(said.count)] == [1024, 2048]
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
