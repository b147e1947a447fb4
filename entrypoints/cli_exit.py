"""What every command does when it cannot go on: say why, on standard error, and exit with 2."""

from __future__ import annotations

from typing import NoReturn

import typer
from rich.console import Console

from entrypoints.settings import BadSettings, Settings, load_settings

errors = Console(stderr=True)


def settings_or_exit() -> Settings:
    """The settings; a command cannot run with bad ones."""
    try:
        return load_settings()
    except BadSettings as error:
        stop(f"the settings cannot be used:\n{error}")


def stop(message: str) -> NoReturn:
    """End the command with a message."""
    errors.print(f"error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(2)
