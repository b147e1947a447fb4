"""The command line: ``emotion-api serve | detect | watch | token | import | accounts | models``."""

from __future__ import annotations

import asyncio
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

from domain.video import DEFAULT_STEP_S, MAX_FRAMES_PER_SECOND, MAX_STEP_S
from entrypoints.cli.accounts import accounts
from entrypoints.cli.console import (
    errors,
    exit_on_error,
    quiet_on_closed_pipe,
    settings_or_exit,
    stop,
)
from entrypoints.cli.models import models

app = typer.Typer(
    help="Finds faces in images and video and says what emotion each one shows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(models, name="models")
app.add_typer(accounts, name="accounts")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"emotion-api {installed_version('emotion-api')}")
        raise typer.Exit


def _step(seconds: float) -> float:
    # Not by ``min`` and ``max``, which let NaN through.
    if not 1 / MAX_FRAMES_PER_SECOND <= seconds <= MAX_STEP_S:
        raise typer.BadParameter(
            f"it must lie between 1/{MAX_FRAMES_PER_SECOND:.0f} and {MAX_STEP_S:.0f} seconds"
        )
    return seconds


@app.callback()
def _every_command(
    version: Annotated[
        bool,
        typer.Option("--version", help="Say which version this is.", callback=_print_version),
    ] = False,
) -> None:
    pass


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on, instead of HOST.")] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on, instead of PORT.", min=0, max=65535),
    ] = None,
) -> None:
    """Start the service."""
    from entrypoints.process.serve import serve as run_service

    given = {"host": host, "port": port}
    chosen = {name: value for name, value in given.items() if value is not None}
    settings = settings_or_exit(warn=False, **chosen)
    with exit_on_error():
        run_service(settings)


@app.command()
def detect(
    files: Annotated[list[Path], typer.Argument(help="Images and videos, or folders of them.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON array instead of tables.")
    ] = False,
    annotate: Annotated[
        Path | None,
        typer.Option(
            help="Write a copy with boxes and emotions drawn: a file for one image (.jpg, .png or "
            ".webp) or one video (.mp4, .mov or .mkv), a folder for several.",
        ),
    ] = None,
    every: Annotated[
        float,
        typer.Option(
            help="Seconds between two analysed frames of a video, 1/30 to 3600.", callback=_step
        ),
    ] = DEFAULT_STEP_S,
    csv: Annotated[
        Path | None,
        typer.Option(
            help="Write the analysed frames of videos as a table: a file for one video, a folder "
            "for several.",
        ),
    ] = None,
) -> None:
    """Find the faces in files and say what emotion each one shows. Nothing is stored."""
    from entrypoints.cli.detect import detect_files

    settings = settings_or_exit()
    with exit_on_error():
        all_well = asyncio.run(
            detect_files(
                settings, files, as_json=as_json, annotate=annotate, every_s=every, csv=csv
            )
        )
    raise typer.Exit(0 if all_well else 1)


@app.command()
def watch(
    source: Annotated[str, typer.Argument(help="A camera: the number of a device, or rtsp://…")],
    every: Annotated[
        float,
        typer.Option(help="Seconds between two analysed frames, at least.", callback=_step),
    ] = DEFAULT_STEP_S,
    out: Annotated[
        Path | None, typer.Option(help="Add each analysed frame to this file, as JSON lines.")
    ] = None,
) -> None:
    """Print what a camera shows, a line per second, until Ctrl-C. Nothing is stored."""
    from entrypoints.cli.watch import watch_camera

    settings = settings_or_exit()
    with exit_on_error():
        asyncio.run(watch_camera(settings, source, every_s=every, out=out))


@app.command()
def token(
    user: Annotated[str, typer.Option(help="E-mail address of the user to sign in.")],
    hours: Annotated[float, typer.Option(help="How long it is valid; a year at most.")] = 24.0,
) -> None:
    """Make an ID token of the local identity provider and print it on the last line."""
    settings = settings_or_exit()
    accounts, stores = settings.accounts, settings.stores
    if accounts.auth != "local":
        stop(f"AUTH={accounts.auth}: only the local identity provider makes tokens here")
    if accounts.secret_key is None and not stores.secret_path.exists():
        stop(
            f"DATA_DIR={stores.data_dir}: there is no secret.key in it, so no service has been "
            "started with this folder, and none would accept the token. Run this where the service "
            "runs, or with its DATA_DIR or SECRET_KEY"
        )
    from entrypoints.container import Container

    with exit_on_error():
        provider = Container(settings=settings).accounts().local_identity_provider()
        id_token = provider.mint_id_token(user, lifetime_s=hours * 3600)
    errors.print(f"ID token of {user}, valid for {hours:g} hours:", style="dim")
    print(id_token)


@app.command(name="import")
def import_(
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="mongodb://… of the older service, which is only read; - reads the address from "
            "standard input. The default is IMPORT_MONGODB_URI. Other users of this machine can "
            "see command lines.",
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(help="Its database; by default the one in the address, or MONGODB_NAME."),
    ] = None,
    collection: Annotated[
        str | None, typer.Option(help="By default each collection that holds such records.")
    ] = None,
) -> None:
    """Copy the history of an older service into this one. Repeating it is harmless."""
    from entrypoints.cli.import_history import import_history, source_address

    settings = settings_or_exit()
    address = source_address(source, settings)
    if not address.startswith(("mongodb://", "mongodb+srv://")):
        stop("--from: give an address such as mongodb://localhost:27017/emotion_detection")
    with exit_on_error():
        outcome = asyncio.run(
            import_history(settings, address, name=database, collection=collection, notes=errors)
        )
    print(f"{outcome.imported} records are in the history, {outcome.left_out} were left out")
    raise typer.Exit(1 if outcome.left_out else 0)


def run() -> None:
    """Run the command that the arguments name."""
    with quiet_on_closed_pipe():
        app()
