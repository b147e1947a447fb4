"""The contract of image decoders, and how the real one reads files that people upload."""

import asyncio
import contextlib
import io
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray
from PIL import ImageOps

from adapters.in_memory import InMemoryImageDecoder, fake_image
from adapters.inference.executor import WorkExecutor
from adapters.opencv.decoder import OpenCvImageDecoder
from adapters.opencv.decoding_process import DecodingProcess
from adapters.opencv.encoded import DecodingLimits
from application.ports.image_decoder import ImageDecoder
from application.work.memory_budget import MemoryBudget
from domain.errors import ImageDimensionsTooLarge, InvalidImage
from domain.image import Image
from tests.attacks.costly_images import encoded
from tests.decoding import difference, portrait
from tests.decoding_limits import USUAL_LIMITS

Encode = Callable[[int, int, str], bytes]


def pixels_of(image: Image) -> NDArray[np.uint8]:
    assert isinstance(image.pixels, np.ndarray)
    assert image.pixels.dtype == np.uint8
    assert image.pixels.ndim == 3
    return image.pixels


@pytest.fixture(scope="session")
def process() -> Iterator[DecodingProcess]:
    process = DecodingProcess()
    yield process
    process.close()


@pytest.fixture
def opencv(executor: WorkExecutor, process: DecodingProcess) -> OpenCvImageDecoder:
    return OpenCvImageDecoder(
        executor=executor,
        process=process,
        budget=MemoryBudget(20_000_000),
        limits=replace(USUAL_LIMITS, max_pixels=1_000_000, working_side_px=500),
    )


@pytest.fixture(params=["in-memory", "opencv"])
def decoder(request: pytest.FixtureRequest, opencv: OpenCvImageDecoder) -> ImageDecoder:
    if request.param == "opencv":
        return opencv
    return InMemoryImageDecoder(max_pixels=1_000_000)


@pytest.fixture
def encode(decoder: ImageDecoder) -> Encode:
    """Bytes that the decoder under test reads: width, height, media type."""

    def fake(width: int, height: int, media_type: str) -> bytes:
        return fake_image(width=width, height=height, media_type=media_type)

    def real(width: int, height: int, media_type: str) -> bytes:
        return encoded(portrait(width, height), media_type.removeprefix("image/").upper())

    return fake if isinstance(decoder, InMemoryImageDecoder) else real


# The contract of decoders


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "webp", "bmp"])
async def test_a_decoded_image_has_its_size_and_media_type(
    decoder: ImageDecoder, encode: Encode, kind: str
) -> None:
    image = await decoder.decode(encode(160, 120, f"image/{kind}"))
    assert (image.width, image.height, image.scale) == (160, 120, 1)
    assert image.media_type == f"image/{kind}"


async def test_an_empty_file_is_refused(decoder: ImageDecoder) -> None:
    with pytest.raises(InvalidImage):
        await decoder.decode(b"")


async def test_a_file_of_another_type_is_refused(decoder: ImageDecoder) -> None:
    with pytest.raises(InvalidImage):
        await decoder.decode(b"%PDF-1.7 a letter to the editor")


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "webp", "bmp"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
async def test_a_truncated_file_is_refused(
    decoder: ImageDecoder, encode: Encode, kind: str, kept: float
) -> None:
    whole = encode(160, 120, f"image/{kind}")
    with pytest.raises(InvalidImage):
        await decoder.decode(whole[: int(len(whole) * kept)])


async def test_too_many_pixels_are_refused(decoder: ImageDecoder, encode: Encode) -> None:
    await decoder.decode(encode(1000, 1000, "image/png"))
    with pytest.raises(ImageDimensionsTooLarge):
        await decoder.decode(encode(1000, 1001, "image/png"))


