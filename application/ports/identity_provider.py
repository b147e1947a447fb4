"""Who somebody is, as vouched for by somebody else."""

from __future__ import annotations

from typing import Protocol

from domain.user import User


class IdentityProvider(Protocol):
    """Verifies the ID tokens its users sign in with."""

    async def verify(self, id_token: str) -> User:
        """Tell whose ID token this is.

        Raises:
            InvalidToken: malformed, forged, expired, revoked, or of a user disabled or gone.
            IdentityUnavailable: the provider cannot be asked, so nothing can be said of the token.
        """
        ...

    async def check(self) -> None:
        """Do the least that shows the provider works; raises ``IdentityUnavailable``."""
        ...
