"""What the sender of a stream may choose, and which choices make sense."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import islice

from domain.errors import InvalidRequest

Size = tuple[int, int]
_MOST_FOREIGN_KEYS = 32
_LONGEST_KEY = 60


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """The settings of one realtime session; the field names are the words on the wire.

    Attributes:
        detection_interval: run the face detector on every N-th frame and predict the boxes of the
            frames between; 1 to 30.
        min_face_size: leave out faces whose longer side is smaller, in the sender's pixels;
            16 to 2000.
        detection_confidence: leave out faces the detector scores lower; 0 to 1.
        processing_resolution: the detector sees the frame scaled down to fit into this width and
            height; 64 to 4096 pixels each. Boxes stay in the sender's pixels.
        max_frame_rate: frames a second taken in; what comes faster is dropped; 0.1 to 60.
        return_bounding_boxes: whether faces are sent with their ``box``.
        return_face_landmarks: whether faces are sent with the detector's ``landmarks``; null for
            a detector that finds none and for a box that was predicted.
        smooth_emotions: whether scores are averaged over the last frames of a face.
        smooth_window_size: over how many frames at most; 1 to 60.
        auto_adjust: lower the processing resolution while the session falls behind.
        prioritize_realtime: let ``auto_adjust`` stretch the detection interval as well.
        save_session: keep the summary of the session in the history.
        video_source: what the sender calls the stream; names it in the summary and the history.
            At most 200 characters.
    """

    detection_interval: int = 2
    min_face_size: int = 64
    detection_confidence: float = 0.0
    processing_resolution: Size = (640, 480)
    max_frame_rate: float = 30
    return_bounding_boxes: bool = True
    return_face_landmarks: bool = False
    smooth_emotions: bool = True
    smooth_window_size: int = 5
    auto_adjust: bool = True
    prioritize_realtime: bool = False
    save_session: bool = False
    video_source: str | None = None

    def changed(self, wishes: Mapping[str, object]) -> StreamConfig:
        """The configuration with some settings changed; keys are field names.

        Other keys are passed over, since clients send some of their own (see ``foreign_keys``).

        Raises:
            InvalidRequest: a value does not fit; ``details["field"]`` names its key. Nothing is
                changed then.
        """
        accepted = {key: _checked(key, wishes[key]) for key in wishes if key in _CHECKS}
        return replace(self, **accepted)  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, object]:
        """All settings by name, JSON-serialisable."""
        return {**asdict(self), "processing_resolution": list(self.processing_resolution)}


def foreign_keys(wishes: Mapping[str, object]) -> tuple[str, ...]:
    """The keys that are no settings, in order; at most 32, each cut off after 60 characters."""
    foreign = (key for key in wishes if key not in _CHECKS)
    return tuple(key[:_LONGEST_KEY] for key in islice(foreign, _MOST_FOREIGN_KEYS))


def _checked(key: str, value: object) -> object:
    try:
        return _CHECKS[key](value)
    except ValueError as error:
        raise InvalidRequest(f"{key} must be {error}", field=key) from None


def _whole(low: int, high: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        # JavaScript has one kind of number and JSON writes some whole ones as 5.0.
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value

    return check


def _number(low: float, high: float) -> Callable[[object], float]:
    def check(value: object) -> float:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not low <= value <= high:  # type: ignore[operator]
            raise ValueError(f"a number from {low:g} to {high:g}")
        return value  # type: ignore[return-value]

    return check


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _size(value: object) -> Size:
    side = _whole(64, 4096)
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ValueError("[width, height] in whole pixels from 64 to 4096")
    try:
        return side(value[0]), side(value[1])
    except ValueError:
        raise ValueError("[width, height] in whole pixels from 64 to 4096") from None


def _name(value: object) -> str | None:
    if value is None:
        return None
    # JSON can carry half a character (a lone surrogate); the history could not write it out.
    if not isinstance(value, str) or len(value) > 200 or not _is_unicode(value):
        raise ValueError("a text of at most 200 characters, or null")
    return value


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


_CHECKS: Mapping[str, Callable[[object], object]] = {
    "detection_interval": _whole(1, 30),
    "min_face_size": _whole(16, 2000),
    "detection_confidence": _number(0, 1),
    "processing_resolution": _size,
    "max_frame_rate": _number(0.1, 60),
    "return_bounding_boxes": _flag,
    "return_face_landmarks": _flag,
    "smooth_emotions": _flag,
    "smooth_window_size": _whole(1, 60),
    "auto_adjust": _flag,
    "prioritize_realtime": _flag,
    "save_session": _flag,
    "video_source": _name,
}
