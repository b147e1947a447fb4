"""Reading TIFF files whose samples Pillow cannot arrange: 16 bits with alpha, floats, planes.

Pillow and libtiff still undo the compression: they are given the same strips or tiles as an image
of bytes, as wide as a row has bytes. What the bytes mean is worked out here. Only the process of
costly and rare images uses this.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any

import numpy as np
import PIL.Image
import PIL.Jpeg2KImagePlugin  # else Pillow loads all its formats when it meets one
import PIL.WebPImagePlugin
from numpy.typing import NDArray

from adapters.opencv.encoded import Damaged, Header, Truncated, Unsupported, ceil_div
from adapters.opencv.orientation import UPRIGHT
from adapters.opencv.transparency import BAND_PIXELS, Band, band_tops, put_together
from domain.formats import TIFF

Tags = Mapping[int, tuple[int, ...]]
Samples = NDArray[Any]

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_FILL_ORDER, _STRIPS, _ORIENTATION, _SAMPLES, _ROWS = 266, 273, 274, 277, 278
_STRIP_BYTES, _PLANES, _PREDICTOR = 279, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 322, 323, 324, 325
_EXTRA_SAMPLES, _SAMPLE_FORMAT, _SUBSAMPLING = 338, 339, 530
# How colours are computed from brightness and two differences.
_COEFFICIENTS, _BLACK_AND_WHITE = 529, 532
_FRACTIONS = (_COEFFICIENTS, _BLACK_AND_WHITE)
_NEW_KIND, _REDUCED, _OTHER_PAGES = 254, 1, 330
_FILE_HEADER_BYTES = 8
_CANON_RAW = b"CR\2\0"  # behind the header of the file

_TYPES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q"}
_FRACTION, _INTEGER = 5, 4
_JPEG, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS, _LZMA, _ZSTD = 7, 5, 8, 32946, 32773, 34925, 50000
_COMPRESSIONS = (1, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS, _LZMA, _ZSTD)
# Each strip or tile is an image file, which Pillow reads and its libtiff does not.
_OF_FILES = {**dict.fromkeys((33003, 33004, 33005, 34712), "JPEG2000"), 34933: "PNG", 50001: "WEBP"}
# Those that no library here reads, for the message.
_OTHER_COMPRESSIONS = {
    **dict.fromkeys((50002, 52546), "JPEG XL"),
    34661: "JBIG",
    34887: "LERC",
    34934: "JPEG XR",
}
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK, _YCBCR = 0, 1, 2, 5, 6
_COLOURS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _CMYK: 4}
_SENSOR_COLOURS = (32803, 34892)
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
# A file does not say what white is: the usual values are tried, then the brightest sample.
_WHITES = {_UNSIGNED: (255.0, 65535.0), _SIGNED: (255.0, 32767.0), _FLOAT: (1.0, 255.0, 65535.0)}
_DIFFERENCES, _FLOAT_DIFFERENCES = 2, 3
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_ASSOCIATED, _UNASSOCIATED = 1, 2
_SEPARATE = 2
_MAX_TABLE_BYTES = 5 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class TiffHeader(Header):
    """The header of a TIFF.

    Attributes:
        tags: of its first page.
        order: of the bytes of a number, as ``struct`` names it.
    """

    tags: Tags
    order: str

    def read(self, data: bytes, factor: int) -> NDArray[np.uint8]:
        """Decode the file."""
        pixels = _Pixels(self.tags, self.order, self.width, self.height)
        return put_together(pixels.bands(data, factor), factor, (self.height, self.width))


@dataclass(frozen=True, slots=True)
class FilesInTiff:
    """A page whose strips or tiles are image files.

    Attributes:
        width: in pixels.
        height: likewise.
        orientation: by EXIF, 1 to 8.
        mode: of the page, as Pillow names it.
        file_pixels: width times height of the largest file.
    """

    width: int
    height: int
    orientation: int
    mode: str
    file_pixels: int
    _format: str
    _is_ycbcr: bool
    _size: tuple[int, int]
    _places: tuple[slice, ...]

    def joined(self, data: bytes) -> PIL.Image.Image:
        """The page, decoded.

        Raises:
            Damaged, Truncated: some of it is missing. Pillow may raise other errors too.
        """
        whole = PIL.Image.new(self.mode, (self.width, self.height))
        across = ceil_div(self.width, self._size[0])
        for number, place in enumerate(self._places):
            if place.start == place.stop:
                continue  # a tile without content stays black
            if place.stop > len(data):
                raise Truncated
            file = PIL.Image.open(io.BytesIO(data[place]), formats=[self._format])
            if file.width > self._size[0] or file.height > self._size[1]:
                raise Damaged
            down, right = divmod(number, across)
            whole.paste(self._in_mode(file), (right * self._size[0], down * self._size[1]))
        return whole

    def _in_mode(self, file: PIL.Image.Image) -> PIL.Image.Image:
        if file.mode.startswith("I;16"):
            return PIL.Image.fromarray((np.asarray(file) >> 8).astype(np.uint8))
        if self._is_ycbcr and file.mode == "RGB":
            file = PIL.Image.merge("YCbCr", file.split())
        return file.convert(self.mode)


def files_in(data: bytes) -> FilesInTiff | None:
    """The files of which the first page is put together; None if it is coded in another way.

    Raises:
        Unsupported: its samples are not those of such files.
        struct.error, KeyError: the tags cannot be read.
    """
    tags, _ = tags_of(data)
    compression = _first(tags, _COMPRESSION, 1)
    if compression not in _OF_FILES:
        return None
    width, height = tags[_WIDTH][0], tags[_HEIGHT][0]
    samples, photometric = _first(tags, _SAMPLES, 1), _first(tags, _PHOTOMETRIC, _BLACK_IS_ZERO)
    coding, bits = _OF_FILES[compression], _first(tags, _BITS, 1)
    is_known = photometric in ((_BLACK_IS_ZERO,) if samples < 3 else (_RGB, _YCBCR))
    # Pillow returns black for the white of deep colours.
    is_wrong = coding == "JPEG2000" and samples >= 3 and bits > 8
    is_separate = _first(tags, _PLANES, 1) == _SEPARATE
    if samples not in _MODES or not is_known or is_wrong or is_separate:
        raise Unsupported(
            f"{coding} with {samples} samples of {bits} bits (colours {photometric}) "
            "is not supported in a TIFF"
        )
    is_tiled = _TILES in tags
    size = (
        (tags[_TILE_WIDTH][0], tags[_TILE_HEIGHT][0])
        if is_tiled
        else (width, min(_first(tags, _ROWS, height), height))
    )
    if min(width, height, *size) <= 0:
        raise Damaged
    where, how_many = _piece_tags(tags)
    if len(tags[where]) != ceil_div(width, size[0]) * ceil_div(height, size[1]):
        raise Damaged
    return FilesInTiff(
        width=width,
        height=height,
        orientation=_first(tags, _ORIENTATION, UPRIGHT),
        mode=_MODES[samples],
        file_pixels=size[0] * size[1],
        _format=coding,
        _is_ycbcr=photometric == _YCBCR,
        _size=size,
        _places=tuple(
            slice(start, start + length)
            for start, length in zip(tags[where], tags[how_many], strict=True)
        ),
    )


def tags_of(data: bytes) -> tuple[Tags, str]:
    """The numbers in the tags of the first page, and the order of bytes.

    Of a fraction these are its numerator and denominator.

    Raises:
        struct.error, KeyError: they cannot be read.
    """
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    is_big = struct.unpack_from(order + "H", data, 2)[0] == 43
    (at,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, 8 if is_big else 4)
    (entries,) = struct.unpack_from(order + ("Q" if is_big else "H"), data, at)
    at += 8 if is_big else 2
    entry_bytes, room = (20, 8) if is_big else (12, 4)
    tags: dict[int, tuple[int, ...]] = {}
    for entry in range(at, at + min(entries, 4096) * entry_bytes, entry_bytes):
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        count, place = struct.unpack_from(order + ("QQ" if is_big else "II"), data, entry + 4)
        letter = _TYPES.get(kind)
        if tag in _FRACTIONS:
            letter, count = ("I" if kind == _FRACTION else None), 2 * count
        if letter is None or count > len(data):
            continue
        if struct.calcsize("=" + letter) * count <= room:
            place = entry + (12 if is_big else 8)
        tags[tag] = struct.unpack_from(f"{order}{count}{letter}", data, place)
    return tags, order


def _piece_tags(tags: Tags) -> tuple[int, int]:
    """The tags that say where the tiles or strips of a page lie, and how long each is."""
    return (_TILES, _TILE_BYTES) if _TILES in tags else (_STRIPS, _STRIP_BYTES)


def is_cut_short(data: bytes) -> bool:
    """Whether the tags of the first page, or some of its strips or tiles, lie behind the end."""
    try:
        tags, _ = tags_of(data)
    except struct.error:
        return True
    except KeyError:
        return False
    pieces = [
        zip(tags.get(where, ()), tags.get(how_many, ()), strict=False)
        for where, how_many in ((_STRIPS, _STRIP_BYTES), (_TILES, _TILE_BYTES))
    ]
    return any(start + size > len(data) for start, size in chain(*pieces))


def is_camera_raw(data: bytes) -> bool:
    """Whether it is what a sensor saw (DNG, NEF, ARW, CR2); the first page may be a preview."""
    tags, _ = tags_of(data)
    is_preview = _first(tags, _NEW_KIND, 0) & _REDUCED and _OTHER_PAGES in tags
    is_of_sensor = _first(tags, _PHOTOMETRIC, _BLACK_IS_ZERO) in _SENSOR_COLOURS
    return bool(is_preview or is_of_sensor) or data.startswith(_CANON_RAW, _FILE_HEADER_BYTES)


def is_read_by_pillow(data: bytes) -> bool:
    """Whether Pillow may be tried: it gets grey of more than 8 bits and deep planes wrong."""
    tags, _ = tags_of(data)
    if _first(tags, _COMPRESSION, 1) in _OTHER_COMPRESSIONS:
        return False
    is_deep = max(tags.get(_BITS, (1,))) > 8
    is_grey = _first(tags, _SAMPLES, 1) == 1
    return not (is_deep and (is_grey or _first(tags, _PLANES, 1) == _SEPARATE))


def for_pillow(data: bytes) -> bytes:
    """The file, or one with the same page that Pillow reads right.

    Uncompressed brightness and colours are read by Pillow as three bytes a pixel that are computed
    as in a JPEG. When they are compressed, it leaves them to libtiff.
    """
    tags, _ = tags_of(data)
    if _first(tags, _COMPRESSION, 1) != 1 or _first(tags, _PHOTOMETRIC, 0) != _YCBCR:
        return data
    where, how_many = _piece_tags(tags)
    pieces = [
        zlib.compress(data[start : start + size], 1)
        for start, size in zip(tags[where], tags[how_many], strict=True)
    ]
    sizes = [len(piece) for piece in pieces]
    starts = [_FILE_HEADER_BYTES + before for before in accumulate(sizes[:-1], initial=0)]
    page = {**tags, _COMPRESSION: (_DEFLATE,), where: tuple(starts), how_many: tuple(sizes)}
    return _with_tags(bytes(_FILE_HEADER_BYTES) + b"".join(pieces), page)


def eight_bit_palette(colours: Sequence[int]) -> bytes | None:
    """A ColorMap as Pillow keeps palettes, if it holds bytes as some programs write it.

    Args:
        colours: red, then green, then blue of all entries; 0 to 65535 by the standard.
    """
    return bytes(colours) if max(colours) <= 255 else None


def read_header(data: bytes) -> TiffHeader:
    """Read the size and the arrangement of the samples.

    Raises:
        Damaged: they are not supported.
        struct.error, KeyError: the tags cannot be read.
    """
    tags, order = tags_of(data)
    width, height = tags[_WIDTH][0], tags[_HEIGHT][0]
    bits, photometric = tags.get(_BITS, (1,)), _first(tags, _PHOTOMETRIC, _BLACK_IS_ZERO)
    samples, kinds = _first(tags, _SAMPLES, 1), tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))
    compression = _first(tags, _COMPRESSION, 1)
    if compression not in _COMPRESSIONS:
        name = _OTHER_COMPRESSIONS.get(compression, f"compression {compression}")
        if compression == _JPEG:
            name = f"JPEG with {samples} samples of {bits[0]} bits"
        raise Unsupported(f"its pixels are coded as {name}, which is not supported in a TIFF")
    if photometric not in _COLOURS or samples < _COLOURS[photometric] or samples > 16:
        raise Unsupported(f"its colours ({photometric}) are not supported")
    sizes = {_UNSIGNED: range(1, 33), _SIGNED: (8, 16, 32), _FLOAT: (16, 32, 64)}
    if len({*bits}) > 1 or len({*kinds}) > 1 or bits[0] not in sizes.get(kinds[0], ()):
        raise Unsupported(f"samples of {bits[0]} bits (format {kinds[0]}) are not supported")
    if width <= 0 or height <= 0:
        raise Damaged
    stored = ceil_div(samples * bits[0], 8)
    return TiffHeader(
        kind=TIFF,
        width=width,
        height=height,
        orientation=_first(tags, _ORIENTATION, UPRIGHT),
        working_bytes=64 * max(BAND_PIXELS, width) + _MAX_TABLE_BYTES,
        bytes_a_pixel=2 * stored + 4,
        tags=tags,
        order=order,
    )


class _Pixels:
    """The samples of a page.

    Args:
        tags: of the page.
        order: of bytes.
        width: in pixels.
        height: likewise.
    """

    def __init__(self, tags: Tags, order: str, width: int, height: int) -> None:
        self._tags, self._order, self._width, self._height = tags, order, width, height
        self._bits = _first(tags, _BITS, 1)
        self._samples = _first(tags, _SAMPLES, 1)
        self._format = _first(tags, _SAMPLE_FORMAT, _UNSIGNED)
        self._is_float = self._format == _FLOAT
        self._photometric = _first(tags, _PHOTOMETRIC, _BLACK_IS_ZERO)
        self._planes = self._samples if _first(tags, _PLANES, 1) == _SEPARATE else 1
        self._is_tiled = _TILES in tags
        self._piece_width = _first(tags, _TILE_WIDTH, width) if self._is_tiled else width

    def bands(self, data: bytes, factor: int) -> Iterator[Band]:
        """The page in bands of rows."""
        planes = [self._bytes_of(data, number) for number in range(self._planes)]
        tops = band_tops(self._width, self._height, factor)

        def samples(top: int) -> Samples:
            return np.concatenate(
                [self._numbers(plane[top : top + tops.step]) for plane in planes], 2
            )

        black, white = 0.0, float(2**self._bits - 1)
        if self._format != _UNSIGNED or self._bits > 16:
            count = _COLOURS[self._photometric]
            ends = [(found.min(), found.max()) for found in (samples(t)[..., :count] for t in tops)]
            black = min(0.0, *(float(lowest) for lowest, _ in ends))
            highest = max(float(found) for _, found in ends)
            white = next((usual for usual in _WHITES[self._format] if highest <= usual), highest)
        for top in tops:
            yield self._colour(_in_eight_bits(samples(top), black, white))

    def _bytes_of(self, data: bytes, plane: int) -> NDArray[np.uint8]:
        """The uncompressed bytes of a plane: rows x bytes of a row."""
        tags = self._tags
        row_bytes = ceil_div(self._piece_width * self._samples // self._planes * self._bits, 8)
        across = ceil_div(self._width, self._piece_width)
        length = self._height
        as_bytes = {
            _BITS: (8,),
            _COMPRESSION: tags.get(_COMPRESSION, (1,)),
            _PHOTOMETRIC: (_BLACK_IS_ZERO,),
            _FILL_ORDER: tags.get(_FILL_ORDER, (1,)),
            _SAMPLES: (1,),
        }
        if self._is_tiled:
            tile_height = tags[_TILE_HEIGHT][0]
            length = ceil_div(length, tile_height) * tile_height
            as_bytes |= {_TILE_WIDTH: (row_bytes,), _TILE_HEIGHT: (tile_height,)}
        else:
            as_bytes |= {_ROWS: (min(_first(tags, _ROWS, length), length),)}
        as_bytes |= {_WIDTH: (row_bytes * across,), _HEIGHT: (length,)}
        where, how_many = _piece_tags(self._tags)
        each = len(tags[where]) // self._planes
        of_plane = slice(plane * each, (plane + 1) * each)
        as_bytes |= {where: tags[where][of_plane], how_many: tags[how_many][of_plane]}
        ends = zip(as_bytes[where], as_bytes[how_many], strict=True)
        if max(start + size for start, size in ends) > len(data):
            raise Truncated
        PIL.Image.MAX_IMAGE_PIXELS = None  # pixels are counted by the header's own check
        image = PIL.Image.open(io.BytesIO(_with_tags(data, as_bytes)), formats=[TIFF.name])
        rows = np.asarray(image)[: self._height]
        return rows.reshape(self._height, across, row_bytes)

    def _numbers(self, pieces: NDArray[np.uint8]) -> Samples:
        """The samples of some rows: rows x width x samples of a plane."""
        rows, across, _ = pieces.shape
        samples = self._samples // self._planes
        shape = (rows, across, self._piece_width, samples)
        predictor = _first(self._tags, _PREDICTOR, 1)
        if predictor == _FLOAT_DIFFERENCES:
            # The first bytes of all numbers of a row come first, and each is a difference.
            each = self._bits // 8
            summed = _add_up(pieces.reshape(rows, across, -1, samples)).reshape(
                rows, across, each, -1
            )
            pieces = np.ascontiguousarray(summed.transpose(0, 1, 3, 2)).reshape(rows, across, -1)
        if self._bits % 8 or self._bits == 24:
            numbers = _unpack(pieces, self._piece_width * samples, self._bits).reshape(shape)
        else:
            order = ">" if predictor == _FLOAT_DIFFERENCES else self._order
            kind = {_UNSIGNED: "u", _SIGNED: "i", _FLOAT: "f"}[self._format]
            if predictor == _DIFFERENCES:
                kind = "u"
            stored = np.ascontiguousarray(pieces).view(f"{order}{kind}{self._bits // 8}")
            numbers = stored.astype(stored.dtype.newbyteorder("=")).reshape(shape)
        if predictor == _DIFFERENCES:
            numbers = _add_up(numbers)
            if self._format != _UNSIGNED:
                numbers = numbers.view(f"{'f' if self._is_float else 'i'}{self._bits // 8}")
        return numbers.reshape(rows, across * self._piece_width, samples)[:, : self._width]

    def _colour(self, samples: NDArray[np.uint8]) -> Band:
        """RGB and alpha of some rows."""
        count = _COLOURS[self._photometric]
        colour, extra = samples[..., :count], _first(self._tags, _EXTRA_SAMPLES, 0)
        has_alpha = samples.shape[2] > count and extra in (_ASSOCIATED, _UNASSOCIATED)
        alpha = np.ascontiguousarray(samples[..., count]) if has_alpha else None
        if self._photometric == _WHITE_IS_ZERO:
            colour = 255 - colour
        if self._photometric == _CMYK:
            ink = 255 - colour.astype(np.uint16)
            colour = (ink[..., :3] * ink[..., 3:] // 255).astype(np.uint8)
        if colour.shape[2] == 1:
            colour = np.repeat(colour, 3, axis=2)
        if alpha is not None and extra == _ASSOCIATED:
            whole = colour.astype(np.uint16) * 255 // np.maximum(alpha, 1)[..., None]
            colour = np.minimum(whole, 255).astype(np.uint8)
        return np.ascontiguousarray(colour), alpha


def _in_eight_bits(samples: Samples, black: float, white: float) -> NDArray[np.uint8]:
    if samples.dtype == np.uint8 and white == 255:
        return samples
    if samples.dtype == np.uint16 and white == 65535:
        return (samples >> 8).astype(np.uint8)
    scale = 255 / max(white - black, 1e-9)
    return np.clip((samples - black) * scale + 0.5, 0, 255).astype(np.uint8)


def _add_up(differences: Samples) -> Samples:
    return np.cumsum(differences, axis=2, dtype=differences.dtype)


def _unpack(pieces: NDArray[np.uint8], count: int, bits: int) -> Samples:
    """Numbers of any number of bits, the highest bit first; each row begins with a byte."""
    places = np.unpackbits(pieces, axis=2)[..., : count * bits]
    weights = (1 << np.arange(bits - 1, -1, -1)).astype(np.uint32)
    numbers = places.reshape(*pieces.shape[:2], count, bits) @ weights
    return np.asarray(numbers, np.uint32)


def _with_tags(data: bytes, tags: Tags) -> bytes:
    """The file with a page of these tags, whose strips or tiles lie where they are."""
    at = len(data) + len(data) % 2
    behind = at + 2 + 12 * len(tags) + 4
    entries, tables = b"", b""
    for tag, values in sorted(tags.items()):
        stored = struct.pack(f"<{len(values)}I", *values)
        kind, count = (
            (_FRACTION, len(values) // 2) if tag in _FRACTIONS else (_INTEGER, len(values))
        )
        if len(stored) > 4:
            place = struct.pack("<I", behind + len(tables))
            tables += stored
        entries += struct.pack("<HHI", tag, kind, count) + (place if len(stored) > 4 else stored)
    page = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", at) + data[8:].ljust(at - 8, b"\0") + page + tables


def _first(tags: Tags, tag: int, default: int) -> int:
    return next(iter(tags.get(tag, ())), default)
