"""The configuration of a live session, with its limits."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Literal, get_args

from msgspec import UNSET, Meta, Struct, UnsetType, field

from domain.errors import InvalidRequest
from domain.session import MAX_FRAME_SIZE
from domain.session_config import (
    MAX_DETECTION_INTERVAL,
    MAX_FACE_SIZE_PX,
    MAX_FRAME_RATE,
    MAX_PROCESSING_SIDE_PX,
    MAX_SMOOTH_WINDOW,
    MIN_FACE_SIZE_PX,
    MIN_FRAME_RATE,
    MIN_PROCESSING_SIDE_PX,
    ConfigChange,
    SessionConfig,
)
from entrypoints.wire.reading import read

MAX_IGNORED = 32
MAX_IGNORED_LENGTH = 60
Action = Literal["start", "stop", "configure"]
ACTIONS: tuple[Action, ...] = get_args(Action)

_DEFAULTS = SessionConfig()

Resolution = Annotated[
    list[Annotated[int, Meta(ge=MIN_PROCESSING_SIDE_PX, le=MAX_PROCESSING_SIDE_PX)]],
    Meta(
        min_length=2,
        max_length=2,
        description="`[width, height]`: the detector sees the frame scaled down to fit into it. "
        "Boxes stay in the sender's pixels.",
    ),
]
DetectionInterval = Annotated[
    int,
    Meta(
        ge=1,
        le=MAX_DETECTION_INTERVAL,
        description="Search every N-th frame for faces, and follow known faces in the frames "
        "between.",
    ),
]
FrameRate = Annotated[
    float,
    Meta(
        ge=MIN_FRAME_RATE,
        le=MAX_FRAME_RATE,
        description="Frames a second that are analysed; of those that come faster only the newest "
        "waits.",
    ),
]
AutoAdjust = Annotated[
    bool, Meta(description="Lower the processing resolution while the session falls behind.")
]


class Config(Struct, kw_only=True):
    """The settings of a live session. Other keys are ignored, and named in `ignored`."""

    detection_interval: DetectionInterval = _DEFAULTS.detection_interval
    min_face_size: Annotated[
        int,
        Meta(
            ge=MIN_FACE_SIZE_PX,
            le=MAX_FACE_SIZE_PX,
            description="Leave out faces whose longer side is smaller, in the sender's pixels; a "
            "face once seen is kept down to four fifths of it. The service's own default may "
            "differ (`FACE_DETECT_MIN_SIZE`).",
        ),
    ] = _DEFAULTS.min_face_size
    detection_confidence: Annotated[
        float, Meta(ge=0, le=1, description="Leave out faces the detector is less sure of.")
    ] = _DEFAULTS.detection_confidence
    processing_resolution: Annotated[
        Resolution, Meta(extra_json_schema={"default": list(_DEFAULTS.processing_resolution)})
    ] = field(default_factory=lambda: list(_DEFAULTS.processing_resolution))
    max_frame_rate: FrameRate = _DEFAULTS.max_frame_rate
    return_bounding_boxes: Annotated[bool, Meta(description="Send faces with their `box`.")] = (
        _DEFAULTS.return_bounding_boxes
    )
    return_face_landmarks: Annotated[
        bool, Meta(description="Send faces with the detector's `landmarks`.")
    ] = _DEFAULTS.return_face_landmarks
    smooth_emotions: Annotated[
        bool, Meta(description="Average scores over the last frames of a face.")
    ] = _DEFAULTS.smooth_emotions
    smooth_window_size: Annotated[
        int,
        Meta(
            ge=1,
            le=MAX_SMOOTH_WINDOW,
            description="Over how many frames they are averaged at most.",
        ),
    ] = _DEFAULTS.smooth_window_size
    auto_adjust: AutoAdjust = _DEFAULTS.auto_adjust
    prioritize_realtime: Annotated[
        bool, Meta(description="Let `auto_adjust` stretch the detection interval as well.")
    ] = _DEFAULTS.prioritize_realtime
    save_session: Annotated[
        bool, Meta(description="Keep the summary of the session in the history.")
    ] = _DEFAULTS.save_session
    video_source: Annotated[
        Annotated[str, Meta(max_length=200)] | None,
        Meta(description="What the client calls the stream; names it in the history."),
    ] = _DEFAULTS.video_source


Ignored = Annotated[
    list[Annotated[str, Meta(max_length=MAX_IGNORED_LENGTH)]],
    Meta(
        max_length=MAX_IGNORED,
        description="Unknown keys of the config, which were ignored.",
    ),
]


class EffectiveConfig(Config, kw_only=True):
    """The settings in effect, and the limits of the session."""

    max_resolution: Annotated[
        list[int],
        Meta(min_length=2, max_length=2, description="Frames with more pixels are refused."),
    ] = field(default_factory=lambda: list(MAX_FRAME_SIZE))
    supported_actions: list[Action] = field(default_factory=lambda: list(ACTIONS))


class SuggestedConfig(Struct, kw_only=True):
    """Suggested settings, lower or higher than now; to be sent with `configure`."""

    processing_resolution: Resolution | UnsetType = UNSET
    detection_interval: DetectionInterval | UnsetType = UNSET
    max_frame_rate: FrameRate | UnsetType = UNSET
    auto_adjust: AutoAdjust | UnsetType = UNSET


def read_config(sent: Mapping[str, object]) -> ConfigChange:
    """Check the settings that a client wants changed.

    Returns:
        The change, with at most 32 unknown keys, each cut off after 60 characters.

    Raises:
        InvalidRequest: a value does not fit; ``details["field"]`` names its key.
    """
    config = read(Config, sent)
    if config.video_source is not None and not _is_unicode(config.video_source):
        # JSON can contain a lone surrogate, which the history could not export.
        raise InvalidRequest(
            "video_source must be a text of whole characters", field="video_source"
        )
    known = Config.__struct_fields__
    settings: dict[str, object] = {key: getattr(config, key) for key in known if key in sent}
    if "processing_resolution" in settings:
        settings["processing_resolution"] = tuple(config.processing_resolution)
    unknown = (key[:MAX_IGNORED_LENGTH] for key in sent if key not in known)
    return ConfigChange(settings, tuple(islice(unknown, MAX_IGNORED)))


def present_config(config: SessionConfig) -> EffectiveConfig:
    """The settings in effect."""
    settings = {name: getattr(config, name) for name in Config.__struct_fields__}
    return EffectiveConfig(
        **{**settings, "processing_resolution": list(config.processing_resolution)}
    )


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
