"""The service's own tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A short-lived proof of identity.

    Attributes:
        value: the token.
        expires_in_s: how many seconds it is valid.
    """

    value: str
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """The contents of a valid access token.

    Attributes:
        user_id: of its owner.
        issued_at: when it was made.
        expires_at: accepted until then.
    """

    user_id: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A long random secret. Only its digest is ever stored.

    Attributes:
        value: the secret.
        digest: a one-way hash of it, the same for the same secret.
        expires_at: valid until then.
    """

    value: str
    digest: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class GuestClaims:
    """The contents of a valid guest cookie."""

    guest_id: str
    created_at: datetime


class TokenService(Protocol):
    """Makes and checks tokens; stores nothing, and is quick enough for the event loop."""

    def issue_access(self, user_id: str) -> AccessToken:
        """Make an access token."""
        ...

    def is_access(self, token: str) -> bool:
        """Whether the token claims to be one of ours, valid or not. Never raises."""
        ...

    def verify_access(self, token: str) -> AccessClaims:
        """Read an access token.

        Raises:
            InvalidToken: malformed, forged, expired, or not an access token.
        """
        ...

    def issue_refresh(self) -> RefreshToken:
        """Make a refresh token."""
        ...

    def digest(self, refresh_token: str) -> str:
        """The digest under which a presented refresh token would be stored."""
        ...

    def issue_guest(self, claims: GuestClaims) -> str:
        """Make the value of a guest's cookie."""
        ...

    def verify_guest(self, cookie: str) -> GuestClaims | None:
        """Read a guest's cookie; None when it is forged, expired or malformed. Never raises."""
        ...
