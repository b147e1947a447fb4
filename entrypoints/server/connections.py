"""All connections of this process: admission, eviction and timeouts."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Gauge

from domain.network_address import network_of
from entrypoints.server.pacing import ReadingTurns, RequestPacing
from entrypoints.server.refusals import Refusal, Refusals
from entrypoints.settings.connections import ConnectionSettings

EXTENSION = "emotion_api.connection"
"""Key in an ASGI scope's ``extensions`` under which the connection of a request is found."""
_SWEEP_S = 1.0
_SEARCH_EVERY_S = 0.01
_MAX_LOOKED_AT = 64
_DISCARD_TURN_S = 0.005
_UNREAD_BYTES = 16 * 2**20

log = logging.getLogger(__name__)


def connection_of(scope: Mapping[str, Any]) -> Any:
    """The connection of a request; None under another server."""
    return (scope.get("extensions") or {}).get(EXTENSION)


class Watched(Protocol):
    """What ``Connections`` needs of a connection."""

    @property
    def address(self) -> str:
        """The network address at the other end."""

    @property
    def is_sending(self) -> bool:
        """Whether its client has not read all of an answer yet."""

    def check(self, now_s: float) -> None:
        """Close the connection if something has timed out."""

    def bytes_per_s(self, now_s: float) -> float | None:
        """How fast the client sends or reads what is expected; None if nothing is expected."""

    def give_way(self) -> None:
        """Close the connection, because its place is needed."""


