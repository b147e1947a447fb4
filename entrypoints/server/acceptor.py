"""Accepting connections: those that are closed already are dropped, the others start in turns."""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import socket
from collections.abc import Callable

from domain.network_address import network_of
from entrypoints.server.pacing import FairQueue

HEALTH_PATH = "/healthz"
_ASKS_FOR_HEALTH = f"GET {HEALTH_PATH} ".encode()
_TOKEN = re.compile(rb"\nauthorization:([^\r\n]*)", re.IGNORECASE)
_PEEKED_BYTES = 4096
_ACCEPTED_AT_ONCE = 64
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_PAUSE_S = 0.2

log = logging.getLogger(__name__)


class Acceptor:
    """Accepts the connections of a listening socket, and starts them in turns.

    Event loops make the transport and the protocol of each connection when they accept it. When
    hundreds connect at once, the kernel's queue grows meanwhile, in which nothing can be preferred;
    once it is full, the kernel drops newcomers, which try again after a second. So here the
    kernel's queue is emptied first, and what a client has closed already is dropped.

    In each pass of the event loop one connection starts of those that ask for the health of the
    service, one of those that send a token (nobody has checked it yet), one of the others, and one
    of those that have sent nothing so far. Network addresses take turns, and tokens at an address.

    Args:
        listener: a bound socket; closed with the acceptor.
        make_protocol: makes the protocol of a connection.
        max_waiting: how many connections are accepted before they start; further ones wait in the
            kernel.
    """

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        max_waiting: int,
    ) -> None:
        self.sockets = (listener,)
        self._listener = listener
        self._make_protocol = make_protocol
        self._max_waiting = max_waiting
        self._loop = asyncio.get_running_loop()
        self._health: FairQueue[socket.socket] = FairQueue()
        self._with_token: FairQueue[socket.socket] = FairQueue()
        self._others: FairQueue[socket.socket] = FairQueue()
        self._queues = (self._health, self._with_token, self._others)
        self._silent: dict[socket.socket, str] = {}
        self._starts: set[asyncio.Task[None]] = set()
        self._is_accepting = False
        self._is_exhausted = False
        self._is_starting = False
        self._is_closed = False

    def open(self, backlog: int) -> None:
        """Listen.

        Args:
            backlog: how many connections the kernel keeps until they are accepted.
        """
        self._listener.setblocking(False)
        # Accepted sockets inherit it; asyncio sets it only on some, uvloop on all.
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._listener.listen(backlog)
        self._resume()

    def close(self) -> None:
        """Stop listening, and drop what has not started; may be called twice."""
        if self._is_closed:
            return
        self._pause()
        self._is_closed = True
        self._listener.close()
        for queue in self._queues:
            while queue:
                queue.pop().close()
        while self._silent:
            self._take_silent(next(iter(self._silent))).close()

    async def wait_closed(self) -> None:
        """Wait for connections that are just starting."""
        await asyncio.gather(*self._starts, return_exceptions=True)

    def _pause(self) -> None:
        if self._is_accepting:
            self._is_accepting = False
            self._loop.remove_reader(self._listener)

    def _resume(self) -> None:
        if not (self._is_accepting or self._is_exhausted or self._is_closed):
            self._is_accepting = True
            self._loop.add_reader(self._listener, self._accept)

    def _recover(self) -> None:
        self._is_exhausted = False
        self._resume()

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            if self._waiting() >= self._max_waiting:
                self._pause()  # until some have started
                return
            try:
                client, address = self._listener.accept()
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    log.error("no connection can be accepted: %s", error.strerror)
                    self._pause()
                    self._is_exhausted = True
                    self._loop.call_later(_PAUSE_S, self._recover)
                return
            self._receive(client, network_of(str(address[0])))

    def _receive(self, client: socket.socket, network: str) -> None:
        """Drop a connection, or let it wait where the first bytes it has sent belong."""
        begin = _begin_of(client)
        if begin is None:
            self._silent[client] = network
            self._loop.add_reader(client, self._hear, client)
        elif not begin or _is_reset(client):
            client.close()
        elif begin.startswith(_ASKS_FOR_HEALTH):
            self._health.push(client, network)
        elif sent := _TOKEN.search(begin):
            self._with_token.push(client, network, sent[1].strip().decode("latin-1"))
        else:
            self._others.push(client, network)
        if self._waiting() and not self._is_starting:
            self._is_starting = True
            self._loop.call_soon(self._start_some)

    def _hear(self, client: socket.socket) -> None:
        network = self._silent[client]
        self._receive(self._take_silent(client), network)

    def _take_silent(self, client: socket.socket) -> socket.socket:
        del self._silent[client]
        self._loop.remove_reader(client)
        return client

    def _start_some(self) -> None:
        for queue in self._queues:
            while queue and not self._start(queue.pop()):
                pass
        if self._silent:
            self._start(self._take_silent(next(iter(self._silent))))
        self._is_starting = self._waiting() > 0
        if self._is_starting:
            self._loop.call_soon(self._start_some)
        if self._waiting() < self._max_waiting:
            self._resume()

    def _start(self, client: socket.socket) -> bool:
        """Start a connection; False if its client has reset it meanwhile."""
        if _is_reset(client):
            client.close()
            return False
        start = self._loop.create_task(self._connect(client))
        self._starts.add(start)
        start.add_done_callback(self._starts.discard)
        return True

    async def _connect(self, client: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make_protocol, client)
        except OSError:  # its client has left
            client.close()

    def _waiting(self) -> int:
        return sum(map(len, self._queues)) + len(self._silent)


def _begin_of(client: socket.socket) -> bytes | None:
    """What the client has sent; None if nothing yet, empty if it has left without a word."""
    try:
        return client.recv(_PEEKED_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _is_reset(client: socket.socket) -> bool:
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
