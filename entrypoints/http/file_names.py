"""The names of uploaded files, in whatever form clients write them."""

from __future__ import annotations

import re
import sys
import unicodedata
from email.errors import HeaderParseError
from email.header import decode_header
from encodings import normalize_encoding
from encodings.aliases import aliases
from pathlib import PurePosixPath
from urllib.parse import quote_from_bytes, unquote_to_bytes

_MAX_LENGTH = 255
# A name of 255 characters fits, however it is encoded. Decoding takes longer than receiving.
_MAX_ENCODED_LENGTH = 4096
# Decomposed characters count twice. Composing takes quadratic time.
_MAX_DECOMPOSED_LENGTH = 2 * _MAX_LENGTH
# In any code page a name of 255 characters takes up to four bytes a character.
_MAX_CODE_PAGE_BYTES = 4 * _MAX_LENGTH
# Python would look for a module of any other name, and remember it. Punycode, which is among those,
# takes quadratic time.
_CHARSETS = frozenset(aliases) | frozenset(aliases.values())
_BIDI_CONTROLS = frozenset(
    "\N{ARABIC LETTER MARK}\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}"
    "\N{LEFT-TO-RIGHT EMBEDDING}\N{RIGHT-TO-LEFT EMBEDDING}\N{POP DIRECTIONAL FORMATTING}"
    "\N{LEFT-TO-RIGHT OVERRIDE}\N{RIGHT-TO-LEFT OVERRIDE}\N{LEFT-TO-RIGHT ISOLATE}"
    "\N{RIGHT-TO-LEFT ISOLATE}\N{FIRST STRONG ISOLATE}\N{POP DIRECTIONAL ISOLATE}"
)
# name=value, where a quoted value may hold escaped quotes.
_PARAMETER = re.compile(
    rb';\s*([\w!#$&+\-.^`|~*]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^;]*))', re.DOTALL
)
_ENCODED_WORDS = re.compile(r"(=\?[\w-]+\?[bBqQ]\?[^?]*\?=\s*)+")
_PERCENT_ENCODED = re.compile(
    rb"[\w!$&'()*+,;=:@~.\-]*(%[\dA-Fa-f]{2}[\w!$&'()*+,;=:@~.\-]*)+", re.ASCII
)
# A long value in numbered pieces (RFC 2231), as libraries for mail write it.
_PIECE = re.compile(r"(.+)\*(\d{1,3})(\*?)")
# What browsers write for a character that the character set of their page lacks.
_CHARACTER_REFERENCE = re.compile(r"&#(\d{1,7});")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff60]")
_TWO_WIDE = re.compile(rf"{_WIDE.pattern}{{2}}|[\u3040-\u30ff]")
_HALF_WIDTH_KATAKANA = re.compile(r"[\uff61-\uff9f]")
_CYRILLIC_WORD = re.compile(r"[\u0400-\u04ff]+")
_WITH_CYRILLIC = frozenset("«»„“”‘’–—…№\N{NO-BREAK SPACE}")
# Two characters of GB 2312 in a row; other code pages seldom have four such bytes.
_TWO_CHINESE = re.compile(rb"([\xb0-\xf7][\xa1-\xfe]){2}")


def parameters(header: bytes) -> dict[str, bytes]:
    """The parameters of a ``Content-Disposition``, undecoded, by name in lower case."""
    found: dict[str, bytes] = {}
    for match in _PARAMETER.finditer(header):
        name, quoted, plain = match.groups()
        value = _unescape(quoted) if quoted is not None else plain.strip()
        found.setdefault(name.decode("latin-1").lower(), value)
    return _whole(found) | found


def _whole(found: dict[str, bytes]) -> dict[str, bytes]:
    """The parameters that were sent in numbered pieces."""
    pieces: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for written, value in found.items():
        if piece := _PIECE.fullmatch(written):
            name, number, is_encoded = piece.groups()
            pieces.setdefault(name, {})[int(number)] = value, bool(is_encoded)
    whole = {}
    for name, numbered in pieces.items():
        in_order = [numbered[number] for number in sorted(numbered)]
        if in_order[0][1]:  # Pieces that are not encoded may lie among those that are.
            texts = (text if coded else quote_from_bytes(text).encode() for text, coded in in_order)
            whole[f"{name}*"] = b"".join(texts)
        else:
            whole[name] = b"".join(text for text, _ in in_order)
    return whole


