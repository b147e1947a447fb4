"""Choosing which packets of a video are decoded, and which frames are returned."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, cast

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.frame import VideoFrame as AvFrame
from av.video.stream import VideoStream

from adapters.av.fragments import FragmentGaps, LostPart
from adapters.av.joined import holds_another
from adapters.av.matroska_gaps import MatroskaGaps
from adapters.av.opening import first_tick
from adapters.av.timing import PresentationTimes, begins_anew, is_idr
from application.ports.video_reader import VideoFacts
from domain.video import UnreadablePart

Sampled = tuple[AvFrame, float]
"""A frame, and when a player shows it, in seconds from the start of the video."""

_SPARSE_FRAMES = 4
"""If only every fourth frame or fewer are wanted, the decoder skips frames that no other frame
refers to. The frame returned instead may be a few frames later than the wanted one."""
_MAX_HELD_BYTES = 32 * 2**20
_PACKET_OVERHEAD_BYTES = 500
"""What a packet takes besides its content; hostile files have millions of empty ones."""
_PAUSE_EVERY_CPU_S = 0.1
_MAX_SEEKS = 8
_CPU_S_PER_PLAYED_S = 10.0
"""CPU time for each second that a video plays. 60 frames of 4K take less than 2 s."""
_MIN_MISSING_S = 1.0
"""Durations in files are inexact: less than this missing at the end is no damage."""


def _gaps_of(
    container: InputContainer, path: Path, lost: Sequence[LostPart]
) -> MatroskaGaps | FragmentGaps | None:
    if container.format.name.startswith("matroska"):
        return MatroskaGaps(path.open("rb"))
    return FragmentGaps(lost) if lost else None


class Sampler:
    """Reads through a video once, from front to back, and picks the wanted frames.

    The packets of a group of pictures (a key frame and those that depend on it) are held until one
    of them is wanted. A group without a wanted frame is dropped without decoding it. Some groups
    need the one before: then that is decoded as well.

    Recordings of a screen have no frames while nothing changes. Where none comes for a whole step,
    the frame that stays on the screen is wanted too, although it came before it was due.

    A small file may hold millions of large frames for the same moment. Therefore CPU time is
    limited: what is left when it is used up counts as damaged.

    Args:
        path: of the file.
        container: the file, open.
        lost: what of a fragmented MP4 file is lost.
        read_already: its first video packets, if the container stands behind them.
        stream: its video stream.
        facts: its metadata.
        every_s: seconds between two wanted frames.
        from_s: the first frame at this time or later is wanted.
        to_s: no frame after this time is wanted; None for the end of the video.
        cpu_s: CPU time for the whole file, besides ten seconds for each second that it plays.
    """

    def __init__(
        self,
        path: Path,
        container: InputContainer,
        lost: Sequence[LostPart],
        read_already: Sequence[Packet[VideoStream]],
        stream: VideoStream,
        facts: VideoFacts,
        every_s: float,
        from_s: float,
        to_s: float | None,
        *,
        cpu_s: float,
    ) -> None:
        assert stream.time_base is not None
        self._path = path
        self._container = container
        self._read_already = read_already
        self._stream = stream
        self._times = PresentationTimes(container, stream)
        self._facts = facts
        self._every_s = every_s
        self._tick_s = float(stream.time_base)
        # Half a tick more, so that rounding does not leave out a frame at exactly that time.
        self._to_s = None if to_s is None else to_s + self._tick_s / 2
        self._start = first_tick(stream)
        self._from_s = self._due_s = from_s
        self._shown: Sampled | None = None
        self._given_s = -math.inf
        self._last_s = from_s
        self._reached_s = from_s
        self._damaged_from_s: float | None = None
        self._damaged_at_s = 0.0
        self._cpu_s = cpu_s
        self._began_cpu_s = self._paused_cpu_s = time.process_time()
        self._first_s: float | None = None
        self._played_s = 0.0
        # Without stored times, skipped frames would shift the times of the others.
        is_sparse = (facts.frame_rate or 0.0) * every_s >= _SPARSE_FRAMES
        self._skips_frames = self._times.are_stored and is_sparse
        self._latest_s = self._paused_until_s = -math.inf
        self._has_begun = False
        self._newest_s = -math.inf
        guesses = stream.codec_context.has_b_frames and not self._times.are_stored
        self._keeps_group_before: bool | None = True if guesses else None
        self._gaps = _gaps_of(container, path, lost)
        self._at = self._sound_at = 0  # where the last packets begin in the file
        if from_s > 0 and self._can_seek():
            # A file in which FFmpeg cannot seek is read from its beginning.
            with contextlib.suppress(av.error.FFmpegError):
                self._seek(round(from_s / self._tick_s) + self._start)
                self._read_already = ()
                if self._gaps is not None:
                    self._gaps.forget()

    def _can_seek(self) -> bool:
        """Whether FFmpeg can seek: it cannot if times go back, as between the edits of a video."""
        ticks = (entry.timestamp for entry in self._stream.index_entries)
        return all(tick <= following for tick, following in pairwise(ticks))

    def _seek(self, wanted: int) -> None:
        """Go to a key frame that is shown at this tick or before.

        FFmpeg seeks in MP4 by the order of decoding. After a pause, a key frame may be decoded
        long before it is shown.
        """
        at, before = wanted, None
        for _ in range(_MAX_SEEKS):
            self._container.seek(at, stream=self._stream, backward=True)
            first = next(self._container.demux(self._stream), None)
            if first is None or first.pts is None or first.dts is None:
                break
            if first.pts <= wanted or first.dts == before:
                break
            before, at = first.dts, min(at, first.dts) - 1
        if first is not None and first.dts is not None and self._takes_group_before(first):
            earliest = min((entry.timestamp for entry in self._stream.index_entries), default=0)
            at = max(min(at, first.dts) - 1, earliest)
        self._container.seek(at, stream=self._stream, backward=True)

    def _takes_group_before(self, key: Packet[VideoStream]) -> bool:
        """Whether the group before a key frame is kept, though no frame of it is wanted.

        Times that are guessed are right from the second key frame on. And H.264 calls places key
        frames that only begin to renew the picture, as where it is renewed stripe by stripe. An
        IDR frame is whole and tells nothing of the others: a video in stripes has some too, at its
        beginning and at cuts. The first of the others decides for all.
        """
        if self._keeps_group_before is None and not is_idr(self._stream, key):
            self._keeps_group_before = not begins_anew(self._stream, key)
        return bool(self._keeps_group_before)

    def items(self) -> Iterator[Sampled | UnreadablePart | None]:
        """Yield the wanted frames and the damaged stretches, in order.

        After each 0.1 s of CPU time it yields None, so that the caller can do something else.
        """
        before: list[Packet[VideoStream]] = []
        held: list[Packet[VideoStream]] = []
        held_bytes = 0
        for packet in self._packets():
            if self._is_pause_due():
                yield None
                if self._takes_too_long():
                    break
            if self._has_lost_before(packet):
                yield from self._decode(before + held)
                before, held, held_bytes = [], [], 0
                # The decoder may still hold frames from before.
                self._begin_damage(self._newest_s + self._tick_s / 2)
            self._newest_s = max(self._newest_s, self._time_of(packet) or self._newest_s)
            if packet.is_keyframe and held:
                if not self._is_before_due(packet):
                    yield from self._decode(before + held)
                    before = []
                elif not self._takes_group_before(packet):
                    self._times.forget()
                else:
                    if before:
                        self._times.forget()
                    before = held
                held, held_bytes = [], 0
            held.append(packet)
            held_bytes += packet.size + _PACKET_OVERHEAD_BYTES
            wanted = packet.dts is None or not self._is_before_due(packet)
            if wanted or held_bytes > _MAX_HELD_BYTES:
                yield from self._decode(before + held)
                before, held, held_bytes = [], [], 0
            if self._to_s is not None and self._due_s > self._to_s:
                return
        yield from self._end()

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        for packet in self._packets_of_all():
            if packet.stream is self._stream:
                video_packet = cast("Packet[VideoStream]", packet)
                self._reach(video_packet)
                if packet.is_corrupt:  # the file is cut short within this packet
                    self._begin_damage(self._time_of(video_packet))
                else:
                    yield video_packet
                self._at = packet.pos or self._at
            elif packet.pts is not None and packet.time_base is not None:
                self._reached_s = max(self._reached_s, float(packet.pts * packet.time_base))
                self._sound_at = packet.pos or self._sound_at

    def _packets_of_all(self) -> Iterator[Packet[Any]]:
        """The packets of pictures and sound; the last one is empty.

        Sound is read too, because its last packet shows how far the file goes. FFmpeg ends a file
        that is cut short at the first sound that it lacks, also where more pictures lie before it.
        """
        sound = self._container.streams.audio
        behind = self._container.demux(self._stream, *sound)
        yield from self._until_cut(chain(self._read_already, behind))
        for stream in sound:
            stream.discard = Discard.all
        if sound:
            yield from self._until_cut(self._container.demux(self._stream))
        packet = Packet()  # an empty packet makes the decoder return its remaining frames
        packet.stream = self._stream
        yield packet

    def _until_cut(self, packets: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
        """The packets, without the empty ones that PyAV adds, up to where a file is cut short."""
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:
                self._begin_damage(math.inf)
                return
            if packet is None:
                return
            if packet.size or packet.dts is not None:
                yield packet

    def _has_lost_before(self, packet: Packet[VideoStream]) -> bool:
        """Whether something of the file is lost between the packet asked for last and this one."""
        if self._gaps is None or packet.pos is None:
            return self._times.has_lost_before(packet)
        has_lost = self._gaps.has_lost_before(packet.pos)
        # What is lost in front of the first frame may be a cover image or the like.
        counts = self._has_begun or (self._time_of(packet) or 0.0) > _MIN_MISSING_S
        self._has_begun = True
        return has_lost and counts

    def _reach(self, packet: Packet[VideoStream]) -> None:
        """Note until when the frame of a packet is shown."""
        if packet.pts is not None and packet.duration is not None:
            end_s = (packet.pts + packet.duration - self._start) * self._tick_s
            self._reached_s = max(self._reached_s, end_s)

    def _decode(
        self, packets: list[Packet[VideoStream]]
    ) -> Iterator[Sampled | UnreadablePart | None]:
        for packet in packets:
            if self._is_pause_due():
                yield None
                if self._takes_too_long():
                    return
            if self._skips_frames:
                self._choose_skipping(packet)
            try:
                frames = self._times.decode(packet)
            except av.error.FFmpegError:
                self._begin_damage(self._time_of(packet))
                continue
            for frame, tick in frames:
                yield from self._sample(frame, (tick - self._start) * self._tick_s)

    def _choose_skipping(self, packet: Packet[VideoStream]) -> None:
        """Skip frames that no other refers to, but not those before a pause.

        The last of them stays on the screen. They are decoded after the frame that ends the pause.
        """
        time_s = self._time_of(packet)
        if time_s is not None:
            if time_s - self._latest_s >= self._every_s:
                self._paused_until_s = time_s
            self._latest_s = max(self._latest_s, time_s)
            is_before_pause = time_s < self._paused_until_s
            self._stream.codec_context.skip_frame = "DEFAULT" if is_before_pause else "NONREF"

    def _sample(self, frame: AvFrame, time_s: float) -> Iterator[Sampled | UnreadablePart]:
        """Yield the frame if it is wanted, after the damage that ends with it."""
        self._first_s = time_s if self._first_s is None else self._first_s
        self._played_s = max(self._played_s, time_s - self._first_s)
        if time_s < self._due_s - self._tick_s / 2:
            self._last_s = max(self._last_s, time_s)
            self._shown = None if frame.is_corrupt else (frame, time_s)
            if not frame.is_corrupt:
                yield from self._damage_before(time_s)
            return
        if frame.is_corrupt:
            self._begin_damage(time_s)
            return
        is_over = self._to_s is not None and time_s > self._to_s
        yield from self._shown_until(time_s, is_over=is_over)
        if is_over:
            self._due_s = time_s + self._every_s
            return
        yield from self._damage_before(time_s)
        yield frame, max(time_s, 0.0)
        self._given_s = time_s
        self._last_s = time_s
        steps = int((time_s - self._due_s) / self._every_s + 1e-6) + 1
        self._due_s += steps * self._every_s

    def _damage_before(self, time_s: float) -> Iterator[UnreadablePart]:
        """Yield the damage that ends with an intact frame, if it does."""
        if self._damaged_from_s is None:
            return
        if time_s < self._damaged_at_s:  # this frame comes before the damage
            self._damaged_from_s = max(self._damaged_from_s, time_s)
        else:
            if time_s > self._from_s:
                yield UnreadablePart(self._damaged_from_s, time_s)
            self._damaged_from_s = None

    def _shown_until(self, time_s: float, *, is_over: bool) -> Iterator[Sampled]:
        """Yield the frame that stays on the screen until then, if that is long after it was due.

        Args:
            time_s: when the next frame comes, or the video ends.
            is_over: whether no more frames are wanted. Then it is yielded rather than none at all.
        """
        shown, self._shown = self._shown, None
        # The times of damaged files may go back.
        if shown is None or shown[1] <= self._given_s or self._damaged_from_s is not None:
            return
        until_s = time_s if self._to_s is None else min(time_s, self._to_s)
        stays = until_s - self._due_s >= self._every_s - self._tick_s / 2
        is_only_one = is_over and self._given_s == -math.inf and until_s > self._due_s
        if stays or is_only_one:
            frame, came_s = shown
            self._given_s = max(came_s, self._from_s)
            yield frame, self._given_s

    def _end(self) -> Iterator[Sampled | UnreadablePart]:
        end_s = self._facts.duration_s
        if self._to_s is not None and end_s is not None:
            end_s = min(end_s, self._to_s)
        missing_s = 0.0 if end_s is None else end_s - max(self._last_s, self._reached_s)
        is_hole_behind = (
            self._gaps is not None
            and self._sound_at > self._at
            and self._gaps.has_lost_before(self._sound_at)
        )
        if is_hole_behind or missing_s > max(_MIN_MISSING_S, 2 * self._every_s):
            self._begin_damage(self._last_s)
        if end_s is not None:
            yield from self._shown_until(end_s, is_over=True)
        reads_all = self._to_s is None or self._to_s > (self._facts.duration_s or math.inf)
        with contextlib.suppress(FileNotFoundError):  # it was erased meanwhile
            if reads_all and holds_another(self._path, self._container.format.name):
                self._begin_damage(math.inf)
        if self._damaged_from_s is not None:
            yield UnreadablePart(self._damaged_from_s, None)

    def _is_before_due(self, packet: Packet[VideoStream]) -> bool:
        time_s = self._time_of(packet)
        return time_s is not None and time_s < self._due_s

    def _time_of(self, packet: Packet[VideoStream]) -> float | None:
        tick = self._times.earliest(packet)
        return None if tick is None else (tick - self._start) * self._tick_s

    def _is_pause_due(self) -> bool:
        now_s = time.process_time()
        if now_s - self._paused_cpu_s < _PAUSE_EVERY_CPU_S:
            return False
        self._paused_cpu_s = now_s
        return True

    def _takes_too_long(self) -> bool:
        allowed_s = self._cpu_s + _CPU_S_PER_PLAYED_S * self._played_s
        if time.process_time() - self._began_cpu_s < allowed_s:
            return False
        self._begin_damage(math.inf)
        return True

    def _begin_damage(self, at_s: float | None) -> None:
        """Note damage, or that some which was noted already goes on.

        Args:
            at_s: when the damaged frame would be shown. Frames before it may still come, because
                the decoder returns frames late. Infinity if nothing can be read any more; None if
                unknown.
        """
        at_s = self._last_s if at_s is None else at_s
        if self._damaged_from_s is None:
            self._damaged_from_s, self._damaged_at_s = self._last_s, at_s
        self._damaged_at_s = max(self._damaged_at_s, at_s)
