"""Reading PNG files; chunks that the pixels do not need are skipped."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from adapters.opencv.encoded import Damaged, Header, Truncated, Unsupported, ceil_div
from adapters.opencv.orientation import UPRIGHT, orientation_in
from adapters.opencv.transparency import Band, put_together
from domain.formats import PNG

_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_SAMPLES = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGB_ALPHA: 4}
_DEPTHS = {
    _GREY: (1, 2, 4, 8, 16),
    _RGB: (8, 16),
    _PALETTE: (1, 2, 4, 8),
    _GREY_ALPHA: (8, 16),
    _RGB_ALPHA: (8, 16),
}
Samples = NDArray[np.uint8] | NDArray[np.uint16]

# The OpenCV formats for undoing the filters, by the number of bytes per pixel.
_PLAIN = {1: (_GREY, 8), 2: (_GREY, 16), 3: (_RGB, 8), 4: (_RGB_ALPHA, 8), 6: (_RGB, 16)}
_PLAIN[8] = (_RGB_ALPHA, 16)
# First column and row of each pass of an interlaced image, and the steps to the next ones.
_PASSES: tuple[tuple[int, int, int, int], ...] = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_LAST_FILTER = 4
# Pixels of a band, and what each takes besides its stored bytes (measured: a palette of one bit,
# blended with white). A band of so many stored bytes could have eight times as many pixels.
_BAND_PIXELS = 200_000
_BYTES_PER_BAND_PIXEL = 28
_CHUNK_BYTES = 65_536
_ZLIB_HEADER_BYTES = 2
_SIGNATURE_BYTES = 8
_MAX_CHUNKS = 2000
_IHDR_END = 33

# Measured on one core of an AMD EPYC: seconds a byte of the inflated image, and besides a pixel of
# less than a byte.
_S_PER_BYTE = 12e-9
_S_PER_SMALL_PIXEL = 20e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class PngHeader(Header):
    """The header of a PNG.

    Attributes:
        depth: bits per sample.
        colour: the colour type.
        interlaced: whether the pixels are stored in seven passes.
    """

    depth: int
    colour: int
    interlaced: bool

    def read(self, data: bytes, factor: int) -> NDArray[np.uint8]:
        """Decode a band of rows at a time; checksums and other chunks are skipped."""
        return _Picture(self, data).read(factor)


def read_header(data: bytes, *, thorough: bool) -> PngHeader | None:
    """Read the size, and estimate the cost of decoding.

    Returns:
        None if there are so many chunks that reading the file takes long, unless ``thorough``.

    Raises:
        Truncated, Damaged: the size cannot be read.
        Unsupported: it is no PNG as the standard has it.
    """
    if len(data) < _IHDR_END:
        raise Truncated
    name, width, height, depth, colour, _, _, interlace = struct.unpack_from(">4sIIBBBBB", data, 12)
    if name == b"CgBI":
        raise Unsupported("it is Apple's form of PNG for programs (CgBI), which is not supported")
    if name != b"IHDR" or not (width and height) or depth not in _DEPTHS.get(colour, ()):
        raise Damaged
    if not thorough and any(number > _MAX_CHUNKS for number, _ in enumerate(_chunks(data))):
        return None
    stored_bytes = ceil_div(_SAMPLES[colour] * depth, 8)
    row_bytes = ceil_div(width * _SAMPLES[colour] * depth, 8)
    return PngHeader(
        kind=PNG,
        width=width,
        height=height,
        working_bytes=(3 * stored_bytes + _BYTES_PER_BAND_PIXEL) * max(_BAND_PIXELS, 8 * width)
        + (width * height * _SAMPLES[colour] * (2 if depth == 16 else 1) if interlace else 0),
        reduces_while_reading=True,
        cpu_s=row_bytes * height * _S_PER_BYTE
        + (width * height * _S_PER_SMALL_PIXEL if depth < 8 else 0),
        costs_most="inflating this PNG",
        depth=depth,
        colour=colour,
        interlaced=bool(interlace),
    )


def orientation_of(data: bytes) -> int:
    """The orientation in a PNG's EXIF chunk, 1 to 8."""
    return next(
        (orientation_in(bytes(body)) for name, body in _chunks(data) if name == b"eXIf"), UPRIGHT
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    view = memoryview(data)
    at = _SIGNATURE_BYTES
    while at + 8 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4])
        yield data[at + 4 : at + 8], view[at + 8 : end]
        at = end + 4


