"""Reading JPEG."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from adapters.opencv import search
from adapters.opencv.encoded import Damaged, Header, Truncated, Unsupported, ceil_div
from adapters.opencv.orientation import UPRIGHT, orientation_in
from adapters.opencv.transparency import smaller
from domain.formats import JPEG

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_START_OF_SCAN = b"\xff\xda"
_END = b"\xff\xd9"
_APP1 = 0xE1
_METADATA = frozenset({*range(0xE1, 0xEE), 0xEF, 0xFE})
_EXIF = b"Exif\0"
_ALONE = (0x01, 0xD8)
_START = 0xD8
# Names the height, behind the first scan, where the frame names none.
_NUMBER_OF_LINES = b"\xff\xdc\x00\x04"
# SOF0 to SOF15 without DHT, JPG and DAC, which lie among them, and SOF55.
_FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = 0xC2
_EXTENDED = 0xC1
_ARITHMETIC = frozenset({0xC9, 0xCA})
_LOSSLESS = 0xC3
_DEEP_BITS = 12
# What FFmpeg reads right of lossless JPEG, by the number of components.
_LOSSLESS_BITS = {1: range(8, 16), 3: (8,)}
_OTHER_CODINGS = {
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical JPEG"),
    0xCB: "lossless JPEG with arithmetic coding",
    0xF7: "JPEG-LS",
}
# Sampling factors of the first component that TurboJPEG supports if the other two have 1 x 1.
_READ_BY_TURBOJPEG = frozenset({0x11, 0x21, 0x12, 0x22, 0x41})
_MAX_SEGMENTS = 2000
# Large profiles and metadata are a few hundred; to go through this many takes a tenth of a second.
_MAX_MARKERS = 100_000
# Between the first markers nothing belongs.
_MAX_FILL = 64 * 1024
# A search stops all other threads, so it is done piece by piece.
_PIECE = 256 * 1024
# Zeros after the last coded byte are padding, except for the few that the decoder reads ahead.
_LOOKAHEAD = bytes(16)
_PADDING = 64
_RESTART_BACKWARDS = re.compile(rb"([\xd0-\xd7])\xff")
_RESTART_INTERVAL = b"\xff\xdd\x00\x04"
_NOISE = bytes(range(1, 251)) * 16

# Measured on one core of an AMD EPYC: seconds a pixel, a coded byte, and a pixel and scan.
_S_PER_PIXEL = 3e-9
_S_PER_BYTE = 15e-9
_S_PER_PIXEL_AND_SCAN = 0.6e-9
_S_PER_RARE_PIXEL = 40e-9


@dataclass(frozen=True, slots=True)
class JpegHeader(Header):
    """The header of a JPEG.

    Attributes:
        is_rare: whether FFmpeg reads it: it is lossless, or has 12 bits a sample.
        hides_gaps: whether its library does not say that coded data is missing.
    """

    is_rare: bool = False
    hides_gaps: bool = False

    def read(self, data: bytes, factor: int) -> NDArray[np.uint8]:
        """Decode; the pixels skipped by a factor of 2, 4 or 8 are never computed."""
        coded = _with_end_marker(_plain(data, self.height))
        if self.is_rare:
            from adapters.opencv import rare_jpeg

            return smaller(rare_jpeg.read(coded), factor)
        pixels, may_hide_gaps = self._decode(coded, factor)
        if may_hide_gaps:
            others, _ = self._decode(_with_noise(coded), factor)
            if not np.array_equal(pixels, others):
                raise Truncated
        return pixels

    def _decode(self, coded: bytes, factor: int) -> tuple[NDArray[np.uint8], bool]:
        """The pixels, and whether coded data may be missing nevertheless."""
        height, width = ceil_div(self.height, factor), ceil_div(self.width, factor)
        try:
            return _decode(coded, height, width, strict=True), self.hides_gaps
        except ValueError as error:
            refusal, fault = error, str(error)
        if "premature end" in fault.lower():
            raise Truncated
        if fault.startswith("Corrupt JPEG data"):  # extraneous bytes, or a few bad samples
            # What is missing from a restart marker on counts as bad samples.
            may_hide_gaps = self.hides_gaps or _RESTART_INTERVAL in coded
            return _decode(coded, height, width, strict=False), may_hide_gaps
        if not self.needs_process:
            raise Damaged from refusal
        # A subsampling that TurboJPEG does not support; OpenCV reads it.
        flag = {
            1: cv2.IMREAD_COLOR_RGB,
            2: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_2,
            4: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_4,
            8: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_8,
        }[factor]
        pixels = cv2.imdecode(np.frombuffer(coded, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
        if pixels is None:
            raise Damaged
        return np.asarray(pixels, np.uint8), self.hides_gaps


def read_header(data: bytes, *, thorough: bool) -> JpegHeader | None:
    """Read the size, and estimate the cost of decoding.

    Args:
        data: the whole file.
        thorough: count the scans exactly, in time that grows with the file. Otherwise the count may
            be too high, and the cost is an upper bound.

    Returns:
        None if the header is so large that reading it takes long.

    Raises:
        Truncated, Damaged: the size cannot be read.
    """
    orientation, last = UPRIGHT, 2
    markers = _markers(data, 2, None if thorough else _MAX_FILL)
    for number, (code, at, end) in enumerate(markers):
        if number == _MAX_SEGMENTS and not thorough:
            return None
        if code in _FRAMES:
            if orientation == UPRIGHT:
                orientation = _orientation_behind_the_frame(data, markers)
            return _frame(data, at, code, orientation, thorough)
        if code == _END[1] or code == _START_OF_SCAN[1]:
            raise Truncated if code == _END[1] else Damaged
        if code == _APP1 and orientation == UPRIGHT and data.startswith(_EXIF, at + 2):
            orientation = orientation_in(data[at + 2 : end])
        last = end
    if not thorough and last + _MAX_FILL < len(data):
        return None
    raise Truncated


def _orientation_behind_the_frame(data: bytes, markers: Iterator[tuple[int, int, int]]) -> int:
    """EXIF may stand anywhere before the first scan."""
    for code, at, end in islice(markers, _MAX_SEGMENTS):
        if code in (_START_OF_SCAN[1], _END[1]):
            break
        if code == _APP1 and data.startswith(_EXIF, at + 2):
            return orientation_in(data[at + 2 : end])
    return UPRIGHT


def _markers(data: bytes, at: int, within: int | None = None) -> Iterator[tuple[int, int, int]]:
    """The markers from a position on, and where their segments begin and end.

    Coded data is passed over, in which FF is followed by 00 or a restart marker.

    Args:
        data: the whole file.
        at: the position.
        within: how many bytes behind the last segment the next marker begins at most.

    Raises:
        Damaged: there are so many that going through them takes long.
    """
    for _ in range(_MAX_MARKERS):
        marker = _next_marker(data, at, len(data) if within is None else at + within)
        if marker is None:
            return
        code, begin = data[marker.end() - 1], marker.end()
        at = begin
        if code not in _ALONE:
            at += max(int.from_bytes(data[begin : begin + 2]), 2)
        yield code, begin, at
    raise Damaged(f"it has more than {_MAX_MARKERS:,} segments")


def _next_marker(data: bytes, at: int, end: int) -> re.Match[bytes] | None:
    while at < end:
        marker = _MARKER.search(data, at, min(at + _PIECE + 1, end))
        if marker is not None:
            return marker
        at += _PIECE
    return None


def _last_restart(data: bytes, begin: int, end: int) -> int:
    """The number of the last restart marker, 0 to 7; -1 if there is none."""
    while begin < end:
        piece = max(end - _PIECE, begin)
        restart = _RESTART_BACKWARDS.search(data[piece:end][::-1])
        if restart is not None:
            return restart[1][0] % 8
        end = piece + 1 if piece > begin else begin
    return -1


def is_rare(data: bytes) -> bool:
    """Whether FFmpeg reads the file: it is lossless, or has 12 bits a sample."""
    try:
        header = read_header(data, thorough=False)
    except Damaged:
        return False
    return header is not None and header.is_rare


def _frame(data: bytes, at: int, code: int, orientation: int, thorough: bool) -> JpegHeader:
    if len(data) < at + 8:
        raise Truncated
    precision, components = data[at + 2], data[at + 7]
    height, width = int.from_bytes(data[at + 3 : at + 5]), int.from_bytes(data[at + 5 : at + 7])
    height = height or _height_behind_the_scan(data, at)
    if not height:
        raise Damaged("it does not say how high it is")
    if not (width and components):
        raise Damaged
    if code in _OTHER_CODINGS:
        raise Unsupported(f"it is {_OTHER_CODINGS[code]}, which is not supported")
    rare = (precision, code) == (_DEEP_BITS, _EXTENDED)
    if code == _LOSSLESS:
        rare = precision in _LOSSLESS_BITS.get(components, ())
    if precision != 8 and not rare:
        raise Unsupported(
            f"it has {precision} bits a sample; 8 are supported, 12 if it is extended sequential "
            "(SOF1), and up to 15 if it is lossless and grey"
        )
    if code == _LOSSLESS and not rare:
        raise Unsupported(f"it is lossless with {components} colours; 1 and 3 are supported")
    scans = _scans(data, at) if thorough else [search.find(data, _START_OF_SCAN, at) + 2]
    count = len(scans) if thorough else search.count(data, _START_OF_SCAN, at)
    pixels = width * height
    # A first scan of some components only announces others, whether they follow or not.
    is_whole = count == 1 and data[scans[0] + 2 : scans[0] + 3] == bytes([components])
    several = code in (_PROGRESSIVE, 0xCA) or not is_whole
    sampling = data[at + 8 : at + 8 + 3 * components]
    samples = _samples_a_pixel(sampling)
    return JpegHeader(
        kind=JPEG,
        width=width,
        height=height,
        orientation=orientation,
        # With several scans, all coefficients are kept until the last one, two bytes each.
        working_bytes=int(pixels * samples * 2) if several else 0,
        # FFmpeg returns two bytes a sample, which are then converted to RGB.
        bytes_a_pixel=3 + ceil(2 * samples) if rare else 3,
        reduces_while_reading=not rare,
        cpu_s=pixels * (_S_PER_RARE_PIXEL if rare else _S_PER_PIXEL)
        + len(data) * _S_PER_BYTE
        + (pixels * count * _S_PER_PIXEL_AND_SCAN if several else 0),
        costs_most=f"the {count} scans of this JPEG",
        needs_process=rare or not _is_read_by_turbojpeg(sampling),
        is_rare=rare,
        hides_gaps=code in _ARITHMETIC or not _is_read_by_turbojpeg(sampling),
    )


def _height_behind_the_scan(data: bytes, at: int) -> int:
    found = search.find(data, _NUMBER_OF_LINES, at)
    return 0 if found < 0 else int.from_bytes(data[found + 4 : found + 6])


def _with_noise(data: bytes) -> bytes:
    """The file with noise after its coded data, which decoders skip only if they miss nothing."""
    scan = end = search.find(data, _START_OF_SCAN)
    for code, begin, _ in _markers(data, scan):
        end = begin - 2
        if code == _END[1]:
            break
        if code == _START_OF_SCAN[1]:
            scan = begin
    noise = _NOISE
    # A decoder that misses a restart marker skips everything before the right one.
    following = _last_restart(data, scan, end) + 1
    for number in range(following, following + 8):
        noise += bytes([0xFF, 0xD0 + number % 8]) + _NOISE
    return data[:end] + noise + _END


def _scans(data: bytes, at: int) -> list[int]:
    """Where the segments begin that begin scans."""
    scans = []
    for code, begin, _ in _markers(data, at):
        if code == _END[1]:
            break
        if code == _START_OF_SCAN[1]:
            scans.append(begin)
    return scans


def _is_read_by_turbojpeg(components: bytes) -> bool:
    first, *others = components[1::3]
    is_colour = len(others) == 2 and set(others) == {0x11}
    return not others or (is_colour and first in _READ_BY_TURBOJPEG)


def _samples_a_pixel(components: bytes) -> float:
    """Samples per pixel: 3 without subsampling, 1.5 as most cameras write."""
    across = [(sampling >> 4) or 1 for sampling in components[1::3]]
    down = [(sampling & 15) or 1 for sampling in components[1::3]]
    if not across or len(across) != len(down):
        return 4.0
    most = max(across) * max(down)
    return sum(a * d for a, d in zip(across, down, strict=True)) / most


def _plain(data: bytes, height: int) -> bytes:
    """The file with a header that every decoder reads.

    Metadata is left out, because a wrong profile would refuse the pixels; JFIF's and Adobe's
    segments (APP0 and APP14) stay, because they name the colour space. There is one start marker,
    and the frame names the height.
    """
    kept, kept_from = [], 0
    for code, begin, end in _markers(data, 2):
        if code == _START_OF_SCAN[1]:
            break
        if code in _METADATA or code == _START:
            kept.append(data[kept_from : begin - 2])
            kept_from = end
        elif code in _FRAMES and not any(data[begin + 3 : begin + 5]):
            kept += [data[kept_from : begin + 3], height.to_bytes(2)]
            kept_from = begin + 5
    return b"".join([*kept, data[kept_from:]]) if kept else data


def _with_end_marker(data: bytes) -> bytes:
    """The file with an end marker added, so that a missing marker alone is not an error.

    Zeros in place of the end marker would be decoded as grey if half of the image is missing.
    """
    if data.endswith(_END):
        return data
    stripped = data.rstrip(b"\0")
    if len(data) - len(stripped) >= _PADDING:
        return stripped + _LOOKAHEAD + _END
    return data + _END


def _decode(data: bytes, height: int, width: int, *, strict: bool) -> NDArray[np.uint8]:
    pixels = simplejpeg.decode_jpeg(data, "RGB", min_height=height, min_width=width, strict=strict)
    return np.asarray(pixels, np.uint8)
