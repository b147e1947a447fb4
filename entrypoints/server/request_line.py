"""Addresses in request lines that some clients write in their own way."""

from __future__ import annotations

import re
from typing import Any

_ADDRESS = re.compile(rb"[^ \n]* ([^\n]*)")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")


def in_ascii(piece: bytes, before: bytes) -> bytes:
    """Percent-encode other characters in the address of a request: curl sends it as typed.

    Args:
        piece: of the headers of the request.
        before: what has arrived of them already.
    """
    found = _ADDRESS.match(before + piece)
    if found is None:
        return piece
    start, end = (max(at - len(before), 0) for at in found.span(1))
    address = _NOT_ASCII.sub(lambda letter: b"%%%02X" % ord(letter[0]), piece[start:end])
    return piece[:start] + address + piece[end:]


def use_path_of_url(scope: dict[str, Any]) -> None:
    """Reduce a whole URL, as clients send it to proxies, to its path (RFC 9112, section 3.2.2)."""
    if "://" in scope["path"] and not scope["path"].startswith("/"):
        scope["path"] = "/" + scope["path"].partition("://")[2].partition("/")[2]
        scope["raw_path"] = b"/" + scope["raw_path"].partition(b"://")[2].partition(b"/")[2]
