"""The identity of users, by an identity provider."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from domain.user import User


class IdentityProvider(Protocol):
    """Verifies the ID tokens that users sign in with."""

    async def verify(self, id_token: str) -> User:
        """Verify an ID token and return its user.

        Raises:
            InvalidToken: malformed, forged, expired, revoked, or of a user disabled or gone.
            IdentityUnavailable: the provider cannot be asked, so the token is neither accepted nor
                refused.
        """
        ...

    def issued_at(self, id_token: str) -> datetime:
        """When the provider issued an ID token that ``verify`` has just accepted.

        Raises:
            InvalidToken: the token does not contain it.
        """
        ...

    async def may_stay_signed_in(self, user_id: str, signed_in_at: datetime | None) -> bool:
        """Whether an account may stay signed in.

        Args:
            user_id: as ``verify`` returned it.
            signed_in_at: when the ID token of the sign-in was issued; None if unknown.

        Returns:
            False if the account is gone or disabled, or its sign-ins were revoked since then.

        Raises:
            IdentityUnavailable: the provider cannot be asked.
        """
        ...

    async def check(self) -> None:
        """Check with little effort that the provider works; raises ``IdentityUnavailable``."""
        ...
