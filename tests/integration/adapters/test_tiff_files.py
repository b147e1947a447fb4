"""TIFF files with the arrangements of samples that scanners and image editors write."""

import lzma
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tifffile
from PIL import ImageOps

from adapters.opencv.decoder import OpenCvImageDecoder
from domain.errors import ImageDimensionsTooLarge, ImageTooCostly, InvalidImage
from tests.attacks.costly_images import encoded
from tests.decoding import decoding, difference, portrait
from tests.decoding_limits import USUAL_LIMITS

COLOR = np.asarray(portrait(161, 119))
GRAY = np.asarray(portrait(161, 119).convert("L"))
OPAQUE = np.full_like(GRAY, 255)
DEEP = COLOR.astype(np.uint16) * 257
DEEP_GRAY = GRAY.astype(np.uint16) * 257


@pytest.fixture(scope="module")
def decoder() -> Iterator[OpenCvImageDecoder]:
    with decoding(1, USUAL_LIMITS) as decoder:
        yield decoder


def tiff(samples: np.ndarray[Any, Any], photometric: str, **how: Any) -> bytes:
    file = BytesIO()
    tifffile.imwrite(file, samples, photometric=photometric, **how)
    return file.getvalue()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"tile": (64, 64)},
        {"rowsperstrip": 7, "compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"compression": "zlib", "predictor": True, "tile": (32, 48)},
    ],
)
@pytest.mark.parametrize("kind", ["u2", "u4", "f4"])
async def test_deep_colours_are_read(
    decoder: OpenCvImageDecoder, order: str, *, big: bool, how: dict[str, Any], kind: str
) -> None:
    if kind == "f4":
        how = {name: value for name, value in how.items() if name != "predictor"}
    scale = {"u2": 257, "u4": 16_843_009, "f4": 1 / 255}[kind]
    samples = (COLOR.astype("f8") * scale).astype(kind)
    data = tiff(samples, "rgb", byteorder=order, bigtiff=big, **how)
    assert difference(await decoder.decode(data), PIL.Image.fromarray(COLOR)) < 1


