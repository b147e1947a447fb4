"""Links that open one path for a while, without a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LinkSignature:
    """The signature of a link; both parts are text because clients send them back.

    Attributes:
        expires: when the link expires, in whole seconds since 1970.
        value: shows that this service made the link.
    """

    expires: str
    value: str


class LinkSigner(Protocol):
    """Signs paths of this service and verifies the signatures."""

    def sign(self, path: str) -> LinkSignature:
        """Make a signature that opens this path from now on, for as long as links last."""
        ...

    def check(self, path: str, signature: LinkSignature) -> None:
        """Verify a signature for exactly this path.

        Raises:
            InvalidLink: it is forged, changed, for another path, or it has expired.
        """
        ...
