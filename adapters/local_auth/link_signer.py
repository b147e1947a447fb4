"""Links signed with the secret of the service."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math

from adapters.local_auth.secret import check_secret
from application.ports.clock import Clock
from application.ports.link_signer import LinkSignature
from domain.errors import InvalidLink


class HmacLinkSigner:
    """Fulfils ``LinkSigner`` with HMAC-SHA256 (RFC 2104).

    Args:
        secret: at least 32 characters.
        clock: for what has expired.
        lifetime_s: seconds that a link lasts.

    Raises:
        ValueError: the secret is too short.
    """

    def __init__(self, *, secret: str, clock: Clock, lifetime_s: int) -> None:
        check_secret(secret)
        self._key = secret.encode()
        self._clock = clock
        self._lifetime_s = lifetime_s

    def sign(self, path: str) -> LinkSignature:
        """Make a signature that opens this path from now on."""
        expires = str(math.floor(self._clock.now().timestamp()) + self._lifetime_s)
        return LinkSignature(expires, self._value(path, expires))

    def check(self, path: str, signature: LinkSignature) -> None:
        """Verify a signature for this path."""
        expected = self._value(path, signature.expires)
        given = signature.value.encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, expected.encode()):
            raise InvalidLink("the link is not one that this service made")
        if int(signature.expires) <= self._clock.now().timestamp():
            raise InvalidLink("the link has expired; a new answer of the service has a new one")

    def _value(self, path: str, expires: str) -> str:
        # The first line separates these signatures from others that use the secret.
        message = f"emotion-api link\n{expires}\n{path}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._key, message, hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
