"""A proxy between a service and a dependency that can make it fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class FlakyProxy:
    """Passes bytes between a client and a server, and can fail."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._broken = False
        self._delay_s = 0.0
        self._lost_answer: bytes | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._clients: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on loopback."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    @property
    def address(self) -> str:
        """Where it listens, as ``host:port``."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    def stop(self) -> None:
        """Break every connection, and each new one at once."""
        self._broken = True
        for writer in self._connections:
            writer.transport.abort()

    def fall_silent(self) -> None:
        """Keep connections open and pass nothing on."""
        self._flowing.clear()

    def forget(self) -> None:
        """Keep the present connections silent for ever; new ones work."""
        for task in self._tasks:
            task.cancel()

    def slow_down(self, delay_s: float) -> None:
        """Pass everything on, delayed by this many seconds."""
        self._delay_s = delay_s

    def lose_answer(self, beginning: bytes) -> None:
        """Break the connection instead of passing on the next answer that begins like this."""
        self._lost_answer = beginning

    def interject(self, data: bytes) -> None:
        """Send something to every client that the server did not send."""
        for writer in self._clients:
            writer.write(data)

    def break_once(self) -> None:
        """Break every connection; new ones work."""
        self.stop()
        self._broken = False

    def behave(self) -> None:
        """Pass everything on."""
        self._broken = False
        self._delay_s = 0.0
        self._flowing.set()

    async def close(self) -> None:
        """Stop listening."""
        assert self._server is not None
        self._server.close()
        self.stop()
        self.behave()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._broken:
            writer.transport.abort()
            return
        up_reader, up_writer = await asyncio.open_connection(*self._target)
        self._connections |= {writer, up_writer}
        self._clients.add(writer)
        self._tasks |= {
            asyncio.create_task(self._pass(reader, up_writer)),
            asyncio.create_task(self._pass(up_reader, writer, are_answers=True)),
        }

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        are_answers: bool = False,
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if are_answers and self._lost_answer and data.startswith(self._lost_answer):
                    self._lost_answer = None
                    writer.transport.abort()
                    break
                await asyncio.sleep(self._delay_s)
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        with suppress(ConnectionError):
            writer.close()
        self._connections.discard(writer)
        self._clients.discard(writer)


@asynccontextmanager
async def flaky_proxy(address: str) -> AsyncIterator[FlakyProxy]:
    """A proxy in front of ``host:port`` for the length of the block."""
    host, _, port = address.rpartition(":")
    proxy = FlakyProxy(host, int(port))
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