# The real decoder, on files that people upload


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95}, 5),
        ("JPEG", {"quality": 95, "progressive": True}, 5),
        ("PNG", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 95}, 6),
        ("BMP", {}, 0),
    ],
)
async def test_pixels_are_rgb(
    opencv: OpenCvImageDecoder, kind: str, options: dict[str, Any], tolerance: float
) -> None:
    image = await opencv.decode(encoded(portrait(), kind, **options))
    assert difference(image, portrait()) <= tolerance


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "I;16"])
async def test_every_mode_becomes_rgb(opencv: OpenCvImageDecoder, mode: str) -> None:
    picture = portrait()
    if mode == "I;16":
        grey = np.asarray(picture.convert("L"), dtype=np.uint16) * 257
        image = await opencv.decode(encoded(PIL.Image.fromarray(grey), "PNG"))
        picture = picture.convert("L")
    else:
        picture = picture.convert(mode)
        kind = "JPEG" if mode == "CMYK" else "PNG"
        image = await opencv.decode(encoded(picture, kind))
    assert pixels_of(image).shape == (120, 160, 3)
    assert difference(image, picture) < 5


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
async def test_transparent_pixels_become_white(
    opencv: OpenCvImageDecoder, kind: str, mode: str
) -> None:
    picture = PIL.Image.new("RGBA", (40, 20), (200, 30, 30, 255))
    picture.paste((0, 0, 0, 0), (20, 0, 40, 20))
    data = encoded(picture.convert(mode), kind, **({"lossless": True} if kind == "WEBP" else {}))
    image = await opencv.decode(data)
    left, right = pixels_of(image)[10, 5], pixels_of(image)[10, 35]
    assert right.tolist() == [255, 255, 255]
    assert left[2] < 200


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
async def test_the_first_frame_of_an_animation_is_decoded(
    opencv: OpenCvImageDecoder, kind: str
) -> None:
    first, second = PIL.Image.new("RGB", (30, 20), "red"), PIL.Image.new("RGB", (30, 20), "blue")
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(first, kind, save_all=True, append_images=[second], **options)
    assert difference(await opencv.decode(data), first) < 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_the_exif_orientation_is_applied(
    opencv: OpenCvImageDecoder, kind: str, orientation: int
) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    data = encoded(portrait(), kind, exif=exif.tobytes())
    image = await opencv.decode(data)
    turned = PIL.Image.open(io.BytesIO(data))

    expected = ImageOps.exif_transpose(turned)
    assert (image.width, image.height) == expected.size
    assert difference(image, expected) < 3


async def test_exif_may_stand_behind_the_frame_header(opencv: OpenCvImageDecoder) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    data, note = encoded(portrait(), "JPEG"), exif.tobytes()
    frame = data.index(b"\xff\xc0") + 2
    behind = frame + int.from_bytes(data[frame : frame + 2])
    segment = b"\xff\xe1" + (len(note) + 2).to_bytes(2) + note
    image = await opencv.decode(data[:behind] + segment + data[behind:])
    assert (image.width, image.height) == portrait().size[::-1]


@pytest.mark.filterwarnings("ignore:.*EXIF")
async def test_an_unreadable_exif_orientation_is_ignored(opencv: OpenCvImageDecoder) -> None:
    data = encoded(portrait(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    assert (await opencv.decode(data)).width == 160


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
async def test_a_large_image_is_decoded_at_reduced_scale(
    opencv: OpenCvImageDecoder, kind: str
) -> None:
    picture = portrait(1041, 803)
    image = await opencv.decode(encoded(picture, kind))
    assert (image.width, image.height, image.scale) == (1041, 803, 0.5)
    assert pixels_of(image).shape == (402, 521, 3)
    small = picture.resize((521, 402), PIL.Image.Resampling.BOX)
    assert difference(image, small) < 8


async def test_a_decompression_bomb_is_refused_by_its_header(opencv: OpenCvImageDecoder) -> None:
    header = encoded(PIL.Image.new("1", (1, 1)), "PNG")
    bomb = header[:16] + (30_000).to_bytes(4) * 2 + header[24:]
    with pytest.raises(ImageDimensionsTooLarge) as refusal:
        await opencv.decode(_with_valid_checksum(bomb))
    assert refusal.value.details == {"width": 30_000, "height": 30_000, "limit": 1_000_000}


async def test_a_gif_whose_first_frame_outgrows_its_screen_is_refused(
    opencv: OpenCvImageDecoder,
) -> None:
    bomb = bytearray(encoded(PIL.Image.new("P", (8, 8)), "GIF"))
    frame = bomb.index(b",\x00\x00\x00\x00")
    bomb[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(ImageDimensionsTooLarge):
        await opencv.decode(bytes(bomb))


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (b"", "empty", "empty"),
        (b"hello", "unsupported", "not an image"),
        (b"\xff\xd8\xff", "truncated", "cut short"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00", "unsupported", "video"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00", "truncated", "HEIC"),
        (b"<!doctype html><img>", "unsupported", "web page"),
        (b"MZ\x90\x00", "unsupported", "program"),
        (b"\x00\x00\x00\x18ftypcrx \x00\x00", "unsupported", "raw file"),
        (b"IIRO\x08\x00\x00\x00", "unsupported", "raw file"),
        (b"\x00\x00\x01\x00\x02\x00\x10\x10", "unsupported", "icon"),
        (b"\x00\x00\x02\x00\x00\x00\x00\x00", "unsupported", "not an image"),
        (b"data:image/jpeg;base64,/9j/", "unsupported", "data URI"),
        (b"GIF89a/*\x00\x00\x00*/alert(1)//\x3b", "damaged", "damaged"),
        (b"BM" + bytes(12) + b"\x28\x00\x00\x00" + bytes(36), "damaged", "damaged"),
    ],
)
async def test_a_refusal_names_the_reason(
    opencv: OpenCvImageDecoder, data: bytes, reason: str, words: str
) -> None:
    with pytest.raises(InvalidImage, match=words) as refusal:
        await opencv.decode(data)
    assert refusal.value.details["reason"] == reason


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "BMP"])
async def test_the_format_is_recognised_by_content(opencv: OpenCvImageDecoder, kind: str) -> None:
    """The decoder knows neither a file name nor a header."""
    image = await opencv.decode(encoded(portrait(), kind))
    assert image.media_type == f"image/{kind.lower()}"


