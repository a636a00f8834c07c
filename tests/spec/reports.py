"""What the players of washers and dryers tell a real sink, in the tests of how it counts and of what lasts."""

import struct

import wire
from wire import BYE, COUNTED, DIED, DONE, EOF, JOINED, OUT, STOP, WASHER_DOWN

JOINED_OK, HALTED, DEADLINE, LOST = 1, 2, 3, 5       # how a run ends


def eof(washer, total, before=()):
    """`before`: how the pipeline ended whose results are the items, and its exit status."""
    return washer.letter(EOF, struct.pack("<Q", total) + bytes(before))


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
