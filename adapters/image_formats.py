"""Recognising the format of an image file by its first bytes."""

from __future__ import annotations

import re

from domain.formats import AVIF, BMP, GIF, HEIC, JPEG, PNG, TIFF, WEBP, FileFormat

# The formats that consist of boxes, as MP4 does, by the brands that their files may have.
_BRANDS = {
    AVIF: b"avif avis".split(),
    HEIC: b"heic heix heim heis hevc hevx hevm hevs mif1 msf1".split(),
}
IMAGE_BRANDS = frozenset(brand for brands in _BRANDS.values() for brand in brands)
"""A file of one of these begins like a video and is none."""

# The formats by what matches the start of every file.
_FORMATS = {
    JPEG: re.compile(rb"\xff\xd8\xff"),
    PNG: re.compile(rb"\x89PNG\r\n\x1a\n"),
    GIF: re.compile(rb"GIF8[79]a"),
    WEBP: re.compile(rb"(?s)RIFF....WEBP"),
    # Two letters are not enough, so the sizes of the known headers are checked as well.
    BMP: re.compile(rb"(?s)BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00"),
    TIFF: re.compile(rb"II[*+]\x00|MM\x00[*+]"),
} | {
    # The first box names the brand of the file, and the brands it is compatible with.
    kind: re.compile(rb"(?s)....ftyp(.{4}){0,12}?(%s)" % b"|".join(brands))
    for kind, brands in _BRANDS.items()
}
# Some programs write comments before an SVG. In a long run of spaces each pattern would be tried
# everywhere.
_FOREIGN_HEAD_BYTES = 4096
_FOREIGN = tuple(
    (re.compile(magic), words)
    for magic, words in (
        (rb"%PDF-", "a PDF document"),
        (rb"PK\x03\x04", "a ZIP archive or office document"),
        (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript document"),
        (rb"data:image/", "the text of a data URI and not the image"),
        (rb"(?s).{4}ftypcrx |FUJIFILMCCD-RAW|IIR[OS]|IIU\0|MMOR", "the raw file of a camera"),
        (rb"(?s).{1,4}ftyp", "a video"),
        (rb"\xff\x0a|\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
        (rb"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
        (rb"\x00\x00[\x01\x02]\x00[^\x00]\x00", "an icon or a cursor"),
        (rb"8BPS", "a Photoshop document"),
        (rb"(?i)\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<svg", "an SVG drawing"),
        (rb"\s*<[!?/a-zA-Z]", "a web page or XML document"),
        (rb"MZ|\x7fELF|\xca\xfe\xba\xbe|\xcf\xfa\xed\xfe", "a program"),
        (rb"#!", "a script"),
        (rb"Rar!\x1a|7z\xbc\xaf|\x1f\x8b\x08|BZh[1-9]|\xfd7zXZ\x00", "an archive"),
    )
)


def format_of(data: bytes) -> FileFormat | None:
    """The format of an image by its first bytes; None for anything unsupported."""
    return next((kind for kind, magic in _FORMATS.items() if magic.match(data)), None)


def describe_foreign(data: bytes) -> str | None:
    """The kind of an unsupported file, for the message; None if unknown."""
    head = data[:_FOREIGN_HEAD_BYTES]
    return next((words for magic, words in _FOREIGN if magic.match(head)), None)
