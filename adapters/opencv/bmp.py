"""Reading BMP files, with every header, mask and compression that Windows and OS/2 write.

OpenCV and Pillow each read a part of them, and OpenCV gets the colours of some wrong without saying
so. Only the process of costly and rare images uses this, because run lengths are read by a loop.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from adapters.opencv.encoded import Damaged, Header, Truncated, Unsupported
from adapters.opencv.transparency import BAND_PIXELS, Band, band_tops, put_together
from domain.formats import BMP

_FILE_HEADER_BYTES = 14
_CORE_BYTES, _OS2_SHORT_BYTES, _INFO_BYTES, _OS2_BYTES = 12, 16, 40, 64
_WITH_MASKS_BYTES, _WITH_ALPHA_BYTES = 52, 56
_PLAIN, _RLE8, _RLE4, _MASKS, _MASKS_AND_ALPHA = 0, 1, 2, 3, 6
_DEPTHS = {
    _PLAIN: (1, 2, 4, 8, 16, 24, 32),
    _RLE8: (8,),
    _RLE4: (4,),
    _MASKS: (16, 32),
    _MASKS_AND_ALPHA: (16, 32),
}
_USUAL_MASKS = {
    16: (0x7C00, 0x03E0, 0x001F, 0),
    32: (0xFF0000, 0xFF00, 0xFF, 0xFF000000),
}
_COLOURS = 256
_MAX_TABLED_BITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class BmpHeader(Header):
    """The header of a BMP.

    Attributes:
        depth: bits a pixel.
        compression: the number that the file gives it.
        masks: which bits of a pixel are red, green, blue and alpha; zeros for other depths than 16
            and 32.
        palette: the colours of a file with up to 8 bits a pixel, four bytes each.
        at: where the pixels begin.
        is_top_down: whether the first row is the uppermost.
    """

    depth: int
    compression: int
    masks: tuple[int, ...]
    palette: bytes
    at: int
    is_top_down: bool

    def read(self, data: bytes, factor: int) -> NDArray[np.uint8]:
        """Decode a band of rows at a time; run lengths all at once."""
        coded = memoryview(data)[self.at :]
        is_run_length = self.compression in (_RLE8, _RLE4)
        rows = self._decode_run_lengths(coded) if is_run_length else self._read_rows(coded)
        if not self.is_top_down:
            rows = rows[::-1]
        colours = np.zeros((_COLOURS, 3), np.uint8)
        given = np.frombuffer(self.palette, np.uint8).reshape(-1, 4)
        colours[: len(given)] = given[:, 2::-1]

        def bands() -> Iterator[Band]:
            tops = band_tops(self.width, self.height, factor)
            for top in tops:
                band = np.ascontiguousarray(rows[top : top + tops.step])
                if is_run_length:
                    yield cv2.applyColorMap(band, colours[:, None]), None
                elif self.depth <= 8:
                    yield cv2.applyColorMap(self._indices(band), colours[:, None]), None
                elif self.depth == 24:
                    pixels = band[:, : 3 * self.width].reshape(len(band), self.width, 3)
                    yield cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), None
                else:
                    yield self._apply_masks(band)

        return put_together(bands(), factor, (self.height, self.width))

    def _read_rows(self, coded: memoryview) -> NDArray[np.uint8]:
        """The rows as they are stored: height x bytes of a row."""
        row_bytes = (self.width * self.depth + 7) // 8
        stride = (row_bytes + 3) // 4 * 4
        whole = stride * self.height
        if len(coded) < whole - (stride - row_bytes):
            raise Truncated
        if len(coded) < whole:  # only the padding of the last row is missing
            coded = memoryview(bytes(coded) + bytes(whole - len(coded)))
        return np.frombuffer(coded, np.uint8, whole).reshape(self.height, stride)

    def _decode_run_lengths(self, coded: memoryview) -> NDArray[np.uint8]:
        """The indices of a run-length coded file: height x width."""
        width, height = self.width, self.height
        data, pixels = bytes(coded), bytearray(width * height)
        wide = self.compression == _RLE8
        # What a byte stands for: one pixel, or two that alternate
        parts = [bytes([value] if wide else [value >> 4, value & 15]) for value in range(256)]
        x, y, at, end = 0, 0, 0, len(data) - 1
        while y < height:
            if at >= end:
                if y == height - 1 and x >= width:
                    break  # only the end marker is missing
                raise Truncated
            count, value = data[at], data[at + 1]
            at += 2
            if count:
                run = parts[value] * count
            elif value == 0:
                x, y = 0, y + 1
                continue
            elif value == 1:
                break
            elif value == 2:
                if at >= end:
                    raise Truncated
                x, y, at = x + data[at], y + data[at + 1], at + 2
                continue
            else:
                count, size = value, value if wide else (value + 1) // 2
                if len(data) < at + size:
                    raise Truncated
                run = b"".join([parts[each] for each in data[at : at + size]])
                at += size + size % 2
            stop = x + count
            if stop <= width:
                start = y * width
                pixels[start + x : start + stop] = run[:count]
            elif x < width:
                pixels[y * width + x : (y + 1) * width] = run[: width - x]
            x = stop
        return np.frombuffer(pixels, np.uint8).reshape(height, width)

    def _indices(self, band: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self.depth == 8:
            return np.ascontiguousarray(band[:, : self.width])
        shifts = np.arange(8 - self.depth, -1, -self.depth, dtype=np.uint8)
        several = band[..., None] >> shifts & np.uint8(2**self.depth - 1)
        return np.ascontiguousarray(several.reshape(len(band), -1)[:, : self.width])

    def _apply_masks(self, band: NDArray[np.uint8]) -> Band:
        pixels = band.view("<u2" if self.depth == 16 else "<u4")[:, : self.width]
        red, green, blue, alpha = self.masks
        colour = cv2.merge([_channel(pixels, mask) for mask in (red, green, blue)])
        return np.asarray(colour, np.uint8), _channel(pixels, alpha) if alpha else None


def read_header(data: bytes) -> BmpHeader:
    """Read the size and the layout of the pixels.

    Raises:
        Truncated, Damaged: they cannot be read.
    """
    if len(data) < _FILE_HEADER_BYTES + _INFO_BYTES:
        raise Truncated
    begins, size = struct.unpack_from("<II", data, 10)
    compression = _PLAIN
    if size == _CORE_BYTES:
        width, height, _, depth = struct.unpack_from("<HHHH", data, 18)
    else:
        width, height, _, depth = struct.unpack_from("<iiHH", data, 18)
    if size >= _INFO_BYTES:
        (compression,) = struct.unpack_from("<I", data, 30)
    is_os2 = size == _OS2_BYTES  # which uses the numbers of the masks for other compressions
    if width <= 0 or height == 0:
        raise Damaged
    if depth not in _DEPTHS.get(compression, ()) or (is_os2 and compression > _RLE4):
        raise Unsupported(
            f"{depth} bits a pixel with compression {compression} are not supported in a BMP"
        )
    end = _FILE_HEADER_BYTES + size
    masks = _USUAL_MASKS.get(depth, (0, 0, 0, 0))
    if depth == 32 and size < _WITH_ALPHA_BYTES:
        masks = (*masks[:3], 0)
    if compression in (_MASKS, _MASKS_AND_ALPHA):
        # They follow a short header, and are a part of a long one.
        behind = (4 if compression == _MASKS_AND_ALPHA else 3) if size < _WITH_MASKS_BYTES else 0
        count = behind or (4 if size >= _WITH_ALPHA_BYTES else 3)
        end += 4 * behind
        if len(data) < _FILE_HEADER_BYTES + _INFO_BYTES + 4 * count:
            raise Truncated
        masks = struct.unpack_from(f"<{count}I", data, _FILE_HEADER_BYTES + _INFO_BYTES)
        masks = (*masks, 0)[:4]
    entry = 3 if size == _CORE_BYTES else 4
    colours = _colours(data, size, depth)
    if not end <= begins <= len(data):  # some programs leave it out
        begins = end + entry * colours
    colours = min(colours, (begins - end) // entry)
    palette = data[end : end + entry * colours]
    if entry == 3:
        palette = b"".join(palette[at : at + 3] + b"\0" for at in range(0, len(palette) - 2, 3))
    is_run_length = compression in (_RLE8, _RLE4)
    return BmpHeader(
        kind=BMP,
        width=width,
        height=abs(height),
        working_bytes=32 * max(BAND_PIXELS, width),
        bytes_a_pixel=4,
        reduces_while_reading=not is_run_length,
        depth=depth,
        compression=compression,
        masks=masks,
        palette=palette[: len(palette) // 4 * 4],
        at=begins,
        is_top_down=height < 0,
    )


def _colours(data: bytes, size: int, depth: int) -> int:
    """How many colours the palette has."""
    if depth > 8:
        return 0
    used = int.from_bytes(data[46:50], "little") if size >= _INFO_BYTES else 0
    return min(used or 1 << depth, 1 << depth)


def _channel(pixels: NDArray[np.uint16] | NDArray[np.uint32], mask: int) -> NDArray[np.uint8]:
    """The bits of a mask, scaled to 8."""
    if not mask:
        return np.zeros(pixels.shape, np.uint8)
    shift = (mask & -mask).bit_length() - 1
    shift += max(mask.bit_length() - shift - _MAX_TABLED_BITS, 0)
    most = mask >> shift
    table = ((np.arange(most + 1) * 255 + most // 2) // most).astype(np.uint8)
    return np.asarray(table[(pixels & mask) >> shift], np.uint8)
