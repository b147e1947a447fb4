"""Short codes that sign a user in once, such as the one printed at the start."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.ports.clock import Clock
from domain.errors import InvalidToken

# Without characters that look alike: 0 and o, 1, i and l.
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
_GROUP = 5
_GROUPS = 2


@dataclass(slots=True)
class _IssuedCode:
    code: str
    id_token: str
    expires_at: datetime
    is_used: bool = False


class SignInCodes:
    """Exchanges codes, which people can read and type, for ID tokens; one code at a time.

    A code has ten of 31 characters, 8e14 possibilities: a thousand guesses a second during its
    lifetime find it once in a billion times. So wrong guesses need not invalidate it; if they did,
    anybody could take it from its owner.

    Args:
        clock: for what has expired.
        lifetime_s: seconds that a code lasts.
    """

    def __init__(self, *, clock: Clock, lifetime_s: int = 600) -> None:
        self.lifetime_s = lifetime_s
        self._clock = clock
        self._issued: _IssuedCode | None = None

    def issue(self, id_token: str) -> str:
        """Make a code for an ID token; an earlier code becomes invalid."""
        code = "".join(secrets.choice(_LETTERS) for _ in range(_GROUP * _GROUPS))
        self._issued = _IssuedCode(
            code, id_token, self._clock.now() + timedelta(seconds=self.lifetime_s)
        )
        return "-".join(code[at : at + _GROUP] for at in range(0, len(code), _GROUP))

    def redeem(self, code: str) -> str:
        """The ID token that a code stands for. After that the code is used up.

        Capitals, hyphens and spaces make no difference.

        Raises:
            InvalidToken: there is no such code, it was used, or it has expired.
        """
        issued = self._issued
        if issued is None or issued.is_used or issued.expires_at <= self._clock.now():
            raise InvalidToken("the code was used or has expired")
        if not _is_code(code, issued.code):
            raise InvalidToken("the code is wrong")
        issued.is_used = True
        return issued.id_token

    def give_back(self, code: str) -> None:
        """Let a code that was used up without effect work again, until it expires."""
        if self._issued is not None and _is_code(code, self._issued.code):
            self._issued.is_used = False


def _is_code(given: str, code: str) -> bool:
    plain = re.sub(r"[\s-]", "", given).lower().encode("utf-8", "surrogatepass")
    return hmac.compare_digest(plain, code.encode())
