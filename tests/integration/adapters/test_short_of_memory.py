"""A process that cannot get more memory; libraries say then that an image is damaged."""

import asyncio
import io
import os
import struct
import sys
from pathlib import Path

import pillow_heif
import pytest

from adapters.opencv.reading import read_header, read_image
from domain.errors import InvalidImage
from domain.formats import HEIC
from tests.decoding import portrait
from tests.decoding_limits import USUAL_LIMITS

SHORT_OF_MEMORY = """
import asyncio, io, resource, sys
import PIL.Image
from adapters.child_process import held_memory
from application.errors import InferenceUnavailable
from tests.decoding_limits import USUAL_LIMITS
from tests.decoding import decoding, portrait

kind, options = sys.argv[1], {"progressive": True} if sys.argv[1] == "JPEG" else {}

def image(width, height):
    file = io.BytesIO()
    portrait(width, height).save(file, kind, **options)
    return file.getvalue()

async def main():
    small, large, outcomes = image(80, 60), image(2000, 1500), set()
    with decoding(1, USUAL_LIMITS) as decoder:
        await decoder.decode(small)
        held, (_, most) = held_memory(), resource.getrlimit(resource.RLIMIT_AS)
        for more_mb in range(1, 32, 3):
            resource.setrlimit(resource.RLIMIT_AS, (held + more_mb * 2**20, most))
            try:
                await decoder.decode(large)
            except InferenceUnavailable:
                outcomes.add("unavailable")
            except Exception as error:
                outcomes.add(repr(error))
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        await decoder.decode(large)
    print(*outcomes)

asyncio.run(main())
"""

NOT_RESERVED = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "262144"}
"""Otherwise a thread has 64 MB to itself before it asks for memory."""


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
async def test_an_image_is_not_called_damaged_when_memory_runs_out(kind: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-c", SHORT_OF_MEMORY, kind,
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3],
        env=os.environ | NOT_RESERVED,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert out.decode().strip() == "unavailable"


def test_a_size_that_cannot_be_true_is_no_lack_of_memory() -> None:
    file = io.BytesIO()
    pillow_heif.from_pillow(portrait(64, 64)).save(file)
    data = bytearray(file.getvalue())
    size = data.index(b"ispe") + 8
    data[size : size + 8] = struct.pack(">II", 60_000, 60_000)
    header = read_header(bytes(data), HEIC, thorough=True)
    assert header is not None

    with pytest.raises(InvalidImage):
        read_image(bytes(data), header, USUAL_LIMITS)
