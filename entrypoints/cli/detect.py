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
from application.work.admission import Priority
from domain.detection import Detection
from domain.errors import DomainError, InvalidImage
from domain.formats import VIDEO_FORMATS_IN_WORDS
from domain.image import EncodedImage
from domain.user import Guest
from domain.wording import leading, percent
from entrypoints.cli import videos
from entrypoints.cli.console import console, errors, progress, shown
from entrypoints.cli.files import images_and_videos
from entrypoints.cli.outputs import IMAGE_COPIES, VIDEO_COPIES, outputs_of
from entrypoints.container import Container
from entrypoints.settings import Settings
from entrypoints.wire import detections

_DRAWN_TYPES = {suffix: each.media_type for each in ANNOTATED_FORMATS for suffix in each.suffixes}


@dataclass(frozen=True, slots=True)
class _Outcome:
    image: Path
    detection: Detection | None = None
    annotated: Path | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Outputs:
    """Where drawn copies and tables of frames go, by the file that each is made from."""

    drawn_images: dict[Path, Path]
    drawn_clips: dict[Path, Path]
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
    images, clips = await asyncio.to_thread(images_and_videos, paths)
    if not images and not clips:
        errors.print("no images or videos found there")
        return False
    if csv is not None and not clips:
        raise OSError("--csv is for the frames of videos, and there is no video among the files")
    outputs = _plan(images, clips, annotate=annotate, csv=csv)
    outcomes, filmed = await _analyse_all(settings, images, clips, outputs, every_s)
    if as_json:
        printed = [_as_json(outcome) for outcome in outcomes]
        print(json.dumps(printed + [videos.as_json(clip) for clip in filmed], indent=2))
    else:
        if images:
            console().print(_as_table(outcomes))
        if clips:
            console().print(videos.as_table(filmed))
    _report(outcomes, filmed)
    return all(o.error is None for o in outcomes) and all(o.error is None for o in filmed)


def _plan(
    images: Sequence[Path], clips: Sequence[Path], *, annotate: Path | None, csv: Path | None
) -> _Outputs:
    files = [*images, *clips]
    return _Outputs(
        drawn_images=outputs_of(
            "--annotate", annotate, images, ending=".jpg", suffixes=IMAGE_COPIES, among=files
        ),
        drawn_clips=outputs_of(
            "--annotate", annotate, clips, ending=".mp4", suffixes=VIDEO_COPIES, among=files
        ),
        tables=outputs_of("--csv", csv, clips, ending=".csv", among=clips),
    )


async def _analyse_all(
    settings: Settings,
    images: Sequence[Path],
    clips: Sequence[Path],
    outputs: _Outputs,
    every_s: float,
) -> tuple[list[_Outcome], list[videos.ClipOutcome]]:
    container = Container(settings=settings)
    vision = container.vision()
    try:
        outcomes = await _images(container, images, outputs.drawn_images, settings)
        filmed = await videos.analyse_clips(
            container.video().analyse_video(),
            clips,
            every_s=every_s,
            tables=outputs.tables,
            annotator=container.video().video_annotator(),
            copies=outputs.drawn_clips,
            progress_on=errors,
        )
    finally:
        vision.executor().close()
        vision.decoding_process().close()
    return outcomes, filmed


def _report(outcomes: Sequence[_Outcome], filmed: Sequence[videos.ClipOutcome]) -> None:
    """Say on standard error what was drawn, and what went wrong."""
    for outcome in outcomes:
        if outcome.error:
            errors.print(
                f"{shown(outcome.image)}: {shown(outcome.error)}", style="red", soft_wrap=True
            )
        elif outcome.annotated:
            errors.print(f"drawn: {shown(outcome.annotated)}", style="dim", soft_wrap=True)
    for clip in filmed:
        if clip.annotated:
            errors.print(f"drawn: {shown(clip.annotated)}", style="dim", soft_wrap=True)
        for note in videos.notes(clip):
            errors.print(f"{shown(clip.clip)}: {shown(note)}", style="red", soft_wrap=True)


async def _images(
    container: Container, images: Sequence[Path], targets: dict[Path, Path], settings: Settings
) -> list[_Outcome]:
    outcomes = []
    with progress("Reading faces", len(images)) as advance:
        async for outcome in _analyse(container, images, targets, settings):
            outcomes.append(outcome)
            advance(len(outcomes))
    order = {image: number for number, image in enumerate(images)}
    outcomes.sort(key=lambda outcome: order[outcome.image])
    return outcomes


async def _analyse(
    container: Container, images: Sequence[Path], targets: dict[Path, Path], settings: Settings
) -> AsyncIterator[_Outcome]:
    caller = Guest("guest:command-line", "local", datetime.now(UTC))  # never stored
    detect, annotator = container.detection().detect_emotions(), container.vision().annotator()
    slots = asyncio.Semaphore(settings.vision.threads)

    async def one(image: Path) -> _Outcome:
        async with slots:
            try:
                data = await asyncio.to_thread(image.read_bytes)
                encoded = EncodedImage.of(data, image.name)
                detection = await detect.analyse(caller, encoded, Priority.BULK)
            except InvalidImage as error:
                is_foreign = error.details.get("reason") == "unsupported"
                videos_too = f"; of videos, {VIDEO_FORMATS_IN_WORDS}" if is_foreign else ""
                return _Outcome(image, error=f"{error}{videos_too}")
            except (DomainError, ServiceUnavailable, OSError) as error:
                return _Outcome(image, error=_reason(error))
            target = targets.get(image)
            if target is None:
                return _Outcome(image, detection)
            try:
                drawn = await annotator.annotate(
                    data, detection.faces, media_type=_DRAWN_TYPES[target.suffix.lower()]
                )
                await asyncio.to_thread(target.write_bytes, drawn)
            except FileNotFoundError:
                why = f"there is no folder {target.parent} to put {target.name} in"
                return _Outcome(image, detection, error=why)
            except (DomainError, ServiceUnavailable, OSError) as error:
                why = f"no copy could be drawn at {target}: {_reason(error)}"
                return _Outcome(image, detection, error=why)
            return _Outcome(image, detection, target)

    for finished in asyncio.as_completed([asyncio.create_task(one(image)) for image in images]):
        yield await finished


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _as_json(outcome: _Outcome) -> dict[str, object]:
    if outcome.detection is None:
        return {"filename": str(outcome.image), "status": "error", "error": outcome.error}
    wire: dict[str, object] = msgspec.to_builtins(detections.present(outcome.detection))
    return {**wire, "filename": str(outcome.image), "status": "completed"}


def _as_table(outcomes: Sequence[_Outcome]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("image", "face", "emotion", "score", "next", "box", "confidence"):
        # A name that is too long for the terminal is wrapped and not cut.
        table.add_column(
            heading,
            justify="right" if heading in ("face", "score") else "left",
            overflow="fold",
            no_wrap=False,
        )
    for outcome in outcomes:
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
