"""The kinds of problems a caller may meet, by the stable ``code`` that names each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from entrypoints.http.schemas import ProblemKind


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its status, a short name, and what a caller can do about it."""

    status: int
    title: str
    description: str


KINDS: Mapping[str, Kind] = {
    "invalid_request": Kind(
        400,
        "Invalid request",
        "A value is missing, malformed or out of range. `details` says which.",
    ),
    "invalid_image": Kind(
        400,
        "Not a usable image",
        "The file is empty, truncated or no image. JPEG, PNG, GIF, WebP and BMP are read.",
    ),
    "missing_file": Kind(
        400, "File missing", "Send the image as a file in a multipart form, in the field named."
    ),
    "batch_too_large": Kind(
        400, "Too many files", "Send fewer files at once; `details.limit` says how many may go."
    ),
    "domain_error": Kind(400, "Refused", "The request breaks a rule of the service."),
    "not_authenticated": Kind(
        401, "Sign in first", "Send `Authorization: Bearer <token>` with an access or ID token."
    ),
    "invalid_token": Kind(
        401, "Token refused", "The token is malformed, forged, expired, revoked or of another kind."
    ),
    "forbidden": Kind(403, "Not yours", "What was asked for belongs to somebody else."),
    "not_found": Kind(404, "Not found", "There is no such thing."),
    "method_not_allowed": Kind(
        405, "Method not allowed", "The path exists; the header `Allow` lists its methods."
    ),
    "image_too_large": Kind(
        413, "File too large", "Send a smaller file; `details.limit` is in bytes."
    ),
    "image_dimensions_too_large": Kind(
        413, "Too many pixels", "Send the image at a smaller width and height."
    ),
    "request_too_large": Kind(413, "Request too large", "Send a smaller request body."),
    "unsupported_media_type": Kind(
        415, "Unsupported content type", "Send a file as `multipart/form-data`, all else as JSON."
    ),
    "quota_exceeded": Kind(
        429,
        "Guest limit reached",
        "Sign in, or come back after `details.retry_after` seconds; see also `Retry-After`.",
    ),
    "internal_error": Kind(
        500, "Something broke here", "Not the caller's fault. The request id helps to find it."
    ),
    "service_unavailable": Kind(503, "Unavailable", "Try again after `Retry-After` seconds."),
    "store_unavailable": Kind(503, "Storage unavailable", "Try again after `Retry-After` seconds."),
    "identity_unavailable": Kind(
        503, "Sign-in unavailable", "Tokens cannot be checked now; try again after `Retry-After`."
    ),
    "inference_unavailable": Kind(
        503, "Analysis unavailable", "Try again after `Retry-After` seconds."
    ),
    "overloaded": Kind(
        503, "Busy", "Too many images are in work; try again after `Retry-After` seconds."
    ),
}


def describe(code: str) -> ProblemKind | None:
    """What a kind of problem means, or None for a word that names none."""
    kind = KINDS.get(code)
    if kind is None:
        return None
    return ProblemKind(
        type=type_uri(code),
        code=code,
        status=kind.status,
        title=kind.title,
        description=kind.description,
    )


def type_uri(code: str) -> str:
    """The reference that names a kind of problem."""
    return f"/problems/{code}"
