"""Which kind of file some bytes are, and where the image in them ends."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from PIL import ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile


@dataclass(frozen=True, slots=True)
class ImageFormat:
    """A supported kind of image.

    Attributes:
        name: for people.
        media_type: for machines.
        magic: matches at the start of every file of this kind.
        open: reads the header and nothing more; what Pillow's own ``open`` would choose.
        find_end: the position behind the image, or None when it is cut short.
    """

    name: str
    media_type: str
    magic: re.Pattern[bytes]
    open: Callable[..., ImageFile.ImageFile]
    find_end: Callable[[bytes], int | None]


def format_of(data: bytes) -> ImageFormat | None:
    """Tell the kind of image by its first bytes; None for anything unsupported."""
    return next((kind for kind in _FORMATS if kind.magic.match(data)), None)


def describe_foreign(data: bytes) -> str | None:
    """What the bytes are instead of a supported image, in words; None when that is unknown."""
    return next((words for magic, words in _FOREIGN if magic.match(data)), None)


def find_stowaway(data: bytes, end: int, kind: ImageFormat) -> str | None:
    """Tell what other file hides in an image, in words; None where there is none.

    Cameras and phones append padding, further JPEGs, short videos and notes of their own, and
    those are let pass. What is refused is another kind of file: one that begins where the image
    ends, script or markup there, and the marks that let a program read the whole file as a PDF
    or as a ZIP archive.

    Args:
        data: the whole file.
        end: where its image ends.
        kind: what the image is.
    """
    if b"%PDF-" in data[:1024]:
        return "a PDF document"
    directory = data.rfind(b"PK\x05\x06", max(len(data) - 65_557, 0))
    if directory >= 0 and data.rfind(b"PK\x01\x02", 0, directory) >= 0:
        return "a ZIP archive"
    tail = data[end:].lstrip(b"\x00\xff\t\r\n ")
    if kind.name == "JPEG" and (_TRAILING_VIDEO.match(tail) or _JPEG_AFTER_JPEG.match(tail)):
        return None
    other = format_of(tail)
    if other is not None:
        return f"a {other.name} image"
    if _SCRIPT.search(tail[:4096]):
        return "a script or web page"
    return describe_foreign(tail)


_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JPEG_END = 0xD9
_JPEG_MARKERS_ALONE = (0x01, 0xD8)


def _end_of_jpeg(data: bytes) -> int | None:
    # In the coded picture FF is followed by 00 or a restart marker, so looking for the next other
    # marker skips it; segments (in which thumbnails have ends of their own) are skipped by length.
    at = 2
    while (marker := _JPEG_MARKER.search(data, at)) is not None:
        code, at = data[marker.end() - 1], marker.end()
        if code == _JPEG_END:
            return at
        if code not in _JPEG_MARKERS_ALONE:
            at += max(int.from_bytes(data[at : at + 2]), 2)
    return None


def _end_of_png(data: bytes) -> int | None:
    at = 8
    while at + 12 <= len(data):
        name = data[at + 4 : at + 8]
        at += 12 + int.from_bytes(data[at : at + 4])
        if name == b"IEND":
            return at if at <= len(data) else None
    return None


def _end_of_gif(data: bytes) -> int | None:
    try:
        at = 13 + _gif_palette_bytes(data[10])
        while data[at] != 0x3B:
            if data[at] == 0x2C:
                at += 11 + _gif_palette_bytes(data[at + 9])
            elif data[at] == 0x21:
                at += 2
            else:
                return None
            while data[at]:
                at += data[at] + 1
            at += 1
    except IndexError:
        return None
    return at + 1


def _gif_palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _end_of_webp(data: bytes) -> int | None:
    end = 8 + int.from_bytes(data[4:8], "little")
    return end if end <= len(data) else None


def _end_of_bmp(data: bytes) -> int | None:
    # Many writers leave the size out; whether the pixels are complete shows when they are read.
    announced = int.from_bytes(data[2:6], "little")
    return announced if 14 < announced <= len(data) else len(data)


_FORMATS = (
    ImageFormat("JPEG", "image/jpeg", re.compile(rb"\xff\xd8\xff"), JpegImageFile, _end_of_jpeg),
    ImageFormat("PNG", "image/png", re.compile(rb"\x89PNG\r\n\x1a\n"), PngImageFile, _end_of_png),
    ImageFormat("GIF", "image/gif", re.compile(rb"GIF8[79]a"), GifImageFile, _end_of_gif),
    ImageFormat(
        "WebP", "image/webp", re.compile(rb"(?s)RIFF....WEBP"), WebPImageFile, _end_of_webp
    ),
    # Two letters are little to go by: the sizes of the known headers are asked for as well.
    ImageFormat(
        "BMP",
        "image/bmp",
        re.compile(rb"(?s)BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00"),
        BmpImageFile,
        _end_of_bmp,
    ),
)
_FOREIGN = tuple(
    (re.compile(magic), words)
    for magic, words in (
        (rb"%PDF-", "a PDF document"),
        (rb"PK\x03\x04", "a ZIP archive or office document"),
        (rb"(?s)....ftyp(hei|hev|mif1|msf1)", "a HEIC photograph"),
        (rb"(?s)....ftypavi[fs]", "an AVIF image"),
        (rb"(?s).{1,4}ftyp", "a video"),
        (rb"II\*\x00|MM\x00\*", "a TIFF image or raw photograph"),
        (rb"\xff\x0a|\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
        (rb"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
        (rb"(?i)\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<svg", "an SVG drawing"),
        (rb"\s*<[!?/a-zA-Z]", "a web page or XML document"),
        (rb"MZ|\x7fELF|\xca\xfe\xba\xbe|\xcf\xfa\xed\xfe", "a program"),
        (rb"#!", "a script"),
        (rb"Rar!\x1a|7z\xbc\xaf|\x1f\x8b\x08|BZh[1-9]|\xfd7zXZ\x00", "an archive"),
    )
)
_SCRIPT = re.compile(rb"(?i)<script|<html|<svg|<\?php")
_TRAILING_VIDEO = re.compile(rb"(?s).{0,4}ftyp")
_JPEG_AFTER_JPEG = re.compile(rb"\xff?\xd8\xff")
