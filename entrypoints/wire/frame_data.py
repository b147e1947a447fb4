"""The image of a frame as clients send it: its bytes, or base64 of them in any common form."""

from __future__ import annotations

import asyncio
import base64
import string
from functools import partial

from domain.errors import InvalidImage
from domain.image import EncodedImage
from domain.session import MAX_FRAME_BYTES

_ALPHABET = (string.ascii_letters + string.digits + "+/-_=").encode()
_LINE_BREAKS = b"\r\n\t "
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_SCHEME = b"data:"
# In a URI these may be percent-encoded. Unquoting everything would take a hundred times as long.
_PERCENT_ENCODED = {b"%2B": b"+", b"%2F": b"/", b"%0A": b"\n", b"%0D": b"\r"}
_MAX_PREFIX_LENGTH = 128
_HEAD = 16
_LONG_TEXT = 128 * 1024
"""Characters of base64 from which decoding takes the event loop too long (over 0.5 ms)."""


def sent_image(data: bytes | str) -> EncodedImage:
    """The image of a frame; base64 is decoded when it is read.

    Base64 is read as common encoders write it (RFC 4648, RFC 2397): as text or bytes, with or
    without a data URI, line breaks, padding and percent-encoding, in either alphabet. Reading
    raises ``InvalidImage`` for data that is text, or begins like it, and is not base64.

    Args:
        data: as received.
    """
    return EncodedImage(_size(data), partial(_read, data))


def _size(data: bytes | str) -> int:
    """The size of the image in bytes, without decoding it; exact where the limit is near.

    Bytes count as they are, also where they are base64, and a data-URI prefix of more than 128
    characters counts like the rest.
    """
    if isinstance(data, bytes):
        return len(data)
    at_most = len(data) * 3 // 4
    # No encoder writes so many line breaks that the image is half as large.
    if not MAX_FRAME_BYTES < at_most <= 2 * MAX_FRAME_BYTES:
        return at_most
    digits = _digits(data)
    return (len(digits) - 2 * digits.count(b"%")) * 3 // 4


async def _read(data: bytes | str) -> bytes:
    if isinstance(data, bytes) and not _is_base64(data):
        return data
    try:
        if len(data) > _LONG_TEXT:
            return await asyncio.to_thread(_decode, data)
        return _decode(data)
    except ValueError:
        raise InvalidImage("the frame's data is neither an image nor base64 of one") from None


def _is_base64(data: bytes) -> bool:
    """Whether bytes are base64, judged by their beginning.

    Every image format has bytes that base64 lacks among its first sixteen.
    """
    return _is_uri(data) or not data[:_HEAD].translate(None, _ALPHABET + b"\r\n")


def _decode(text: str | bytes) -> bytes:
    digits = _digits(text)
    if b"%" in digits:
        for written, digit in _PERCENT_ENCODED.items():
            digits = digits.replace(written, digit).replace(written.lower(), digit)
        digits = digits.translate(None, _LINE_BREAKS)
    return base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)


def _digits(text: str | bytes) -> bytes:
    """The base64 digits, in the standard alphabet; those that are percent-encoded still are."""
    # Text outside ASCII is not base64 and is refused like any other invalid character.
    data = text.encode("ascii", "replace") if isinstance(text, str) else text
    data = data.lstrip()
    start = data.find(b",", 0, _MAX_PREFIX_LENGTH) + 1 if _is_uri(data) else 0
    digits = data[start:].translate(_TO_STANDARD, _LINE_BREAKS).rstrip(b"=")
    for _ in range(2):
        digits = digits.removesuffix(b"%3D").removesuffix(b"%3d")
    return digits


def _is_uri(data: bytes) -> bool:
    return data[: len(_SCHEME)].lower() == _SCHEME