async def test_random_damage_never_raises_another_error(
    opencv: OpenCvImageDecoder,
) -> None:
    random = np.random.default_rng(7)
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP"):
        whole = encoded(portrait(64, 48), kind)
        for _ in range(40):
            broken = bytearray(whole)
            for position in random.integers(0, len(broken), 6):
                broken[position] = random.integers(0, 256)
            with contextlib.suppress(InvalidImage, ImageDimensionsTooLarge):
                await opencv.decode(bytes(broken))


def _with_valid_checksum(png: bytes) -> bytes:

    return png[:29] + zlib.crc32(png[12:29]).to_bytes(4) + png[33:]


class _SlowProcess(DecodingProcess):
    """A decoding process that never finishes an image."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.job: Future[Image] = Future()

    def submit(self, data: bytes, limits: DecodingLimits) -> Future[Image]:
        self.job.set_running_or_notify_cancel()
        self.begun.set()
        return self.job


async def test_memory_for_the_decoding_process_is_held_until_it_has_finished(
    executor: WorkExecutor,
) -> None:
    budget, process = MemoryBudget(2**30), _SlowProcess()
    decoder = OpenCvImageDecoder(
        executor=executor, process=process, budget=budget, limits=USUAL_LIMITS
    )
    decoding = asyncio.create_task(decoder.decode(encoded(portrait(), "TIFF")))
    await process.begun.wait()
    decoding.cancel()  # as when a client disconnects
    await asyncio.gather(decoding, return_exceptions=True)
    assert budget.held_bytes > 0

    process.job.set_exception(InvalidImage("the image is damaged", reason="damaged"))
    await asyncio.sleep(0)
    assert budget.held_bytes == 0
    process.close()


def twelve_bit(image: PIL.Image.Image, **options: Any) -> bytes:
    """An extended sequential JPEG of 12 bits a sample, made of one of 8 bits.

    The coefficients stay, and quantisation tables 16 times as large turn them into 12 bits.
    """
    eight = encoded(image, "JPEG", quality=92, **options)
    made, at = bytearray(eight[:2]), 2
    while eight[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(eight[at + 2 : at + 4])
        code, body = eight[at + 1], bytearray(eight[at + 4 : end])
        if code == 0xDB:
            tables = [body[start : start + 65] for start in range(0, len(body), 65)]
            large = [(16 * number).to_bytes(2) for table in tables for number in table[1:]]
            names = [bytes([0x10 | table[0]]) for table in tables]
            body = bytearray().join(
                name + b"".join(large[64 * place : 64 * place + 64])
                for place, name in enumerate(names)
            )
        if code == 0xC0:
            code, body[0] = 0xC1, 12
        made += bytes([0xFF, code]) + (len(body) + 2).to_bytes(2) + body
        at = end
    return bytes(made) + eight[at:]


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize(("width", "height"), [(160, 120), (1003, 801)])
async def test_a_jpeg_of_twelve_bits_is_read_like_one_of_eight(
    opencv: OpenCvImageDecoder, mode: str, subsampling: int, width: int, height: int
) -> None:
    photo = portrait(width, height).convert(mode)
    image = await opencv.decode(twelve_bit(photo, subsampling=subsampling))
    assert (image.width, image.height) == (width, height)
    size = (round(width * image.scale), -(-height // round(1 / image.scale)))
    assert difference(image, photo.resize(size)) < 4


async def test_a_truncated_jpeg_of_twelve_bits_is_refused(
    opencv: OpenCvImageDecoder,
) -> None:
    whole = twelve_bit(portrait())
    with pytest.raises(InvalidImage):
        await opencv.decode(whole[: len(whole) // 2])


async def test_unsupported_jpegs_of_twelve_bits_are_refused_with_a_reason(
    opencv: OpenCvImageDecoder,
) -> None:
    progressive = bytearray(encoded(portrait(), "JPEG", progressive=True))
    progressive[progressive.index(b"\xff\xc2") + 4] = 12
    with pytest.raises(InvalidImage, match="12 bits a sample"):
        await opencv.decode(bytes(progressive))


async def test_a_png_of_thousands_of_chunks_is_read(
    opencv: OpenCvImageDecoder,
) -> None:
    whole = encoded(portrait(), "PNG")
    note = b"\0\0\0\3tEXta\0b" + zlib.crc32(b"tEXta\0b").to_bytes(4)
    image = await opencv.decode(whole[:33] + 3000 * note + whole[33:])
    assert difference(image, portrait()) == 0
