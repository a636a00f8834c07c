"""S1 ... S10: frames and the link."""

import struct

import wire
from players import LaneOfDryer, LaneOfWasher, Peer
from wire import (BEAT, BYE, COUNTED, DONE, DRYER_UP, EOF, FAILED, GAP, GONE, HALT, HELLO, JOINED, LANE, LANEGOT, OUT,
                  RETURNED, SLOTS, STOP, TASKS, WHO)

#  What a header may not be: of another version, of a type that is not known, or of something else.
BAD_HEADERS = ({"version": 2}, {"type": 99}, {"type": 0}, {"magic": ord("E")})


def slots(count, prefetch=0):
    return struct.pack("<III", count, prefetch, count)


def S1_sink_counts_and_drops_malformed_frames(case):
    sink = case.sink()
    dryer = case.peer(sink, "d")
    before = case.status(sink)["malformed"]
    dryer.mouth.send(wire.frame(SLOTS)[:71])
    dryer.mouth.send(b"")
    for fields in BAD_HEADERS:
        dryer.say(SLOTS, slots(7), seq=1, **fields)
    dryer.letter(SLOTS, slots(7)[:11])
    dryer.letter(SLOTS, slots(7)[:3])
    assert dryer.acked(2)
    status = case.status(sink)
    assert status["malformed"] - before == 2 + len(BAD_HEADERS) + 2, status
    assert (status["dryers"], status["slots"]) == (1, 1), status
    assert dryer.acked(dryer.letter(SLOTS, slots(3)))
    assert case.status(sink)["slots"] == 3


def S1_dryer_drops_malformed_frames(case):
    sink = case.sink_player()
    part = case.dryer(1, 5)
    dryer = sink.meet("d")
    topic = wire.topic("d", dryer.life)
    sink.out.send(topic + wire.frame(HALT)[:71])
    sink.out.send(topic)
    for fields in BAD_HEADERS:
        sink.say(topic, HALT, **{**dryer.header(), "seq": 1, **fields})
    dryer.letter(LANE, b"\1")                               # takes its place in the link, and does nothing else
    lane = LaneOfWasher(dryer)
    for fields in BAD_HEADERS:
        lane.tasks(1, "a", seq=1, **fields)
    lane.socket.send(b"D\1\x40")
    records, body = wire.tasks(1, "a")
    lane.say(TASKS, records[:-1], body, seq=1)
    lane.say(TASKS, records, body, seq=2)
    part.runs(1, meanwhile=sink)
    assert part.started() == (1, 0)


def S1_washer_drops_malformed_frames(case):
    sink = case.sink_player()
    case.washer("a\n")
    washer = sink.meet("w")
    topic = wire.topic("w", washer.life)
    sink.out.send(topic + wire.frame(HALT)[:71])
    for fields in BAD_HEADERS:
        sink.say(topic, HALT, **{**washer.header(), "seq": 1, **fields})
    washer.letter(DRYER_UP, b"\1\2\3")
    assert LaneOfDryer(washer).begin().tasks().items == ["a"]


def S2_sink_drops_what_is_not_for_it(case):
    sink = case.sink()
    dryer = case.peer(sink, "d")
    dryer.say(SLOTS, slots(7), seq=1, run=dryer.run + 1)
    dryer.say(SLOTS, slots(7), seq=1, to=dryer.to + 1)
    dryer.say(SLOTS, slots(7), seq=1, sender=dryer.life + 1)
    dryer.beat()
    assert case.status(sink)["slots"] == 1
    assert not any(message.got for message in dryer.log), "a message that was not for the sink took a place in the link"
    assert dryer.acked(dryer.letter(SLOTS, slots(3)))
    assert case.status(sink)["slots"] == 3