class Connections:
    """Admits connections, and checks them all once a second.

    When all places are taken, a new connection evicts the one that has been idle longest, or else
    the one whose client is slowest in sending its body or in reading its answer. Requests in work
    keep their places, and one whose answer is still being read is not idle.

    Args:
        limits: the limits of every connection and of all together.
        registry: of the metrics of refusals and open connections.
        proxies: addresses and networks to which no limit per address applies; ``*`` is every one.

    Attributes:
        limits: as given.
        refusals: of all connections.
        pacing: the turns of requests that begin.
        health_pacing: likewise, of those for ``HEALTH_PATH``.
        token_pacing: likewise, of those with a token.
        pipelined_pacing: likewise, of those that came before the last one was answered.
        bodies: the turns of large bodies.
        answers: the turns of large parts of answers.
        discarding: the turns of bodies that nobody wants.
        turned_away: connections without a place that are being refused.
    """

    def __init__(
        self, limits: ConnectionSettings, registry: CollectorRegistry, proxies: Sequence[str] = ()
    ) -> None:
        self.limits = limits
        self.refusals = Refusals(registry)
        self.pacing = RequestPacing()
        self.health_pacing = RequestPacing()
        self.token_pacing = RequestPacing()
        self.pipelined_pacing = RequestPacing()
        self.bodies = ReadingTurns()
        self.answers = RequestPacing()
        self.discarding = ReadingTurns(_DISCARD_TURN_S)
        self.turned_away = 0
        self._all: dict[Watched, str] = {}
        self._idle: dict[Watched, None] = {}
        self._kept_alive: dict[str, dict[Watched, None]] = {}
        self._per_network: Counter[str] = Counter()
        self._unfinished_bytes = 0
        self._unread: dict[Watched, int] = {}
        self._unread_bytes = 0
        self._searched_at = 0.0
        self._any_is_proxy = "*" in proxies
        self._proxies = [ipaddress.ip_network(each) for each in proxies if each != "*"]
        open_now = Gauge("emotion_connections", "Connections that are open", registry=registry)
        open_now.set_function(lambda: len(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def admit(self, connection: Watched) -> Refusal | None:
        """Give a new connection a place; returns the reason if it is refused."""
        network = network_of(connection.address)
        is_full = self._per_network[network] >= self.limits.max_connections_per_address
        if is_full and not self._is_proxy(connection.address) and not self._make_room_in(network):
            return Refusal.TOO_MANY_FROM_ADDRESS
        if len(self._all) >= self.limits.max_connections and not self._make_room():
            return Refusal.TOO_MANY_CONNECTIONS
        self.take(connection)
        return None

    def take(self, connection: Watched) -> None:
        """Give a place to a connection that had one before an upgrade; it is idle."""
        network = network_of(connection.address)
        self._all[connection] = network
        self._per_network[network] += 1
        self._idle[connection] = None

    def forget(self, connection: Watched) -> None:
        """Free the place; may be called twice."""
        self.work(connection)
        network = self._all.pop(connection, None)
        if network is not None:
            self._per_network[network] -= 1
            if not self._per_network[network]:
                del self._per_network[network]

    def work(self, connection: Watched) -> None:
        """Protect a connection from eviction: it has a request in work, or has signed in."""
        self._idle.pop(connection, None)
        network = self._all.get(connection, "")
        if (kept := self._kept_alive.get(network)) is not None:
            kept.pop(connection, None)
            if not kept:
                del self._kept_alive[network]

    def rest(self, connection: Watched, *, is_kept_alive: bool = False) -> None:
        """Let a connection be evicted: it has nothing in work.

        One that is kept alive for its next request gives way also to a new one of its address.
        """
        if connection in self._all:
            self.work(connection)
            self._idle[connection] = None
            if is_kept_alive:
                self._kept_alive.setdefault(self._all[connection], {})[connection] = None

    def hold(self, change_bytes: int) -> bool:
        """Count bytes of unfinished messages; False if all together are too many."""
        self._unfinished_bytes += change_bytes
        return self._unfinished_bytes <= self.limits.unfinished_messages_bytes

    def hold_answer(self, connection: Watched, size: int) -> None:
        """Count bytes of an answer that its client has to read; ``release_answer`` has to follow.

        When all together are too many, the connections that have held theirs longest are closed.
        """
        self._unread[connection] = self._unread.get(connection, 0) + size
        self._unread_bytes += size
        while self._unread_bytes > _UNREAD_BYTES and len(self._unread) > 1:
            oldest = next(iter(self._unread))
            self.release_answer(oldest, self._unread[oldest])
            self.refusals.count(Refusal.ANSWER_NOT_READ)
            oldest.give_way()

    def release_answer(self, connection: Watched, size: int) -> None:
        """The bytes are read, or the connection is closed."""
        held = self._unread.get(connection, 0)
        rest = max(held - size, 0)
        self._unread_bytes -= held - rest
        if rest:
            self._unread[connection] = rest
        else:
            self._unread.pop(connection, None)

    async def watch(self) -> None:
        """Check all connections once a second until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_S)
            self.sweep(loop.time())

    def sweep(self, now_s: float) -> None:
        """Close what has timed out, and log what was refused."""
        for connection in list(self._all):
            try:
                connection.check(now_s)
            except Exception:
                log.exception("a connection could not be checked")
        self.refusals.log_new(now_s)

    def _make_room(self) -> bool:
        return self._evict(_longest_idle(self._idle) or self._slowest())

    def _make_room_in(self, network: str) -> bool:
        return self._evict(_longest_idle(self._kept_alive.get(network, ())))

    def _evict(self, victim: Watched | None) -> bool:
        if victim is None:
            return False
        self.refusals.count(Refusal.GAVE_WAY)
        self.forget(victim)
        victim.give_way()
        return True

    def _slowest(self) -> Watched | None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._searched_at < _SEARCH_EVERY_S:
            return None  # In a flood, not every new connection may search for one to evict.
        self._searched_at = now_s
        rates = ((each.bytes_per_s(now_s), each) for each in self._all)
        slow = [(rate, each) for rate, each in rates if rate is not None]
        return min(slow, key=lambda pair: pair[0])[1] if slow else None

    def _is_proxy(self, address: str) -> bool:
        if self._any_is_proxy:
            return True
        try:
            host = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(host in proxy for proxy in self._proxies)


def _longest_idle(idle: Iterable[Watched]) -> Watched | None:
    """One whose answer was read. Where many clients do not read, only some are looked at."""
    return next((each for each in islice(idle, _MAX_LOOKED_AT) if not each.is_sending), None)
