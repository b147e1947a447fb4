"""The common base of the groups of settings, and types used by several of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BeforeValidator,
    MongoDsn,
    SecretStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Text = TypeVar("Text", str, SecretStr)


class Group(BaseSettings):
    """Settings of one topic: typed, validated, immutable. ``.env.example`` says what each is for.

    A field ``mongodb_uri`` is read from ``MONGODB_URI``, whichever group it is in.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    @model_validator(mode="after")
    def _check_faults(self) -> Self:
        if faults := self.faults():
            raise ValueError("\n".join(faults))
        return self

    def faults(self) -> list[str]:
        """Contradictions, one per line, each beginning with the name of a setting."""
        return [
            f"{name.upper()}: is needed because of {choice}"
            for choice, names in self.needed().items()
            for name in names
            if getattr(self, name) is None
        ]

    def needed(self) -> dict[str, list[str]]:
        """Required fields, by the choice that needs them."""
        return {}

    def unused(self) -> list[str]:
        """A warning for each setting that was changed for a choice that was not made."""
        changed = [
            name
            for name, field in type(self).model_fields.items()
            if getattr(self, name) != field.default
        ]
        return [
            f"{name.upper()}: not used without {choice}"
            for choice, beginnings in self.not_chosen().items()
            for name in changed
            if name.startswith(beginnings)
        ]

    def not_chosen(self) -> dict[str, tuple[str, ...]]:
        """How the fields begin that only a choice uses which was not made, by that choice."""
        return {}


def check_with(kind: Any, wanted: str) -> Callable[[Text], Text]:
    """Validate a text with a type of pydantic, but keep it as it was written.

    Pydantic changes values: an ``AnyHttpUrl`` gains a slash at its end, and
    a ``MongoDsn`` a port, which ``mongodb+srv://`` must not have.

    Args:
        kind: the type.
        wanted: the error message; it says what the setting should look like.
    """
    reader = TypeAdapter(kind)

    def check(value: Text) -> Text:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        try:
            reader.validate_python(text)
        except ValidationError:
            raise ValueError(wanted) from None  # not chained: it repeats what may be secret
        return value

    return check


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _split_at_commas(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError(
            'write its entries separated by commas, or as a JSON list: ["first", "second"]'
        ) from None


def _at_home(path: Path) -> Path:
    # A shell replaces ~, and nothing does in a file .env: a folder of that name would be made.
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("there is no home folder here that ~ could stand for") from None


PathOrHome = Annotated[Path, AfterValidator(_at_home)]
InLowerCase = BeforeValidator(_lower)
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_at_commas)]
WebAddress = Annotated[
    str,
    AfterValidator(check_with(AnyHttpUrl, "must be an address such as https://mirror.example.com")),
]
MongoUri = Annotated[
    SecretStr,
    AfterValidator(check_with(MongoDsn, "must look like mongodb://user:password@host:27017/")),
]
