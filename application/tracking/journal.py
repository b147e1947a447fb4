"""The journal of a session's faces: time shares, mean scores, and a timeline by the second."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from domain.emotion import Emotion, EmotionScores
from domain.geometry import Size
from domain.session import TimelineEntry, TrackedFace, TrackSummary

MAX_TRACKS = 200
MAX_TIMELINE_ENTRIES = 20_000
_MAX_HOLD_S = 1.0


class _Tally:
    """A sum of scores, weighted by time."""

    __slots__ = ("_weights",)

    def __init__(self) -> None:
        self._weights = [0.0] * len(Emotion)

    def add(self, scores: EmotionScores, weight: float) -> None:
        for position, value in enumerate(scores.values):
            self._weights[position] += value * weight

    def mean(self) -> EmotionScores:
        return EmotionScores.from_weights(dict(zip(Emotion, self._weights, strict=True)))


@dataclass(slots=True)
class _Record:
    first_s: float
    last: TrackedFace
    last_s: float
    size: Size
    frames: int = 0
    dominance: dict[Emotion, float] = field(default_factory=dict)
    whole: _Tally = field(default_factory=_Tally)
    second: int = -1
    of_second: _Tally = field(default_factory=_Tally)
    timeline: list[TimelineEntry] = field(default_factory=list)

    def close_second(self) -> None:
        if self.second >= 0:
            mean = self.of_second.mean()
            self.timeline.append(TimelineEntry(self.second, mean.dominant, mean[mean.dominant]))
        self.of_second = _Tally()


class Journal:
    """Keeps at most 200 faces and 20,000 seconds of timeline, whatever the session's length.

    Args:
        frame_s: seconds that the first reading of a face counts for, at most one; a later reading
            counts for the time since the one before, at most one second as well.
    """

    def __init__(self, frame_s: float) -> None:
        self._frame_s = frame_s
        self._records: dict[int, _Record] = {}
        self._entries = 0
        self._size = (1, 1)
        self.truncated = False

    def add(self, faces: Sequence[TrackedFace], at_s: float, size: Size) -> None:
        """Add the faces of one frame of this width and height, ``at_s`` seconds after the start."""
        self._size = size
        for face in faces:
            record = self._records.get(face.track.number)
            if record is None:
                if len(self._records) >= MAX_TRACKS:
                    self.truncated = True
                    continue
                record = _Record(at_s, face, at_s, size)
                self._records[face.track.number] = record
            record.size = size
            self._read(record, face, at_s)

    def hold(self, faces: Sequence[TrackedFace], until_s: float) -> None:
        """Let the faces of the last frame count until then, because it stays on the screen."""
        for face in faces:
            record = self._records.get(face.track.number)
            if record is None or until_s <= record.last_s:
                continue
            scores, weight = face.reading.scores, until_s - record.last_s
            record.whole.add(scores, weight)
            record.dominance[scores.dominant] += weight
            record.last_s = until_s
            for second in range(record.second, math.floor(until_s) + 1):
                if not self._turn_to(record, second):
                    break
                record.of_second.add(scores, 1.0)

    def tracks(self) -> tuple[TrackSummary, ...]:
        """The summary of each face, boxes in pixels of the last frame; ends the journal."""
        for record in self._records.values():
            record.close_second()
        return tuple(_summary(record, self._size) for _, record in sorted(self._records.items()))

    def _read(self, record: _Record, face: TrackedFace, at_s: float) -> None:
        scores = face.reading.scores
        first = record.frames == 0
        weight = self._frame_s if first else at_s - record.last_s
        weight = max(min(weight, _MAX_HOLD_S), 1e-6)
        record.frames += 1
        record.last, record.last_s = face, at_s
        record.whole.add(scores, weight)
        record.dominance[scores.dominant] = record.dominance.get(scores.dominant, 0.0) + weight
        if self._turn_to(record, math.floor(at_s)):
            record.of_second.add(scores, weight)

    def _turn_to(self, record: _Record, second: int) -> bool:
        """Continue the timeline in this second; False if there is no room for it."""
        if second != record.second:
            if self._entries >= MAX_TIMELINE_ENTRIES:
                self.truncated = True
                return False
            self._entries += 1
            record.close_second()
            record.second = second
        return True


def _summary(record: _Record, size: Size) -> TrackSummary:
    return TrackSummary(
        track_id=record.last.track.track_id,
        first_seen_s=record.first_s,
        last_seen_s=record.last_s,
        frames=record.frames,
        time_share=EmotionScores.from_weights(record.dominance),
        timeline=tuple(record.timeline),
        box=record.last.track.box.scaled(size[0] / record.size[0], size[1] / record.size[1]),
        confidence=record.last.track.confidence,
        reading=replace(record.last.reading, scores=record.whole.mean()),
    )
