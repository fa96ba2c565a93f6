"""A network between nodes and their Redis that can be cut: a TCP proxy of the tests' own, one for each link."""

import asyncio
import socket
import threading


class Link:
    """Listens on `port` and passes everything on to `target`. All its methods may be called from any thread."""

    def __init__(self, target):
        self.target = target
        self.loop = asyncio.new_event_loop()
        self.tasks = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.passes = asyncio.Event()
        self.passes.set()
        self.loop.run_until_complete(asyncio.start_server(self._serve, sock=self.listener))
        self.loop.run_forever()

    async def _serve(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        other_writer = None
        try:
            await self.passes.wait()
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self.target)
            await asyncio.gather(self._pump(reader, other_writer), self._pump(other_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self.tasks.discard(asyncio.current_task())
            for end in (writer, other_writer):
                if end:
                    end.transport.abort()

    async def _pump(self, reader, writer):
        """What is under way when the link is cut arrives when it is mended, as by TCP; so does the news of an end."""
        while data := await reader.read(1 << 16):
            await self.passes.wait()
            writer.write(data)
            await writer.drain()
        await self.passes.wait()
        raise ConnectionResetError

    def _call(self, function):
        self.loop.call_soon_threadsafe(function)

    def cut(self):
        """Nothing passes any more, in either direction, and nobody is told."""
        self._call(lambda: self.passes.clear())

    def mend(self):
        self._call(lambda: self.passes.set())

    def hang_up(self):
        """Everything that is connected is reset."""
        self._call(lambda: [task.cancel() for task in list(self.tasks)])

    def point(self, target):
        """Leads to another server from now on."""
        self.target = target
        self.hang_up()

    def close(self):
        self.hang_up()
        self._call(self.loop.stop)
        self.thread.join()
        self.listener.close()
