"""Links that open one path for a while, without a token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from dataclasses import dataclass

from application.ports.clock import Clock
from domain.errors import InvalidLink
from domain.signing import check_secret


@dataclass(frozen=True, slots=True)
class LinkSignature:
    """The signature of a link; both parts are text because clients send them back.

    Attributes:
        expires: when the link expires, in whole seconds since 1970.
        value: shows that this service made the link.
    """

    expires: str
    value: str


class LinkSigner:
    """Signs paths of this service, and verifies the signatures, by HMAC-SHA256 (RFC 2104).

    Args:
        secret: at least 32 characters.
        clock: for what has expired.
        lifetime_s: seconds that a link lasts at most.

    Raises:
        ValueError: the secret is too short.
    """

    def __init__(self, *, secret: str, clock: Clock, lifetime_s: int) -> None:
        check_secret(secret)
        self._key = secret.encode()
        self._clock = clock
        self._lifetime_s = lifetime_s

    def sign(self, path: str) -> LinkSignature:
        """Make a signature that opens this path from now on, for as long as links last.

        It stays the same for a tenth of that time, and then ends up to a tenth sooner: an address
        that changes with every answer is loaded anew by browsers, and starts a video over.
        """
        step_s = max(self._lifetime_s // 10, 1)
        latest = math.floor(self._clock.now().timestamp()) + self._lifetime_s
        expires = str(latest - latest % step_s)
        return LinkSignature(expires, self._value(path, expires))

    def check(self, path: str, signature: LinkSignature) -> None:
        """Verify a signature for exactly this path.

        Raises:
            InvalidLink: it is forged, changed, for another path, or it has expired.
        """
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