def S2_peers_drop_what_is_not_for_them(case):
    sink = case.sink_player()
    part = case.dryer(1, 5)
    dryer = sink.meet("d")
    topic = wire.topic("d", dryer.life)
    for wrong in ({"run": sink.run + 1}, {"sender": sink.life + 1}, {"to": dryer.life + 1}):
        sink.say(topic, STOP, struct.pack("<BB8Q", 1, 0, *[0] * 8), **{**dryer.header(), **wrong})
        sink.say(topic, HALT, **{**dryer.header(), "seq": 1, **wrong})
    lane = LaneOfWasher(dryer)
    for wrong in ({"run": sink.run + 1}, {"sender": lane.washer + 1}, {"to": dryer.life + 1}):
        lane.tasks(9, "bad", seq=1, **wrong)
    lane.tasks(1, "good", seq=1)
    part.runs(1, meanwhile=sink)
    assert part.status() is None


def another_run(case, sink, part):
    sink.call(run=sink.run + 1, sender=sink.life + 1)
    assert part.ends(meanwhile=sink) == 125
    assert "the pipeline is lost" in part.said(), part.said()


def S3_dryer_ends_where_another_run_stands(case):
    sink, part = case.sink_player(), case.dryer()
    sink.meet("d")
    another_run(case, sink, part)


def S3_washer_ends_where_another_run_stands(case):
    sink, part = case.sink_player(), case.washer("a\n")
    sink.meet("w")
    another_run(case, sink, part)


def S3_observer_ends_where_another_run_stands(case):
    sink, part = case.sink_player(), case.observer()
    sink.meet("o")
    another_run(case, sink, part)


