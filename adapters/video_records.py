"""How the analysed frames of videos are written.

They are kept a few hundred at a time, as compressed JSON with a short list per face: an hour of
video, 18,000 frames with a face each, takes about a megabyte. Scores and shares are rounded to four
digits.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

from adapters.records import UnreadableRecord
from domain.emotion import Emotion, EmotionScores
from domain.face import Face, FaceDetection, FaceQuality, FaceReading
from domain.geometry import BoundingBox
from domain.session import TrackedFace
from domain.tracking import FaceTrack
from domain.video import AnalysedFrame

_FRAMES_VERSION = 1
_PARTS = 10_000
"""The integer that stands for a score of 1."""
_MAX_BYTES = 64 * 2**20
"""Limit on unpacked frames; more than the service ever writes."""


def pack_frames(frames: Sequence[AnalysedFrame]) -> bytes:
    """Write consecutive frames."""
    first = frames[0].number
    lists = [[f.time_s, f.scene, f.width, f.height, _faces_to_list(f)] for f in frames]
    packed = json.dumps([_FRAMES_VERSION, first, lists], separators=(",", ":"), allow_nan=False)
    return zlib.compress(packed.encode(), 6)


def unpack_frames(packed: bytes) -> list[AnalysedFrame]:
    """Read what ``pack_frames`` wrote.

    Raises:
        UnreadableRecord: it is damaged, or a newer version of the service wrote it.
    """
    try:
        version, first, lists = json.loads(zlib.decompressobj().decompress(packed, _MAX_BYTES))
        if version != _FRAMES_VERSION:
            raise UnreadableRecord("the version of a video's frames is not known")
        return [_frame_from_list(number, each) for number, each in enumerate(lists, start=first)]
    except (zlib.error, TypeError, ValueError, IndexError) as error:
        raise UnreadableRecord("the frames of a video cannot be read") from error


def _faces_to_list(frame: AnalysedFrame) -> list[list[Any]]:
    tracked = {face.track.box: face for face in frame.faces}
    return [_face_to_list(face, tracked.get(face.detection.box)) for face in frame.found]


def _face_to_list(face: Face, tracked: TrackedFace | None) -> list[Any]:
    box, reading = face.detection.box, face.reading
    kept: list[Any] = [
        int(box.x),
        int(box.y),
        int(box.width),
        int(box.height),
        round(float(face.detection.confidence), 3),
        round(float(reading.quality.sharpness), 3),
        round(float(reading.quality.brightness), 3),
        int(reading.quality.size_px),
        int(reading.reliable),
        _scores_to_list(reading.scores),
    ]
    if tracked is not None:
        kept += [tracked.track.number, _scores_to_list(tracked.reading.scores)]
    return kept


def _frame_from_list(number: int, kept: list[Any]) -> AnalysedFrame:
    time_s, scene, width, height, lists = kept
    found, faces = [], []
    for each in lists:
        face = _face_from_list(each)
        found.append(face)
        if len(each) > 10:
            scores = _scores_from_list(each[11])
            reading = FaceReading(scores, face.reading.quality, face.reading.reliable)
            track = FaceTrack(each[10], face.detection.box, face.detection.confidence)
            faces.append(TrackedFace(track, reading))
    faces.sort(key=lambda face: -face.track.box.area)
    return AnalysedFrame(number, time_s, scene, width, height, tuple(faces), tuple(found))


def _face_from_list(kept: list[Any]) -> Face:
    detection = FaceDetection(BoundingBox(*kept[:4]), kept[4])
    quality = FaceQuality(sharpness=kept[5], brightness=kept[6], size_px=kept[7])
    return Face(detection, FaceReading(_scores_from_list(kept[9]), quality, bool(kept[8])))


def _scores_to_list(scores: EmotionScores) -> list[int]:
    return [round(float(scores[emotion]) * _PARTS) for emotion in Emotion]


def _scores_from_list(kept: list[int]) -> EmotionScores:
    return EmotionScores.from_weights(dict(zip(Emotion, kept, strict=True)))
