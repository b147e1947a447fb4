"""Who somebody is, as vouched for by somebody else."""

from __future__ import annotations

from datetime import datetime
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

    def issued_at(self, id_token: str) -> datetime:
        """When the provider issued an ID token that ``verify`` has just accepted.

        Raises:
            InvalidToken: the token does not say.
        """
        ...

    async def still_stands(self, user_id: str, signed_in_at: datetime | None) -> bool:
        """Whether an account may stay signed in.

        Args:
            user_id: as ``verify`` told it.
            signed_in_at: when the ID token of the sign-in was issued; None where that is unknown.

        Returns:
            False where the account is gone or disabled, or its sign-ins were revoked since then.

        Raises:
            IdentityUnavailable: the provider cannot be asked.
        """
        ...

    async def check(self) -> None:
        """Do the least that shows the provider works; raises ``IdentityUnavailable``."""
        ...
