"""Links without a signature: the signer remembers each."""

from __future__ import annotations

import math

from application.ports.clock import Clock
from application.ports.link_signer import LinkSignature
from domain.errors import InvalidLink


class InMemoryLinkSigner:
    """Fulfils ``LinkSigner`` by keeping what it signed."""

    def __init__(self, clock: Clock, lifetime_s: int = 3600) -> None:
        self._clock = clock
        self._lifetime_s = lifetime_s
        self._signed: set[tuple[str, LinkSignature]] = set()

    def sign(self, path: str) -> LinkSignature:
        """Make a signature and remember it."""
        expires = math.floor(self._clock.now().timestamp()) + self._lifetime_s
        signature = LinkSignature(str(expires), f"signature-{len(self._signed)}")
        self._signed.add((path, signature))
        return signature

    def check(self, path: str, signature: LinkSignature) -> None:
        """Accept a remembered signature that has not expired."""
        if (path, signature) not in self._signed:
            raise InvalidLink("the link is not one that this service made")
        if int(signature.expires) <= self._clock.now().timestamp():
            raise InvalidLink("the link has expired")
