"""The presentation times of frames."""

from __future__ import annotations

import heapq
import re
from collections import deque
from typing import Any

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame as AvFrame
from av.video.stream import VideoStream

_IDR_SLICE = 5
"""The type of a unit; those below it are slices of other frames."""
_MAX_UNITS = 64
"""How many units are looked at: few come before a slice, but hostile files have millions."""


class PresentationTimes:
    """Decodes packets and finds the presentation time of each frame, in ticks of the stream.

    AVI files store no presentation times, only the order of decoding, and FFmpeg's guess is wrong
    for frames that are reordered (B-frames). Decoders return frames in the order of presentation,
    so each frame gets the earliest time of a packet that no frame had before. Some packets give no
    frame, such as those that refer to what was left out: their times are forgotten at the next key
    frame, or all later frames would come too early.

    FFmpeg counts the packets of an AVI file to get their times, so bytes that are lost would shift
    all that follows. Where the file has an index, it tells which frame lies at a position.

    Args:
        container: the open file.
        stream: its video stream.

    Attributes:
        are_stored: whether the file stores presentation times.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.are_stored = container.format.name != "avi"
        self._stream = stream
        self._packet_times: list[int] = []  # a heap
        self._sent = 0
        self._without_frame: set[int] = set()
        self._keys: deque[int] = deque()
        # Frames then tell which packet they come from.
        stream.codec_context.copy_opaque = not self.are_stored
        self._index = None if self.are_stored else _Index(stream)
        self._last_row: int | None = None
        self._shift = 0

    def decode(self, packet: Packet[VideoStream]) -> list[tuple[AvFrame, int]]:
        """Decode a packet.

        Returns:
            The frames that the decoder has completed with it, in the order of presentation, each
            with its time. For an empty packet, which ends the stream, the remaining frames.

        Raises:
            av.error.FFmpegError: the packet is damaged.
        """
        if self.are_stored:
            return [(frame, frame.pts) for frame in packet.decode() if frame.pts is not None]
        tick = self.earliest(packet)
        if tick is not None:
            heapq.heappush(self._packet_times, tick)
            packet.opaque = self._sent
            self._without_frame.add(self._sent)
            if packet.is_keyframe:
                self._keys.append(self._sent)
            self._sent += 1
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            if tick is not None:
                self._packet_times.remove(tick)
                heapq.heapify(self._packet_times)
                self._without_frame.discard(self._sent - 1)
            raise
        return [(frame, tick) for frame in frames if (tick := self._guess(frame)) is not None]

    def _guess(self, frame: AvFrame) -> int | None:
        """The time of the next frame in the order of presentation; None if there is none left."""
        number: Any = frame.opaque
        if number is not None:
            # Whatever precedes a key frame in the file is shown before all that follows it there.
            while self._keys and self._keys[0] <= number:
                self._forget_before(self._keys.popleft())
            self._without_frame.discard(number)
        return heapq.heappop(self._packet_times) if self._packet_times else None

    def _forget_before(self, key: int) -> None:
        lost = {number for number in self._without_frame if number < key}
        self._without_frame -= lost
        for _ in range(min(len(lost), len(self._packet_times))):
            heapq.heappop(self._packet_times)

    def earliest(self, packet: Packet[VideoStream]) -> int | None:
        """The earliest time at which the frame of a packet may be shown; None if unknown."""
        if self._index is None:
            return packet.dts if packet.pts is None else packet.pts
        if packet.dts is None:
            return None
        row = self._index.row_of(packet)
        if row is not None:
            self._shift = self._index.tick_of(row) - packet.dts
        return packet.dts + self._shift

    def has_lost_before(self, packet: Packet[VideoStream]) -> bool:
        """Whether the index has frames between the packet asked for last and this one."""
        before = self._last_row
        self._last_row = None if self._index is None else self._index.row_of(packet)
        return before is not None and self._last_row is not None and self._last_row > before + 1

    def forget(self) -> None:
        """Forget the packets so far, because some are left out before the next one."""
        self._stream.codec_context.flush_buffers()
        self._packet_times.clear()
        self._without_frame.clear()
        self._keys.clear()


def begins_anew(stream: VideoStream, key: Packet[VideoStream]) -> bool:
    """Whether a decoder can show this key frame without what comes before it."""
    original = stream.codec_context
    if original.codec.canonical_name != "h264":
        return True
    decoder = av.CodecContext.create(original.name, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.extradata, decoder.options = original.extradata, original.options
    decoder.thread_count = 1
    try:
        return bool(decoder.decode(key) or decoder.decode(None))
    except av.error.FFmpegError:
        return False


def is_idr(stream: VideoStream, key: Packet[VideoStream]) -> bool:
    """Whether H.264 says of a key frame that nothing from here on refers to what comes before."""
    if stream.codec_context.codec.canonical_name != "h264":
        return False
    extradata, content = stream.codec_context.extradata or b"", bytes(key)
    if extradata[:1] != b"\x01":  # as in AVI: a start code before each unit
        return re.search(rb"\x00\x00\x01[\x25\x45\x65]", content) is not None
    length_bytes = (extradata[4:5] or b"\x03")[0] % 4 + 1
    begin = length_bytes
    for _ in range(_MAX_UNITS):
        if begin >= len(content):
            break
        if content[begin] % 32 <= _IDR_SLICE:
            return content[begin] % 32 == _IDR_SLICE
        begin += int.from_bytes(content[begin - length_bytes : begin], "big") + length_bytes
    return False


class _Index:
    """Which frame of an AVI file lies at which position.

    Args:
        stream: its video stream, of an open file.
    """

    _CHUNK_HEADER_BYTES = 8
    """The index names the beginning of a chunk, and a packet that of its content."""

    def __init__(self, stream: VideoStream) -> None:
        entries = np.array(
            [(entry.pos, entry.timestamp) for entry in stream.index_entries], np.int64
        ).reshape(-1, 2)
        self._positions, self._ticks = entries[entries[:, 0].argsort(kind="stable")].T

    def row_of(self, packet: Packet[VideoStream]) -> int | None:
        """The number of a packet in the index; None if it is not in it."""
        if packet.pos is None:
            return None
        position = packet.pos - self._CHUNK_HEADER_BYTES
        row = int(self._positions.searchsorted(position))
        is_known = row < len(self._positions) and self._positions[row] == position
        return row if is_known else None

    def tick_of(self, row: int) -> int:
        """The time of a packet, in ticks of the stream."""
        return int(self._ticks[row])
