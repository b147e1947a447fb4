"""Files in multipart forms."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from litestar.enums import RequestEncodingType
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import Scope

from domain.errors import DomainError, ImageTooLarge, InvalidRequest
from domain.image import EncodedImage
from entrypoints.http.body import BodyRequest
from entrypoints.http.errors import MissingFile, UnsupportedMediaType
from entrypoints.http.file_names import parameters
from entrypoints.http.forms import Part, UploadMemory, read_form

FORM_OVERHEAD_BYTES = 64 * 1024  # boundaries and headers around the files of a form
_RECEIVED = "received_parts"
_SAMPLE_BYTES = 4096
_TEXT_BYTES = 256
# What clients send when no file was chosen: nothing, or another kind of form.
_NEVER_WITH_FILES = ("", RequestEncodingType.URL_ENCODED)
# Some clients write a list as ``files[]`` or ``files[0]``.
_IN_A_LIST = re.compile(r"\[\d*\]$")


async def receive_form(
    request: BodyRequest[Any], field: str, too_large: DomainError, folder: Path | None = None
) -> tuple[list[Part], dict[str, str]]:
    """Read a form with files in one field; they are deleted when the request has been answered.

    Args:
        request: its body is read.
        field: the name of the field.
        too_large: what to raise where the body is larger than any permitted form can be.
        folder: for large files; None for the system's temporary folder.

    Returns:
        The files, at least one; and the other fields by name, where they are short, of several
        alike the last.

    Raises:
        DomainError: ``too_large``, as the body is larger than any form of permitted files can be.
        UnsupportedMediaType: the body is not a form, or is compressed.
        InvalidRequest: the form cannot be parsed.
        MissingFile: there is no body, or the field is missing from the form, or holds text.
        StoreUnavailable: there is no room on the disk for a large file.
    """
    content_type, _ = request.content_type
    if content_type in _NEVER_WITH_FILES:
        why = f"the content type is {content_type}; " if content_type else ""
        raise MissingFile(
            f"{why}send the file in the field '{field}' of a multipart form", field=field
        )
    if content_type != RequestEncodingType.MULTI_PART:
        raise UnsupportedMediaType("send the file as multipart/form-data")
    boundary = parameters(request.headers["Content-Type"].encode("latin-1")).get("boundary")
    if not boundary:
        raise InvalidRequest(
            "the content type names no boundary; leave this header to what makes the form",
            field="Content-Type",
        )
    memory: UploadMemory = request.app.state.upload_memory
    try:
        parts = await read_form(request.stream(), boundary, memory, folder)
    except RequestEntityTooLarge:
        raise too_large from None
    request.scope["state"].setdefault(_RECEIVED, []).extend(parts)
    sent = [part for part in parts if _IN_A_LIST.sub("", part.name) == field]
    if not sent:
        raise MissingFile(_where_the_file_is_not(parts, field), field=field)
    # What a browser sends for an <input> in which nothing was chosen has no name and no content.
    sent = [part for part in sent if part.size or part.has_filename]
    if not sent:
        raise MissingFile(f"no file was chosen for the field '{field}'", field=field)
    for part in sent:
        if not part.is_file and await _is_text(part):
            raise MissingFile(f"the field '{field}' must hold a file and not text", field=field)
    texts = {
        part.name: (await part.read(_TEXT_BYTES)).decode("utf-8", "replace").strip()
        for part in parts
        if part.name != field and part.size <= _TEXT_BYTES
    }
    return sent, texts


async def delete_uploads(scope: Scope) -> None:
    """Delete the files of a request.

    An error that was raised while they were used may refer to them, which would keep them, and a
    video takes up hundreds of megabytes of the disk.
    """
    for part in scope["state"].pop(_RECEIVED, ()):
        await part.close()


def _where_the_file_is_not(parts: list[Part], field: str) -> str:
    if any(not part.name for part in parts):
        return f"a part of the form has no name; the file belongs in a part named '{field}'"
    return f"the form has no file in the field '{field}'"


async def _is_text(part: Part) -> bool:
    try:
        (await part.read(_SAMPLE_BYTES)).decode()
    except UnicodeDecodeError:
        return False
    return True


def bounded_image(file: Part, limit_bytes: int) -> EncodedImage:
    """The file as an image, which is read, or refused as too large, when it is analysed.

    Reading raises ``ImageTooLarge`` where there are more than ``limit_bytes``, and
    ``StoreUnavailable`` where they cannot be read back.
    """

    async def read() -> bytes:
        if file.size > limit_bytes:
            raise file_too_large(limit_bytes)
        return await file.read(limit_bytes)

    return EncodedImage(min(file.size, limit_bytes), read, file.filename)


def file_too_large(limit_bytes: int) -> ImageTooLarge:
    """The error for a file that has more than ``limit_bytes``."""
    return ImageTooLarge(
        f"a file may hold {limit_bytes} bytes, this one has more", limit=limit_bytes
    )
