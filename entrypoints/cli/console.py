"""What all commands share: reading the settings, printing, and exiting."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.console import Console

from application.errors import ServiceUnavailable
from domain.errors import DomainError
from entrypoints.settings import BadSettings, Settings, load_settings, unknown_keys

# Output to a file or a pipe is for programs: no line is wrapped or cut.
_NO_WRAP_WIDTH = 100_000
_BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def console(*, stderr: bool = False) -> Console:
    """A console that prints names unchanged, brackets and colons included."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stderr or (stream and stream.isatty()) else _NO_WRAP_WIDTH
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


errors = console(stderr=True)


def shown(name: object) -> str:
    """A file name on one line, with control and bidirectional characters escaped."""
    return "".join(
        each.encode("unicode_escape", "surrogatepass").decode()
        if unicodedata.category(each) in {"Cc", "Cs", "Zl", "Zp"} or each in _BIDI
        else each
        for each in str(name)
    )


def reason_of(error: Exception) -> str:
    """Why a file could not be used; of errors of the system without the file's name."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def settings_or_exit(*, warn: bool = True, **chosen: Any) -> Settings:
    """The settings; exits if a value cannot be used.

    Args:
        warn: name the keys in ``.env`` that are not settings.
        chosen: settings that take precedence over the environment and ``.env``.
    """
    try:
        settings = load_settings(**chosen)
    except BadSettings as error:
        stop(f"the settings cannot be used:\n{error}")
    for warning in unknown_keys() if warn else ():
        errors.print(f"warning: {warning}", soft_wrap=True)
    return settings


@contextmanager
def exit_on_error(*others: type[Exception]) -> Iterator[None]:
    """Exit with the message of an expected error.

    Args:
        others: further types of errors whose messages are meant for users.
    """
    expected: tuple[type[Exception], ...] = (
        ServiceUnavailable,
        DomainError,
        BadSettings,
        OSError,
        *others,
    )
    try:
        yield
    except BrokenPipeError:
        raise  # The pipe was closed by its reader, which is not an error.
    except expected as error:
        stop(str(error))


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error; yields a function that takes the amount done so far."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=total <= 1) as bars:
        bar = bars.add_task("", total=total)
        yield lambda done: bars.update(bar, completed=done)


def stop(message: str, *, code: int = 2) -> NoReturn:
    """Print a message to standard error and exit with the code."""
    errors.print(f"error: {message}", style="red", soft_wrap=True)
    raise typer.Exit(code)


@contextmanager
def quiet_on_closed_pipe() -> Iterator[None]:
    """Exit silently with 1 when the reader of a pipe has closed it.

    Characters that the terminal's encoding lacks are written with escapes.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # It is None if the parent process closed it.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes at exit, and would print an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
