"""Stands between the hosts of a pipeline and does harm to connections, as a bad network would, without any privilege.

127.0.0.2 and 127.0.0.3 are this machine as 127.0.0.1 is: whoever dials the sink there finds the relay, which goes on to
the same port of 127.0.0.1, and is told of `in` and of lanes at the address that he dialled. So nothing needs to be said
to the programs: the ports are the same, and the credential goes through.

    relay = Relay ("127.0.0.2", [5570, *range (6001, 6033)])
    relay.reset (5570)      resets what is connected to that port now
    relay.cut (1.0)         resets all, and lets nobody in for a second
    relay.stall (0.5)       nothing goes through for so long, and nobody is told
    relay.delay_s = 0.05    so much later each way
"""

import asyncio
import collections
import socket
import struct
import threading

READ_BYTES = 1 << 16
QUICK_S = 0.1       # who is back so soon after a reset is nobody's loss
HANDSHAKE_BYTES = 200       # of the one who dials, at most; what follows is a message


class Relay:
    def __init__(self, host, ports, to="127.0.0.1"):
        self.host, self.to = host, to
        self.delay_s = 0
        self.is_shut = False
        self.pairs = {}     # port: the connections, each two writers
        self.spoken = collections.Counter()     # port: connections over which something was said
        self.slow = 0       # resets, each of one port, after which not all were back in QUICK_S, or the relay did not
                            # get to look: the machine is busy
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self._do(self._listen, ports)

    def close(self):
        if self.loop.is_running():
            self._do(self._close)
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join()
            self.loop.close()

    def reset(self, *ports):
        """Of these ports (of all), and how many connections there were."""
        return self._do(self._reset, ports)

    def cut(self, seconds):
        """Returns at once; so does stall."""
        return self._do(self._cut, seconds)

    def stall(self, seconds):
        self._do(self._stall, seconds)

    def connections(self, *ports):
        return sum(len(pairs) for port, pairs in list(self.pairs.items()) if not ports or port in ports)

    def _do(self, function, *args):
        return asyncio.run_coroutine_threadsafe(function(*args), self.loop).result(20)

    # In the thread of the loop.

    async def _listen(self, ports):
        self.open = asyncio.Event()     # not while it stalls
        self.open.set()
        self.servers = []
        for port in ports:
            def serve(reader, writer, port=port):
                return self._serve(port, reader, writer)
            self.servers.append(await asyncio.start_server(serve, self.host, port))

    async def _close(self):
        for server in self.servers:
            server.close()
        self.is_shut = True
        self.open.set()
        await self._reset(())
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if rest:
            await asyncio.wait(rest, timeout=5)

    async def _reset(self, ports):
        writers = [writer for port, pairs in self.pairs.items() if not ports or port in ports
                   for pair in pairs for writer in pair]
        for writer in writers:
            self._abort(writer)
        for port, pairs in self.pairs.items():
            if pairs and (not ports or port in ports):
                self.loop.call_later(QUICK_S, self._look_who_is_back, port, self.spoken[port] + len(pairs),
                                     self.loop.time() + 1.5 * QUICK_S)
        return len(writers) // 2

    def _look_who_is_back(self, port, due, late_s):
        self.slow += self.spoken[port] < due or self.loop.time() > late_s

    @staticmethod
    def _abort(writer):
        """With RST: what is under way is lost."""
        try:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        writer.transport.abort()

    async def _cut(self, seconds):
        self.is_shut = True
        self.loop.call_later(seconds, setattr, self, "is_shut", False)
        return await self._reset(())

    async def _stall(self, seconds):
        self.open.clear()
        self.loop.call_later(seconds, self.open.set)

    async def _serve(self, port, reader, writer):
        if self.is_shut:
            return self._abort(writer)
        try:
            on_reader, on_writer = await asyncio.open_connection(self.to, port)
        except OSError:
            return self._abort(writer)
        pair = (writer, on_writer)
        self.pairs.setdefault(port, []).append(pair)
        try:
            await asyncio.gather(self._pump(reader, on_writer, port), self._pump(on_reader, writer))
        except OSError:
            pass
        finally:
            self.pairs[port].remove(pair)
            for end in pair:
                self._abort(end)

    async def _pump(self, reader, writer, dialled=None):
        """One way. It ends with an error, so that the other way ends too. `dialled`: the port, on the way there."""
        size = 0
        while data := await reader.read(READ_BYTES):
            if dialled and size <= HANDSHAKE_BYTES < size + len(data):
                self.spoken[dialled] += 1
            size += len(data)
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            await self.open.wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError
