"""Finding which parts of a fragmented MP4 file are lost, and reading on behind them.

FFmpeg ends a file, in silence, at the first box that is damaged. A recorder writes a box of facts
(``moof``) before the frames of each fragment, so the next one is found again by its name.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

from domain.errors import InvalidVideo

_HEAD_BYTES = 16
"""Of a box, at most."""
_EMPTY_HEAD_BYTES = 8
_MAX_FACTS_BYTES = 2**24
_CHUNK_BYTES = 2**20
_MAX_PARTS = 1000

# FFmpeg takes the longer for a fragment the more there are: 100,000 took 4 to 6 s, and 500,000 more
# than the minute that reading may take.
# A recording of an hour with a fragment for each of 30 frames a second has 216,000 boxes.
_MAX_BOXES = 400_000

_CONSECUTIVE = 0.8
"""Fragments count as numbered one after the other if this share of them is. Not all writers do."""


class LostPart(NamedTuple):
    """Bytes of a file that hold no boxes; none where whole fragments are missing."""

    begin: int
    end: int


def lost_parts(path: Path) -> list[LostPart]:
    """What is lost between the boxes of a fragmented MP4 file; nothing of one without fragments.

    What is lost behind the last whole fragment is not found.

    Raises:
        InvalidVideo: it has far too many fragments.
        OSError: the file cannot be read.
    """
    parts: list[LostPart] = []
    numbers: list[tuple[int, int]] = []  # of each fragment: where it begins, and its number
    has_more = True
    with path.open("rb") as file:
        at, end = 0, file.seek(0, io.SEEK_END)
        for _ in range(_MAX_BOXES):
            if at >= end:
                break
            file.seek(at)
            head = file.read(_HEAD_BYTES)
            size, number = _size_of_box(head, end - at), None
            if size is not None and head[4:8] == b"moof":
                file.seek(at)
                number = _number_of(file.read(size))
                if number is not None:
                    numbers.append((at, number))
            is_damaged = size is None or (head[4:8] == b"moof" and number is None)
            if is_damaged and numbers and has_more and len(parts) < _MAX_PARTS:
                following = _next_fragment(file, at + 1)
                if following is not None:
                    parts.append(LostPart(at, following))
                    at = following
                    continue
                has_more = False
            # FFmpeg reads on behind a damaged box whose size is plausible.
            stated = stated_size(head, end - at)
            if stated < _header_bytes(head):
                break
            at += stated
        else:
            raise InvalidVideo(
                f"the video consists of more than {_MAX_BOXES // 2:,} fragments; "
                "convert it into an MP4 file without fragments",
                reason="damaged",
            )
    return sorted(set(parts + _missing_fragments(numbers, {part.end for part in parts})))


def _header_bytes(box: bytes) -> int:
    """How long the size and the name of a box are: longer where the size does not fit."""
    return 16 if box[:4] == b"\0\0\0\1" else 8


def stated_size(head: bytes, left: int) -> int:
    """The size that a box of an MP4 file states, in bytes.

    Args:
        head: its first bytes, 16 or all that there are.
        left: how many bytes the file has from there on.
    """
    if _header_bytes(head) == 16:
        return int.from_bytes(head[8:16], "big")
    return int.from_bytes(head[:4], "big") or left  # 0: it lasts to the end of the file


def _size_of_box(head: bytes, left: int) -> int | None:
    """The size of a box; None if none begins here."""
    size, name = stated_size(head, left), head[4:8]
    is_named = len(name) == 4 and all(0x20 <= each < 0x7F or each == 0xA9 for each in name)
    is_likely = name != b"moof" or size <= _MAX_FACTS_BYTES
    return size if is_named and is_likely and _header_bytes(head) <= size <= left else None


def _number_of(fragment: bytes) -> int | None:
    """The number of a fragment; None if its facts are not those of tracks, without a hole."""
    children = _children(fragment)
    number = next((each for each in children or () if each[4:8] == b"mfhd"), None)
    tracks = (each for each in children or () if each[4:8] == b"traf")
    if number is None or len(number) != _header_bytes(number) + 8 or None in map(_children, tracks):
        return None
    return int.from_bytes(number[-4:], "big")


def _children(box: bytes) -> list[bytes] | None:
    """The boxes within a box; None if there is anything else."""
    found = []
    at = _header_bytes(box)
    while at < len(box):
        size = _size_of_box(box[at : at + _HEAD_BYTES], len(box) - at)
        if size is None:
            return None
        found.append(box[at : at + size])
        at += size
    return found


def _next_fragment(file: BinaryIO, at: int) -> int | None:
    """Where the next fragment begins from here on; None if there is none.

    One so near that the head of an empty box does not fit before it is lost too.
    """
    at += _EMPTY_HEAD_BYTES - 1
    file.seek(at)
    kept = b""
    while chunk := file.read(_CHUNK_BYTES):
        content = kept + chunk
        found = content.find(b"moof", 4)
        while found >= 0:
            first = found + _header_bytes(content[found - 4 : found])
            if content[first : first + 4] == b"mfhd":
                return at + found - 4
            found = content.find(b"moof", found + 1)
        at += max(len(content) - 24, 0)
        kept = content[-24:]
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
