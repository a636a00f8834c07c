"""S11 ... S18, S37, S38: hello, beats, leaving, and who only looks."""

import struct
import time

import wire
from kitchen import DRAIN
from players import LaneOfDryer, LaneOfWasher, Peer, life_new
from run import over
from wire import (BEAT, BYE, COUNTED, DIED, DONE, DRYER_DOWN, DRYER_UP, GONE, HELLO, JOINED, REFUSED, RETURNED, SLOTS,
                  STOP, TASKS, WELCOME, WHO)

MOST_LATE_S = 0.25      # how much later than it is due a message may come on a busy machine


def died(case, sink, life):
    """A supervisor says so."""
    observer = case.peer(sink, "o")
    observer.letter(DIED, struct.pack("<Q", life))


#   ---- S11

def repeats_hello(case, part):
    sink = part(case)
    peer = sink.knock()
    sink.spend(2.0)
    at = [message.at for message in peer.heard(HELLO)]
    gaps = [after - before for before, after in zip(at, at[1:])]
    assert 5 <= len(gaps) <= 10 and gaps[0] < MOST_LATE_S, gaps     # the first ones go before anybody listens
    assert all(gap < 0.5 + MOST_LATE_S for gap in gaps) and max(gaps) > 0.4, gaps
    peer.welcome()
    sink.spend(0.1)
    sink.forget()
    sink.hear_none(HELLO, 0.7)


def S11_dryer_repeats_hello_until_welcome(case):
    repeats_hello(case, lambda case: (case.sink_player(), case.dryer())[0])


def S11_washer_repeats_hello_until_welcome(case):
    repeats_hello(case, lambda case: (case.sink_player(), case.washer("", keeps_open=True))[0])


def S11_observer_repeats_hello_until_welcome(case):
    repeats_hello(case, lambda case: (case.sink_player(), case.observer())[0])


def S11_hello_ends_at_each_answer(case):
    sink = case.sink_player()
    ending = struct.pack("<BB8Q", 1, 0, *[0] * 8)
    for kind, records, status in ((STOP, ending, 0), (REFUSED, wire.text("no room"), 125)):
        part = case.dryer()
        dryer = sink.knock()
        dryer.say(kind, records)
        if kind == STOP:
            dryer.hear(BYE)
            dryer.say(GONE)
        assert part.ends(meanwhile=sink) == status
    part = case.dryer()
    dryer = sink.knock()
    dryer.say(GONE)
    assert sink.knock().life > dryer.life, "a new life says HELLO"


#   ---- S12

def S12_same_life_gets_the_same_welcome(case):
    sink = case.sink()
    for role in "dw":
        peer = Peer(case, sink, role)
        assert peer.meet().records == peer.meet().records
    assert case.status(sink)["dryers"] == 1


def S12_closed_life_gets_gone(case):
    sink = case.sink()
    washer = case.peer(sink, "w")
    dryer = case.peer(sink, "d")
    dryer.say(BYE)
    dryer.hear(GONE)
    dryer.hello()
    dryer.hear(GONE)
    washer.spend(0.2)
    assert washer.count(DRYER_UP) == 1 and washer.count(WELCOME) == 1


def S12_lower_life_of_the_washer_is_not_taken(case):
    sink = case.sink()
    low, middle = life_new(), life_new()
    washer = case.peer(sink, "w")
    old = Peer(case, sink, "w", middle)
    old.hello()
    old.hear(GONE)                                          # a higher one is open
    washer.say(BYE)
    washer.hear(GONE)
    old = Peer(case, sink, "w", low)
    old.hello()
    assert b"clock" in old.hear(REFUSED).records
    case.peer(sink, "w")


def S12_highest_life_and_hash_are_durable(case):
    sink = case.sink("--journal", case.journal())
    low = life_new()
    case.peer(sink, "w", wire.hello_of_washer(input_hash=5))
    sink = case.restarted()
    old = Peer(case, sink, "w", low)
    old.hello(wire.hello_of_washer(input_hash=5))
    assert b"clock" in old.hear(REFUSED).records
    other = Peer(case, sink, "w")
    other.hello(wire.hello_of_washer(input_hash=6))
    assert b"input" in other.hear(REFUSED).records
    case.peer(sink, "w", wire.hello_of_washer(input_hash=5))


#   ---- S13

