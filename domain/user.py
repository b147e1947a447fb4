"""Callers, and the quota of guests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from domain.network_address import network_of


@dataclass(frozen=True, slots=True)
class User:
    """A signed-in user.

    Attributes:
        user_id: the identity provider's stable identifier.
        email: None if the provider knows none.
        display_name: likewise.
        photo_url: likewise.
        is_email_verified: by the provider.
        providers: how the user signed in, for example ``("google.com",)``.
        created_at: when the account was made; with a time zone.
    """

    user_id: str
    email: str | None
    display_name: str | None
    photo_url: str | None
    is_email_verified: bool
    providers: tuple[str, ...]
    created_at: datetime

    @classmethod
    def known_by_id_alone(cls, user_id: str) -> User:
        """A user whose profile is not available now; ``created_at`` is 1970."""
        return cls(user_id, None, None, None, False, (), datetime.fromtimestamp(0, UTC))

    @property
    def sender(self) -> str:
        """The name under which work is counted, so that everybody gets a fair share."""
        return self.user_id


@dataclass(frozen=True, slots=True)
class Guest:
    """A caller who has not signed in.

    Attributes:
        user_id: ``guest:`` and a random identifier kept in a signed cookie.
        address: the network address the request came from.
        created_at: when the guest was first seen; with a time zone.
    """

    user_id: str
    address: str
    created_at: datetime

    @property
    def network(self) -> str:
        """The network of the address, under which all guests in it are counted together."""
        return f"address:{network_of(self.address)}"

    @property
    def sender(self) -> str:
        """The name under which work is counted: the network, because cookies can be dropped."""
        return self.network


Caller = User | Guest


@dataclass(frozen=True, slots=True)
class GuestQuota:
    """How many single detections a guest may make in one window.

    Attributes:
        per_guest: for one cookie.
        per_address: for one network address, however many cookies it drops.
        window_s: length of the window in seconds; it begins with the first detection.
    """

    per_guest: int
    per_address: int
    window_s: int


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage of a caller.

    Attributes:
        count: single detections and batch files so far. For a guest, what is used up of ``limit``.
        limit: what the window allows; None without a limit. For a guest, the one that binds now:
            the guest's own, or that of the network address where others there have left less.
        remaining: uses left, 0 or more; None without a limit.
        resets_at: when the window of that limit ends; None without a limit or before the first
            use.
        last_used: None before the first use.
    """

    count: int
    limit: int | None = None
    remaining: int | None = None
    resets_at: datetime | None = None
    last_used: datetime | None = None
