"""Multipart forms, parsed as they arrive, within limits."""

from __future__ import annotations

import asyncio
import binascii
import os
import tempfile
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from functools import cached_property
from pathlib import Path
from typing import IO, TypeVar

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from application.errors import StoreUnavailable
from domain.errors import InvalidRequest
from entrypoints.http.file_names import file_name, parameters

MAX_PARTS = 1000
MAX_PART_HEADER_BYTES = 16 * 1024
MAX_HEADERS_BYTES = 256 * 1024
_FILE_IN_MEMORY_BYTES = 2**20
_MAX_PART_HEADERS = 32
_MAX_FIELD_NAME_LENGTH = 256
# Parsing them takes about a millisecond, and a chunk may hold a thousand.
_PARTS_A_TURN = 8
_CHUNK_BYTES = 2**18
_NOT_ENCODED = ("", "binary", "8bit", "7bit")

T = TypeVar("T")


class UploadMemory:
    """Memory shared by all uploads in progress; the rest goes into temporary files.

    Args:
        limit_bytes: of all together.

    Attributes:
        turn: held by the form that is parsed in this pass of the event loop, where it has many
            parts.
    """

    def __init__(self, limit_bytes: int = 24 * 2**20) -> None:
        self._left = limit_bytes
        self.turn = asyncio.Lock()

    def take(self, size: int) -> bool:
        """Reserve memory; False if there is not enough."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def give_back(self, size: int) -> None:
        """Release memory."""
        self._left += size


class _Disk:
    """One temporary file without a name for all parts of a form that do not fit into memory.

    With a file for each part, a form of a thousand parts would use up the files that this process
    may have open. It is deleted when it is closed, or with the last part in it.

    Args:
        folder: for the file; None for the system's temporary folder.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._size = 0
        # Of a cancelled request, a thread may still write: never to what is opened next.
        self._lock = threading.Lock()

    async def append(self, data: bytes) -> int:
        """Write data at the end; returns where it begins."""
        await _on_disk(lambda: self._write_all(data))
        start, self._size = self._size, self._size + len(data)
        return start

    async def read(self, start: int, size: int) -> bytes:
        """At most this many bytes from an offset."""
        return await _on_disk(lambda: self._read(start, size))

    async def close(self) -> None:
        """Delete the file."""
        file, self._file = self._file, None
        if file is not None:
            await asyncio.to_thread(self._close, file)

    def _read(self, start: int, size: int) -> bytes:
        with self._lock:
            assert self._file is not None
            return os.pread(self._file.fileno(), size, start)

    def _write_all(self, data: bytes) -> None:
        with self._lock:
            if self._file is None:
                if self._folder is not None:
                    self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._file = tempfile.TemporaryFile(  # noqa: SIM115 (open as long as this)
                    buffering=0, dir=self._folder
                )
                weakref.finalize(self, self._file.close)
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]

    def _close(self, file: IO[bytes]) -> None:
        with self._lock:
            file.close()


class Part:
    """One part of a form, with its content in memory or on the disk.

    The content is deleted when it is closed, or with the object.

    Parts of a form are written one after the other, so each is contiguous on the disk.

    Args:
        segment: its headers.
        memory: what small parts share.
        disk: for larger ones.

    Attributes:
        name: of the field; empty if the sender left it out.
        has_filename: the sender gave a file name, which may turn out to be empty.
        is_file: the sender said that it is one, by a file name or by a type that is not text.
        size: in bytes.
    """

    def __init__(self, segment: MultipartSegment, memory: UploadMemory, disk: _Disk) -> None:
        self._memory = memory
        self._disk = disk
        self._data = bytearray()
        self._reserved = 0
        self._start: int | None = None
        self._written = written = parameters(
            str(segment.header("Content-Disposition") or "").encode("latin-1")
        )
        self._base64 = _base64_of(segment)
        self.name = written.get("name", b"")[:_MAX_FIELD_NAME_LENGTH].decode("utf-8", "replace")
        self.has_filename = bool(written.get("filename") or written.get("filename*"))
        self.is_file = self.has_filename or (segment.content_type or "text/plain") != "text/plain"
        self.size = 0

    def __del__(self) -> None:
        self._give_memory_back()

    @cached_property
    def filename(self) -> str | None:
        """As the sender named it; None without a name. Decoding it may take a millisecond."""
        return file_name(self._written)

    async def add(self, data: bytes | None) -> None:
        """Append what has arrived of it; None at its end.

        Raises:
            StoreUnavailable: there is no room on the disk.
            binascii.Error: it is not base64, although its headers say so.
        """
        if self._base64 is not None:
            data = self._base64.end() if data is None else self._base64.decode(data)
        if not data:
            return
        self.size += len(data)
        if self._start is not None:
            await self._disk.append(data)
        elif self._fits(len(data)):
            self._data += data
        else:
            data = bytes(self._data) + data
            self._give_memory_back()
            self._start = await self._disk.append(data)

    async def read(self, size: int) -> bytes:
        """At most this many of its first bytes.

        Raises:
            StoreUnavailable: they cannot be read back.
        """
        if self._start is None:
            return bytes(self._data[:size])
        return await self._disk.read(self._start, min(size, self.size))

    async def chunks(self) -> AsyncIterator[bytes]:
        """The whole content, in chunks.

        Raises:
            StoreUnavailable: it cannot be read back.
        """
        if self._start is None:
            yield bytes(self._data)
            return
        for offset in range(0, self.size, _CHUNK_BYTES):
            size = min(_CHUNK_BYTES, self.size - offset)
            yield await self._disk.read(self._start + offset, size)

    async def close(self) -> None:
        """Delete the content."""
        self._give_memory_back()
        await self._disk.close()

    def _fits(self, size: int) -> bool:
        if len(self._data) + size > _FILE_IN_MEMORY_BYTES or not self._memory.take(size):
            return False
        self._reserved += size
        return True

    def _give_memory_back(self) -> None:
        self._data.clear()
        self._memory.give_back(self._reserved)
        self._reserved = 0


