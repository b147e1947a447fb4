"""Errors of parts that settings choose, named by the setting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from application.errors import ServiceUnavailable
from entrypoints.settings import BadSettings


@contextmanager
def named(setting: str) -> Iterator[None]:
    """Begin the message of a part that cannot be made with the setting that asks for it.

    Args:
        setting: its name, with its value where that is no secret.

    Raises:
        BadSettings: the part cannot be made.
    """
    try:
        yield
    except ServiceUnavailable as error:
        raise BadSettings(f"{setting}: {error}") from error
    except OSError as error:
        raise BadSettings(f"{setting}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadSettings(f"{setting}: is not a text in UTF-8") from error
