"""What the tests of examples/ share: where the programs are, and addresses that nobody else has."""

import os
import socket
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "cli"))

import harness  # noqa: E402

SCRIPTS = os.path.join(HERE, "..", "..", "examples")
BUILT = os.environ.get("EXAMPLES", "examples")
PROGRAMS = os.path.dirname(os.path.realpath(os.environ.get("DISHES", "dishes")))
DISHES = ["p1", "p2", "p3", "p4"]
PORTS_EACH = 20     # an example uses its port, a few behind it, and PORT + 10 with a few behind that


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Book(harness.Case):
    may_meet = True
    tried = 0

    def setUp(self):
        super().setUp()
        self.env["PATH"] = PROGRAMS + ":" + self.env["PATH"]

    def port(self):
        """The first of PORTS_EACH free ports, below those that the system gives out."""
        for _ in range(500):
            first = 20000 + (os.getpid() * 7 + Book.tried) % 600 * PORTS_EACH
            Book.tried += 1
            if all(is_free(first + i) for i in range(PORTS_EACH)):
                return first
        return self.fail("there are no free ports")

    def addresses(self, *kinds):
        """One of each of these kinds."""
        for kind in kinds or ("inproc", "ipc", "tcp"):
            yield f"tcp://127.0.0.1:{self.port()}" if kind == "tcp" else f"{kind}://kitchen"

    def start_example(self, name, *args, **how):
        where = SCRIPTS if name.endswith(".sh") else BUILT
        return self.start_program([os.path.join(where, name), *args], **how)

    def example(self, name, *args, status=0, **how):
        """Runs an example to its end, and gives its Result."""
        result = self.start_example(name, *args, **how).wait()
        self.check_sanitizers(result)
        self.check_nothing_left()
        self.assertEqual(result.status, status, str(result))
        if status == 0:
            self.assertEqual(result.err, b"", str(result))
        result.text = result.out.decode().splitlines()
        return result

    def check_washed_and_dried(self, lines, dishes=None, in_order=False):
        """Each dish once, washed in order and dried after it was washed."""
        dishes = dishes or DISHES
        washed = [line for line in lines if line.startswith("Washing ")]
        dried = [line for line in lines if line.startswith("Drying ")]
        self.assertEqual(washed, [f"Washing {dish} dish" for dish in dishes])
        self.assertEqual(dried if in_order else sorted(dried), [f"Drying {dish} dish" for dish in dishes])
        for wet, dry in zip(washed, sorted(dried)):
            self.assertLess(lines.index(wet), lines.index(dry))