def S13_sink_beats(case):
    for dead_after_s, most_s in ((1.2, 0.3), (12, 1.0)):
        sink = case.sink("--dead-after", str(dead_after_s))
        peers = [case.peer(sink, role) for role in "dwo"]
        began = time.monotonic()
        while time.monotonic() < began + 2.5:
            for peer in peers:
                peer.pump(0.02)
        for peer in peers:
            at = [began, *(message.at for message in peer.log if message.at > began), time.monotonic()]
            silence = max(after - before for before, after in zip(at, at[1:]))
            assert silence < most_s + MOST_LATE_S, f"{silence} s of silence to {peer.role} at {dead_after_s}"
        case.elsewhere()


def S13_peers_beat(case):
    sink = case.sink_player()
    case.dryer(), case.washer("", keeps_open=True), case.observer()
    peers = [sink.knock() for _ in range(3)]
    for dead_after_ms, most_s in ((1200, 0.3), (12000, 1.0)):
        for peer in peers:
            peer.welcome(dead_after_ms)
        sink.spend(0.3)
        began = time.monotonic()
        sink.spend(2.5)
        for peer in peers:
            at = [began, *(message.at for message in sink.log if message.at > began and message.sender == peer.life)]
            silence = max(after - before for before, after in zip(at, at[1:] + [time.monotonic()]))
            assert silence < most_s + MOST_LATE_S, f"{silence} s of silence of {peer.role} at {dead_after_ms} ms"
        for peer in peers:
            peer.say(WHO)                                   # so that the next WELCOME is heard


#   ---- S14

def S14_pause_of_the_sink_is_no_silence_of_its_peers(case):
    sink = case.sink("--dead-after", "0.8")
    dryer, washer = case.peer(sink, "d"), case.peer(sink, "w")
    dryer.beats = washer.beats = False
    dryer.beat()
    washer.beat()
    sink.pause(1.2)
    case.let_pass(1.2 + 0.3)                                   # 1.5 s since they were heard, 0.3 s of them listened to
    washer.beat()
    dryer.beat()
    washer.beats = dryer.beats = True
    washer.hear_none((DRYER_DOWN, GONE), 0.3)
    dryer.forget()
    dryer.hear_none(GONE, 0.2)
    assert case.status(sink)["lost"] == 0


def S14_pause_of_a_peer_is_no_silence_of_the_sink(case):
    sink = case.sink_player()
    dryer, washer = case.dryer(), case.washer("", keeps_open=True)
    peers = {peer.role: peer for peer in (sink.meet(dead_after_ms=800), sink.meet(dead_after_ms=800))}
    sink.spend(0.3)
    sink.beats = False
    dryer.pause(1.2)
    washer.pause(1.2)
    case.let_pass(1.2 + 0.3)
    sink.beats = True
    sink.spend(0.8)
    for part, peer in ((dryer, peers["d"]), (washer, peers["w"])):
        assert part.status() is None, part.said()
        sink.forget()
        peer.hear(BEAT)


def S14_pause_is_no_part_of_another_wait(case):
    sink = case.sink("--wait", "1", "--dead-after", "0.4")  # it waits for a washer
    sink.pause(1.3)
    case.let_pass(1.3 + 0.3)
    assert sink.status() is None, sink.said()
    assert sink.ends() == 125 and "no washer came" in sink.said()


def S14_pause_is_no_part_of_the_wait_for_a_sink(case):
    sink = case.sink_player()
    part = case.dryer(1, 0, "--wait", "2")
    sink.knock()                                            # and gets no answer
    part.pause(2.5)
    case.let_pass(2.5 + 0.4)
    assert part.status() is None, part.said()
    assert part.ends(meanwhile=sink) == 125 and "did not answer in time" in part.said()


#   ---- S15

def S15_silence_closes_a_life(case):
    sink = case.sink("--dead-after", "0.8")
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    dryer.beats = False
    dryer.beat()
    began = time.monotonic()
    down = washer.hear(DRYER_DOWN)
    assert struct.unpack("<QB", down.records) == (dryer.life, 1)
    assert 0.75 < down.at - began < 1.0 + MOST_LATE_S, down.at - began


def S15_who_is_expected_and_does_not_come_is_closed(case):
    sink = case.sink("--dead-after", "0.8")
    life = life_new()       # the sink before knew it
    washer = case.peer(sink, "w", wire.hello_of_washer(lanes=(life,)))
    assert struct.unpack("<QB", washer.hear(DRYER_DOWN).records)[0] == life


