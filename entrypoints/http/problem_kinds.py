"""The kinds of problems a caller may meet, by the stable ``code`` that names each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from entrypoints.http.schemas import ProblemKind


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem.

    Attributes:
        status: the HTTP status it comes with.
        title: a short name.
        description: what is told where nothing more precise is known.
        happened: what the service did, for somebody who has just met the problem.
        why: what usually leads to it.
        remedy: what the caller can do about it.
    """

    status: int
    title: str
    description: str
    happened: str
    why: str
    remedy: str


# Most of what is unavailable comes back by itself.
_WAIT = "Wait for as many seconds as the header `Retry-After` says, then send the request again."

KINDS: Mapping[str, Kind] = {
    "invalid_request": Kind(
        400,
        "Invalid request",
        "A value is missing, malformed or out of range. `details` says which.",
        happened="The service understood the call, but not a value in it, and did nothing.",
        why="A field is missing, has another type than documented, or lies outside its range.",
        remedy="Read `detail`, and `details.fields` where it is there: they name the value.",
    ),
    "invalid_image": Kind(
        400,
        "Not a usable image",
        "The file is empty, truncated or no image. JPEG, PNG, GIF, WebP, BMP, AVIF, HEIC and "
        "TIFF are read.",
        happened="The file was received and could not be read as a picture.",
        why="It is empty, was cut off on its way, or is of a kind that is not read, such as "
        "SVG or PDF. The service looks at the content; the name of the file does not matter.",
        remedy="Send a JPEG, PNG, GIF, WebP, BMP, AVIF, HEIC or TIFF that opens in a viewer of "
        "pictures.",
    ),
    "missing_file": Kind(
        400,
        "File missing",
        "Send the image as a file in a multipart form, in the field named.",
        happened="The form arrived without a file in the field that should hold it.",
        why="The field has another name, or the picture was sent as text in place of a file.",
        remedy="Send `multipart/form-data` with the picture in `file`, or several in `files` for a "
        "batch: `curl -F file=@photo.jpg`.",
    ),
    "batch_too_large": Kind(
        400,
        "Too many files",
        "Send fewer files at once; `details.limit` says how many may go.",
        happened="No file of the batch was looked at.",
        why="It holds more files than one request may (`MAX_BATCH_SIZE`), or more bytes than that "
        "many files may have together (`MAX_UPLOAD_BYTES` each).",
        remedy="Send several batches of at most `details.limit` files, none of them larger than a "
        "single one may be.",
    ),
    "domain_error": Kind(
        400,
        "Refused",
        "The request breaks a rule of the service.",
        happened="The service understood the request and refused it.",
        why="It breaks a rule that has no kind of its own.",
        remedy="Read `detail`, which says what is wrong.",
    ),
    "not_authenticated": Kind(
        401,
        "Sign in first",
        "Send `Authorization: Bearer <token>` with an access or ID token.",
        happened="The call is for signed-in users, and it came without a token.",
        why="Guests may analyse single photographs. Batches, history and live video need a user.",
        remedy="Sign in with `POST /auth/verify-token` and send its `access_token` along, as "
        "`Authorization: Bearer <token>`.",
    ),
    "invalid_token": Kind(
        401,
        "Token refused",
        "The token is malformed, forged, expired, revoked or of another kind.",
        happened="A token came with the request and was not accepted. Nobody is made a guest for "
        "that.",
        why="It has run out, was revoked, was signed with another secret, or is a refresh token "
        "where an access token is asked for. A refresh token works once.",
        remedy="Fetch new tokens with `POST /auth/refresh-token`. If that is refused too, sign in "
        "again.",
    ),
    "forbidden": Kind(
        403,
        "Not yours",
        "What was asked for belongs to somebody else.",
        happened="It exists, and the signed-in user may not see or change it.",
        why="Photographs and results are for their owner only.",
        remedy="Sign in as the user who sent the photograph.",
    ),
    "invalid_link": Kind(
        403,
        "Link not valid",
        "The link has ended or was changed.",
        happened="The link to a picture was not accepted, and nothing was sent.",
        why="Links to pictures end after a while (`IMAGE_LINK_SECONDS`, an hour unless set "
        "otherwise), open one picture only, and must reach the service as they were given out.",
        remedy="Ask for the record again: every answer has a fresh `image_url`.",
    ),
    "not_found": Kind(
        404,
        "Not found",
        "There is no such thing.",
        happened="There is nothing at that address.",
        why="The path is misspelt, or the record was deleted, or it never was.",
        remedy="Compare the path with the documentation at `/docs`, and the id with the list of "
        "the history.",
    ),
    "method_not_allowed": Kind(
        405,
        "Method not allowed",
        "The path exists; the header `Allow` lists its methods.",
        happened="The path is right, and the method is not one of those it takes.",
        why="A `GET` was sent where a `POST` is expected, or the like.",
        remedy="Use a method that the header `Allow` of the answer lists.",
    ),
    "image_too_large": Kind(
        413,
        "File too large",
        "Send a smaller file; `details.limit` is in bytes.",
        happened="The file was not looked at.",
        why="It has more bytes than allowed (`MAX_UPLOAD_BYTES`, 5 MiB unless set otherwise).",
        remedy="Save it as JPEG, or smaller. `details.limit` is the limit in bytes; 2000 pixels "
        "across are enough for a group of people.",
    ),
    "image_dimensions_too_large": Kind(
        413,
        "Too many pixels",
        "Send the image at a smaller width and height.",
        happened="The width and height in the file's header were read, and the picture was not.",
        why="It has more pixels than are decoded (`MAX_IMAGE_MEGAPIXELS`, 50 unless set "
        "otherwise). A small file can hold a picture that fills the memory.",
        remedy="Scale it down; 2000 pixels across are enough for a group of people.",
    ),
    "image_too_costly": Kind(
        413,
        "Too costly to decode",
        "Send the image smaller, or as a plain JPEG; `details.cost` is `memory` or `time`.",
        happened="The file is an image of allowed size, and decoding it was refused or stopped.",
        why="Decoding it takes more memory (`MAX_IMAGE_MEMORY_MB`) or more time of a processor "
        "(`MAX_IMAGE_SECONDS`) than one image may take. `detail` says what is too costly: a few "
        "bytes can stand for millions of pixels, or be gone through thousands of times.",
        remedy="Open it in any program and save it as JPEG, or scale it down.",
    ),
    "request_too_large": Kind(
        413,
        "Request too large",
        "Send a smaller request body.",
        happened="The body was not read to its end.",
        why="It is larger than this call takes. JSON may have 64 KiB.",
        remedy="Send less, or pictures as files to `/api/detect`.",
    ),
    "unsupported_media_type": Kind(
        415,
        "Unsupported content type",
        "Send a file as `multipart/form-data`, all else as JSON.",
        happened="The body was not read, for its content type says that it is something else.",
        why="The header `Content-Type` is missing or wrong; a client library often sets it by "
        "itself when it is given a form.",
        remedy="Send pictures as `multipart/form-data` and everything else as `application/json`.",
    ),
    "malformed_request": Kind(
        400,
        "Not HTTP",
        "What was sent cannot be read as HTTP/1.1.",
        happened="The connection was closed, for it was not clear where a request begins or ends.",
        why="A header is malformed, or a body has another length than was announced.",
        remedy="Use a client that speaks HTTP/1.1, without TLS unless a proxy in front takes it.",
    ),
    "request_timeout": Kind(
        408,
        "Request too slow",
        "The request did not come in to its end in time. Send it again.",
        happened="The service stopped waiting for the rest of the request and closed the "
        "connection.",
        why="The connection is slow or was interrupted (`HEADER_TIMEOUT_S`, `BODY_TIMEOUT_S`, "
        "`BODY_MIN_BYTES_PER_S`).",
        remedy="Send it again, over a better connection or with a smaller picture.",
    ),
    "header_too_large": Kind(
        431,
        "Headers too large",
        "Send fewer or shorter headers, or a shorter address.",
        happened="The request was not looked at.",
        why="Its headers have more bytes than allowed (`MAX_HEADER_BYTES`) or more than 128 lines.",
        remedy="Clear the cookies of this site, or send fewer headers.",
    ),
    "too_many_connections": Kind(
        503,
        "Too many connections",
        "Try again after `Retry-After` seconds.",
        happened="The connection was closed without a look at the request.",
        why="As many connections are open as may be, in all (`MAX_CONNECTIONS`) or from one "
        "network address (`MAX_CONNECTIONS_PER_ADDRESS`).",
        remedy="Close connections that are not needed, and try again.",
    ),
    "quota_exceeded": Kind(
        429,
        "Guest limit reached",
        "Sign in, or come back after `details.retry_after` seconds; see also `Retry-After`.",
        happened="The photo was not analysed: a guest may send no more of them for now.",
        why="A guest has `GUEST_MAX_USAGE` photos a day (3 unless set otherwise), all guests "
        "of one network address `GUEST_MAX_USAGE_PER_ADDRESS` (6). Clearing cookies does not help. "
        "Where one of the two is 0, only users are served.",
        remedy="Sign in, which has no limit, or come back after as many seconds as the header "
        "`Retry-After` says.",
    ),
    "internal_error": Kind(
        500,
        "Something broke here",
        "Not the caller's fault. The request id helps to find it.",
        happened="The service met a fault of its own and gave up on this request.",
        why="It is a bug, or something about the machine it runs on.",
        remedy="Try once more. If it stays, tell whoever runs the service the header "
        "`X-Request-ID` of the answer: it finds the fault in the log.",
    ),
    "service_unavailable": Kind(
        503,
        "Unavailable",
        "Try again after `Retry-After` seconds.",
        happened="A part that the request needs did not answer in time.",
        why="It is down, starting, or too busy. `/readyz` names each part and how it is.",
        remedy=_WAIT,
    ),
    "store_unavailable": Kind(
        503,
        "Storage unavailable",
        "Try again after `Retry-After` seconds.",
        happened="Records or pictures could not be read or written.",
        why="The database or the image store cannot be reached, or the disk is full.",
        remedy=_WAIT + " What had been accepted before is not lost.",
    ),
    "identity_unavailable": Kind(
        503,
        "Sign-in unavailable",
        "Tokens cannot be checked now; try again after `Retry-After`.",
        happened="The token could not be checked, so it was neither accepted nor refused.",
        why="The identity provider cannot be reached.",
        remedy=_WAIT + " The token may well be good: there is no need to sign in again.",
    ),
    "inference_unavailable": Kind(
        503,
        "Analysis unavailable",
        "Try again after `Retry-After` seconds.",
        happened="The picture is fine, and could not be analysed now.",
        why="The emotion model failed, is missing, or cannot be reached.",
        remedy=_WAIT + " Such a try costs a guest nothing.",
    ),
    "overloaded": Kind(
        503,
        "Busy",
        "Too many images are in work; try again after `Retry-After` seconds.",
        happened="The request was turned away at once, so that those in work stay quick.",
        why="As many pictures are in work as may be (`MAX_IMAGES_IN_WORK`).",
        remedy=_WAIT + " Send fewer at once.",
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
        happened=kind.happened,
        why=kind.why,
        remedy=kind.remedy,
    )


def type_uri(code: str) -> str:
    """The reference that names a kind of problem."""
    return f"/problems/{code}"
