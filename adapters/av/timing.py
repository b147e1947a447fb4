"""When the frames of a video are shown."""

from __future__ import annotations

import heapq

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame as AvFrame
from av.video.stream import VideoStream


class PresentationTimes:
    """Decodes packets and tells when each frame is shown, in ticks of the stream.

    AVI files store only the order of decoding, and FFmpeg's guess is wrong where frames are
    reordered (B-frames). Decoders return frames in the order in which they are shown, so the times
    of the packets are given to the frames in rising order.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.are_stored = container.format.name != "avi"
        self._stream = stream
        self._of_packets: list[int] = []  # a heap

    def decode(self, packet: Packet[VideoStream]) -> list[tuple[AvFrame, int]]:
        """The frames that a packet completes, in order; a packet without content ends the stream.

        Raises:
            av.error.FFmpegError: the packet is damaged.
        """
        if self.are_stored:
            return [(frame, frame.pts) for frame in packet.decode() if frame.pts is not None]
        if packet.dts is not None:
            heapq.heappush(self._of_packets, packet.dts)
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            if packet.dts is not None:
                self._of_packets.remove(packet.dts)
                heapq.heapify(self._of_packets)
            raise
        return [(frame, heapq.heappop(self._of_packets)) for frame in frames if self._of_packets]

    def earliest(self, packet: Packet[VideoStream]) -> int | None:
        """The earliest time at which the frame of a packet may be shown; None if unknown."""
        is_known = self.are_stored and packet.pts is not None
        return packet.pts if is_known else packet.dts

    def forget(self) -> None:
        """Continue with another packet than the next one."""
        self._stream.codec_context.flush_buffers()
        self._of_packets.clear()
