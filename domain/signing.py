"""Secrets that sign."""

from __future__ import annotations

MIN_SECRET_LENGTH = 32
"""Characters of a secret for HMAC-SHA256 (RFC 7518, section 3.2: 256 bits)."""


def check_secret(secret: str) -> None:
    """Refuse a secret that is too short to sign with.

    Raises:
        ValueError: it has fewer than ``MIN_SECRET_LENGTH`` characters.
    """
    if len(secret) < MIN_SECRET_LENGTH:
        raise ValueError(
            f"the secret needs at least {MIN_SECRET_LENGTH} characters, has {len(secret)}"
        )