async def _on_disk(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise StoreUnavailable("there is no room for the file now") from error


class _Parser(PushMultipartParser):  # type: ignore[misc]
    """Accepts parts of any disposition, as some clients write ``attachment``, and of any length.

    The boundary ends a part; a wrong ``Content-Length`` in its headers does no harm. The library
    offers this method for other kinds of parts.
    """

    def _create_segment(self, headerlist: list[tuple[str, str]]) -> MultipartSegment:
        self._segment_limit = -1
        return MultipartSegment(headerlist)


class _Base64:
    """Decodes a part that some mail libraries encode (RFC 7578, section 4.7, deprecates it)."""

    def __init__(self) -> None:
        self._rest = b""

    def decode(self, data: bytes) -> bytes:
        """What has arrived of the content; ``binascii.Error`` if it is not base64."""
        digits = self._rest + data.translate(None, b"\r\n\t ")
        whole = len(digits) // 4 * 4
        self._rest = digits[whole:]
        return binascii.a2b_base64(digits[:whole], strict_mode=True)

    def end(self) -> bytes:
        """The last bytes, where their padding is missing."""
        padding = b"=" * (-len(self._rest) % 4)
        return binascii.a2b_base64(self._rest + padding, strict_mode=True)


async def read_form(
    body: AsyncIterator[bytes], boundary: bytes, memory: UploadMemory, folder: Path | None = None
) -> list[Part]:
    """Parse a multipart form as it arrives. The caller closes the parts.

    Args:
        body: the form.
        boundary: what separates its parts.
        memory: for small files.
        folder: for larger files; None for the system's temporary folder, which is often in memory.

    Raises:
        InvalidRequest: it is not a form, is truncated, or has too many or too large headers.
        StoreUnavailable: a file does not fit onto the disk.
    """
    parts: list[Part] = []
    try:
        await _parse(body, boundary, parts, memory, _Disk(folder))
    except BaseException:
        for part in parts:
            await part.close()
        raise
    return parts


async def _parse(
    body: AsyncIterator[bytes],
    boundary: bytes,
    parts: list[Part],
    memory: UploadMemory,
    disk: _Disk,
) -> None:
    headers_bytes = 0
    try:
        # Every byte is a character of Latin-1; names are decoded later.
        parser = _Parser(
            boundary,
            max_segment_count=MAX_PARTS,
            max_header_count=_MAX_PART_HEADERS,
            max_header_size=MAX_PART_HEADER_BYTES,
            header_charset="latin-1",
        )
        async for chunk in body:
            for event in parser.parse(chunk) if chunk and not parser.closed else ():
                if not isinstance(event, MultipartSegment):
                    await parts[-1].add(event)
                    continue
                headers_bytes += sum(len(name) + len(text) for name, text in event.headerlist)
                if headers_bytes > MAX_HEADERS_BYTES:
                    raise InvalidRequest(
                        f"the headers of all parts may have {MAX_HEADERS_BYTES} characters "
                        "together, these have more",
                        limit=MAX_HEADERS_BYTES,
                    )
                if len(parts) % _PARTS_A_TURN == _PARTS_A_TURN - 1:
                    async with memory.turn:
                        await asyncio.sleep(0)
                parts.append(Part(event, memory, disk))
        if parts or not parser.closed:
            parser.close()
    except ParserLimitReached as error:
        raise _too_much(parser) from _without_frames(error)
    except MultipartError as error:
        raise InvalidRequest(_fault(error), field="Content-Type") from _without_frames(error)
    except binascii.Error as error:
        raise InvalidRequest(
            "a part of the form says that it is base64, and is not",
            field="Content-Transfer-Encoding",
        ) from error


def _without_frames(error: MultipartError) -> MultipartError:
    """The parser holds on to its error, which would keep all parts until a garbage collection."""
    return error.with_traceback(None)


def _base64_of(segment: MultipartSegment) -> _Base64 | None:
    written = str(segment.header("Content-Transfer-Encoding") or "").strip().lower()
    if written in _NOT_ENCODED:
        return None
    if written == "base64":
        return _Base64()
    raise InvalidRequest(
        f"a part of the form is encoded as {written[:40]!r}; send it as it is, or as base64",
        field="Content-Transfer-Encoding",
    )


def _fault(error: MultipartError) -> str:
    if "line break" in str(error):
        return "the lines of the form end with LF; they must end with CR LF"
    return "the form is truncated or is not a multipart form"


def _too_much(parser: PushMultipartParser) -> InvalidRequest:
    if "count" in str(parser.error) and "header" not in str(parser.error):
        return InvalidRequest(
            f"a form may have {MAX_PARTS} parts, this one has more", limit=MAX_PARTS
        )
    return InvalidRequest(
        f"each header of a part may have {MAX_PART_HEADER_BYTES} characters and there may be "
        f"{_MAX_PART_HEADERS}; a name of a file or field is too long",
        limit=MAX_PART_HEADER_BYTES,
    )