@pytest.mark.parametrize("tile", [None, (32, 48)])
async def test_deep_planes_are_read(
    decoder: OpenCvImageDecoder, tile: tuple[int, int] | None
) -> None:
    planes = np.moveaxis(DEEP, 2, 0)
    data = tiff(planes, "rgb", planarconfig="separate", tile=tile, rowsperstrip=None if tile else 9)
    assert difference(await decoder.decode(data), PIL.Image.fromarray(COLOR)) < 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("samples", "photometric"),
    [
        (DEEP_GRAY, "minisblack"),
        (65535 - DEEP_GRAY, "miniswhite"),
        (GRAY.astype(np.uint32) * 16_843_009, "minisblack"),
        (DEEP_GRAY.astype(np.uint32), "minisblack"),
        (GRAY.astype(np.int16), "minisblack"),
        ((DEEP_GRAY // 2).astype(np.int16), "minisblack"),
        ((GRAY / 255).astype(np.float16), "minisblack"),
        ((GRAY / 255).astype(np.float64), "minisblack"),
        (GRAY.astype(np.float32), "minisblack"),
    ],
)
async def test_deep_gray_is_read(
    decoder: OpenCvImageDecoder, order: str, samples: np.ndarray[Any, Any], photometric: str
) -> None:
    data = tiff(samples, photometric, byteorder=order)
    assert difference(await decoder.decode(data), PIL.Image.fromarray(GRAY)) < 1.1


async def test_differences_of_floats_are_summed(decoder: OpenCvImageDecoder) -> None:
    image = PIL.Image.fromarray((GRAY / 255).astype(np.float32))
    data = encoded(image, "TIFF", compression="tiff_lzw", tiffinfo={317: 3})
    assert difference(await decoder.decode(data), PIL.Image.fromarray(GRAY)) < 1


@pytest.mark.parametrize("extra", ["unassalpha", "assocalpha", "unspecified"])
async def test_deep_samples_may_have_an_alpha(decoder: OpenCvImageDecoder, extra: str) -> None:
    for samples, wanted in ((DEEP, COLOR), (DEEP_GRAY[..., None], GRAY)):
        whole = np.dstack([samples, OPAQUE.astype(np.uint16) * 257])
        photometric = "rgb" if samples.shape[2] == 3 else "minisblack"
        data = tiff(whole, photometric, extrasamples=[extra], planarconfig="contig")
        assert difference(await decoder.decode(data), PIL.Image.fromarray(wanted)) < 1


@pytest.mark.parametrize("bits", [10, 12, 14])
async def test_samples_need_not_fill_bytes(decoder: OpenCvImageDecoder, bits: int) -> None:
    numbers = GRAY.astype(np.uint32) * (2**bits - 1) // 255
    places = numbers[..., None] >> np.arange(bits - 1, -1, -1) & 1
    packed = np.packbits(places.reshape(len(GRAY), -1).astype(np.uint8), axis=1)
    as_bytes = tiff(packed, "minisblack", rowsperstrip=len(GRAY), metadata=None)
    data = bytearray(as_bytes)
    with tifffile.TiffFile(BytesIO(as_bytes)) as file:
        tags = file.pages.first.tags
        for name, value in (("ImageWidth", GRAY.shape[1]), ("BitsPerSample", bits)):
            tag = tags[name]
            data[tag.valueoffset : tag.valueoffset + 2] = value.to_bytes(2, "little")
    assert difference(await decoder.decode(bytes(data)), PIL.Image.fromarray(GRAY)) < 1.1


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_deep_images_stand_upright(decoder: OpenCvImageDecoder, orientation: int) -> None:
    data = tiff(DEEP_GRAY, "minisblack", extratags=[(274, "H", 1, orientation, True)])
    note = PIL.Image.Exif()
    note[0x0112] = orientation
    turned = encoded(PIL.Image.fromarray(GRAY), "PNG", exif=note.tobytes())
    wanted = ImageOps.exif_transpose(PIL.Image.open(BytesIO(turned)))
    assert difference(await decoder.decode(data), wanted) < 1


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
async def test_an_image_of_eight_bits_that_is_cut_short_says_so(
    decoder: OpenCvImageDecoder, compression: str, share: float
) -> None:
    by_pillow = encoded(portrait(), "TIFF", compression=compression)
    for data in (by_pillow, tiff(COLOR, "rgb", rowsperstrip=8)):
        with pytest.raises(InvalidImage, match="cut short"):
            await decoder.decode(data[: int(share * len(data))])


async def test_a_deep_image_that_is_cut_short_or_too_large_is_refused(
    decoder: OpenCvImageDecoder,
) -> None:
    data = tiff(DEEP_GRAY, "minisblack")
    with pytest.raises(InvalidImage, match="cut short"):
        await decoder.decode(data[: len(data) // 2])
    with tifffile.TiffFile(BytesIO(data)) as file:
        tags = file.pages.first.tags
    wide = bytearray(data)
    for name in ("ImageWidth", "ImageLength"):
        tag = tags[name]
        size = 4 if tag.dtype == 4 else 2
        wide[tag.valueoffset : tag.valueoffset + size] = (60_000).to_bytes(size, "little")
    with pytest.raises(ImageDimensionsTooLarge):
        await decoder.decode(bytes(wide))


@pytest.mark.parametrize("samples", [COLOR, DEEP_GRAY])
@pytest.mark.parametrize(("number", "name"), [(50002, "JPEG XL"), (34887, "LERC"), (99, "99")])
async def test_another_compression_is_named(
    decoder: OpenCvImageDecoder, samples: np.ndarray[Any, Any], number: int, name: str
) -> None:
    data = bytearray(tiff(samples, "rgb" if samples is COLOR else "minisblack"))
    with tifffile.TiffFile(BytesIO(bytes(data))) as file:
        tag = file.pages.first.tags["Compression"]
    data[tag.valueoffset : tag.valueoffset + 2] = number.to_bytes(2, "little")
    with pytest.raises(InvalidImage, match=f"cannot be read: .*{name}"):
        await decoder.decode(bytes(data))


@pytest.mark.parametrize("subsampling", [(2, 2), (2, 1), (4, 2), None])
@pytest.mark.parametrize("rows", [64, 160])
async def test_uncompressed_colours_may_have_fewer_samples_than_brightness(
    decoder: OpenCvImageDecoder, subsampling: tuple[int, int] | None, rows: int
) -> None:
    shown = portrait(160, 160)
    across, down = subsampling or (2, 2)  # what the standard assumes
    brightness, blue, red = np.moveaxis(np.asarray(shown.convert("YCbCr")), 2, 0)

    def units(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Rows x columns of blocks, each with its samples in a row."""
        blocks = values.reshape(160 // down, down, 160 // across, across).swapaxes(1, 2)
        return blocks.reshape(160 // down, 160 // across, -1)

    means = [units(values).mean(2, keepdims=True).round() for values in (blue, red)]
    data = np.concatenate([units(brightness), *means], 2).astype(np.uint8).tobytes()
    strips = [
        data[len(data) * top // 160 : len(data) * min(top + rows, 160) // 160]
        for top in range(0, 160, rows)
    ]
    page = {
        256: [160], 257: [160], 258: [8, 8, 8], 259: [1], 262: [6], 277: [3], 278: [rows],
        279: [len(strip) for strip in strips],
    }  # fmt: skip
    if subsampling:
        page[530] = list(subsampling)
    behind = b"a second page would follow" * 9999
    decoded = await decoder.decode(written(page, strips) + behind)
    assert difference(decoded, shown) < 4


VIDEO_RANGE = (16, 235, 128, 240, 128, 240)


@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("ends", [None, (0, 255, 128, 255, 128, 255), VIDEO_RANGE])
@pytest.mark.parametrize("weights", [None, (0.2126, 0.7152, 0.0722)])
async def test_colours_are_computed_as_the_file_says(
    decoder: OpenCvImageDecoder,
    compression: int,
    ends: tuple[int, ...] | None,
    weights: tuple[float, ...] | None,
) -> None:
    red_weight, _, blue_weight = usual = weights or (0.299, 0.587, 0.114)
    lows, highs = (np.asarray((ends or (0, 255, 128, 255, 128, 255))[at::2]) for at in (0, 1))
    brightness = COLOR @ np.asarray(usual)
    blue = (COLOR[..., 2] - brightness) / (2 - 2 * blue_weight)
    red = (COLOR[..., 0] - brightness) / (2 - 2 * red_weight)
    whole = np.dstack([brightness / 255, blue / 127, red / 127]) * (highs - lows) + lows
    data = whole.round().clip(0, 255).astype(np.uint8).tobytes()
    strip = zlib.compress(data) if compression == 8 else data
    height, width = GRAY.shape
    page = {
        256: [width], 257: [height], 258: [8, 8, 8], 259: [compression], 262: [6], 277: [3],
        278: [height], 279: [len(strip)], 530: [1, 1],
    }  # fmt: skip
    if weights:
        page[529] = [number for weight in weights for number in (round(weight * 10_000), 10_000)]
    if ends:
        page[532] = [number for end in ends for number in (end, 1)]
    decoded = await decoder.decode(written(page, [strip]))
    assert difference(decoded, PIL.Image.fromarray(COLOR)) < 1.5


async def test_deep_samples_may_be_packed_as_lzma(decoder: OpenCvImageDecoder) -> None:
    strip = lzma.compress(DEEP_GRAY.tobytes(), check=lzma.CHECK_NONE)
    height, width = GRAY.shape
    page = {
        256: [width], 257: [height], 258: [16], 259: [34925], 262: [1], 277: [1], 278: [height],
        279: [len(strip)],
    }  # fmt: skip
    decoded = await decoder.decode(written(page, [strip]))
    assert difference(decoded, PIL.Image.fromarray(GRAY)) < 1


def of_files(
    samples: np.ndarray[Any, Any],
    coding: str,
    number: int,
    size: int,
    *,
    without: int | None = None,
    **tags: list[int],
) -> bytes:
    """A TIFF whose square tiles are image files; those at the edges are cut to the image."""
    height, width = samples.shape[:2]
    tiles = [
        encoded(PIL.Image.fromarray(samples[y : y + size, x : x + size]), coding, lossless=True)
        for y in range(0, height, size)
        for x in range(0, width, size)
    ]
    if without is not None:
        tiles[without] = b""
    colors = 1 if samples.ndim == 2 else samples.shape[2]
    page = {
        256: [width], 257: [height], 258: [8] * colors, 259: [number],
        262: [1 if colors == 1 else 2], 277: [colors], 322: [size], 323: [size],
        325: [len(tile) for tile in tiles], **{int(tag[1:]): each for tag, each in tags.items()},
    }  # fmt: skip
    return written(page, tiles, where=324)


@pytest.mark.parametrize(
    ("coding", "number"), [("WEBP", 50001), ("JPEG2000", 34712), ("PNG", 34933)]
)
@pytest.mark.parametrize("size", [64, 256])
async def test_tiles_may_be_image_files(
    decoder: OpenCvImageDecoder, coding: str, number: int, size: int
) -> None:
    white = np.dstack([COLOR, OPAQUE])
    white[:, :40, 3] = 0
    for samples in (COLOR, white) if coding == "WEBP" else (COLOR, white, GRAY):
        shown = np.dstack([samples] * 3) if samples is GRAY else samples[..., :3].copy()
        shown[:, : 40 if samples is white else 0] = 255
        data = of_files(samples, coding, number, size)
        assert difference(await decoder.decode(data), PIL.Image.fromarray(shown)) < 1
        turned = of_files(samples, coding, number, size, t274=[6])
        upright = PIL.Image.fromarray(shown).transpose(PIL.Image.Transpose.ROTATE_270)
        assert difference(await decoder.decode(turned), upright) < 1


async def test_a_tile_without_content_is_black_and_moves_no_other(
    decoder: OpenCvImageDecoder,
) -> None:
    shown = COLOR.copy()
    shown[:64, 64:128] = 0
    decoded = await decoder.decode(of_files(COLOR, "WEBP", 50001, 64, without=1))
    assert difference(decoded, PIL.Image.fromarray(shown)) < 1


@pytest.mark.parametrize("sides", [32, 128])
async def test_more_or_fewer_tiles_than_the_page_has_are_damage(
    decoder: OpenCvImageDecoder, sides: int
) -> None:
    with pytest.raises(InvalidImage, match="damaged"):
        await decoder.decode(of_files(COLOR, "WEBP", 50001, 64, t322=[sides], t323=[sides]))


async def test_tiles_of_other_colours_are_turned_into_rgb(decoder: OpenCvImageDecoder) -> None:
    data = of_files(
        np.asarray(portrait(161, 119).convert("YCbCr")), "JPEG2000", 33003, 64, t262=[6]
    )
    assert difference(await decoder.decode(data), PIL.Image.fromarray(COLOR)) < 2


@pytest.mark.parametrize(
    "tags", [{"t258": [16, 16, 16]}, {"t262": [5]}, {"t277": [7]}, {"t284": [2]}]
)
async def test_what_tiles_cannot_hold_is_named(
    decoder: OpenCvImageDecoder, tags: dict[str, Any]
) -> None:
    with pytest.raises(InvalidImage, match="cannot be read: JPEG2000 with"):
        await decoder.decode(of_files(COLOR, "JPEG2000", 34712, 64, **tags))


async def test_tiles_that_are_larger_than_said_or_cut_short_are_refused(
    decoder: OpenCvImageDecoder,
) -> None:
    data = of_files(COLOR, "WEBP", 50001, 64, t322=[48])
    with pytest.raises(InvalidImage, match="damaged"):
        await decoder.decode(data)
    with pytest.raises(ImageTooCostly):
        await decoder.decode(of_files(COLOR, "WEBP", 50001, 256, t322=[10**6], t323=[10**6]))
    whole = of_files(COLOR, "WEBP", 50001, 64)
    at = whole.index(b"RIFF", 20)
    with pytest.raises(InvalidImage):
        await decoder.decode(whole[:at] + b"not a picture at all" + whole[at + 20 :])


@pytest.mark.parametrize("of_canon", [False, True])
async def test_the_preview_in_a_raw_file_is_not_taken_for_its_picture(
    decoder: OpenCvImageDecoder, *, of_canon: bool
) -> None:
    file = BytesIO()
    with tifffile.TiffWriter(file) as pages:
        pages.write(COLOR[::4, ::4], photometric="rgb", subfiletype=1, subifds=1)
        pages.write(DEEP_GRAY, photometric=32803)
    data = bytearray(file.getvalue())
    if of_canon:
        plain = tiff(COLOR, "rgb")
        (at,) = struct.unpack_from("<I", plain, 4)
        data = bytearray(plain + plain[at:])
        data[4:12] = struct.pack("<I", len(plain)) + b"CR\2\0"
    for raw in (bytes(data), tiff(DEEP_GRAY, "cfa"), tiff(DEEP, "linear_raw")):
        with pytest.raises(InvalidImage, match="raw file of a camera"):
            await decoder.decode(raw)


async def test_pixels_that_begin_like_a_raw_file_are_read(decoder: OpenCvImageDecoder) -> None:
    samples = COLOR.copy()
    samples[0, 0] = tuple(b"CR!")
    height, width = samples.shape[:2]
    strip = samples.tobytes()
    page = {
        256: [width], 257: [height], 258: [8, 8, 8], 259: [1], 262: [2], 277: [3], 278: [height],
        279: [len(strip)],
    }  # fmt: skip
    data = written(page, [strip])
    assert data.startswith(b"CR", 8)
    assert difference(await decoder.decode(data), PIL.Image.fromarray(samples)) < 1


async def test_smaller_copies_of_a_page_change_nothing(decoder: OpenCvImageDecoder) -> None:
    file = BytesIO()
    with tifffile.TiffWriter(file) as pages:
        pages.write(COLOR, photometric="rgb", subifds=1)
        pages.write(COLOR[::4, ::4], photometric="rgb", subfiletype=1)
    assert difference(await decoder.decode(file.getvalue()), PIL.Image.fromarray(COLOR)) < 1


@pytest.mark.parametrize("brightest", [255, 65535])
async def test_a_palette_may_hold_bytes(decoder: OpenCvImageDecoder, brightest: int) -> None:
    shown = portrait(160, 160).quantize(256)
    colors = np.asarray(shown.getpalette(), np.uint16).reshape(-1, 3).T * (brightest // 255)
    data = tiff(np.asarray(shown), "palette", colormap=colors)
    assert difference(await decoder.decode(data), shown.convert("RGB")) < 1


def written(page: dict[int, list[int]], strips: list[bytes], where: int = 273) -> bytes:
    """A TIFF of one page with these tags; the tag that says where the strips lie is added."""
    content = b"".join(strips)
    lengths = [0, *(len(strip) for strip in strips[:-1])]
    page = {**page, where: [8 + int(start) for start in np.cumsum(lengths)]}
    at = 8 + len(content)
    tables_at = at + 2 + 12 * len(page) + 4
    entries, tables = b"", b""
    for tag, values in sorted(page.items()):
        stored = struct.pack(f"<{len(values)}I", *values)
        kind, count = (5, len(values) // 2) if tag in (529, 532) else (4, len(values))
        entries += struct.pack("<HHI", tag, kind, count)
        entries += stored if len(stored) == 4 else struct.pack("<I", tables_at + len(tables))
        tables += stored if len(stored) > 4 else b""
    header = b"II*\0" + struct.pack("<I", at)
    return header + content + struct.pack("<H", len(page)) + entries + bytes(4) + tables
