"""Base64 of pictures, in the ways that common encoders write it (RFC 4648, RFC 2397)."""

from __future__ import annotations

import base64
import string

_ALPHABET = (string.ascii_letters + string.digits + "+/-_=").encode()
_LINE_BREAKS = b"\r\n\t "
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_SCHEME = b"data:"
_LONGEST_PREFIX = 128
_HEAD = 16


def is_base64(data: bytes) -> bool:
    """Whether the bytes are base64, told by their beginning.

    Every image format has bytes that base64 lacks among its first sixteen.
    """
    return _is_uri(data) or not data[:_HEAD].translate(None, _ALPHABET + b"\r\n")


def has_more_than(text: str, limit: int) -> bool:
    """Whether the text stands for more bytes than this, told without decoding it.

    A data-URI prefix of more than 128 characters counts like the rest.
    """
    digits = limit * 4 / 3
    if len(text) <= digits:
        return False
    if len(text) > 2 * digits:
        return True  # No encoder writes as many line breaks as that.
    return len(_digits(text)) * 3 // 4 > limit


def decode(text: str | bytes) -> bytes:
    """The bytes the text stands for: line breaks, missing padding and both alphabets are fine.

    Raises:
        ValueError: it is no base64.
    """
    digits = _digits(text)
    return base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)


def _digits(text: str | bytes) -> bytes:
    """What counts, in the standard alphabet."""
    # What is no ASCII is no base64 either, and is found to be none like any other odd character.
    data = text.encode("ascii", "replace") if isinstance(text, str) else text
    data = data.lstrip()
    start = data.find(b",", 0, _LONGEST_PREFIX) + 1 if _is_uri(data) else 0
    return data[start:].translate(_TO_STANDARD, _LINE_BREAKS).rstrip(b"=")


def _is_uri(data: bytes) -> bool:
    return data[: len(_SCHEME)].lower() == _SCHEME
