"""Whether a secret is strong: recognises those from examples and those with a pattern."""

from __future__ import annotations

import re
from itertools import pairwise

from domain.signing import MIN_SECRET_LENGTH

_MIN_DISTINCT = 8
_MIN_OF_ITS_OWN = 12
_MAX_SHARE_IN_A_ROW = 0.85

# The signing key in the tutorial of FastAPI, which many services were begun from.
_PUBLISHED = frozenset({"09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"})

# What people write where a secret should go, and the rows of a keyboard.
_PLACEHOLDERS = frozenset(
    """
    a access admin all an and api app application at auth authentication backend bar baz be before
    bit bits bytes change changed changeit changeme changethis char character characters chars
    config default demo deploy detection dev development django do dont dummy emotion enter env
    example face fake fastapi fill flask foo for generate generated go goes here hs in insecure
    insert is it jwt key keys least local long me min minimum must my needs not of only or password
    please private prod production put random randomly refresh replace safe secret secrets secure
    secured server service session set should sign signing simple some something sosecret string
    strong super supersecret temp test testing text that the this to todo token topsecret unsafe
    use used user value very with word xxx you your
    qwertyuiop asdfghjkl zxcvbnm qwerty qwertz azerty 1234567890 abc
    """.split()  # noqa: SIM905 (a list of a hundred words is easier to read so)
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
# Where words are written together, short ones would be found in anything.
_WITHIN = re.compile("|".join(sorted((w for w in _PLACEHOLDERS if len(w) > 3), key=len)[::-1]))


def weakness_of(secret: str) -> str | None:
    """What makes a secret easy to guess, in words that go on after "the secret"; None if nothing.

    The words never repeat any of it.
    """
    if len(secret) < MIN_SECRET_LENGTH:
        return f"must be random and at least {MIN_SECRET_LENGTH} characters long"
    plain = secret.lower()
    if len(set(plain)) < _MIN_DISTINCT or _repeats(plain) or _is_a_row(plain):
        return "is too regular to be a secret"
    words = [word.lower() for word in _WORD.findall(secret)]
    own = "".join(_WITHIN.sub("", word) for word in words if word not in _PLACEHOLDERS)
    if plain in _PUBLISHED or len(own) < _MIN_OF_ITS_OWN:
        return "is a placeholder from an example, which anybody may know"
    return None


def _repeats(text: str) -> bool:
    """Whether it is one part again and again, of which the last may be cut short."""
    return any(text[part:] == text[:-part] for part in range(1, len(text) // 2 + 1))


def _is_a_row(text: str) -> bool:
    """Whether most characters follow from the one before, as in 0123456789 and abcdef."""
    steps = sum(abs(ord(b) - ord(a)) <= 1 for a, b in pairwise(text))
    return steps > _MAX_SHARE_IN_A_ROW * (len(text) - 1)
