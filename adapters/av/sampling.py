"""Which packets of a video are decoded, and which of the frames are wanted."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from typing import cast

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame as AvFrame
from av.video.stream import VideoStream

from adapters.av.opening import first_tick
from adapters.av.timing import PresentationTimes
from application.ports.video_reader import VideoFacts
from domain.video import Damage

Sampled = tuple[AvFrame, float]
"""A frame, and when it is shown in seconds from the start."""

# From this many frames between two wanted ones on, frames that no other frame refers to are not
# decoded; the frame taken instead may be a few frames later.
_FRAMES_BETWEEN = 4
_MOST_HELD_BYTES = 32 * 2**20
_PACKET_BYTES = 500
"""What a packet takes besides its content; hostile files have millions of empty ones."""
_TURN_CPU_S = 0.1
_CPU_S_PER_S = 10.0
"""Processor time for each second that a video plays; 60 frames of 4K take less than 2 s."""
_SECONDS_MISSING = 1.0


class Sampler:
    """Reads through a video once.

    Packets are held back from each key frame on until one of them is wanted. If the next key frame
    comes first, the whole group is dropped undecoded.

    A small file may hold millions of large frames for the same moment, so what takes far longer
    than it plays counts as damaged from there on.

    Args:
        cpu_s: processor time for the whole file, besides ten seconds for each that it plays.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        facts: VideoFacts,
        every_s: float,
        from_s: float,
        to_s: float | None,
        *,
        cpu_s: float,
    ) -> None:
        assert stream.time_base is not None
        self._container = container
        self._stream = stream
        self._times = PresentationTimes(container, stream)
        self._facts = facts
        self._every_s = every_s
        self._tick_s = float(stream.time_base)
        self._to_s = None if to_s is None else to_s + self._tick_s / 2  # a frame just then belongs
        self._start = first_tick(stream)
        self._due_s = from_s
        self._last_s = from_s
        self._reached_s = from_s
        self._damaged_from_s: float | None = None
        self._damaged_at_s = 0.0
        self._cpu_s = cpu_s
        self._began_s = self._turn_began_s = time.process_time()
        self._first_s: float | None = None
        self._played_s = 0.0
        # Without stored times, frames that are left out would shift the times of the others.
        if self._times.are_stored and (facts.frame_rate or 0.0) * every_s >= _FRAMES_BETWEEN:
            stream.codec_context.skip_frame = "NONREF"
        if from_s > 0:
            with contextlib.suppress(av.error.FFmpegError):  # else it is read from the beginning
                at = round(from_s / self._tick_s) + self._start
                container.seek(at, stream=stream, backward=True)

    def items(self) -> Iterator[Sampled | Damage | None]:
        """The wanted frames; None now and then, so that other work on the thread does not wait
        long.
        """
        held: list[Packet[VideoStream]] = []
        held_bytes = 0
        for packet in self._packets():
            if self._is_turn_over():
                yield None
                if self._takes_too_long():
                    break
            if packet.is_keyframe and held:
                if self._is_before_due(packet):
                    self._times.forget()
                else:
                    yield from self._decoded(held)
                held, held_bytes = [], 0
            held.append(packet)
            held_bytes += packet.size + _PACKET_BYTES
            wanted = packet.dts is None or not self._is_before_due(packet)
            if wanted or held_bytes > _MOST_HELD_BYTES:
                yield from self._decoded(held)
                held, held_bytes = [], 0
            if self._to_s is not None and self._due_s > self._to_s:
                return
        yield from self._ended()

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        # Sound is read along to see how far the file goes.
        packets = self._container.demux(self._stream, *self._container.streams.audio)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:  # the file ends in the middle of something
                self._begin_damage(math.inf)
                packet = Packet()  # without content: the decoder returns the frames it still has
                packet.stream = self._stream
                yield cast("Packet[VideoStream]", packet)
                return
            if packet is None:
                return
            if packet.stream is self._stream:
                pictures = cast("Packet[VideoStream]", packet)
                if packet.is_corrupt:  # the file ends in the middle of it
                    self._begin_damage(self._time_of(pictures))
                else:
                    yield pictures
            elif packet.pts is not None and packet.time_base is not None:
                self._reached_s = max(self._reached_s, float(packet.pts * packet.time_base))

    def _decoded(self, packets: list[Packet[VideoStream]]) -> Iterator[Sampled | Damage | None]:
        for packet in packets:
            if self._is_turn_over():
                yield None
                if self._takes_too_long():
                    return
            try:
                frames = self._times.decode(packet)
            except av.error.FFmpegError:
                self._begin_damage(self._time_of(packet))
                continue
            for frame, tick in frames:
                yield from self._taken(frame, (tick - self._start) * self._tick_s)

    def _taken(self, frame: AvFrame, time_s: float) -> Iterator[Sampled | Damage]:
        self._first_s = time_s if self._first_s is None else self._first_s
        self._played_s = max(self._played_s, time_s - self._first_s)
        if time_s < self._due_s - self._tick_s / 2:
            self._last_s = max(self._last_s, time_s)
            return
        if frame.is_corrupt:
            self._begin_damage(time_s)
            return
        if self._to_s is not None and time_s > self._to_s:
            self._due_s = time_s + self._every_s
            return
        if self._damaged_from_s is not None:
            if time_s < self._damaged_at_s:  # it was decoded before
                self._damaged_from_s = max(self._damaged_from_s, time_s)
            else:
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
        missing_s = 0.0 if whole_s is None else whole_s - max(self._last_s, self._reached_s)
        if missing_s > max(_SECONDS_MISSING, 2 * self._every_s):
            self._begin_damage(self._last_s)
        if self._damaged_from_s is not None:
            yield Damage(self._damaged_from_s, None)

    def _is_before_due(self, packet: Packet[VideoStream]) -> bool:
        time_s = self._time_of(packet)
        return time_s is not None and time_s < self._due_s

    def _time_of(self, packet: Packet[VideoStream]) -> float | None:
        tick = self._times.earliest(packet)
        return None if tick is None else (tick - self._start) * self._tick_s

    def _is_turn_over(self) -> bool:
        now_s = time.process_time()
        if now_s - self._turn_began_s < _TURN_CPU_S:
            return False
        self._turn_began_s = now_s
        return True

    def _takes_too_long(self) -> bool:
        allowed_s = self._cpu_s + _CPU_S_PER_S * self._played_s
        if time.process_time() - self._began_s < allowed_s:
            return False
        self._begin_damage(math.inf)
        return True

    def _begin_damage(self, at_s: float | None) -> None:
        if self._damaged_from_s is None:
            self._damaged_from_s = self._last_s
            self._damaged_at_s = self._last_s if at_s is None else at_s
