"""Reading what clients send, so that a refusal names the field that is wrong and what is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, get_type_hints

import msgspec
from msgspec import inspect

from domain.errors import InvalidRequest

LARGEST_INTEGER = 2**53
"""Above it JavaScript, and most readers of JSON, no longer tell neighbours apart."""

S = TypeVar("S", bound=msgspec.Struct)


def read(kind: type[S], sent: Mapping[str, object]) -> S:
    """Fill a struct from what was sent; keys that it has no field for are passed over.

    Raises:
        InvalidRequest: a field is missing or does not fit; ``details["field"]`` names it.
    """
    hints = _hints(kind)
    values = {}
    for field in msgspec.structs.fields(kind):
        if field.name in sent:
            values[field.name] = _read(field.name, sent[field.name], hints[field.name])
        elif field.required:
            raise InvalidRequest(f"{field.name} is missing", field=field.name)
    return kind(**values)


def _read(name: str, value: object, hint: Any) -> object:
    try:
        return msgspec.convert(_with_whole_numbers(value), hint)
    except msgspec.ValidationError:
        wanted = _in_words(inspect.type_info(hint))
        raise InvalidRequest(f"{name} must be {wanted}", field=name) from None


@cache
def _hints(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _with_whole_numbers(value: object) -> object:
    # JavaScript has one kind of number, and some writers of JSON write whole ones as 5.0.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_with_whole_numbers(each) for each in value]
    return value


def _in_words(wanted: inspect.Type) -> str:
    match wanted:
        case inspect.Metadata():
            return _in_words(wanted.type)
        case inspect.UnionType():
            parts = [_in_words(each) for each in wanted.types if each != inspect.NoneType()]
            return f"{' or '.join(parts)}, or null"
        case inspect.IntType():
            return f"a whole number{_range(wanted)}"
        case inspect.FloatType():
            return f"a number{_range(wanted)}"
        case inspect.BoolType():
            return "true or false"
        case inspect.StrType():
            least = f"{wanted.min_length} to " if wanted.min_length else "at most "
            return f"a text of {least}{wanted.max_length} characters"
        case inspect.LiteralType():
            return f"one of {', '.join(map(str, wanted.values))}"
        case inspect.ListType():
            return f"[width, height], each {_in_words(wanted.item_type)}"
        case _:
            return "an object"


def _range(wanted: inspect.IntType | inspect.FloatType) -> str:
    if wanted.ge is None or wanted.le is None or wanted.le >= LARGEST_INTEGER:
        return ""
    return f" from {wanted.ge:g} to {wanted.le:g}"
