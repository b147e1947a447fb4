"""The presentation times of frames."""

from __future__ import annotations

import heapq

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame as AvFrame
from av.video.stream import VideoStream


class PresentationTimes:
    """Decodes packets and finds the presentation time of each frame, in ticks of the stream.

    AVI files store no presentation times, only the order of decoding, and FFmpeg's guess is wrong
    for frames that are reordered (B-frames). Decoders return frames in the order of presentation,
    so each frame gets the earliest time of a packet that no frame had before.

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
        if packet.dts is not None:
            heapq.heappush(self._packet_times, packet.dts)
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            if packet.dts is not None:
                self._packet_times.remove(packet.dts)
                heapq.heapify(self._packet_times)
            raise
        times = self._packet_times
        return [(frame, heapq.heappop(times)) for frame in frames if times]

    def earliest(self, packet: Packet[VideoStream]) -> int | None:
        """The earliest time at which the frame of a packet may be shown; None if unknown."""
        is_known = self.are_stored and packet.pts is not None
        return packet.pts if is_known else packet.dts

    def forget(self) -> None:
        """Forget the packets so far, because some are left out before the next one."""
        self._stream.codec_context.flush_buffers()
        self._packet_times.clear()