def S4_links_go_on_over_new_connections(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    assert dryer.acked(dryer.letter(DONE, wire.done(1)))
    washer.hear(COUNTED)
    before = washer.got
    for peer in (dryer, washer):
        peer.hang_up()
        peer.dial()
        peer.hello()
    dryer.say(DONE, wire.done(7), seq=1)                # a sequence that began again would count this
    assert dryer.acked(dryer.letter(DONE, wire.done(2)))
    counted = washer.hear(COUNTED)
    assert counted.seq == before + 1, f"letter {counted.seq} came after {before}"
    assert wire.read_counted(counted) == [(2, 1, 0)]


def S4_lane_goes_on_in_the_next_generation(case):
    sink, part = case.sink_player(), case.dryer(8)
    dryer = sink.meet("d")
    lane = LaneOfWasher(dryer)
    lane.tasks(1, "a")
    part.runs(1, meanwhile=sink)
    lane.next()
    assert struct.unpack("<QIQ", dryer.hear(LANEGOT).records) == (lane.washer, 2, 1)
    lane.tasks(7, "again from one", seq=1)
    lane.tasks(2, "b", seq=2)
    part.runs(1, 2, meanwhile=sink)


def S5_sink_handles_letters_in_order_once(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    for seq, n in ((1, 1), (1, 1), (3, 3), (2, 2), (2, 7), (3, 3)):
        dryer.say(DONE, wire.done(n), seq=seq)
    dryer.seq = 3
    assert dryer.acked(3)
    counted = []
    while sum(count for _, count, _ in counted) < 3:
        counted += wire.read_counted(washer.hear(COUNTED))
    status = case.status(sink)
    assert (status["ok"], status["duplicates"]) == (3, 0), (counted, status)


def S5_dryer_handles_letters_in_order_once(case):
    sink, part = case.sink_player(), case.dryer(8)
    dryer = sink.meet("d")
    lane = LaneOfWasher(dryer)
    for seq, n in ((1, 1), (1, 1), (3, 3), (2, 2), (2, 7), (3, 3)):
        lane.tasks(n, "x", seq=seq)
    part.runs(1, 2, 3, meanwhile=sink)
    dryer.say(HALT, seq=3)                              # leaves a gap, and so stops nothing
    lane.tasks(4, "x", seq=4)
    part.runs(1, 2, 3, 4, meanwhile=sink)


def S6_letter_is_kept_until_it_is_acked(case):
    sink, part = case.sink_player(), case.dryer()
    dryer = sink.meet("d")
    dryer.acks = False
    LaneOfWasher(dryer).tasks(1, "a")
    part.finish(1)
    first = dryer.hear(DONE)
    for _ in range(2):
        dryer.say(BEAT, flags=GAP, got=first.seq - 1)
        again = dryer.hear(DONE)
        assert (again.seq, again.records, again.body) == (first.seq, first.records, first.body)
    dryer.acks = True
    dryer.say(BEAT, ack=first.seq)
    dryer.say(BEAT, flags=GAP, got=first.seq - 1)
    sink.hear_none(DONE, 0.3)


def S6_nothing_is_acked_before_it_is_durable(case):
    sink = case.sink("--journal", case.journal())
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    sink.status()
    lock = case.locked_journal()
    seq = dryer.letter(DONE, wire.done(1))
    assert not dryer.acked(seq, 0.4), "it was acked while nothing could be written"
    lock.close()
    assert dryer.acked(seq)
    assert case.ask_journal("SELECT n, count FROM counted") == [(1, 1)]


def S7_nothing_is_sent_again_unasked(case):
    sink, part = case.sink_player(), case.dryer(2)
    dryer = sink.meet("d")
    dryer.told = 0                                      # it looks as if nothing arrived
    LaneOfWasher(dryer).tasks(1, "a", "b")
    part.finish(1)
    first = dryer.hear(DONE)
    part.finish(2)
    second = dryer.hear(DONE)
    sink.hear_none(DONE, 1.0)
    dryer.say(BEAT, flags=GAP, got=first.seq)
    assert dryer.hear(DONE).seq == second.seq, "it goes back to got + 1"
    sink.hear_none(DONE, 0.2)


def gaps(log):
    return sum(bool(message.flags & GAP) for message in log)


def S7_sink_tells_a_gap_once_and_again_when_sent_shows_it(case):
    sink = case.sink("--dead-after", "1")               # a beat each 250 ms
    dryer = case.peer(sink, "d")
    dryer.beats = False
    dryer.letter(SLOTS, slots(2), seq=3)
    dryer.letter(SLOTS, slots(2), seq=4)
    assert gaps(dryer.spend(0.7)) == 1
    dryer.beat()                                        # sent is 4
    assert gaps(dryer.spend(0.2)) == 1
    dryer.say(SLOTS, slots(2), seq=1)
    assert gaps(dryer.spend(0.2)) == 0


def S7_dryer_tells_a_gap_once_and_again_when_sent_shows_it(case):
    sink, part = case.sink_player(), case.dryer()
    dryer = sink.meet("d")
    sink.beats = False
    sink.spend(0.2)
    dryer.say(HALT, seq=3, sent=3)
    dryer.say(HALT, seq=4, sent=4)
    assert gaps(sink.spend(1.2)) == 1
    dryer.say(BEAT, sent=4)
    assert gaps(sink.spend(0.3)) == 1
    assert part.status() is None


def S8_new_sink_gets_all_that_is_not_acked(case):
    sink, part = case.sink_player(), case.dryer(3)
    dryer = sink.meet("d")
    LaneOfWasher(dryer).tasks(1, "a", "b", "c")
    part.finish(1)
    first = dryer.hear(DONE)
    sink.spend(0.3)                                     # it is acked
    dryer.told = first.seq
    for n in (2, 3):
        part.finish(n)
        dryer.hear(DONE)
    sink.reborn()
    dryer = sink.meet("d")
    again = [dryer.hear(DONE), dryer.hear(DONE)]
    assert [message.seq for message in again] == [1, 2]
    assert [record[0] for message in again for record in wire.read_done(message)] == [2, 3]


def S8_output_begins_again_from_its_first_piece(case):
    sink, part = case.sink_player(), case.dryer()
    dryer = sink.meet("d")
    LaneOfWasher(dryer).tasks(1, "a")
    part.finish(1, 0, 150000)

    def output_of(dryer):
        pieces = []
        while True:
            message = dryer.hear((OUT, DONE))
            if message.type == DONE:
                return pieces, message
            pieces.append((message.seq, len(message.body)))

    pieces, last = output_of(dryer)
    dryer.told = last.seq - 1                           # the pieces are acked, DONE is not
    sink.spend(0.3)
    sink.reborn()
    again, last = output_of(sink.meet("d"))
    assert [size for _, size in again] == [size for _, size in pieces] and sum(size for _, size in again) == 150000
    assert [seq for seq, _ in again] == list(range(1, len(again) + 1)) and last.seq == len(again) + 1


def S8_washer_says_its_letters_again(case):
    sink = case.sink_player()
    case.washer("a\n")
    washer = sink.meet("w")
    washer.told = 0
    eof = washer.hear(EOF)
    sink.reborn()
    washer = sink.meet("w")
    assert washer.hear(EOF).records == eof.records and washer.got >= 1


def S9_nothing_waits_for_a_later_letter(case):
    sink = case.sink()
    dryer = case.peer(sink, "d")                        # and no washer
    assert dryer.acked(dryer.letter(OUT, struct.pack("<QQQBB", 1, 1, 1, 1, 0), b"piece"))
    assert dryer.acked(dryer.letter(FAILED, struct.pack("<QQQIHBB", 1, 2, 1, 1, 1, 0, 0)))
    assert dryer.acked(dryer.letter(RETURNED, wire.returned(1, (3, 1))))
    assert dryer.acked(dryer.letter(DONE, wire.done(4, out_bytes=2), b"x\n"))


def S9_sink_reads_while_nobody_reads_its_results(case):
    sink = case.sink()
    dryer = case.peer(sink, "d")
    out = b"x" * 65535 + b"\n"
    for n in range(1, 33):                              # a pipe holds one
        dryer.letter(DONE, wire.done(n, out_bytes=len(out)), out)
    assert dryer.acked(32)
    assert case.status(sink)["ok"] == 32


def S10_sink_hears_twice_as_once(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), Peer(case, sink, "d")
    welcomes = [dryer.meet().records for _ in range(3)]
    assert welcomes[0] == welcomes[1] == welcomes[2]
    assert case.status(sink)["dryers"] == 1
    for _ in range(2):
        dryer.beat()
    washer.hear(DRYER_UP)
    washer.hear_none(DRYER_UP, 0.2)
    for _ in range(3):
        dryer.say(BYE)
        dryer.hear(GONE)
    status = case.status(sink)
    assert (status["dryers"], status["lost"]) == (0, 0)
    washer.hear(wire.DRYER_DOWN)
    washer.hear_none(wire.DRYER_DOWN, 0.2)


def S10_dryer_hears_twice_as_once(case):
    sink, part = case.sink_player(), case.dryer()
    dryer = sink.meet("d")
    lane = LaneOfWasher(dryer)
    lane.tasks(1, "a")
    part.runs(1, meanwhile=sink)
    for _ in range(3):
        dryer.welcome()
        dryer.say(BEAT)
        sink.call()
    sink.forget()                                           # the next HELLO is the answer
    before = len(dryer.heard(HELLO))
    dryer.say(WHO)
    dryer.hear(HELLO)
    dryer.welcome()
    dryer.welcome()
    lane.tasks(2, "b")
    part.finish(1)
    part.runs(2, meanwhile=sink)
    assert part.started() == (2, 0) and len(dryer.heard(HELLO)) > before
    part.finish(2)
    for _ in range(3):
        dryer.say(STOP, struct.pack("<BB8Q", 1, 0, *[0] * 8))
    dryer.hear(BYE)
    for _ in range(3):
        dryer.say(GONE)
    assert part.ends() == 0


def S10_washer_hears_twice_as_once(case):
    sink, part = case.sink_player(), case.washer("a\n", keeps_open=True)
    washer = sink.meet("w")
    for _ in range(3):
        washer.welcome()
    dryer = LaneOfDryer(washer, slots=5).begin()
    assert dryer.tasks().n == 1
    for _ in range(2):
        washer.say(WHO)
        washer.hear(HELLO)
        washer.welcome()
    dryer.hear_none(TASKS, 0.2)
    for _ in range(3):
        washer.say(JOINED, struct.pack("<BB8Q", 1, 3, *[0] * 8))
    washer.hear(BYE)
    for _ in range(3):
        washer.say(GONE)
    assert part.ends() == 3
