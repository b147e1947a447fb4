"""The order in which waiting requests are served, fair to every sender."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field

from application.work.priority import Priority

_REMEMBERED = 1024


@dataclass(order=True, frozen=True, slots=True)
class Rank:
    """A place in the order: the lowest goes first.

    Attributes:
        priority: of the work.
        turn: each sender has one request in a turn, so that a sender of many requests delays
            others by one.
        arrival: decides between equals.
        sender: who asks; empty if senders are not distinguished.
    """

    priority: Priority
    turn: int
    arrival: int
    sender: str = field(compare=False)


class Ranking:
    """Ranks requests so that senders alternate; those of one sender keep their order.

    Start-time fair queueing (P. Goyal, H. Vin, H. Cheng, 1996) with requests of equal size.
    """

    def __init__(self) -> None:
        self._arrivals = itertools.count()
        self._turn = 0
        self._unfinished: Counter[str] = Counter()
        self._last_turns: dict[str, int] = {}
        self._max_remembered = _REMEMBERED

    def enter(self, sender: str, priority: Priority) -> Rank:
        """Rank the next request of a sender; ``leave`` has to follow."""
        turn = self._turn
        if sender:
            turn = max(turn, self._last_turns.get(sender, -1) + 1)
            self._unfinished[sender] += 1
            self._last_turns[sender] = turn
            if len(self._last_turns) > self._max_remembered:
                self._next_turn()
        return Rank(priority, turn, next(self._arrivals), sender)

    def leave(self, rank: Rank) -> None:
        """The request is finished."""
        self._turn = max(self._turn, rank.turn)
        if rank.sender:
            self._unfinished[rank.sender] -= 1
            if not self._unfinished[rank.sender]:
                # Its last turn is remembered: a sender that comes back at once would otherwise
                # always go before the second request of another.
                del self._unfinished[rank.sender]
        if not self._unfinished:
            self._last_turns.clear()

    def _next_turn(self) -> None:
        """Begin another turn, and forget the senders that had theirs before it."""
        self._turn += 1
        self._last_turns = {
            sender: turn for sender, turn in self._last_turns.items() if turn >= self._turn
        }
        self._max_remembered = max(_REMEMBERED, 2 * len(self._last_turns))
