"""S29 ... S36, S48 ... S50: counting, and the end."""

import struct
import time

import wire
from players import LaneOfDryer, LaneOfWasher, Peer, wait_until
from reports import DEADLINE, HALTED, JOINED_OK, LOST, died, end_of, eof, next_life, piece, printed, report, told
from wire import BYE, COUNTED, DONE, DRYER_DOWN, DRYER_UP, EOF, FAILED, GONE, JOINED, LANEGOT, OUT, RETURNED, STOP

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
    sink.pause(0.3)                                         # so that it reads all of it in one turn
    case.let_pass(0.05)
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


def S49_what_is_held_back_is_told_in_time(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d", wire.hello_of_dryer(slots=2, prefetch=64))

    def are_told(tasks):
        dryer.pump(0)       # it beats: at its loss all would be told
        return sum(count for _, count, _ in told(washer)) == tasks
    done = 0
    for tasks in (40, 5):   # of fewer than 32 nothing but the time tells
        for _ in range(tasks):
            done += 1
            dryer.letter(DONE, wire.done(done), b"", credit=64)
        wait_until(lambda: are_told(done), lambda: told(washer), meanwhile=washer)
    assert washer.count(COUNTED) < done, "each was told by itself"
    assert not washer.count(DRYER_DOWN)


def S49_what_is_held_back_goes_before_dryer_down(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d", wire.hello_of_dryer(slots=2, prefetch=64))
    for n in range(1, 11):
        dryer.letter(DONE, wire.done(n), b"", credit=64)
    dryer.say(BYE)
    counted = 0
    while (message := washer.hear((COUNTED, DRYER_DOWN))).type == COUNTED:
        counted += sum(count for _, count, _ in wire.read_counted(message))
    assert counted == 10


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


def S35_washer_of_the_next_run_is_not_told_the_end_of_this_one(case):
    sink = case.sink("--dead-after", "3")
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    eof(washer, 0)
    washer.hear(JOINED)
    dryer.hear(STOP)
    same, other = Peer(case, sink, "w"), Peer(case, sink, "w")
    for _ in range(3):
        other.hello(wire.hello_of_washer(name="another"))
        other.hear_none((JOINED, wire.REFUSED, GONE), 0.1)
        same.hello()
        same.hear_none((JOINED, wire.REFUSED, GONE), 0.1)   # while the first one is well
    if case.wire == "inproc":
        return                                              # where a connection does not end by itself
    washer.hang_up()
    washer.beats = False
    case.open.remove(washer)
    for _ in range(20):
        same.hello()
        if same.find(JOINED, 0.1):
            return
    raise AssertionError("its next life is not told")


def S35_washer_that_was_told_has_no_next_life(case):
    sink = case.sink("--dead-after", "2")
    washer, _ = case.peer(sink, "w"), case.peer(sink, "d")
    eof(washer, 0)
    washer.hear(JOINED)
    washer.say(BYE)
    washer.hear(GONE)
    same = Peer(case, sink, "w")
    same.hello()
    same.hear_none((JOINED, wire.REFUSED, GONE), 0.3)


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


#   ---- S48

def ends_after(case, before, *failing):
    """How a run ends that has one task for each of these statuses, whose input was the results of another one."""
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    for n, status in enumerate(failing, 1):
        report(dryer, n, status=status)
    eof(washer, len(failing), before)
    return end_of(washer)[:2]


def S48_failures_before_add_up(case):
    assert ends_after(case, (JOINED_OK, 3), 1, 0, 1) == (JOINED_OK, 5)


def S48_more_than_a_hundred_stay_so(case):
    assert ends_after(case, (JOINED_OK, 101), 1) == (JOINED_OK, 101)


def S48_early_end_before_is_the_end(case):
    assert ends_after(case, (DEADLINE, 124), 0) == (DEADLINE, 124)


def S48_an_input_that_cannot_be_read_is_a_lost_run(case):
    assert ends_after(case, (LOST, 125), 0, 1) == (LOST, 125)


def S48_nothing_is_cut_off_by_it(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    eof(washer, 2, (HALTED, 1))
    washer.hear_none(JOINED, 0.3)
    report(dryer, 1, "a\n")
    report(dryer, 2, "b\n")
    assert end_of(washer)[:2] == (HALTED, 1)
    assert printed(case, sink, dryer) == "a\nb\n"


def S48_it_is_durable_with_the_eof(case):
    sink = case.sink("--journal", case.journal(), "--dead-after", "1")
    washer = case.peer(sink, "w")
    assert washer.acked(eof(washer, 1, (JOINED_OK, 2)))
    assert case.ask_journal("SELECT how, status FROM upstream") == [("joined", 2)]


#   ---- S50

WHY = "the input is shorter than what was counted: not the same input"


def S50_sink_tells_everybody_why_the_run_is_lost(case):
    sink = case.sink()
    washer, dryer, observer = (case.peer(sink, role) for role in "wdo")
    report(dryer, 1)
    report(dryer, 2)
    washer.hear(COUNTED)
    eof(washer, 1)
    for peer, kind in ((washer, JOINED), (dryer, STOP), (observer, JOINED)):
        assert wire.read_why(peer.hear(kind)) == WHY
    late = Peer(case, sink, "o")
    late.hello()
    assert wire.read_why(late.hear(JOINED)) == WHY, "who comes late too"
    for peer in (washer, dryer, observer, late):
        peer.say(BYE)
    assert sink.ends(meanwhile=washer) == 125
    assert WHY in sink.said()


def S50_other_ends_need_no_word(case):
    sink = case.sink()
    washer, dryer = case.peer(sink, "w"), case.peer(sink, "d")
    report(dryer, 1)
    eof(washer, 1)
    assert wire.read_why(washer.hear(JOINED)) is wire.read_why(dryer.hear(STOP)) is None


def says_why(case, start, role, kind):
    """What each kind of peer says to its user of what the sink has told it, or has not."""
    ending = struct.pack("<BB8Q", LOST, 125, *[0] * 8)
    rows = ((wire.text("disk\x1b[2J full\x7f\u009b"), "the sink gave up: disk?[2J full???"), (b"", "the sink gave up"))
    for why, said in rows:
        sink = case.sink_player()
        part = start()
        peer = sink.knock(role)
        peer.say(kind, ending + why[:-1]) if why else None      # torn: it has no effect (S1)
        peer.say(kind, ending + why)
        peer.hear(BYE)
        peer.say(GONE)
        assert part.ends(meanwhile=sink) == 125
        assert said in part.said() and "\x1b" not in part.said(), part.said()
        case.elsewhere()


def S50_washer_says_what_happened_at_the_sink(case):
    says_why(case, lambda: case.washer("", keeps_open=True), "w", JOINED)


def S50_dryer_says_what_happened_at_the_sink(case):
    says_why(case, case.dryer, "d", STOP)


def S36_washer_leaves_when_all_is_counted_and_its_eof_acked(case):
    sink, part = case.sink_player(), case.washer("a\nb\n")
    washer = sink.meet("w")
    washer.told = 0
    dryer = LaneOfDryer(washer, slots=5).begin()
    dryer.tasks()
    washer.first(EOF)
    washer.letter(COUNTED, struct.pack("<QQB", 1, 2, 1))
    sink.hear_none(BYE, 0.3)                                # the EOF is not acked
    washer.told = None
    washer.hear(BYE)
    washer.say(GONE)
    assert part.ends(meanwhile=sink) == 2
