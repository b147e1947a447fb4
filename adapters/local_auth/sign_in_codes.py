"""The one-time code of the link that is printed at the start."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.ports.clock import Clock
from domain.errors import InvalidToken

# Without those that are taken for one another: 0 and o, 1, i and l.
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
_GROUP = 5
_GROUPS = 2


@dataclass(slots=True)
class _Kept:
    code: str
    id_token: str
    ends: datetime
    wrong_guesses: int = 0


class LocalSignInCodes:
    """Fulfils ``SignInCodes`` in this process, with one code at a time.

    A code has ten of 31 letters, 8e14 possibilities. It ends after some wrong guesses, whoever made
    them, so nobody can try many.

    Args:
        clock: tells what has ended.
        lifetime_s: seconds that a code lasts.
        max_wrong_guesses: the code ends with this one.
    """

    def __init__(self, *, clock: Clock, lifetime_s: int = 600, max_wrong_guesses: int = 10) -> None:
        self.lifetime_s = lifetime_s
        self._clock = clock
        self._max_wrong_guesses = max_wrong_guesses
        self._kept: _Kept | None = None

    def issue(self, id_token: str) -> str:
        """Make a code for an ID token; the one before, if any, ends."""
        code = "".join(secrets.choice(_LETTERS) for _ in range(_GROUP * _GROUPS))
        self._kept = _Kept(code, id_token, self._clock.now() + timedelta(seconds=self.lifetime_s))
        return "-".join(code[at : at + _GROUP] for at in range(0, len(code), _GROUP))

    def redeem(self, code: str) -> str:
        """The ID token that a code stands for. After that the code is used up."""
        kept = self._kept
        if kept is None or kept.ends <= self._clock.now():
            self._kept = None
            raise InvalidToken("the code was used or has ended")
        given = re.sub(r"[\s-]", "", code).lower().encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, kept.code.encode()):
            kept.wrong_guesses += 1
            if kept.wrong_guesses >= self._max_wrong_guesses:
                self._kept = None
            raise InvalidToken("the code is not right")
        self._kept = None
        return kept.id_token
