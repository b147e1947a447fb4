"""Files out of multipart forms."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath
from typing import Any

from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.exceptions import ClientException

from domain.errors import DomainError, ImageTooLarge, InvalidRequest
from entrypoints.http.body import BodyRequest
from entrypoints.http.errors import MissingFile, UnsupportedMediaType

FORM_OVERHEAD_BYTES = 64 * 1024  # boundaries and headers around the files of a form
_LONGEST_NAME = 255
_BIDI_CONTROLS = frozenset(
    "\N{ARABIC LETTER MARK}\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}"
    "\N{LEFT-TO-RIGHT EMBEDDING}\N{RIGHT-TO-LEFT EMBEDDING}\N{POP DIRECTIONAL FORMATTING}"
    "\N{LEFT-TO-RIGHT OVERRIDE}\N{RIGHT-TO-LEFT OVERRIDE}\N{LEFT-TO-RIGHT ISOLATE}"
    "\N{RIGHT-TO-LEFT ISOLATE}\N{FIRST STRONG ISOLATE}\N{POP DIRECTIONAL ISOLATE}"
)
# What clients send when no file was chosen: nothing at all, or a form of another kind.
_NEVER_WITH_FILES = ("", RequestEncodingType.URL_ENCODED)


async def uploaded_files(
    request: BodyRequest[Any], field: str, too_large: DomainError
) -> list[UploadFile]:
    """The files sent in one field of the form; at least one.

    Raises:
        DomainError: ``too_large``, as the body is larger than any form of permitted files can be.
        UnsupportedMediaType: the body is no form.
        InvalidRequest: the form cannot be taken apart.
        MissingFile: there is no body, or the field is missing from the form, or holds text.
    """
    content_type, parameters = request.content_type
    if content_type in _NEVER_WITH_FILES:
        raise MissingFile(f"send the file in the field '{field}' of a multipart form", field=field)
    if content_type != RequestEncodingType.MULTI_PART:
        raise UnsupportedMediaType("send the file as multipart/form-data")
    if not parameters.get("boundary"):
        raise InvalidRequest("the content type names no boundary", field="Content-Type")
    try:
        form = await request.form()
    except ClientException:
        if not request.form_too_large:
            raise
    except (UnicodeDecodeError, LookupError) as error:
        # Parts without a file name are read as text.
        raise InvalidRequest(
            "a part of the form is neither text nor a file with a name", field=field
        ) from error
    if request.form_too_large:
        raise too_large
    values = form.getall(field, [])
    if not values:
        raise MissingFile(f"the form has no file in the field '{field}'", field=field)
    files = [value for value in values if isinstance(value, UploadFile)]
    if len(files) < len(values):
        raise MissingFile(f"the field '{field}' must hold a file and not text", field=field)
    return files


async def read_bounded(file: UploadFile, limit_bytes: int) -> bytes:
    """The bytes of a file, as long as there are not too many.

    Raises:
        ImageTooLarge: there are more than ``limit_bytes``.
    """
    data = await file.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise file_too_large(limit_bytes)
    return data


def file_too_large(limit_bytes: int) -> ImageTooLarge:
    """What to say of a file that has more than ``limit_bytes``."""
    return ImageTooLarge(
        f"a file may hold {limit_bytes} bytes, this one has more", limit=limit_bytes
    )


def clean_name(file: UploadFile) -> str | None:
    """The name the sender gave, without folders and without what disturbs a display of it."""
    name = PurePosixPath(file.filename.replace("\\", "/")).name
    return "".join(filter(_is_kept, name))[:_LONGEST_NAME] or None


def _is_kept(character: str) -> bool:
    """Whether it is no control, surrogate, or command to turn the direction of writing."""
    return unicodedata.category(character) not in ("Cc", "Cs") and character not in _BIDI_CONTROLS
