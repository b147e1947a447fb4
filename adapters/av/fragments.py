"""Finding which parts of a fragmented MP4 file are lost, and reading on behind them.

FFmpeg ends a file, in silence, at the first box that is damaged. A recorder writes a box of facts
(``moof``) before the frames of each fragment, so the next one is found again by its name.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

_HEAD_BYTES = 24
"""Of a fragment up to the end of its number."""
_NUMBER_BYTES = 16
_MAX_FACTS_BYTES = 2**24
_CHUNK_BYTES = 2**20
_MAX_BOXES = 1_000_000
_MAX_PARTS = 1000
_CONSECUTIVE = 0.8
"""Fragments count as numbered one after the other if this share of them is. Not all writers do."""


class LostPart(NamedTuple):
    """Bytes of a file that hold no boxes; none where whole fragments are missing."""

    begin: int
    end: int


def lost_parts(path: Path) -> list[LostPart]:
    """What is lost between the boxes of a fragmented MP4 file; nothing of one without fragments.

    What is lost behind the last whole fragment is not found.
    """
    parts: list[LostPart] = []
    numbers: list[tuple[int, int]] = []  # of each fragment: where it begins, and its number
    with path.open("rb") as file:
        at, end = 0, file.seek(0, io.SEEK_END)
        for _ in range(_MAX_BOXES):
            if at >= end or len(parts) >= _MAX_PARTS:
                break
            file.seek(at)
            head = file.read(_HEAD_BYTES)
            size = _size_of_box(head, end - at)
            is_fragment = size is not None and head[4:8] == b"moof"
            if size is None or (is_fragment and not _is_whole(_content(file, at, size))):
                following = _next_fragment(file, at + 1) if numbers else None
                if following is None:
                    break
                parts.append(LostPart(at, following))
                at = following
                continue
            if is_fragment:
                numbers.append((at, int.from_bytes(head[20:24], "big")))
            at += size
    return sorted(set(parts + _missing_fragments(numbers, {part.end for part in parts})))


def _content(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def _size_of_box(head: bytes, left: int) -> int | None:
    """The size of a box; None if none begins here."""
    size, name = int.from_bytes(head[:4], "big"), head[4:8]
    if size == 1:
        size = int.from_bytes(head[8:16], "big")
    if size == 0:  # it lasts to the end of the file
        size = left
    is_named = len(name) == 4 and all(0x20 <= each < 0x7F or each == 0xA9 for each in name)
    is_likely = name != b"moof" or size <= _MAX_FACTS_BYTES
    return size if is_named and is_likely and 8 <= size <= left else None


def _is_whole(fragment: bytes) -> bool:
    """Whether the facts of a fragment are a number and the facts of tracks, without a hole."""
    children = list(_children(fragment))
    return (
        bool(children)
        and children[0][4:8] == b"mfhd"
        and len(children[0]) == _NUMBER_BYTES
        and 8 + sum(map(len, children)) == len(fragment)
        and all(
            8 + sum(map(len, _children(each))) == len(each)
            for each in children
            if each[4:8] == b"traf"
        )
    )


def _children(box: bytes) -> Iterator[bytes]:
    """The boxes within a box, up to the first that does not fit."""
    at = 8
    while (size := _size_of_box(box[at : at + 16], len(box) - at)) is not None:
        yield box[at : at + size]
        at += size
        if at == len(box):
            break


def _next_fragment(file: BinaryIO, at: int) -> int | None:
    """Where the next fragment begins from here on; None if there is none."""
    file.seek(at)
    kept = b""
    while chunk := file.read(_CHUNK_BYTES):
        content = kept + chunk
        found = content.find(b"moof", 4)
        while found >= 0:
            if content[found + 8 : found + 12] == b"mfhd":
                return at + found - 4
            found = content.find(b"moof", found + 1)
        at += max(len(content) - 16, 0)
        kept = content[-16:]
    return None


def _missing_fragments(numbers: Sequence[tuple[int, int]], found: set[int]) -> list[LostPart]:
    """Where fragments are missing whole, by the numbers of the others."""
    steps = [(at, number - before) for (_, before), (at, number) in pairwise(numbers)]
    if sum(step == 1 for _, step in steps) < _CONSECUTIVE * len(steps):
        return []
    return [LostPart(at, at) for at, step in steps if step > 1 and at not in found]


class FragmentGaps:
    """Tells before which packets something of a fragmented MP4 file is lost.

    Args:
        parts: that are lost.
    """

    def __init__(self, parts: Sequence[LostPart]) -> None:
        self._ends = [part.end for part in parts]
        self._position: int | None = -1

    def has_lost_before(self, position: int) -> bool:
        """Whether something is lost between the packet asked for last and this one.

        Args:
            position: where the content of the packet begins in the file.
        """
        before, self._position = self._position, position
        return before is not None and any(before < end <= position for end in self._ends)

    def forget(self) -> None:
        """Forget the packet asked for last, because the next one does not follow it."""
        self._position = None


class WithoutLostParts(io.RawIOBase):
    """A file in which what is lost looks like empty space, so that FFmpeg reads on behind it.

    Args:
        path: of the file.
        parts: that are lost.
    """

    def __init__(self, path: Path, parts: Sequence[LostPart]) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._heads = [
            (part.begin, _empty_box(part.end - part.begin))
            for part in parts
            if part.end > part.begin
        ]

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes from where it stands."""
        at = self._file.tell()
        content = bytearray(self._file.read(size) or b"")
        for begin, head in self._heads:
            first, last = max(begin, at), min(begin + len(head), at + len(content))
            if first < last:
                content[first - at : last - at] = head[first - begin : last - begin]
        return bytes(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where it stands."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._file.close()
        super().close()


def _empty_box(size: int) -> bytes:
    if size < 2**32:
        return size.to_bytes(4, "big") + b"free"
    return (1).to_bytes(4, "big") + b"free" + size.to_bytes(8, "big")