def _palette_and_transparency(data: bytes) -> tuple[bytes, bytes]:
    """The bodies of these two chunks, which stand before the coded pixels."""
    found = {b"PLTE": b"", b"tRNS": b""}
    for name, body in _chunks(data):
        if name in (b"IDAT", b"IEND"):
            break
        if name in found:
            found[name] = bytes(body[:1024])
    return found[b"PLTE"], found[b"tRNS"]


def _coded(data: bytes) -> Iterator[memoryview]:
    """The coded pixels, chunk by chunk: a list of chunks of one byte is larger than the file."""
    for name, body in _chunks(data):
        if name == b"IDAT":
            yield body
        elif name == b"IEND":
            break


class _Inflater:
    """Returns the rows of an image in order, and never inflates more than those."""

    def __init__(self, coded: Iterable[memoryview]) -> None:
        self._input = _slices(coded)
        # Raw, because the checksum at the end of the zlib stream is ignored.
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes.

        Raises:
            Truncated: there are fewer.
            Damaged: they cannot be inflated.
        """
        taken, missing = [], size
        while missing:
            waiting = self._inflate.unconsumed_tail or next(self._input, b"")
            if not waiting or self._inflate.eof:
                raise Truncated
            try:
                piece = self._inflate.decompress(waiting, missing)
            except zlib.error as error:
                raise Damaged from error
            taken.append(piece)
            missing -= len(piece)
        return b"".join(taken)


def _slices(coded: Iterable[memoryview]) -> Iterator[memoryview]:
    header = _ZLIB_HEADER_BYTES
    for body in coded:
        rest, header = body[header:], max(header - len(body), 0)
        for at in range(0, len(rest), _CHUNK_BYTES):
            yield rest[at : at + _CHUNK_BYTES]


class _Picture:
    def __init__(self, header: PngHeader, data: bytes) -> None:
        palette, transparency = _palette_and_transparency(data)
        self._header = header
        self._inflater = _Inflater(_coded(data))
        self._samples = _SAMPLES[header.colour]
        self._pixel_bytes = max(self._samples * header.depth // 8, 1)
        self._palette, self._opacity = _palette_of(palette, transparency)
        self._key = _key_of(header, transparency)

    def read(self, factor: int) -> NDArray[np.uint8]:
        header = self._header
        rows = self._read_rows(header.width, header.height)
        bands = self._read_interlaced() if header.interlaced else rows
        colours = (self._colour(samples) for samples in bands)
        return put_together(colours, factor, (header.height, header.width))

    def _read_interlaced(self) -> Iterator[Samples]:
        """The whole image, assembled from its passes, in bands."""
        header = self._header
        kind = np.uint16 if header.depth == 16 else np.uint8
        whole = np.zeros((header.height, header.width, self._samples), kind)
        for left, top, step_x, step_y in _PASSES:
            width, height = ceil_div(header.width - left, step_x), header.height - top
            height = ceil_div(height, step_y)
            at = top
            for pixels in self._read_rows(width, height) if width > 0 and height > 0 else ():
                end = at + len(pixels) * step_y
                whole[at:end:step_y, left::step_x] = pixels
                at = end
        rows = _rows_of_a_band(header.width)
        for at in range(0, header.height, rows):
            yield whole[at : at + rows]

    def _read_rows(self, width: int, height: int) -> Iterator[Samples]:
        """Bands of rows of samples."""
        row_bytes = ceil_div(width * self._samples * self._header.depth, 8)
        rows = _rows_of_a_band(width)
        above = bytes(row_bytes)
        for at in range(0, height, rows):
            count = min(rows, height - at)
            filtered = self._inflater.take(count * (row_bytes + 1))
            pixels = _unfilter(above, filtered, row_bytes, count, self._pixel_bytes)
            big_endian = pixels[-1:].astype(">u2" if pixels.dtype == np.uint16 else np.uint8)
            above = big_endian.tobytes()
            yield _unpack(pixels, width, self._samples, self._header.depth)

    def _colour(self, samples: Samples) -> Band:
        """RGB and alpha of a band, in 8 bits."""
        depth, colour = self._header.depth, self._header.colour
        alpha = None
        if colour == _PALETTE:
            indices = np.ascontiguousarray(samples[..., 0], np.uint8)
            alpha = None if self._opacity is None else cv2.LUT(indices, self._opacity)
            return cv2.applyColorMap(indices, self._palette[:, None]), alpha
        if self._key is not None:
            differs = (samples != self._key).any(axis=2)
            alpha = differs.astype(np.uint8) * np.uint8(255)
        if depth == 16:
            samples = samples >> np.uint16(8)
        eight = np.ascontiguousarray(samples, np.uint8)
        if depth < 8:
            eight = eight * np.uint8(255 // (2**depth - 1))
        if colour == _GREY_ALPHA:
            eight, alpha = cv2.split(eight)
        elif colour == _RGB_ALPHA:
            alpha = cv2.extractChannel(eight, 3)
            return cv2.cvtColor(eight, cv2.COLOR_RGBA2RGB), alpha
        return eight if colour == _RGB else cv2.cvtColor(eight, cv2.COLOR_GRAY2RGB), alpha


def _rows_of_a_band(width: int) -> int:
    """A multiple of 8, so that bands can be reduced."""
    return max(_BAND_PIXELS // width // 8, 1) * 8


def _palette_of(
    palette: bytes, transparency: bytes
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """256 colours and, if some are transparent, the opacity of each."""
    colours = np.zeros((256, 3), np.uint8)
    given = np.frombuffer(palette[: len(palette) // 3 * 3], np.uint8).reshape(-1, 3)
    colours[: len(given)] = given[:256]
    if not transparency:
        return colours, None
    opacity = np.full(256, 255, np.uint8)
    some = np.frombuffer(transparency[:256], np.uint8)
    opacity[: len(some)] = some
    return colours, opacity


def _key_of(header: PngHeader, transparency: bytes) -> NDArray[np.uint16] | None:
    """The transparent colour of an image without palette and alpha."""
    samples = _SAMPLES[header.colour]
    if header.colour not in (_GREY, _RGB) or len(transparency) < 2 * samples:
        return None
    key = np.frombuffer(transparency, ">u2", samples).astype(np.uint16)
    return key & np.uint16(2**header.depth - 1)


def _unfilter(
    above: bytes, filtered: bytes, row_bytes: int, rows: int, pixel_bytes: int
) -> Samples:
    """Undo the filters of some rows, by passing them to OpenCV as an image of their own.

    Args:
        above: the row before them, unfiltered; it becomes the first row of that image.
        filtered: the rows, each after the byte that names its filter.
        row_bytes: of a row without that byte.
        rows: how many.
        pixel_bytes: how far apart the bytes are that filters compare.

    Returns:
        the rows: uint8, or uint16 where a pixel has 2, 6 or 8 bytes.
    """
    if max(filtered[:: row_bytes + 1]) > _LAST_FILTER:  # OpenCV would write to standard error
        raise Damaged
    colour, depth = _PLAIN[pixel_bytes]
    width = row_bytes // pixel_bytes
    size = struct.pack(">IIBBBBB", width, rows + 1, depth, colour, 0, 0, 0)
    # Level 0: stored uncompressed.
    coded = zlib.compress(b"".join((b"\0", above, filtered)), 0)
    image = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", size) + _chunk(b"IDAT", coded)
    image += _chunk(b"IEND", b"")
    pixels = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise Damaged
    if colour == _RGB:
        cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)
    elif colour == _RGB_ALPHA:
        cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA, dst=pixels)
    rows_only: Samples = pixels[1:]
    return rows_only


def _chunk(name: bytes, body: bytes) -> bytes:
    named = name + body
    return len(body).to_bytes(4) + named + zlib.crc32(named).to_bytes(4)


def _unpack(rows: Samples, width: int, samples: int, depth: int) -> Samples:
    """The samples of some rows: height x width x samples, uint8 or uint16."""
    height = len(rows)
    if depth == 8 and rows.dtype == np.uint16:  # grey and alpha, a byte each
        rows = rows.astype(">u2").view(np.uint8)
    if depth == 16 and rows.dtype == np.uint8:  # grey and alpha, two bytes each
        rows = np.ascontiguousarray(rows).view(">u2").astype(np.uint16)
    if depth >= 8:
        return rows.reshape(height, width, samples)
    bits: NDArray[np.uint8] = np.unpackbits(rows.astype(np.uint8).reshape(height, -1), axis=1)
    bits = bits[:, : width * depth].reshape(height, width, depth)
    weights = (1 << np.arange(depth - 1, -1, -1)).astype(np.uint8)
    values: NDArray[np.uint8] = (bits * weights).sum(axis=2, dtype=np.uint8)
    return values[..., None]
