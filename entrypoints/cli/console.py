"""What every command does alike: read the settings, say things, and end."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.console import Console

from application.errors import ServiceUnavailable
from domain.errors import DomainError
from entrypoints.settings import BadSettings, Settings, load_settings, unknown_keys

# What goes into a file or a pipe is for programs: no line of it is broken or cut.
_WIDE_ENOUGH = 100_000
_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def console(*, stderr: bool = False) -> Console:
    """A console that shows every name as it is, whatever brackets and colons it has."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stderr or (stream and stream.isatty()) else _WIDE_ENOUGH
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


errors = console(stderr=True)


def shown(name: object) -> str:
    """A file's name on one line, with escapes for what would move the cursor or turn the text."""
    return "".join(_escaped(each) if _is_unseen(each) else each for each in str(name))


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in _TURNING


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode()


def settings_or_exit(*, warn: bool = True, **chosen: Any) -> Settings:
    """The settings; a command cannot run with bad ones.

    Args:
        warn: say which keys in ``.env`` mean nothing.
        chosen: what comes before the environment and ``.env``.
    """
    try:
        settings = load_settings(**chosen)
    except BadSettings as error:
        stop(f"the settings cannot be used:\n{error}")
    for warning in unknown_keys() if warn else ():
        errors.print(f"warning: {warning}", soft_wrap=True)
    return settings


@contextmanager
def explained(*others: type[Exception]) -> Iterator[None]:
    """Let the command end with the reason where something cannot be done.

    Args:
        others: further errors whose words are fit for whoever typed the command.
    """
    told: tuple[type[Exception], ...] = (
        ServiceUnavailable,
        DomainError,
        BadSettings,
        OSError,
        *others,
    )
    try:
        yield
    except BrokenPipeError:
        raise  # whoever was reading has had enough, which is no error
    except told as error:
        stop(str(error))


def stop(message: str, *, code: int = 2) -> NoReturn:
    """End the command with a message, on standard error, and exit with the code."""
    errors.print(f"error: {message}", style="red", soft_wrap=True)
    raise typer.Exit(code)


@contextmanager
def quiet_when_nobody_reads() -> Iterator[None]:
    """End in silence, with 1, where the reader of a pipe has gone.

    Names that the terminal's encoding cannot show are written with escapes.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # as where a parent has closed it
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        # Python writes what is left when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
