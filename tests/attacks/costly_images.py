"""Images that cost much more than their size suggests, and a few large ones."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import skimage.data
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


def missing_scans(side: int) -> bytes:
    """A JPEG whose only scan is of one of three components: coefficients of all are kept."""
    whole = encoded(Image.new("RGB", (side, side)), "JPEG", subsampling=0)
    start = whole.rindex(b"\xff\xda")
    coded = start + 2 + int.from_bytes(whole[start + 2 : start + 4])
    return whole[:start] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + whole[coded:]


def all_coefficients(side: int) -> bytes:
    """A progressive JPEG whose samples are all kept until its last scan, two bytes each."""
    return encoded(Image.new("RGB", (side, side)), "JPEG", progressive=True, subsampling=0)


def slow_gif(notes: int) -> bytes:
    """Millions of comment blocks of one byte before the image; Pillow loops over them in Python."""
    whole = encoded(Image.new("L", (8, 8)), "GIF")
    start = whole.index(b",\0\0\0\0")
    return whole[:start] + (b"!\xfe\x01x\0" * notes) + whole[start:]


def webp_of_tables(side: int, tables: int) -> bytes:
    """A lossless WebP that has this many sets of tables, each of them in 20 bits."""
    bits = _Bits()
    for value, count in ((0x2F, 8), (side - 1, 14), (side - 1, 14), (0, 4)):
        bits.put(value, count)
    # No transformation and no cache; the sets are chosen by an image, for every 4 x 4 pixels.
    for value, count in ((0, 1), (0, 1), (1, 1), (0, 3), (0, 1)):
        bits.put(value, count)
    _codes_of_bytes(bits, 256 + 24)
    _codes_of_bytes(bits, 256)
    for _ in range(3):
        _code_of_one(bits)
    for block in range((side // 4) ** 2):
        number = block % tables
        for byte in (number & 255, number >> 8):
            bits.put(int(f"{byte:08b}"[::-1], 2), 8)
    for _ in range(5 * tables):
        _code_of_one(bits)
    coded = bits.whole()
    body = b"WEBPVP8L" + len(coded).to_bytes(4, "little") + coded + bytes(len(coded) % 2)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


class _Bits:
    """Bits, the lowest of each byte first."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._value = self._count = 0

    def put(self, value: int, count: int) -> None:
        self._value |= value << self._count
        self._count += count
        while self._count >= 8:
            self._bytes.append(self._value & 255)
            self._value >>= 8
            self._count -= 8

    def whole(self) -> bytes:
        return bytes(self._bytes) + bytes([self._value])


def _code_of_one(bits: _Bits) -> None:
    """A prefix code for a single symbol, which then takes no bits."""
    bits.put(0b0001, 4)


def _codes_of_bytes(bits: _Bits, symbols: int) -> None:
    """A prefix code that has 8 bits for each of the first 256 symbols."""
    bits.put(0, 1)
    lengths = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8)  # in this order the format names them
    bits.put(len(lengths) - 4, 4)
    for length in lengths:
        bits.put(int(length in (0, 8)), 3)
    bits.put(0, 1)
    for symbol in range(symbols):
        bits.put(int(symbol < 256), 1)


def chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)


def png(
    width: int,
    height: int,
    color: int,
    interlaced: int,
    raw_bytes: int,
    *,
    depth: int = 8,
    more: bytes = b"",
) -> bytes:
    """A PNG whose pixels inflate to this many zeros."""
    deflate = zlib.compressobj(9)
    start = deflate.compress(b"") + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(bytes(1_000_000)) + deflate.flush(zlib.Z_FULL_FLUSH)
    coded = start + block * (raw_bytes // 1_000_000 + 1) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
    parts = (chunk(b"IHDR", header), more, chunk(b"IDAT", coded), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def two_colours(width: int, height: int) -> bytes:
    """A PNG of one bit a pixel, whose colours are half transparent."""
    palette = chunk(b"PLTE", b"\0\0\0\xff\xff\xff") + chunk(b"tRNS", b"\x80\x80")
    row_bytes = width // 8 + 2
    return png(width, height, 3, 0, row_bytes * height, depth=1, more=palette)


def tiny_chunks() -> bytes:
    """A PNG with many chunks of one byte each."""
    coded = zlib.compress(np.random.default_rng(3).bytes(400 * 1201))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 400, 400, 8, 2, 0, 0, 0))
    parts = [chunk(b"IDAT", coded[at : at + 1]) for at in range(380_000)]
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(parts)


def rle_bmp() -> bytes:
    """A run-length encoded image of 36 megapixels in a few kilobytes."""
    side = 6000
    rows = (b"\xff\x01" * (side // 255) + b"\x00\x00") * side
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(rows), 0, 0, 256, 0)
    file = struct.pack("<2sIHHI", b"BM", 1078 + len(rows), 0, 0, 1078)
    return (file + header + bytes(1024) + rows)[: 4 * 1024 * 1024]


def noisy_photograph() -> bytes:
    """16 megapixels with camera noise: a JPEG nearly as large as an upload may be."""
    noise = np.random.default_rng(1).integers(0, 256, (864, 1152, 3), np.uint8)
    large = Image.fromarray(np.tile(noise, (4, 4, 1)))
    face = Image.fromarray(skimage.data.astronaut()).resize(large.size, Image.Resampling.BILINEAR)
    return encoded(Image.blend(face, large, 0.2), "JPEG", quality=80)


def square_photograph() -> bytes:
    """24 megapixels in the shape for which the detector needs most memory."""
    noise = np.random.default_rng(2).integers(0, 256, (1225, 1225, 3), np.uint8)
    large = Image.fromarray(np.tile(noise, (4, 4, 1)))
    return encoded(large, "JPEG", quality=18)


ATTACKS: dict[str, Callable[[], bytes]] = {
    "lossless WebP": lambda: lossless_webp(7000),
    "empty scans": lambda: empty_scans(3000, 13_000),
    "interlaced PNG": lambda: png(7000, 7000, 2, 1, 7000 * 21_016),
    "PNG that inflates": lambda: png(64, 64, 2, 0, 2_000_000_000),
    "RLE BMP": rle_bmp,
    "tiny chunks": tiny_chunks,
    "two colours": lambda: two_colours(7900, 6300),
    "two colours in a strip": lambda: two_colours(4_000_000, 12),
    "tables of a lossless WebP": lambda: webp_of_tables(1024, 2**16),
    "missing scans": lambda: missing_scans(6500),
    "a strip": lambda: encoded(Image.new("1", (8, 400_000)), "TIFF", compression="packbits"),
}
