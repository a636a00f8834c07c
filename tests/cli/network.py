"""Hosts that are network namespaces, on a wire that is a bridge in one more.

Each namespace is held by a process that dies with the test, however the test ends; so do the programs that run in it.
A namespace ends with its last process and takes its links along: nothing is ever made in the namespace of the machine,
and nothing can be left behind. Whoever is not root becomes root of a user namespace first, where that is permitted.
"""

import os
import subprocess
import sys

import harness

DIE_WITH_US = ["setpriv", "--pdeathsig", "KILL"]


def become_root():
    """To be called before anything else: the test begins anew, as root of a namespace of its own, where it may."""
    root = ["unshare", "--user", "--map-root-user"]
    if os.geteuid() != 0 and subprocess.run([*root, "true"], capture_output=True, check=False).returncode == 0:
        os.execvp(root[0], [*root, sys.executable, *sys.argv])


def why_not():
    """Why no hosts can be made here; "" where they can, or where that is not to be borne (CI is set)."""
    if os.environ.get("CI"):
        return ""
    made = subprocess.run(["unshare", "--net", "ip", "link", "add", "name", "wire", "type", "bridge"],
                          capture_output=True, check=False)
    return made.stderr.decode().strip()


class Host:
    def __init__(self, name):
        self.name = name
        self.holder = subprocess.Popen([*DIE_WITH_US, "unshare", "--net", "sleep", "infinity"],
                                       stdin=subprocess.DEVNULL)
        try:
            if not harness.wait_until(self._is_apart, harness.LEFTOVER_S):
                raise TimeoutError(f"no namespace was made for {name}")
            self.ip("link", "set", "dev", "lo", "up")
        except BaseException:
            self.close()
            raise

    def _is_apart(self):
        if self.holder.poll() is not None:
            raise OSError("unshare --net has failed")
        return os.readlink(f"/proc/{self.holder.pid}/ns/net") != os.readlink("/proc/self/ns/net")

    def inside(self, *argv):
        """The words that run a command there. It keeps its process id, and dies with the test."""
        return [*DIE_WITH_US, "nsenter", "--net", "--target", str(self.holder.pid), "--", *map(str, argv)]

    def ip(self, *args):
        """As ip (8)."""
        done = subprocess.run(self.inside("ip", *args), stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            raise OSError(f"{self.name}: ip {' '.join(map(str, args))}: {done.stderr.decode()}")

    def dialled(self):
        """{(address, port)} of what it has connections to, over IPv4. (Connections that it took are among them.)"""
        with open(f"/proc/{self.holder.pid}/net/tcp", encoding="ascii") as file:
            rows = [line.split() for line in file][1:]
        established = "01"
        return {self._end(row[2]) for row in rows if row[3] == established}

    @staticmethod
    def _end(text):
        address, port = text.split(":")
        return ".".join(str(byte) for byte in reversed(bytes.fromhex(address))), int(port, 16)

    def close(self):
        self.holder.kill()
        self.holder.wait()


class Network:
    """Hosts of the names given, on one wire; host number I (from 1) is 10.77.0.I there, on its eth0."""

    def __init__(self, *names):
        self.hosts = []
        try:
            self.wire = self._add("the wire")
            self.wire.ip("link", "add", "name", "wire", "type", "bridge")
            self.wire.ip("link", "set", "dev", "wire", "up")
            for number, name in enumerate(names, 1):
                self._plug_in(self._add(name), number)
        except BaseException:
            self.close()
            raise

    def _add(self, name):
        self.hosts.append(Host(name))
        return self.hosts[-1]

    def _plug_in(self, host, number):
        self.wire.ip("link", "add", "name", host.name, "type", "veth", "peer", "name", "eth0", "netns",
                     host.holder.pid)
        self.wire.ip("link", "set", "dev", host.name, "master", "wire", "up")
        host.ip("link", "set", "dev", "eth0", "up")
        host.ip("address", "add", f"10.77.0.{number}/24", "dev", "eth0")
        setattr(self, host.name, host)

    def cut(self, host):
        """Nothing comes through any more, and nobody is told."""
        self.wire.ip("link", "set", "dev", host.name, "down")

    def mend(self, host):
        self.wire.ip("link", "set", "dev", host.name, "up")

    def close(self):
        for host in self.hosts:
            host.close()
