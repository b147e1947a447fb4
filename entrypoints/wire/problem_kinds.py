"""The kinds of problems, in one table for all transports.

To add a kind, give an error a ``code`` and write its row here. The row is its page under
``/problems`` as well. Errors of the core are in ``domain/errors.py`` and ``application/errors.py``;
one that only a transport knows is in ``entrypoints/http/errors.py`` or beside what raises it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from domain.formats import IMAGE_FORMATS_IN_WORDS, VIDEO_FORMATS_IN_WORDS
from entrypoints.settings import SETTINGS
from entrypoints.wire.limits import MAX_HEADER_LINES, MAX_JSON_BYTES


class ProblemKind(Struct, kw_only=True, frozen=True):
    """A kind of problem."""

    type: Annotated[str, Meta(examples=["/problems/invalid_image"])]
    code: Annotated[str, Meta(examples=["invalid_image"])]
    status: Annotated[int, Meta(ge=400, le=599, examples=[400])]
    title: Annotated[str, Meta(examples=["Not a usable image"])]
    description: Annotated[str, Meta(description="What `detail` says when it knows no more.")]
    happened: Annotated[str, Meta(description="What the service did.")]
    why: Annotated[str, Meta(description="What usually leads to it.")]
    remedy: Annotated[str, Meta(description="What the caller can do.")]
    details: Annotated[
        dict[str, Any], Meta(description="What `details` of such a problem may hold.")
    ]


def _kind(code: str, **rest: Any) -> ProblemKind:
    """A row; its ``type`` follows from its code, and it may leave out ``details``."""
    return ProblemKind(type=f"/problems/{code}", code=code, **{"details": {}, **rest})


def _default(setting: str) -> Any:
    """The default of a setting, for a text or an example."""
    return SETTINGS[setting.lower()].default


# Outages are usually temporary.
_WAIT = "Wait for as many seconds as the header `Retry-After` says, then send the request again."
_WAIT_5_S = {"retry_after": 5}

_TABLE = (
    _kind(
        "invalid_request",
        status=400,
        title="Invalid request",
        description="A value is missing, malformed or out of range. `details` says which.",
        happened="The service understood the call but could not use a value in it. It did nothing.",
        why="A field is missing, has another type than documented, or is out of range.",
        remedy="Read `detail`, and `details.fields` where it is present: they name the value.",
    ),
    _kind(
        "invalid_image",
        status=400,
        title="Not a usable image",
        description="The file is empty, truncated or not an image. "
        f"{IMAGE_FORMATS_IN_WORDS} are read.",
        happened="The file arrived and could not be read as an image.",
        why="It is empty, was cut off on its way, or has a format that is not read, such as "
        "SVG or PDF. The service looks at the content; the name of the file does not matter.",
        remedy=f"Send an image that a viewer opens; {IMAGE_FORMATS_IN_WORDS} are read.",
    ),
    _kind(
        "invalid_video",
        status=400,
        title="Not a usable video",
        description=f"The file is not a video or is damaged. {VIDEO_FORMATS_IN_WORDS} are read.",
        happened="The file was received and could not be read as a video.",
        why="It is in a format that is not read, contains only sound, is truncated, or is "
        "damaged from the start. The service looks at the content; the name does not matter.",
        remedy=f"Send a video that a player plays; {VIDEO_FORMATS_IN_WORDS} are read.",
        details={"reason": "damaged"},
    ),
    _kind(
        "missing_file",
        status=400,
        title="File missing",
        description="Send the image as a file in a multipart form, in the field named.",
        happened="The form arrived without a file in the field that should hold it.",
        why="The field has another name, or the image was sent as text instead of a file.",
        remedy="Send `multipart/form-data` with the image in `file`, or several in `files` for a "
        "batch: `curl -F file=@photo.jpg`.",
        details={"field": "file"},
    ),
    _kind(
        "batch_too_large",
        status=400,
        title="Too many files",
        description="Send fewer files at once; `details.limit` says how many are allowed.",
        happened="No file of the batch was analysed.",
        why="The batch holds more files than one request may (`MAX_BATCH_SIZE`), or more bytes "
        "than that many files may have together (`MAX_UPLOAD_BYTES` each).",
        remedy="Send several batches of at most `details.limit` files, none of them larger than a "
        "single upload may be.",
        details={"limit": _default("MAX_BATCH_SIZE")},
    ),
    _kind(
        "wrong_namespace",
        status=400,
        title="Wrong Socket.IO namespace",
        description="Connect to the namespace `/emotion-detection`.",
        happened="The Socket.IO connection was refused.",
        why="The client connected to the default namespace `/` or to another one.",
        remedy="Name the namespace in the address: `io('http://HOST:2508/emotion-detection')`.",
    ),
    _kind(
        "not_authenticated",
        status=401,
        title="Sign in first",
        description="Send `Authorization: Bearer <token>` with an access or ID token.",
        happened="The call is for signed-in users, and it came without a token.",
        why="Guests may analyse single images. Batches, history and live sessions need a user.",
        remedy="Sign in with `POST /auth/verify-token` and send its `access_token` as "
        "`Authorization: Bearer <token>`.",
    ),
    _kind(
        "invalid_token",
        status=401,
        title="Token refused",
        description="The token is malformed, forged, expired, revoked or of another kind.",
        happened="A token came with the request and was refused. The caller was not treated as a "
        "guest instead.",
        why="The token has expired, was revoked, was signed with another secret, or is a refresh "
        "token where an access token is needed. A refresh token works once.",
        remedy="Fetch new tokens with `POST /auth/refresh-token`. If that is refused too, sign in "
        "again.",
    ),
    _kind(
        "forbidden",
        status=403,
        title="Not yours",
        description="What was asked for belongs to another user.",
        happened="The record exists, and the signed-in user may not see or change it.",
        why="Images and results are for their owner only.",
        remedy="Sign in as the user who sent the image.",
    ),
    _kind(
        "invalid_link",
        status=403,
        title="Link not valid",
        description="The link has expired or was changed.",
        happened="The link to an image or a video was refused, and nothing was sent.",
        why="A link expires after a while (`IMAGE_LINK_SECONDS`, an hour by default), opens one "
        "image or one video only, and must be used exactly as it was given out.",
        remedy="Ask for the record or the video again: every answer has a fresh `image_url` or "
        "`file_url`.",
    ),
    _kind(
        "not_found",
        status=404,
        title="Not found",
        description="There is nothing at this address.",
        happened="There is nothing at that address.",
        why="The path is misspelt, or the record was deleted or never existed.",
        remedy="Compare the path with the documentation at `/docs`, and the id with the list of "
        "the history.",
    ),
    _kind(
        "method_not_allowed",
        status=405,
        title="Method not allowed",
        description="The path exists; the header `Allow` lists its methods.",
        happened="The path exists, but not with this method.",
        why="A `GET` was sent where a `POST` is expected, or the like.",
        remedy="Use a method that the header `Allow` of the answer lists.",
    ),
    _kind(
        "request_timeout",
        status=408,
        title="Request too slow",
        description="The request did not arrive completely in time. Send it again.",
        happened="The service stopped waiting for the rest of the request and closed the "
        "connection.",
        why="The connection is slow or was interrupted (`HEADER_TIMEOUT_S`, `BODY_TIMEOUT_S`, "
        "`BODY_MIN_BYTES_PER_S`).",
        remedy="Send it again, over a better connection or with a smaller image.",
    ),
    _kind(
        "video_too_large",
        status=413,
        title="Video too large",
        description="Send a smaller video; `details.limit` says how large it may be.",
        happened="The video was not accepted.",
        why="The file has more bytes than allowed (`MAX_VIDEO_MB`, "
        f"{_default('MAX_VIDEO_MB')} by default), or its frames have more pixels than those of 4K "
        "video.",
        remedy="Export it at 720p: faces are read no better in larger frames. Or cut it in parts.",
        details={"limit": _default("MAX_VIDEO_MB") * 2**20},
    ),
    _kind(
        "video_too_long",
        status=413,
        title="Video too long",
        description="Send a shorter video; `details.limit` is in seconds.",
        happened="The video was not analysed.",
        why="It lasts longer than allowed (`MAX_VIDEO_MINUTES`, "
        f"{_default('MAX_VIDEO_MINUTES'):g} by default).",
        remedy="Cut it into parts, and send one after the other.",
        details={"limit": _default("MAX_VIDEO_MINUTES") * 60},
    ),
    _kind(
        "image_too_large",
        status=413,
        title="File too large",
        description="Send a smaller file; `details.limit` is in bytes.",
        happened="The file was not analysed.",
        why="It has more bytes than allowed (`MAX_UPLOAD_BYTES`, "
        f"{_default('MAX_UPLOAD_BYTES') / 2**20:g} MiB by default).",
        remedy="Save it as JPEG, or smaller. `details.limit` is the limit in bytes; 2000 pixels "
        "across are enough for a group of people.",
        details={"limit": _default("MAX_UPLOAD_BYTES")},
    ),
    _kind(
        "image_dimensions_too_large",
        status=413,
        title="Too many pixels",
        description="Send the image at a smaller width and height.",
        happened="The service read the width and height in the file's header, and did not decode "
        "the image.",
        why="The image has more pixels than are decoded (`MAX_IMAGE_MEGAPIXELS`, "
        f"{_default('MAX_IMAGE_MEGAPIXELS'):g} by default). A small file can hold an image that "
        "fills the memory.",
        remedy="Scale it down; 2000 pixels across are enough for a group of people.",
        details={
            "width": 9000,
            "height": 6000,
            "limit": int(_default("MAX_IMAGE_MEGAPIXELS") * 1e6),
        },
    ),
    _kind(
        "image_too_costly",
        status=413,
        title="Too costly to decode",
        description="Send the image smaller, or as a plain JPEG; `details.cost` is `memory` or "
        "`time`.",
        happened="The image has an allowed size, but the service refused or stopped decoding it.",
        why="Decoding it takes more memory (`MAX_IMAGE_MEMORY_MB`) or more processor time "
        "(`MAX_IMAGE_SECONDS`) than one image may take. `detail` says what is too costly: a few "
        "bytes can encode millions of pixels, or have to be read thousands of times.",
        remedy="Open it in any program and save it as JPEG, or scale it down.",
        details={"cost": "memory", "limit": _default("MAX_IMAGE_MEMORY_MB") * 10**6},
    ),
    _kind(
        "request_too_large",
        status=413,
        title="Request too large",
        description="Send a smaller request body.",
        happened="The service did not read the body to its end.",
        why=f"It is larger than this call takes. JSON may have {MAX_JSON_BYTES // 1024} KiB.",
        remedy="Send less, or send images as files, in a multipart form.",
    ),
    _kind(
        "unsupported_media_type",
        status=415,
        title="Unsupported content type",
        description="Send files as `multipart/form-data` and everything else as JSON.",
        happened="The service did not read the body, because it does not read this content type.",
        why="The header `Content-Type` is missing or wrong; most client libraries set it "
        "themselves when they are given a form.",
        remedy="Send images as `multipart/form-data` and everything else as `application/json`.",
    ),
    _kind(
        "range_not_satisfiable",
        status=416,
        title="Range after the end",
        description="`Range` begins after the end of the file; `details.size` is its size in "
        "bytes.",
        happened="Nothing of the file was sent.",
        why="The header `Range` asks for a part that begins after the end of the file.",
        remedy="Ask again without `Range`, or from an offset below `details.size`.",
        details={"size": 1_000_000},
    ),
    _kind(
        "quota_exceeded",
        status=429,
        title="Guest limit reached",
        description="Sign in, or come back after `details.retry_after` seconds; see also "
        "`Retry-After`.",
        happened="The image was not analysed: this guest has none left for now.",
        why="A guest may send `GUEST_MAX_USAGE` images a day "
        f"({_default('GUEST_MAX_USAGE')} by default), all guests of one network address "
        f"`GUEST_MAX_USAGE_PER_ADDRESS` ({_default('GUEST_MAX_USAGE_PER_ADDRESS')}). Clearing "
        "cookies does not help. Where one of the two is 0, only users are served.",
        remedy="Sign in, which has no limit, or come back after as many seconds as the header "
        "`Retry-After` says.",
        details={"retry_after": 3600, "limit": _default("GUEST_MAX_USAGE"), "remaining": 0},
    ),
    _kind(
        "too_many_videos",
        status=429,
        title="Too many videos waiting",
        description="Send the next one when one of yours is done; `details.limit` says how many "
        "may wait.",
        happened="The video was not accepted.",
        why="The user has as many unfinished videos as allowed (`MAX_VIDEOS_PER_USER`, "
        f"{_default('MAX_VIDEOS_PER_USER')} by default).",
        remedy="Wait until one is done, or delete one of them.",
        details={"retry_after": 60, "limit": _default("MAX_VIDEOS_PER_USER"), "remaining": 0},
    ),
    _kind(
        "malformed_request",
        status=400,
        title="Not HTTP",
        description="What was sent cannot be read as HTTP/1.1, or is a body in chunks of a few "
        "bytes.",
        happened="The service closed the connection, because it could not tell where a request "
        "begins or ends.",
        why="A header is malformed, the body has another length than announced, or it consists of "
        "more than 128 chunks of less than about 100 bytes.",
        remedy="Use a client that speaks HTTP/1.1, without TLS unless a proxy in front handles it, "
        "and that sends larger chunks.",
    ),
    _kind(
        "header_too_large",
        status=431,
        title="Headers too large",
        description="Send fewer or shorter headers, or a shorter address.",
        happened="The service did not process the request.",
        why="Its headers have more bytes than allowed (`MAX_HEADER_BYTES`) or more than "
        f"{MAX_HEADER_LINES} lines.",
        remedy="Clear the cookies of this site, or send fewer headers.",
    ),
    _kind(
        "internal_error",
        status=500,
        title="Internal error",
        description="An unexpected error of the service; its log says more.",
        happened="An unexpected error stopped the request.",
        why="It is a bug, or something about the machine it runs on.",
        remedy="Try once more. If it happens again, send the operator of the service the header "
        "`X-Request-ID` of the answer: it finds the fault in the log.",
    ),
    _kind(
        "service_unavailable",
        status=503,
        title="Unavailable",
        description="Try again after `Retry-After` seconds.",
        happened="A part that the request needs did not answer in time.",
        why="It is down, starting, or too busy. `/readyz` names each part and its state.",
        remedy=_WAIT,
        details=_WAIT_5_S,
    ),
    _kind(
        "store_unavailable",
        status=503,
        title="Storage unavailable",
        description="Try again after `Retry-After` seconds.",
        happened="Records or images could not be read or written.",
        why="The database or the image store cannot be reached, or the disk is full.",
        remedy=_WAIT + " What was accepted before is not lost.",
        details=_WAIT_5_S,
    ),
    _kind(
        "identity_unavailable",
        status=503,
        title="Sign-in unavailable",
        description="Tokens cannot be checked now; try again after `Retry-After`.",
        happened="The token could not be checked, so it was neither accepted nor refused.",
        why="The identity provider cannot be reached.",
        remedy=_WAIT + " The token may well be good: there is no need to sign in again.",
        details=_WAIT_5_S,
    ),
    _kind(
        "inference_unavailable",
        status=503,
        title="Analysis unavailable",
        description="Try again after `Retry-After` seconds.",
        happened="The image is fine, but could not be analysed now.",
        why="The face detector or the emotion model failed, is missing, or cannot be reached, or "
        "the service is short of memory.",
        remedy=_WAIT + " The failed attempt does not count against a guest.",
        details=_WAIT_5_S,
    ),
    _kind(
        "overloaded",
        status=503,
        title="Busy",
        description="All places are taken; try again after `Retry-After` seconds.",
        happened="The image or the live session was refused at once, so that those that were "
        "admitted stay quick.",
        why="As many images are in work as allowed (`MAX_IMAGES_IN_WORK`; guests may take three "
        "quarters of these places), or as many live sessions are open, in all "
        "(`MAX_REALTIME_SESSIONS`) or of this user (`MAX_REALTIME_SESSIONS_PER_USER`). A service "
        "that restarts opens no sessions either, and refuses what it cannot finish in time.",
        remedy=_WAIT + " Send fewer images at once, and close sessions that are not needed.",
        details={"retry_after": 1},
    ),
    _kind(
        "too_many_connections",
        status=503,
        title="Too many connections",
        description="Try again after `Retry-After` seconds.",
        happened="The service closed the connection without reading the request.",
        why="As many connections are open as allowed, in all (`MAX_CONNECTIONS`) or from one "
        "network address (`MAX_CONNECTIONS_PER_ADDRESS`).",
        remedy="Close connections that are not needed, and try again.",
    ),
)

KINDS: Mapping[str, ProblemKind] = {kind.code: kind for kind in _TABLE}
"""Every kind by its code."""
