"""Files as phones and programs write them: readable ones are read, with the right pixels."""

import io
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pillow_heif
import pytest
from PIL import ImageOps

from adapters.opencv.decoder import OpenCvImageDecoder
from adapters.opencv.decoding_process import DecodingProcess
from domain.errors import ImageDimensionsTooLarge, ImageTooCostly, InvalidImage
from tests.attacks.costly_images import chunk, empty_scans, encoded, lossless_webp, slow_gif
from tests.decoding import decoding, difference, portrait
from tests.decoding_limits import USUAL_LIMITS

IMAGES = Path(__file__).parent / "images"
pillow_heif.register_heif_opener()


@pytest.fixture(scope="module")
def decoder() -> Iterator[OpenCvImageDecoder]:
    with decoding(2, replace(USUAL_LIMITS, cpu_s=1.0)) as decoder:
        yield decoder


@pytest.mark.parametrize(
    ("file", "right"),
    [
        ("png-icc-1.5MB.png", "png-plain.png"),
        ("png-ztxt-1.4MB-workflow.png", "png-plain.png"),
        ("png-text-bad-crc.png", "png-plain.png"),
        ("png-phys-bad-crc.png", "png-plain.png"),
        ("apng-gray16.png", "png-gray16.png"),
        ("bmp-v5-alpha-zero.bmp", "png-plain.png"),
        ("jpeg-adobe-5-bytes.jpg", "png-plain.png"),
        ("jpeg-no-eoi-zero-padding.jpg", "png-plain.png"),
        ("jpeg-xmp-behind-end.jpg", "png-plain.png"),
    ],
)
async def test_damaged_metadata_does_not_reject_an_image(
    decoder: OpenCvImageDecoder, file: str, right: str
) -> None:
    image = await decoder.decode((IMAGES / file).read_bytes())
    wanted = await decoder.decode((IMAGES / right).read_bytes())
    assert np.abs(np.asarray(image.pixels, float) - np.asarray(wanted.pixels, float)).mean() < 6


async def test_16_bit_gray_is_scaled_and_its_transparency_blended_with_white(
    decoder: OpenCvImageDecoder,
) -> None:
    samples = np.asarray(portrait().convert("L"))
    samples = np.where(samples == 0, 1, samples).astype(np.uint16)
    samples[:10] = 0
    data = encoded(PIL.Image.fromarray(samples * 257), "PNG")
    keyed = _with_chunk(data, b"tRNS", b"\0\0")
    wanted = samples.astype(np.uint8)
    wanted[:10] = 255
    assert difference(await decoder.decode(keyed), PIL.Image.fromarray(wanted)) == 0


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
async def test_an_alpha_of_zero_everywhere_is_ignored(
    decoder: OpenCvImageDecoder, kind: str
) -> None:
    picture = portrait().convert("RGBA")
    picture.putalpha(0)
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    image = await decoder.decode(encoded(picture, kind, **options))
    assert difference(image, portrait()) < 8


