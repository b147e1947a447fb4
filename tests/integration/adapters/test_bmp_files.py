"""BMP files with the headers, masks and compressions that programs write."""

import struct
from collections.abc import Iterator

import numpy as np
import PIL.Image
import pytest

from adapters.opencv.decoder import OpenCvImageDecoder
from domain.errors import InvalidImage
from tests.decoding import decoding, difference, portrait
from tests.decoding_limits import USUAL_LIMITS

PLAIN, RLE8, RLE4, MASKS = 0, 1, 2, 3
PICTURE = portrait(37, 29)
PIXELS = np.asarray(PICTURE)[::-1]
"""From the bottom, as they are stored."""


@pytest.fixture(scope="module")
def decoder() -> Iterator[OpenCvImageDecoder]:
    with decoding(1, USUAL_LIMITS) as decoder:
        yield decoder


def bmp(
    depth: int,
    coded: bytes,
    *,
    compression: int = PLAIN,
    masks: tuple[int, ...] = (),
    header_bytes: int = 40,
    palette: bytes = b"",
    begins: int | None = None,
    height: int = PICTURE.height,
) -> bytes:
    """A file with this header, and masks and palette behind it."""
    if header_bytes == 12:
        header = struct.pack("<IHHHH", 12, PICTURE.width, height, 1, depth)
    else:
        header = struct.pack("<IiiHH", header_bytes, PICTURE.width, height, 1, depth)
        if header_bytes > 16:
            colors = len(palette) // 4
            header += struct.pack("<IIiiII", compression, len(coded), 2835, 2835, colors, 0)
        header += struct.pack(f"<{len(masks)}I", *masks)
        header = header.ljust(header_bytes, b"\0")
    at = 14 + len(header) + len(palette) if begins is None else begins
    return struct.pack("<2sIHHI", b"BM", 0, 0, 0, at) + header + palette + coded


def rows(pixels: np.ndarray) -> bytes:
    """The rows, each filled up to a multiple of four bytes."""
    each = [row.tobytes() for row in pixels]
    return b"".join(row + bytes(-len(row) % 4) for row in each)


def packed(shifts: tuple[int, ...], bits: tuple[int, ...], kind: str) -> bytes:
    """Red, green and blue, with so many bits each, shifted to their places in one number."""
    samples = PIXELS.astype(np.uint64)
    places = zip(range(3), shifts, bits, strict=True)
    numbers = sum((samples[..., i] * (2**n - 1) // 255) << np.uint64(to) for i, to, n in places)
    return rows(np.asarray(numbers).astype(kind))


def palette_and_indices(colors: int) -> tuple[bytes, np.ndarray, PIL.Image.Image]:
    quantised = PICTURE.quantize(colors)
    palette = np.asarray((quantised.getpalette() or [])[: 3 * colors], np.uint8).reshape(-1, 3)
    entries = np.hstack([palette[:, ::-1], np.zeros((len(palette), 1), np.uint8)])
    return entries.tobytes(), np.asarray(quantised)[::-1], quantised


def masks_of(shifts: tuple[int, ...], bits: tuple[int, ...]) -> tuple[int, ...]:
    return tuple((2**n - 1) << to for to, n in zip(shifts, bits, strict=True))


@pytest.mark.parametrize(
    ("depth", "shifts", "bits"),
    [
        (16, (11, 5, 0), (5, 6, 5)),
        (16, (0, 5, 11), (5, 6, 5)),
        (16, (8, 4, 0), (4, 4, 4)),
        (32, (16, 8, 0), (8, 8, 8)),
        (32, (0, 8, 16), (8, 8, 8)),
        (32, (24, 16, 8), (8, 8, 8)),
        (32, (20, 10, 0), (10, 10, 10)),
    ],
)
@pytest.mark.parametrize("header_bytes", [40, 52, 56, 108, 124])
async def test_masks_say_where_the_colours_are(
    decoder: OpenCvImageDecoder,
    depth: int,
    shifts: tuple[int, ...],
    bits: tuple[int, ...],
    header_bytes: int,
) -> None:
    masks, coded = masks_of(shifts, bits), packed(shifts, bits, f"<u{depth // 8}")
    data = bmp(depth, coded, compression=MASKS, masks=masks, header_bytes=header_bytes)
    image = await decoder.decode(data)
    assert difference(image, PICTURE) < (1 if depth == 32 else 9)


@pytest.mark.parametrize("header_bytes", [12, 16, 40, 64, 108, 124])
async def test_24_bits_are_read_behind_every_header(
    decoder: OpenCvImageDecoder, header_bytes: int
) -> None:
    data = bmp(24, rows(PIXELS[..., ::-1]), header_bytes=header_bytes)
    assert difference(await decoder.decode(data), PICTURE) == 0


@pytest.mark.parametrize("begins", [0, 10, 0xFFFFFFFF])
async def test_a_wrong_offset_of_the_pixels_is_passed_over(
    decoder: OpenCvImageDecoder, begins: int
) -> None:
    data = bmp(24, rows(PIXELS[..., ::-1]), begins=begins)
    assert difference(await decoder.decode(data), PICTURE) == 0


@pytest.mark.parametrize("header_bytes", [40, 124])
async def test_runs_of_equal_pixels_are_unrolled(
    decoder: OpenCvImageDecoder, header_bytes: int
) -> None:
    palette, indices, wanted = palette_and_indices(200)
    runs = b"".join(b"".join(bytes([1, index]) for index in row) + b"\0\0" for row in indices)
    data = bmp(8, runs + b"\0\1", compression=RLE8, palette=palette, header_bytes=header_bytes)
    assert difference(await decoder.decode(data), wanted) == 0

    width = PICTURE.width
    literal = b"".join(b"\0" + bytes([width]) + row.tobytes() + b"\0\0\0" for row in indices)
    data = bmp(8, literal, compression=RLE8, palette=palette, header_bytes=header_bytes)
    assert difference(await decoder.decode(data), wanted) == 0


async def test_runs_of_four_bits_alternate_two_colours(decoder: OpenCvImageDecoder) -> None:
    palette, indices, wanted = palette_and_indices(16)
    even = np.pad(indices, ((0, 0), (0, 1)))
    pairs = even[:, ::2] << 4 | even[:, 1::2]
    runs = b"".join(
        b"".join(bytes([2, two]) for two in row[:-1]) + bytes([1, row[-1]]) + b"\0\0"
        for row in pairs
    )
    data = bmp(4, runs + b"\0\1", compression=RLE4, palette=palette)
    assert difference(await decoder.decode(data), wanted) == 0


@pytest.mark.parametrize("compression", [PLAIN, RLE8])
async def test_a_bmp_that_is_cut_short_is_refused(
    decoder: OpenCvImageDecoder, compression: int
) -> None:
    palette, indices, _ = palette_and_indices(200)
    runs = b"".join(b"".join(bytes([1, index]) for index in row) + b"\0\0" for row in indices)
    coded = runs if compression == RLE8 else rows(indices)
    data = bmp(8, coded, compression=compression, palette=palette)
    with pytest.raises(InvalidImage, match="cut short"):
        await decoder.decode(data[: -len(coded) // 2])
