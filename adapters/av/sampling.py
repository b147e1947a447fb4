"""Which packets of a video are decoded, and which of the frames are wanted."""

from __future__ import annotations

from collections.abc import Iterator

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame as AvFrame
from av.video.stream import VideoStream

from application.ports.video_reader import VideoFacts
from domain.video import Damage

Sampled = tuple[AvFrame, float]
"""A frame, and when it is shown in seconds from the start."""

# From this many frames between two wanted ones on, frames that no other frame refers to are not
# decoded; the frame taken instead may be a few frames later.
_FRAMES_BETWEEN = 4
_MOST_HELD_BYTES = 32 * 2**20
_PACKETS_A_TURN = 30
_SECONDS_MISSING = 1.0


class Sampler:
    """Reads through a video once.

    Packets are held back from each key frame on until one of them is wanted. If the next key frame
    comes first, the whole group is dropped undecoded.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        facts: VideoFacts,
        every_s: float,
        from_s: float,
        to_s: float | None,
    ) -> None:
        assert stream.time_base is not None
        self._container = container
        self._stream = stream
        self._facts = facts
        self._every_s = every_s
        self._to_s = to_s
        self._tick_s = float(stream.time_base)
        self._start = stream.start_time or 0
        self._due_s = from_s
        self._last_s = from_s
        self._damaged_from_s: float | None = None
        if (facts.frame_rate or 0.0) * every_s >= _FRAMES_BETWEEN:
            stream.codec_context.skip_frame = "NONREF"
        if from_s > 0:
            container.seek(round(from_s / self._tick_s) + self._start, stream=stream, backward=True)

    def items(self) -> Iterator[Sampled | Damage | None]:
        """The wanted frames; None now and then, so that other work on the thread does not wait
        long.
        """
        held: list[Packet[VideoStream]] = []
        for count, packet in enumerate(self._packets()):
            if count % _PACKETS_A_TURN == 0:
                yield None
            if packet.is_keyframe and held:
                if self._is_before_due(packet):
                    self._stream.codec_context.flush_buffers()
                else:
                    yield from self._decoded(held)
                held = []
            held.append(packet)
            wanted = packet.dts is None or not self._is_before_due(packet)
            if wanted or sum(p.size for p in held) > _MOST_HELD_BYTES:
                yield from self._decoded(held)
                held = []
            if self._to_s is not None and self._due_s > self._to_s:
                return
        yield from self._ended()

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:  # the file ends in the middle of something
                self._begin_damage()
                return
            if packet is None:
                return
            yield packet

    def _decoded(self, packets: list[Packet[VideoStream]]) -> Iterator[Sampled | Damage]:
        for packet in packets:
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                self._begin_damage()
                continue
            for frame in frames:
                yield from self._taken(frame)

    def _taken(self, frame: AvFrame) -> Iterator[Sampled | Damage]:
        if frame.pts is None:
            return
        time_s = (frame.pts - self._start) * self._tick_s
        if time_s < self._due_s - self._tick_s / 2:
            self._last_s = max(self._last_s, time_s)
            return
        if frame.is_corrupt:
            self._begin_damage()
            return
        if self._to_s is not None and time_s > self._to_s:
            self._due_s = time_s + self._every_s
            return
        if self._damaged_from_s is not None:
            yield Damage(self._damaged_from_s, time_s)
            self._damaged_from_s = None
        yield frame, max(time_s, 0.0)
        self._last_s = time_s
        steps = int((time_s - self._due_s) / self._every_s + 1e-6) + 1
        self._due_s += steps * self._every_s

    def _ended(self) -> Iterator[Damage]:
        whole_s = self._facts.duration_s
        if self._to_s is not None and whole_s is not None:
            whole_s = min(whole_s, self._to_s)
        if whole_s is not None and whole_s - self._last_s > max(
            _SECONDS_MISSING, 2 * self._every_s
        ):
            self._begin_damage()
        if self._damaged_from_s is not None:
            yield Damage(self._damaged_from_s, None)

    def _is_before_due(self, packet: Packet[VideoStream]) -> bool:
        pts = packet.pts if packet.pts is not None else packet.dts
        return pts is not None and (pts - self._start) * self._tick_s < self._due_s

    def _begin_damage(self) -> None:
        if self._damaged_from_s is None:
            self._damaged_from_s = self._last_s
