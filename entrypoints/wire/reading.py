"""Decoding what clients send, with errors that name the wrong field and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, get_type_hints

import msgspec
from msgspec import inspect

from domain.errors import InvalidRequest

MAX_INTEGER = 2**53
"""Above it JavaScript and most JSON parsers cannot represent every integer."""

S = TypeVar("S", bound=msgspec.Struct)


def read(kind: type[S], sent: Mapping[str, object]) -> S:
    """Fill a struct from what was sent; keys that it has no field for are passed over.

    Raises:
        InvalidRequest: a field is missing or does not fit; ``details["field"]`` names it.
    """
    known = kind.__struct_fields__
    values = {name: _with_whole_numbers(sent[name]) for name in known if name in sent}
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError:
        raise _fault(kind, values) from None


def _fault(kind: type[msgspec.Struct], values: Mapping[str, object]) -> InvalidRequest:
    """Find the field that is wrong; its path in the error of msgspec is meant for people."""
    hints = get_type_hints(kind, include_extras=True)
    for field in msgspec.structs.fields(kind):
        name = field.name
        if name not in values:
            if field.required:
                return InvalidRequest(f"{name} is missing", field=name)
            continue
        try:
            msgspec.convert(values[name], hints[name])
        except msgspec.ValidationError:
            wanted = _in_words(inspect.type_info(hints[name]))
            return InvalidRequest(f"{name} must be {wanted}", field=name)
    return InvalidRequest("the payload does not fit")


def _with_whole_numbers(value: object) -> object:
    # JavaScript has one kind of number, and some writers of JSON write whole ones as 5.0.
    if isinstance(value, list):  # No field holds a list of lists.
        return [_whole(each) for each in value]
    return _whole(value)


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


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
    if wanted.ge is None or wanted.le is None:
        return ""
    if wanted.le >= MAX_INTEGER:
        return f" from -{MAX_INTEGER} to {MAX_INTEGER}"
    return f" from {wanted.ge:g} to {wanted.le:g}"
