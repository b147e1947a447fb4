"""Finding where bytes of an MKV or WebM file are lost."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_SIMPLE_BLOCK, _BLOCK_GROUP = 0xA3, 0xA0
_IN_CLUSTERS = (0xE7, 0x5854, 0xA7, 0xAB, 0xAF)
"""Time, silent tracks, position, size of the cluster before, encrypted block."""
_BETWEEN_CLUSTERS = (
    *(0x1A45DFA3, 0x114D9B74, 0x1549A966, 0x1654AE6B),  # header, seek table, facts, tracks
    *(0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367),  # index, attachments, chapters, tags
)
_ANYWHERE = (0xEC, 0xBF)
"""Empty space, checksum."""
_NAMES = frozenset(
    (_SEGMENT, _CLUSTER, _SIMPLE_BLOCK, _BLOCK_GROUP)
    + (_IN_CLUSTERS + _BETWEEN_CLUSTERS + _ANYWHERE)
)
"""The elements that RFC 9559 allows where blocks are. Random bytes rarely make one of them."""
_HEADER_BYTES = 12
"""At most: a name takes up to four bytes, a size up to eight."""
_MAX_BYTES_TO_BLOCK = 40
"""From the beginning of a group to the content of its block."""
_MAX_ELEMENTS = 10_000
"""From one block to the next. Beyond them nothing counts as lost: a file may hold millions."""


class MatroskaGaps:
    """Tells before which packets bytes of an MKV or WebM file are lost or damaged.

    FFmpeg passes over them, often in silence, and goes on at the next cluster, so that the hole
    would look like a pause. A file is a chain of elements, each of which states its size. From one
    video packet to the next the chain is followed: where it is broken, something is lost.

    Args:
        file: the file, open.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._position = -1
        self._end: int | None = 0

    def has_lost_before(self, position: int) -> bool:
        """Whether bytes are lost between the packet asked for last and this one.

        Args:
            position: where the content of the packet's block begins in the file.
        """
        if position == self._position:  # several packets in one block
            return False
        self._position = position
        at = self._end
        for _ in range(_MAX_ELEMENTS):
            if at is None or at >= position:
                break
            element = self._element(at)
            if element is None:
                break
            if element.holds_block(position):
                self._end = element.end
                return False
            at = element.content if element.name in (_SEGMENT, _CLUSTER) else element.end
        else:
            at = None
        self._end = self._end_of_block(position)
        return at is not None

    def forget(self) -> None:
        """Forget the packet asked for last, because the next one does not follow it."""
        self._end = None

    def _end_of_block(self, position: int) -> int | None:
        """Where a block or its group ends, whose content begins here; None if there is none."""
        for length in range(2, _MAX_BYTES_TO_BLOCK):
            element = self._element(position - length)
            if element is not None and element.holds_block(position):
                return element.end
        return None

    def _element(self, at: int) -> _Element | None:
        """The element that begins here; None if none does."""
        self._file.seek(max(at, 0))
        head = self._file.read(_HEADER_BYTES)
        name_bytes = _length_of_number(head[:1])
        name = int.from_bytes(head[:name_bytes])
        size_bytes = _length_of_number(head[name_bytes : name_bytes + 1])
        content = name_bytes + size_bytes
        if name not in _NAMES or size_bytes == 0 or content > len(head):
            return None
        size = int.from_bytes(head[name_bytes:content]) & ((1 << 7 * size_bytes) - 1)
        return _Element(name, at + content, at + content + size)


class _Element(NamedTuple):
    """An element of the file: its name, where its content begins, and where it ends."""

    name: int
    content: int
    end: int

    def holds_block(self, position: int) -> bool:
        """Whether this is the block whose content begins here, or its group."""
        if self.name == _BLOCK_GROUP:
            return self.content < position < min(self.end, self.content + _MAX_BYTES_TO_BLOCK)
        return self.name == _SIMPLE_BLOCK and self.content == position


def _length_of_number(first: bytes) -> int:
    """How many bytes a number takes, by its first one: the leading zeros tell; 0 if none does."""
    return 9 - first[0].bit_length() if first and first[0] else 0
