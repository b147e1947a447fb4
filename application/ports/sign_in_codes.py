"""Short codes that sign somebody in once."""

from __future__ import annotations

from typing import Protocol


class SignInCodes(Protocol):
    """Keeps ID tokens for those who come with the right code, which people can read and type.

    Attributes:
        lifetime_s: seconds that a code lasts.
    """

    lifetime_s: int

    def issue(self, id_token: str) -> str:
        """Make a code for an ID token; the one before, if any, ends."""
        ...

    def redeem(self, code: str) -> str:
        """The ID token that a code stands for. After that the code is used up.

        Capitals, hyphens and spaces make no difference.

        Raises:
            InvalidToken: there is no such code, it was used, or it has ended.
        """
        ...

    def give_back(self, code: str) -> None:
        """Let a code that was used up without effect work again, until it ends."""
        ...
