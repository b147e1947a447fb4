"""``emotion-api detect``: analysing files without a server. Nothing is stored."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.table import Table
from rich.text import Text

from application.errors import ServiceUnavailable
from application.ports.image_annotator import ANNOTATED_FORMATS
from application.work.priority import Priority
from domain.detection import Detection
from domain.errors import DomainError, InvalidImage
from domain.formats import VIDEO_FORMATS_IN_WORDS
from domain.image import EncodedImage
from domain.user import Guest
from domain.wording import leading, percent
from entrypoints.cli.console import console, errors, progress, reason_of, shown
from entrypoints.cli.files import images_and_videos
from entrypoints.cli.outputs import IMAGE_COPIES, VIDEO_COPIES, outputs_of
from entrypoints.cli.videos import (
    VideoOutcome,
    analyse_videos,
    notes_on_video,
    video_as_json,
    videos_as_table,
)
from entrypoints.container import Container
from entrypoints.settings import Settings
from entrypoints.wire import detections

_DRAWN_TYPES = {suffix: each.media_type for each in ANNOTATED_FORMATS for suffix in each.suffixes}


@dataclass(frozen=True, slots=True)
class _ImageOutcome:
    image: Path
    detection: Detection | None = None
    annotated: Path | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Outputs:
    """Where drawn copies and tables of frames go, by the file that each is made from."""

    drawn_images: dict[Path, Path]
    drawn_videos: dict[Path, Path]
    tables: dict[Path, Path]


async def detect_files(
    settings: Settings,
    paths: Sequence[Path],
    *,
    as_json: bool,
    annotate: Path | None,
    every_s: float,
    csv: Path | None,
) -> bool:
    """Analyse images and videos, print what was found, and optionally draw it.

    Args:
        settings: which detector and classifier run, and the limits.
        paths: files, or folders, see ``images_and_videos``.
        as_json: print one JSON array to standard output instead of tables.
        annotate: where the drawn copy goes: a file for one image or video, a folder for several.
        every_s: seconds between two analysed frames of a video.
        csv: where the frames of videos go as a table: a file for one video, a folder for several.

    Returns:
        Whether every file could be analysed.
    """
    images, videos = await asyncio.to_thread(images_and_videos, paths)
    if not images and not videos:
        errors.print("no images or videos found there")
        return False
    if csv is not None and not videos:
        raise OSError("--csv is for the frames of videos, and there is no video among the files")
    outputs = _plan(images, videos, annotate=annotate, csv=csv)
    image_outcomes, video_outcomes = await _analyse_all(settings, images, videos, outputs, every_s)
    if as_json:
        printed = [_as_json(outcome) for outcome in image_outcomes]
        print(json.dumps(printed + [video_as_json(each) for each in video_outcomes], indent=2))
    else:
        if images:
            console().print(_as_table(image_outcomes))
        if videos:
            console().print(videos_as_table(video_outcomes))
    _report(image_outcomes, video_outcomes)
    faults = [outcome.error for outcome in image_outcomes]
    faults += [outcome.error for outcome in video_outcomes]
    return all(fault is None for fault in faults)


def _plan(
    images: Sequence[Path], videos: Sequence[Path], *, annotate: Path | None, csv: Path | None
) -> _Outputs:
    files = [*images, *videos]
    return _Outputs(
        drawn_images=outputs_of(
            "--annotate", annotate, images, ending=".jpg", suffixes=IMAGE_COPIES, among=files
        ),
        drawn_videos=outputs_of(
            "--annotate", annotate, videos, ending=".mp4", suffixes=VIDEO_COPIES, among=files
        ),
        tables=outputs_of("--csv", csv, videos, ending=".csv", among=videos),
    )


async def _analyse_all(
    settings: Settings,
    images: Sequence[Path],
    videos: Sequence[Path],
    outputs: _Outputs,
    every_s: float,
) -> tuple[list[_ImageOutcome], list[VideoOutcome]]:
    container = Container(settings=settings)
    vision = container.vision()
    try:
        image_outcomes = await _images(container, images, outputs.drawn_images, settings)
        video_outcomes = await analyse_videos(
            container.video().analyse_video(),
            videos,
            every_s=every_s,
            tables=outputs.tables,
            annotator=container.video().video_annotator(),
            copies=outputs.drawn_videos,
            progress_on=errors,
        )
    finally:
        vision.executor().close()
        vision.decoding_process().close()
    return image_outcomes, video_outcomes


def _report(
    image_outcomes: Sequence[_ImageOutcome], video_outcomes: Sequence[VideoOutcome]
) -> None:
    """Say on standard error what was drawn, and what went wrong."""
    for outcome in image_outcomes:
        if outcome.error:
            errors.print(
                f"{shown(outcome.image)}: {shown(outcome.error)}", style="red", soft_wrap=True
            )
        elif outcome.annotated:
            errors.print(f"drawn: {shown(outcome.annotated)}", style="dim", soft_wrap=True)
    for video in video_outcomes:
        if video.annotated:
            errors.print(f"drawn: {shown(video.annotated)}", style="dim", soft_wrap=True)
        for note in notes_on_video(video):
            errors.print(f"{shown(video.video)}: {shown(note)}", style="red", soft_wrap=True)


async def _images(
    container: Container, images: Sequence[Path], targets: dict[Path, Path], settings: Settings
) -> list[_ImageOutcome]:
    image_outcomes = []
    with progress("Reading faces", len(images)) as advance:
        async for outcome in _analyse(container, images, targets, settings):
            image_outcomes.append(outcome)
            advance(len(image_outcomes))
    order = {image: number for number, image in enumerate(images)}
    image_outcomes.sort(key=lambda outcome: order[outcome.image])
    return image_outcomes


async def _analyse(
    container: Container, images: Sequence[Path], targets: dict[Path, Path], settings: Settings
) -> AsyncIterator[_ImageOutcome]:
    caller = Guest("guest:command-line", "local", datetime.now(UTC))  # never stored
    detect, annotator = container.detection().detect_emotions(), container.vision().annotator()
    slots = asyncio.Semaphore(settings.vision.threads)

    async def one(image: Path) -> _ImageOutcome:
        async with slots:
            try:
                data = await asyncio.to_thread(image.read_bytes)
                encoded = EncodedImage.of(data, image.name)
                detection = await detect.analyse(caller, encoded, Priority.BULK)
            except InvalidImage as error:
                is_foreign = error.details.get("reason") == "unsupported"
                videos_too = f"; of videos, {VIDEO_FORMATS_IN_WORDS}" if is_foreign else ""
                return _ImageOutcome(image, error=f"{error}{videos_too}")
            except (DomainError, ServiceUnavailable, OSError) as error:
                return _ImageOutcome(image, error=reason_of(error))
            target = targets.get(image)
            if target is None:
                return _ImageOutcome(image, detection)
            try:
                drawn = await annotator.annotate(
                    data, detection.faces, media_type=_DRAWN_TYPES[target.suffix.lower()]
                )
                await asyncio.to_thread(target.write_bytes, drawn)
            except FileNotFoundError:
                why = f"there is no folder {target.parent} to put {target.name} in"
                return _ImageOutcome(image, detection, error=why)
            except (DomainError, ServiceUnavailable, OSError) as error:
                why = f"no copy could be drawn at {target}: {reason_of(error)}"
                return _ImageOutcome(image, detection, error=why)
            return _ImageOutcome(image, detection, target)

    for finished in asyncio.as_completed([asyncio.create_task(one(image)) for image in images]):
        yield await finished


def _as_json(outcome: _ImageOutcome) -> dict[str, object]:
    if outcome.detection is None:
        return {"filename": str(outcome.image), "status": "error", "error": outcome.error}
    wire: dict[str, object] = msgspec.to_builtins(detections.present(outcome.detection))
    return {**wire, "filename": str(outcome.image), "status": "completed"}


def _as_table(image_outcomes: Sequence[_ImageOutcome]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("image", "face", "emotion", "score", "next", "box", "confidence"):
        # A name that is too long for the terminal is wrapped and not cut.
        table.add_column(
            heading,
            justify="right" if heading in ("face", "score") else "left",
            overflow="fold",
            no_wrap=False,
        )
    for outcome in image_outcomes:
        name = shown(outcome.image.name)
        if outcome.detection is None:
            table.add_row(name, "", Text("error", style="red"))
            continue
        if not outcome.detection.faces:
            table.add_row(name, "", Text("no face", style="dim"))
        for number, face in enumerate(outcome.detection.faces, start=1):
            (_, score), (second, second_score), *_ = face.reading.scores.ranked()
            box = face.detection.box
            doubt = "" if face.reading.reliable else " (unreliable)"
            table.add_row(
                name if number == 1 else "",
                str(number),
                Text.assemble(leading(face.reading.scores), (doubt, "dim")),
                percent(score),
                Text(f"{second} {percent(second_score)}", style="dim"),
                f"{box.x},{box.y} {box.width}x{box.height}",
                f"{face.detection.confidence:.2f}",
            )
    return table
