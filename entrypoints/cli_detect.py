"""``emotion-api detect``: photographs on the command line, without a server and without storing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from application.errors import ServiceUnavailable
from application.use_cases.detect_emotions import DetectEmotionsCommand
from application.work import Priority
from domain.detection import Detection
from domain.errors import DomainError
from domain.user import Guest
from entrypoints.container import Container
from entrypoints.http import presenters
from entrypoints.settings import Settings

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp"}


@dataclass(frozen=True, slots=True)
class _Outcome:
    photo: Path
    detection: Detection | None = None
    annotated: Path | None = None
    error: str | None = None


async def detect_photographs(
    settings: Settings, paths: Sequence[Path], *, as_json: bool, annotate: Path | None
) -> bool:
    """Analyse photographs, print what was found, and optionally draw it.

    Args:
        settings: which detector and classifier run, and the limits.
        paths: files, or folders whose photographs are taken (not those of folders within).
        as_json: print one JSON array to standard output instead of a table.
        annotate: where the drawn copy goes: a file for one photograph, a folder for several.

    Returns:
        Whether every photograph could be analysed.
    """
    photos = _photographs(paths)
    if not photos:
        Console(stderr=True).print("no photographs found there")
        return False
    container = Container(settings=settings)
    outcomes = []
    console = Console(stderr=True)
    columns = (
        TextColumn("Reading faces"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=len(photos) == 1, transient=True) as progress:
        bar = progress.add_task("", total=len(photos))
        targets = _targets(photos, annotate)
        async for outcome in _analyse(container, photos, targets, settings):
            outcomes.append(outcome)
            progress.advance(bar)
    outcomes.sort(key=lambda outcome: photos.index(outcome.photo))
    container.executor().close()

    if as_json:
        print(json.dumps([_as_json(outcome) for outcome in outcomes], indent=2))
    else:
        Console().print(_as_table(outcomes))
    for outcome in outcomes:
        if outcome.error:
            console.print(f"{outcome.photo}: {outcome.error}", style="red", markup=False)
        elif outcome.annotated:
            console.print(f"drawn: {outcome.annotated}", style="dim", markup=False)
    return all(outcome.error is None for outcome in outcomes)


def _photographs(paths: Sequence[Path]) -> list[Path]:
    photos: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (p for p in sorted(path.iterdir()) if p.suffix.lower() in PHOTO_SUFFIXES)
            photos.extend(inside)
        else:
            photos.append(path)
    return list(dict.fromkeys(photos))


def _targets(photos: Sequence[Path], annotate: Path | None) -> dict[Path, Path]:
    """Where each drawn copy goes. Never over its own original."""
    if annotate is None:
        return {}
    if len(photos) == 1 and not annotate.is_dir():
        targets = {photos[0]: annotate}
    else:
        annotate.mkdir(parents=True, exist_ok=True)
        targets = {photo: annotate / f"{photo.stem}.jpg" for photo in photos}
        names = list(targets.values())
        targets = {
            photo: target if names.count(target) == 1 else annotate / f"{photo.name}.jpg"
            for photo, target in targets.items()
        }
    for photo, target in targets.items():
        if target.exists() and photo.exists() and target.samefile(photo):
            raise OSError(f"--annotate {annotate} would overwrite the photograph {photo} itself")
    return targets


async def _analyse(
    container: Container, photos: Sequence[Path], targets: dict[Path, Path], settings: Settings
) -> AsyncIterator[_Outcome]:
    caller = Guest("guest:command-line", "local", datetime.now(UTC))  # whose images are never kept
    detect, annotator = container.detect_emotions(), container.annotator()
    places = asyncio.Semaphore(settings.threads)

    async def one(photo: Path) -> _Outcome:
        async with places:
            try:
                data = await asyncio.to_thread(photo.read_bytes)
                command = DetectEmotionsCommand(caller, data, photo.name)
                detection = await detect.analyse(command, Priority.BULK)
                if target := targets.get(photo):
                    drawn = await annotator.annotate(data, detection.faces)
                    await asyncio.to_thread(target.write_bytes, drawn)
            except (DomainError, ServiceUnavailable, OSError) as error:
                reason = error.strerror if isinstance(error, OSError) else None
                return _Outcome(photo, error=reason or str(error))
            return _Outcome(photo, detection, targets.get(photo))

    for finished in asyncio.as_completed([asyncio.create_task(one(photo)) for photo in photos]):
        yield await finished


def _as_json(outcome: _Outcome) -> dict[str, object]:
    if outcome.detection is None:
        return {"filename": str(outcome.photo), "status": "error", "error": outcome.error}
    wire: dict[str, object] = msgspec.to_builtins(presenters.detection(outcome.detection))
    return {**wire, "filename": str(outcome.photo), "status": "completed"}


def _as_table(outcomes: Sequence[_Outcome]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("photograph", "face", "emotion", "score", "next", "box", "confidence"):
        table.add_column(heading, justify="right" if heading in ("face", "score") else "left")
    for outcome in outcomes:
        name = outcome.photo.name
        if outcome.detection is None:
            table.add_row(name, "", "[red]error[/red]")
            continue
        if not outcome.detection.faces:
            table.add_row(name, "", "[dim]no face[/dim]")
        for number, face in enumerate(outcome.detection.faces, start=1):
            (first, score), (second, second_score), *_ = face.reading.scores.ranked()
            box = face.detection.box
            doubt = "" if face.reading.reliable else " [dim](unreliable)[/dim]"
            table.add_row(
                name if number == 1 else "",
                str(number),
                f"{first}{doubt}",
                f"{score:.0%}",
                f"[dim]{second} {second_score:.0%}[/dim]",
                f"{box.x},{box.y} {box.width}x{box.height}",
                f"{face.detection.confidence:.2f}",
            )
    return table
