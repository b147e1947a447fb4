"""Images that cost much more than their size suggests."""

import io

from PIL import Image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def lossless_webp(side: int) -> bytes:
    """One colour, whose few bytes do not depend on the size."""
    webp = bytearray(encoded(Image.new("RGB", (8, 8)), "WEBP", lossless=True))
    webp[21:25] = ((side - 1) | (side - 1) << 14).to_bytes(4, "little")
    return bytes(webp)


def empty_scans(side: int, scans: int) -> bytes:
    """A progressive JPEG with many scans that contain nothing."""
    whole = encoded(Image.new("L", (side, side)), "JPEG", progressive=True)
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00"
    return whole[:-2] + scan * scans + whole[-2:]


def slow_gif(notes: int) -> bytes:
    """Millions of comment blocks of one byte before the image; Pillow loops over them in Python."""
    whole = encoded(Image.new("L", (8, 8)), "GIF")
    start = whole.index(b",\0\0\0\0")
    return whole[:start] + (b"!\xfe\x01x\0" * notes) + whole[start:]
