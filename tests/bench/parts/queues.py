"""Tiny items through workers that do nothing, from the first put to the return of join, every item accounted for."""

import json

from figures import LIMIT, OURS, PEER

BATCH = 4096    # items of 16 bytes: 64 KiB


def measure(bench):
    many, some, few = bench.size(100000000, 100000), bench.size(10000000, 1000), bench.size(50000, 500)
    pipeline, joinable = bench.own("pipeline"), bench.here / "joinable_queue.py"

    def ours(wire):
        at = ("--at", bench.address(wire)) if wire != "inproc" else ()
        return json.loads(bench.text(bench.dishes, "--bench", "--items", many, "--json", *at))["items_per_s"]

    wires = ("inproc", "ipc", "tcp")
    reached = bench.turns(
        joinable=lambda: bench.numbers("python3", joinable, few, 2)[0],
        acks=lambda: bench.numbers(pipeline, "inproc", some, 1)[0],
        **{wire: lambda wire=wire: ours(wire) for wire in wires},
        **{f"bare {wire}": lambda wire=wire: bench.numbers(pipeline, wire, many, BATCH)[0] for wire in wires})
    dishes = reached["inproc"]
    section = bench.section("Tiny items, put to join, two workers that do nothing: items of 16 bytes", is_in_readme=True)
    for wire in wires:
        section.row(OURS, f"`dishes --bench` over {wire}", reached[wire].median, "items/s")
    section.row(PEER, "multiprocessing.JoinableQueue (Python)", reached["joinable"].median, "items/s",
                "inproc / JoinableQueue", dishes.over(reached["joinable"]), ">= 300")
    section.row(PEER, "libzmq, a message and an ack an item, inproc", reached["acks"].median, "items/s", "inproc / it",
                dishes.over(reached["acks"]), ">= 20")
    for wire in wires:
        section.row(LIMIT, f"libzmq, an ack a 64 KiB message, {wire}", reached[f"bare {wire}"].median, "items/s",
                    f"{wire} / it", reached[wire].over(reached[f"bare {wire}"]), None if wire == "inproc" else ">= 0.7")
    section.note = "What acks 64 KiB at a time knows no loss, no retry, no order and no duplicate: it is a limit, not a peer."
