"""One item at a time, from its put to where it is counted, three processes."""

from figures import LIMIT, OURS


def measure(bench):
    trips = bench.size(2000, 20)
    reached = bench.turns(
        limit=lambda: bench.numbers(bench.own("round_trip"), trips)[0],
        **{wire: lambda wire=wire: bench.numbers(bench.own("put_counted"), bench.address(wire), trips)[0]
           for wire in ("ipc", "tcp")})
    section = bench.section("One item: put to counted, three processes", is_in_readme=True)
    for wire, goal in (("ipc", "<= 4"), ("tcp", None)):
        section.row(OURS, f"dishes over {wire}", reached[wire].median, "µs", "dishes / limit",
                    reached[wire].over(reached["limit"]), goal)
    section.row(LIMIT, "limit: a ZeroMQ message there and back over ipc", reached["limit"].median, "µs")
    section.note = f"Each round is the median of {trips:,} items."