def file_name(written: dict[str, bytes]) -> str | None:
    """The name a client gave a file, in Unicode NFC; None if it gave none.

    ``filename*`` (RFC 5987) takes precedence over ``filename``, which is read as UTF-8 or in the
    code page that fits; encoded words and percent-encoding in it are decoded. So is a
    ``filename*`` of another form, if there is nothing else.

    Args:
        written: the parameters of its ``Content-Disposition``.
    """
    extended = _decode_extended(written.get("filename*", b""))
    plain = written.get("filename") or written.get("filename*", b"").rpartition(b"'")[2]
    name = extended if extended is not None else _decode(plain[-_MAX_ENCODED_LENGTH:])
    name = _shorten(PurePosixPath(name.replace("\\", "/")).name, _MAX_DECOMPOSED_LENGTH)
    name = "".join(filter(_is_kept, unicodedata.normalize("NFC", name)))
    name = _shorten(name, _MAX_LENGTH)
    return None if name in ("", "..") else name


def _shorten(name: str, max_length: int) -> str:
    if len(name) <= max_length:
        return name
    ending = PurePosixPath(name).suffix[:16]
    return name[: max_length - len(ending)] + ending


def _unescape(quoted: bytes) -> bytes:
    # Only quotes and backslashes are escaped: older browsers send whole Windows paths.
    return re.sub(rb'\\(["\\])', rb"\1", quoted)


def _decode_extended(value: bytes) -> str | None:
    charset, apostrophe, rest = value.partition(b"'")
    _, second, encoded = rest.partition(b"'")
    if not (apostrophe and second):
        return None
    try:
        return _text(unquote_to_bytes(encoded[-_MAX_ENCODED_LENGTH:]), charset.decode("ascii"))
    except (UnicodeError, LookupError):
        return None


def _decode(value: bytes) -> str:
    if b"%" in value:
        # Browsers percent-encode these three characters and no others.
        if _PERCENT_ENCODED.fullmatch(value):
            value = _as_utf8(unquote_to_bytes(value)) or value
        else:
            value = re.sub(rb"%(22|0D|0A)", lambda match: unquote_to_bytes(match[0]), value)
    text = _CHARACTER_REFERENCE.sub(_character, _in_some_code_page(value))
    if _ENCODED_WORDS.fullmatch(text):
        try:
            words = decode_header(text)
            return "".join(
                word if isinstance(word, str) else _text(word, charset) for word, charset in words
            )
        except (UnicodeError, LookupError, HeaderParseError, ValueError):
            return text
    return text


def _text(data: bytes, charset: str | None) -> str:
    """Decode in a named character set, UTF-8 where none is; ``LookupError`` for an unknown one."""
    charset = normalize_encoding(charset or "utf-8").lower()
    if charset not in _CHARSETS:
        raise LookupError(charset)
    return data.decode(charset)


def _character(reference: re.Match[str]) -> str:
    number = int(reference[1])
    return chr(number) if number <= sys.maxunicode else reference[0]


def _as_utf8(value: bytes) -> bytes | None:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return value


def _in_some_code_page(value: bytes) -> str:
    """Decode a name of unknown code page: as UTF-8, or in the first that gives plausible text."""
    if len(value) > _MAX_CODE_PAGE_BYTES:
        return value.decode("utf-8", "replace")
    for charset, fits in (
        ("utf-8", lambda text: True),
        ("cp932", lambda text: _TWO_WIDE.search(text) and not _HALF_WIDTH_KATAKANA.search(text)),
        ("cp1251", _is_cyrillic),
        ("gb18030", lambda text: _TWO_CHINESE.search(value)),
        ("cp1252", lambda text: True),
    ):
        try:
            text = value.decode(charset)
        except UnicodeDecodeError:
            continue
        if fits(text):
            return text
    return value.decode("latin-1")


def _is_cyrillic(text: str) -> bool:
    """Whether words of three letters and more look as people write them, and the rest as well."""
    words = _CYRILLIC_WORD.findall(text)
    are_regular = all(word in (word.lower(), word.upper(), word.capitalize()) for word in words)
    others = (each for each in _CYRILLIC_WORD.sub("", text) if not each.isascii())
    return are_regular and max(map(len, words), default=0) > 2 and _WITH_CYRILLIC.issuperset(others)


def _is_kept(character: str) -> bool:
    """Whether it is not a control character, a surrogate, or a change of the writing direction."""
    return unicodedata.category(character) not in ("Cc", "Cs") and character not in _BIDI_CONTROLS