@pytest.mark.parametrize(
    "trailer",
    [
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\0\0\0\0WEBP",
        b"II*\0",
        b"\x1f\x8b\x08\0",
        b"PK\x03\x04",
        b"SEFHk\0\0\0 SEFT",
        bytes(3000),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
async def test_data_after_the_end_of_an_image_is_ignored(
    decoder: OpenCvImageDecoder, kind: str, trailer: bytes
) -> None:
    image = await decoder.decode(encoded(portrait(), kind) + trailer)
    assert difference(image, portrait()) < 8


@pytest.mark.parametrize("behind", [b"", bytes(500), b"SEFHk\0\0\0 SEFT", b"\xff"])
@pytest.mark.parametrize("kind", ["JPEG", "GIF", "PNG"])
async def test_a_missing_end_marker_is_ignored(
    decoder: OpenCvImageDecoder, kind: str, behind: bytes
) -> None:
    marker = {"JPEG": 2, "GIF": 1, "PNG": 12}[kind]
    image = await decoder.decode(encoded(portrait(), kind)[:-marker] + behind)
    assert difference(image, portrait()) < 8


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("end", [b"\xff\xd9", b"\xff\xd9 more", bytes(100_000), b""])
async def test_an_early_end_marker_does_not_complete_an_image(
    decoder: OpenCvImageDecoder, *, progressive: bool, end: bytes
) -> None:
    whole = encoded(portrait(640, 480), "JPEG", progressive=progressive)
    with pytest.raises(InvalidImage, match="cut short"):
        await decoder.decode(whole[: len(whole) // 2] + end)


@pytest.mark.parametrize("interval", [{"restart_marker_blocks": 1}, {"restart_marker_rows": 1}])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("end", [b"\xff\xd9", b"", bytes(100)])
async def test_a_jpeg_that_ends_at_a_restart_marker_is_cut_short(
    decoder: OpenCvImageDecoder, interval: dict[str, int], *, progressive: bool, end: bytes
) -> None:
    whole = encoded(portrait(), "JPEG", progressive=progressive, quality=92, **interval)
    markers = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", whole)]
    for at in markers[:: max(len(markers) // 8, 1)] + markers[-1:]:
        with pytest.raises(InvalidImage, match="cut short"):
            await decoder.decode(whole[:at] + end)
    if not progressive:
        # A damaged stretch between two of them is not missing.
        middle = markers[len(markers) // 2]
        damaged = whole[: middle + 2] + b"\x55" + whole[middle + 3 :]
        assert difference(await decoder.decode(damaged), portrait()) < 20


@pytest.mark.parametrize("file", ["jpeg-sampled-2x4.jpg", "jpeg-arithmetic.jpg"])
@pytest.mark.parametrize("end", [b"", b"\xff\xd9", b"\xff\xd9 more", bytes(1000)])
async def test_rare_jpegs_are_whole_or_refused(
    decoder: OpenCvImageDecoder, file: str, end: bytes
) -> None:
    data = (IMAGES / file).read_bytes().removesuffix(b"\xff\xd9")
    assert difference(await decoder.decode(data + end), portrait()) < 8
    for share in (0.6, 0.95):
        with pytest.raises(InvalidImage, match="cut short"):
            await decoder.decode(data[: int(share * len(data))] + end)


async def test_a_lossless_jpeg_is_read(decoder: OpenCvImageDecoder) -> None:
    color = (IMAGES / "jpeg-lossless.jpg").read_bytes()
    assert difference(await decoder.decode(color), portrait()) == 0
    gray = (IMAGES / "jpeg-lossless-gray-12-bits.jpg").read_bytes()
    assert difference(await decoder.decode(gray), portrait().convert("L")) < 2
    for data in (color, gray):
        with pytest.raises(InvalidImage):
            await decoder.decode(data[: len(data) // 2] + b"\xff\xd9")


@pytest.mark.parametrize(
    ("marker", "bits", "told"),
    [(0xC3, 12, "12 bits a sample"), (0xC3, 16, "16 bits a sample"), (0xC5, 8, "hierarchical")],
)
async def test_a_jpeg_that_no_library_reads_is_refused_with_the_name_of_its_coding(
    decoder: OpenCvImageDecoder, marker: int, bits: int, told: str
) -> None:
    data = bytearray(encoded(portrait(), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 1], data[frame + 4] = marker, bits
    with pytest.raises(InvalidImage, match=told) as refusal:
        await decoder.decode(bytes(data))
    assert refusal.value.details["reason"] == "coding"


async def test_a_png_of_an_apple_program_is_refused_with_its_name(
    decoder: OpenCvImageDecoder,
) -> None:
    data = encoded(portrait(), "PNG")
    with pytest.raises(InvalidImage, match="CgBI") as refusal:
        await decoder.decode(data[:8] + chunk(b"CgBI", b"\x50\x00\x20\x06") + data[8:])
    assert refusal.value.details["reason"] == "coding"


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("starts", [0, 1, 2, 20])
async def test_further_start_markers_of_a_jpeg_are_skipped(
    decoder: OpenCvImageDecoder, starts: int, *, progressive: bool
) -> None:
    data = encoded(portrait(), "JPEG", quality=92, progressive=progressive)
    for at in (2, 20):  # JFIF's segment lies between them
        image = await decoder.decode(data[:at] + starts * b"\xff\xd8" + data[at:])
        assert difference(image, portrait()) < 8


@pytest.mark.parametrize("end", [b"", b"\xff\xd9"])
async def test_the_height_of_a_jpeg_may_be_behind_its_scan(
    decoder: OpenCvImageDecoder, end: bytes
) -> None:
    data = bytearray(encoded(portrait(), "JPEG", quality=92).removesuffix(b"\xff\xd9"))
    height = data.index(b"\xff\xc0") + 5
    lines = b"\xff\xdc\x00\x04" + data[height : height + 2]
    data[height : height + 2] = b"\0\0"
    image = await decoder.decode(bytes(data + lines) + end)
    assert difference(image, portrait()) < 8
    with pytest.raises(InvalidImage, match="how high"):
        await decoder.decode(bytes(data) + end)


async def test_an_avif_is_cut_to_its_clean_aperture(decoder: OpenCvImageDecoder) -> None:
    data = (IMAGES / "avif-clean-aperture.avif").read_bytes()
    image = await decoder.decode(data)
    assert (image.width, image.height) == (100, 80)
    assert difference(image, portrait().crop((30, 20, 130, 100))) < 8
    outside = bytearray(data)
    width = outside.index(b"clap") + 4
    outside[width : width + 4] = (900).to_bytes(4)
    assert difference(await decoder.decode(bytes(outside)), portrait()) < 8


async def test_a_png_with_wrong_checksums_everywhere_is_read(decoder: OpenCvImageDecoder) -> None:
    data = bytearray(encoded(portrait(), "PNG"))
    at = 8
    while at + 8 < len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4])
        data[end : end + 4] = b"\0\0\0\0"
        at = end + 4
    assert difference(await decoder.decode(bytes(data)), portrait()) == 0


async def test_short_chunks_of_a_png_are_skipped(decoder: OpenCvImageDecoder) -> None:
    data = encoded(portrait(), "PNG")
    for name in (b"gAMA", b"cHRM", b"pHYs", b"sRGB", b"iCCP", b"acTL"):
        data = _with_chunk(data, name, b"\1")
    assert difference(await decoder.decode(data), portrait()) == 0


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "LA", "RGBA"])
async def test_an_interlaced_png_is_decoded(decoder: OpenCvImageDecoder, mode: str) -> None:
    picture = portrait(37, 29).convert(mode)
    image = await decoder.decode(_interlaced(picture))
    assert difference(image, picture) == 0


@pytest.mark.parametrize("segment", [b"\xff\xe1\x00\x02", b"\xff\x01"], ids=["empty", "bare"])
@pytest.mark.parametrize("before", [b"", b"\xff\xda"], ids=["first", "before the scan"])
async def test_a_jpeg_of_countless_segments_is_refused_and_one_of_thousands_is_read(
    decoder: OpenCvImageDecoder, segment: bytes, before: bytes
) -> None:
    image = encoded(portrait(), "JPEG")
    at = image.index(before, 2) if before else 2
    many = image[:at] + 5000 * segment + image[at:]
    assert difference(await decoder.decode(many), portrait()) < 20
    countless = image[:at] + 1_000_000 * segment + image[at:]
    with pytest.raises(InvalidImage, match="segments"):
        await decoder.decode(countless)


async def test_megabytes_of_fill_and_restart_markers_change_nothing_of_a_jpeg(
    decoder: OpenCvImageDecoder,
) -> None:
    image = encoded(portrait(), "JPEG")
    filled = image[:2] + 4_000_000 * b"\xff" + image[2:]
    assert difference(await decoder.decode(filled), portrait()) < 20
    scan = image.index(b"\xff\xda")
    rest = image[scan:-2] + 1_000_000 * b"\xff\xd0" + image[-2:]
    after_all = image[:scan] + b"\xff\xdd\x00\x04\x00\x50" + rest
    assert difference(await decoder.decode(after_all), portrait()) < 20
    after_each = image[:scan] + b"\xff\xdd\x00\x04\x00\x01" + rest
    with pytest.raises(InvalidImage, match="cut short"):
        await decoder.decode(after_each)


@pytest.mark.parametrize("marker", [0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xEF, 0xFE])
@pytest.mark.parametrize(
    "body",
    [b"", b"Exif\0\0II", b"ICC_PROFILE\0\5\1xx", b"MPF\0", b"Adobe\0", b"JFIF\0", b"\xff\xd9"],
)
async def test_wrong_metadata_of_a_jpeg_is_skipped(
    decoder: OpenCvImageDecoder, marker: int, body: bytes
) -> None:
    data = encoded(portrait(), "JPEG", quality=92)
    segment = bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2) + body
    image = await decoder.decode(data[:2] + segment + data[2:])
    assert difference(image, portrait()) < 8


async def test_gray_of_16_bits_with_an_alpha_is_read(decoder: OpenCvImageDecoder) -> None:
    gray = np.asarray(portrait().convert("L"))
    samples = np.dstack([gray, np.full_like(gray, 255)]).astype(np.uint16) * 257
    samples[:10, :, 1] = 0
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    size = struct.pack(">IIBBBBB", 160, 120, 16, 4, 0, 0, 0)
    chunks = (b"IHDR", size), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")
    data = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)
    wanted = gray.copy()
    wanted[:10] = 255
    assert difference(await decoder.decode(data), PIL.Image.fromarray(wanted)) == 0


@pytest.mark.parametrize("mode", ["L", "I;16"])
async def test_a_heic_in_shades_of_gray_is_read(decoder: OpenCvImageDecoder, mode: str) -> None:
    gray = portrait().convert("L")
    samples = np.asarray(gray) if mode == "L" else np.asarray(gray).astype(np.uint16) * 257
    data = encoded(PIL.Image.fromarray(samples), "HEIF")
    assert difference(await decoder.decode(data), gray) < 8


@pytest.mark.parametrize("padding", [b"\0", b"\xff"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "value"), [(1, "BBH"), (3, "HH"), (4, "I")])
async def test_the_orientation_may_be_a_number_of_any_size(
    decoder: OpenCvImageDecoder, order: str, kind: int, value: str, padding: bytes
) -> None:
    stored = struct.pack(order + value, 6, *[0] * (len(value) - 1))
    entry = struct.pack(order + "HHI", 0x0112, kind, 1) + stored
    note = struct.pack(order + "HIH", 42, 8, 1) + entry + bytes(4)
    note = {"<": b"II", ">": b"MM"}[order] + note
    data = encoded(portrait(), "JPEG", exif=b"Exif\0" + padding + note, quality=95)
    assert difference(await decoder.decode(data), portrait().rotate(-90, expand=True)) < 8


@pytest.mark.parametrize("kind", ["TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
async def test_newer_formats_are_upright(
    decoder: OpenCvImageDecoder, kind: str, orientation: int
) -> None:
    note = PIL.Image.Exif()
    note[0x0112] = orientation
    image = await decoder.decode(encoded(portrait(), kind, exif=note.tobytes()))
    as_jpeg = encoded(portrait(), "JPEG", exif=note.tobytes(), quality=95)
    wanted = ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(as_jpeg)))
    assert (image.width, image.height) == wanted.size
    assert difference(image, wanted) < 8
    types = {"TIFF": "image/tiff", "AVIF": "image/avif", "HEIF": "image/heic"}
    assert image.media_type == types[kind]


@pytest.mark.parametrize("kind", ["TIFF", "AVIF", "HEIF", "GIF", "BMP"])
async def test_a_rare_format_with_too_many_pixels_is_refused_by_its_header(
    decoder: OpenCvImageDecoder, kind: str
) -> None:
    data = bytearray(encoded(PIL.Image.new("L" if kind == "GIF" else "RGB", (64, 64)), kind))
    if kind == "GIF":
        data[6:10] = b"\xff\xff\xff\xff"
    elif kind == "BMP":
        data[18:26] = struct.pack("<ii", 10_000, 10_000)
    elif kind == "TIFF":
        entry = data.index(struct.pack("<HHI", 256, 4, 1))
        data[entry + 8 : entry + 12] = struct.pack("<I", 30_000)
        entry = data.index(struct.pack("<HHI", 257, 4, 1))
        data[entry + 8 : entry + 12] = struct.pack("<I", 30_000)
    else:
        size = data.index(b"ispe") + 8
        data[size : size + 8] = struct.pack(">II", 30_000, 30_000)
    with pytest.raises((ImageDimensionsTooLarge, InvalidImage)):
        await decoder.decode(bytes(data))


async def test_the_exceeded_cost_is_named(decoder: OpenCvImageDecoder) -> None:
    with pytest.raises(ImageTooCostly, match="MB of memory") as refusal:
        await decoder.decode(lossless_webp(7000))
    assert refusal.value.details["cost"] == "memory"

    with pytest.raises(ImageTooCostly, match="scans") as refusal:
        await decoder.decode(empty_scans(1000, 20_000))
    assert refusal.value.details["cost"] == "time"


def test_runaway_decoding_is_stopped_and_the_next_image_is_read() -> None:
    process = DecodingProcess()
    with pytest.raises(ImageTooCostly) as refusal:
        process.decode(slow_gif(900_000), replace(USUAL_LIMITS, cpu_s=0.1))
    assert refusal.value.details["cost"] == "time"
    image = process.decode(encoded(portrait(), "GIF"), USUAL_LIMITS)
    assert difference(image, portrait()) < 12
    process.close()


def _with_chunk(png: bytes, name: bytes, body: bytes) -> bytes:
    return png[:33] + chunk(name, body) + png[33:]


def _interlaced(picture: PIL.Image.Image) -> bytes:
    """An interlaced PNG, which no library here writes: each pass is a small PNG of its own."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)]
    passes += [(0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = b""
    head = b""
    palette = b""
    for left, top, step_x, step_y in passes:
        columns, lines = range(left, picture.width, step_x), range(top, picture.height, step_y)
        if not columns or not lines:
            continue
        part = PIL.Image.new(picture.mode, (len(columns), len(lines)))
        if picture.mode == "P":
            part.putpalette(picture.getpalette() or [])
        for y, line in enumerate(lines):
            for x, column in enumerate(columns):
                part.putpixel((x, y), picture.getpixel((column, line)) or 0)
        small = encoded(part, "PNG", bits=8) if picture.mode == "P" else encoded(part, "PNG")
        head, at = small[16:29], 33
        while small[at + 4 : at + 8] != b"IEND":
            size = int.from_bytes(small[at : at + 4])
            body = small[at + 8 : at + 8 + size]
            if small[at + 4 : at + 8] == b"IDAT":
                rows += zlib.decompress(body)
            elif small[at + 4 : at + 8] == b"PLTE":
                palette = chunk(b"PLTE", body)
            at += 12 + size
    sides = struct.pack(">II", picture.width, picture.height)
    header = chunk(b"IHDR", sides + head[8:12] + b"\1")
    coded = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + palette + coded + chunk(b"IEND", b"")