def S15_death_that_was_seen_closes_a_life(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    began = time.monotonic()
    died(case, sink, dryer.life)
    assert washer.hear(DRYER_DOWN).at - began < 0.5 + MOST_LATE_S
    dryer.hello()
    dryer.hear(GONE)


@over("ipc", "tcp")
def S15_closed_connections_close_a_life(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    dryer.beats = False
    dryer.hang_up()
    began = time.monotonic()
    down = washer.hear(DRYER_DOWN)
    assert 0.2 < down.at - began < 0.6 + MOST_LATE_S, down.at - began


@over("ipc", "tcp")
def S15_connection_that_is_back_in_time_closes_nothing(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    washer.hear(DRYER_UP)
    for _ in range(3):
        dryer.hang_up()
        dryer.dial()
        dryer.beat()
        washer.spend(0.3)
        dryer.beat()
    washer.forget()
    assert washer.count(DRYER_DOWN) == 0 and case.status(sink)["lost"] == 0


def counted_before_down(washer):
    counted = 0
    while (message := washer.hear((COUNTED, DRYER_DOWN))).type == COUNTED:
        counted += sum(count for _, count, _ in wire.read_counted(message))
    return counted


def S15_what_came_is_read_before_a_life_is_closed(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    observer = case.peer(sink, "o")
    sink.pause(0.5)
    case.let_pass(0.05)
    for n in range(1, 200):
        dryer.letter(DONE, wire.done(n))
    observer.letter(DIED, struct.pack("<Q", dryer.life))
    assert counted_before_down(washer) == 199


@over("ipc", "tcp")
def S15_what_came_is_read_before_a_closed_connection_counts(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    sink.pause(0.4)
    case.let_pass(0.05)
    for n in range(1, 200):
        dryer.letter(DONE, wire.done(n))
    case.let_pass(0.2)                                         # they are over there
    dryer.hang_up()
    dryer.beats = False
    assert counted_before_down(washer) == 199


#   ---- S16

def S16_closed_life_gets_gone_and_does_nothing(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    died(case, sink, dryer.life)
    washer.hear(DRYER_DOWN)
    for kind, records in ((BEAT, b""), (DONE, wire.done(1)), (SLOTS, struct.pack("<III", 9, 9, 9)), (HELLO, None),
                          (RETURNED, wire.returned(1, (1, 1)))):
        dryer.forget()
        if kind == HELLO:
            dryer.hello()
        elif kind == BEAT:
            dryer.beat()
        else:
            dryer.letter(kind, records)
        dryer.hear(GONE)
    seen = {message.type for message in washer.spend(0.2)}
    assert not seen & {COUNTED, RETURNED, DRYER_UP, wire.DRYER_SLOTS}, seen
    status = case.status(sink)
    assert (status["ok"], status["dryers"], status["slots"]) == (0, 0, 0)


def S16_dryer_that_hears_gone_ends_its_work_and_begins_anew(case):
    sink, part = case.sink_player(), case.dryer(2)
    dryer = sink.meet("d")
    LaneOfWasher(dryer).tasks(1, "a", "b")
    part.runs(1, 2, meanwhile=sink)
    dryer.say(GONE)
    again = sink.meet("d")
    assert again.life > dryer.life
    assert part.started() == (2, 2) and part.running() == []
    assert wire.read_inventory(again.hello.records, len(again.hello.records) - 20) == wire.NOTHING
    sink.spend(0.2)
    assert not any(message.type == DONE for message in sink.log)


def S16_washer_that_hears_gone_goes_on_as_a_new_life(case):
    sink, part = case.sink_player(), case.washer("a\nb\n", keeps_open=True)
    washer = sink.meet("w")
    dryer = LaneOfDryer(washer, slots=2).begin()
    while dryer.count(TASKS) < 1 or dryer.got < 1:
        dryer.pump(0.1)
    washer.letter(COUNTED, struct.pack("<QQB", 1, 1, 0))
    sink.spend(0.2)
    washer.say(GONE)
    again = sink.meet("w", counted=[(1, 1)])
    assert again.life > washer.life
    dryer = LaneOfDryer(again, slots=2).begin()
    tasks = dryer.tasks()
    assert (tasks.n, tasks.items) == (2, ["b"])
    assert part.status() is None


#   ---- S17

def S17_dryer_that_hears_nothing_starts_nothing_more(case):
    sink, part = case.sink_player(), case.dryer(1, 4)
    dryer = sink.meet("d", dead_after_ms=1200, journal=1)   # with a journal the silence is borne
    lane = LaneOfWasher(dryer)
    lane.tasks(1, "a", "b")
    part.runs(1, meanwhile=sink)
    sink.beats = False
    case.let_pass(1.6)
    assert part.running() == [1], "what runs goes on"
    part.finish(1)
    lane.tasks(3, "c")
    case.let_pass(0.4)
    assert part.running() == [] and part.started() == (1, 0)
    sink.beats = True
    part.runs(2, meanwhile=sink)


#   ---- S18

def S18_leaving_dryer(case):
    sink, part = case.sink_player(), case.dryer(1, 5)
    dryer = sink.meet("d", dead_after_ms=1000)
    lane = LaneOfWasher(dryer)
    seq = lane.tasks(1, "a", "b", "c")
    part.runs(1, meanwhile=sink)
    sink.spend(0.2)
    part.ask(DRAIN)
    assert struct.unpack("<III", dryer.hear(SLOTS).records)[:2] == (0, 0)
    assert wire.read_returned(dryer.hear(RETURNED)) == (0, [(2, 2, seq)])
    late = lane.tasks(4, "d")
    assert wire.read_returned(dryer.hear(RETURNED)) == (0, [(4, 1, late)])
    sink.hear_none(BYE, 0.3)                                # it runs yet
    dryer.told = dryer.got
    part.finish(1)
    dryer.hear(DONE)
    sink.hear_none(BYE, 0.3)                                # and that is not acked
    dryer.told = None
    dryer.hear(BYE)
    dryer.hear(BYE)
    assert part.started() == (1, 0) and part.status() is None
    dryer.say(GONE)
    assert part.ends() == 0


def S18_bye_ends_after_dead_after(case):
    sink, part = case.sink_player(), case.dryer()
    dryer = sink.meet("d", dead_after_ms=800)
    sink.spend(0.2)
    part.ask(DRAIN)
    began = dryer.hear(BYE).at
    assert part.ends(meanwhile=sink) == 0
    assert 0.7 < time.monotonic() - began < 0.9 + 2 * MOST_LATE_S
    assert len(dryer.heard(BYE)) >= 4


#   ---- S37, S38

def S37_observer_is_told_the_status_and_the_end(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d", wire.hello_of_dryer(slots=7))
    dryer.letter(DONE, wire.done(1))
    assert dryer.acked(1)
    observer = Peer(case, sink, "o")
    status = wire.read_status(observer.meet())
    assert (status["ok"], status["dryers"], status["slots"], status["observers"]) == (1, 1, 7, 1), status
    washer.letter(wire.EOF, struct.pack("<Q", 1))
    end, code, figures = wire.read_ending(observer.hear(JOINED))
    assert (end, code, figures["ok"], figures["total"]) == (1, 0, 1, 1)


def S37_observer_asks_again(case):
    sink = case.sink()
    dryer, observer = case.peer(sink, "d", wire.hello_of_dryer(slots=7)), Peer(case, sink, "o")
    assert wire.read_status(observer.meet())["ok"] == 0
    dryer.letter(DONE, wire.done(1))
    assert dryer.acked(1)
    told = [wire.read_status(observer.meet())["ok"] for _ in range(3)]      # an answer may be one from before
    assert told[-1] == 1, told


def S37_observer_hears_little_whatever_it_says(case):
    sink = case.sink()
    observer = Peer(case, sink, "o")
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        observer.hello()
        observer.beat()
        observer.letter(DIED, struct.pack("<Q", 1))
        observer.spend(0.01)
    at = [message.at for message in observer.log if message.type != wire.ADVERT]
    assert 4 <= len(at) <= 11, f"{len(at)} messages in a second"


def S37_sink_refuses_more_than_a_thousand_observers(case):
    sink = case.sink()
    crowd = Peer(case, sink, "o")
    crowd.ear.set(wire.SUBSCRIBE, b"o")                     # the topics of all of them
    crowd.spend(0.3)                                        # now the sink knows that
    first = life_new()
    for i in range(1001):
        crowd.say(HELLO, wire.hello_of_observer(), sender=first + i)
    while crowd.count(WELCOME) + crowd.count(REFUSED) < 1001:
        assert crowd.pump(5), crowd.count(WELCOME)
    assert (crowd.count(WELCOME), crowd.count(REFUSED)) == (1000, 1)


def S38_observer_of_one_run_ends_where_another_stands(case):
    sink = case.sink_player()
    part = case.observer("--run", str(sink.run + 5), "--wait", "20")
    assert part.ends(meanwhile=sink) == 125
    assert "another run" in part.said(), part.said()
    part = case.observer("--run", str(sink.run))
    sink.meet("o")
    sink.spend(0.2)
    assert part.status() is None
    sink.call(run=sink.run + 5, sender=life_new())
    assert part.ends(meanwhile=sink) == 125
