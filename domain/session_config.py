"""The configuration of a live session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from domain.geometry import Size

MIN_PROCESSING_SIDE_PX, MAX_PROCESSING_SIDE_PX = 64, 4096
MAX_DETECTION_INTERVAL = 30
MIN_FRAME_RATE, MAX_FRAME_RATE = 0.1, 60
MIN_FACE_SIZE_PX, MAX_FACE_SIZE_PX = 16, 2000
MAX_SMOOTH_WINDOW = 60


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """What a client sends to change the settings of its session.

    Attributes:
        settings: checked values for fields of ``SessionConfig``, by name.
        ignored: other keys that it sent; the answer names them.
    """

    settings: Mapping[str, object] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


NO_CHANGE = ConfigChange()


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """The settings of one live session. The wire checks their limits, which are above.

    Attributes:
        detection_interval: search every N-th frame for faces, and follow known faces in the frames
            between.
        min_face_size: leave out faces whose longer side is smaller, in the sender's pixels; one
            that was seen is kept down to ``kept_from_px`` of it.
        detection_confidence: leave out faces the detector scores lower, in [0, 1].
        processing_resolution: the detector sees the frame scaled down to fit into this width and
            height in pixels. Boxes stay in the sender's pixels.
        max_frame_rate: frames a second that are analysed; of those that come faster only the
            newest waits.
        return_bounding_boxes: whether faces are sent with their ``box``.
        return_face_landmarks: whether faces are sent with the detector's ``landmarks``.
        smooth_emotions: whether scores are averaged over the last frames of a face.
        smooth_window_size: over how many frames at most.
        auto_adjust: lower the processing resolution while the session falls behind.
        prioritize_realtime: let ``auto_adjust`` stretch the detection interval as well.
        save_session: keep the summary of the session in the history.
        video_source: what the sender calls the stream; names it in the summary and the history.
    """

    detection_interval: int = 3
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

    def changed(self, change: ConfigChange) -> SessionConfig:
        """The configuration with some settings changed."""
        return replace(self, **change.settings)  # type: ignore[arg-type]
