"""The errors of requests, each with a stable machine-readable ``code``.

Nothing here knows of HTTP or Socket.IO; each transport maps the classes to its own statuses once.
"""

from __future__ import annotations

from typing import ClassVar


class DomainError(Exception):
    """A rule of the service was broken; ``str(error)`` may be shown to the caller.

    Attributes:
        code: the stable word clients may branch on; each class has its own.
        details: further facts about the fault, JSON-serialisable.
    """

    code: ClassVar[str]

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.details: dict[str, object] = details


class InvalidRequest(DomainError):
    """A value of the request is missing, malformed or out of range."""

    code = "invalid_request"


class InvalidImage(DomainError):
    """The bytes are empty, truncated, or not an image in a supported format."""

    code = "invalid_image"


class ImageTooLarge(DomainError):
    """The encoded image has more bytes than allowed."""

    code = "image_too_large"


class ImageDimensionsTooLarge(DomainError):
    """The header announces more pixels than the service decodes."""

    code = "image_dimensions_too_large"


class ImageTooCostly(DomainError):
    """Decoding the image would take more memory or time than one image may."""

    code = "image_too_costly"


class InvalidVideo(DomainError):
    """The file is not a video in a supported format, has no frames, or cannot be read at all."""

    code = "invalid_video"


class VideoTooLarge(DomainError):
    """The video has more bytes, or its frames more pixels, than allowed."""

    code = "video_too_large"


class VideoTooLong(DomainError):
    """The video lasts longer than allowed."""

    code = "video_too_long"


class NothingLeft(DomainError):
    """The caller has used up what is allowed for now; the kinds below have the codes.

    ``details`` holds ``retry_after`` (seconds), ``limit`` and ``remaining``.
    """

    def __init__(self, message: str, *, retry_after_s: int, limit: int) -> None:
        super().__init__(message, retry_after=retry_after_s, limit=limit, remaining=0)
        self.retry_after_s = retry_after_s
        self.limit = limit


class TooManyVideos(NothingLeft):
    """The user has as many unfinished videos as allowed."""

    code = "too_many_videos"


class BatchTooLarge(DomainError):
    """More files in one batch than allowed."""

    code = "batch_too_large"


class NotAuthenticated(DomainError):
    """The caller has to sign in first, or the token is not valid."""

    code = "not_authenticated"


class InvalidToken(NotAuthenticated):
    """The token is malformed, forged, expired, revoked, or of the wrong kind."""

    code = "invalid_token"


class Forbidden(DomainError):
    """The caller is known, and what was asked for belongs to another user."""

    code = "forbidden"


class InvalidLink(DomainError):
    """The link is forged, was made for something else, or has expired."""

    code = "invalid_link"


class NotFound(DomainError):
    """It does not exist, or the caller may not learn that it does."""

    code = "not_found"


class QuotaExceeded(NothingLeft):
    """The guest has used up the free detections of the current window."""

    code = "quota_exceeded"
