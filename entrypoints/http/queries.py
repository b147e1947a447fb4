"""The history filter in the query string."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from litestar.openapi.spec import Example, OpenAPIFormat, OpenAPIType, Schema
from litestar.params import QueryParameter

from domain.detection import HistoryFilter
from domain.emotion import Emotion
from domain.errors import InvalidRequest

_EMPTY = Schema(type=OpenAPIType.STRING, max_length=0, description="The same as leaving it out.")
_MOMENT = [
    Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE),
    Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME),
    _EMPTY,
]
# Longer than any moment, and short enough for the searches below.
_MAX_MOMENT_LENGTH = 64
_DATE_ONLY = re.compile(r"\d{4}-?(\d{2}-?\d{2}|W\d{2}-?\d)")
# A plus sign that was not percent-encoded arrives as a space.
_LOST_PLUS = re.compile(r"(T.*) (\d\d:?\d\d)$")
# ISO 8601 lets a day end at 24:00.
_MIDNIGHT_AT_THE_END = re.compile(r"([T ])24((?::?00){0,2}(?:[.,]0+)?(?=[Z+\- ]|$))")
# It allows leap seconds as well.
_LEAP_SECOND = re.compile(r"([T ]23(:?)59\2)60")


def one_of_or_empty(*words: str) -> dict[str, Any]:
    """The schema of a parameter that is one of some words, or empty, which is as if left out."""
    some = Schema(type=OpenAPIType.STRING, enum=list(words))
    return {"type": None, "enum": None, "one_of": [some, _EMPTY]}


def history_filter(
    from_date: Annotated[
        str | None,
        QueryParameter(
            description="Earliest time, ISO 8601, UTC unless a zone is given; a date means its "
            "start.",
            examples=[Example(value="2026-11-01")],
            schema_extra={"type": None, "one_of": _MOMENT},
        ),
    ] = None,
    to_date: Annotated[
        str | None,
        QueryParameter(
            description="Latest time, ISO 8601, UTC unless a zone is given; a date means its end.",
            examples=[Example(value="2026-11-22T14:30:00Z")],
            schema_extra={"type": None, "one_of": _MOMENT},
        ),
    ] = None,
    keyword: Annotated[
        str | None,
        QueryParameter(
            max_length=200,
            description="Part of the file name, or the word for the dominant emotion of any face.",
            examples=[Example(value="holiday")],
        ),
    ] = None,
    emotion: Annotated[
        str | None,
        QueryParameter(
            description="Dominant emotion of any face.",
            schema_extra=one_of_or_empty(*Emotion),
        ),
    ] = None,
) -> HistoryFilter:
    """A dependency of handlers: the filter in the query; an empty value is the same as none.

    Raises:
        InvalidRequest: a date is not ISO 8601, or there is no such emotion.
    """
    return HistoryFilter(
        from_date=_moment("from_date", from_date, time.min),
        to_date=_moment("to_date", to_date, time.max),
        # File names are kept in NFC. The keyboards of phones add a space to a word.
        keyword=unicodedata.normalize("NFC", keyword or "").strip() or None,
        emotion=_emotion(emotion),
    )


def _emotion(word: str | None) -> Emotion | None:
    word = (word or "").strip()
    if not word:
        return None
    try:
        return Emotion(word.lower())
    except ValueError:
        words = ", ".join(Emotion)
        fault = f"must be one of {words}"
        raise InvalidRequest(f"emotion: {fault}", fields={"emotion": fault}) from None


def _moment(field: str, text: str | None, on_a_date: time) -> datetime | None:
    text = (text or "").strip()
    if not text:
        return None
    try:
        if len(text) > _MAX_MOMENT_LENGTH:
            raise ValueError
        if _DATE_ONLY.fullmatch(text):
            return datetime.combine(date.fromisoformat(text), on_a_date, UTC)
        text, is_next_day = _MIDNIGHT_AT_THE_END.subn(r"\g<1>00\2", text.upper())
        text = _LEAP_SECOND.sub(r"\g<1>59", text)
        moment = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text))
        if is_next_day:
            moment += timedelta(days=1)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"{field} must be a date or a time in ISO 8601, "
            "for example 2026-11-22 or 2026-11-22T14:30:00Z",
            field=field,
        ) from None
