"""Reading WebP files; chunks that the pixels do not need are skipped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from adapters.opencv.encoded import Damaged, Header, Truncated, ceil_div
from adapters.opencv.orientation import UPRIGHT, orientation_in
from adapters.opencv.transparency import on_white
from domain.formats import WEBP

_RIFF_BYTES = 12
_FRAME_BYTES = 16
_ALPHA_FLAG = 0x10
_MAX_CHUNKS = 1000
_NEEDED = (b"ALPH", b"VP8 ", b"VP8L")
_LOSSY_START = b"\x9d\x01\x2a"
_LOSSLESS_START = 0x2F
_LOSSLESS_ALPHA = 1

# Measured: peak bytes per pixel of OpenCV, and seconds per pixel on one core of an AMD EPYC.
_LOSSY_BYTES = 7
_ALPHA_BYTES = 9
_LOSSLESS_BYTES = 9
_S_PER_PIXEL = 30e-9
# A lossless image has tables of its own for up to every 4 x 4 pixels. How many there are is coded
# like the pixels, so the header tells only how many there can be; encoders write at most a few
# thousand.
_MAX_TABLES = 2**16
_BITS_PER_TABLE = 20
_BYTES_PER_TABLE = 13_000
_MAX_TABLE_BYTES = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WebpHeader(Header):
    """The header of a WebP.

    Attributes:
        frame: the position of the first frame: left, top, width and height.
        chunks: those of the frame, by name.
    """

    frame: tuple[int, int, int, int]
    chunks: tuple[tuple[bytes, slice], ...]

    def read(self, data: bytes, factor: int) -> NDArray[np.uint8]:
        """Decode the first frame, as a file of its own."""
        left, top, width, height = self.frame
        image = _file(width, height, [(name, data[part]) for name, part in self.chunks])
        pixels = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is None or pixels.shape[:2] != (height, width):
            # For OpenCV, a lack of memory is damage as well; this raises MemoryError then.
            np.empty(self.working_bytes + width * height * self.bytes_a_pixel, np.uint8)
            raise Damaged
        alpha = None
        if pixels.shape[2] == 4:
            alpha = cv2.extractChannel(pixels, 3)
            colour = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGB)
        else:
            colour = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
        if (left, top, width, height) == (0, 0, self.width, self.height):
            return on_white(colour, alpha, factor)
        canvas = np.full((self.height, self.width, 3), 255, np.uint8)
        room = canvas[top : top + height, left : left + width]
        room[:] = on_white(colour, alpha, 1)[: room.shape[0], : room.shape[1]]
        return on_white(canvas, None, factor)


def read_header(data: bytes, *, thorough: bool) -> WebpHeader | None:
    """Read the size, and estimate the cost of decoding.

    Returns:
        None if reading the file takes long, unless ``thorough``.

    Raises:
        Truncated, Damaged: there is no image in the file.
    """
    canvas: tuple[int, int] | None = None
    offset = (0, 0)
    parts: list[tuple[bytes, slice]] = []
    orientation = UPRIGHT
    for number, (name, part) in enumerate(_chunks_of_first_frame(data)):
        if number > _MAX_CHUNKS and not thorough:
            return None
        whole = bool(parts) and parts[-1][0] != b"ALPH"
        if name == b"EXIF":
            orientation = orientation_in(data[part])
        elif name == b"VP8X" and canvas is None:
            canvas = (_u24(data, part.start + 4) + 1, _u24(data, part.start + 7) + 1)
        elif name in _NEEDED and not whole:
            parts.append((name, part))
        elif name == b"ANMF" and not parts:
            offset = (2 * _u24(data, part.start), 2 * _u24(data, part.start + 3))
    if not parts or parts[-1][0] == b"ALPH":
        raise Truncated
    name, part = parts[-1]
    if part.stop > len(data):
        raise Truncated
    width, height = _size(name, data[part][:10])
    lossless = name == b"VP8L"
    animated = offset != (0, 0) or (canvas is not None and canvas != (width, height))
    on = canvas if canvas is not None and animated else (width, height)
    cost = _LOSSLESS_BYTES if lossless else _ALPHA_BYTES if len(parts) > 1 else _LOSSY_BYTES
    return WebpHeader(
        kind=WEBP,
        width=on[0],
        height=on[1],
        orientation=orientation,
        working_bytes=width * height * cost if animated else 0,
        bytes_a_pixel=3 if animated else cost,
        cpu_s=width * height * _S_PER_PIXEL,
        needs_process=_table_bytes(data, parts, width, height) > _MAX_TABLE_BYTES,
        frame=(*offset, width, height),
        chunks=tuple(parts),
    )


def _table_bytes(data: bytes, parts: list[tuple[bytes, slice]], width: int, height: int) -> int:
    """The memory that the tables of lossless pixels, or of a lossless alpha, can take."""
    coded = 0
    for name, part in parts:
        if name == b"VP8L" or (name == b"ALPH" and data[part.start] & 3 == _LOSSLESS_ALPHA):
            coded += part.stop - part.start
    blocks = ceil_div(width, 4) * ceil_div(height, 4)
    return min(_MAX_TABLES, blocks, 8 * coded // _BITS_PER_TABLE) * _BYTES_PER_TABLE


def _chunks_of_first_frame(data: bytes) -> Iterator[tuple[bytes, slice]]:
    """The chunks of the file, and behind the first frame of an animation those in it."""
    is_in_frame = False
    for name, part in _chunks(data, _RIFF_BYTES, len(data)):
        yield name, part
        if name == b"ANMF" and not is_in_frame:
            is_in_frame = True
            yield from _chunks(data, part.start + _FRAME_BYTES, part.stop)


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, slice]]:
    while at + 8 <= min(end, len(data)):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], slice(at + 8, at + 8 + size)
        at += 8 + size + size % 2


def _size(name: bytes, start: bytes) -> tuple[int, int]:
    if name == b"VP8L" and start[:1] == bytes([_LOSSLESS_START]) and len(start) >= 5:
        bits = int.from_bytes(start[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == b"VP8 " and start[3:6] == _LOSSY_START and len(start) >= 10:
        width = int.from_bytes(start[6:8], "little") & 0x3FFF
        height = int.from_bytes(start[8:10], "little") & 0x3FFF
        if width and height:
            return width, height
    raise Damaged


def _file(width: int, height: int, chunks: list[tuple[bytes, bytes]]) -> bytes:
    body = b"WEBP"
    if len(chunks) > 1:
        flags = bytes([_ALPHA_FLAG, 0, 0, 0])
        canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        body += _chunk(b"VP8X", flags + canvas)
    body += b"".join(_chunk(name, part) for name, part in chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _chunk(name: bytes, part: bytes) -> bytes:
    return name + len(part).to_bytes(4, "little") + part + b"\0" * (len(part) % 2)


def _u24(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")
