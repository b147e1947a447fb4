"""``emotion-api detect``: analysing files without a server. Nothing is stored."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.table import Table
from rich.text import Text

from application.errors import ServiceUnavailable
from application.ports.image_annotator import ANNOTATED_FORMATS, ImageAnnotator
from application.use_cases.analyse_video import VideoSummary
from application.use_cases.detect_emotions import DetectEmotions
from application.work.priority import Priority
from domain.detection import Detection
from domain.errors import DomainError, InvalidImage
from domain.formats import VIDEO_FORMATS_IN_WORDS
from domain.image import EncodedImage
from domain.user import Guest
from domain.wording import leading, percent
from entrypoints.cli import tables
from entrypoints.cli.console import console, errors, progress, reason_of, shown
from entrypoints.cli.files import images_and_videos
from entrypoints.cli.outputs import (
    IMAGE_COPIES,
    VIDEO_COPIES,
    Outcome,
    names_among,
    outputs_of,
    refuse_to_overwrite,
)
from entrypoints.cli.videos import (
    analyse_videos,
    unreadable_in_words,
    video_as_json,
    videos_as_table,
)
from entrypoints.container import Container
from entrypoints.settings import Settings
from entrypoints.wire import detections

_DRAWN_TYPES = {suffix: each.media_type for each in ANNOTATED_FORMATS for suffix in each.suffixes}

_AnyOutcome = Outcome[Detection] | Outcome[VideoSummary]


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
        folders = ", ".join(map(shown, paths))
        errors.print(f"no images or videos in {folders}; folders within are left out", style="red")
        if as_json:
            print("[]")
        return False
    if csv is not None and not videos:
        raise OSError("--csv is for the frames of videos, and there is no video among the files")
    copies = outputs_of(
        "--annotate", annotate, images, ending=".jpg", suffixes=IMAGE_COPIES, among=images + videos
    ) | outputs_of(
        "--annotate", annotate, videos, ending=".mp4", suffixes=VIDEO_COPIES, among=images + videos
    )
    tables_of_frames = outputs_of("--csv", csv, videos, ending=".csv", among=videos)
    refuse_to_overwrite(images + videos, [*copies.values(), *tables_of_frames.values()])
    container = Container(settings=settings)
    image_outcomes: list[Outcome[Detection]] = []
    video_outcomes: list[Outcome[VideoSummary]] = []
    try:
        await _analyse_images(container, images, copies, image_outcomes)
        analysed = analyse_videos(
            container, videos, every_s=every_s, csv=tables_of_frames, copies=copies
        )
        async with aclosing(analysed):
            async for outcome in analysed:
                video_outcomes.append(outcome)  # noqa: PERF401 (kept when interrupted)
    except asyncio.CancelledError:
        _print(image_outcomes, video_outcomes, as_json=as_json)
        done, wanted = len(image_outcomes) + len(video_outcomes), len(images) + len(videos)
        errors.print(f"interrupted: {done} of {wanted} files are finished", style="red")
        raise
    finally:
        container.vision().executor().close()
        container.vision().decoding_process().close()
    _print(image_outcomes, video_outcomes, as_json=as_json)
    outcomes: list[_AnyOutcome] = [*image_outcomes, *video_outcomes]
    return all(outcome.error is None for outcome in outcomes)


def _print(
    image_outcomes: Sequence[Outcome[Detection]],
    video_outcomes: Sequence[Outcome[VideoSummary]],
    *,
    as_json: bool,
) -> None:
    if as_json:
        printed = [_as_json(outcome) for outcome in image_outcomes]
        print(json.dumps(printed + [video_as_json(each) for each in video_outcomes], indent=2))
    else:
        if image_outcomes:
            console().print(_as_table(image_outcomes))
        if video_outcomes:
            console().print(videos_as_table(video_outcomes))
    outcomes: list[_AnyOutcome] = [*image_outcomes, *video_outcomes]
    for outcome in outcomes:
        _report(outcome)


def _report(outcome: _AnyOutcome) -> None:
    """Say on standard error what was drawn, and what went wrong."""
    if outcome.copy:
        errors.print(f"drawn: {shown(outcome.copy)}", style="dim", soft_wrap=True)
    notes = [outcome.error] if outcome.error else []
    if isinstance(outcome.found, VideoSummary):
        notes += map(unreadable_in_words, outcome.found.unreadable_parts)
    for note in notes:
        errors.print(f"{shown(outcome.file)}: {shown(note)}", style="red", soft_wrap=True)


async def _analyse_images(
    container: Container,
    images: Sequence[Path],
    copies: Mapping[Path, Path],
    outcomes: list[Outcome[Detection]],
) -> None:
    """Analyse images, several at a time; adds their outcomes in order, also if it is cancelled."""
    detect, annotator = container.detection().detect_emotions(), container.vision().annotator()
    slots = asyncio.Semaphore(container.settings().vision.threads)
    done: dict[Path, Outcome[Detection]] = {}
    with progress("Reading faces", len(images)) as advance:

        async def one(image: Path) -> None:
            async with slots:
                done[image] = await _analyse(detect, annotator, image, copies.get(image))
            advance(len(done))

        try:
            await asyncio.gather(*map(one, images))
        finally:
            outcomes += [done[image] for image in images if image in done]


async def _analyse(
    detect: DetectEmotions, annotator: ImageAnnotator, image: Path, copy: Path | None
) -> Outcome[Detection]:
    caller = Guest("guest:command-line", "local", datetime.now(UTC))  # never stored
    try:
        data = await asyncio.to_thread(image.read_bytes)
        encoded = EncodedImage.of(data, image.name)
        detection = await detect.analyse(caller, encoded, Priority.BULK)
    except InvalidImage as error:
        is_foreign = error.details.get("reason") == "unsupported"
        videos_too = f"; of videos, {VIDEO_FORMATS_IN_WORDS}" if is_foreign else ""
        return Outcome(image, error=f"{error}{videos_too}")
    except (DomainError, ServiceUnavailable, OSError) as error:
        return Outcome(image, error=reason_of(error))
    if copy is None:
        return Outcome(image, detection)
    try:
        media_type = _DRAWN_TYPES[copy.suffix.lower()]
        drawn = await annotator.annotate(data, detection.faces, media_type=media_type)
        await asyncio.to_thread(copy.write_bytes, drawn)
    except FileNotFoundError:
        why = f"there is no folder {copy.parent} to put {copy.name} in"
        return Outcome(image, detection, error=why)
    except (DomainError, ServiceUnavailable, OSError) as error:
        why = f"no copy could be drawn at {copy}: {reason_of(error)}"
        return Outcome(image, detection, error=why)
    return Outcome(image, detection, copy)


def _as_json(outcome: Outcome[Detection]) -> dict[str, object]:
    if outcome.found is None:
        return {"filename": str(outcome.file), "status": "error", "error": outcome.error}
    wire: dict[str, object] = msgspec.to_builtins(detections.present(outcome.found))
    return {**wire, "filename": str(outcome.file), "status": "completed"}


def _as_table(image_outcomes: Sequence[Outcome[Detection]]) -> Table:
    headings = ("image", "face", "emotion", "score", "next", "box", "confidence")
    # A name that is too long for the terminal is wrapped and not cut.
    table = tables.columns(*headings, right=("face", "score"), overflow="fold")
    names = names_among([outcome.file for outcome in image_outcomes])
    for outcome in image_outcomes:
        name = shown(names[outcome.file])
        if outcome.found is None:
            table.add_row(name, "", Text("error", style="red"))
            continue
        if not outcome.found.faces:
            table.add_row(name, "", Text("no face", style="dim"))
        for number, face in enumerate(outcome.found.faces, start=1):
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
