"""A simulated fleet with thousands of live sessions: a rolling restart and a lost node.

A seeded simulation of discrete events: the same arguments give the same numbers. It shows how
clients reconnect, not how the service itself behaves. Its assumptions are in ``Assumed``: those
about the service were measured by ``python -m benchmarks.sessions`` on two otherwise idle cores.

    python -m benchmarks.fleet
    python -m benchmarks.fleet --sessions 10000 --connects-per-s 11 --start-s 58 --seed 2
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

Action = Callable[[], None]


@dataclass(frozen=True)
class Assumed:
    """Assumptions about one copy and one client.

    Attributes:
        places: sessions that a copy lets in (``MAX_REALTIME_SESSIONS``).
        connects_per_s: sessions that a copy can open a second.
        start_s: from the start of a copy to its first answer.
        ready_s: until the balancer sends clients to a copy that answers (``readinessProbe``).
        drain_s: from the order to end until sessions are told (``preStop``).
        stop_s: from then until the process is gone.
        notice_s: until a client detects that a node has failed silently: Socket.IO's
            ``pingInterval`` and ``pingTimeout`` together.
        first_retry_s: of a client that lost its session, half more or less at random; doubled at
            every failure (the defaults of Socket.IO's client).
        max_retry_s: at which it is doubled no more.
        stored_s: from the acknowledgement of a detection to its storing, in the mean.
        detections_per_s: that each copy acknowledges.
    """

    places: int = 64
    connects_per_s: float = 214.0
    start_s: float = 6.2
    ready_s: float = 5.0
    drain_s: float = 5.0
    stop_s: float = 2.0
    notice_s: float = 45.0
    first_retry_s: float = 1.0
    max_retry_s: float = 5.0
    stored_s: float = 0.5
    detections_per_s: float = 0.5


@dataclass
class Copy:
    """One process, with a volume that outlives it."""

    is_up: bool = True
    open_now: int = 0
    free_at_s: float = 0.0
    generation: int = 0
    spool: set[int] = field(default_factory=set)


class Fleet:
    """Copies, clients, and the events between them."""

    def __init__(self, sessions: int, copies: int, assumed: Assumed, seed: int) -> None:
        self.assumed = assumed
        self.now_s = 0.0
        self.copies = [Copy() for _ in range(copies)]
        self.reconnects: Counter[int] = Counter()
        self.refused = 0
        self.away = 0
        self.whole_again_s = 0.0
        self.longest_away_s = 0.0
        self.acknowledged = 0
        self.stored = 0
        self._random = random.Random(seed)
        self._events: list[tuple[float, int, Action]] = []
        self._numbers = itertools.count()
        self._sessions = sessions
        for number in range(sessions):
            self.copies[number % copies].open_now += 1

    def after(self, delay_s: float, action: Action) -> None:
        """Let something happen later."""
        heapq.heappush(self._events, (self.now_s + delay_s, next(self._numbers), action))

    def run(self) -> None:
        """Go from event to event until none is left."""
        while self._events:
            self.now_s, _, action = heapq.heappop(self._events)
            action()

    def lose(self, copy: Copy, notice_s: float) -> None:
        """Remove a copy; its clients detect it within that time."""
        copy.is_up = False
        copy.generation += 1
        gone, copy.open_now = copy.open_now, 0
        self.away += gone
        for _ in range(gone):
            lost_at_s = self.now_s
            noticed_s = self._random.uniform(0, notice_s)
            self.after(noticed_s + self._pause(0), partial(self._connect, lost_at_s, 1))

    def start(self, copy: Copy) -> None:
        """Start it again on its volume: what waits in its spool is stored now."""

        def answers() -> None:
            copy.is_up = True
            copy.free_at_s = self.now_s
            for detection in sorted(copy.spool):
                self._store_later(copy, detection)

        self.after(self.assumed.start_s + self.assumed.ready_s, answers)

    def detect_until(self, end_s: float) -> None:
        """Let every copy acknowledge detections until then."""
        for copy in self.copies:
            self.after(self._random.expovariate(self.assumed.detections_per_s),
                       partial(self._detect, copy, end_s))  # fmt: skip

    def _detect(self, copy: Copy, end_s: float) -> None:
        if copy.is_up:
            self.acknowledged += 1
            copy.spool.add(self.acknowledged)
            self._store_later(copy, self.acknowledged)
        if self.now_s < end_s:
            pause_s = self._random.expovariate(self.assumed.detections_per_s)
            self.after(pause_s, lambda: self._detect(copy, end_s))

    def _store_later(self, copy: Copy, detection: int) -> None:
        generation = copy.generation

        def store() -> None:
            if copy.generation == generation and detection in copy.spool:
                copy.spool.remove(detection)
                self.stored += 1

        self.after(self._random.expovariate(1 / self.assumed.stored_s), store)

    def _pause(self, failures: int) -> float:
        pause_s = min(self.assumed.first_retry_s * 2**failures, self.assumed.max_retry_s)
        return pause_s * self._random.uniform(0.5, 1.5)

    def _connect(self, lost_at_s: float, failures: int) -> None:
        self.reconnects[int(self.now_s)] += 1
        up = [copy for copy in self.copies if copy.is_up]
        # The balancer picks the copy with the fewest connections, and tries only that one.
        copy = min(up, key=lambda each: each.open_now, default=None)
        if copy is None or copy.open_now >= self.assumed.places:
            self.refused += 1
            self.after(self._pause(failures), lambda: self._connect(lost_at_s, failures + 1))
            return
        copy.open_now += 1
        begins_s = max(copy.free_at_s, self.now_s)
        copy.free_at_s = begins_s + 1 / self.assumed.connects_per_s
        generation = copy.generation

        def served() -> None:
            if copy.generation != generation:
                return  # it was removed meanwhile, and the client was counted among its sessions
            self.away -= 1
            self.whole_again_s = self.now_s
            self.longest_away_s = max(self.longest_away_s, self.now_s - lost_at_s)

        self.after(copy.free_at_s - self.now_s, served)


def rolling_restart(fleet: Fleet) -> None:
    """Restart one copy after the other, each once the previous one is ready."""
    assumed = fleet.assumed

    def restart(number: int) -> None:
        if number == len(fleet.copies):
            return
        copy = fleet.copies[number]

        def told() -> None:
            fleet.lose(copy, notice_s=0.0)
            fleet.after(assumed.stop_s, lambda: fleet.start(copy))
            whole_s = assumed.stop_s + assumed.start_s + assumed.ready_s
            fleet.after(whole_s, lambda: restart(number + 1))

        fleet.after(assumed.drain_s, told)

    restart(0)


def lost_node(fleet: Fleet, copies: int) -> None:
    """Let the copies of one node fail silently; they start elsewhere after a minute."""

    def vanish() -> None:
        for copy in fleet.copies[:copies]:
            fleet.lose(copy, fleet.assumed.notice_s)
            fleet.after(60.0, partial(fleet.start, copy))

    fleet.after(10.0, vanish)


def report(title: str, fleet: Fleet) -> None:
    """Print the results."""
    waiting = sum(len(copy.spool) for copy in fleet.copies)
    print(
        f"| {title} | {sum(fleet.reconnects.values()):,} | {max(fleet.reconnects.values()):,} "
        f"| {fleet.refused:,} | {fleet.longest_away_s:.0f} s | {fleet.whole_again_s:.0f} s "
        f"| {fleet.away} | {fleet.acknowledged:,} | {fleet.stored:,} | {waiting} |"
    )


def main() -> None:
    """Run both and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--spare", type=float, default=0.2, help="part of the places left free")
    parser.add_argument("--copies-per-node", type=int, default=8)
    parser.add_argument("--connects-per-s", type=float, default=Assumed.connects_per_s)
    parser.add_argument("--start-s", type=float, default=Assumed.start_s)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    assumed = Assumed(connects_per_s=chosen.connects_per_s, start_s=chosen.start_s)
    copies = -(-chosen.sessions // round(assumed.places * (1 - chosen.spare)))
    print(f"{chosen.sessions:,} sessions on {copies} copies, {assumed}\n")
    print(
        "| event | connects | most in a second | refused | longest without a session "
        "| all served after | never served | acknowledged | stored | waiting |"
    )
    print("| --- " + "| ---: " * 9 + "|")
    restarted = Fleet(chosen.sessions, copies, assumed, chosen.seed)
    one_s = assumed.drain_s + assumed.stop_s + assumed.start_s + assumed.ready_s
    restarted.detect_until(copies * one_s)
    rolling_restart(restarted)
    restarted.run()
    report("rolling restart", restarted)
    struck = Fleet(chosen.sessions, copies, assumed, chosen.seed)
    struck.detect_until(120.0)
    lost_node(struck, chosen.copies_per_node)
    struck.run()
    report(f"node with {chosen.copies_per_node} copies lost", struck)


if __name__ == "__main__":
    main()
