"""Links that open one path for a while, for whoever holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LinkSignature:
    """What makes a path a link; both parts are text because they come back as a client sent them.

    Attributes:
        expires: when the link ends, in whole seconds since 1970.
        value: shows that this service made the link.
    """

    expires: str
    value: str


class LinkSigner(Protocol):
    """Signs paths of this service and recognises its own signatures."""

    def sign(self, path: str) -> LinkSignature:
        """Make a signature that opens this path from now on, for as long as links last."""
        ...

    def check(self, path: str, signature: LinkSignature) -> None:
        """Let pass what this signer signed for this very path and what has not ended.

        Raises:
            InvalidLink: it is forged, changed, for another path, or it has ended.
        """
        ...
