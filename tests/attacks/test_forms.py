"""Forms that would use up resources shared by all requests."""

import contextlib
import gc
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.errors import InvalidRequest
from entrypoints.http.forms import MAX_PARTS, UploadMemory, read_form

_OPEN_FILES = Path("/proc/self/fd")


async def _form_of(contents: list[bytes]) -> AsyncIterator[bytes]:
    for number, content in enumerate(contents):
        disposition = f'form-data; name="files"; filename="{number}.jpg"'
        yield f"--limit\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
        yield content[: len(content) // 2]
        yield content[len(content) // 2 :] + b"\r\n"
    yield b"--limit--\r\n"


@pytest.mark.skipif(not _OPEN_FILES.exists(), reason="open files are counted in /proc")
async def test_a_form_of_many_parts_has_one_file_open_when_memory_is_short() -> None:
    contents = [b"%d" % number * 50 for number in range(MAX_PARTS)]
    before = len(os.listdir(_OPEN_FILES))
    parts = await read_form(_form_of(contents), b"limit", UploadMemory(0))
    assert len(os.listdir(_OPEN_FILES)) <= before + 1
    assert [await part.read(1000) for part in parts] == contents
    assert [await part.read(20) for part in parts] == [each[:20] for each in contents]
    del parts
    assert len(os.listdir(_OPEN_FILES)) <= before


async def test_parts_in_memory_and_on_the_disk_keep_their_contents() -> None:
    contents = [b"a" * 300, b"b" * 900, b"", b"c" * 600, b"d" * 5000, b"e" * 90]
    memory = UploadMemory(1000)
    parts = await read_form(_form_of(contents), b"limit", memory)
    assert [await part.read(10_000) for part in parts] == contents
    del parts
    assert memory.take(1000)  # everything was given back


async def test_a_form_that_breaks_off_gives_its_memory_back_at_once() -> None:
    async def broken_off() -> AsyncIterator[bytes]:
        async for chunk in _form_of([b"a" * 900]):
            if not chunk.startswith(b"--limit--"):
                yield chunk

    memory = UploadMemory(1000)
    gc.disable()  # Otherwise a garbage collection could give it back.
    try:
        with contextlib.suppress(InvalidRequest):
            await read_form(broken_off(), b"limit", memory)
        assert memory.take(1000)
    finally:
        gc.enable()


@pytest.mark.skipif(not _OPEN_FILES.exists(), reason="open files are counted in /proc")
async def test_closed_parts_give_back_their_memory_and_their_place_on_the_disk() -> None:
    before, memory = len(os.listdir(_OPEN_FILES)), UploadMemory(1000)
    parts = await read_form(_form_of([b"a" * 900, b"b" * 5000]), b"limit", memory)
    assert len(os.listdir(_OPEN_FILES)) == before + 1
    for part in parts:
        await part.close()
    assert len(os.listdir(_OPEN_FILES)) == before
    assert memory.take(1000)
