"""The command line: ``emotion-api serve | detect | token | models | import``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from application.errors import ServiceUnavailable
from domain.errors import DomainError
from entrypoints.cli_exit import errors, settings_or_exit, stop
from entrypoints.cli_models import models
from entrypoints.settings import BadSettings

app = typer.Typer(
    help="Finds faces in photographs and live video and says what emotion each one shows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(models, name="models")


@app.command()
def serve() -> None:
    """Start the service on HOST and PORT."""
    from entrypoints.serve import serve as run_service

    settings = settings_or_exit()
    try:
        run_service(settings)
    except (ServiceUnavailable, BadSettings, OSError) as error:
        stop(str(error))


@app.command()
def detect(
    photos: Annotated[list[Path], typer.Argument(help="Photographs, or folders of them.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON array instead of a table.")
    ] = False,
    annotate: Annotated[
        Path | None,
        typer.Option(
            help="Write a copy with boxes and emotions drawn: a file for one photograph, "
            "a folder for several.",
        ),
    ] = None,
) -> None:
    """Say which faces photographs show and what emotion each one has. Nothing is stored."""
    from entrypoints.cli_detect import detect_photographs

    try:
        all_well = asyncio.run(
            detect_photographs(settings_or_exit(), photos, as_json=as_json, annotate=annotate)
        )
    except (ServiceUnavailable, BadSettings, OSError) as error:
        stop(str(error))
    raise typer.Exit(0 if all_well else 1)


@app.command()
def token(
    user: Annotated[str, typer.Option(help="E-mail address of the user to sign in.")],
    hours: Annotated[float, typer.Option(help="How long the token stands; a year at most.")] = 24.0,
) -> None:
    """Mint an ID token of the local identity provider; it is printed alone on the last line."""
    from entrypoints.container import Container

    settings = settings_or_exit()
    if settings.auth != "local":
        stop(f"AUTH={settings.auth}: only the local identity provider mints tokens here")
    try:
        provider = Container(settings=settings).identity_provider()
        minted = provider.mint_id_token(user, lifetime_s=hours * 3600)
    except (DomainError, ServiceUnavailable, BadSettings, OSError) as error:
        stop(str(error))
    errors.print(f"ID token of {user}, valid for {hours:g} hours:", style="dim")
    print(minted)


@app.command(name="import")
def import_(
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="mongodb://… of the older service, read and not changed; - reads the address from "
            "standard input. Left out, IMPORT_MONGODB_URI. Others on this machine can see what "
            "stands on a command line.",
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(help="Its database; left out, the one the address names, or MONGODB_NAME."),
    ] = None,
    collection: Annotated[
        str | None, typer.Option(help="Left out, each collection that holds such records.")
    ] = None,
) -> None:
    """Copy the history of an older service of this kind into this one; repeating it is harmless."""
    from entrypoints.cli_import import import_history, source_address

    settings = settings_or_exit()
    address = source_address(source, settings)
    if not address.startswith(("mongodb://", "mongodb+srv://")):
        stop("--from: an address such as mongodb://localhost:27017/emotion_detection is needed")
    try:
        outcome = asyncio.run(
            import_history(settings, address, name=database, collection=collection, notes=errors)
        )
    except (ServiceUnavailable, OSError) as error:
        stop(str(error))
    print(f"{outcome.imported} records are in the history, {outcome.left_out} were left out")
    raise typer.Exit(1 if outcome.left_out else 0)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
