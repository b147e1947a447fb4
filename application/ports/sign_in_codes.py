"""Short codes that sign a user in once."""

from __future__ import annotations

from typing import Protocol


class SignInCodes(Protocol):
    """Exchanges short codes, which people can read and type, for ID tokens.

    Attributes:
        lifetime_s: seconds that a code lasts.
    """

    lifetime_s: int

    def issue(self, id_token: str) -> str:
        """Make a code for an ID token; an earlier code becomes invalid."""
        ...

    def redeem(self, code: str) -> str:
        """The ID token that a code stands for. After that the code is used up.

        Capitals, hyphens and spaces make no difference.

        Raises:
            InvalidToken: there is no such code, it was used, or it has expired.
        """
        ...

    def give_back(self, code: str) -> None:
        """Let a code that was used up without effect work again, until it expires."""
        ...
